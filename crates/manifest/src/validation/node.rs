//! Nodes.

use super::read::{list, text, texts};
use super::{Faults, names};
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks the spec of a Node.
pub(crate) fn spec(faults: &mut Faults, spec: &Value) {
    let mut seen = BTreeSet::new();
    for (index, taint) in list(spec, "taints").iter().enumerate() {
        let path = format!("spec.taints[{index}]");
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        faults.invalid_texts(&format!("{path}.key"), key, &names::qualified(key));
        faults.invalid_texts(&format!("{path}.value"), value, &names::label_value(value));
        let effect_path = format!("{path}.effect");
        faults.required_one_of(&effect_path, effect, &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
        if !seen.insert((key, effect)) {
            let shown = format!("{key}={value}:{effect}");
            faults.duplicate(&path, &shown);
        }
    }
    for (index, range) in texts(spec, "podCIDRs").into_iter().enumerate() {
        if let Some(detail) = names::range(range) {
            faults.invalid_text(&format!("spec.podCIDRs[{index}]"), range, detail);
        }
    }
}
