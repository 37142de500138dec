//! Requests to the simulated API server, in terms of resources, names and JSON objects.
//!
//! Everything that kubectl does is made of these. A dry run is a request to a fork.

use crate::built_in;
use crate::client::Client;
use crate::resource::Resource;
use serde_json::{Value, json};
use wavetank::{Cluster, Kind, ListOptions, PatchKind, Propagation};
use wavetank_model::{FieldSelector, Reason, Refusal, Selector, StringMap};

/// Where an object is: its resource, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) resource: Resource,
    /// Empty for what lives in no namespace.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Address {
    pub(crate) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.namespaced { namespace } else { "" };
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The address of an object that says what it is.
    pub(crate) fn of(resource: Resource, object: &Value) -> Self {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        Self::new(resource, text("/metadata/namespace"), text("/metadata/name"))
    }

    /// As messages name it: `deployment.apps/web`.
    pub(crate) fn label(&self) -> String {
        self.resource.label(&self.name)
    }

    fn path(&self) -> String {
        if self.namespace.is_empty() { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) }
    }

    fn missing(&self) -> Refusal {
        Refusal::not_found(&self.resource.qualified(), &self.name)
    }
}

/// Which objects of a resource are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// In which namespace; nothing means all.
    pub(crate) namespace: Option<String>,
    /// Label selector as written.
    pub(crate) labels: Option<String>,
    /// Field selector as written.
    pub(crate) fields: Option<String>,
}

/// What stands behind a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// A kind of the API server's own.
    BuiltIn(Kind),
    /// A kind of the user's own, by its word.
    Own(String),
}

/// What is simulated behind a resource, if anything is.
pub(crate) fn served(cluster: &Cluster, resource: &Resource) -> Option<Served> {
    let qualified = resource.qualified();
    let kind = Kind::all().find(|kind| kind.as_str() == resource.kind && kind.resource() == qualified);
    kind.map(Served::BuiltIn).or_else(|| {
        let mut own = cluster.own_kinds().filter(|kind| kind.word() == resource.kind && kind.resource() == qualified);
        own.next().map(|kind| Served::Own(kind.word().to_owned()))
    })
}

fn simulated(cluster: &Cluster, resource: &Resource) -> Result<Served, Refusal> {
    served(cluster, resource).ok_or_else(|| not_simulated(resource))
}

fn not_simulated(resource: &Resource) -> Refusal {
    Refusal::new(Reason::Other("NotSimulated".into()), format!("not simulated: {}", resource.qualified()))
}

fn refusal(error: wavetank::Error) -> Refusal {
    if let wavetank::Error::Refused(refusal) = error {
        return refusal;
    }
    Refusal::new(Reason::BadRequest, error.to_string())
}

/// An object.
pub(crate) fn get(cluster: &Cluster, at: &Address) -> Result<Value, Refusal> {
    // Of what is not simulated there is nothing but what the server made for itself.
    let kind = match served(cluster, &at.resource) {
        Some(Served::BuiltIn(kind)) => kind,
        Some(Served::Own(word)) => {
            return cluster.own_object(&word, &at.path()).cloned().map_err(|_| at.missing());
        }
        None => {
            let mut there = built_in::objects(cluster, &at.resource).into_iter();
            return there.find(|object| object["metadata"]["name"] == *at.name).ok_or_else(|| at.missing());
        }
    };
    if kind == Kind::Event {
        let options = ListOptions { namespace: Some(at.namespace.clone()), ..ListOptions::default() };
        let events = cluster.list(kind, &options).map_err(refusal)?;
        return events.into_iter().find(|event| event["metadata"]["name"] == *at.name).ok_or_else(|| at.missing());
    }
    cluster.json(kind, &at.path()).map_err(|_| at.missing())
}

/// Whether selectors choose an object of a kind without fields of its own to be selected by.
fn is_wanted(options: &ListOptions, object: &Value) -> bool {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    let labels: StringMap = labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    let by_field = |field: &str| match field {
        "metadata.name" => text("name"),
        "metadata.namespace" => text("namespace"),
        _ => "",
    };
    options.namespace.as_ref().is_none_or(|namespace| text("namespace") == namespace)
        && options.labels.as_ref().is_none_or(|selector| selector.matches(&labels))
        && options.fields.as_ref().is_none_or(|fields| fields.matches(by_field))
}

