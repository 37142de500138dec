//! Recreate: all old pods go before a new one comes.
//!
//! Follows `recreate.go`.

use super::progress::is_complete;
use super::sets::{SetInHand, active, status_count};
use super::sync::{NewAndOld, Sync};
use wavetank_model::PassError;

impl<'a> Sync<'a> {
    /// Empties the old ReplicaSets, waits for their pods to go, then fills the new one; reports.
    pub(super) fn rollout_recreate(&mut self, sets: &[SetInHand<'a>]) -> Result<(), PassError> {
        let mut seen = self.new_and_old(sets, false)?;
        if self.empty(&seen.old)? || old_pods_are_left(&seen) {
            return self.sync_rollout_status(&seen);
        }
        if seen.new.is_none() {
            seen = self.new_and_old(sets, true)?;
        }
        if let Some(new) = &seen.new {
            self.scale_and_record(new, self.deployment.spec.replicas)?;
        }
        if is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up(&seen.old)?;
        }
        self.sync_rollout_status(&seen)
    }

    fn empty(&mut self, sets: &[SetInHand<'a>]) -> Result<bool, PassError> {
        let mut scaled = false;
        for set in active(sets) {
            scaled |= self.scale_and_record(set, 0)?.1;
        }
        Ok(scaled)
    }
}

/// Whether an old ReplicaSet reports pods, or one of its pods has not ended.
fn old_pods_are_left(seen: &NewAndOld<'_>) -> bool {
    status_count(&seen.old, |status| status.replicas) > 0 || seen.old.iter().any(|set| set.unfinished_pods() > 0)
}
