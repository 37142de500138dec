//! Reading objects as they stand: nothing is defaulted, nothing is validated.
//!
//! Recorded passes hold objects that no API server would accept; their controllers met them all the
//! same. What cannot be understood is kept as spelled where the model has room for it.

use crate::fields::Fields;
use crate::{Edge, Error, metadata, pod_template};
use serde_json::{Map, Value};
use std::sync::Arc;
use wavetank_model::selector::LabelSelectorRequirement;
use wavetank_model::{
    ConditionStatus, Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, LabelSelector, Phase, Pod,
    PodCondition, PodStatus, PodTemplate, ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus,
    RollingUpdate, SetKind, Strategy,
};

/// Reads a Deployment.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_deployment(value: &Value, edge: &mut Edge) -> Result<Deployment, Error> {
    let object = Fields::of(Some(value), "Deployment")?;
    let spec = object.object("spec", "spec")?;
    Ok(Deployment {
        meta: metadata::decode(object, edge)?,
        spec: DeploymentSpec {
            replicas: spec.int32("replicas")?.unwrap_or(1),
            selector: label_selector(spec.object("selector", "spec.selector")?)?,
            template: template_of(spec)?,
            strategy: strategy(spec.object("strategy", "spec.strategy")?)?,
            min_ready_seconds: spec.count("minReadySeconds")?,
            revision_history_limit: spec.int32("revisionHistoryLimit")?,
            paused: spec.boolean("paused")?.unwrap_or_default(),
            progress_deadline_seconds: spec.int32("progressDeadlineSeconds")?,
        },
        status: deployment_status(object.object("status", "status")?, edge)?,
    })
}

/// Reads a ReplicaSet, or a ReplicationController if the object says it is one.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_replica_set(value: &Value, edge: &mut Edge) -> Result<ReplicaSet, Error> {
    let object = Fields::of(Some(value), "ReplicaSet")?;
    let kind = match object.text("kind")? {
        "ReplicationController" => SetKind::ReplicationController,
        _ => SetKind::ReplicaSet,
    };
    let spec = object.object("spec", "spec")?;
    let selector = match kind {
        SetKind::ReplicaSet => label_selector(spec.object("selector", "spec.selector")?)?,
        SetKind::ReplicationController => {
            LabelSelector { match_labels: spec.string_map("selector")?, match_expressions: Vec::new() }
        }
    };
    Ok(ReplicaSet {
        kind,
        meta: metadata::decode(object, edge)?,
        spec: ReplicaSetSpec {
            replicas: spec.int32("replicas")?.unwrap_or(1),
            min_ready_seconds: spec.count("minReadySeconds")?,
            selector,
            template: template_of(spec)?,
        },
        status: replica_set_status(object.object("status", "status")?, edge)?,
    })
}

/// Reads a Pod.
///
/// Its `nodeName` and metadata go to their own places; the rest of its spec is read as a template.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_pod(value: &Value, edge: &mut Edge) -> Result<Pod, Error> {
    let object = Fields::of(Some(value), "Pod")?;
    let spec = object.object("spec", "spec")?;
    Ok(Pod {
        meta: metadata::decode(object, edge)?,
        template: Arc::new(pod_template(&spec_as_template(object))?),
        node: spec.optional_text("nodeName")?.filter(|name| !name.is_empty()).map(Arc::from),
        status: pod_status(object.object("status", "status")?, spec, edge)?,
    })
}

/// The template that a pod without a parent could have been made from.
fn spec_as_template(object: Fields<'_>) -> Value {
    let mut metadata = Map::new();
    if let Some(Value::Object(own)) = object.value("metadata") {
        for key in ["labels", "annotations"] {
            if let Some(map) = own.get(key) {
                metadata.insert(key.to_owned(), map.clone());
            }
        }
    }
    let mut spec = object.value("spec").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if let Value::Object(fields) = &mut spec {
        fields.remove("nodeName");
    }
    let mut template = Map::new();
    template.insert("metadata".to_owned(), Value::Object(metadata));
    template.insert("spec".to_owned(), spec);
    Value::Object(template)
}

fn template_of(spec: Fields<'_>) -> Result<Arc<PodTemplate>, Error> {
    pod_template(spec.value("template").unwrap_or(&Value::Null)).map(Arc::new)
}

/// Reads a label selector as spelled; whether it can select is decided by whoever uses it.
pub(crate) fn label_selector(fields: Fields<'_>) -> Result<LabelSelector, Error> {
    let mut match_expressions = Vec::new();
    for item in fields.list("matchExpressions")? {
        let item = Fields::of(Some(item), "matchExpressions")?;
        match_expressions.push(LabelSelectorRequirement {
            key: item.shared("key")?,
            operator: item.shared("operator")?,
            values: item.texts("values")?,
        });
    }
    Ok(LabelSelector { match_labels: fields.string_map("matchLabels")?, match_expressions })
}

