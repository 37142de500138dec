//! Passes that would only find what the last one left behind.
//!
//! A controller that writes a status sees its own write, and looks again. A plan says where it is certain
//! that nothing comes of that look unless something else happens ([`Plan::at_rest`]), and the store counts
//! what is seen. So such a pass is counted, its wake-up is arranged, and the rest of it is left out.
//! Debug builds run it all the same, and compare.

use crate::cluster::Cluster;
use crate::passes::{ActivePass, gather};
use wavetank_controllers::{
    DeploymentInputs, DeploymentWrite, ReplicaSetInputs, ReplicaSetWrite, reconcile_deployment, reconcile_replica_set,
};
use wavetank_engine::Time;
use wavetank_model::{DeploymentKey, LookAgain, Plan, ReplicaSetKey};
use wavetank_store::Sights;

/// When the next pass of a key may be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// At this time,
    at: Time,
    /// with the object seen as the last pass wrote it,
    version: u64,
    /// and nothing seen since then of what it goes by.
    sights: Sights,
    /// What it would ask for.
    look_again: LookAgain,
}

impl Rest {
    /// What follows from a pass that has ended.
    pub(crate) fn after<W>(pass: &ActivePass, plan: &Plan<W>) -> Option<Self> {
        let look_again = plan.at_rest.filter(|_| plan.error.is_none())?;
        let [version] = pass.versions.as_slice() else { return None };
        Some(Self { at: pass.began, version: *version, sights: pass.sights, look_again })
    }
}

impl Cluster {
    /// What the pass of a Deployment would ask for, if it is certain to do nothing else. It goes by the sets.
    pub(crate) fn deployment_rests(&mut self, key: DeploymentKey) -> Option<LookAgain> {
        let rest = self.deployments.queue.take_rest(key)?;
        let seen = self.store.deployment(key)?.seen.as_ref()?;
        let holds = rest.at == self.now
            && rest.version == seen.meta.resource_version
            && rest.sights.sets == self.store.sights().sets
            && self.audit.is_none();
        debug_assert!(!holds || self.deployment_plan(key).is_some_and(|plan| is_idle(&plan, rest.look_again)));
        holds.then_some(rest.look_again)
    }

    /// The same for a set, which goes by its pods.
    pub(crate) fn set_rests(&mut self, key: ReplicaSetKey) -> Option<LookAgain> {
        let rest = self.sets.queue.take_rest(key)?;
        let seen = self.store.set(key)?.seen.as_ref()?;
        let holds = rest.at == self.now
            && rest.version == seen.meta.resource_version
            && rest.sights.pods == self.store.sights().pods
            && self.audit.is_none();
        debug_assert!(!holds || self.set_plan(key).is_some_and(|plan| is_idle(&plan, rest.look_again)));
        holds.then_some(rest.look_again)
    }

    /// What the pass of a Deployment would plan now.
    fn deployment_plan(&self, key: DeploymentKey) -> Option<Plan<DeploymentWrite>> {
        let seen = gather::deployment(&self.store, key)?;
        let deployment = &seen.deployment;
        let inputs = DeploymentInputs { now: self.now, deployment, sets: &seen.sets, taken: None };
        Some(reconcile_deployment(&inputs, &[]))
    }

    /// What the pass of a set would plan now.
    fn set_plan(&mut self, key: ReplicaSetKey) -> Option<Plan<ReplicaSetWrite>> {
        let set = self.store.set(key)?.seen.clone()?;
        let (expectations_met, burst) = (self.expectations_met(key), self.profile.burst_replicas);
        let pods = gather::pods(&mut self.store, &set, self.now, expectations_met, burst);
        let inputs = ReplicaSetInputs { now: self.now, set: &set, pods: &pods, expectations_met, burst };
        Some(reconcile_replica_set(&inputs, &[]))
    }
}

fn is_idle<W>(plan: &Plan<W>, look_again: LookAgain) -> bool {
    plan.writes.is_empty() && plan.events.is_empty() && plan.error.is_none() && plan.look_again == look_again
}
