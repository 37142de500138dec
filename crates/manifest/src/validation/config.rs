//! ConfigMaps and Namespaces.

use super::read::{entries, is_set, object, texts};
use super::{Faults, names};
use crate::meaning::meaning;
use crate::schema::{self};
use serde_json::Value;

/// Most bytes that a ConfigMap holds.
const MOST_BYTES: usize = 1024 * 1024;

/// Checks a ConfigMap.
pub(crate) fn config_map(faults: &mut Faults, map: &Value) {
    let mut size = 0;
    for (bag, other) in [("data", "binaryData"), ("binaryData", "data")] {
        for (key, value) in entries(map, bag) {
            let path = format!("{bag}[{key}]");
            faults.invalid_texts(&path, key, &names::config_key(key));
            if object(map, other).is_some_and(|map| map.contains_key(key)) {
                faults.invalid_text(&path, key, &format!("duplicate of key present in {other}"));
            }
            size += if bag == "data" { value.len() } else { value.len() / 4 * 3 };
        }
    }
    if size > MOST_BYTES {
        faults.too_long("", MOST_BYTES);
    }
}

/// Checks what may not change of a ConfigMap.
pub(crate) fn config_map_change(faults: &mut Faults, old: &Value, new: &Value) {
    if is_set(old, "immutable") {
        let detail = "field is immutable when `immutable` is set";
        if !is_set(new, "immutable") {
            faults.forbidden("immutable", detail);
        }
        for key in ["data", "binaryData"] {
            let Some(kind) = schema::field("core/v1.ConfigMap", key).map(|field| &field.kind) else { continue };
            let means = |map: &Value| meaning(kind, map.get(key).unwrap_or(&Value::Null));
            if means(old) != means(new) {
                faults.forbidden(key, detail);
            }
        }
    }
    config_map(faults, new);
}

/// Checks a Namespace.
pub(crate) fn namespace(faults: &mut Faults, namespace: &Value) {
    for (index, finalizer) in texts(&namespace["spec"], "finalizers").into_iter().enumerate() {
        let path = format!("spec.finalizers[{index}]");
        faults.invalid_texts(&path, finalizer, &names::qualified(finalizer));
        if !finalizer.contains('/') && finalizer != "kubernetes" {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            faults.invalid_text(&path, finalizer, detail);
        }
    }
}