/// Objects of a resource, in order of namespaces and names.
pub(crate) fn list(cluster: &Cluster, resource: &Resource, wanted: &Wanted) -> Result<Vec<Value>, Refusal> {
    let labels = wanted.labels.as_deref().unwrap_or_default();
    let fields = wanted.fields.as_deref().unwrap_or_default();
    let unable = |why: &str| {
        let shown = [labels, fields].map(crate::flags::quoted);
        let message = format!(
            "Unable to find {} that match label selector {}, field selector {}: {why}",
            crate::flags::quoted(&resource.in_requests()),
            shown[0],
            shown[1]
        );
        Refusal::new(Reason::BadRequest, message)
    };
    let options = ListOptions {
        namespace: wanted.namespace.clone().filter(|_| resource.namespaced),
        labels: Some(Selector::parse(labels).map_err(|error| unable(&error.to_string()))?),
        fields: Some(FieldSelector::parse(fields).map_err(|error| unable(&error.to_string()))?),
    };
    let kind = match served(cluster, resource) {
        Some(Served::BuiltIn(kind)) => kind,
        Some(Served::Own(word)) => {
            let all = cluster.own_objects(&word).filter(|object| is_wanted(&options, object));
            return Ok(all.cloned().collect());
        }
        None => {
            let mut there = built_in::objects(cluster, resource);
            there.retain(|object| is_wanted(&options, object));
            return Ok(there);
        }
    };
    let mut found = cluster.list(kind, &options).map_err(|error| {
        let refused = refusal(error);
        unable(&refused.message)
    })?;
    // The history has events by time, the server by name.
    if kind == Kind::Event {
        let text = |event: &Value, field: &str| event["metadata"][field].as_str().unwrap_or_default().to_owned();
        found.sort_by_cached_key(|event| (text(event, "namespace"), text(event, "name")));
    }
    Ok(found)
}

/// Creates an object in a namespace and answers it as stored.
pub(crate) fn create(cluster: &mut Client<'_>, at: &Address, object: &Value) -> Result<Value, Refusal> {
    simulated(cluster, &at.resource)?;
    let mut named = object.clone();
    if !at.namespace.is_empty() {
        named["metadata"]["namespace"] = at.namespace.as_str().into();
    }
    let made = cluster.create(&named.to_string()).map_err(refusal)?;
    cluster.warned(made.iter().flat_map(|applied| applied.warnings.iter().cloned()));
    let name = made.first().and_then(|applied| applied.object.split_once('/')).map(|(_, name)| name.to_owned());
    let at = Address { name: name.unwrap_or_else(|| at.name.clone()), ..at.clone() };
    get(cluster, &at)
}

/// Puts an object in the place of the stored one. A resource version in it must be the stored one's.
pub(crate) fn replace(cluster: &mut Client<'_>, at: &Address, object: &Value) -> Result<Value, Refusal> {
    let live = get(cluster, at)?;
    demand_version(at, &live, object)?;
    let whole = json!([{"op": "replace", "path": "", "value": object}]);
    send_patch(cluster, at, PatchKind::Json, &whole)?;
    get(cluster, at)
}

fn send_patch(cluster: &mut Client<'_>, at: &Address, how: PatchKind, patch: &Value) -> Result<(), Refusal> {
    match simulated(cluster, &at.resource)? {
        Served::BuiltIn(kind) => {
            let warnings = cluster.patch(kind, &at.path(), how, patch).map_err(refusal)?;
            cluster.warned(warnings);
            Ok(())
        }
        Served::Own(word) => cluster.patch_own(&word, &at.path(), how, patch).map_err(refusal),
    }
}

fn demand_version(at: &Address, live: &Value, given: &Value) -> Result<(), Refusal> {
    let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let wanted = version(given);
    if wanted.is_empty() || wanted == version(live) {
        return Ok(());
    }
    Err(Refusal::conflict(&at.resource.qualified(), &at.name))
}

/// Patches an object; answers it as it was and as it is.
pub(crate) fn patch(
    cluster: &mut Client<'_>,
    at: &Address,
    how: PatchKind,
    patch: &Value,
) -> Result<(Value, Value), Refusal> {
    let before = get(cluster, at)?;
    if how != PatchKind::Json {
        demand_version(at, &before, patch)?;
    }
    send_patch(cluster, at, how, patch)?;
    Ok((before, get(cluster, at)?))
}

/// Applies an object on the server under the name of a manager; answers it as stored.
pub(crate) fn server_side_apply(
    cluster: &mut Client<'_>,
    at: &Address,
    object: &Value,
    manager: &str,
    force: bool,
) -> Result<Value, Refusal> {
    let Served::BuiltIn(_) = simulated(cluster, &at.resource)? else { return Err(not_simulated(&at.resource)) };
    let applied = cluster.server_side_apply(&object.to_string(), manager, force).map_err(refusal)?;
    cluster.warned(applied.into_iter().flat_map(|each| each.warnings));
    get(cluster, at)
}

/// An object with the owners of its fields, as stored.
pub(crate) fn with_owners(cluster: &Cluster, at: &Address, mut object: Value) -> Value {
    let Some(Served::BuiltIn(kind)) = served(cluster, &at.resource) else { return object };
    let Ok(stored) = cluster.json_with_managed_fields(kind, &at.path()) else { return object };
    if let Some(entries) = stored["metadata"].get("managedFields") {
        object["metadata"]["managedFields"] = entries.clone();
    }
    object
}

/// Patches the status of a pod; see [`Cluster::patch_pod_status`].
pub(crate) fn patch_pod_status(
    cluster: &mut Cluster,
    at: &Address,
    how: PatchKind,
    patch: &Value,
) -> Result<Value, Refusal> {
    cluster.patch_pod_status(&at.path(), how, patch).map_err(refusal)?;
    get(cluster, at)
}

