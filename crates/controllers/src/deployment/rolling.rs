//! Rolling updates: new pods come and old ones go, between two limits.
//!
//! Follows `rolling.go`.

use super::limits::new_set_size;
use super::progress::is_complete;
use super::sets::{SetInHand, Sets, active, replica_count, status_count};
use super::sync::{NewAndOld, Sync};
use wavetank_model::{PassError, Refusal};

impl<'a> Sync<'a> {
    /// Resizes the new ReplicaSet; if it has its size, the old ones; reports.
    pub(super) fn rollout_rolling(&mut self, seen: &NewAndOld<'a>) -> Result<(), PassError> {
        let Some(new) = &seen.new else {
            return self.sync_rollout_status(seen);
        };
        if self.resize_new(seen, new)? || self.shrink_old(seen, new) {
            return self.sync_rollout_status(seen);
        }
        if is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up(&seen.old)?;
        }
        self.sync_rollout_status(seen)
    }

    fn resize_new(&mut self, seen: &NewAndOld<'a>, new: &SetInHand<'a>) -> Result<bool, PassError> {
        let replicas = self.deployment.spec.replicas;
        let size = if new.replicas < replicas {
            new_set_size(&self.deployment.spec, replica_count(seen.all()), new.replicas)?
        } else {
            replicas
        };
        Ok(self.scale_and_record(new, size)?.1)
    }

    /// Answers whether an old ReplicaSet has been made smaller. Upstream drops errors here: the next
    /// pass will try again.
    fn shrink_old(&mut self, seen: &NewAndOld<'a>, new: &SetInHand<'a>) -> bool {
        if active(&seen.old).next().is_none() {
            return false;
        }
        let new_unavailable = new.replicas.wrapping_sub(new.status().available_replicas);
        let spare = replica_count(seen.all()).wrapping_sub(self.min_available()).wrapping_sub(new_unavailable);
        if spare <= 0 {
            return false;
        }
        let mut old: Sets<'a> = active(&seen.old).cloned().collect();
        let Ok(unhealthy) = self.remove_unhealthy(&mut old, spare) else {
            return false;
        };
        self.remove_healthy(&old, new).is_ok_and(|healthy| unhealthy.wrapping_add(healthy) > 0)
    }

    /// Takes away pods that are not available, which nobody will miss; the oldest ReplicaSets first.
    fn remove_unhealthy(&mut self, old: &mut [SetInHand<'a>], spare: i32) -> Result<i32, Refusal> {
        let mut removed = 0;
        for set in old {
            let missing = set.replicas.wrapping_sub(set.status().available_replicas);
            if removed >= spare {
                break;
            }
            if missing == 0 {
                continue;
            }
            let count = missing.min(spare.wrapping_sub(removed));
            if count < 0 {
                // More available than wanted: upstream calls the request invalid and gives up.
                return Err(invalid_scale_down(set, count));
            }
            *set = self.scale_and_record(set, set.replicas.wrapping_sub(count))?.0;
            removed = removed.wrapping_add(count);
        }
        Ok(removed)
    }

    /// Takes away pods as far as enough stay available; the oldest ReplicaSets first.
    fn remove_healthy(&mut self, old: &[SetInHand<'a>], new: &SetInHand<'a>) -> Result<i32, Refusal> {
        let available = |sets: &[SetInHand<'a>]| status_count(sets, |status| status.available_replicas);
        let spare = available(old).wrapping_add(new.status().available_replicas).wrapping_sub(self.min_available());
        let mut removed = 0;
        for set in old.iter().filter(|set| set.replicas != 0) {
            if removed >= spare {
                break;
            }
            let count = set.replicas.min(spare.wrapping_sub(removed));
            self.scale_and_record(set, set.replicas.wrapping_sub(count))?;
            removed = removed.wrapping_add(count);
        }
        Ok(removed)
    }
}

fn invalid_scale_down(set: &SetInHand<'_>, count: i32) -> Refusal {
    let (name, size) = (&set.meta().name, set.replicas);
    Refusal::new(
        wavetank_model::Reason::Invalid,
        format!("replica set {name} of size {size} cannot lose {count} unavailable pods"),
    )
}
