//! What the API server fills in.
//!
//! Sources: the `defaults.go` of each group, the strategies of creation where they fill in too, and for
//! pods the default admission plugins (service account, priority, tolerations).

mod autoscaler;
mod job;
mod pod;
mod service;
mod workload;

use serde_json::{Map, Value};
use wavetank_model::Kind;

type Fields = Map<String, Value>;

/// The object below a key, made if absent.
fn below<'a>(fields: &'a mut Fields, key: &str) -> Option<&'a mut Fields> {
    let value = fields.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// The object below a key, if it is there.
fn present<'a>(fields: &'a mut Fields, key: &str) -> Option<&'a mut Fields> {
    fields.get_mut(key)?.as_object_mut()
}

/// The objects of the list below a key.
fn items<'a>(fields: &'a mut Fields, key: &str) -> impl Iterator<Item = &'a mut Fields> {
    fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Sets a field that is absent.
fn absent(fields: &mut Fields, key: &str, default: impl Into<Value>) {
    if fields.get(key).is_none_or(Value::is_null) {
        fields.insert(key.to_owned(), default.into());
    }
}

/// Sets a field that is absent, empty or zero.
fn zero(fields: &mut Fields, key: &str, default: impl Into<Value>) {
    let is_zero =
        fields.get(key).is_none_or(|value| value.is_null() || value.as_str() == Some("") || value.as_i64() == Some(0));
    if is_zero {
        fields.insert(key.to_owned(), default.into());
    }
}

/// Whether a text field holds this.
fn is(fields: &Fields, key: &str, text: &str) -> bool {
    fields.get(key).and_then(Value::as_str) == Some(text)
}

/// Fills in an object of a kind.
pub(crate) fn fill_in(kind: Kind, object: &mut Fields) {
    match kind {
        Kind::Deployment => workload::deployment(object),
        Kind::ReplicaSet => workload::replica_set(object),
        Kind::ReplicationController => workload::replication_controller(object),
        Kind::StatefulSet => workload::stateful_set(object),
        Kind::DaemonSet => workload::daemon_set(object),
        Kind::Pod => pod::pod(object),
        Kind::Service => service::service(object),
        Kind::HorizontalPodAutoscaler => autoscaler::autoscaler(object),
        Kind::Job => job::job(object),
        Kind::CronJob => job::cron_job(object),
        Kind::Namespace => namespace(object),
        Kind::Endpoints => {
            for subset in items(object, "subsets") {
                items(subset, "ports").for_each(|port| zero(port, "protocol", "TCP"));
            }
        }
        Kind::EndpointSlice => {
            for port in items(object, "ports") {
                absent(port, "name", "");
                absent(port, "protocol", "TCP");
            }
        }
        Kind::ConfigMap | Kind::Node | Kind::Event | Kind::Ingress | Kind::PodDisruptionBudget => {}
    }
}

/// Fills in a Namespace, which carries its own name as a label.
fn namespace(object: &mut Fields) {
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")).cloned();
    if let (Some(name), Some(labels)) = (name, below(object, "metadata").and_then(|metadata| below(metadata, "labels")))
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }
    if let Some(spec) = below(object, "spec") {
        absent(spec, "finalizers", vec![Value::from("kubernetes")]);
    }
}

pub(crate) use pod::is_latest;
pub(crate) use service::keep_what_was_given;
