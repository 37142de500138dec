//! Controllers as pure reconcile functions.
//!
//! One call is one pass of the upstream sync function: what the controller has seen, the time and the
//! replies to the writes made so far go in; typed writes, events, the error and when to look again
//! come out. Nothing here knows a clock, a store or a queue.
//!
//! - [`replica_set`] keeps as many pods as wanted, for ReplicaSets and ReplicationControllers.
//! - [`deployment`] replaces the pods of one template by those of another.

mod claim;
pub mod deployment;
pub mod replica_set;

pub use deployment::{DeploymentInputs, DeploymentWrite, SetSeen, new_set_name, reconcile_deployment};
pub use replica_set::{
    Claim, ClaimKind, PodEvent, PodsSeen, ReplicaSetInputs, ReplicaSetWrite, Tally, reconcile_replica_set, surplus,
};
