//! Requests as a fluid: what would be expected of a stream, at a cost per change instead of per request.
//!
//! Between two changes nothing about the share of a pod changes, so the requests that it gets are the area
//! under the rate times its share, and all pods of one version in one state are one number. A pod that ends
//! takes with it what was sent to it within the last service time.
//!
//! The sums are exact in expectation for requests that are sent at random (balancing at random) and for
//! equal turns (round robin and weights) up to one request for each change. A count of requests sent one by
//! one, as Poisson arrivals or as evenly spaced ones, differs from a fluid sum of `m` by more than
//! `6·√m + 6 +` the number of changes about once in a billion runs; a property test holds both modes
//! to that.
//!
//! What it leaves out: waiting for a worker (capacity), kept connections, session affinity, retries. A
//! service time must be fixed; of another one the mean counts. A request counts as answered from when it is
//! sent, until its pod ends before it could have answered.

use crate::app::{ServiceTime, StopBehaviour};
use crate::network::Network;
use crate::outcome::Cause;
use crate::source::requests;
use crate::view::Standing;
use crate::{Origin, RateProfile, ServiceConfig, Source, SourceId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{TrafficPolicy, Uid};

/// What is expected of a fluid source: numbers of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FluidReport {
    /// Requests sent.
    pub sent: f64,
    /// Answered ones, by version.
    pub answered: BTreeMap<Arc<str>, f64>,
    /// Lost ones, by cause.
    pub lost: BTreeMap<Cause, f64>,
}

impl FluidReport {
    /// All that were answered.
    #[must_use]
    pub fn total_answered(&self) -> f64 {
        self.answered.values().sum()
    }

    /// All that were lost.
    #[must_use]
    pub fn total_lost(&self) -> f64 {
        self.lost.values().sum()
    }
}

/// What becomes of a request that reaches a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Fate {
    Answered(Arc<str>),
    Lost(Cause),
}

/// A pod that gets part of the fluid.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Member {
    weight: u32,
    fate: Fate,
    joined: Time,
}

/// A fluid source at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fluid {
    pub(crate) source: SourceId,
    pub(crate) view: usize,
    rate: RateProfile,
    timeout: Option<Duration>,
    policy: TrafficPolicy,
    /// Whom it goes to.
    standing: Standing,
    started: Time,
    /// Up to when the sums are made.
    settled: Time,
    stopped: bool,
    report: FluidReport,
    members: BTreeMap<Uid, Member>,
    /// Pods that got part of it until a time, for as long as that may matter.
    left: BTreeMap<Uid, (Member, Time)>,
    /// Weights by fate.
    fates: BTreeMap<Fate, u64>,
    /// What is lost while there is no member.
    without: Cause,
    total: u64,
    /// Since when the weights summed up to what.
    history: VecDeque<(Time, u64)>,
}

/// Weights are far below 2³².
fn number(weight: u64) -> f64 {
    u32::try_from(weight).map_or(f64::MAX, f64::from)
}

impl Fluid {
    pub(crate) fn new(
        source: SourceId,
        view: usize,
        rate: RateProfile,
        of: &Source,
        config: &ServiceConfig,
        now: Time,
    ) -> Self {
        let policy = match of.origin {
            Origin::Inside(_) => config.internal_policy,
            Origin::Outside(_) => config.external_policy,
        };
        Self {
            source,
            view,
            rate,
            timeout: of.timeout,
            policy,
            standing: Standing::Ready,
            started: now,
            settled: now,
            stopped: false,
            report: FluidReport::default(),
            members: BTreeMap::new(),
            left: BTreeMap::new(),
            fates: BTreeMap::new(),
            without: Cause::NoEndpoint,
            total: 0,
            history: VecDeque::from([(now, 0)]),
        }
    }

    pub(crate) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Requests sent between two times.
    fn sent(&self, from: Time, to: Time) -> f64 {
        let offset = |time: Time| u64::try_from(time.nanos_since(self.started)).unwrap_or(0);
        requests(self.rate.area(offset(from), offset(to)))
    }

