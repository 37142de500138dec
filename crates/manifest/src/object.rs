//! Taking objects in as the API server does: decode strictly, fill in, check.

use crate::{Edge, Error, defaults, document, literal, strict, validation};
use serde_json::{Map, Value};
use wavetank_model::{Deployment, Document, Kind, ObjectMeta, Pod, Reason, Refusal, ReplicaSet};

/// An object of one of the kinds that can be simulated.
#[derive(Clone, Debug)]
pub enum Object {
    /// A Deployment.
    Deployment(Box<Deployment>),
    /// A ReplicaSet.
    ReplicaSet(Box<ReplicaSet>),
    /// A ReplicationController.
    ReplicationController(Box<ReplicaSet>),
    /// A Pod.
    Pod(Box<Pod>),
    /// An object of any other kind.
    Document(Box<Document>),
}

impl Object {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Document(document) => document.kind,
            Self::Deployment(_) => Kind::Deployment,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::ReplicationController(_) => Kind::ReplicationController,
            Self::Pod(_) => Kind::Pod,
        }
    }

    /// Its metadata, to be changed.
    pub const fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Deployment(deployment) => &mut deployment.meta,
            Self::ReplicaSet(set) | Self::ReplicationController(set) => &mut set.meta,
            Self::Pod(pod) => &mut pod.meta,
            Self::Document(document) => &mut document.meta,
        }
    }

    /// Its metadata.
    #[must_use]
    pub const fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Deployment(deployment) => &deployment.meta,
            Self::ReplicaSet(set) | Self::ReplicationController(set) => &set.meta,
            Self::Pod(pod) => &pod.meta,
            Self::Document(document) => &document.meta,
        }
    }
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(Reason::BadRequest, message.into())
}

/// The kind that a value says it is of.
///
/// # Errors
/// If it says none, or one that is not simulated.
pub fn kind_of(value: &Value) -> Result<Kind, Refusal> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    Kind::of(text("apiVersion"), text("kind"))
}

/// Decodes a value strictly: types and names of fields are checked, nothing is filled in.
///
/// # Errors
/// `BadRequest` with the words of the server's decoder.
pub fn decode_strictly(value: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(value)?;
    strict::decode(kind.go_type(), value).map_err(|fault| {
        let kind = kind.as_str();
        bad_request(format!("{kind} in version \"v1\" cannot be handled as a {kind}: {fault}"))
    })
}

/// A value as the API server would store it at its creation: decoded, filled in and checked.
///
/// The namespace is `default` unless given; a status is dropped; the generation is 1. Of what admission
/// adds to pods, the volume with the token of the service account is left out: nothing simulated reads
/// it, and its random name would make every pod's spec its own.
///
/// # Errors
/// `BadRequest` if it cannot be decoded, `Invalid` with a cause for each field at fault.
pub fn admit(value: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(value)?;
    let object = filled_in(value)?;
    if kind == Kind::Pod {
        refuse_computed_fields(value, &object)?;
    }
    validation::create(kind, &object).into_result(kind, name_of(&object))?;
    Ok(object)
}

/// A value as a request to create a `kind` in a namespace means it.
///
/// Version and kind may be missing; what is there must agree with what is asked for.
///
/// # Errors
/// `BadRequest` if the value is of another kind, version or namespace.
pub fn addressed(kind: Kind, namespace: &str, value: &Value) -> Result<Value, Refusal> {
    let Value::Object(fields) = value else {
        return Err(bad_request(format!("{} must be a JSON object", kind.as_str())));
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, word) = (text("apiVersion"), text("kind"));
    if !version.is_empty() && version != kind.api_version() {
        let expected = kind.api_version();
        return Err(bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    if !word.is_empty() && word != kind.as_str() {
        let (expected, version) = (kind.as_str(), kind.api_version());
        let detail = if Kind::of(version, word).is_ok() {
            let group = if version == "v1" { "core" } else { "apps" };
            format!("converting (v1.{word}) to ({group}.{expected}): unknown conversion")
        } else {
            format!(
                "no kind \"{word}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
            )
        };
        return Err(bad_request(format!("{word} in version \"v1\" cannot be handled as a {expected}: {detail}")));
    }
    let own = value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    if !own.is_empty() && own != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(bad_request(message));
    }
    let mut fields = fields.clone();
    fields.insert("apiVersion".to_owned(), Value::from(kind.api_version()));
    fields.insert("kind".to_owned(), Value::from(kind.as_str()));
    if let Value::Object(metadata) = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())) {
        metadata.insert("namespace".to_owned(), Value::from(namespace));
    }
    Ok(Value::Object(fields))
}

