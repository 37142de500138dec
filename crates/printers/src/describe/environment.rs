//! The environment of containers: values, and where values come from.

use super::containers::Shift;
use super::page::Page;
use crate::field::Field;
use serde_json::Value;
use wavetank_model::Quantity;
use wavetank_model::strconv::quote;

/// Adds what is taken in whole from ConfigMaps and Secrets, if there is anything.
pub(super) fn environment_from(page: &mut Page, sources: &[Value]) {
    if sources.is_empty() {
        return;
    }
    page.line(2, "Environment Variables from:");
    for source in sources {
        let (kind, found) = match (source.at(&["configMapRef"]), source.at(&["secretRef"])) {
            (Some(map), _) => ("ConfigMap", Some(map)),
            (None, secret) => (if secret.is_some() { "Secret" } else { "" }, secret),
        };
        let name = found.map_or("", |found| found.text(&["name"]));
        let optional = found.is_some_and(|found| found.flag(&["optional"]));
        let prefix = match source.text(&["prefix"]) {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        page.line(3, &format!("{name}\t{kind}{prefix}\tOptional: {optional}"));
    }
}

/// Adds the variables of a container.
pub(super) fn environment(page: &mut Page, container: &Value, shift: Shift<'_>) {
    let variables = container.items(&["env"]);
    page.line(2, if variables.is_empty() { "Environment:\t<none>" } else { "Environment:" });
    for variable in variables {
        let name = variable.text(&["name"]);
        match variable.at(&["valueFrom"]) {
            Some(from) => {
                if let Some(text) = reference(from, container, shift) {
                    page.entry(3, name, &text);
                }
            }
            None => {
                let mut lines = variable.text(&["value"]).split('\n');
                page.entry(3, name, lines.next().unwrap_or_default());
                for line in lines {
                    page.line(3, &format!("\t{line}"));
                }
            }
        }
    }
}

/// Where a value comes from, and the value if the pod tells it.
fn reference(from: &Value, container: &Value, shift: Shift<'_>) -> Option<String> {
    if let Some(field) = from.at(&["fieldRef"]) {
        let path = field.text(&["fieldPath"]);
        let value = shift.pod().map(|pod| field_value(pod, path)).unwrap_or_default();
        return Some(format!("{value} ({}:{path})", field.text(&["apiVersion"])));
    }
    if let Some(resource) = from.at(&["resourceFieldRef"]) {
        let name = resource.text(&["resource"]);
        let value = resource_value(resource, container);
        let value = match (value.as_str(), name) {
            ("0", "limits.cpu" | "limits.memory") => "node allocatable",
            (value, _) => value,
        };
        return Some(format!("{value} ({name})"));
    }
    let key = |source: &Value| (source.text(&["key"]).to_owned(), source.text(&["name"]).to_owned());
    if let Some(secret) = from.at(&["secretKeyRef"]) {
        let (key, name) = key(secret);
        let optional = secret.flag(&["optional"]);
        return Some(format!("<set to the key '{key}' in secret '{name}'>\tOptional: {optional}"));
    }
    let map = from.at(&["configMapKeyRef"])?;
    let (key, name) = key(map);
    let optional = map.flag(&["optional"]);
    Some(format!("<set to the key '{key}' of config map '{name}'>\tOptional: {optional}"))
}

/// The value of a field of a pod that variables may refer to.
fn field_value(pod: &Value, path: &str) -> String {
    let subscript = |map: &str| path.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']").map(str::to_owned);
    for map in ["annotations", "labels"] {
        if let Some(key) = subscript(&format!("metadata.{map}")) {
            return pod.text(&["metadata", map, &key]).into();
        }
    }
    match path {
        "metadata.annotations" | "metadata.labels" => {
            let map = path.trim_start_matches("metadata.");
            let pairs = pod.entries(&["metadata", map]);
            let pairs = pairs.iter().map(|(key, value)| format!("{key}={}", quote(value.as_str().unwrap_or_default())));
            pairs.collect::<Vec<_>>().join("\n")
        }
        "metadata.name"
        | "metadata.namespace"
        | "metadata.uid"
        | "spec.nodeName"
        | "spec.serviceAccountName"
        | "status.hostIP"
        | "status.podIP" => pod.text(&path.split('.').collect::<Vec<_>>()).into(),
        _ => String::new(),
    }
}

/// The limit or request of a container that a variable refers to, in units of its divisor.
fn resource_value(reference: &Value, container: &Value) -> String {
    let Some((list, name)) = reference.text(&["resource"]).split_once('.') else { return String::new() };
    let quantity = |text: &str| Quantity::parse(text).unwrap_or_default();
    let amount = quantity(container.text(&["resources", list, name]));
    let divisor = match reference.at(&["divisor"]) {
        Some(divisor) => quantity(&crate::field::plain(Some(divisor))),
        None => Quantity::default(),
    };
    // Shares of a processor are counted in thousandths; no divisor means one.
    let (amount, divisor) = match name {
        "cpu" => (amount.milli_value(), if divisor.is_zero() { 1000 } else { divisor.milli_value() }),
        _ => (amount.value(), if divisor.is_zero() { 1 } else { divisor.value() }),
    };
    match amount.checked_rem(divisor) {
        Some(rest) => amount.saturating_div(divisor).saturating_add(i64::from(rest > 0)).to_string(),
        None => String::new(),
    }
}
