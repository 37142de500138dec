//! Creating what is missing and deleting what is too much.

use super::claims::Claimed;
use super::write::{ReplicaSetInputs, ReplicaSetWrite};
use wavetank_model::{PassError, PassInPlace, PodKey, Reason, ReplicaSet, Reply};

/// Pods beyond the number wanted; negative if some are missing.
pub(super) fn difference(active: u32, replicas: i32) -> i64 {
    i64::from(active) - i64::from(replicas)
}

/// Creates or deletes pods, at most `burst` of them.
pub(super) fn manage_replicas(
    inputs: &ReplicaSetInputs<'_>,
    pods: &Claimed,
    pass: &mut PassInPlace<'_, ReplicaSetWrite>,
) -> Result<(), PassError> {
    let difference = difference(pods.tally.active, inputs.set.spec.replicas);
    let count = u32::try_from(difference.unsigned_abs()).unwrap_or(u32::MAX).min(inputs.burst);
    if difference < 0 { create(inputs.set, count, pass) } else { delete(inputs, &pods.lost, count, pass) }
}

/// Creates pods in batches of 1, 2, 4 and so on, until one fails: a quota that refuses the first pod
/// shall not be asked a thousand times. A namespace that is being deleted refuses all; that is no error.
fn create(set: &ReplicaSet, count: u32, pass: &mut PassInPlace<'_, ReplicaSetWrite>) -> Result<(), PassError> {
    if count > 0 && set.spec.template.labels.is_empty() {
        return Err(PassError::Stuck("unable to create pods, no labels".into()));
    }
    let (mut left, mut batch) = (count, 1.min(count));
    while batch > 0 {
        let reply = pass.put_many(ReplicaSetWrite::Create { count: batch }, batch);
        if let Some(refusal) = reply.refused.filter(|refusal| !refusal.is_namespace_terminating()) {
            return Err(refusal.into());
        }
        left -= batch;
        batch = batch.saturating_mul(2).min(left);
    }
    Ok(())
}

/// Deletes the first pods in deletion order. One that is gone already is no error.
fn delete(
    inputs: &ReplicaSetInputs<'_>,
    lost: &[PodKey],
    count: u32,
    pass: &mut PassInPlace<'_, ReplicaSetWrite>,
) -> Result<(), PassError> {
    let victims: Vec<PodKey> = inputs
        .pods
        .victims
        .iter()
        .copied()
        .filter(|victim| !lost.contains(victim))
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .collect();
    if victims.is_empty() {
        return Ok(());
    }
    let asked = u32::try_from(victims.len()).unwrap_or(u32::MAX);
    let Reply { refused, .. } = pass.put_many(ReplicaSetWrite::Delete(victims), asked);
    match refused {
        Some(refusal) if refusal.reason != Reason::NotFound => {
            Err(PassError::Stuck(format!("unable to delete pods: {refusal}").into()))
        }
        _ => Ok(()),
    }
}
