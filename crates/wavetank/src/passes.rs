//! Passes under way: a plan, the replies so far, and the requests still to be made.
//!
//! With an instant profile a pass runs to its end at once. Otherwise each request leaves when the
//! client's rate allows and lands a write's latency later; what the pass has seen stays frozen.

pub(crate) mod apply_deployment;
pub(crate) mod apply_set;
pub mod audit;
pub mod gather;
pub(crate) mod rest;
pub(crate) mod work_queue;

use crate::cluster::Cluster;
use crate::event::{Event, WorkKey};
use crate::history::log::Component;
use crate::passes::gather::DeploymentSeen;
use crate::passes::rest::Rest;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_controllers::{
    DeploymentInputs, DeploymentWrite, PodsSeen, ReplicaSetInputs, ReplicaSetWrite, replan_deployment,
    replan_replica_set,
};
use wavetank_engine::Time;
use wavetank_model::{
    DeploymentKey, EventRecord, LookAgain, PassError, Plan, PodKey, Reason, Refusal, ReplicaSet, ReplicaSetKey, Reply,
};
use wavetank_store::{PodChange, Sights, Store};

/// Retries after which the Deployment controller drops a key: upstream's `maxRetries`.
const MAX_RETRIES: u32 = 15;

/// How long expectations are waited for: upstream's `ExpectationsTimeout`.
const EXPECTATIONS_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Creations and deletions of pods that a set has asked for and not yet seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Expectation {
    pub(crate) creations: u32,
    pub(crate) deletions: BTreeSet<PodKey>,
    pub(crate) since: Time,
}

/// A pass that has begun and not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ActivePass {
    pub(crate) work: Work,
    pub(crate) began: Time,
    /// What had been seen when it began.
    pub(crate) sights: Sights,
    pub(crate) replies: Vec<Reply>,
    /// Versions that the writes so far have got, for writes that start from them.
    pub(crate) versions: Vec<u64>,
    /// Requests of the write under way that have been answered.
    pub(crate) answered: u32,
    /// Of those, refused ones.
    pub(crate) failed: u32,
    /// The first refusal among them.
    pub(crate) refused: Option<Refusal>,
    pub(crate) recorded: usize,
    /// When the next request lands, once it is on its way.
    pub(crate) landing: Option<Time>,
    /// When the write under way began: its requests leave together, as far as the client's rate allows.
    pub(crate) write_began: Option<Time>,
}

/// What a pass is for, what it has seen, and what it plans.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    Deployment {
        key: DeploymentKey,
        seen: DeploymentSeen,
        plan: Box<Plan<DeploymentWrite>>,
    },
    Set {
        key: ReplicaSetKey,
        set: Arc<ReplicaSet>,
        pods: PodsSeen,
        met: bool,
        burst: u32,
        plan: Box<Plan<ReplicaSetWrite>>,
    },
}

/// What passes that have ended leave to the next ones: room for plans and replies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare {
    replies: Vec<Reply>,
    versions: Vec<u64>,
    deployment: Option<Box<Plan<DeploymentWrite>>>,
    set: Option<Box<Plan<ReplicaSetWrite>>>,
}

impl ActivePass {
    fn new(work: Work, began: Time, sights: Sights, replies: Vec<Reply>, versions: Vec<u64>) -> Self {
        Self {
            work,
            began,
            sights,
            replies,
            versions,
            answered: 0,
            failed: 0,
            refused: None,
            recorded: 0,
            landing: None,
            write_began: None,
        }
    }

    /// Plans again with the replies so far.
    pub(crate) fn plan(&mut self, store: &Store) {
        match &mut self.work {
            Work::Deployment { seen, plan, .. } => {
                let inputs = DeploymentInputs {
                    now: self.began,
                    deployment: &seen.deployment,
                    sets: &seen.sets,
                    taken: seen.taken.as_ref(),
                };
                replan_deployment(&inputs, &self.replies, plan);
                // Only a pass that makes a set can learn that its name is taken.
                let makes_a_set = |write: &DeploymentWrite| matches!(write, DeploymentWrite::Create(_));
                if seen.taken.is_none() && plan.writes.iter().any(makes_a_set) {
                    seen.taken = gather::taken(store, &seen.deployment);
                }
            }
            Work::Set { set, pods, met, burst, plan, .. } => {
                let inputs = ReplicaSetInputs { now: self.began, set, pods, expectations_met: *met, burst: *burst };
                replan_replica_set(&inputs, &self.replies, plan);
            }
        }
    }

    /// Requests that the next write stands for; none: all writes are answered.
    fn requests(&self) -> Option<u32> {
        let next = self.replies.len();
        match &self.work {
            Work::Deployment { plan, .. } => plan.writes.get(next).map(|_| 1),
            Work::Set { plan, .. } => plan.writes.get(next).map(apply_set::requests),
        }
    }

    fn events(&self) -> &[(usize, EventRecord)] {
        match &self.work {
            Work::Deployment { plan, .. } => &plan.events,
            Work::Set { plan, .. } => &plan.events,
        }
    }
}

