//! What a write changed. Watches, digests and logs are served from it.

use crate::{CohortId, PodState};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::{Second, Time};
use wavetank_model::{
    Deployment, DeploymentKey, Document, DocumentKey, PodFacts, PodKey, ReplicaSet, ReplicaSetKey, Uid,
};

/// A pod at one version: everything about it that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Namespace, owner and labels.
    pub cohort: CohortId,
    /// What its node keeps changing.
    pub state: PodState,
    /// Deletion cost by annotation.
    pub deletion_cost: i32,
}

impl PodView {
    /// The facts that controllers decide by, with what of a pod never changes.
    #[must_use]
    pub fn facts(&self, key: PodKey, uid: Uid, created: Time) -> PodFacts {
        let PodState { phase, ready, ready_since, restarts, sidecar_restarts, node, deletion, detail: _ } = self.state;
        PodFacts {
            key,
            uid,
            node,
            phase,
            terminating: deletion.is_some(),
            ready,
            ready_since: ready_since.map(Second::time),
            deletion_cost: self.deletion_cost,
            restarts,
            sidecar_restarts,
            created: Some(created),
            fully_labeled: false,
        }
    }
}

/// A change of a pod. `old` is absent for a creation, `new` for a deletion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodChange {
    /// Which.
    pub key: PodKey,
    /// Its identity.
    pub uid: Uid,
    /// Before.
    pub old: Option<PodView>,
    /// After.
    pub new: Option<PodView>,
}

/// One change of the store. `old` is absent for a creation, `new` for a deletion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A Deployment changed.
    Deployment {
        /// Which.
        key: DeploymentKey,
        /// Before.
        old: Option<Arc<Deployment>>,
        /// After.
        new: Option<Arc<Deployment>>,
    },
    /// A ReplicaSet or ReplicationController changed.
    ReplicaSet {
        /// Which.
        key: ReplicaSetKey,
        /// Before.
        old: Option<Arc<ReplicaSet>>,
        /// After.
        new: Option<Arc<ReplicaSet>>,
    },
    /// A pod changed.
    Pod(PodChange),
    /// An object of another kind changed.
    Document {
        /// Which.
        key: DocumentKey,
        /// Before.
        old: Option<Arc<Document>>,
        /// After.
        new: Option<Arc<Document>>,
    },
    /// A node came.
    NodeAdded {
        /// Its number.
        node: u32,
    },
    /// A node went.
    NodeRemoved {
        /// Its number.
        node: u32,
    },
}

impl Change {
    /// Whether an object is gone.
    #[must_use]
    pub const fn is_deletion(&self) -> bool {
        match self {
            Self::Deployment { new, .. } => new.is_none(),
            Self::ReplicaSet { new, .. } => new.is_none(),
            Self::Pod(pod) => pod.new.is_none(),
            Self::Document { new, .. } => new.is_none(),
            Self::NodeAdded { .. } => false,
            Self::NodeRemoved { .. } => true,
        }
    }
}
