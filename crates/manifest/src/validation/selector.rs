//! Label selectors: their form, and whether they match.

use super::read::{entries, list, text, texts};
use super::{Faults, metadata, names};
use serde_json::Value;

/// Checks a selector's form; answers whether it is sound.
pub(crate) fn check(faults: &mut Faults, selector: &Value, path: &str) -> bool {
    let mut found = Faults::default();
    metadata::labels(&mut found, &entries(selector, "matchLabels"), &format!("{path}.matchLabels"));
    for (index, requirement) in list(selector, "matchExpressions").iter().enumerate() {
        expression(&mut found, requirement, &format!("{path}.matchExpressions[{index}]"));
    }
    let sound = found.is_empty();
    faults.append(found);
    sound
}

/// Checks one of the operators that all selectors have, and whether there are values if it takes some.
pub(super) fn operator(faults: &mut Faults, operator: &str, values: &[&str], path: &str) {
    let place = format!("{path}.values");
    match (operator, values.is_empty()) {
        ("In" | "NotIn", true) => faults.required(&place, "must be specified when `operator` is 'In' or 'NotIn'"),
        ("Exists" | "DoesNotExist", false) => {
            faults.forbidden(&place, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
        (other, _) => faults.invalid_text(&format!("{path}.operator"), other, "not a valid selector operator"),
    }
}

fn expression(faults: &mut Faults, requirement: &Value, path: &str) {
    let values = texts(requirement, "values");
    operator(faults, text(requirement, "operator"), &values, path);
    let key = text(requirement, "key");
    faults.invalid_texts(&format!("{path}.key"), key, &names::qualified(key));
    for (index, value) in values.into_iter().enumerate() {
        faults.invalid_texts(&format!("{path}.values[{index}]"), value, &names::label_value(value));
    }
}

/// Whether a selector asks for nothing and so matches everything.
pub(crate) fn is_empty(selector: &Value) -> bool {
    entries(selector, "matchLabels").is_empty() && list(selector, "matchExpressions").is_empty()
}

/// Whether a sound selector matches labels.
pub(crate) fn matches(selector: &Value, labels: &[(&str, &str)]) -> bool {
    let value = |key: &str| labels.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
    entries(selector, "matchLabels").into_iter().all(|(key, wanted)| value(key) == Some(wanted))
        && list(selector, "matchExpressions").iter().all(|requirement| {
            let found = value(text(requirement, "key"));
            let among = found.is_some_and(|found| texts(requirement, "values").contains(&found));
            match text(requirement, "operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

/// A selector as messages show it: compact JSON in the order of the Go type.
pub(crate) fn shown(selector: &Value) -> String {
    let mut parts = Vec::new();
    if !entries(selector, "matchLabels").is_empty() {
        parts.push(format!("\"matchLabels\":{}", shown_labels(&entries(selector, "matchLabels"))));
    }
    let expressions: Vec<String> = list(selector, "matchExpressions")
        .iter()
        .map(|requirement| {
            let values = texts(requirement, "values");
            let values = if values.is_empty() { String::new() } else { format!(",\"values\":{}", Value::from(values)) };
            let (key, operator) = (Value::from(text(requirement, "key")), Value::from(text(requirement, "operator")));
            format!("{{\"key\":{key},\"operator\":{operator}{values}}}")
        })
        .collect();
    if !expressions.is_empty() {
        parts.push(format!("\"matchExpressions\":[{}]", expressions.join(",")));
    }
    format!("{{{}}}", parts.join(","))
}

/// Labels as messages show them.
pub(crate) fn shown_labels(labels: &[(&str, &str)]) -> String {
    let entries: Vec<String> =
        labels.iter().map(|(key, value)| format!("{}:{}", Value::from(*key), Value::from(*value))).collect();
    format!("{{{}}}", entries.join(","))
}
