//! The counts and the Available condition of a Deployment.

use super::progress::{condition, find_condition, set_condition};
use super::sets::Totals;
use super::sync::{NewAndOld, Sync};
use super::write::DeploymentWrite;
use wavetank_engine::Time;
use wavetank_model::{Base, ConditionStatus, Deployment, DeploymentCondition, DeploymentStatus, PassError, Refusal};

/// Condition that says whether enough pods are available.
const AVAILABLE: &str = "Available";

/// The status that follows from the ReplicaSets as seen, with the conditions that it had.
pub(super) fn calculate(
    deployment: &Deployment,
    seen: &NewAndOld<'_>,
    min_available: i32,
    now: Time,
) -> DeploymentStatus {
    let Totals { wanted, replicas, ready, available, terminating } = Totals::of(seen.all());
    let mut status = DeploymentStatus {
        observed_generation: deployment.meta.generation,
        replicas,
        updated_replicas: seen.new.as_ref().map_or(0, |new| new.status().replicas),
        ready_replicas: ready,
        available_replicas: available,
        unavailable_replicas: wanted.wrapping_sub(available).max(0),
        terminating_replicas: terminating,
        collision_count: deployment.status.collision_count,
        conditions: deployment.status.conditions.clone(),
    };
    let (holds, reason, message) = if available >= min_available {
        (ConditionStatus::True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        (ConditionStatus::False, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let stays = |old: &DeploymentCondition| old.status == holds && &*old.reason == reason;
    if !find_condition(&status, AVAILABLE).is_some_and(stays) {
        set_condition(&mut status, condition(AVAILABLE, holds, reason, message, now));
    }
    status
}

impl Sync<'_> {
    /// Reports the counts.
    pub(super) fn sync_status(&mut self, seen: &NewAndOld<'_>) -> Result<(), PassError> {
        let status = calculate(&self.deployment, seen, self.min_available(), self.inputs.now);
        if status != self.deployment.status {
            self.put_as_status(status)?;
        }
        Ok(())
    }

    /// Writes status and annotations of the Deployment in hand, over the one that the cache had.
    pub(super) fn put_status(&mut self) -> Result<(), Refusal> {
        self.put_as_status(self.deployment.status.clone())
    }

    /// Writes a status that nothing in the pass looks at any more.
    pub(super) fn put_as_status(&mut self, mut status: DeploymentStatus) -> Result<(), Refusal> {
        cut_times(&mut status);
        self.put_cut_status(status)
    }

    /// The same for one whose times are cut.
    pub(super) fn put_cut_status(&mut self, status: DeploymentStatus) -> Result<(), Refusal> {
        let annotations = self.deployment.meta.annotations.clone();
        self.pass.put(DeploymentWrite::Status { base: Base::Cached, annotations, status })?;
        Ok(())
    }
}

/// Leaves whole seconds of the times of conditions, as the server stores them.
pub(super) fn cut_times(status: &mut DeploymentStatus) {
    let cut = |time: Option<Time>| time.map(Time::floor_second);
    let is_cut = |time: Option<Time>| time.is_none_or(|time| time == time.floor_second());
    if !status.conditions.iter().all(|condition| is_cut(condition.last_update) && is_cut(condition.last_transition)) {
        status.conditions.edit(|conditions| {
            for condition in conditions {
                condition.last_update = cut(condition.last_update);
                condition.last_transition = cut(condition.last_transition);
            }
        });
    }
}
