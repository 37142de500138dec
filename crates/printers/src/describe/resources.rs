//! Requests and limits: of one container, and of pods in sum.

use super::page::Page;
use crate::field::{Field, plain};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_model::{Quantity, go_text};

/// Amounts by the name of the resource.
pub(super) type Amounts = BTreeMap<Arc<str>, Quantity>;

/// Adds the limits and requests of a container.
pub(super) fn requirements(page: &mut Page, resources: Option<&Value>, level: usize) {
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
        let amounts = amounts(resources.and_then(|resources| resources.at(&[key])));
        if amounts.is_empty() {
            continue;
        }
        page.line(level, &format!("{title}:"));
        for (name, amount) in &amounts {
            page.entry(level + 1, name, &amount.to_string());
        }
    }
}

/// Quantities by name; what is none counts as zero.
pub(super) fn amounts(list: Option<&Value>) -> Amounts {
    let entries = list.map(go_text::sorted).unwrap_or_default();
    let amount = |value| Quantity::parse(&plain(Some(value))).unwrap_or_default();
    entries.into_iter().map(|(name, value)| (name.into(), amount(value))).collect()
}

/// Adds amounts to others.
pub(super) fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let total = sum.get(name).map_or_else(|| amount.clone(), |sum| sum.plus(amount));
        sum.insert(name.clone(), total);
    }
}

fn raise(most: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        if most.get(name).is_none_or(|most| amount > most) {
            most.insert(name.clone(), amount.clone());
        }
    }
}

/// What a pod asks for (`requests`) or may use (`limits`).
///
/// Containers run together and add up; init containers run one by one, each beside the sidecars started before
/// it, so the greatest of them counts.
pub(super) fn of_pod(pod: &Value, list: &str) -> Amounts {
    let of = |container: &Value| amounts(container.at(&["resources", list]));
    let mut sum = Amounts::new();
    for container in pod.items(&["spec", "containers"]) {
        add(&mut sum, &of(container));
    }
    let (mut sidecars, mut most) = (Amounts::new(), Amounts::new());
    for container in pod.items(&["spec", "initContainers"]) {
        let own = of(container);
        let mut together = own.clone();
        add(&mut together, &sidecars);
        if container.text(&["restartPolicy"]) == "Always" {
            add(&mut sidecars, &own);
            add(&mut sum, &own);
        }
        raise(&mut most, &together);
    }
    raise(&mut sum, &most);
    for (name, overhead) in amounts(pod.at(&["spec", "overhead"])) {
        // Overhead limits only what is limited already.
        match sum.get(&name).cloned() {
            Some(amount) => sum.insert(name, amount.plus(&overhead)),
            None if list == "requests" => sum.insert(name, overhead),
            None => None,
        };
    }
    sum
}
