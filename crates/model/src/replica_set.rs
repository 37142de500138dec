//! ReplicaSets, and ReplicationControllers, which are the same under another name.

use crate::shared::{Version, follow};
use crate::{Conditions, LabelSelector, ObjectMeta, PodTemplate, ReplicaSetCondition, StringMap};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which of the two kinds a set of replicas is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SetKind {
    /// `apps/v1` ReplicaSet.
    #[default]
    ReplicaSet,
    /// `v1` ReplicationController.
    ReplicationController,
}

impl SetKind {
    /// The API's word for the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
        }
    }

    /// The API version the kind is served under.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::ReplicaSet => "apps/v1",
            Self::ReplicationController => "v1",
        }
    }
}

/// A ReplicaSet or ReplicationController.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplicaSet {
    /// Which of the two.
    pub kind: SetKind,
    /// Metadata.
    pub meta: ObjectMeta,
    /// What is wanted.
    pub spec: ReplicaSetSpec,
    /// What was observed.
    pub status: ReplicaSetStatus,
}

impl Version for ReplicaSet {
    fn follow(&mut self, other: &Self) {
        let Self { kind, meta, spec, status } = self;
        *kind = other.kind;
        meta.follow(&other.meta);
        spec.follow(&other.spec);
        status.follow(&other.status);
    }
}

/// What a ReplicaSet wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplicaSetSpec {
    /// Number of pods wanted; the edge defaults it to 1.
    pub replicas: i32,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What its pods look like.
    pub template: Arc<PodTemplate>,
}

impl ReplicaSetSpec {
    fn follow(&mut self, other: &Self) {
        let Self { replicas, min_ready_seconds, selector, template } = self;
        (*replicas, *min_ready_seconds) = (other.replicas, other.min_ready_seconds);
        selector.follow(&other.selector);
        follow(template, &other.template);
    }
}

/// What its Deployment may change of a ReplicaSet that exists: all of it, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEdit {
    /// `replicas`.
    pub replicas: i32,
    /// `minReadySeconds`.
    pub min_ready_seconds: i32,
    /// Annotations.
    pub annotations: StringMap,
}

impl SetEdit {
    /// The set as it shall be.
    #[must_use]
    pub fn of(&self, set: &ReplicaSet) -> ReplicaSet {
        let mut set = set.clone();
        self.clone().apply(&mut set);
        set
    }

    /// Changes the set.
    pub fn apply(self, set: &mut ReplicaSet) {
        let Self { replicas, min_ready_seconds, annotations } = self;
        (set.spec.replicas, set.spec.min_ready_seconds) = (replicas, min_ready_seconds);
        set.meta.annotations = annotations;
    }
}

/// What was observed of a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSetStatus {
    /// Pods, terminating ones apart.
    pub replicas: i32,
    /// Of those, pods with all labels of the template.
    pub fully_labeled_replicas: i32,
    /// Of those, ready ones.
    pub ready_replicas: i32,
    /// Of those, ones ready for `min_ready_seconds`.
    pub available_replicas: i32,
    /// Pods on their way out; absent is not zero.
    pub terminating_replicas: Option<i32>,
    /// Generation that this status speaks of.
    pub observed_generation: i64,
    /// Conditions; their order has a meaning upstream.
    pub conditions: Conditions<ReplicaSetCondition>,
}

impl ReplicaSetStatus {
    fn follow(&mut self, other: &Self) {
        let Self {
            replicas,
            fully_labeled_replicas,
            ready_replicas,
            available_replicas,
            terminating_replicas,
            observed_generation,
            conditions,
        } = self;
        (*replicas, *fully_labeled_replicas) = (other.replicas, other.fully_labeled_replicas);
        (*ready_replicas, *available_replicas) = (other.ready_replicas, other.available_replicas);
        (*terminating_replicas, *observed_generation) = (other.terminating_replicas, other.observed_generation);
        conditions.follow(&other.conditions);
    }
}
