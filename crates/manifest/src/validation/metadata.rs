//! Metadata.

use super::Faults;
use super::names;
use super::read::{entries, list, text, texts};
use serde_json::Value;
use wavetank_model::Kind;

/// Checks the metadata of a new object.
pub(crate) fn check(faults: &mut Faults, kind: Kind, metadata: &Value) {
    // The names of these become labels of DNS, those of all others may have dots.
    let form = match kind {
        Kind::Service | Kind::StatefulSet | Kind::Namespace => names::label,
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::Pod
        | Kind::ConfigMap
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => names::subdomain,
    };
    let generate_name = text(metadata, "generateName");
    if !generate_name.is_empty() {
        faults.invalid_texts("metadata.generateName", generate_name, &form(&names::without_dash(generate_name)));
    }
    let name = text(metadata, "name");
    if name.is_empty() {
        if generate_name.is_empty() {
            faults.required("metadata.name", "name or generateName is required");
        }
    } else {
        faults.invalid_texts("metadata.name", name, &form(name));
    }
    common(faults, metadata);
}

/// What is checked at every write.
pub(crate) fn common(faults: &mut Faults, metadata: &Value) {
    labels(faults, &entries(metadata, "labels"), "metadata.labels");
    annotations(faults, &entries(metadata, "annotations"), "metadata.annotations");
    owners(faults, metadata);
    for (index, finalizer) in texts(metadata, "finalizers").into_iter().enumerate() {
        let path = format!("metadata.finalizers[{index}]");
        faults.invalid_texts(&path, finalizer, &names::qualified(finalizer));
        let standard = ["orphan", "foregroundDeletion", "kubernetes"].contains(&finalizer);
        if !finalizer.contains('/') && !standard {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            faults.invalid_text(&path, finalizer, detail);
        }
    }
}

/// Checks labels: keys, then values, key by key.
pub(crate) fn labels(faults: &mut Faults, labels: &[(&str, &str)], path: &str) {
    for (key, value) in labels {
        faults.invalid_texts(path, key, &names::qualified(key));
        faults.invalid_texts(path, value, &names::label_value(value));
    }
}

/// Checks annotations, whose keys may have capital letters and whose whole size is limited.
pub(crate) fn annotations(faults: &mut Faults, annotations: &[(&str, &str)], path: &str) {
    for (key, _) in annotations {
        faults.invalid_texts(path, key, &names::qualified(&key.to_lowercase()));
    }
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > 256 * 1024 {
        faults.too_long(path, 256 * 1024);
    }
}

fn owners(faults: &mut Faults, metadata: &Value) {
    let path = "metadata.ownerReferences";
    let mut managers = Vec::new();
    for owner in list(metadata, "ownerReferences") {
        let version = text(owner, "apiVersion");
        if version.is_empty() || version.ends_with('/') {
            faults.invalid_text(&format!("{path}.apiVersion"), version, "version must not be empty");
        }
        for key in ["kind", "name", "uid"] {
            if text(owner, key).is_empty() {
                faults.invalid_text(&format!("{path}.{key}"), "", "must not be empty");
            }
        }
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            managers.push(owner);
        }
    }
    if let [first, second, ..] = managers.as_slice() {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
            text(first, "kind"),
            text(first, "name"),
            text(second, "kind"),
            text(second, "name"),
        );
        let shown = Value::from(list(metadata, "ownerReferences")).to_string();
        faults.invalid(path, &shown, &detail);
    }
}
