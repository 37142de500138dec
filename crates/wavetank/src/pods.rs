//! What befalls a pod between its creation and its end.
//!
//! - `life`: a pod's way from its creation to its end: the writes of scheduler and kubelet.
//! - `machines`: pods that need a machine of their own on their nodes.
//! - `resting`: pods whose machine has nothing left to do, kept as a few words.
//! - `sights`: what the kubelet and the scheduler record about pods.
//! - [`status`]: the status of a pod as the API server shows it, made when somebody looks.
//! - [`conditions`]: conditions of pods that others than the kubelet set.
//! - [`deletion`]: deleting a pod with a grace of one's own.
//! - `rank`: which of two equally crowded pods of one group a scale-down takes first.
//! - `unschedulable`: pods that the scheduler finds no node for: what it says of them, and when it tries again.

pub mod conditions;
pub mod deletion;
pub(crate) mod life;
pub(crate) mod machines;
pub(crate) mod rank;
pub(crate) mod resting;
pub(crate) mod sights;
pub mod status;
pub(crate) mod unschedulable;
