//! Volumes.

use super::container::local_path;
use super::read::{child, list, number, text};
use super::{Faults, environment, names};
use serde_json::Value;
use std::collections::BTreeSet;
use wavetank_model::Quantity;

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
const SOURCES: [&str; 12] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "nfs",
    "secret",
    "persistentVolumeClaim",
    "downwardAPI",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
];
const HOST_PATHS: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
/// How long a token of a service account lasts at least and at most, in seconds.
const TOKEN_SECONDS: core::ops::RangeInclusive<i64> = 600..=1 << 32;

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
                let limit = Quantity::parse(text(source, "sizeLimit"));
                if limit.is_ok_and(|limit| limit.signum() < 0) {
                    let detail = "SizeLimit field must be a valid resource quantity";
                    faults.forbidden(&format!("{path}.sizeLimit"), detail);
                }
            }
            "hostPath" => {
                required(faults, source, "path", &path);
                let host = text(source, "path");
                if host.split('/').any(|part| part == "..") {
                    faults.invalid_text(&format!("{path}.path"), host, "must not contain '..'");
                }
                if let Some(kind) = source.get("type").and_then(Value::as_str) {
                    faults.one_of(&format!("{path}.type"), kind, &HOST_PATHS);
                }
            }
            "nfs" => {
                required(faults, source, "server", &path);
                required(faults, source, "path", &path);
                let remote = text(source, "path");
                if !remote.is_empty() && !remote.starts_with('/') {
                    faults.invalid_text(&format!("{path}.path"), remote, "must be an absolute path");
                }
            }
            "csi" => required(faults, source, "driver", &path),
            "image" => required(faults, source, "reference", &path),
            "gitRepo" => required(faults, source, "repository", &path),
            "ephemeral" if child(source, "volumeClaimTemplate").is_none() => {
                faults.required(&format!("{path}.volumeClaimTemplate"), "");
            }
            "projected" => {
                mode(faults, source, &path);
                projected(faults, source, &path);
            }
            "persistentVolumeClaim" => required(faults, source, "claimName", &path),
            "secret" => {
                required(faults, source, "secretName", &path);
                mode(faults, source, &path);
                keys_to_paths(faults, source, &path);
            }
            "configMap" => {
                required(faults, source, "name", &path);
                mode(faults, source, &path);
                keys_to_paths(faults, source, &path);
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
            _ => {}
        }
    }
    if found == 0 && volume.as_object().is_some_and(|fields| fields.len() <= 1) {
        faults.required(path, "must specify a volume type");
    }
}

fn keys_to_paths(faults: &mut Faults, source: &Value, path: &str) {
    for (index, item) in list(source, "items").iter().enumerate() {
        let path = format!("{path}.items[{index}]");
        required(faults, item, "key", &path);
        required(faults, item, "path", &path);
        let local = text(item, "path");
        local_path(faults, local, &format!("{path}.path"));
        if local.starts_with("..") && !local.starts_with("../") {
            faults.invalid_text(&format!("{path}.path"), local, "must not start with '..'");
        }
        if let Some(mode) = number(item, "mode").filter(|mode| !(0..=0o777).contains(mode)) {
            let detail = "must be a number between 0 and 0777 (octal), both inclusive";
            faults.invalid(&format!("{path}.mode"), &mode.to_string(), detail);
        }
    }
}

fn projected(faults: &mut Faults, source: &Value, path: &str) {
    for (index, source) in list(source, "sources").iter().enumerate() {
        let path = format!("{path}.sources[{index}]");
        for key in ["secret", "configMap"] {
            if let Some(source) = child(source, key) {
                required(faults, source, "name", &format!("{path}.{key}"));
                keys_to_paths(faults, source, &format!("{path}.{key}"));
            }
        }
        let Some(token) = child(source, "serviceAccountToken") else { continue };
        let path = format!("{path}.serviceAccountToken");
        if let Some(seconds) = number(token, "expirationSeconds") {
            let path = format!("{path}.expirationSeconds");
            if seconds < *TOKEN_SECONDS.start() {
                faults.invalid(&path, &seconds.to_string(), "may not specify a duration less than 10 minutes");
            } else if seconds > *TOKEN_SECONDS.end() {
                faults.invalid(&path, &seconds.to_string(), "may not specify a duration larger than 2^32 seconds");
            }
        }
        required(faults, token, "path", &path);
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
