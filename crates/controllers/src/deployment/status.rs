//! The counts and the Available condition of a Deployment.

use super::limits::max_unavailable;
use super::progress::{condition, set_condition};
use super::sets::{SetInHand, replica_count, status_count, terminating_count};
use super::sync::{NewAndOld, Sync};
use super::write::DeploymentWrite;
use wavetank_engine::Time;
use wavetank_model::{Base, ConditionStatus, Deployment, DeploymentStatus, PassError, Refusal};

/// The status that follows from the ReplicaSets as seen, with the conditions that it had.
pub(super) fn calculate(
    deployment: &Deployment,
    all: &[SetInHand],
    new: Option<&SetInHand>,
    now: Time,
) -> DeploymentStatus {
    let available = status_count(all, |status| status.available_replicas);
    let mut status = DeploymentStatus {
        observed_generation: deployment.meta.generation,
        replicas: status_count(all, |status| status.replicas),
        updated_replicas: new.map_or(0, |new| new.set.status.replicas),
        ready_replicas: status_count(all, |status| status.ready_replicas),
        available_replicas: available,
        unavailable_replicas: replica_count(all).wrapping_sub(available).max(0),
        terminating_replicas: terminating_count(all),
        collision_count: deployment.status.collision_count,
        conditions: deployment.status.conditions.clone(),
    };
    let minimum = deployment.spec.replicas.wrapping_sub(max_unavailable(&deployment.spec));
    let (holds, reason, message) = if available >= minimum {
        (ConditionStatus::True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        (ConditionStatus::False, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set_condition(&mut status, condition("Available", holds, reason, message, now));
    status
}

impl Sync<'_> {
    /// Reports the counts.
    pub(super) fn sync_status(&mut self, seen: &NewAndOld) -> Result<(), PassError> {
        let status = calculate(&self.deployment, &seen.all(), seen.new.as_ref(), self.inputs.now);
        if status != self.deployment.status {
            self.deployment.status = status;
            self.put_status()?;
        }
        Ok(())
    }

    /// Writes status and annotations of the Deployment in hand, over the one that the cache had.
    pub(super) fn put_status(&mut self) -> Result<(), Refusal> {
        let mut status = self.deployment.status.clone();
        for condition in &mut status.conditions {
            condition.last_update = condition.last_update.map(Time::floor_second);
            condition.last_transition = condition.last_transition.map(Time::floor_second);
        }
        let annotations = self.deployment.meta.annotations.clone();
        self.pass.put(DeploymentWrite::Status { base: Base::Cached, annotations, status })?;
        Ok(())
    }
}
