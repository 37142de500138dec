//! The status of a pod as its node holds it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{ConditionStatus, Phase, PodCondition};

/// How a run of a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminated {
    /// Exit code.
    pub exit_code: i32,
    /// `Completed`, `Error` or another word.
    pub reason: Arc<str>,
    /// Text for people, or empty.
    pub message: Arc<str>,
    /// When it started, a whole second.
    pub started: Option<Time>,
    /// When it ended, a whole second.
    pub finished: Option<Time>,
    /// Which run of the container it was, from 0.
    pub run: Option<u32>,
}

/// What a container does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerState {
    /// Nothing is known.
    #[default]
    Unset,
    /// It does not run yet, or not again.
    Waiting {
        /// Why, in a word, or empty.
        reason: Arc<str>,
        /// Why, for people, or empty.
        message: Arc<str>,
    },
    /// It runs.
    Running {
        /// Since when, a whole second.
        started: Option<Time>,
    },
    /// It has ended.
    Terminated(Terminated),
}

impl ContainerState {
    /// Waiting for a reason that needs no words.
    #[must_use]
    pub fn waiting(reason: &str) -> Self {
        Self::Waiting { reason: reason.into(), message: "".into() }
    }

    /// Whether the container runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// How it ended, if it has.
    #[must_use]
    pub const fn terminated(&self) -> Option<&Terminated> {
        match self {
            Self::Terminated(terminated) => Some(terminated),
            Self::Unset | Self::Waiting { .. } | Self::Running { .. } => None,
        }
    }
}

/// The status of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub state: ContainerState,
    /// What its run before this one did, which is how that ended.
    pub last: ContainerState,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has started, once that has been looked at.
    pub started: Option<bool>,
    /// How often it was restarted.
    pub restart_count: u32,
    /// Which run this is of, which is its container id.
    pub run: Option<u32>,
}

/// The status of a pod as its node holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Phase.
    pub phase: Phase,
    /// Why it is in this phase, in a word, or empty.
    pub reason: Arc<str>,
    /// Why, for people, or empty.
    pub message: Arc<str>,
    /// Init containers and sidecars, in the order of the spec.
    pub init_containers: Vec<ContainerStatus>,
    /// Containers, in the order of the spec.
    pub containers: Vec<ContainerStatus>,
    /// The conditions that the kubelet sets, in its order.
    pub conditions: Vec<PodCondition>,
}

impl NodeStatus {
    /// All containers, the init containers first.
    pub fn all(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.init_containers.iter().chain(&self.containers)
    }

    /// Whether a condition is True.
    #[must_use]
    pub fn is_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// A condition.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&PodCondition> {
        self.conditions.iter().find(|condition| &*condition.kind == kind)
    }

    /// Whether the pod is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_true("Ready")
    }
}

/// The status of the container of a name.
pub(crate) fn named<'a>(statuses: &'a [ContainerStatus], name: &str) -> Option<&'a ContainerStatus> {
    statuses.iter().find(|status| &*status.name == name)
}
