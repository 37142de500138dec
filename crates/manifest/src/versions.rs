//! Objects in versions of the API other than the one that is stored.
//!
//! `autoscaling/v1` is served beside `autoscaling/v2`, and admission takes it as it comes. All others
//! have been removed from the server long ago, which says `no matches for kind …` to them; but files with
//! them are still about, so [`convert_old`] reads them for whoever asks. Their defaults were other ones,
//! and what they would have filled in is filled in here.

mod horizontal;

pub use horizontal::{HORIZONTAL_V1, horizontal_from_v1, horizontal_to_v1};

use serde_json::{Map, Value, json};
use std::sync::Arc;

/// An object that was written for a version that is no longer served.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// The same in the version that is.
    pub object: Value,
    /// What to tell whoever wrote it.
    pub warning: Arc<str>,
}

type Fields = Map<String, Value>;

/// What kept a limit out of the way before there were better defaults.
const NO_LIMIT: i64 = i32::MAX as i64;
/// What a budget of old selects by an empty selector: no pod at all.
const NO_POD: &str = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";

/// An object of a version that the server no longer serves, in the version that it does; nothing if it is
/// of no such version.
#[must_use]
pub fn convert_old(value: &Value) -> Option<Converted> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let served = match (version, kind) {
        ("extensions/v1beta1" | "apps/v1beta1" | "apps/v1beta2", "Deployment")
        | ("extensions/v1beta1" | "apps/v1beta2", "ReplicaSet" | "DaemonSet")
        | ("apps/v1beta1" | "apps/v1beta2", "StatefulSet") => "apps/v1",
        ("extensions/v1beta1" | "networking.k8s.io/v1beta1", "Ingress") => "networking.k8s.io/v1",
        ("policy/v1beta1", "PodDisruptionBudget") => "policy/v1",
        ("batch/v1beta1" | "batch/v2alpha1", "CronJob") => "batch/v1",
        ("autoscaling/v2beta1" | "autoscaling/v2beta2", "HorizontalPodAutoscaler") => "autoscaling/v2",
        ("discovery.k8s.io/v1beta1", "EndpointSlice") => "discovery.k8s.io/v1",
        (_, _) => return None,
    };
    let mut object = value.clone();
    let fields = object.as_object_mut()?;
    match kind {
        "Deployment" => deployment(fields, version),
        "ReplicaSet" if version == "extensions/v1beta1" => labels_of_template(fields),
        "DaemonSet" | "StatefulSet" if version != "apps/v1beta2" => updated_on_delete(fields),
        "Ingress" => ingress(fields),
        "PodDisruptionBudget" => budget(fields),
        "HorizontalPodAutoscaler" if version == "autoscaling/v2beta1" => horizontal::from_v2beta1(fields),
        "EndpointSlice" => endpoint_slice(fields),
        _ => {}
    }
    fields.insert("apiVersion".to_owned(), Value::from(served));
    let warning = format!("{version} {kind} is no longer served in v1.36; it is read as {served}");
    Some(Converted { object, warning: warning.into() })
}

/// The object below a key, made if absent; nothing if something else is there.
fn below<'a>(fields: &'a mut Fields, key: &str) -> Option<&'a mut Fields> {
    let value = fields.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

fn absent(fields: &mut Fields, key: &str, default: impl Into<Value>) {
    if fields.get(key).is_none_or(Value::is_null) {
        fields.insert(key.to_owned(), default.into());
    }
}

/// Selector and labels were those of the template unless given.
fn labels_of_template(object: &mut Fields) {
    let labels = object.get("spec").and_then(|spec| spec.pointer("/template/metadata/labels")).cloned();
    let Some(labels) = labels.filter(|labels| labels.as_object().is_some_and(|labels| !labels.is_empty())) else {
        return;
    };
    if let Some(spec) = below(object, "spec") {
        absent(spec, "selector", json!({"matchLabels": labels}));
    }
    if let Some(metadata) = below(object, "metadata") {
        absent(metadata, "labels", labels);
    }
}

fn deployment(object: &mut Fields, version: &str) {
    if version != "apps/v1beta2" {
        labels_of_template(object);
    }
    let Some(spec) = below(object, "spec") else { return };
    spec.remove("rollbackTo");
    match version {
        "extensions/v1beta1" => {
            absent(spec, "progressDeadlineSeconds", NO_LIMIT);
            absent(spec, "revisionHistoryLimit", NO_LIMIT);
            let Some(strategy) = below(spec, "strategy") else { return };
            let kind = strategy.get("type").and_then(Value::as_str).unwrap_or_default();
            if ["", "RollingUpdate"].contains(&kind)
                && let Some(rolling) = below(strategy, "rollingUpdate")
            {
                absent(rolling, "maxUnavailable", 1);
                absent(rolling, "maxSurge", 1);
            }
        }
        "apps/v1beta1" => absent(spec, "revisionHistoryLimit", 2),
        _ => {}
    }
}

