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
//! - **Capacity.** A pod with limited capacity has a line that grows and shrinks as a fluid does, and what would
//!   wait for too long counts as timed out; see `backlog`. Requests one by one come in clusters, so the two modes
//!   cross a limit at different times: near a limit the bound is as many times wider as the rate is larger than its
//!   distance from the capacity, `6·√m·(1 + λ/|λ − μ|)`, and each pod that ends while it has a line adds as many
//!   requests as the line holds. At a rate that equals the capacity there is no bound. Once a line is as long as
//!   anybody waits, those that are served are served too late, or just in time: [`FluidReport::undecided`] says how
//!   many these are.
//! - **Ingress.** A canary gets its weight, and each Service behind an Ingress is a fluid of its own.
//! - **Retries.** A request that is refused goes on to the next pod: at random without coming back to one, or in
//!   the order of the turns, where as many neighbours as there are attempts must refuse. Of requests that are in
//!   flight when their pod ends those that had been refused before count as if they had all attempts but one left.
//!
//! Refused by the name of the field are kept connections and session affinity, because what one client drew at
//! first decides its whole course, of which an expectation says little; the fewest connections, because they have no
//! steady part; and retries by weights. A service time must be fixed; of another one the mean counts. A request
//! counts as answered from when it is sent, until its pod ends before it could have answered. Fluids and requests
//! one by one do not take capacity from each other.

use crate::backlog::{Backlogs, Inflow, Stretch};
use crate::outcome::Cause;
use crate::retries::Retries;
use crate::source::requests;
use crate::view::Standing;
use crate::{Balancing, RateProfile, Source, SourceId};
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
    /// Of those that timed out by overload, how many at most were answered just in time: pods that have too much
    /// to do serve as many as they can, and whether in time hangs on the gaps between requests, which a fluid does
    /// not have.
    pub undecided: f64,
}

impl FluidReport {
    /// All that were answered.
    #[must_use]
    pub fn total_answered(&self) -> f64 {
        self.answered.values().sum()
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.sent += other.sent;
        self.undecided += other.undecided;
        for (version, count) in &other.answered {
            *self.answered.entry(Arc::clone(version)).or_default() += count;
        }
        for (cause, count) in &other.lost {
            *self.lost.entry(*cause).or_default() += count;
        }
    }

    /// All that were lost.
    #[must_use]
    pub fn total_lost(&self) -> f64 {
        self.lost.values().sum()
    }
}

/// What becomes of a request that reaches a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Fate {
    Answered(Arc<str>),
    /// Answered if the line of this backlog is short enough.
    Queued(Arc<str>, u32),
    Lost(Cause),
}

impl Fate {
    /// Whether another pod is tried.
    pub(crate) const fn is_refusal(&self) -> bool {
        match self {
            Self::Answered(_) | Self::Queued(..) => false,
            Self::Lost(cause) => cause.is_retried(false),
        }
    }
}

/// A pod that gets part of the fluid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) weight: u32,
    pub(crate) fate: Fate,
    pub(crate) joined: Time,
}

/// A fluid source at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fluid {
    pub(crate) source: SourceId,
    pub(crate) view: Option<usize>,
    pub(crate) rate: RateProfile,
    /// The part of the source's requests that it is.
    pub(crate) part: f64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idempotent: bool,
    pub(crate) retries: Retries,
    pub(crate) policy: TrafficPolicy,
    /// Whom it goes to.
    pub(crate) standing: Standing,
    pub(crate) started: Time,
    /// Up to when the sums are made.
    pub(crate) settled: Time,
    pub(crate) stopped: bool,
    pub(crate) report: FluidReport,
    pub(crate) members: BTreeMap<Uid, Member>,
    /// Pods that got part of it until a time, for as long as that may matter.
    pub(crate) left: BTreeMap<Uid, (Member, Time)>,
    /// Weights by fate.
    pub(crate) fates: BTreeMap<Fate, u64>,
    /// What is lost while there is no member.
    pub(crate) without: Cause,
    pub(crate) total: u64,
    /// Since when a weight of 1 got which part of it.
    pub(crate) history: VecDeque<(Time, f64)>,
}

/// Where a fluid goes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// None: nowhere.
    pub(crate) view: Option<usize>,
    pub(crate) part: f64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) policy: TrafficPolicy,
    pub(crate) balancing: Balancing,
}

/// Weights are far below 2³².
fn number(weight: u64) -> f64 {
    u32::try_from(weight).map_or(f64::MAX, f64::from)
}

