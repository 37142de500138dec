//! The order of a pass, and what all kinds of pass share.
//!
//! Follows `syncDeployment` in `deployment_controller.go` and `sync.go`.

use super::annotations;
use super::limits::limits;
use super::sets::{SetInHand, Sets};
use super::write::{DeploymentInputs, DeploymentWrite};
use std::borrow::Cow;
use wavetank_model::{
    Base, Deployment, EventRecord, LookAgain, Pass, PassError, PassInPlace, Plan, Refusal, Reply, Strategy, Text,
};

/// One pass for a Deployment.
#[must_use]
pub fn reconcile_deployment(inputs: &DeploymentInputs<'_>, replies: &[Reply]) -> Plan<DeploymentWrite> {
    let mut plan = Plan::default();
    replan_deployment(inputs, replies, &mut plan);
    plan
}

/// The same in the room of a former plan.
pub fn replan_deployment(inputs: &DeploymentInputs<'_>, replies: &[Reply], plan: &mut Plan<DeploymentWrite>) {
    let deployment = inputs.deployment;
    let (surge, unavailable) = limits(&deployment.spec);
    let deployment = Cow::Borrowed(deployment);
    let mut sync = Sync { inputs, surge, unavailable, deployment, pass: Pass::in_place_of(replies, plan) };
    let result = sync.run();
    sync.pass.close(result);
}

/// A pass under way.
pub(super) struct Sync<'a> {
    /// What it decides by.
    pub(super) inputs: &'a DeploymentInputs<'a>,
    /// Pods allowed beyond the number wanted, and pods that may be missing.
    surge: i32,
    unavailable: i32,
    /// The Deployment as the pass sees it: as its cache had it, with what the pass changed since. Its
    /// condition times carry the full clock, since waits go by that; writes cut them. Most passes change
    /// nothing in it, so it is copied by the first change.
    pub(super) deployment: Cow<'a, Deployment>,
    /// Writes, replies, events.
    pub(super) pass: PassInPlace<'a, DeploymentWrite>,
}

/// The ReplicaSet of the current template, if there is one, and all others, oldest first.
pub(super) struct NewAndOld<'a> {
    pub(super) new: Option<SetInHand<'a>>,
    pub(super) old: Sets<'a>,
    /// Whether looking again would find the same: the new one is there and nothing had to be written.
    pub(super) settled: bool,
}

impl<'a> NewAndOld<'a> {
    /// All of them, the new one last.
    pub(super) fn all(&self) -> impl Iterator<Item = &SetInHand<'a>> + Clone {
        self.old.iter().chain(&self.new)
    }
}

impl<'a> Sync<'a> {
    fn run(&mut self) -> Result<(), PassError> {
        let selector = &self.deployment.spec.selector;
        if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
            self.refuse_to_select_all();
            return Ok(());
        }
        let sets = self.claim_sets()?;
        if self.deployment.meta.is_terminating() {
            let seen = self.new_and_old(&sets, false)?;
            return self.sync_status(&seen);
        }
        self.check_paused_conditions()?;
        if self.deployment.spec.paused {
            return self.sync(&sets);
        }
        if annotations::rollback_to(&self.deployment).is_some() {
            return self.rollback(&sets);
        }
        let seen = self.new_and_old(&sets, false)?;
        if self.is_scaling_event(&seen) {
            return self.sync(&sets);
        }
        match &self.deployment.spec.strategy {
            Strategy::Recreate => self.rollout_recreate(&sets),
            Strategy::RollingUpdate(_) => {
                let seen = if seen.settled { seen } else { self.new_and_old(&sets, true)? };
                self.rollout_rolling(&seen)
            }
            Strategy::Unknown(kind) => {
                Err(PassError::Stuck(format!("unexpected deployment strategy type: {kind}").into()))
            }
        }
    }

    /// Selecting every pod is never meant; the generation is marked as observed, and that is all.
    fn refuse_to_select_all(&mut self) {
        self.pass.record(EventRecord::warning(
            "SelectingAll",
            "This deployment is selecting all pods. A non-empty selector is required.",
        ));
        if self.deployment.status.observed_generation < self.deployment.meta.generation {
            let deployment = self.deployment.to_mut();
            deployment.status.observed_generation = deployment.meta.generation;
            // Upstream does not look at what becomes of this write.
            let _ = self.put_status();
        }
    }

    /// Scales, and reports; for Deployments that are paused or have just been scaled.
    fn sync(&mut self, sets: &[SetInHand<'a>]) -> Result<(), PassError> {
        let mut seen = self.new_and_old(sets, false)?;
        self.scale(seen.new.as_ref(), &mut seen.old)?;
        if self.deployment.spec.paused && annotations::rollback_to(&self.deployment).is_none() {
            self.clean_up(&seen.old)?;
        }
        self.sync_status(&seen)
    }

    /// Whether some ReplicaSet was last sized for another number of replicas.
    fn is_scaling_event(&self, seen: &NewAndOld<'a>) -> bool {
        let replicas = self.deployment.spec.replicas;
        let sized_for_another = |set: &SetInHand<'_>| {
            set.replicas > 0 && annotations::desired_replicas(set).is_some_and(|desired| desired != replicas)
        };
        seen.old.iter().any(sized_for_another) || seen.new.as_ref().is_some_and(sized_for_another)
    }

    /// Brings a ReplicaSet to a size; answers it as it is then, and whether its size changed.
    pub(super) fn scale_and_record(
        &mut self,
        set: &SetInHand<'a>,
        size: i32,
    ) -> Result<(SetInHand<'a>, bool), Refusal> {
        if set.replicas == size { Ok((set.clone(), false)) } else { self.scale_set(set, size) }
    }

    /// Brings a ReplicaSet and its annotations to a size.
    pub(super) fn scale_set(&mut self, set: &SetInHand<'a>, size: i32) -> Result<(SetInHand<'a>, bool), Refusal> {
        let old_size = set.replicas;
        let mut sized = SetInHand { replicas: size, ..set.clone() };
        let (desired, max) = (self.deployment.spec.replicas, self.max_replicas());
        let annotated = annotations::set_replicas(&mut sized.annotations, desired, max);
        if old_size == size && !annotated {
            return Ok((sized, false));
        }
        let updated = self.update_set(set, sized)?;
        if old_size != size {
            self.record_scaling(Text::scaled(&set.meta().name, old_size, size));
        }
        Ok((updated, old_size != size))
    }

    /// Updates a ReplicaSet; answers the server's answer.
    pub(super) fn update_set(&mut self, old: &SetInHand<'a>, set: SetInHand<'a>) -> Result<SetInHand<'a>, Refusal> {
        let Some(key) = old.key() else {
            // A set made in this pass already has the size and the annotations that this pass wants.
            return Ok(old.clone());
        };
        let number = self.pass.put(DeploymentWrite::Edit { key, base: old.base, edit: set.edit() })?;
        Ok(SetInHand { base: Base::Written(number), ..set })
    }

    /// Tells of a ReplicaSet that changed its size.
    pub(super) fn record_scaling(&mut self, message: Text) {
        self.pass.record(EventRecord::normal("ScalingReplicaSet", message));
    }

    /// Pods allowed at once.
    pub(super) fn max_replicas(&self) -> i32 {
        self.deployment.spec.replicas.wrapping_add(self.surge)
    }

    /// Pods that must be available.
    pub(super) fn min_available(&self) -> i32 {
        self.deployment.spec.replicas.wrapping_sub(self.unavailable)
    }

    pub(super) fn look_again(&mut self, look_again: LookAgain) {
        self.pass.look_again(look_again);
    }
}
