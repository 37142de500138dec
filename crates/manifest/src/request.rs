//! What a request says beside the object that it carries: kind, namespace and subresource in its path.

use crate::admission::bad_request;
use crate::patch::patch_struct;
use crate::strict;
use crate::validation::Faults;
use crate::versions::HORIZONTAL_V1;
use serde_json::{Map, Value, json};
use wavetank_model::{Kind, Reason, Refusal};

/// The Go type of the subresource `scale`.
const SCALE: &str = "autoscaling/v1.Scale";

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
    let beside = kind == Kind::HorizontalPodAutoscaler && version == HORIZONTAL_V1 && word == kind.as_str();
    if !version.is_empty() && version != kind.api_version() && !beside {
        let expected = kind.api_version();
        return Err(bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    if !word.is_empty() && word != kind.as_str() {
        let (expected, version) = (kind.as_str(), kind.api_version());
        let detail = if Kind::of(version, word).is_ok() {
            let group = match kind.group() {
                "" => "core",
                group => group.split('.').next().unwrap_or(group),
            };
            format!("converting ({}.{word}) to ({group}.{expected}): unknown conversion", kind.version())
        } else {
            format!(
                "no kind \"{word}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
            )
        };
        return Err(bad_request(format!(
            "{word} in version \"{}\" cannot be handled as a {expected}: {detail}",
            kind.version()
        )));
    }
    let own = value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    if !own.is_empty() && own != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(bad_request(message));
    }
    let mut fields = fields.clone();
    if !beside {
        fields.insert("apiVersion".to_owned(), Value::from(kind.api_version()));
    }
    fields.insert("kind".to_owned(), Value::from(kind.as_str()));
    if !kind.is_namespaced() {
        return Ok(Value::Object(fields));
    }
    if let Value::Object(metadata) = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())) {
        metadata.insert("namespace".to_owned(), Value::from(namespace));
    }
    Ok(Value::Object(fields))
}

/// The subresource `scale` of an object: how many replicas it has and is to have.
#[must_use]
pub fn scale(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut kept = Map::new();
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = metadata.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    let count = |part: &str| object[part]["replicas"].as_i64().unwrap_or_default();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": count("spec")},
        "status": {"replicas": count("status")},
    })
}

/// The replicas that a `Scale` asks for, as a request to update `object` means it.
///
/// # Errors
/// `BadRequest` if the value is no `Scale`, `Conflict` if it speaks of another version, `Invalid` if it
/// asks for fewer than none.
pub fn put_scale(object: &Value, value: &Value) -> Result<i32, Refusal> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind") != "Scale" && !text("kind").is_empty() {
        let word = text("kind");
        return Err(bad_request(format!(
            "{word} in version \"v1\" cannot be handled as a Scale: converting (v1.{word}) to (autoscaling.Scale): \
             unknown conversion"
        )));
    }
    let decoded = strict::decode(SCALE, value)
        .map_err(|fault| bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {fault}")))?;
    let version = |value: &Value| value["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let (asked, stored) = (version(&decoded), version(object));
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if !asked.is_empty() && !stored.is_empty() && asked != stored {
        let resource = crate::kind_of(object).map(Kind::resource).unwrap_or_default();
        return Err(Refusal::conflict(resource, name));
    }
    replicas(&decoded, name)
}

/// The replicas that a patch of the subresource `scale` asks for.
///
/// # Errors
/// As [`put_scale`], and if the patch does not apply.
pub fn patch_scale(object: &Value, content_type: &str, patch: &Value) -> Result<i32, Refusal> {
    let patched = patch_struct(SCALE, content_type, &scale(object), patch)?;
    replicas(&patched, object["metadata"]["name"].as_str().unwrap_or_default())
}

fn replicas(scale: &Value, name: &str) -> Result<i32, Refusal> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or_default();
    let mut faults = Faults::default();
    faults.non_negative("spec.replicas", replicas);
    faults.refusing("Scale.autoscaling", name)?;
    i32::try_from(replicas).map_err(|_| bad_request("spec.replicas: too many"))
}

/// The node that a `Binding` sends a pod to.
///
/// # Errors
/// `BadRequest` if the value cannot be decoded; an error without a reason, as the server has it, if it
/// names no node.
pub fn binding(value: &Value) -> Result<String, Refusal> {
    let decoded = strict::decode("core/v1.Binding", value)
        .map_err(|fault| bad_request(format!("Binding in version \"v1\" cannot be handled as a Binding: {fault}")))?;
    let text = |key: &str| decoded["target"][key].as_str().unwrap_or_default();
    let mut faults = Faults::default();
    if !["", "Node"].contains(&text("kind")) {
        faults.unsupported("target.kind", &Value::from(text("kind")).to_string(), &["Node", "<empty>"]);
    }
    if text("name").is_empty() {
        faults.required("target.name", "");
    }
    if faults.is_empty() {
        return Ok(text("name").to_owned());
    }
    Err(Refusal::new(Reason::Other("".into()), faults.text()))
}

/// Reads an `Eviction`: the seconds of grace that it asks for, if it asks for some.
///
/// # Errors
/// `BadRequest` if the value cannot be decoded.
pub fn eviction(value: &Value) -> Result<Option<i64>, Refusal> {
    let decoded = strict::decode("policy/v1.Eviction", value)
        .map_err(|fault| bad_request(format!("Eviction in version \"v1\" cannot be handled as a Eviction: {fault}")))?;
    Ok(decoded["deleteOptions"]["gracePeriodSeconds"].as_i64())
}