fn updated_on_delete(object: &mut Fields) {
    labels_of_template(object);
    let Some(spec) = below(object, "spec") else { return };
    spec.remove("templateGeneration");
    if let Some(strategy) = below(spec, "updateStrategy") {
        absent(strategy, "type", "OnDelete");
    }
}

fn ingress(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    if let Some(backend) = spec.remove("backend") {
        spec.insert("defaultBackend".to_owned(), ingress_backend(&backend));
    }
    for rule in spec.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        for path in rule.pointer_mut("/http/paths").and_then(Value::as_array_mut).into_iter().flatten() {
            let Value::Object(path) = path else { continue };
            absent(path, "pathType", "ImplementationSpecific");
            if let Some(backend) = path.get("backend").map(ingress_backend) {
                path.insert("backend".to_owned(), backend);
            }
        }
    }
}

fn ingress_backend(backend: &Value) -> Value {
    let Some(name) = backend.get("serviceName") else { return backend.clone() };
    let port = match backend.get("servicePort") {
        Some(Value::String(name)) => json!({"name": name}),
        Some(number) => json!({"number": number}),
        None => json!({}),
    };
    json!({"service": {"name": name, "port": port}})
}

fn budget(object: &mut Fields) {
    let selector = object.get_mut("spec").and_then(|spec| spec.get_mut("selector"));
    if let Some(Value::Object(selector)) = selector
        && selector.is_empty()
    {
        let none = json!([{"key": NO_POD, "operator": "Exists"}]);
        selector.insert("matchExpressions".to_owned(), none);
    }
}

fn endpoint_slice(object: &mut Fields) {
    for endpoint in object.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
        let Value::Object(endpoint) = endpoint else { continue };
        let Some(Value::Object(mut topology)) = endpoint.remove("topology") else { continue };
        if let Some(node) = topology.remove("kubernetes.io/hostname") {
            absent(endpoint, "nodeName", node);
        }
        if let Some(zone) = topology.remove("topology.kubernetes.io/zone") {
            absent(endpoint, "zone", zone);
        }
        if !topology.is_empty() {
            endpoint.insert("deprecatedTopology".to_owned(), Value::Object(topology));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit;

    fn workload(version: &str, kind: &str) -> Value {
        json!({
            "apiVersion": version, "kind": kind, "metadata": {"name": "web"},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]}}}
        })
    }

    #[track_caller]
    fn stored(value: &Value) -> Value {
        admit(&convert_old(value).expect("it is of an old version").object).expect("it is accepted")
    }

    #[test]
    fn a_deployment_of_old_has_the_defaults_of_its_version() {
        let object = stored(&workload("extensions/v1beta1", "Deployment"));
        assert_eq!(object["spec"]["selector"], json!({"matchLabels": {"app": "web"}}));
        assert_eq!(object["spec"]["strategy"]["rollingUpdate"], json!({"maxSurge": 1, "maxUnavailable": 1}));
        assert_eq!(object["spec"]["progressDeadlineSeconds"], json!(NO_LIMIT));
        let object = stored(&workload("apps/v1beta1", "Deployment"));
        assert_eq!(object["spec"]["revisionHistoryLimit"], json!(2));
        assert_eq!(object["spec"]["strategy"]["rollingUpdate"]["maxSurge"], json!("25%"));
        let object = stored(&workload("apps/v1beta1", "StatefulSet"));
        assert_eq!(object["spec"]["updateStrategy"], json!({"type": "OnDelete"}));
        assert!(admit(&convert_old(&workload("apps/v1beta2", "Deployment")).unwrap().object).is_err());
    }

    #[test]
    fn an_ingress_of_old_names_its_backends_otherwise() {
        let object = stored(&json!({
            "apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress", "metadata": {"name": "web"},
            "spec": {"backend": {"serviceName": "d", "servicePort": 80},
                "rules": [{"http": {"paths": [{"path": "/", "backend": {"serviceName": "a", "servicePort": "http"}}]}}]}
        }));
        assert_eq!(object["spec"]["defaultBackend"], json!({"service": {"name": "d", "port": {"number": 80}}}));
        let path = &object["spec"]["rules"][0]["http"]["paths"][0];
        assert_eq!(path["backend"], json!({"service": {"name": "a", "port": {"name": "http"}}}));
        assert_eq!(path["pathType"], json!("ImplementationSpecific"));
    }

    #[test]
    fn an_empty_selector_of_a_budget_of_old_selects_nothing() {
        let object = stored(&json!({
            "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": {}}
        }));
        assert_eq!(object["spec"]["selector"]["matchExpressions"][0]["operator"], json!("Exists"));
    }

    #[test]
    fn what_is_served_is_left_alone() {
        assert_eq!(convert_old(&workload("apps/v1", "Deployment")), None);
        assert_eq!(convert_old(&json!(5)), None);
    }
}
