//! Environment variables and where their values come from.

use super::read::{child, list, text};
use super::{Faults, names};
use serde_json::Value;
use wavetank_model::Quantity;

/// Fields of a pod that a variable may show.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields that are known but may not be shown by a variable.
const OTHER_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];

/// Checks `env`.
pub(crate) fn variables(faults: &mut Faults, container: &Value, path: &str) {
    for (index, variable) in list(container, "env").iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = text(variable, "name");
        if name.is_empty() {
            faults.required(&format!("{path}.name"), "");
        } else {
            faults.invalid_texts(&format!("{path}.name"), name, &names::environment_variable(name));
        }
        if let Some(source) = child(variable, "valueFrom") {
            value_source(faults, source, &format!("{path}.valueFrom"), text(variable, "value"));
        }
    }
}

fn value_source(faults: &mut Faults, source: &Value, path: &str, value: &str) {
    let mut count = 0;
    if let Some(field) = child(source, "fieldRef") {
        count += 1;
        field_reference(faults, field, &format!("{path}.fieldRef"), &FIELDS);
    }
    if let Some(resource) = child(source, "resourceFieldRef") {
        count += 1;
        resource_reference(faults, resource, &format!("{path}.resourceFieldRef"));
    }
    for key in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(reference) = child(source, key) {
            count += 1;
            key_reference(faults, reference, &format!("{path}.{key}"));
        }
    }
    if child(source, "fileKeyRef").is_some() {
        count += 1;
    }
    if count > 0 && !value.is_empty() {
        faults.invalid_text(path, "", "may not be specified when `value` is not empty");
    } else if count > 1 {
        faults.invalid_text(path, "", "may not have more than one field specified at a time");
    } else if count == 0 {
        let detail =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        faults.invalid_text(path, "", detail);
    }
}

/// Checks a reference to a field of the pod itself.
pub(crate) fn field_reference(faults: &mut Faults, field: &Value, path: &str, known: &[&str]) {
    let version = text(field, "apiVersion");
    if version.is_empty() {
        faults.required(&format!("{path}.apiVersion"), "");
        return;
    }
    let field_path = text(field, "fieldPath");
    let path = format!("{path}.fieldPath");
    if field_path.is_empty() {
        faults.required(&path, "");
        return;
    }
    if version != "v1" {
        let detail = format!("error converting fieldPath: unsupported pod version: {version}");
        faults.invalid_text(&path, field_path, &detail);
        return;
    }
    if let Some((map, key)) = field_path.strip_suffix("']").and_then(|rest| rest.split_once("['")) {
        if map == "metadata.annotations" || map == "metadata.labels" {
            faults.invalid_texts(&path, key, &names::qualified(&key.to_lowercase()));
        } else {
            faults.invalid_text(&path, field_path, "does not support subscript");
        }
    } else if !FIELDS.contains(&field_path) && !OTHER_FIELDS.contains(&field_path) {
        let detail = format!("error converting fieldPath: field label not supported: {field_path}");
        faults.invalid_text(&path, field_path, &detail);
    } else {
        faults.one_of(&path, field_path, known);
    }
}

fn resource_reference(faults: &mut Faults, reference: &Value, path: &str) {
    let resource = text(reference, "resource");
    if resource.is_empty() {
        faults.required(&format!("{path}.resource"), "");
        return;
    }
    let divisor = Quantity::parse(text(reference, "divisor")).map(|quantity| quantity.to_string());
    let divisor = divisor.as_deref().unwrap_or("0");
    if resource.ends_with(".cpu") && !["0", "1", "1m"].contains(&divisor) {
        let detail = "only divisor's values 1m and 1 are supported with the cpu resource";
        faults.invalid_text(&format!("{path}.divisor"), resource, detail);
    }
}

fn key_reference(faults: &mut Faults, reference: &Value, path: &str) {
    let name = text(reference, "name");
    faults.invalid_texts(&format!("{path}.name"), name, &names::subdomain(name));
    let key = text(reference, "key");
    if key.is_empty() {
        faults.required(&format!("{path}.key"), "");
    } else {
        faults.invalid_texts(&format!("{path}.key"), key, &names::config_key(key));
    }
}

/// Checks `envFrom`.
pub(crate) fn sources(faults: &mut Faults, container: &Value, path: &str) {
    for (index, source) in list(container, "envFrom").iter().enumerate() {
        let item = format!("{path}[{index}]");
        let prefix = text(source, "prefix");
        faults.invalid_texts(&format!("{item}.prefix"), prefix, &names::environment_variable(prefix));
        let mut count = 0;
        for key in ["configMapRef", "secretRef"] {
            let Some(reference) = child(source, key) else { continue };
            count += 1;
            match text(reference, "name") {
                "" => faults.required(&format!("{item}.{key}.name"), ""),
                name => faults.invalid_texts(&format!("{item}.{key}.name"), name, &names::subdomain(name)),
            }
        }
        if count == 0 {
            faults.invalid_text(path, "", "must specify one of: `configMapRef` or `secretRef`");
        } else if count > 1 {
            faults.invalid_text(path, "", "may not have more than one field specified at a time");
        }
    }
}
