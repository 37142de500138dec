//! HorizontalPodAutoscalers of `autoscaling/v1` and `v2beta1`.
//!
//! Source: the `conversion.go` of `pkg/apis/autoscaling/v1` and `v2beta1`. What `v1` has no field for
//! stands in annotations, as JSON in the form of `v2beta1`.

use super::{Fields, absent, below};
use crate::patch::go_json;
use serde_json::{Map, Value, json};

/// The version that is served beside the stored one.
pub const HORIZONTAL_V1: &str = "autoscaling/v1";

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";

/// An autoscaler of `autoscaling/v1` as one of `autoscaling/v2`. An annotation that cannot be read is
/// dropped, as the server drops it.
#[must_use]
pub fn horizontal_from_v1(value: &Value) -> Value {
    let mut object = value.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.insert("apiVersion".to_owned(), Value::from("autoscaling/v2"));
    let mut taken = Map::new();
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata")
        && let Some(Value::Object(annotations)) = metadata.get_mut("annotations")
    {
        for key in [METRICS, BEHAVIOR, CONDITIONS, CURRENT] {
            let text = annotations.remove(key);
            if let Some(read) = text.and_then(|text| serde_json::from_str(text.as_str()?).ok()) {
                taken.insert(key.to_owned(), read);
            }
        }
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    if let Some(spec) = below(fields, "spec") {
        let mut metrics = Vec::new();
        if let Some(Value::Array(given)) = taken.get(METRICS) {
            metrics.extend(given.iter().map(metric_from_v2beta1));
        }
        if let Some(percent) = spec.remove("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null()) {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        }
        if !metrics.is_empty() {
            spec.insert("metrics".to_owned(), Value::Array(metrics));
        }
        if let Some(behavior) = taken.remove(BEHAVIOR) {
            absent(spec, "behavior", spelled_small(&behavior));
        }
    }
    if let Some(Value::Object(status)) = fields.get_mut("status") {
        status.remove("currentCPUUtilizationPercentage");
        if let Some(conditions) = taken.remove(CONDITIONS) {
            status.insert("conditions".to_owned(), conditions);
        }
    }
    object
}

/// In that annotation the fields have capital letters; Go reads names of fields in any case.
fn spelled_small(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let small = |key: &str| {
                let mut letters = key.chars();
                letters
                    .next()
                    .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_lowercase(), letters.as_str()))
            };
            Value::Object(map.iter().map(|(key, value)| (small(key), spelled_small(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(spelled_small).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// An autoscaler of `autoscaling/v2` as one of `autoscaling/v1`.
#[must_use]
pub fn horizontal_to_v1(value: &Value) -> Value {
    let mut object = value.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.insert("apiVersion".to_owned(), Value::from(HORIZONTAL_V1));
    let mut annotations: Vec<(&str, Value)> = Vec::new();
    if let Some(Value::Object(spec)) = fields.get_mut("spec") {
        let mut others = Vec::new();
        for metric in spec.remove("metrics").and_then(|metrics| metrics.as_array().cloned()).unwrap_or_default() {
            let resource = &metric["resource"];
            let percent = &resource["target"]["averageUtilization"];
            let cpu = metric["type"] == "Resource" && resource["name"] == "cpu" && !percent.is_null();
            if cpu && !spec.contains_key("targetCPUUtilizationPercentage") {
                spec.insert("targetCPUUtilizationPercentage".to_owned(), percent.clone());
            } else {
                others.push(metric_to_v2beta1(&metric));
            }
        }
        if !others.is_empty() {
            annotations.push((METRICS, Value::Array(others)));
        }
        if let Some(behavior) = spec.remove("behavior") {
            annotations.push((BEHAVIOR, behavior));
        }
    }
    if let Some(Value::Object(status)) = fields.get_mut("status") {
        let current = status.remove("currentMetrics").and_then(|metrics| metrics.as_array().cloned());
        for metric in current.unwrap_or_default() {
            let percent = &metric["resource"]["current"]["averageUtilization"];
            if metric["resource"]["name"] == "cpu" && !percent.is_null() {
                status.insert("currentCPUUtilizationPercentage".to_owned(), percent.clone());
            }
        }
        if let Some(conditions) = status.remove("conditions") {
            annotations.push((CONDITIONS, conditions));
        }
        absent(status, "currentReplicas", 0);
        absent(status, "desiredReplicas", 0);
    }
    if annotations.is_empty() {
        return object;
    }
    if let Some(known) = below(fields, "metadata").and_then(|metadata| below(metadata, "annotations")) {
        for (key, value) in annotations {
            known.insert(key.to_owned(), Value::from(go_json(&value)));
        }
    }
    object
}

/// Turns the metrics of an autoscaler of `v2beta1` into those of `v2`.
pub(super) fn from_v2beta1(object: &mut Fields) {
    let metrics = object.get_mut("spec").and_then(|spec| spec.get_mut("metrics")).and_then(Value::as_array_mut);
    for metric in metrics.into_iter().flatten() {
        *metric = metric_from_v2beta1(metric);
    }
    // The status is a controller's to make anew.
    object.remove("status");
}

/// A JSON object of those fields that hold something.
fn record(fields: &[(&str, Option<Value>)]) -> Value {
    let given = fields.iter().filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?)));
    Value::Object(given.collect())
}

fn target(source: &Value, value: &str, average: &str, percent: &str) -> Value {
    let part = |key: &str| source.get(key).filter(|value| !value.is_null()).cloned();
    let (value, average, percent) = (part(value), part(average), part(percent));
    let kind = match (&percent, &average) {
        (Some(_), _) => "Utilization",
        (None, Some(_)) => "AverageValue",
        (None, None) => "Value",
    };
    // A target of zero was how an absent one was spelled.
    let value = value.filter(|value| average.is_none() || value.as_str() != Some("0"));
    record(&[
        ("type", Some(Value::from(kind))),
        ("value", value),
        ("averageValue", average),
        ("averageUtilization", percent),
    ])
}

fn metric_from_v2beta1(metric: &Value) -> Value {
    let part = |source: &Value, key: &str| source.get(key).filter(|value| !value.is_null()).cloned();
    let identifier = |source: &Value, selector: &str| {
        record(&[("name", part(source, "metricName")), ("selector", part(source, selector))])
    };
    let source =
        |key: &str, make: &dyn Fn(&Value) -> Value| metric.get(key).filter(|source| source.is_object()).map(make);
    record(&[
        ("type", part(metric, "type")),
        (
            "object",
            source("object", &|source| {
                record(&[
                    ("describedObject", part(source, "target")),
                    ("metric", Some(identifier(source, "selector"))),
                    ("target", Some(target(source, "targetValue", "averageValue", ""))),
                ])
            }),
        ),
        (
            "pods",
            source("pods", &|source| {
                record(&[
                    ("metric", Some(identifier(source, "selector"))),
                    ("target", Some(target(source, "", "targetAverageValue", ""))),
                ])
            }),
        ),
        (
            "resource",
            source("resource", &|source| {
                record(&[
                    ("name", part(source, "name")),
                    ("target", Some(target(source, "", "targetAverageValue", "targetAverageUtilization"))),
                ])
            }),
        ),
        (
            "containerResource",
            source("containerResource", &|source| {
                record(&[
                    ("name", part(source, "name")),
                    ("container", part(source, "container")),
                    ("target", Some(target(source, "", "targetAverageValue", "targetAverageUtilization"))),
                ])
            }),
        ),
        (
            "external",
            source("external", &|source| {
                record(&[
                    ("metric", Some(identifier(source, "metricSelector"))),
                    ("target", Some(target(source, "targetValue", "targetAverageValue", ""))),
                ])
            }),
        ),
    ])
}

fn metric_to_v2beta1(metric: &Value) -> Value {
    let part = |value: &Value| (!value.is_null()).then(|| value.clone());
    let source = |key: &str, make: &dyn Fn(&Value, &Value) -> Value| {
        metric.get(key).filter(|source| source.is_object()).map(|source| make(source, &source["target"]))
    };
    let resource = |source: &Value, target: &Value| {
        record(&[
            ("name", part(&source["name"])),
            ("container", part(&source["container"])),
            ("targetAverageUtilization", part(&target["averageUtilization"])),
            ("targetAverageValue", part(&target["averageValue"])),
        ])
    };
    record(&[
        ("type", part(&metric["type"])),
        (
            "object",
            source("object", &|source, target| {
                record(&[
                    ("target", part(&source["describedObject"])),
                    ("metricName", part(&source["metric"]["name"])),
                    ("selector", part(&source["metric"]["selector"])),
                    ("targetValue", part(&target["value"]).or_else(|| Some(Value::from("0")))),
                    ("averageValue", part(&target["averageValue"])),
                ])
            }),
        ),
        (
            "pods",
            source("pods", &|source, target| {
                record(&[
                    ("metricName", part(&source["metric"]["name"])),
                    ("selector", part(&source["metric"]["selector"])),
                    ("targetAverageValue", part(&target["averageValue"])),
                ])
            }),
        ),
        ("resource", source("resource", &resource)),
        ("containerResource", source("containerResource", &resource)),
        (
            "external",
            source("external", &|source, target| {
                record(&[
                    ("metricName", part(&source["metric"]["name"])),
                    ("metricSelector", part(&source["metric"]["selector"])),
                    ("targetValue", part(&target["value"])),
                    ("targetAverageValue", part(&target["averageValue"])),
                ])
            }),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_of_v1_comes_and_goes() {
        let v1 = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "annotations": {
                METRICS: "[{\"type\":\"Pods\",\"pods\":{\"metricName\":\"q\",\"targetAverageValue\":\"5\"}}]"}},
            "spec": {"maxReplicas": 5, "targetCPUUtilizationPercentage": 60}
        });
        let v2 = horizontal_from_v1(&v1);
        assert_eq!(v2["spec"]["metrics"][0]["pods"]["target"], json!({"type": "AverageValue", "averageValue": "5"}));
        assert_eq!(v2["spec"]["metrics"][1]["resource"]["target"]["averageUtilization"], json!(60));
        assert_eq!(v2["metadata"], json!({"name": "web"}));
        let back = horizontal_to_v1(&v2);
        assert_eq!(back["spec"], v1["spec"]);
        assert_eq!(horizontal_from_v1(&back), v2);
    }

    #[test]
    fn an_autoscaler_of_v2beta1_has_its_targets_moved() {
        let old = json!({
            "apiVersion": "autoscaling/v2beta1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
            "spec": {"maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 50}}]}
        });
        let stored = crate::admit(&super::super::convert_old(&old).unwrap().object).unwrap();
        assert_eq!(
            stored["spec"]["metrics"][0]["resource"]["target"],
            json!({"type": "Utilization", "averageUtilization": 50})
        );
    }
}