    fn settle(&mut self, now: Time) {
        if !self.stopped && now > self.settled {
            let sent = self.sent(self.settled, now);
            add_to(&mut self.report, sent, &self.fates, self.total, self.without);
        }
        self.settled = self.settled.max(now);
    }

    pub(crate) fn report_at(&self, now: Time) -> FluidReport {
        let mut report = self.report.clone();
        if !self.stopped && now > self.settled {
            let sent = self.sent(self.settled, now);
            add_to(&mut report, sent, &self.fates, self.total, self.without);
        }
        report
    }

    /// A pod gets part from now on, another part, or none.
    fn set(&mut self, pod: Uid, member: Option<(u32, Fate)>) {
        let now = self.settled;
        let old = self.members.remove(&pod);
        if let Some(old) = &old {
            self.total -= u64::from(old.weight);
            if let Some(weight) = self.fates.get_mut(&old.fate) {
                *weight -= u64::from(old.weight);
                if *weight == 0 {
                    self.fates.remove(&old.fate);
                }
            }
        }
        match member {
            Some((weight, fate)) => {
                // What was sent before this counts by the fate that it had then.
                let joined = old.filter(|old| old.fate == fate).map_or(now, |old| old.joined);
                self.total += u64::from(weight);
                *self.fates.entry(fate.clone()).or_default() += u64::from(weight);
                self.members.insert(pod, Member { weight, fate, joined });
            }
            None => {
                if let Some(old) = old {
                    self.left.insert(pod, (old, now));
                }
            }
        }
        match self.history.back_mut() {
            Some((at, total)) if *at == now => *total = self.total,
            _ => self.history.push_back((now, self.total)),
        }
    }

    /// A pod ends now, and what it was sent since `from` and could not answer yet is lost.
    fn reset(&mut self, pod: Uid, from: Time) {
        let (member, until) = match (self.members.get(&pod), self.left.get(&pod)) {
            (Some(member), _) => (member.clone(), self.settled),
            (None, Some((member, until))) => (member.clone(), *until),
            (None, None) => return,
        };
        let Fate::Answered(version) = &member.fate else { return };
        let (from, mut lost) = (from.max(member.joined), 0.0);
        let mut end = self.settled;
        for (at, total) in self.history.iter().rev() {
            let (low, high) = (from.max(*at), until.min(end));
            if high > low && *total > 0 {
                lost += self.sent(low, high) * f64::from(member.weight) / number(*total);
            }
            end = *at;
            if *at <= from {
                break;
            }
        }
        *self.report.lost.entry(Cause::Reset).or_default() += lost;
        *self.report.answered.entry(Arc::clone(version)).or_default() -= lost;
        self.left.remove(&pod);
    }

    /// Forgets what is older than a time.
    fn forget(&mut self, before: Time) {
        while self.history.get(1).is_some_and(|(at, _)| *at <= before) {
            self.history.pop_front();
        }
        self.left.retain(|_, (_, until)| *until > before);
    }
}

fn add_to(report: &mut FluidReport, sent: f64, fates: &BTreeMap<Fate, u64>, total: u64, without: Cause) {
    report.sent += sent;
    if total == 0 {
        *report.lost.entry(without).or_default() += sent;
        return;
    }
    for (fate, weight) in fates {
        let part = sent * number(*weight) / number(total);
        match fate {
            Fate::Answered(version) => *report.answered.entry(Arc::clone(version)).or_default() += part,
            Fate::Lost(cause) => *report.lost.entry(*cause).or_default() += part,
        }
    }
}

/// The time that a request takes in a fluid.
fn service_time(time: ServiceTime) -> Duration {
    match time {
        ServiceTime::Fixed(time) | ServiceTime::Exponential { mean: time } => time,
        ServiceTime::Uniform { least, most } => (least + most) / 2,
    }
}

impl Network {
    pub(crate) fn settle_fluids(&mut self) {
        (0..self.fluids.len()).for_each(|fluid| self.settle_fluid(fluid));
    }

    pub(crate) fn settle_fluid(&mut self, fluid: usize) {
        let now = self.now;
        let longest = self.longest_service_time();
        let fluid = &mut self.fluids[fluid];
        fluid.settle(now);
        fluid.forget(now - longest);
    }

