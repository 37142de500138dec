//! Pods: the whole object, and the few facts that controllers decide by.

use crate::condition::ConditionStatus;
use crate::{ObjectMeta, PodCondition, PodKey, PodTemplate, Uid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// Phase of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Accepted, its containers not all started. Also stands for an absent phase.
    #[default]
    Pending,
    /// Its state could not be had.
    Unknown,
    /// Bound, its containers started.
    Running,
    /// All containers ended well and stay so.
    Succeeded,
    /// All containers ended, one badly.
    Failed,
}

impl Phase {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Unknown => "Unknown",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether the pod has ended for good.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A whole Pod, as given at the edge or rendered on demand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pod {
    /// Metadata.
    pub meta: ObjectMeta,
    /// Its spec, in the form of a template (`nodeName` apart, see [`Self::node`]).
    pub template: Arc<PodTemplate>,
    /// Name of the node it is bound to.
    pub node: Option<Arc<str>>,
    /// What was observed.
    pub status: PodStatus,
}

/// What was observed of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodStatus {
    /// Phase.
    pub phase: Phase,
    /// Conditions.
    pub conditions: Vec<PodCondition>,
    /// Most restarts of an ordinary container.
    pub restarts: u32,
    /// Most restarts of a restartable init container.
    pub sidecar_restarts: u32,
    /// Why it is in this state, in a word, or empty.
    pub reason: Arc<str>,
    /// Text for people, or empty.
    pub message: Arc<str>,
}

/// What a ReplicaSet decides by when it looks at a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodFacts {
    /// Which pod.
    pub key: PodKey,
    /// Its identity, which orders pods of equal rank.
    pub uid: Uid,
    /// Number of the node it is bound to: any numbering that tells nodes apart.
    pub node: Option<u32>,
    /// Phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Whether its Ready condition is True.
    pub ready: bool,
    /// Since when its Ready condition has its status, a whole second; absent if there is none.
    pub ready_since: Option<Time>,
    /// Deletion cost by annotation; 0 if absent or unreadable.
    pub deletion_cost: i32,
    /// Most restarts of an ordinary container.
    pub restarts: u32,
    /// Most restarts of a restartable init container.
    pub sidecar_restarts: u32,
    /// When it was created, a whole second.
    pub created: Option<Time>,
    /// Whether it carries all labels of its set's template.
    pub fully_labeled: bool,
}

/// Annotation by which a user ranks pods for scale-down.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The deletion cost in an annotation: digits with an optional minus, no plus, no leading zero, 32 bits.
///
/// Source: `pkg/apis/core/helper`, `GetDeletionCostFromPodAnnotations`; what it cannot read counts as 0.
#[must_use]
pub fn deletion_cost(annotation: Option<&str>) -> i32 {
    let Some(text) = annotation else { return 0 };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = text == "0" || (!digits.is_empty() && !digits.starts_with('0') && !digits.starts_with('+'));
    if plain { text.parse().unwrap_or(0) } else { 0 }
}

impl PodFacts {
    /// The facts of a whole pod. `node` numbers the nodes.
    #[must_use]
    pub fn of(key: PodKey, pod: &Pod, node: Option<u32>, fully_labeled: bool) -> Self {
        let ready = pod.status.conditions.iter().find(|condition| &*condition.kind == "Ready");
        Self {
            key,
            uid: pod.meta.uid,
            node,
            phase: pod.status.phase,
            terminating: pod.meta.is_terminating(),
            ready: ready.is_some_and(|condition| condition.status == ConditionStatus::True),
            ready_since: ready.and_then(|condition| condition.last_transition),
            deletion_cost: deletion_cost(pod.meta.annotations.get(POD_DELETION_COST)),
            restarts: pod.status.restarts,
            sidecar_restarts: pod.status.sidecar_restarts,
            created: pod.meta.creation,
            fully_labeled,
        }
    }

    /// Whether the pod counts as a replica: not ended, not being deleted.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.phase.has_ended() && !self.terminating
    }

    /// Since when the pod is available, given how long it must have been ready; absent if it is not
    /// ready, or if it is not known since when although that matters.
    ///
    /// Source: `pkg/api/v1/pod/util.go`, `IsPodAvailable`.
    #[must_use]
    pub fn available_at(&self, min_ready_seconds: i32) -> Option<Time> {
        if !self.ready {
            return None;
        }
        if min_ready_seconds == 0 {
            return Some(Time::from_nanos(i64::MIN));
        }
        self.ready_since.map(|since| since.offset(i64::from(min_ready_seconds) * 1_000_000_000))
    }
}
