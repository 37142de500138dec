//! Objects of the kinds that are few: from JSON and back.

use crate::fields::Fields;
use crate::{Edge, Error, decode_endpoint_slice, decode_ingress, decode_service, metadata, render_endpoint_slice};
use crate::{Object, decode_disruption_budget, render_deployment, render_pod, render_replica_set};
use serde_json::{Map, Value};
use std::sync::Arc;
use wavetank_model::{Document, DocumentStatus, EndpointSlice, Ingress, Kind, Meaning, ObjectMeta};

/// Reads an object of a kind as it stands.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_document(kind: Kind, value: &Value, edge: &mut Edge) -> Result<Document, Error> {
    let object = Fields::of(Some(value), kind.as_str())?;
    let meta = metadata::decode(object, edge)?;
    let mut body = Map::new();
    let mut status = Value::Null;
    for (key, value) in value.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" | "metadata" => {}
            "status" => status = value.clone(),
            _ => drop(body.insert(key.clone(), value.clone())),
        }
    }
    let meaning = meaning(kind, value, edge)?;
    Ok(Document { kind, meta, body: Arc::new(Value::Object(body)), status: status.into(), meaning })
}

/// What the simulation obeys of an object.
fn meaning(kind: Kind, value: &Value, edge: &mut Edge) -> Result<Meaning, Error> {
    let meta = ObjectMeta::default;
    Ok(match kind {
        Kind::Service => Meaning::Service(Arc::new(decode_service(value, edge)?.spec)),
        Kind::EndpointSlice => {
            let slice = decode_endpoint_slice(value, edge)?;
            Meaning::EndpointSlice(Box::new(EndpointSlice { meta: meta(), ..slice }))
        }
        Kind::PodDisruptionBudget => Meaning::DisruptionBudget(Arc::new(decode_disruption_budget(value)?)),
        Kind::HorizontalPodAutoscaler => {
            let spec = value.get("spec").unwrap_or(&Value::Null);
            Meaning::Autoscaler(Arc::new(crate::horizontal::decode_horizontal_spec(spec)?))
        }
        Kind::Ingress => Meaning::Ingress(Arc::new(Ingress { meta: meta(), ..decode_ingress(value, edge)? })),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::Pod
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => Meaning::Carried,
    })
}

/// An object of one of these kinds as JSON.
#[must_use]
pub fn render_document(document: &Document, edge: &Edge) -> Value {
    if let (Value::Null, Some(slice)) = (&*document.body, document.endpoint_slice()) {
        return render_endpoint_slice(&slice, edge);
    }
    let mut fields = Map::new();
    fields.insert("apiVersion".to_owned(), Value::from(document.kind.api_version()));
    fields.insert("kind".to_owned(), Value::from(document.kind.as_str()));
    fields.insert("metadata".to_owned(), metadata::render(&document.meta, edge));
    for (key, value) in document.body.as_object().into_iter().flatten() {
        fields.insert(key.clone(), value.clone());
    }
    let status = render_document_status(document, edge);
    if !status.is_null() {
        fields.insert("status".to_owned(), status);
    }
    Value::Object(fields)
}

/// The status of a document as JSON; null if it has none.
#[must_use]
pub fn render_document_status(document: &Document, edge: &Edge) -> Value {
    match &document.status {
        DocumentStatus::Autoscaler(status) => crate::horizontal::render_horizontal_status(status, edge),
        DocumentStatus::Json(status) => status.clone(),
    }
}

/// An object of any kind as JSON.
#[must_use]
pub fn render(object: &Object, edge: &Edge) -> Value {
    match object {
        Object::Deployment(deployment) => render_deployment(deployment, edge),
        Object::ReplicaSet(set) | Object::ReplicationController(set) => render_replica_set(set, edge),
        Object::Pod(pod) => render_pod(pod, edge),
        Object::Document(document) => render_document(document, edge),
    }
}