impl Fluid {
    pub(crate) fn new(source: SourceId, rate: RateProfile, of: &Source, course: &Course, now: Time) -> Self {
        Self {
            source,
            view: course.view,
            rate,
            part: course.part,
            timeout: course.timeout,
            idempotent: of.idempotent,
            retries: Retries::new(course.attempts, course.balancing),
            policy: course.policy,
            standing: Standing::Ready,
            started: now,
            settled: now,
            stopped: false,
            report: FluidReport::default(),
            members: BTreeMap::new(),
            left: BTreeMap::new(),
            fates: BTreeMap::new(),
            without: if course.view.is_some() { Cause::NoEndpoint } else { Cause::NoRoute },
            total: 0,
            history: VecDeque::from([(now, 0.0)]),
        }
    }

    /// Another part of the source's requests from now on.
    pub(crate) const fn set_part(&mut self, part: f64) {
        self.part = part;
    }

    pub(crate) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Requests sent between two times.
    fn sent(&self, from: Time, to: Time) -> f64 {
        let offset = |time: Time| u64::try_from(time.nanos_since(self.started)).unwrap_or(0);
        requests(self.rate.area(offset(from), offset(to))) * self.part
    }

    /// When its rate changes next after a time.
    fn next_step(&self, after: Time) -> Option<Time> {
        let offset = u64::try_from(after.nanos_since(self.started)).unwrap_or(0);
        let next = self.rate.next_step(offset)?;
        Some(self.started + Duration::from_nanos(next))
    }

    /// The part of it that a pod gets for each weight of 1.
    fn part_of_weight(&self) -> f64 {
        self.retries.part_of_weight(self.total)
    }

    pub(crate) fn settle(&mut self, now: Time, stretches: &BTreeMap<u32, Stretch>) {
        if !self.stopped && now > self.settled {
            let sent = self.sent(self.settled, now);
            let span = now.since(self.settled).as_secs_f64();
            self.add(sent, span, stretches);
        }
        self.settled = self.settled.max(now);
    }

    /// Requests are sent within a span of so many seconds in which nothing changes but waits.
    fn add(&mut self, sent: f64, span: f64, stretches: &BTreeMap<u32, Stretch>) {
        self.report.sent += sent;
        if self.total == 0 {
            *self.report.lost.entry(self.without).or_default() += sent;
            return;
        }
        let (of_weight, of_refusal) = (self.part_of_weight(), self.retries.part_of_refusal(self.total));
        for (fate, weight) in &self.fates {
            let part = if fate.is_refusal() { of_refusal } else { of_weight };
            let count = sent * number(*weight) * part;
            match fate {
                Fate::Answered(version) => *self.report.answered.entry(Arc::clone(version)).or_default() += count,
                Fate::Lost(cause) => *self.report.lost.entry(*cause).or_default() += count,
                Fate::Queued(version, backlog) => {
                    let stretch = stretches.get(backlog).zip(self.timeout);
                    let within = stretch.map_or(1.0, |(stretch, timeout)| stretch.part_in_time(timeout, span));
                    let can_serve = stretch.map_or(1.0, |(stretch, _)| stretch.can_serve);
                    self.report.undecided += count * (1.0 - within) * can_serve;
                    *self.report.answered.entry(Arc::clone(version)).or_default() += count * within;
                    *self.report.lost.entry(Cause::TimedOutOverload).or_default() += count * (1.0 - within);
                }
            }
        }
    }

    /// Some backlogs became one with others.
    fn merge(&mut self, merged: &[(u32, u32)]) {
        for (from, into) in merged {
            let old: Vec<(Fate, u64)> = self
                .fates
                .iter()
                .filter(|(fate, _)| matches!(fate, Fate::Queued(_, backlog) if backlog == from))
                .map(|(fate, weight)| (fate.clone(), *weight))
                .collect();
            for (fate, weight) in old {
                self.fates.remove(&fate);
                if let Fate::Queued(version, _) = fate {
                    *self.fates.entry(Fate::Queued(version, *into)).or_default() += weight;
                }
            }
        }
    }