/// Fields of a pod that only admission may compute.
fn refuse_computed_fields(given: &Value, object: &Value) -> Result<(), Refusal> {
    let forbidden = |detail: String| {
        let message = format!("pods \"{}\" is forbidden: {detail}", name_of(object));
        Err(Refusal::new(Reason::Forbidden, message))
    };
    let spec = &given["spec"];
    if let Some(class) = spec.get("runtimeClassName").and_then(Value::as_str) {
        return forbidden(format!("pod rejected: RuntimeClass \"{class}\" not found"));
    }
    if let Some(priority) = spec.get("priority").and_then(Value::as_i64).filter(|priority| *priority != 0) {
        return forbidden(format!(
            "the integer value of priority ({priority}) must not be provided in pod spec; priority admission \
             controller computed 0 from the given PriorityClass name"
        ));
    }
    let policy = spec.get("preemptionPolicy").and_then(Value::as_str).unwrap_or("PreemptLowerPriority");
    if policy != "PreemptLowerPriority" {
        return forbidden(format!(
            "the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority admission \
             controller computed PreemptLowerPriority from the given PriorityClass name"
        ));
    }
    Ok(())
}

/// Decodes a value and fills in what the server fills in at creation.
fn filled_in(value: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(value)?;
    let mut object = decode_strictly(value)?;
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        default_fields(kind, fields);
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            if kind.is_namespaced() {
                metadata.entry("namespace").or_insert_with(|| Value::from("default"));
            } else {
                metadata.remove("namespace");
            }
            if kind.has_generation() {
                metadata.insert("generation".to_owned(), Value::from(1));
            } else {
                metadata.remove("generation");
            }
        }
    }
    // Once more, because a filled-in object has the server's form only after another decoding.
    decode_strictly(&object)
}

fn default_fields(kind: Kind, fields: &mut Map<String, Value>) {
    match kind {
        Kind::Deployment => defaults::deployment(fields),
        Kind::ReplicaSet => defaults::replica_set(fields),
        Kind::ReplicationController => defaults::replication_controller(fields),
        Kind::Pod => defaults::pod(fields),
        Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => {}
    }
}

/// A changed value as the API server would store it: decoded, filled in and checked against the old one.
///
/// Metadata that a client may not set and the status are taken from the old object, as the server's
/// update strategies do; the generation is left as it was, for the store to raise.
///
/// # Errors
/// As [`admit`], and `Invalid` for changes that are not allowed.
pub fn admit_update(old: &Value, new: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(new)?;
    let mut object = decode_strictly(new)?;
    if let (Value::Object(fields), Some(was)) = (&mut object, old.as_object()) {
        fields.remove("status");
        default_fields(kind, fields);
        match was.get("status") {
            Some(status) => fields.insert("status".to_owned(), status.clone()),
            None => fields.remove("status"),
        };
        if let (Some(Value::Object(metadata)), Some(Value::Object(was))) =
            (fields.get_mut("metadata"), was.get("metadata"))
        {
            let kept = [
                "namespace",
                "uid",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            ];
            for key in kept {
                let client_may_say = matches!(key, "namespace" | "uid") && metadata.contains_key(key);
                match was.get(key) {
                    _ if client_may_say => {}
                    Some(value) => drop(metadata.insert(key.to_owned(), value.clone())),
                    None => drop(metadata.remove(key)),
                }
            }
        }
    }
    let object = decode_strictly(&object)?;
    if name_of(&object) != name_of(old) {
        let (name, expected) = (name_of(&object), name_of(old));
        let message = format!("the name of the object ({name}) does not match the name on the URL ({expected})");
        return Err(bad_request(message));
    }
    validate_update(old, &object)?;
    Ok(object)
}

/// Checks a change from one stored form to another.
///
/// # Errors
/// `Invalid` with a cause for each field at fault.
pub fn validate_update(old: &Value, new: &Value) -> Result<(), Refusal> {
    let kind = kind_of(new)?;
    validation::change(kind, old, new).into_result(kind, name_of(new))
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// Takes a new object in.
///
/// # Errors
/// What the API server would say to its creation.
pub fn decode(value: &Value, edge: &mut Edge) -> Result<Object, Refusal> {
    read_admitted(&admit(value)?, edge)
}

/// Reads a value that [`admit`] or [`admit_update`] has given back.
///
/// # Errors
/// If the value is of another making and does not hold what its kind promises.
pub fn read_admitted(object: &Value, edge: &mut Edge) -> Result<Object, Refusal> {
    let read = match kind_of(object)? {
        Kind::Deployment => literal::decode_deployment(object, edge).map(|object| Object::Deployment(Box::new(object))),
        Kind::ReplicaSet => {
            literal::decode_replica_set(object, edge).map(|object| Object::ReplicaSet(Box::new(object)))
        }
        Kind::ReplicationController => {
            literal::decode_replica_set(object, edge).map(|object| Object::ReplicationController(Box::new(object)))
        }
        Kind::Pod => literal::decode_pod(object, edge).map(|object| Object::Pod(Box::new(object))),
        kind @ (Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob) => {
            document::decode_document(kind, object, edge).map(|object| Object::Document(Box::new(object)))
        }
    };
    read.map_err(|error: Error| bad_request(error.to_string()))
}