impl Cluster {
    pub(crate) fn begin_deployment_pass(&mut self, key: DeploymentKey) {
        self.counters.deployment_passes += 1;
        if let Some(look_again) = self.deployment_rests(key) {
            self.next_pass += 1;
            return self.end_deployment_pass(key, look_again, None);
        }
        let Some(seen) = gather::deployment(&self.store, key) else {
            self.deployments.queue.forget(key);
            return self.deployments.queue.done(key);
        };
        let work = Work::Deployment { key, seen, plan: self.spare.deployment.take().unwrap_or_default() };
        self.begin_pass(work);
    }

    pub(crate) fn begin_set_pass(&mut self, key: ReplicaSetKey) {
        self.counters.set_passes += 1;
        let Some(set) = self.store.set(key).and_then(|slot| slot.seen.clone()) else {
            self.expectations.remove(&key);
            self.sets.queue.forget(key);
            return self.sets.queue.done(key);
        };
        // A set is not looked at before its controller has seen its own last write of it; the
        // delivery marks the key again. Upstream: StaleControllerConsistencyReplicaSet.
        if self.written.get(&key).is_some_and(|written| set.meta.resource_version < *written) {
            return self.sets.queue.done(key);
        }
        if let Some(look_again) = self.set_rests(key) {
            self.next_pass += 1;
            return self.end_set_pass(key, look_again, false);
        }
        let met = self.expectations_met(key);
        let burst = self.profile.burst_replicas;
        let pods = gather::pods(&mut self.store, &set, self.now, met, burst);
        let plan = self.spare.set.take().unwrap_or_default();
        self.begin_pass(Work::Set { key, set, pods, met, burst, plan });
    }

    fn begin_pass(&mut self, work: Work) {
        let Spare { replies, versions, .. } = &mut self.spare;
        let (replies, versions) = (core::mem::take(replies), core::mem::take(versions));
        let mut pass = ActivePass::new(work, self.now, self.store.sights(), replies, versions);
        pass.plan(&self.store);
        let number = self.next_pass;
        self.next_pass += 1;
        match self.go_on(&mut pass) {
            Some(landing) => self.suspend(number, landing, pass),
            None => self.end_pass(pass),
        }
    }

    pub(crate) fn continue_pass(&mut self, number: u64) {
        if let Some(mut pass) = self.passes.remove(&number) {
            match self.go_on(&mut pass) {
                Some(landing) => self.suspend(number, landing, pass),
                None => self.end_pass(pass),
            }
        }
    }

    fn suspend(&mut self, number: u64, landing: Time, pass: ActivePass) {
        self.queue.put(landing, Event::PassGoesOn(number));
        self.passes.insert(number, pass);
    }

    /// Makes requests until the pass ends or one is on its way; answers when that lands.
    fn go_on(&mut self, pass: &mut ActivePass) -> Option<Time> {
        loop {
            self.record_reached(pass);
            let requests = pass.requests()?;
            if pass.landing.is_none() && requests > 0 {
                let rate = self.profile.client_rate;
                let client = match pass.work {
                    Work::Deployment { .. } => &mut self.deployments.client,
                    Work::Set { .. } => &mut self.sets.client,
                };
                let began = *pass.write_began.get_or_insert(self.now);
                pass.landing = Some(client.take(rate, began) + self.profile.api_write);
            }
            if let Some(landing) = pass.landing.filter(|landing| *landing > self.now) {
                return Some(landing);
            }
            pass.landing = None;
            if requests > 0 {
                self.land(pass);
            }
            if pass.answered >= requests {
                self.end_write(pass);
            }
        }
    }

    /// One request reaches the server.
    fn land(&mut self, pass: &mut ActivePass) {
        let request = self.request_of(pass);
        let answer = match &pass.work {
            Work::Deployment { .. } => apply_deployment::land(self, pass),
            Work::Set { .. } => apply_set::land(self, pass),
        };
        self.note_answer(pass, request, answer.as_ref().copied());
        pass.answered += 1;
        if let Err(refusal) = answer {
            pass.failed += 1;
            // That a pod is gone already says less than any other refusal.
            if pass.refused.as_ref().is_none_or(|known| known.reason == Reason::NotFound) {
                pass.refused = Some(refusal);
            }
        }
    }

    /// All requests of a write are answered: the reply goes to the plan.
    fn end_write(&mut self, pass: &mut ActivePass) {
        let refused = pass.refused.take();
        let again = refused.is_some();
        pass.replies.push(Reply { done: pass.answered - pass.failed, refused });
        if pass.versions.len() < pass.replies.len() {
            pass.versions.push(self.store.version());
        }
        (pass.answered, pass.failed) = (0, 0);
        pass.write_began = None;
        if again {
            pass.plan(&self.store);
        }
    }