/// Deletes an object; what depends on it goes as `how` says.
///
/// Pods get `grace` seconds to stop, or as many as they ask for.
pub(crate) fn delete(cluster: &mut Cluster, at: &Address, how: Propagation, grace: Option<i64>) -> Result<(), Refusal> {
    get(cluster, at)?;
    match (simulated(cluster, &at.resource)?, grace) {
        (Served::BuiltIn(Kind::Pod), Some(seconds)) => cluster.delete_pod(&at.path(), Some(seconds)).map_err(refusal),
        (Served::BuiltIn(kind), _) => cluster.delete(kind, &at.path(), how).map_err(refusal),
        (Served::Own(word), _) => cluster.delete_own(&word, &at.path()).map_err(refusal),
    }
}

/// The `scale` subresource of an object.
pub(crate) fn scale(cluster: &Cluster, at: &Address, object: &Value) -> Value {
    let own = match served(cluster, &at.resource) {
        Some(Served::Own(word)) => cluster.own_scale(&word, &at.path()).ok(),
        Some(Served::BuiltIn(_)) | None => None,
    };
    let mut scale = scale_of(at, object);
    if let Some(own) = own {
        scale["spec"]["replicas"] = own.spec_replicas.into();
        scale["status"] = json!({"replicas": own.status_replicas});
        if !own.selector.is_empty() {
            scale["status"]["selector"] = (*own.selector).into();
        }
    }
    scale
}

fn scale_of(at: &Address, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let selector = &object["spec"]["selector"];
    let mut scale = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "creationTimestamp": metadata["creationTimestamp"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "resourceVersion": metadata["resourceVersion"],
            "uid": metadata["uid"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0)},
    });
    let selector = if at.resource.kind == "ReplicationController" {
        let pairs = selector.as_object().into_iter().flatten();
        let pairs: Vec<String> =
            pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
        pairs.join(",")
    } else {
        selector_text(selector)
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    scale
}

/// A label selector of an object as text.
pub(crate) fn selector_text(selector: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut terms: Vec<(String, String)> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        terms.push((key.clone(), format!("{key}={}", text(value))));
    }
    for each in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = text(&each["key"]);
        let mut values: Vec<String> = each["values"].as_array().into_iter().flatten().map(text).collect();
        values.sort();
        let values = values.join(",");
        let term = match each["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        };
        terms.push((key, term));
    }
    terms.sort();
    let terms: Vec<String> = terms.into_iter().map(|(_, term)| term).collect();
    terms.join(",")
}

/// Sets the replicas of an object by its `scale` subresource.
pub(crate) fn set_scale(cluster: &mut Client<'_>, at: &Address, replicas: i32) -> Result<Value, Refusal> {
    if !at.resource.scales() {
        return Err(Refusal::new(Reason::NotFound, "the server could not find the requested resource"));
    }
    if replicas < 0 {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let name = &at.name;
        let mut refusal =
            Refusal::new(Reason::Invalid, format!("Scale.autoscaling \"{name}\" is invalid: spec.replicas: {message}"));
        let (reason, field) = ("FieldValueInvalid".into(), "spec.replicas".into());
        refusal.causes.push(wavetank_model::Cause { reason, message: message.into(), field });
        return Err(refusal);
    }
    get(cluster, at)?;
    match simulated(cluster, &at.resource)? {
        Served::BuiltIn(kind) => {
            let warnings = cluster.patch_scale(kind, &at.path(), replicas).map_err(refusal)?;
            cluster.warned(warnings);
        }
        Served::Own(word) => cluster.scale_own(&word, &at.path(), replicas).map_err(refusal)?,
    }
    get(cluster, at)
}

/// The fields that a refusal names as unknown, or given twice.
pub(crate) fn unknown_fields(refusal: &Refusal) -> Vec<String> {
    let Some((_, faults)) = refusal.message.split_once("strict decoding error: ") else { return Vec::new() };
    faults
        .split(", ")
        .filter_map(|fault| fault.strip_prefix("unknown field \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect()
}

/// Takes the fields out of an object that a refusal names as unknown; answers which those are.
pub(crate) fn drop_unknown_fields(object: &mut Value, refusal: &Refusal) -> Vec<String> {
    let unknown = unknown_fields(refusal);
    for field in &unknown {
        drop_field(object, field);
    }
    unknown
}

/// Takes a field out of an object, given as `spec.containers[0].imag`.
fn drop_field(object: &mut Value, field: &str) {
    let mut value = object;
    let mut parts = field.split('.').peekable();
    while let Some(part) = parts.next() {
        let (key, index) = part.split_once('[').unwrap_or((part, ""));
        if parts.peek().is_none() && index.is_empty() {
            if let Some(fields) = value.as_object_mut() {
                fields.remove(key);
            }
            return;
        }
        let index = index.trim_end_matches(']').parse::<usize>().ok();
        let Some(next) = value.get_mut(key) else { return };
        value = match index {
            None => next,
            Some(index) => match next.get_mut(index) {
                Some(item) => item,
                None => return,
            },
        };
    }
}
