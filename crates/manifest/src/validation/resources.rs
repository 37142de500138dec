//! Resource requests and limits.

use super::read::entries;
use super::{Faults, names};
use core::cmp::Ordering;
use serde_json::Value;
use wavetank_model::Quantity;

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
    let Ok(number) = Quantity::parse(quantity) else { return };
    if number.signum() < 0 {
        faults.invalid_text(path, quantity, "must be greater than or equal to 0");
    }
    if is_extended(name) && !number.rounded_up(0).1 {
        faults.invalid_text(path, quantity, "must be an integer");
    }
    if let Some(Ok(page)) = name.strip_prefix("hugepages-").map(Quantity::parse) {
        let whole = number.rounded_up(0).1;
        let fits = page.value() > 0 && whole && number.value() % page.value() == 0;
        if !fits {
            let detail = format!("{quantity} is not positive integer multiple of {name}");
            faults.invalid_text(path, quantity, &detail);
        }
    }
}

/// Orders two quantities by value; what is none counts as zero.
fn order(left: &str, right: &str) -> Ordering {
    let read = |text: &str| Quantity::parse(text).unwrap_or_default();
    read(left).cmp(&read(right))
}
