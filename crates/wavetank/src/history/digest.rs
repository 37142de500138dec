//! A change in canonical binary form: time, identity, field, value. Arena keys, log level, queue type
//! and rendered text do not enter.

use wavetank_engine::{Digest, Second, Time};
use wavetank_model::horizontal::{HorizontalStatus, MetricStatus};
use wavetank_model::{
    ConditionStatus, Deployment, DeploymentCondition, DocumentStatus, EndpointConditions, EndpointSlice, Meaning,
    ObjectMeta, Quantity, ReplicaSet, ReplicaSetCondition,
};
use wavetank_store::{Change, PodChange, Store};

fn word(digest: &mut Digest, value: i64) {
    digest.word(value.cast_unsigned());
}

fn time(digest: &mut Digest, value: Option<Time>) {
    word(digest, value.map_or(i64::MIN, Time::as_nanos));
}

/// Adds one change of an object that is no pod at one time: of one that was there before, the parts that differ.
pub(crate) fn add_object(digest: &mut Digest, now: Time, change: &Change) {
    word(digest, now.as_nanos());
    match change {
        Change::Pod(_) => {}
        Change::Deployment { old, new, .. } => match (old, new) {
            (old, Some(new)) => deployment(digest, old.as_deref(), new),
            (Some(old), None) => gone(digest, 1, &old.meta),
            (None, None) => {}
        },
        Change::ReplicaSet { old, new, .. } => match (old, new) {
            (old, Some(new)) => replica_set(digest, old.as_deref(), new),
            (Some(old), None) => gone(digest, 2, &old.meta),
            (None, None) => {}
        },
        Change::Document { old, new, .. } => {
            digest.word(6);
            match (old, new) {
                (_, Some(new)) => {
                    digest.bytes(new.kind.as_str().as_bytes());
                    meta(digest, old.as_ref().map(|old| &old.meta), &new.meta);
                    match &new.meaning {
                        Meaning::EndpointSlice(slice) if new.body.is_null() => endpoint_slice(digest, slice),
                        Meaning::Autoscaler(_) if old.as_ref().is_some_and(|old| old.body == new.body) => {}
                        Meaning::EndpointSlice(_)
                        | Meaning::Carried
                        | Meaning::Service(_)
                        | Meaning::Ingress(_)
                        | _ => digest.bytes(new.body.to_string().as_bytes()),
                    }
                    match &new.status {
                        DocumentStatus::Autoscaler(status) => horizontal_status(digest, status),
                        DocumentStatus::Json(status) => digest.bytes(status.to_string().as_bytes()),
                    }
                }
                (Some(old), None) => gone(digest, 6, &old.meta),
                (None, None) => {}
            }
        }
        Change::NodeAdded { node } => digest.word(4 | u64::from(*node) << 8),
        Change::NodeRemoved { node } => digest.word(5 | u64::from(*node) << 8),
    }
}

fn gone(digest: &mut Digest, kind: u64, meta: &ObjectMeta) {
    digest.word(kind | 1 << 63);
    digest.word(meta.uid.0);
}

/// Adds one change of a pod at one time, in as few words as it takes: most changes are of pods.
#[inline]
pub(crate) fn add_pod(digest: &mut Digest, store: &Store, now: Time, change: &PodChange) {
    // Fed in a copy of its own, which needs no memory on the way.
    let mut fed = *digest;
    pod(&mut fed, store, now, change);
    *digest = fed;
}

#[inline]
fn pod(digest: &mut Digest, store: &Store, now: Time, change: &PodChange) {
    digest.pair(now.as_nanos().cast_unsigned(), change.uid.0);
    let Some(new) = &change.new else { return digest.word(3 | 1 << 63) };
    let state = &new.state;
    let moved = change.old.as_ref().is_none_or(|old| old.cohort != new.cohort);
    let flags = u64::from(state.ready) << 4
        | u64::from(state.node.is_some()) << 3
        | u64::from(state.ready_since.is_some()) << 2
        | u64::from(state.deletion.is_some()) << 1
        | u64::from(moved);
    let node = state.node.map_or(0, u64::from);
    digest.pair(3 | (state.phase as u64) << 8 | flags << 16 | u64::from(state.restarts) << 32, node);
    if state.ready_since.is_some() || state.deletion.is_some() {
        let second = |at: Option<Second>| at.map_or(0, |at| u64::from(at.bits()));
        digest.word(second(state.ready_since) << 32 | second(state.deletion));
    }
    if moved {
        digest.word(store.owner_in(new).map_or(0, |owner| owner.0));
    }
}

/// Two numbers in one word.
fn both(one: i32, other: i32) -> u64 {
    u64::from(one.cast_unsigned()) << 32 | u64::from(other.cast_unsigned())
}

