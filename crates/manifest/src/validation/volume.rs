//! Volumes.

use super::container::local_path;
use super::read::{child, list, number, text};
use super::{Faults, environment, names};
use crate::go_quantity::GoQuantity;
use serde_json::Value;
use std::collections::BTreeSet;

const FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// Checks the volumes of a pod.
pub(crate) fn volumes(faults: &mut Faults, spec: &Value, path: &str) {
    let mut seen = BTreeSet::new();
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{index}]");
        let name = text(volume, "name");
        if name.is_empty() {
            faults.required(&format!("{path}.name"), "");
        } else {
            faults.invalid_texts(&format!("{path}.name"), name, &names::label(name));
            if !seen.insert(name) {
                faults.duplicate(&format!("{path}.name"), name);
            }
        }
        source(faults, volume, &path);
    }
}

/// The order in which the server looks at the kinds of source that are told apart here.
const SOURCES: [&str; 7] =
    ["emptyDir", "hostPath", "secret", "persistentVolumeClaim", "downwardAPI", "configMap", "projected"];

fn source(faults: &mut Faults, volume: &Value, path: &str) {
    let mut found = 0;
    for key in SOURCES {
        let Some(source) = child(volume, key) else { continue };
        let path = format!("{path}.{key}");
        found += 1;
        if found > 1 {
            faults.forbidden(&path, "may not specify more than 1 volume type");
            continue;
        }
        match key {
            "emptyDir" => {
                let limit = GoQuantity::parse(text(source, "sizeLimit"));
                if limit.is_some_and(|limit| limit.normal().0 < 0) {
                    let detail = "SizeLimit field must be a valid resource quantity";
                    faults.forbidden(&format!("{path}.sizeLimit"), detail);
                }
            }
            "hostPath" => required(faults, source, "path", &path),
            "persistentVolumeClaim" => required(faults, source, "claimName", &path),
            "secret" => {
                required(faults, source, "secretName", &path);
                mode(faults, source, &path);
            }
            "configMap" => {
                required(faults, source, "name", &path);
                mode(faults, source, &path);
            }
            "downwardAPI" => {
                mode(faults, source, &path);
                for item in list(source, "items") {
                    match text(item, "path") {
                        "" => faults.required(&format!("{path}.path"), ""),
                        local => local_path(faults, local, &format!("{path}.path")),
                    }
                    if let Some(field) = child(item, "fieldRef") {
                        environment::field_reference(faults, field, &format!("{path}.fieldRef"), &FIELDS);
                    }
                }
            }
            _ => mode(faults, source, &path),
        }
    }
    if found == 0 && volume.as_object().is_some_and(|fields| fields.len() <= 1) {
        faults.required(path, "must specify a volume type");
    }
}

fn required(faults: &mut Faults, source: &Value, key: &str, path: &str) {
    if text(source, key).is_empty() {
        faults.required(&format!("{path}.{key}"), "");
    }
}

fn mode(faults: &mut Faults, source: &Value, path: &str) {
    let mode = number(source, "defaultMode").unwrap_or_default();
    if !(0..=0o777).contains(&mode) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        faults.invalid(&format!("{path}.defaultMode"), &mode.to_string(), detail);
    }
}
