//! A change in canonical binary form: time, identity, field, value. Arena keys, log level, queue type
//! and rendered text do not enter.

use wavetank_engine::{Digest, Time};
use wavetank_model::horizontal::{HorizontalStatus, MetricStatus};
use wavetank_model::{
    ConditionStatus, DeploymentCondition, DocumentStatus, EndpointConditions, EndpointSlice, Meaning, ObjectMeta,
    Quantity, ReplicaSetCondition,
};
use wavetank_store::{Change, Store};

fn word(digest: &mut Digest, value: i64) {
    digest.word(value.cast_unsigned());
}

fn time(digest: &mut Digest, value: Option<Time>) {
    word(digest, value.map_or(i64::MIN, Time::as_nanos));
}

/// Adds one change at one time.
pub(crate) fn add(digest: &mut Digest, store: &Store, now: Time, change: &Change) {
    word(digest, now.as_nanos());
    match change {
        Change::Deployment { old, new, .. } => {
            digest.word(1);
            match (old, new) {
                (_, Some(new)) => {
                    meta(digest, &new.meta);
                    word(digest, i64::from(new.spec.replicas));
                    digest.word(u64::from(new.spec.template.spelling));
                    word(digest, i64::from(new.spec.paused));
                    let status = &new.status;
                    for number in [
                        status.replicas,
                        status.updated_replicas,
                        status.ready_replicas,
                        status.available_replicas,
                        status.unavailable_replicas,
                        status.terminating_replicas.unwrap_or(-1),
                        status.collision_count.unwrap_or(-1),
                    ] {
                        word(digest, i64::from(number));
                    }
                    word(digest, status.observed_generation);
                    status.conditions.iter().for_each(|condition| deployment_condition(digest, condition));
                }
                (Some(old), None) => digest.word(old.meta.uid.0 | 1 << 63),
                (None, None) => {}
            }
        }
        Change::ReplicaSet { old, new, .. } => {
            digest.word(2);
            match (old, new) {
                (_, Some(new)) => {
                    meta(digest, &new.meta);
                    word(digest, i64::from(new.spec.replicas));
                    digest.word(u64::from(new.spec.template.spelling));
                    let status = &new.status;
                    for number in [
                        status.replicas,
                        status.fully_labeled_replicas,
                        status.ready_replicas,
                        status.available_replicas,
                        status.terminating_replicas.unwrap_or(-1),
                    ] {
                        word(digest, i64::from(number));
                    }
                    word(digest, status.observed_generation);
                    status.conditions.iter().for_each(|condition| set_condition(digest, condition));
                }
                (Some(old), None) => digest.word(old.meta.uid.0 | 1 << 63),
                (None, None) => {}
            }
        }
        Change::Pod { key, new, .. } => {
            digest.word(3);
            digest.word(store.pod(*key).map_or(0, |pod| pod.uid().0));
            let Some(view) = new else { return digest.word(u64::MAX) };
            let state = &view.state;
            digest.word(store.owner_in(view).map_or(0, |owner| owner.0));
            digest.word(state.phase as u64 | u64::from(state.ready) << 8 | u64::from(state.restarts) << 16);
            digest.word(state.node.map_or(u64::MAX, u64::from));
            time(digest, state.ready_since);
            time(digest, state.deletion);
        }
        Change::Document { old, new, .. } => {
            digest.word(6);
            match (old, new) {
                (_, Some(new)) => {
                    digest.bytes(new.kind.as_str().as_bytes());
                    meta(digest, &new.meta);
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
                (Some(old), None) => digest.word(old.meta.uid.0 | 1 << 63),
                (None, None) => {}
            }
        }
        Change::NodeAdded { node } => digest.word(4 | u64::from(*node) << 8),
        Change::NodeRemoved { node } => digest.word(5 | u64::from(*node) << 8),
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

fn meta(digest: &mut Digest, meta: &ObjectMeta) {
    digest.word(meta.uid.0);
    digest.word(meta.resource_version);
    word(digest, meta.generation);
    time(digest, meta.deletion);
    digest.word(meta.labels.digest_word());
    digest.word(meta.annotations.digest_word());
    digest.word(meta.controller().map_or(0, |owner| owner.uid.0));
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
