//! What controllers own of an object, and what its creator owns: it follows from the object.

use super::compare::{compare, fields_of};
use super::entries::{Owned, Owner, Owners};
use super::path::PathElement;
use super::set::FieldSet;
use super::shape::Shape;
use super::{CONTROLLERS, KUBECTL_CREATE, KUBELET};
use crate::{Edge, strict};
use serde_json::{Map, Value};
use wavetank_engine::Time;
use wavetank_model::{Kind, ManagedFields, ManagedOperation};

/// The annotation that the Deployment controller writes together with the status.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Fields of pods that admission fills in, so that nobody owns them unless they were given.
pub(super) const POD_ADMISSION: [&str; 6] =
    ["nodeName", "preemptionPolicy", "priority", "serviceAccount", "serviceAccountName", "tolerations"];

/// Fields of Services that the server allocates.
pub(super) const SERVICE_ALLOCATION: [&str; 5] =
    ["clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"];

/// Fields of metadata that nobody owns.
/// Source: `stripSet` of `apimachinery/pkg/util/managedfields/internal/stripmeta.go`.
pub(super) fn never_owned() -> FieldSet {
    let mut set = FieldSet::of_fields(&[&["apiVersion"], &["kind"], &["metadata"]]);
    for key in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set = set.union(&FieldSet::of_fields(&[&["metadata", key]]));
    }
    set
}

/// The shape of the objects of a kind.
pub(super) fn shape_of(kind: Kind) -> Shape {
    Shape::of_struct(kind.go_type())
}

/// An object with all that the server's types always write. What cannot be decoded stays as it is.
pub(super) fn in_full(kind: Kind, object: &Value) -> Value {
    strict::decode(kind.go_type(), object).unwrap_or_else(|_| object.clone())
}

/// The object that has nothing yet.
pub(super) fn nothing(kind: Kind) -> Value {
    in_full(kind, &Value::Object(Map::new()))
}

/// What a creation writes: all that is not nothing, apart from what only the server writes.
pub(super) fn creation(kind: Kind, object: &Value) -> FieldSet {
    let written = compare(shape_of(kind), &nothing(kind), &in_full(kind, object)).written();
    written.difference(&never_owned()).without_all_of(&FieldSet::of_fields(&[&["status"]]))
}

/// Who writes the status of a kind, if somebody does.
const fn status_writer(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Pod | Kind::Node => Some(KUBELET),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::HorizontalPodAutoscaler
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => Some(CONTROLLERS),
        Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::Event
        | Kind::Ingress => None,
    }
}

/// Whether an entry is one of those that follow from the object.
pub(super) fn follows(kind: Kind, owner: &Owner) -> bool {
    status_writer(kind).is_some_and(|writer| &*owner.manager == writer)
        && owner.operation == ManagedOperation::Update
        && &*owner.subresource == "status"
}

/// Who creates an object of which it is not known otherwise.
fn creator_of(kind: Kind, object: &Value) -> &'static str {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let controlled = owners.into_iter().flatten().any(|owner| owner["controller"] == true);
    // A pod that a set has let go was made by that set still.
    let controlled = controlled || (kind == Kind::Pod && object["metadata"]["generateName"].is_string());
    match kind {
        Kind::Node => KUBELET,
        Kind::EndpointSlice | Kind::Endpoints | Kind::Event => CONTROLLERS,
        _ if controlled => CONTROLLERS,
        Kind::Pod
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::HorizontalPodAutoscaler
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob
        | Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Ingress => KUBECTL_CREATE,
    }
}

/// All owners of an object: those that are remembered, and those that follow from it.
pub(super) fn owners(kind: Kind, object: &Value, known: Option<&ManagedFields>, edge: &Edge) -> Owners {
    let mut owners = Owners::of(known.map(|known| known.entries.as_slice()).unwrap_or_default());
    let status = status_writer(kind).map(|writer| update(kind, writer, "status"));
    let derived = status.map(|owner| (owner, by_status(kind, object, &owners)));
    if known.is_none_or(|known| known.creator.is_some()) {
        let name = known.and_then(|known| known.creator.clone()).unwrap_or_else(|| creator_of(kind, object).into());
        let others = owners.0.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
        let mut given = object.clone();
        forget_what_the_server_adds(kind, &mut given, None);
        if let Some(Value::Object(annotations)) = given.pointer_mut("/metadata/annotations") {
            annotations.retain(|key, _| !(kind == Kind::Deployment && key == REVISION));
        }
        let fields = creation(kind, &given).difference(&others);
        let created = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        let time = created.and_then(|text| edge.time(text).ok());
        owners.0.insert(update(kind, &name, ""), Owned { fields, api_version: kind.api_version().into(), time });
    }
    // What follows from the status has been written after the creation.
    if let Some((owner, fields)) = derived.filter(|(_, fields)| !fields.is_empty()) {
        let fields = fields.union(&own_map_of_annotations(kind, object, &owners, &fields));
        let time = latest_time(&object["status"], edge);
        let created = owners.0.values().filter_map(|owned| owned.time).min();
        let time = time.max(created);
        owners.0.insert(owner, Owned { fields, api_version: kind.api_version().into(), time });
    }
    owners
}