    /// A pod gets part from now on, another part, or none.
    pub(crate) fn set(&mut self, pod: Uid, member: Option<(u32, Fate)>, backlogs: &Backlogs) {
        let now = self.settled;
        let mut old = self.members.remove(&pod);
        if let Some(Member { fate: Fate::Queued(_, backlog), .. }) = &mut old {
            *backlog = backlogs.current(*backlog);
        }
        if let Some(old) = &old {
            self.total -= u64::from(old.weight);
            self.retries.forget(pod, old.weight);
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
                if fate.is_refusal() {
                    self.retries.refuses(pod, weight);
                }
                *self.fates.entry(fate.clone()).or_default() += u64::from(weight);
                self.members.insert(pod, Member { weight, fate, joined });
            }
            None => {
                if let Some(old) = old {
                    self.left.insert(pod, (old, now));
                }
            }
        }
    }

    /// Notes which part a weight of 1 gets from now on, once all that changes at one instant has changed.
    pub(crate) fn note_part(&mut self, places: &[usize], pods: usize) {
        self.retries.look(places, pods);
        let (now, part) = (self.settled, self.part_of_weight());
        match self.history.back_mut() {
            Some((at, last)) if *at == now => *last = part,
            _ => self.history.push_back((now, part)),
        }
    }

    /// A pod ends now, and what it was sent since `from` and could not answer yet is lost, or so many requests if
    /// that is known.
    pub(crate) fn reset(&mut self, pod: Uid, from: Time, in_line: Option<f64>) {
        let (member, until) = match (self.members.get(&pod), self.left.get(&pod)) {
            (Some(member), _) => (member.clone(), self.settled),
            (None, Some((member, until))) => (member.clone(), *until),
            (None, None) => return,
        };
        let (Fate::Answered(version) | Fate::Queued(version, _)) = &member.fate else { return };
        let (from, mut lost) = (from.max(member.joined), 0.0);
        let mut end = self.settled;
        for (at, part) in self.history.iter().rev() {
            let (low, high) = (from.max(*at), until.min(end));
            if high > low {
                lost += self.sent(low, high) * f64::from(member.weight) * part;
            }
            end = *at;
            if *at <= from {
                break;
            }
        }
        let lost = in_line.unwrap_or(lost);
        let answered = self.report.answered.entry(Arc::clone(version)).or_default();
        let taken = lost.min(*answered);
        *answered -= taken;
        self.left.remove(&pod);
        self.send_again(pod, taken);
    }

    /// Requests that were in flight to a pod when it ended go to others, if they may, or are lost.
    fn send_again(&mut self, pod: Uid, count: f64) {
        if !self.idempotent || !self.retries.are_on() {
            *self.report.lost.entry(Cause::Reset).or_default() += count;
            return;
        }
        let others = self.members.keys().filter(|member| **member != pod).count();
        if self.members.is_empty() {
            *self.report.lost.entry(self.without).or_default() += count;
            return;
        }
        let refused = self.retries.refused_again(others);
        *self.report.lost.entry(Cause::RefusedStopped).or_default() += count * refused;
        let answers: Vec<(Arc<str>, f64)> = self
            .fates
            .iter()
            .filter_map(|(fate, weight)| match fate {
                Fate::Answered(version) | Fate::Queued(version, _) => Some((Arc::clone(version), number(*weight))),
                Fate::Lost(_) => None,
            })
            .collect();
        let whole: f64 = answers.iter().map(|(_, weight)| weight).sum();
        for (version, weight) in answers {
            *self.report.answered.entry(version).or_default() += count * (1.0 - refused) * weight / whole;
        }
    }

    /// With which weight it goes to a pod, or went to it until not long ago.
    pub(crate) fn weight_of(&self, pod: Uid) -> f64 {
        let member = self.members.get(&pod).or_else(|| self.left.get(&pod).map(|(member, _)| member));
        member.map_or(0.0, |member| f64::from(member.weight))
    }

    /// What its sums need, without the pods behind them.
    pub(crate) fn without_pods(&self) -> Self {
        Self {
            rate: self.rate.clone(),
            report: self.report.clone(),
            fates: self.fates.clone(),
            retries: self.retries.clone(),
            members: BTreeMap::new(),
            left: BTreeMap::new(),
            history: VecDeque::new(),
            ..*self
        }
    }

    /// Forgets what is older than a time.
    pub(crate) fn forget(&mut self, before: Time) {
        while self.history.get(1).is_some_and(|(at, _)| *at <= before) {
            self.history.pop_front();
        }
        self.left.retain(|_, (_, until)| *until > before);
    }
}

/// Lets fluids and the lines of pods come to a time.
pub(crate) fn flow(fluids: &mut [Fluid], backlogs: &mut Backlogs, now: Time) {
    let none = BTreeMap::new();
    if backlogs.is_empty() {
        return fluids.iter_mut().for_each(|fluid| fluid.settle(now, &none));
    }
    while let Some(from) = fluids.iter().map(|fluid| fluid.settled).min().filter(|from| *from < now) {
        let steps = fluids.iter().filter_map(|fluid| fluid.next_step(from));
        let to = steps.chain([now]).filter(|to| *to > from).min().unwrap_or(now);
        let span = to.since(from).as_secs_f64();
        let inflow = |fluid: &Fluid| Inflow {
            per_weight: if fluid.stopped { 0.0 } else { fluid.sent(from, to) / span * fluid.part_of_weight() },
            patience: fluid.timeout.map(|timeout| timeout.as_secs_f64()),
        };
        let inflows = fluids.iter().enumerate().map(|(number, fluid)| (number, inflow(fluid))).collect();
        let stretches = backlogs.pass(span, &inflows);
        fluids.iter_mut().for_each(|fluid| fluid.settle(to, &stretches));
        let merged = backlogs.merge();
        if !merged.is_empty() {
            fluids.iter_mut().for_each(|fluid| fluid.merge(&merged));
        }
    }
}
