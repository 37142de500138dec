//! A changed number of replicas: all to one ReplicaSet, or to each its share.
//!
//! Follows `scale` in `sync.go` and the proportions in `util/deployment_util.go`.

use super::annotations;
use super::sets::{SetInHand, Sets, active, by_creation, by_size_newer, by_size_older, replica_count};
use super::sync::Sync;
use wavetank_model::{PassError, Strategy};

impl<'a> Sync<'a> {
    /// Brings the ReplicaSets to the size wanted without getting on with the rollout. Leaves the old
    /// ones newest first.
    pub(super) fn scale(&mut self, new: Option<&SetInHand<'a>>, old: &mut [SetInHand<'a>]) -> Result<(), PassError> {
        let replicas = self.deployment.spec.replicas;
        old.sort_by(|a, b| by_creation(b, a));
        if let Some(only) = active_or_latest(new, old) {
            self.scale_and_record(&only, replicas)?;
            return Ok(());
        }
        if new.is_some_and(|new| self.is_saturated(new)) {
            for set in active(&*old) {
                self.scale_and_record(set, 0)?;
            }
            return Ok(());
        }
        match self.deployment.spec.strategy {
            Strategy::RollingUpdate(_) => self.scale_proportionally(new, old),
            Strategy::Recreate | Strategy::Unknown(_) => Ok(()),
        }
    }

    /// Whether the new ReplicaSet alone is what the Deployment wants.
    fn is_saturated(&self, new: &SetInHand<'_>) -> bool {
        let replicas = self.deployment.spec.replicas;
        new.replicas == replicas
            && annotations::desired_replicas(new) == Some(replicas)
            && new.status().available_replicas == replicas
    }

    /// Spreads what is to be added or removed over all active ReplicaSets in proportion to their
    /// sizes, so that the rollout stays as far as it is. What rounding leaves goes to the first.
    fn scale_proportionally(&mut self, new: Option<&SetInHand<'a>>, old: &[SetInHand<'a>]) -> Result<(), PassError> {
        let mut sets: Sets<'a> = active(old.iter().chain(new)).cloned().collect();
        let allowed = if self.deployment.spec.replicas > 0 { self.max_replicas() } else { 0 };
        let to_add = allowed.wrapping_sub(replica_count(&sets));
        match to_add {
            1.. => sets.sort_by(by_size_newer),
            ..0 => sets.sort_by(by_size_older),
            0 => {}
        }
        let mut added = 0_i32;
        let mut sizes = Vec::with_capacity(sets.len());
        for set in &sets {
            let share = if to_add == 0 { 0 } else { self.share(set, to_add, added) };
            added = added.wrapping_add(share);
            sizes.push(set.replicas.wrapping_add(share));
        }
        if let Some(first) = sizes.first_mut().filter(|_| to_add != 0) {
            *first = first.wrapping_add(to_add.wrapping_sub(added)).max(0);
        }
        for (set, size) in sets.iter().zip(sizes) {
            self.scale_set(set, size)?;
        }
        Ok(())
    }

    /// What a ReplicaSet gets of `to_add`, of which `added` are gone already.
    fn share(&self, set: &SetInHand<'_>, to_add: i32, added: i32) -> i32 {
        if set.replicas == 0 || to_add == added {
            return 0;
        }
        let fraction = self.fraction(set);
        let left = to_add.wrapping_sub(added);
        if to_add > 0 { fraction.min(left) } else { fraction.max(left) }
    }

    /// By how much a ReplicaSet grows if it grows like the whole Deployment.
    fn fraction(&self, set: &SetInHand<'_>) -> i32 {
        if self.deployment.spec.replicas == 0 {
            return set.replicas.wrapping_neg();
        }
        let max_before = annotations::max_replicas(set).filter(|&max| max != 0);
        let before = max_before.unwrap_or(self.deployment.status.replicas);
        grown(set.replicas, self.max_replicas(), before).wrapping_sub(set.replicas)
    }
}

/// The only active ReplicaSet; the latest one if none is active; none if several are.
fn active_or_latest<'a>(new: Option<&SetInHand<'a>>, newest_first: &[SetInHand<'a>]) -> Option<SetInHand<'a>> {
    let mut active = active(newest_first.iter().chain(new));
    match (active.next(), active.next()) {
        (None, _) => new.or(newest_first.first()).cloned(),
        (only, None) => only.cloned(),
        _ => None,
    }
}

/// `size * max / before`, half away from zero; `size` if there is nothing to divide by. The product is
/// taken in 32 bits, as upstream takes it.
fn grown(size: i32, max: i32, before: i32) -> i32 {
    if before == 0 {
        return size;
    }
    let (product, before) = (i64::from(size.wrapping_mul(max)), i64::from(before));
    let magnitude = (2 * product.abs() + before.abs()) / (2 * before.abs());
    let rounded = if (product < 0) == (before < 0) { magnitude } else { -magnitude };
    i32::try_from(rounded).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_half_away_from_zero() {
        assert_eq!(grown(5, 13, 10), 7);
        assert_eq!(grown(-5, 13, 10), -7);
        assert_eq!(grown(5, 12, 10), 6);
        assert_eq!(grown(1, 1, 3), 0);
    }

    #[test]
    fn nothing_to_divide_by_leaves_the_size() {
        assert_eq!(grown(5, 13, 0), 5);
    }

    #[test]
    fn the_product_wraps_in_32_bits() {
        assert_eq!(grown(65_536, 65_536, 7), 0);
    }
}