    fn record_reached(&mut self, pass: &mut ActivePass) {
        let reached = pass.replies.len();
        while let Some((_, event)) = pass.events().get(pass.recorded).filter(|(after, _)| *after <= reached) {
            let event = self.keeps_events().then(|| event.clone());
            pass.recorded += 1;
            let Some(event) = event else { continue };
            match &pass.work {
                Work::Deployment { seen, .. } => {
                    let deployment = Arc::clone(&seen.deployment);
                    self.record(Component::DeploymentController, || apply_deployment::reference(&deployment), event);
                }
                Work::Set { set, .. } => {
                    let set = Arc::clone(set);
                    self.record(apply_set::component(set.kind), || apply_set::reference(&set), event);
                }
            }
        }
    }

    fn end_pass(&mut self, mut pass: ActivePass) {
        let rest = match &pass.work {
            Work::Deployment { plan, .. } => Rest::after(&pass, plan),
            Work::Set { plan, .. } => Rest::after(&pass, plan),
        };
        pass.replies.clear();
        pass.versions.clear();
        (self.spare.replies, self.spare.versions) = (pass.replies, pass.versions);
        if let Some(audit) = &mut self.audit {
            (audit.error, audit.look_again) = match &pass.work {
                Work::Deployment { plan, .. } => (plan.error.clone(), plan.look_again),
                Work::Set { plan, .. } => (plan.error.clone(), plan.look_again),
            };
        }
        match pass.work {
            Work::Deployment { key, mut plan, .. } => {
                self.deployments.queue.rest(key, rest);
                self.end_deployment_pass(key, plan.look_again, plan.error.take());
                self.spare.deployment = Some(plan);
            }
            Work::Set { key, plan, .. } => {
                self.sets.queue.rest(key, rest);
                self.end_set_pass(key, plan.look_again, plan.error.is_some());
                self.spare.set = Some(plan);
            }
        }
    }

    fn end_deployment_pass(&mut self, key: DeploymentKey, look_again: LookAgain, error: Option<PassError>) {
        self.look_again(WorkKey::Deployment(key), look_again);
        match error {
            None => self.deployments.queue.forget(key),
            Some(PassError::Refused(refusal)) if refusal.is_namespace_terminating() => {
                self.deployments.queue.forget(key);
            }
            Some(_) if self.deployments.queue.failures(key) < MAX_RETRIES => {
                let wait = self.deployments.queue.back_off(key);
                self.wake_after(WorkKey::Deployment(key), wait);
            }
            Some(_) => self.deployments.queue.forget(key),
        }
        self.deployments.queue.done(key);
    }

    fn end_set_pass(&mut self, key: ReplicaSetKey, look_again: LookAgain, failed: bool) {
        self.look_again(WorkKey::Set(key), look_again);
        if failed {
            let wait = self.sets.queue.back_off(key);
            self.wake_after(WorkKey::Set(key), wait);
        } else {
            self.sets.queue.forget(key);
        }
        self.sets.queue.done(key);
    }

    fn look_again(&mut self, key: WorkKey, look_again: LookAgain) {
        match look_again {
            LookAgain::No => {}
            LookAgain::After(wait) => self.wake_after(key, wait),
            LookAgain::RateLimited => {
                let wait = match key {
                    WorkKey::Deployment(key) => self.deployments.queue.back_off(key),
                    WorkKey::Set(key) => self.sets.queue.back_off(key),
                    WorkKey::Service(key) => self.endpoint_slices.queue.back_off(key),
                    WorkKey::Budget(key) => self.disruptions.queue.back_off(key),
                    WorkKey::Autoscaler(key) => self.horizontals.queue.back_off(key),
                };
                self.wake_after(key, wait);
            }
        }
    }

    fn expectations_met(&self, key: ReplicaSetKey) -> bool {
        self.expectations.get(&key).is_none_or(|expected| {
            (expected.creations == 0 && expected.deletions.is_empty())
                || self.now > expected.since + EXPECTATIONS_TIMEOUT
        })
    }

    /// A set expects to see pods come or go. Without delivery latency it has seen them already.
    pub(crate) fn expect(&mut self, key: ReplicaSetKey, creations: u32, deletions: impl IntoIterator<Item = PodKey>) {
        if self.profile.watch_delivery.is_zero() {
            return;
        }
        let expected = Expectation { creations, deletions: deletions.into_iter().collect(), since: self.now };
        self.expectations.insert(key, expected);
    }

    /// A request failed: what it would have brought is not waited for.
    pub(crate) fn expect_less(&mut self, key: ReplicaSetKey, creations: u32, deletion: Option<PodKey>) {
        if let Some(expected) = self.expectations.get_mut(&key) {
            expected.creations = expected.creations.saturating_sub(creations);
            if let Some(pod) = deletion {
                expected.deletions.remove(&pod);
            }
        }
    }

    /// A delivery settles what a set waits for.
    pub(crate) fn settle_expectations(&mut self, change: &PodChange) {
        let PodChange { key, old, new, .. } = change;
        let Some(set) = new
            .as_ref()
            .or(old.as_ref())
            .and_then(|pod| self.store.owner_in(pod))
            .and_then(|uid| self.store.set_of_uid(uid))
        else {
            return;
        };
        if old.is_none() {
            self.expect_less(set, 1, None);
        }
        if new.is_none_or(|new| new.state.deletion.is_some()) {
            self.expect_less(set, 0, Some(*key));
        }
    }
}