fn deployment(digest: &mut Digest, old: Option<&Deployment>, new: &Deployment) {
    digest.word(1);
    meta(digest, old.map(|old| &old.meta), &new.meta);
    let status = &new.status;
    let conditions_differ = old.is_none_or(|old| old.status.conditions != status.conditions);
    let flags = u64::from(new.spec.paused) << 1 | u64::from(conditions_differ);
    digest.pair(u64::from(new.spec.template.spelling) << 2 | flags, both(new.spec.replicas, status.replicas));
    digest.pair(
        both(status.updated_replicas, status.ready_replicas),
        both(status.available_replicas, status.unavailable_replicas),
    );
    digest.pair(
        both(status.terminating_replicas.unwrap_or(-1), status.collision_count.unwrap_or(-1)),
        status.observed_generation.cast_unsigned(),
    );
    if conditions_differ {
        status.conditions.iter().for_each(|condition| deployment_condition(digest, condition));
    }
}

fn replica_set(digest: &mut Digest, old: Option<&ReplicaSet>, new: &ReplicaSet) {
    digest.word(2);
    meta(digest, old.map(|old| &old.meta), &new.meta);
    let status = &new.status;
    let conditions_differ = old.is_none_or(|old| old.status.conditions != status.conditions);
    digest.pair(
        u64::from(new.spec.template.spelling) << 2 | u64::from(conditions_differ),
        both(new.spec.replicas, status.replicas),
    );
    digest.pair(
        both(status.fully_labeled_replicas, status.ready_replicas),
        both(status.available_replicas, status.terminating_replicas.unwrap_or(-1)),
    );
    word(digest, status.observed_generation);
    if conditions_differ {
        status.conditions.iter().for_each(|condition| set_condition(digest, condition));
    }
}

/// The content of a slice that its controller wrote; whatever else it has follows from its Service.
fn endpoint_slice(digest: &mut Digest, slice: &EndpointSlice) {
    digest.word(slice.ports.iter().map(|port| u64::from(port.port)).sum());
    for endpoint in slice.endpoints.iter() {
        let EndpointConditions { ready, serving, terminating } = endpoint.conditions;
        digest.word(endpoint.pod.map_or(0, |pod| pod.uid.0));
        digest.word(u64::from(ready) | u64::from(serving) << 1 | u64::from(terminating) << 2);
    }
}

fn horizontal_status(digest: &mut Digest, status: &HorizontalStatus) {
    word(digest, i64::from(status.current_replicas));
    word(digest, i64::from(status.desired_replicas));
    time(digest, status.last_scale_time);
    for metric in &status.current_metrics {
        let current = match metric {
            MetricStatus::Failed => None,
            MetricStatus::Resource { current, .. }
            | MetricStatus::ContainerResource { current, .. }
            | MetricStatus::Pods { current, .. }
            | MetricStatus::Object { current, .. }
            | MetricStatus::External { current, .. } => Some(current),
        };
        let milli = |value: Option<&Quantity>| value.map_or(i64::MIN, Quantity::milli_value);
        word(digest, milli(current.and_then(|current| current.value.as_ref())));
        word(digest, milli(current.and_then(|current| current.average_value.as_ref())));
        let utilization = current.and_then(|current| current.average_utilization);
        word(digest, utilization.map_or(i64::MIN, i64::from));
    }
    for condition in &status.conditions {
        // Messages follow from the reasons and from what the metrics say.
        digest.word(status_word(condition.status));
        digest.bytes(condition.reason.as_bytes());
        time(digest, condition.last_transition);
    }
}

fn meta(digest: &mut Digest, old: Option<&ObjectMeta>, new: &ObjectMeta) {
    digest.pair(new.uid.0, new.resource_version);
    let parts = |meta: &ObjectMeta| {
        let deletion = meta.deletion.map_or(i64::MIN, Time::as_nanos).cast_unsigned();
        let owner = meta.controller().map_or(0, |owner| owner.uid.0);
        [deletion, meta.labels.digest_word(), meta.annotations.digest_word(), owner]
    };
    let (before, after) = (old.map(parts), parts(new));
    let differs = before != Some(after);
    word(digest, new.generation << 1 | i64::from(differs));
    if differs {
        after.into_iter().for_each(|part| digest.word(part));
    }
}

fn status_word(status: ConditionStatus) -> u64 {
    match status {
        ConditionStatus::True => 1,
        ConditionStatus::False => 2,
        ConditionStatus::Unknown => 3,
    }
}

fn deployment_condition(digest: &mut Digest, condition: &DeploymentCondition) {
    digest.bytes(condition.kind.as_bytes());
    digest.word(status_word(condition.status));
    digest.bytes(condition.reason.as_bytes());
    time(digest, condition.last_update);
    time(digest, condition.last_transition);
}

fn set_condition(digest: &mut Digest, condition: &ReplicaSetCondition) {
    digest.bytes(condition.kind.as_bytes());
    digest.word(status_word(condition.status));
    digest.bytes(condition.reason.as_bytes());
    time(digest, condition.last_transition);
}
