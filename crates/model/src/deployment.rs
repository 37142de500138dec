//! Deployments.

use crate::shared::{Version, follow};
use crate::{Conditions, DeploymentCondition, IntOrString, LabelSelector, ObjectMeta, PodTemplate};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A Deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// Metadata.
    pub meta: ObjectMeta,
    /// What is wanted.
    pub spec: DeploymentSpec,
    /// What was observed.
    pub status: DeploymentStatus,
}

impl Version for Deployment {
    fn follow(&mut self, other: &Self) {
        let Self { meta, spec, status } = self;
        meta.follow(&other.meta);
        spec.follow(&other.spec);
        status.follow(&other.status);
    }
}

/// What a Deployment wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeploymentSpec {
    /// Number of pods wanted; the edge defaults it to 1.
    pub replicas: i32,
    /// Which ReplicaSets and pods are its own.
    pub selector: LabelSelector,
    /// What its pods look like.
    pub template: Arc<PodTemplate>,
    /// How old pods are replaced.
    pub strategy: Strategy,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
    /// Old ReplicaSets to keep; absent only where an input was not defaulted.
    pub revision_history_limit: Option<i32>,
    /// Whether rollouts wait.
    pub paused: bool,
    /// Seconds without progress after which a rollout counts as failed; absent or `i32::MAX`: never.
    pub progress_deadline_seconds: Option<i32>,
}

impl DeploymentSpec {
    fn follow(&mut self, other: &Self) {
        let Self {
            replicas,
            selector,
            template,
            strategy,
            min_ready_seconds,
            revision_history_limit,
            paused,
            progress_deadline_seconds,
        } = self;
        (*replicas, *min_ready_seconds, *paused) = (other.replicas, other.min_ready_seconds, other.paused);
        selector.follow(&other.selector);
        follow(template, &other.template);
        if strategy != &other.strategy {
            strategy.clone_from(&other.strategy);
        }
        *revision_history_limit = other.revision_history_limit;
        *progress_deadline_seconds = other.progress_deadline_seconds;
    }
}

/// How old pods are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Gradually. The parameters are absent only where an input was not defaulted.
    RollingUpdate(Option<RollingUpdate>),
    /// All old ones go before a new one comes.
    Recreate,
    /// Not a strategy; the edge refuses it, recorded passes met it.
    Unknown(Arc<str>),
}

/// Parameters of a rolling update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingUpdate {
    /// How many may be unavailable; percentages round down.
    pub max_unavailable: Option<IntOrString>,
    /// How many may exist beyond `replicas`; percentages round up.
    pub max_surge: Option<IntOrString>,
}

/// What was observed of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// Generation that this status speaks of.
    pub observed_generation: i64,
    /// Pods of all its ReplicaSets, terminating ones apart.
    pub replicas: i32,
    /// Pods of the newest template.
    pub updated_replicas: i32,
    /// Ready pods.
    pub ready_replicas: i32,
    /// Pods ready for `min_ready_seconds`.
    pub available_replicas: i32,
    /// Pods still missing.
    pub unavailable_replicas: i32,
    /// Pods on their way out; absent is not zero.
    pub terminating_replicas: Option<i32>,
    /// How often a name of a ReplicaSet was taken.
    pub collision_count: Option<i32>,
    /// Conditions; their order has a meaning upstream.
    pub conditions: Conditions<DeploymentCondition>,
}

impl DeploymentStatus {
    fn follow(&mut self, other: &Self) {
        let Self {
            observed_generation,
            replicas,
            updated_replicas,
            ready_replicas,
            available_replicas,
            unavailable_replicas,
            terminating_replicas,
            collision_count,
            conditions,
        } = self;
        *observed_generation = other.observed_generation;
        (*replicas, *updated_replicas) = (other.replicas, other.updated_replicas);
        (*ready_replicas, *available_replicas) = (other.ready_replicas, other.available_replicas);
        (*unavailable_replicas, *terminating_replicas) = (other.unavailable_replicas, other.terminating_replicas);
        *collision_count = other.collision_count;
        conditions.follow(&other.conditions);
    }
}
