//! ReplicaSets in the hand of a pass, and numbers over many of them.

use core::cmp::Ordering;
use std::sync::Arc;
use wavetank_model::{Base, ReplicaSet, ReplicaSetKey, ReplicaSetStatus};

/// A ReplicaSet as a pass holds it: from the cache, or as the server answered a write.
#[derive(Clone, Debug)]
pub(super) struct SetInHand {
    /// Which one; absent if this pass created it.
    pub(super) key: Option<ReplicaSetKey>,
    /// What a write of it starts from.
    pub(super) base: Base,
    /// The object.
    pub(super) set: Arc<ReplicaSet>,
    /// Pods controlled by it that have not ended.
    pub(super) unfinished_pods: u32,
}

impl SetInHand {
    /// Its size by spec.
    pub(super) fn replicas(&self) -> i32 {
        self.set.spec.replicas
    }
}

fn sum(sets: &[SetInHand], count: impl Fn(&ReplicaSet) -> i32) -> i32 {
    sets.iter().map(|set| count(&set.set)).fold(0, i32::wrapping_add)
}

/// Pods that they should have.
pub(super) fn replica_count(sets: &[SetInHand]) -> i32 {
    sum(sets, |set| set.spec.replicas)
}

/// A number of their statuses, added up.
pub(super) fn status_count(sets: &[SetInHand], count: impl Fn(&ReplicaSetStatus) -> i32) -> i32 {
    sum(sets, |set| count(&set.status))
}

/// Their terminating pods; unknown if one that was ever synced does not say.
pub(super) fn terminating_count(sets: &[SetInHand]) -> Option<i32> {
    sets.iter()
        .map(|set| &set.set.status)
        .filter(|status| status.observed_generation != 0 || status.terminating_replicas.is_some())
        .try_fold(0_i32, |sum, status| Some(sum.wrapping_add(status.terminating_replicas?)))
}

/// Those that should have pods.
pub(super) fn active(sets: &[SetInHand]) -> Vec<SetInHand> {
    sets.iter().filter(|set| set.replicas() > 0).cloned().collect()
}

/// The older first, then by name.
pub(super) fn by_creation(a: &SetInHand, b: &SetInHand) -> Ordering {
    let (a, b) = (&a.set.meta, &b.set.meta);
    a.creation.cmp(&b.creation).then_with(|| a.name.cmp(&b.name))
}

/// The larger first, then the newer.
pub(super) fn by_size_newer(a: &SetInHand, b: &SetInHand) -> Ordering {
    b.replicas().cmp(&a.replicas()).then_with(|| by_creation(b, a))
}

/// The larger first, then the older.
pub(super) fn by_size_older(a: &SetInHand, b: &SetInHand) -> Ordering {
    b.replicas().cmp(&a.replicas()).then_with(|| by_creation(a, b))
}
