//! Objects, their indices, versions and changes. Only the store mutates.
//!
//! - [`slot`]: an object as stored and as seen by the controllers.
//! - `names`: keys by namespace and name.
//! - [`pod_name`]: names of pods, computed from owner and ordinal.
//! - `roll`: pods in order of their identities.
//! - [`victims`]: pods in the order in which a scale-down takes them.
//! - [`cohort`]: pods of one owner with the same labels, counted by state as they are seen.
//! - [`pods`]: a pod as stored.
//! - [`pod_arena`]: the packed records of pods, in `pages`.
//! - [`pod_column`]: what others keep of each pod.
//! - [`change`]: what a write changed; watches, digests and logs are served from it.
//! - [`store`]: the store itself, its reads.
//! - [`writes`]: Deployments and ReplicaSets: create, update, update status, delete.
//! - [`pod_writes`]: pods: create, bind, change state, delete.
//! - [`documents`]: objects of all other kinds.
//! - [`delivery`]: a change reaches the controllers' view.

pub mod change;
pub mod cohort;
pub mod delivery;
pub mod documents;
mod names;
mod pages;
pub mod pod_arena;
pub mod pod_column;
pub mod pod_name;
pub mod pod_writes;
pub mod pods;
mod roll;
pub mod slot;
pub mod store;
pub mod victims;
pub mod writes;

pub use change::{Change, PodChange, PodView};
pub use cohort::CohortId;
pub use pod_arena::PodRecord;
pub use pod_column::PodColumn;
pub use pods::{NewPod, PodState};
pub use slot::Slot;
pub use store::{Node, Sights, Store};
pub use writes::Precondition;
