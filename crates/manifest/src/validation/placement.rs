//! Where a pod may run: tolerations, affinity, spreading, gates.

use super::faults::quoted;
use super::read::{child, list, number, text, texts};
use super::{Faults, names, selector};
use serde_json::Value;
use std::collections::BTreeSet;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Checks tolerations.
pub(crate) fn tolerations(faults: &mut Faults, spec: &Value, path: &str) {
    for (index, toleration) in list(spec, "tolerations").iter().enumerate() {
        let path = format!("{path}.tolerations[{index}]");
        let (key, operator, value) = (text(toleration, "key"), text(toleration, "operator"), text(toleration, "value"));
        if !key.is_empty() {
            faults.invalid_texts(&format!("{path}.key"), key, &names::qualified(key));
        }
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            faults.invalid_text(&format!("{path}.operator"), operator, detail);
        }
        let effect = text(toleration, "effect");
        if number(toleration, "tolerationSeconds").is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            faults.invalid_text(&format!("{path}.effect"), effect, detail);
        }
        match operator {
            "Equal" | "" => faults.invalid_texts(&format!("{path}.operator"), value, &names::label_value(value)),
            "Exists" => {
                if !value.is_empty() {
                    let detail = "value must be empty when `operator` is 'Exists'";
                    faults.invalid_text(&format!("{path}.operator"), value, detail);
                }
            }
            other => faults.one_of(&format!("{path}.operator"), other, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            let known = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
            faults.one_of(&format!("{path}.effect"), effect, &known);
        }
    }
}

/// Checks affinity, to nodes and to other pods.
pub(crate) fn affinity(faults: &mut Faults, spec: &Value, path: &str) {
    let Some(affinity) = child(spec, "affinity") else { return };
    if let Some(to_nodes) = child(affinity, "nodeAffinity") {
        node_affinity(faults, to_nodes, &format!("{path}.affinity.nodeAffinity"));
    }
    for key in ["podAffinity", "podAntiAffinity"] {
        let Some(to_pods) = child(affinity, key) else { continue };
        let path = format!("{path}.affinity.{key}");
        for (index, term) in list(to_pods, REQUIRED).iter().enumerate() {
            pod_term(faults, term, &format!("{path}.{REQUIRED}[{index}]"));
        }
        for (index, preferred) in list(to_pods, PREFERRED).iter().enumerate() {
            let path = format!("{path}.{PREFERRED}[{index}]");
            weight(faults, preferred, &path);
            pod_term(faults, &preferred["podAffinityTerm"], &format!("{path}.podAffinityTerm"));
        }
    }
}

fn weight(faults: &mut Faults, preferred: &Value, path: &str) {
    let weight = number(preferred, "weight").unwrap_or_default();
    if !(1..=100).contains(&weight) {
        faults.invalid(&format!("{path}.weight"), &weight.to_string(), "must be in the range 1-100");
    }
}

fn pod_term(faults: &mut Faults, term: &Value, path: &str) {
    for key in ["labelSelector", "namespaceSelector"] {
        if let Some(wanted) = child(term, key) {
            selector::check(faults, wanted, &format!("{path}.{key}"));
        }
    }
    for name in texts(term, "namespaces") {
        faults.invalid_texts(&format!("{path}.namespace"), name, &names::label(name));
    }
    let key = text(term, "topologyKey");
    let path = format!("{path}.topologyKey");
    if key.is_empty() {
        faults.required(&path, "can not be empty");
    }
    faults.invalid_texts(&path, key, &names::qualified(key));
}

fn node_affinity(faults: &mut Faults, affinity: &Value, path: &str) {
    if let Some(required) = child(affinity, REQUIRED) {
        let path = format!("{path}.{REQUIRED}.nodeSelectorTerms");
        let terms = list(required, "nodeSelectorTerms");
        if terms.is_empty() {
            faults.required(&path, "must have at least one node selector term");
        }
        for (index, term) in terms.iter().enumerate() {
            node_term(faults, term, &format!("{path}[{index}]"));
        }
    }
    for (index, preferred) in list(affinity, PREFERRED).iter().enumerate() {
        let path = format!("{path}.{PREFERRED}[{index}]");
        weight(faults, preferred, &path);
        node_term(faults, &preferred["preference"], &format!("{path}.preference"));
    }
}

