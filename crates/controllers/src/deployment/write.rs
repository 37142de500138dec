//! The border of a Deployment's pass: what goes in, and what may come out.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Base, Deployment, DeploymentStatus, ReplicaSet, ReplicaSetKey, SetEdit, StringMap};

/// A ReplicaSet as the controller has seen it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetSeen {
    /// Which one.
    pub key: ReplicaSetKey,
    /// The object.
    pub set: Arc<ReplicaSet>,
    /// Pods controlled by it that have not ended; only Recreate asks.
    pub unfinished_pods: u32,
}

/// What a pass for one Deployment decides by.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentInputs<'a> {
    /// The clock.
    pub now: Time,
    /// The Deployment as seen.
    pub deployment: &'a Deployment,
    /// ReplicaSets of its namespace, at least all that it controls and all without a controller; in any order.
    pub sets: &'a [SetSeen],
    /// The ReplicaSet seen under the name that a new set would get, whoever controls it.
    pub taken: Option<&'a SetSeen>,
}

/// A write of a pass for a Deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DeploymentWrite {
    /// Not a write: a read of the live Deployment before its first adoption. Refused if it is gone,
    /// another one of the same name, or being deleted.
    ConfirmOwner,
    /// Makes the Deployment the controller of a ReplicaSet.
    Adopt(ReplicaSetKey),
    /// Takes the Deployment away from the owners of a ReplicaSet.
    Release(ReplicaSetKey),
    /// Creates a ReplicaSet.
    Create(Box<ReplicaSet>),
    /// Updates a ReplicaSet, its status apart. It is sent as it was seen but for the edit, which speaks of
    /// all that the pass changed in it so far.
    Edit {
        /// Which one.
        key: ReplicaSetKey,
        /// The object to start from.
        base: Base,
        /// What is other than in the set as seen.
        edit: SetEdit,
    },
    /// Deletes a ReplicaSet.
    Delete(ReplicaSetKey),
    /// Updates metadata and spec of the Deployment, its status apart.
    UpdateDeployment {
        /// The object to start from.
        base: Base,
        /// The object as sent.
        deployment: Box<Deployment>,
    },
    /// Writes the status and, as upstream's server stores them along with it, the annotations.
    Status {
        /// The object to start from.
        base: Base,
        /// Annotations as sent.
        annotations: StringMap,
        /// The status.
        status: DeploymentStatus,
    },
}
