//! Taking objects in as the API server does: decode strictly, fill in, check.

use crate::allocation::{Allocated, allocate};
use crate::validation::{NAME_LABELS, UID_LABELS};
use crate::versions::{HORIZONTAL_V1, horizontal_from_v1};
use crate::warnings::warnings;
use crate::{defaults, strict, validation};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use wavetank_model::{Kind, Reason, Refusal, Uid};

/// An object as the server would store it, and what it warned of.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// The object, decoded, filled in and checked.
    pub object: Value,
    /// The texts of the `Warning` headers.
    pub warnings: Vec<Arc<str>>,
}

/// What of a cluster matters to the objects that it takes in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The uid that a new object gets.
    pub uid: Arc<str>,
    /// What its Services have been given.
    pub services: Allocated,
    /// Feature gate `HPAScaleToZero`.
    pub scale_to_zero: bool,
}

impl Default for Surroundings {
    /// An empty cluster, whose objects have the uid that nothing has.
    fn default() -> Self {
        Self { uid: Uid(0).to_string().into(), services: Allocated::default(), scale_to_zero: false }
    }
}

pub(crate) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(Reason::BadRequest, message.into())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a value is an autoscaler of the version that is served beside the stored one.
fn is_horizontal_v1(value: &Value) -> bool {
    text(value, "apiVersion") == HORIZONTAL_V1 && text(value, "kind") == Kind::HorizontalPodAutoscaler.as_str()
}

/// The kind that a value says it is of, in a version that the server serves.
///
/// # Errors
/// If it says none, or one that is not there.
pub fn kind_of(value: &Value) -> Result<Kind, Refusal> {
    if is_horizontal_v1(value) {
        return Ok(Kind::HorizontalPodAutoscaler);
    }
    Kind::of(text(value, "apiVersion"), text(value, "kind"))
}

/// Decodes a value strictly: types and names of fields are checked, nothing is filled in. What comes is in
/// the version that is stored.
///
/// # Errors
/// `BadRequest` with the words of the server's decoder.
pub fn decode_strictly(value: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(value)?;
    let decode = |go_type: &'static str, version: &str, value: &Value| {
        strict::decode(go_type, value).map_err(|fault| {
            let kind = kind.as_str();
            bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {fault}"))
        })
    };
    if is_horizontal_v1(value) {
        let decoded = decode("autoscaling/v1.HorizontalPodAutoscaler", "v1", value)?;
        return decode(kind.go_type(), kind.version(), &horizontal_from_v1(&decoded));
    }
    decode(kind.go_type(), kind.version(), value)
}

/// A value as the API server would store it at its creation in an empty cluster; see [`admit_into`].
///
/// # Errors
/// `BadRequest` if it cannot be decoded, `Invalid` with a cause for each field at fault.
pub fn admit(value: &Value) -> Result<Value, Refusal> {
    admit_into(value, &Surroundings::default()).map(|admitted| admitted.object)
}

