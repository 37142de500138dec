//! PodDisruptionBudgets.

use super::read::child;
use super::workload::{at_most_all, count_or_percentage};
use super::{Faults, go_shown, selector};
use serde_json::Value;

/// Checks the spec of a budget.
pub(crate) fn spec(faults: &mut Faults, spec: &Value) {
    let bound = |key: &str| spec.get(key).filter(|value| !value.is_null());
    if bound("minAvailable").is_some() && bound("maxUnavailable").is_some() {
        let shown = go_shown::shown("policy/v1.PodDisruptionBudgetSpec", spec);
        faults.invalid("spec", &shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for key in ["minAvailable", "maxUnavailable"] {
        if let Some(value) = bound(key) {
            count_or_percentage(faults, value, &format!("spec.{key}"));
            at_most_all(faults, value, &format!("spec.{key}"));
        }
    }
    if let Some(wanted) = child(spec, "selector") {
        selector::check(faults, wanted, "spec.selector");
    }
    if let Some(policy) = spec.get("unhealthyPodEvictionPolicy").and_then(Value::as_str) {
        faults.one_of("spec.unhealthyPodEvictionPolicy", policy, &["AlwaysAllow", "IfHealthyBudget"]);
    }
}