fn node_term(faults: &mut Faults, term: &Value, path: &str) {
    for (index, requirement) in list(term, "matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let values = texts(requirement, "values");
        match text(requirement, "operator") {
            "Gt" | "Lt" => {
                if values.len() != 1 {
                    let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                    faults.required(&format!("{path}.values"), detail);
                }
            }
            other => selector::operator(faults, other, &values, &path),
        }
        let key = text(requirement, "key");
        faults.invalid_texts(&format!("{path}.key"), key, &names::qualified(key));
    }
}

/// Checks topology spread constraints.
pub(crate) fn spreading(faults: &mut Faults, spec: &Value, path: &str) {
    let constraints = list(spec, "topologySpreadConstraints");
    for (index, constraint) in constraints.iter().enumerate() {
        let path = format!("{path}.topologySpreadConstraints[{index}]");
        let skew = number(constraint, "maxSkew").unwrap_or_default();
        if skew <= 0 {
            faults.invalid(&format!("{path}.maxSkew"), &skew.to_string(), "must be greater than zero");
        }
        let key = text(constraint, "topologyKey");
        if key.is_empty() {
            faults.required(&format!("{path}.topologyKey"), "can not be empty");
        } else {
            faults.invalid_texts(&format!("{path}.topologyKey"), key, &names::qualified(key));
        }
        let action = text(constraint, "whenUnsatisfiable");
        faults.one_of(&format!("{path}.whenUnsatisfiable"), action, &["DoNotSchedule", "ScheduleAnyway"]);
        let repeats = |other: &Value| text(other, "topologyKey") == key && text(other, "whenUnsatisfiable") == action;
        if constraints.iter().skip(index + 1).any(repeats) {
            let shown = format!("{{{key}, {action}}}");
            faults.duplicate(&format!("{path}.{{topologyKey, whenUnsatisfiable}}"), &shown);
        }
        for key in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if let Some(policy) = constraint.get(key).and_then(Value::as_str) {
                faults.one_of(&format!("{path}.{key}"), policy, &["Honor", "Ignore"]);
            }
        }
        if let Some(wanted) = child(constraint, "labelSelector") {
            selector::check(faults, wanted, &format!("{path}.labelSelector"));
        } else if !list(constraint, "matchLabelKeys").is_empty() {
            let detail = "must not be specified when labelSelector is not set";
            faults.forbidden(&format!("{path}.matchLabelKeys"), detail);
        }
        if let Some(domains) = number(constraint, "minDomains") {
            let path = format!("{path}.minDomains");
            if domains <= 0 {
                faults.invalid(&path, &domains.to_string(), "must be greater than 0");
            }
            if action != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                faults.invalid(&path, &domains.to_string(), &detail);
            }
        }
    }
}

/// Checks scheduling gates, which a pod that is bound cannot have.
pub(crate) fn gates(faults: &mut Faults, spec: &Value, path: &str) {
    let gates = list(spec, "schedulingGates");
    let mut seen = BTreeSet::new();
    for (index, gate) in gates.iter().enumerate() {
        let name = text(gate, "name");
        let path = format!("{path}.schedulingGates[{index}]");
        faults.invalid_texts(&path, name, &names::qualified(name));
        if !seen.insert(name) {
            faults.duplicate(&path, name);
        }
    }
    if !gates.is_empty() && !text(spec, "nodeName").is_empty() {
        faults.forbidden(&format!("{path}.nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
    if let Some(os) = child(spec, "os") {
        let name = text(os, "name");
        if name.is_empty() {
            faults.required(&format!("{path}.os.name"), "cannot be empty");
        } else if !["linux", "windows"].contains(&name) {
            faults.unsupported(&format!("{path}.os"), &quoted(name), &["linux", "windows"]);
        }
    }
}
