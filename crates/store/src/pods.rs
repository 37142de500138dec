//! What a pod is made of, as far as it differs between siblings. What they share is stored once.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Second;
use wavetank_model::{ManagedFields, OwnerReference, Phase, StringMap, Uid};

/// The part of a pod that its node keeps changing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodState {
    /// Phase.
    pub phase: Phase,
    /// Whether the Ready condition is True.
    pub ready: bool,
    /// Counts changes of the status that no other field shows, such as why a container waits.
    pub detail: u16,
    /// Since when the Ready condition has its status.
    pub ready_since: Option<Second>,
    /// Restarts of the container that restarted most.
    pub restarts: u32,
    /// Restarts of the restartable init container that restarted most.
    pub sidecar_restarts: u32,
    /// Number of the node it is bound to, see [`crate::Store::node_number`].
    pub node: Option<u32>,
    /// When its graceful deletion ends.
    pub deletion: Option<Second>,
}

impl PodState {
    /// Whether the pod counts as a replica: it has neither ended nor begun to go.
    #[must_use]
    #[inline]
    pub const fn is_active(&self) -> bool {
        !self.phase.has_ended() && self.deletion.is_none()
    }
}

/// What a pod has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPart {
    /// A name that does not follow from owner and ordinal.
    pub name: Option<Arc<str>>,
    /// Annotations, where they differ from the template's.
    pub annotations: Option<StringMap>,
    /// Deletion cost by annotation.
    pub deletion_cost: i32,
    /// Restarts of its sidecars, which hardly any pod has.
    pub sidecar_restarts: u32,
    /// Who must agree before it goes.
    pub finalizers: Vec<Arc<str>>,
    /// Owners other than the controlling one, and the controlling one if it was given in full.
    pub owners: Option<Vec<OwnerReference>>,
    /// Who owns which of its fields.
    pub managed: Option<Arc<ManagedFields>>,
    /// The owner it was made by, from which its name follows, when it has been released or adopted since.
    pub made_by: Option<Uid>,
}

/// A pod to be stored that was not made by a set.
#[derive(Clone, Debug)]
pub struct NewPod {
    /// The whole pod; uid, version and times are given by the store unless `keep_identity`.
    pub pod: wavetank_model::Pod,
    /// Keep uid, version and times as given: for states recorded elsewhere.
    pub keep_identity: bool,
}