/// A value as the API server would store it at its creation: decoded, filled in and checked.
///
/// The namespace is `default` unless given; a status is dropped; the generation is 1. Of what admission
/// adds to pods, the volume with the token of the service account is left out: nothing simulated reads
/// it, and its random name would make every pod's spec its own.
///
/// # Errors
/// `BadRequest` if it cannot be decoded, `Invalid` with a cause for each field at fault.
pub fn admit_into(value: &Value, surroundings: &Surroundings) -> Result<Admitted, Refusal> {
    let kind = kind_of(value)?;
    let mut object = filled_in(value)?;
    if kind == Kind::Pod {
        refuse_computed_fields(value, &object)?;
    }
    if kind == Kind::Service {
        object = allocate(&object, &surroundings.services)?;
    }
    if kind == Kind::Job {
        generate_selector(&mut object, &surroundings.uid);
    }
    let mut checked = object.clone();
    if let Some(Value::Object(metadata)) = checked.get_mut("metadata") {
        metadata.insert("uid".to_owned(), Value::from(&*surroundings.uid));
    }
    validation::create(kind, &checked, surroundings.scale_to_zero).into_result(kind, name_of(&object))?;
    if kind == Kind::Job {
        label_as_template(&mut object);
    }
    let warnings = warnings(kind, &object, true).into_iter().map(Arc::from).collect();
    Ok(Admitted { object, warnings })
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

/// Gives a Job the labels by which it knows its pods, unless its user sees to that.
///
/// Labels that are there already stay; whether they fit is for validation to say.
fn generate_selector(job: &mut Value, uid: &str) {
    let name = name_of(job).to_owned();
    let Some(Value::Object(spec)) = job.get_mut("spec") else { return };
    if spec.get("manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let map = |value: &mut Value| {
        if value.is_null() {
            *value = Value::Object(Map::new())
        }
    };
    let template = spec.entry("template").or_insert(Value::Null);
    map(template);
    let metadata = &mut template["metadata"];
    map(metadata);
    map(&mut metadata["labels"]);
    if let Value::Object(labels) = &mut metadata["labels"] {
        for (keys, value) in [(UID_LABELS, uid), (NAME_LABELS, name.as_str())] {
            for key in keys {
                labels.entry(key).or_insert_with(|| Value::from(value));
            }
        }
    }
    let selector = spec.entry("selector").or_insert(Value::Null);
    map(selector);
    map(&mut selector["matchLabels"]);
    if let Value::Object(wanted) = &mut selector["matchLabels"] {
        wanted.entry(UID_LABELS[0]).or_insert_with(|| Value::from(uid));
    }
}

/// A Job without labels of its own has those of its template, once it is read back.
fn label_as_template(job: &mut Value) {
    let labels = job.pointer("/spec/template/metadata/labels").cloned();
    if let (Some(labels), Some(Value::Object(metadata))) = (labels, job.get_mut("metadata")) {
        let own = metadata.entry("labels").or_insert(Value::Null);
        if own.as_object().is_none_or(Map::is_empty) {
            *own = labels;
        }
    }
}

/// Decodes a value and fills in what the server fills in at creation.
fn filled_in(value: &Value) -> Result<Value, Refusal> {
    let kind = kind_of(value)?;
    let mut object = decode_strictly(value)?;
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if kind == Kind::HorizontalPodAutoscaler {
            keep_empty_policies(value, fields);
        }
        defaults::fill_in(kind, fields);
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
        if kind == Kind::Namespace {
            fields.insert("status".to_owned(), json!({"phase": "Active"}));
        }
    }
    // Once more, because a filled-in object has the server's form only after another decoding.
    decode_strictly(&object)
}

/// An empty list of policies is no absent one: nothing is filled in for it.
fn keep_empty_policies(value: &Value, fields: &mut Map<String, Value>) {
    for key in ["scaleUp", "scaleDown"] {
        let given = value.pointer(&format!("/spec/behavior/{key}/policies"));
        let rules = fields.get_mut("spec").and_then(|spec| spec.get_mut("behavior")?.get_mut(key)?.as_object_mut());
        if let (Some(Value::Array(policies)), Some(rules)) = (given, rules)
            && policies.is_empty()
        {
            rules.insert("policies".to_owned(), Value::Array(Vec::new()));
        }
    }
}

/// A changed value as the API server would store it, in a cluster whose Services have nothing else; see
/// [`admit_update_into`].
///
/// # Errors
/// As [`admit`], and `Invalid` for changes that are not allowed.
pub fn admit_update(old: &Value, new: &Value) -> Result<Value, Refusal> {
    admit_update_into(old, new, &Surroundings::default()).map(|admitted| admitted.object)
}