    /// Looked at only while there are fluids, whose changes are few.
    fn longest_service_time(&self) -> Duration {
        let times = self.pods.values().filter(|pod| pod.running).map(|pod| service_time(pod.app.service_time));
        times.max().unwrap_or_default()
    }

    /// What becomes of a request of a fluid that reaches a pod now.
    fn fate(&self, fluid: usize, pod: Uid) -> Fate {
        let Some(backend) = self.pods.get(&pod) else { return Fate::Lost(Cause::RefusedNotListening) };
        if let Some(cause) = backend.refusal(self.now) {
            return Fate::Lost(cause);
        }
        if backend.hung {
            return Fate::Lost(Cause::TimedOutHang);
        }
        let slow = self.fluids[fluid].timeout.is_some_and(|timeout| service_time(backend.app.service_time) > timeout);
        if slow { Fate::Lost(Cause::TimedOutOverload) } else { Fate::Answered(Arc::clone(&backend.version)) }
    }

    /// A pod has changed at this instant, after all fluids were settled.
    pub(crate) fn fluids_see_pod(&mut self, pod: Uid) {
        for fluid in 0..self.fluids.len() {
            let ended = self.pods.get(&pod).is_some_and(|backend| backend.times.stopped == Some(self.now));
            if ended && let Some(backend) = self.pods.get(&pod) {
                let from = self.now - service_time(backend.app.service_time);
                // A pod that drains has taken nothing since it was asked to stop: that shows in its fate.
                self.fluids[fluid].reset(pod, from);
            }
            let Some(weight) = self.fluids[fluid].members.get(&pod).map(|member| member.weight) else { continue };
            let fate = self.fate(fluid, pod);
            let drained = self.pods.get(&pod).is_some_and(|backend| {
                backend.draining && backend.running && backend.app.stop == StopBehaviour::Drains
            });
            if drained && let Some(member) = self.fluids[fluid].members.get(&pod).cloned() {
                let now = self.now;
                self.fluids[fluid].left.insert(pod, (member, now));
            }
            self.fluids[fluid].set(pod, Some((weight, fate)));
        }
    }

    /// A proxy learns of changes.
    pub(crate) fn learns(&mut self, view: usize) {
        self.settle_fluids();
        let changed = self.views[view].catch_up(self.now);
        for fluid in 0..self.fluids.len() {
            let Fluid { view: of, policy, standing, .. } = self.fluids[fluid];
            if of != view {
                continue;
            }
            if self.views[view].standing(policy).0 == standing {
                self.fluid_looks_at(fluid, &changed);
            } else {
                // From those that are ready to those that leave, or to those of the zone: everybody's part
                // changes.
                self.fluid_looks_anew(fluid);
            }
        }
    }

    /// Brings all members of a fluid to what its proxy knows.
    pub(crate) fn fluid_looks_anew(&mut self, fluid: usize) {
        let Fluid { view, policy, .. } = self.fluids[fluid];
        let mut pods = self.views[view].all_pods(policy);
        pods.extend(self.fluids[fluid].members.keys());
        pods.sort_unstable();
        pods.dedup();
        self.fluid_looks_at(fluid, &pods);
    }

    fn fluid_looks_at(&mut self, fluid: usize, pods: &[Uid]) {
        let Fluid { view, policy, .. } = self.fluids[fluid];
        for pod in pods {
            let weight = self.views[view].weight(policy, *pod);
            let had = self.fluids[fluid].members.get(pod).map(|member| member.weight);
            if weight != had {
                let member = weight.map(|weight| (weight, self.fate(fluid, *pod)));
                self.fluids[fluid].set(*pod, member);
            }
        }
        let (standing, elsewhere) = self.views[view].standing(policy);
        let fluid = &mut self.fluids[fluid];
        fluid.standing = standing;
        fluid.without =
            if elsewhere && policy == TrafficPolicy::Local { Cause::RefusedByPolicy } else { Cause::NoEndpoint };
    }
}
