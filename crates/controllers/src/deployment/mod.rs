//! Deployments: replace the pods of one template by those of another, within limits.
//!
//! A Deployment with a changed template and one old ReplicaSet of ten: a pass creates the new set at
//! the size of the surge; the next ones shrink the old set by what is available beyond the minimum and
//! grow the new one, until the old one is empty.
//!
//! Follows `pkg/controller/deployment` of Kubernetes 1.36, file by file:
//!
//! - `sync`: the order of a pass, and what all kinds of pass share.
//! - `claims`: whose ReplicaSets are whose.
//! - `new_set`: finding or creating the ReplicaSet of the current template.
//! - `rolling`, `recreate`, `rollback`: the kinds of rollout.
//! - `scaling`: a changed number of replicas, spread over all ReplicaSets.
//! - `progress`, `status`: what is reported.
//! - `history`: revisions, and old ReplicaSets that nobody needs.
//! - [`annotations`], `limits`, `sets`: text, plain numbers and lists of ReplicaSets.
//!
//! Upstream keeps the resource version that its cache had through a whole pass, so a second write of
//! the same object conflicts. That is kept: such writes have the same [`Base`](wavetank_model::Base).
//!
//! # Where this differs
//!
//! - A rolling update without parameters, which no API server stores, ends a pass of upstream's with a
//!   crash; here they count as absent.
//! - More than a dozen old ReplicaSets of which some have unreadable revisions are cleaned up in an
//!   order that upstream's sort makes up as it goes; here it is that of a sort by insertion.

pub mod annotations;
mod claims;
mod history;
mod limits;
mod new_set;
mod progress;
mod recreate;
mod rollback;
mod rolling;
mod scaling;
mod sets;
mod status;
mod sync;
mod write;

pub use new_set::new_set_name;
pub use sync::{reconcile_deployment, replan_deployment};
pub use write::{DeploymentInputs, DeploymentWrite, SetSeen};
