//! Revisions, and old ReplicaSets that nobody needs.

use super::annotations::revision;
use super::sets::{SetInHand, Sets, by_creation};
use super::sync::Sync;
use super::write::DeploymentWrite;
use core::cmp::Ordering;
use wavetank_model::{PassError, Reason};

/// The highest revision, 0 if there is none; those that cannot be read do not count.
pub(super) fn max_revision(sets: &[SetInHand<'_>]) -> i64 {
    sets.iter().filter_map(revision).fold(0, i64::max)
}

/// The second highest revision, 0 if there is none.
pub(super) fn last_revision(sets: &[SetInHand<'_>]) -> i64 {
    let (mut highest, mut second) = (0, 0);
    for revision in sets.iter().filter_map(revision) {
        if revision >= highest {
            (highest, second) = (revision, highest);
        } else if revision > second {
            second = revision;
        }
    }
    second
}

/// By revision; by age if revisions are equal or one of them cannot be read.
fn by_revision(a: &SetInHand<'_>, b: &SetInHand<'_>) -> Ordering {
    match (revision(a), revision(b)) {
        (Some(one), Some(other)) if one != other => one.cmp(&other),
        _ => by_creation(a, b),
    }
}

/// Sorts by insertion: with revisions that cannot be read the order has circles, and upstream's sort
/// of short lists, which is this one, then decides.
fn sort_by_revision(sets: &mut [SetInHand<'_>]) {
    if sets.iter().all(|set| revision(set).is_some()) {
        sets.sort_by(by_revision);
        return;
    }
    for end in 1..sets.len() {
        let mut place = end;
        while place > 0 && by_revision(&sets[place], &sets[place - 1]) == Ordering::Less {
            sets.swap(place, place - 1);
            place -= 1;
        }
    }
}

impl Sync<'_> {
    /// Deletes the oldest revisions beyond the history limit. One that still has pods is passed over,
    /// and its place is used up all the same.
    pub(super) fn clean_up(&mut self, old: &[SetInHand<'_>]) -> Result<(), PassError> {
        let limit = match self.deployment.spec.revision_history_limit {
            None | Some(i32::MAX) => return Ok(()),
            Some(limit) => usize::try_from(limit).unwrap_or(0),
        };
        let mut sets: Sets<'_> = old.iter().filter(|set| !set.meta().is_terminating()).cloned().collect();
        let too_many = sets.len().saturating_sub(limit);
        sort_by_revision(&mut sets);
        for set in sets.iter().take(too_many).filter(|set| is_spent(set)) {
            let Some(key) = set.key() else { continue };
            match self.pass.put(DeploymentWrite::Delete(key)) {
                Err(refusal) if refusal.reason != Reason::NotFound => return Err(refusal.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a ReplicaSet has no pods, shall have none, and its status says so of this generation.
fn is_spent(set: &SetInHand<'_>) -> bool {
    let status = set.status();
    status.replicas == 0 && set.replicas == 0 && set.meta().generation <= status.observed_generation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::sets::tests::{names, set};

    #[test]
    fn the_last_revision_is_the_second_highest() {
        let sets = [set("a", 1, 0, "3"), set("b", 2, 0, "7"), set("c", 3, 0, "unreadable"), set("d", 4, 0, "5")];
        assert_eq!((max_revision(&sets), last_revision(&sets)), (7, 5));
        assert_eq!(last_revision(&sets[..1]), 0);
    }

    #[test]
    fn a_revision_that_cannot_be_read_is_placed_by_age() {
        let mut sets = [set("b", 2, 0, "2"), set("x", 1, 0, "?"), set("c", 3, 0, "3")];
        sort_by_revision(&mut sets);
        assert_eq!(names(&sets), ["x", "b", "c"]);
    }
}
