//! What a trace tells of an autoscaler.

use serde_json::{Value, json};
use wavetank_model::Document;

/// What a trace tells when an autoscaler is made.
pub(super) fn created(document: &Document) -> Value {
    let spec = &document.body["spec"];
    json!({"min": spec["minReplicas"].as_i64().unwrap_or(1), "max": spec["maxReplicas"]})
}

/// What a trace tells of its status; none before the first one is written.
pub(super) fn status(status: &Value, millis: impl Fn(&str) -> Option<i64>) -> Option<Value> {
    if status["conditions"].as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    let metrics: Vec<Value> = status["currentMetrics"].as_array().into_iter().flatten().filter_map(metric).collect();
    Some(json!({
        "current": status["currentReplicas"].as_i64().unwrap_or_default(),
        "desired": status["desiredReplicas"],
        "lastScaleTime": status["lastScaleTime"].as_str().and_then(millis),
        "metrics": metrics,
    }))
}

/// A metric that could be had.
fn metric(value: &Value) -> Option<Value> {
    let resource = value.get("resource").or_else(|| value.get("containerResource"))?;
    let mut told = resource["current"].as_object()?.clone();
    told.insert("name".to_owned(), resource["name"].clone());
    Some(Value::Object(told))
}

/// Type, status and reason of its conditions.
pub(super) fn conditions(status: &Value) -> Vec<(&str, &str, &str)> {
    let conditions = status["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .map(|condition| {
            let text = |key: &str| condition[key].as_str().unwrap_or_default();
            (text("type"), text("status"), text("reason"))
        })
        .collect()
}
