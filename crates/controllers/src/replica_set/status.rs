//! The status of a set: the pods as they were before the pass created or deleted any.
//!
//! Follows `pkg/controller/replicaset/replica_set_utils.go`.

use super::claims::Claimed;
use super::manage::difference;
use super::write::{ReplicaSetInputs, ReplicaSetWrite};
use wavetank_engine::Time;
use wavetank_model::{
    Base, ConditionStatus, PassError, PassInPlace, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus, SetKind,
};

/// Condition that says why pods could not be created or deleted.
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The status after a pass that met this error while it managed pods.
pub(super) fn calculate(set: &ReplicaSet, pods: &Claimed, failure: Option<&PassError>, now: Time) -> ReplicaSetStatus {
    let tally = &pods.tally;
    let mut conditions = set.status.conditions.clone();
    let failing = conditions.iter().any(|condition| &*condition.kind == REPLICA_FAILURE);
    match failure {
        Some(error) if !failing => {
            let failure = ReplicaSetCondition {
                kind: REPLICA_FAILURE.into(),
                status: ConditionStatus::True,
                last_transition: Some(now.floor_second()),
                reason: failure_reason(difference(tally.active, set.spec.replicas)).into(),
                message: error.to_string().into(),
            };
            conditions.edit(|conditions| conditions.push(failure));
        }
        None if failing => {
            conditions.edit(|conditions| conditions.retain(|condition| &*condition.kind != REPLICA_FAILURE));
        }
        _ => {}
    }
    ReplicaSetStatus {
        replicas: counted(tally.active),
        fully_labeled_replicas: counted(tally.fully_labeled),
        ready_replicas: counted(tally.ready),
        available_replicas: counted(tally.available),
        terminating_replicas: terminating(set, tally.terminating),
        observed_generation: set.status.observed_generation,
        conditions,
    }
}

fn counted(pods: u32) -> i32 {
    i32::try_from(pods).unwrap_or(i32::MAX)
}

fn failure_reason(difference: i64) -> &'static str {
    match difference {
        ..0 => "FailedCreate",
        0 => "",
        1.. => "FailedDelete",
    }
}

/// ReplicationControllers do not report terminating pods.
fn terminating(set: &ReplicaSet, pods: u32) -> Option<i32> {
    match set.kind {
        SetKind::ReplicaSet => Some(counted(pods)),
        SetKind::ReplicationController => set.status.terminating_replicas,
    }
}

/// Writes the status if it says anything new; once more, on a fresh copy, if that is refused.
pub(super) fn update(
    inputs: &ReplicaSetInputs<'_>,
    status: &ReplicaSetStatus,
    pass: &mut PassInPlace<'_, ReplicaSetWrite>,
) -> Result<(), PassError> {
    let set = inputs.set;
    if *status == set.status && set.meta.generation == set.status.observed_generation {
        return Ok(());
    }
    let write = |base| {
        let status = ReplicaSetStatus { observed_generation: set.meta.generation, ..status.clone() };
        ReplicaSetWrite::Status { base, status }
    };
    if pass.put(write(Base::Cached)).is_err() {
        pass.put(write(Base::Fresh))?;
    }
    Ok(())
}
