//! Which of two equally crowded pods of one group a scale-down takes first.

use core::cmp::Ordering;
use wavetank_controllers::replica_set::rank::{RankedPod, deletion_order};
use wavetank_engine::Time;
use wavetank_model::PodFacts;

/// Compares by readiness time, restarts and age, as upstream's ranking does after crowding.
#[must_use]
pub(crate) fn of_equals(one: &PodFacts, other: &PodFacts, now: Time) -> Ordering {
    let ranked = |pod: &PodFacts| RankedPod { pod: *pod, crowding: 0 };
    deletion_order(&ranked(one), &ranked(other), now)
}
