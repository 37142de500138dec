//! Rendering objects as the JSON that the API server would show.

use crate::record::{Record, string_map};
use crate::{Edge, metadata};
use serde_json::{Map, Value};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{
    ConditionStatus, Deployment, IntOrString, LabelSelector, Pod, PodTemplate, ReplicaSet, SetKind, Strategy,
};

/// A Deployment as JSON.
#[must_use]
pub fn render_deployment(deployment: &Deployment, edge: &Edge) -> Value {
    let spec = &deployment.spec;
    let status = &deployment.status;
    let conditions = status
        .conditions
        .iter()
        .map(|condition| {
            Record::new()
                .always("type", &*condition.kind)
                .always("status", condition.status.as_str())
                .time("lastUpdateTime", condition.last_update, edge)
                .time("lastTransitionTime", condition.last_transition, edge)
                .text("reason", &condition.reason)
                .text("message", &condition.message)
                .finish()
        })
        .collect();
    Record::new()
        .always("apiVersion", "apps/v1")
        .always("kind", "Deployment")
        .always("metadata", metadata::render(&deployment.meta, edge))
        .always(
            "spec",
            Record::new()
                .always("replicas", spec.replicas)
                .always("selector", label_selector(&spec.selector))
                .always("template", template(&spec.template))
                .always("strategy", strategy(&spec.strategy))
                .number("minReadySeconds", spec.min_ready_seconds)
                .optional("revisionHistoryLimit", spec.revision_history_limit)
                .boolean("paused", spec.paused)
                .optional("progressDeadlineSeconds", spec.progress_deadline_seconds)
                .finish(),
        )
        .always(
            "status",
            Record::new()
                .number("observedGeneration", status.observed_generation)
                .number("replicas", status.replicas)
                .number("updatedReplicas", status.updated_replicas)
                .number("readyReplicas", status.ready_replicas)
                .number("availableReplicas", status.available_replicas)
                .number("unavailableReplicas", status.unavailable_replicas)
                .optional("terminatingReplicas", status.terminating_replicas)
                .list("conditions", conditions)
                .optional("collisionCount", status.collision_count)
                .finish(),
        )
        .finish()
}

/// A ReplicaSet or ReplicationController as JSON.
#[must_use]
pub fn render_replica_set(set: &ReplicaSet, edge: &Edge) -> Value {
    let status = &set.status;
    let conditions = status
        .conditions
        .iter()
        .map(|one| condition((&one.kind, one.status), one.last_transition, (&one.reason, &one.message), edge));
    let selector = match set.kind {
        SetKind::ReplicaSet => label_selector(&set.spec.selector),
        SetKind::ReplicationController => string_map(&set.spec.selector.match_labels),
    };
    Record::new()
        .always("apiVersion", set.kind.api_version())
        .always("kind", set.kind.as_str())
        .always("metadata", metadata::render(&set.meta, edge))
        .always(
            "spec",
            Record::new()
                .always("replicas", set.spec.replicas)
                .number("minReadySeconds", set.spec.min_ready_seconds)
                .always("selector", selector)
                .always("template", template(&set.spec.template))
                .finish(),
        )
        .always(
            "status",
            Record::new()
                .always("replicas", status.replicas)
                .number("fullyLabeledReplicas", status.fully_labeled_replicas)
                .number("readyReplicas", status.ready_replicas)
                .number("availableReplicas", status.available_replicas)
                .optional("terminatingReplicas", status.terminating_replicas)
                .number("observedGeneration", status.observed_generation)
                .list("conditions", conditions.collect())
                .finish(),
        )
        .finish()
}

/// A Pod as JSON.
///
/// The model knows the most restarts of any container, not which one it was: they are shown on the
/// first, so that reading the JSON again gives the same pod.
#[must_use]
pub fn render_pod(pod: &Pod, edge: &Edge) -> Value {
    let status = &pod.status;
    let conditions = status
        .conditions
        .iter()
        .map(|one| condition((&one.kind, one.status), one.last_transition, (&one.reason, &one.message), edge));
    let mut spec = pod.template.value.get("spec").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    let containers = container_statuses(&spec, "containers", status.restarts, |_| true);
    let sidecars = container_statuses(&spec, "initContainers", status.sidecar_restarts, |container| {
        container.get("restartPolicy").and_then(Value::as_str) == Some("Always")
    });
    if let (Value::Object(fields), Some(node)) = (&mut spec, &pod.node) {
        fields.insert("nodeName".to_owned(), Value::from(&**node));
    }
    Record::new()
        .always("apiVersion", "v1")
        .always("kind", "Pod")
        .always("metadata", metadata::render(&pod.meta, edge))
        .always("spec", spec)
        .always(
            "status",
            Record::new()
                .always("phase", status.phase.as_str())
                .list("conditions", conditions.collect())
                .text("message", &status.message)
                .text("reason", &status.reason)
                .list("initContainerStatuses", sidecars)
                .list("containerStatuses", containers)
                .finish(),
        )
        .finish()
}

/// Statuses that carry a restart count, on the first container that counts.
fn container_statuses(spec: &Value, key: &str, restarts: u32, counts: impl Fn(&Value) -> bool) -> Vec<Value> {
    let containers = spec.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let Some(container) = containers.iter().find(|container| counts(container)).filter(|_| restarts > 0) else {
        return Vec::new();
    };
    let text = |key: &str| container.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    vec![
        Record::new()
            .always("name", text("name"))
            .always("image", text("image"))
            .always("imageID", "")
            .always("ready", false)
            .always("restartCount", restarts)
            .always("state", Value::Object(Map::new()))
            .always("lastState", Value::Object(Map::new()))
            .finish(),
    ]
}

/// A condition of any kind but a Deployment's, which also says when it was written last.
pub(crate) fn condition(
    (kind, status): (&str, ConditionStatus),
    since: Option<Time>,
    (reason, message): (&str, &str),
    edge: &Edge,
) -> Value {
    Record::new()
        .always("type", kind)
        .always("status", status.as_str())
        .time("lastTransitionTime", since, edge)
        .text("reason", reason)
        .text("message", message)
        .finish()
}

fn template(template: &Arc<PodTemplate>) -> Value {
    template.value.clone()
}

pub(crate) fn label_selector(selector: &LabelSelector) -> Value {
    let expressions = selector
        .match_expressions
        .iter()
        .map(|requirement| {
            Record::new()
                .always("key", &*requirement.key)
                .always("operator", &*requirement.operator)
                .list("values", requirement.values.iter().map(|value| Value::from(&**value)).collect())
                .finish()
        })
        .collect();
    Record::new().string_map("matchLabels", &selector.match_labels).list("matchExpressions", expressions).finish()
}

fn strategy(strategy: &Strategy) -> Value {
    match strategy {
        Strategy::Recreate => Record::new().always("type", "Recreate").finish(),
        Strategy::Unknown(kind) => Record::new().text("type", kind).finish(),
        Strategy::RollingUpdate(None) => Record::new().always("type", "RollingUpdate").finish(),
        Strategy::RollingUpdate(Some(parameters)) => Record::new()
            .always("type", "RollingUpdate")
            .always(
                "rollingUpdate",
                Record::new()
                    .optional("maxUnavailable", parameters.max_unavailable.as_ref().map(int_or_string))
                    .optional("maxSurge", parameters.max_surge.as_ref().map(int_or_string))
                    .finish(),
            )
            .finish(),
    }
}

fn int_or_string(value: &IntOrString) -> Value {
    match value {
        IntOrString::Int(number) => Value::from(*number),
        IntOrString::String(text) => Value::from(&**text),
    }
}