fn strategy(fields: Fields<'_>) -> Result<Strategy, Error> {
    let kind = fields.text("type")?;
    if kind == "Recreate" {
        return Ok(Strategy::Recreate);
    }
    if kind != "RollingUpdate" {
        return Ok(Strategy::Unknown(kind.into()));
    }
    let parameters = fields.object("rollingUpdate", "spec.strategy.rollingUpdate")?;
    if !parameters.is_present() {
        return Ok(Strategy::RollingUpdate(None));
    }
    Ok(Strategy::RollingUpdate(Some(RollingUpdate {
        max_unavailable: parameters.int_or_string("maxUnavailable")?,
        max_surge: parameters.int_or_string("maxSurge")?,
    })))
}

/// The condition status of a spelling; whatever is neither true nor false is unknown.
pub(crate) fn condition_status(fields: Fields<'_>) -> Result<ConditionStatus, Error> {
    Ok(match fields.text("status")? {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    })
}

fn deployment_status(fields: Fields<'_>, edge: &Edge) -> Result<DeploymentStatus, Error> {
    let mut conditions = Vec::new();
    for item in fields.list("conditions")? {
        let item = Fields::of(Some(item), "status.conditions")?;
        conditions.push(DeploymentCondition {
            kind: item.shared("type")?,
            status: condition_status(item)?,
            last_update: item.time("lastUpdateTime", edge)?,
            last_transition: item.time("lastTransitionTime", edge)?,
            reason: item.shared("reason")?,
            message: item.shared("message")?,
        });
    }
    Ok(DeploymentStatus {
        observed_generation: fields.int64("observedGeneration")?.unwrap_or_default(),
        replicas: fields.count("replicas")?,
        updated_replicas: fields.count("updatedReplicas")?,
        ready_replicas: fields.count("readyReplicas")?,
        available_replicas: fields.count("availableReplicas")?,
        unavailable_replicas: fields.count("unavailableReplicas")?,
        terminating_replicas: fields.int32("terminatingReplicas")?,
        collision_count: fields.int32("collisionCount")?,
        conditions: conditions.into(),
    })
}

fn replica_set_status(fields: Fields<'_>, edge: &Edge) -> Result<ReplicaSetStatus, Error> {
    let mut conditions = Vec::new();
    for item in fields.list("conditions")? {
        let item = Fields::of(Some(item), "status.conditions")?;
        conditions.push(ReplicaSetCondition {
            kind: item.shared("type")?,
            status: condition_status(item)?,
            last_transition: item.time("lastTransitionTime", edge)?,
            reason: item.shared("reason")?,
            message: item.shared("message")?,
        });
    }
    Ok(ReplicaSetStatus {
        replicas: fields.count("replicas")?,
        fully_labeled_replicas: fields.count("fullyLabeledReplicas")?,
        ready_replicas: fields.count("readyReplicas")?,
        available_replicas: fields.count("availableReplicas")?,
        terminating_replicas: fields.int32("terminatingReplicas")?,
        observed_generation: fields.int64("observedGeneration")?.unwrap_or_default(),
        conditions: conditions.into(),
    })
}

fn pod_status(fields: Fields<'_>, spec: Fields<'_>, edge: &Edge) -> Result<PodStatus, Error> {
    let mut conditions = Vec::new();
    for item in fields.list("conditions")? {
        let item = Fields::of(Some(item), "status.conditions")?;
        conditions.push(PodCondition {
            kind: item.shared("type")?,
            status: condition_status(item)?,
            last_transition: item.time("lastTransitionTime", edge)?,
            reason: item.shared("reason")?,
            message: item.shared("message")?,
        });
    }
    let phase = match fields.text("phase")? {
        "Unknown" => Phase::Unknown,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Pending,
    };
    let mut sidecars = Vec::new();
    for item in spec.list("initContainers")? {
        let item = Fields::of(Some(item), "spec.initContainers")?;
        if item.text("restartPolicy")? == "Always" {
            sidecars.push(item.text("name")?);
        }
    }
    Ok(PodStatus {
        phase,
        conditions,
        restarts: most_restarts(fields, "containerStatuses", |_| true)?,
        sidecar_restarts: most_restarts(fields, "initContainerStatuses", |name| sidecars.contains(&name))?,
        reason: fields.shared("reason")?,
        message: fields.shared("message")?,
    })
}

/// The highest restart count among the statuses of those containers that count.
fn most_restarts(fields: Fields<'_>, key: &str, counts: impl Fn(&str) -> bool) -> Result<u32, Error> {
    let mut most = 0;
    for item in fields.list(key)? {
        let item = Fields::of(Some(item), "status.containerStatuses")?;
        if counts(item.text("name")?) {
            most = most.max(u32::try_from(item.count("restartCount")?).unwrap_or_default());
        }
    }
    Ok(most)
}
