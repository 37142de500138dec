//! ReplicaSets and ReplicationControllers: keep as many pods as wanted.
//!
//! Follows `pkg/controller/replicaset/replica_set.go` of Kubernetes 1.36.

mod event;
mod seen;
mod write;

pub use event::PodEvent;
pub use seen::{Claim, ClaimKind, PodsSeen, Tally, surplus};
pub use write::{ReplicaSetInputs, ReplicaSetWrite};
