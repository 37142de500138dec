//! Resource requests and limits.

use super::read::entries;
use super::{Faults, names};
use crate::go_quantity::GoQuantity;
use core::cmp::Ordering;
use serde_json::Value;

const FOR_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_huge(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.")
}

/// Checks the resources of a container.
pub(crate) fn check(faults: &mut Faults, resources: &Value, path: &str) {
    let limits = entries(resources, "limits");
    let requests = entries(resources, "requests");
    for (name, quantity) in &limits {
        amount(faults, name, quantity, &format!("{path}.limits[{name}]"));
    }
    for (name, quantity) in &requests {
        amount(faults, name, quantity, &format!("{path}.requests[{name}]"));
        let limit = limits.iter().find(|(known, _)| known == name).map(|(_, limit)| *limit);
        let exact = is_extended(name) || is_huge(name);
        let relation = match limit {
            Some(limit) if exact && order(quantity, limit) != Ordering::Equal => "equal to",
            Some(limit) if !exact && order(quantity, limit) == Ordering::Greater => "less than or equal to",
            None if exact => {
                faults.required(&format!("{path}.limits"), "Limit must be set for non overcommitable resources");
                continue;
            }
            Some(_) | None => continue,
        };
        let detail = format!("must be {relation} {name} limit of {}", limit.unwrap_or_default());
        faults.invalid_text(&format!("{path}.requests"), quantity, &detail);
    }
}

fn amount(faults: &mut Faults, name: &str, quantity: &str, path: &str) {
    faults.invalid_texts(path, name, &names::qualified(name));
    if !name.contains('/') && !FOR_CONTAINERS.contains(&name) && !is_huge(name) {
        if !["storage", "pods", "services"].contains(&name) {
            faults.invalid_text(path, name, "must be a standard resource type or fully qualified");
        }
        faults.invalid_text(path, name, "must be a standard resource for containers");
    } else if is_extended(name) && !names::qualified(&format!("requests.{name}")).is_empty() {
        faults.invalid_text(path, name, "doesn't follow extended resource name standard");
    }
    let Some(number) = GoQuantity::parse(quantity) else { return };
    let (digits, exponent) = number.normal();
    if digits < 0 {
        faults.invalid_text(path, quantity, "must be greater than or equal to 0");
    }
    if is_extended(name) && exponent < 0 {
        faults.invalid_text(path, quantity, "must be an integer");
    }
    if let Some(page) = name.strip_prefix("hugepages-").and_then(GoQuantity::parse) {
        let (whole, page) = (bytes(&number), bytes(&page));
        let fits = matches!((whole, page), (Some(whole), Some(page)) if page > 0 && whole % page == 0);
        if !fits {
            let detail = format!("{quantity} is not positive integer multiple of {name}");
            faults.invalid_text(path, quantity, &detail);
        }
    }
}

fn bytes(quantity: &GoQuantity) -> Option<i128> {
    let (digits, exponent) = quantity.normal();
    digits.checked_mul(10_i128.checked_pow(u32::try_from(exponent).ok()?)?)
}

/// Orders two quantities by value; what is none counts as zero.
fn order(left: &str, right: &str) -> Ordering {
    let normal = |text: &str| GoQuantity::parse(text).map_or((0, 0), |quantity| quantity.normal());
    let ((left, left_exponent), (right, right_exponent)) = (normal(left), normal(right));
    let lowest = left_exponent.min(right_exponent);
    let scaled = |digits: i128, exponent: i32| {
        let power = u32::try_from(exponent - lowest).ok().and_then(|power| 10_i128.checked_pow(power));
        power.and_then(|power| digits.checked_mul(power)).unwrap_or(if digits < 0 { i128::MIN } else { i128::MAX })
    };
    scaled(left, left_exponent).cmp(&scaled(right, right_exponent))
}
