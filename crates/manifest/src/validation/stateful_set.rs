//! StatefulSets.

use super::faults::quoted;
use super::read::{child, list, number, text, texts};
use super::workload::{lasting_template, mismatch, template_labels};
use super::{Faults, names, selector};
use crate::meaning::meaning;
use crate::schema::Type;
use serde_json::Value;
use wavetank_model::Quantity;

/// What may change of a StatefulSet's spec.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Checks the spec of a StatefulSet.
pub(crate) fn spec(faults: &mut Faults, spec: &Value) {
    let path = "spec.podManagementPolicy";
    match text(spec, "podManagementPolicy") {
        "" => faults.required(path, ""),
        "OrderedReady" | "Parallel" => {}
        other => faults.invalid_text(path, other, "must be 'OrderedReady' or 'Parallel'"),
    }
    strategy(faults, &spec["updateStrategy"]);
    if let Some(policy) = child(spec, "persistentVolumeClaimRetentionPolicy") {
        for key in ["whenDeleted", "whenScaled"] {
            let path = format!("spec.persistentVolumeClaimRetentionPolicy.{key}");
            faults.one_of(&path, text(policy, key), &["Retain", "Delete"]);
        }
    }
    faults.non_negative("spec.replicas", number(spec, "replicas").unwrap_or_default());
    faults.non_negative("spec.minReadySeconds", number(spec, "minReadySeconds").unwrap_or_default());
    if let Some(ordinals) = child(spec, "ordinals") {
        faults.non_negative("spec.ordinals.start", number(ordinals, "start").unwrap_or_default());
    }
    let wanted = child(spec, "selector");
    let mut sound = true;
    match wanted {
        None => faults.required("spec.selector", ""),
        Some(wanted) => {
            sound = selector::check(faults, wanted, "spec.selector");
            if selector::is_empty(wanted) {
                let detail = "empty selector is invalid for statefulset";
                faults.invalid("spec.selector", &selector::shown(wanted), detail);
            }
        }
    }
    let service = text(spec, "serviceName");
    if !service.is_empty() {
        faults.invalid_texts("spec.serviceName", service, &names::label(service));
    }
    let labels = template_labels(spec);
    match wanted {
        Some(wanted) if !sound => faults.invalid("spec.selector", &selector::shown(wanted), ""),
        Some(wanted) if selector::matches(wanted, &labels) => {}
        Some(_) | None => mismatch(faults, &labels),
    }
    lasting_template(faults, &spec["template"], "StatefulSet");
    for (index, claim) in list(spec, "volumeClaimTemplates").iter().enumerate() {
        self::claim(faults, &claim["spec"], &format!("spec.volumeClaimTemplates[{index}].spec"));
    }
}

fn strategy(faults: &mut Faults, strategy: &Value) {
    let path = "spec.updateStrategy";
    let rolling = child(strategy, "rollingUpdate");
    let shown = |rolling: &Value| {
        let part = |key: &str| rolling.get(key).unwrap_or(&Value::Null).to_string();
        format!("{{\"Partition\":{},\"MaxUnavailable\":{}}}", part("partition"), part("maxUnavailable"))
    };
    match text(strategy, "type") {
        "" => faults.required(path, ""),
        "OnDelete" => {
            if let Some(rolling) = rolling {
                let detail = "only allowed for updateStrategy 'RollingUpdate'";
                faults.invalid(&format!("{path}.rollingUpdate"), &shown(rolling), detail);
            }
        }
        "RollingUpdate" => {
            let partition = rolling.and_then(|rolling| number(rolling, "partition")).unwrap_or_default();
            faults.non_negative(&format!("{path}.rollingUpdate.partition"), partition);
        }
        other => {
            let parameters = rolling.map_or_else(|| "null".to_owned(), shown);
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":{parameters}}}", quoted(other));
            faults.invalid(path, &shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
}

/// Checks the spec of a claim to a volume.
fn claim(faults: &mut Faults, spec: &Value, path: &str) {
    if let Some(wanted) = child(spec, "selector") {
        selector::check(faults, wanted, &format!("{path}.selector"));
    }
    let modes = texts(spec, "accessModes");
    let modes_path = format!("{path}.accessModes");
    if modes.is_empty() {
        faults.required(&modes_path, "at least 1 access mode is required");
    }
    for mode in &modes {
        let known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
        faults.one_of(&modes_path, mode, &known);
    }
    if modes.len() > 1 && modes.contains(&"ReadWriteOncePod") {
        faults.forbidden(&modes_path, "may not use ReadWriteOncePod with other access modes");
    }
    let storage = spec.pointer("/resources/requests/storage").and_then(Value::as_str);
    let storage_path = format!("{path}.resources[storage]");
    match storage {
        None => faults.required(&storage_path, ""),
        Some(storage) => {
            if !Quantity::parse(storage).is_ok_and(|quantity| quantity.signum() > 0) {
                faults.invalid_text(&storage_path, storage, "must be greater than zero");
            }
        }
    }
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        faults.invalid_texts(&format!("{path}.storageClassName"), class, &names::subdomain(class));
    }
    if let Some(mode) = spec.get("volumeMode").and_then(Value::as_str) {
        faults.one_of(&format!("{path}.volumeMode"), mode, &["Block", "Filesystem"]);
    }
}

/// Checks what may not change.
pub(crate) fn change(faults: &mut Faults, old: &Value, new: &Value) {
    spec(faults, new);
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        if let Value::Object(fields) = &mut spec {
            fields.retain(|key, _| !MUTABLE.contains(&key.as_str()));
        }
        meaning(&Type::Named("apps/v1.StatefulSetSpec"), &spec)
    };
    if fixed(old) != fixed(new) {
        faults.forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        );
    }
}