/// A changed value as the API server would store it: decoded, filled in and checked against the old one.
///
/// Metadata that a client may not set and the status are taken from the old object, as the server's
/// update strategies do; the generation is left as it was, for the store to raise. The surroundings
/// count what the old object has been given.
///
/// # Errors
/// As [`admit_into`], `Conflict` if the value speaks of another version or another object of that name,
/// and `Invalid` for changes that are not allowed.
pub fn admit_update_into(old: &Value, new: &Value, surroundings: &Surroundings) -> Result<Admitted, Refusal> {
    let kind = kind_of(new)?;
    let mut object = decode_strictly(new)?;
    if name_of(&object) != name_of(old) {
        let (name, expected) = (name_of(&object), name_of(old));
        let message = format!("the name of the object ({name}) does not match the name on the URL ({expected})");
        return Err(bad_request(message));
    }
    demand_same(kind, old, &object)?;
    if let (Value::Object(fields), Some(was)) = (&mut object, old.as_object()) {
        fields.remove("status");
        defaults::fill_in(kind, fields);
        match was.get("status") {
            Some(status) => fields.insert("status".to_owned(), status.clone()),
            None => fields.remove("status"),
        };
        if let (Some(Value::Object(metadata)), Some(Value::Object(was))) =
            (fields.get_mut("metadata"), was.get("metadata"))
        {
            keep_metadata(metadata, was);
        }
        if kind == Kind::Service {
            defaults::keep_what_was_given(old, fields);
        }
    }
    let mut object = decode_strictly(&object)?;
    if kind == Kind::Service {
        let mut services = surroundings.services.clone();
        services.release(old);
        object = allocate(&object, &services)?;
    }
    validation::change(kind, old, &object, surroundings.scale_to_zero).into_result(kind, name_of(&object))?;
    let warnings = warnings(kind, &object, false).into_iter().map(Arc::from).collect();
    Ok(Admitted { object, warnings })
}

/// A client that names a version or a uid speaks of that object only.
fn demand_same(kind: Kind, old: &Value, new: &Value) -> Result<(), Refusal> {
    let text = |value: &Value, key: &str| {
        value
            .get("metadata")
            .and_then(|metadata| metadata.get(key)?.as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    };
    let name = name_of(new);
    let version = text(new, "resourceVersion");
    if !version.is_empty() {
        if version.parse::<u64>().is_err() {
            let message = format!("strconv.ParseUint: parsing {}: invalid syntax", Value::from(version));
            return Err(Refusal::new(Reason::Other("".into()), message));
        }
        let stored = text(old, "resourceVersion");
        if !stored.is_empty() && stored != version {
            return Err(Refusal::conflict(kind.resource(), name));
        }
    }
    let (uid, stored) = (text(new, "uid"), text(old, "uid"));
    if !uid.is_empty() && !stored.is_empty() && uid != stored {
        let namespace = text(old, "namespace");
        let place = if namespace.is_empty() { String::new() } else { format!("/{namespace}") };
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": StorageError: invalid object, Code: 4, Key: \
             /{}{place}/{name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: \
             {uid}, UID in object meta: {stored}",
            kind.resource(),
            kind.plural(),
        );
        return Err(Refusal::new(Reason::Conflict, message));
    }
    Ok(())
}

/// Keeps the metadata that a client may not set.
fn keep_metadata(metadata: &mut Map<String, Value>, was: &Map<String, Value>) {
    let kept =
        ["namespace", "uid", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    for key in kept {
        let client_may_say = matches!(key, "namespace" | "uid") && metadata.contains_key(key);
        match was.get(key) {
            _ if client_may_say => {}
            Some(value) => drop(metadata.insert(key.to_owned(), value.clone())),
            None => drop(metadata.remove(key)),
        }
    }
}

/// Checks a change from one stored form to another.
///
/// # Errors
/// `Invalid` with a cause for each field at fault.
pub fn validate_update(old: &Value, new: &Value) -> Result<(), Refusal> {
    let kind = kind_of(new)?;
    validation::change(kind, old, new, false).into_result(kind, name_of(new))
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
