//! The border of a ReplicaSet's pass: what goes in besides the pods, and what may come out.

use super::seen::PodsSeen;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;
use wavetank_model::{Base, PodKey, ReplicaSet, ReplicaSetStatus};

/// What a pass for one ReplicaSet or ReplicationController decides by.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaSetInputs<'a> {
    /// The clock.
    pub now: Time,
    /// The set as seen.
    pub set: &'a ReplicaSet,
    /// Its pods as seen.
    pub pods: &'a PodsSeen,
    /// Whether all creations and deletions of earlier passes have been seen, or waited for too long.
    pub expectations_met: bool,
    /// Most pods that one pass creates or deletes; 500 upstream.
    pub burst: u32,
}

/// A write of a pass for a ReplicaSet or ReplicationController.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaSetWrite {
    /// Not a write: a read of the live set before its first adoption. Refused if the set is gone,
    /// another one of the same name, or being deleted.
    ConfirmOwner,
    /// Makes the set the controller of a pod.
    Adopt(PodKey),
    /// Takes the set away from the owners of a pod.
    Release(PodKey),
    /// Creates equal pods: one write for each slow-start batch of 1, 2, 4 and so on. The reply counts
    /// those created; a refusal speaks for all others.
    Create {
        /// How many.
        count: u32,
    },
    /// Deletes pods, in deletion order. The reply carries a refusal other than NotFound if there is one.
    Delete(Vec<PodKey>),
    /// Writes the status.
    Status {
        /// The object to start from. The read of a fresh one may itself be refused: then nothing is sent.
        base: Base,
        /// The status.
        status: ReplicaSetStatus,
    },
}
