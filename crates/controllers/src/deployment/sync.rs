//! The order of a pass, and what all kinds of pass share.
//!
//! Follows `syncDeployment` in `deployment_controller.go` and `sync.go`.

use super::annotations;
use super::limits::{max_surge, max_unavailable};
use super::sets::{SetInHand, active};
use super::write::{DeploymentInputs, DeploymentWrite};
use std::borrow::Cow;
use std::sync::Arc;
use wavetank_model::{Deployment, EventRecord, LookAgain, Pass, PassError, Plan, Refusal, ReplicaSet, Reply, Strategy};

/// One pass for a Deployment.
#[must_use]
pub fn reconcile_deployment(inputs: &DeploymentInputs<'_>, replies: &[Reply]) -> Plan<DeploymentWrite> {
    let deployment = inputs.deployment;
    let (surge, unavailable) = (max_surge(&deployment.spec), max_unavailable(&deployment.spec));
    let deployment = Cow::Borrowed(deployment);
    let mut sync = Sync { inputs, surge, unavailable, deployment, pass: Pass::new(replies) };
    let result = sync.run();
    sync.pass.end(result)
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
    pub(super) pass: Pass<'a, DeploymentWrite>,
}

/// The ReplicaSet of the current template, if there is one, and all others, oldest first.
pub(super) struct NewAndOld {
    pub(super) new: Option<SetInHand>,
    pub(super) old: Vec<SetInHand>,
}

impl NewAndOld {
    /// All of them, the new one last.
    pub(super) fn all(&self) -> impl Iterator<Item = &SetInHand> + Clone {
        self.old.iter().chain(&self.new)
    }
}

impl Sync<'_> {
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
        if self.is_scaling_event(&sets)? {
            return self.sync(&sets);
        }
        match &self.deployment.spec.strategy {
            Strategy::Recreate => self.rollout_recreate(&sets),
            Strategy::RollingUpdate(_) => self.rollout_rolling(&sets),
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
    fn sync(&mut self, sets: &[SetInHand]) -> Result<(), PassError> {
        let mut seen = self.new_and_old(sets, false)?;
        self.scale(seen.new.as_ref(), &mut seen.old)?;
        if self.deployment.spec.paused && annotations::rollback_to(&self.deployment).is_none() {
            self.clean_up(&seen.old)?;
        }
        self.sync_status(&seen)
    }

    /// Whether some ReplicaSet was last sized for another number of replicas.
    fn is_scaling_event(&mut self, sets: &[SetInHand]) -> Result<bool, PassError> {
        let seen = self.new_and_old(sets, false)?;
        let replicas = self.deployment.spec.replicas;
        Ok(active(seen.all())
            .filter_map(|set| annotations::desired_replicas(&set.set))
            .any(|desired| desired != replicas))
    }

    /// Brings a ReplicaSet to a size; answers it as it is then, and whether its size changed.
    pub(super) fn scale_and_record(&mut self, set: &SetInHand, size: i32) -> Result<(SetInHand, bool), Refusal> {
        if set.replicas() == size { Ok((set.clone(), false)) } else { self.scale_set(set, size) }
    }

    /// Brings a ReplicaSet and its annotations to a size.
    pub(super) fn scale_set(&mut self, set: &SetInHand, size: i32) -> Result<(SetInHand, bool), Refusal> {
        let old_size = set.replicas();
        let mut annotations = set.set.meta.annotations.clone();
        let annotated = annotations::set_replicas(&mut annotations, self.deployment.spec.replicas, self.max_replicas());
        if old_size == size && !annotated {
            return Ok((set.clone(), false));
        }
        let mut sized = ReplicaSet::clone(&set.set);
        sized.spec.replicas = size;
        sized.meta.annotations = annotations;
        let updated = self.update_set(set, sized)?;
        if old_size != size {
            let direction = if old_size < size { "up" } else { "down" };
            let name = &set.set.meta.name;
            self.record_scaling(format!("Scaled {direction} replica set {name} from {old_size} to {size}"));
        }
        Ok((updated, old_size != size))
    }

    /// Updates a ReplicaSet; answers the server's answer.
    pub(super) fn update_set(&mut self, old: &SetInHand, set: ReplicaSet) -> Result<SetInHand, Refusal> {
        let Some(key) = old.key else {
            // A set made in this pass already has the size and the annotations that this pass wants.
            return Ok(old.clone());
        };
        let set = Arc::new(set);
        let number = self.pass.put(DeploymentWrite::Update { key, base: old.base, set: Arc::clone(&set) })?;
        Ok(SetInHand { set, base: wavetank_model::Base::Written(number), ..*old })
    }

    /// Tells of a ReplicaSet that changed its size.
    pub(super) fn record_scaling(&mut self, message: String) {
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
