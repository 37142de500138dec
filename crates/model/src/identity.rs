//! What tells one object from another.

use core::fmt;
use serde::{Deserialize, Serialize};

slotmap::new_key_type! {
    /// Arena key of a Deployment. Never used for order, digest or draws.
    pub struct DeploymentKey;
    /// Arena key of a ReplicaSet or ReplicationController. Never used for order, digest or draws.
    pub struct ReplicaSetKey;
    /// Arena key of a Pod. Never used for order, digest or draws.
    pub struct PodKey;
    /// Arena key of a Node. Never used for order, digest or draws.
    pub struct NodeKey;
}

/// An object's identity: its creation ordinal within the cluster, rendered as a UUID.
///
/// Where upstream compares uids, ordinals decide; a real cluster's uids are random, so this is one
/// of the orders it could have had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub u64);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00000000-0000-4000-8000-{:012x}", self.0)
    }
}
