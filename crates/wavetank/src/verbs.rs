//! What a user does to a cluster: one file for each family of verbs.
//!
//! - [`objects`]: verbs on whole objects: create, apply, patch, label, delete.
//! - [`documents`]: objects of the kinds that are few, namespaces and nodes among them.
//! - [`listing`]: objects by kind, namespace and selector.
//! - [`rollout`]: verbs of a rollout: set image, scale, history, undo, pause, restart.
//! - `scale`: the scale subresource: how many replicas an object has and should have, whatever its kind.
//! - [`disruptions`]: budgets of evictions; evictions, cordons and drains.
//! - [`load`]: states recorded elsewhere.
//! - [`ownership`]: field managers and server-side apply.
//! - [`own_kinds`]: kinds of a user's own, which autoscalers can scale.

pub mod disruptions;
pub mod documents;
pub mod listing;
pub mod load;
pub mod objects;
pub mod own_kinds;
pub mod ownership;
pub mod rollout;
pub(crate) mod scale;
