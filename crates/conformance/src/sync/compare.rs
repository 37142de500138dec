//! What of a recorded write must match, and what is nobody's business.

use serde_json::{Map, Value, json};

/// Members of metadata that a written ReplicaSet or pod must have right.
const IDENTITY: [&str; 4] = ["generateName", "labels", "annotations", "ownerReferences"];

/// Numbers of which absent and zero are different things.
const OPTIONAL_NUMBERS: [&str; 2] = ["terminatingReplicas", "collisionCount"];

/// A write reduced to what must match: who asked what of whom, whether it was refused, and those parts
/// of the object that a server would have looked at.
pub(super) fn write(write: &Value) -> Value {
    let mut kept = Map::new();
    for key in ["verb", "kind", "name", "subresource", "count", "anyOf"] {
        if let Some(value) = write.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(failed) = write.get("failed") {
        kept.insert("failed".to_owned(), failed["reason"].clone());
    }
    if let Some(object) = write.get("object").filter(|_| write["verb"] != "patch" || write.get("failed").is_none()) {
        let mut object = sent(&write["verb"], &write["kind"], &write["subresource"], object);
        prune(&mut object);
        kept.insert("object".to_owned(), object);
    }
    Value::Object(kept)
}

fn sent(verb: &Value, kind: &Value, subresource: &Value, object: &Value) -> Value {
    let metadata = &object["metadata"];
    if verb == "patch" {
        return json!({"ownerReferences": metadata["ownerReferences"]});
    }
    match (kind.as_str(), subresource.as_str()) {
        (Some("Deployment"), Some(_)) => {
            json!({"annotations": metadata["annotations"], "status": object["status"]})
        }
        (Some("Deployment"), None) => json!({"annotations": metadata["annotations"], "spec": object["spec"]}),
        (_, Some(_)) => json!({"status": object["status"]}),
        (_, None) => {
            let identity: Map<String, Value> =
                IDENTITY.iter().map(|&key| (key.to_owned(), metadata[key].clone())).collect();
            json!({"metadata": identity, "spec": object["spec"]})
        }
    }
}

/// Takes away what is absent, empty or zero, between which the recording does not distinguish.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|key, value| {
                let kept_zero = value.is_number() && OPTIONAL_NUMBERS.contains(&key.as_str());
                kept_zero || !is_nothing(value)
            });
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// An event reduced to what must match; `count` only where events are merged.
pub(super) fn event(event: &Value) -> Value {
    let mut kept = json!({"type": event["type"], "reason": event["reason"], "message": event["message"]});
    if let Some(count) = event.get("count") {
        kept["count"] = count.clone();
    }
    kept
}