/// Takes away what the server itself adds to an object that is created.
pub(super) fn forget_what_the_server_adds(kind: Kind, object: &mut Value, given: Option<&Value>) {
    let said = |key: &str| given.is_some_and(|given| !given["spec"][key].is_null());
    let added: &[&str] = match kind {
        Kind::Pod => &POD_ADMISSION,
        Kind::Service => &SERVICE_ALLOCATION,
        Kind::Namespace => &["finalizers"],
        Kind::Job => &["selector"],
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::HorizontalPodAutoscaler
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::CronJob
        | Kind::ConfigMap
        | Kind::Node
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::Event
        | Kind::Ingress => &[],
    };
    let Some(Value::Object(spec)) = object.get_mut("spec") else { return };
    spec.retain(|key, _| said(key) || !added.contains(&key.as_str()));
    if kind == Kind::Service {
        for (index, port) in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
            let given = given.is_some_and(|given| !given["spec"]["ports"][index]["nodePort"].is_null());
            if let (false, Value::Object(port)) = (given, port) {
                port.remove("nodePort");
            }
        }
    }
}

fn update(kind: Kind, manager: &str, subresource: &str) -> Owner {
    Owner {
        manager: manager.into(),
        operation: ManagedOperation::Update,
        api_version: kind.api_version().into(),
        subresource: subresource.into(),
    }
}

/// What the writer of the status owns.
fn by_status(kind: Kind, object: &Value, others: &Owners) -> FieldSet {
    let mut before = nothing(kind);
    let mut after = before.clone();
    after["status"] = object["status"].clone();
    if after["status"].is_null() {
        return FieldSet::default();
    }
    if kind == Kind::Pod {
        // The server writes these when it stores and when it binds the pod.
        let bound = object["status"]["conditions"].as_array().into_iter().flatten();
        let bound: Vec<Value> = bound.filter(|condition| condition["type"] == "PodScheduled").cloned().collect();
        if !bound.is_empty() {
            before["status"]["conditions"] = Value::Array(bound);
        }
        before["status"]["qosClass"] = object["status"]["qosClass"].clone();
        before["status"]["phase"] = Value::from("Pending");
    }
    let mut fields = compare(shape_of(kind), &before, &in_full(kind, &after)).written();
    if kind == Kind::Deployment && object["metadata"]["annotations"][REVISION].is_string() {
        let revision = FieldSet::of_fields(&[&["metadata", "annotations", REVISION]]);
        if others.0.values().all(|owned| owned.fields.intersection(&revision).is_empty()) {
            fields = fields.union(&revision);
        }
    }
    fields
}

/// Whoever wrote the first annotation owns the map itself.
fn own_map_of_annotations(kind: Kind, object: &Value, others: &Owners, fields: &FieldSet) -> FieldSet {
    let metadata = PathElement::Field("metadata".to_owned());
    let annotations = PathElement::Field("annotations".to_owned());
    let nobody = |owned: &Owned| owned.fields.below(&metadata).is_none_or(|set| set.below(&annotations).is_none());
    let writes = kind == Kind::Deployment && fields.below(&metadata).is_some();
    let alone = object["metadata"]["annotations"].as_object().is_some_and(|map| map.len() == 1);
    if writes && alone && others.0.values().all(nobody) {
        return FieldSet::of_fields(&[&["metadata", "annotations"]]);
    }
    FieldSet::default()
}

/// The latest time that a status tells of.
fn latest_time(status: &Value, edge: &Edge) -> Option<Time> {
    match status {
        Value::String(text) if text.ends_with('Z') && text.contains('T') => {
            edge.time(text).ok().map(Time::floor_second)
        }
        Value::Array(items) => items.iter().filter_map(|item| latest_time(item, edge)).max(),
        Value::Object(map) => map.values().filter_map(|item| latest_time(item, edge)).max(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What an applied object says, and so its manager owns.
pub(super) fn applied_fields(kind: Kind, config: &Value) -> FieldSet {
    let said = fields_of(shape_of(kind), config);
    said.without_all_of(&FieldSet::of_fields(&[&["status"]])).difference(&never_owned())
}
