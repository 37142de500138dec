//! Taking in orphans, letting go of strays.
//!
//! Follows `BaseControllerRefManager.ClaimObject` in `pkg/controller/controller_ref_manager.go`.

use super::from_pods::{earlier, still_to_come};
use super::seen::{Claim, ClaimKind, Tally};
use super::write::{ReplicaSetInputs, ReplicaSetWrite};
use crate::claim::claim_error;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{PassError, PassInPlace, PodKey, Reason, Refusal};

/// The pods that a set has once claims are settled.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    /// Their numbers.
    pub(super) tally: Tally,
    /// When the next ready one will be available.
    pub(super) next_available: Option<Time>,
    /// Orphans that were gone when they were to be adopted.
    pub(super) lost: Vec<PodKey>,
}

/// Settles claims in order of the pods' names. Every claim is tried; then all errors are returned as one.
pub(super) fn claim_pods(
    inputs: &ReplicaSetInputs<'_>,
    pass: &mut PassInPlace<'_, ReplicaSetWrite>,
) -> Result<Claimed, PassError> {
    let pods = inputs.pods;
    let mut claimed = Claimed { tally: pods.tally, next_available: pods.next_available, lost: Vec::new() };
    if inputs.set.meta.is_terminating() {
        return Ok(claimed);
    }
    let mut owner = None;
    let mut errors: Vec<Arc<str>> = Vec::new();
    for claim in &pods.claims {
        let result = match claim.kind {
            ClaimKind::Adopt => adopt(inputs, claim, &mut owner, &mut claimed, pass),
            ClaimKind::Release => release(claim, pass),
        };
        errors.extend(result.err());
    }
    match claim_error(errors) {
        Some(error) => Err(error),
        None => Ok(claimed),
    }
}

fn adopt(
    inputs: &ReplicaSetInputs<'_>,
    claim: &Claim,
    owner: &mut Option<Result<(), Refusal>>,
    claimed: &mut Claimed,
    pass: &mut PassInPlace<'_, ReplicaSetWrite>,
) -> Result<(), Arc<str>> {
    let confirmed = owner.get_or_insert_with(|| pass.put(ReplicaSetWrite::ConfirmOwner).map(|_| ()));
    if let Err(refusal) = confirmed {
        let namespace = &inputs.set.meta.namespace;
        return Err(format!("can't adopt Pod {namespace}/{} ({}): {refusal}", claim.name, claim.pod.uid).into());
    }
    match pass.put(ReplicaSetWrite::Adopt(claim.pod.key)) {
        Ok(_) => {
            let min_ready_seconds = inputs.set.spec.min_ready_seconds;
            claimed.tally.add(&claim.pod, min_ready_seconds, inputs.now);
            let available = still_to_come(&claim.pod, min_ready_seconds, inputs.now);
            claimed.next_available = earlier(claimed.next_available, available);
            Ok(())
        }
        Err(refusal) if refusal.reason == Reason::NotFound => {
            claimed.lost.push(claim.pod.key);
            Ok(())
        }
        Err(refusal) => Err(refusal.message),
    }
}

fn release(claim: &Claim, pass: &mut PassInPlace<'_, ReplicaSetWrite>) -> Result<(), Arc<str>> {
    match pass.put(ReplicaSetWrite::Release(claim.pod.key)) {
        Err(refusal) if !matches!(refusal.reason, Reason::NotFound | Reason::Invalid) => Err(refusal.message),
        _ => Ok(()),
    }
}
