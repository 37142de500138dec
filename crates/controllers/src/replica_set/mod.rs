//! ReplicaSets and ReplicationControllers: keep as many pods as wanted.
//!
//! With three replicas and one pod, a pass asks for a batch of one, then for a batch of one (two are
//! missing; batches would go on with 2, 4, 8), and reports the one pod that it saw.
//!
//! - [`PodsSeen`] is what a pass knows of the pods: numbers, [`Claim`]s, the first victims.
//! - [`PodsSeen::from_pods`] and [`rank`] define it for literal pods; the store answers the same from
//!   its indices.
//! - [`PodEvent`] words the events about single pods, which the executor of the writes records.
//!
//! Follows `pkg/controller/replicaset/replica_set.go` of Kubernetes 1.36. Expectations are kept beside
//! the work queue: whoever carries out the writes notes them down.

mod claims;
mod event;
mod from_pods;
mod manage;
pub mod rank;
mod seen;
mod status;
mod write;

pub use event::PodEvent;
pub use rank::{RankedPod, deletion_order};
pub use seen::{Claim, ClaimKind, PodsSeen, Tally, surplus};
pub use write::{ReplicaSetInputs, ReplicaSetWrite};

use claims::{Claimed, claim_pods};
use core::time::Duration;
use wavetank_model::{LookAgain, Pass, PassError, PassInPlace, Plan, ReplicaSetStatus, Reply};

/// One pass for a ReplicaSet or ReplicationController.
#[must_use]
pub fn reconcile_replica_set(inputs: &ReplicaSetInputs<'_>, replies: &[Reply]) -> Plan<ReplicaSetWrite> {
    let mut plan = Plan::default();
    replan_replica_set(inputs, replies, &mut plan);
    plan
}

/// The same in the room of a former plan.
pub fn replan_replica_set(inputs: &ReplicaSetInputs<'_>, replies: &[Reply], plan: &mut Plan<ReplicaSetWrite>) {
    let mut pass = Pass::in_place_of(replies, plan);
    let result = sync(inputs, &mut pass);
    pass.close(result);
}

fn sync(inputs: &ReplicaSetInputs<'_>, pass: &mut PassInPlace<'_, ReplicaSetWrite>) -> Result<(), PassError> {
    let set = inputs.set;
    if !set.spec.selector.is_valid() {
        // Upstream logs this and gives up without an error: a retry would not help.
        return Ok(());
    }
    let pods = claim_pods(inputs, pass)?;
    let managed = if inputs.expectations_met && !set.meta.is_terminating() {
        manage::manage_replicas(inputs, &pods, pass)
    } else {
        Ok(())
    };
    let status = status::calculate(set, &pods, managed.as_ref().err(), inputs.now);
    let was_idle = pass.is_idle();
    status::update(inputs, &status, pass)?;
    managed?;
    let again = look_again(inputs, &pods, &status);
    pass.look_again(again);
    if was_idle && pass.writes() == 1 {
        // The next pass counts the same pods, and has reported them.
        pass.rest(again);
    }
    Ok(())
}

/// A pod that is ready but not yet available changes nothing when it becomes so: the set must look by itself.
fn look_again(inputs: &ReplicaSetInputs<'_>, pods: &Claimed, status: &ReplicaSetStatus) -> LookAgain {
    let min_ready_seconds = inputs.set.spec.min_ready_seconds;
    match u64::try_from(min_ready_seconds) {
        Ok(seconds) if seconds > 0 && status.ready_replicas != status.available_replicas => LookAgain::After(
            pods.next_available.map_or(Duration::from_secs(seconds), |available| available.since(inputs.now)),
        ),
        _ => LookAgain::No,
    }
}
