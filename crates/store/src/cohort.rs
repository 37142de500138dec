//! Cohorts: the pods of one controlling owner with the same labels, as the controllers see them.
//!
//! Whether a set's selector matches is a question about labels, so it is asked once a cohort and not
//! once a pod: a set owns a cohort that matches, releases one that does not, and may adopt an
//! ownerless one that does. Counts and victim order are kept up to date per change.

use crate::victims::VictimOrder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{PodFacts, StringMap, Uid};

/// Number of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CohortId(pub(crate) u32);

impl CohortId {
    /// Its position among all cohorts.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What the pods of a cohort have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CohortIdentity {
    /// Namespace.
    pub namespace: Arc<str>,
    /// The controlling owner.
    pub owner: Option<Uid>,
    /// All labels.
    pub labels: StringMap,
}

/// Pods by state, as seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cohort {
    /// What its pods have in common.
    pub identity: CohortIdentity,
    /// Pods that count as replicas.
    pub active: u32,
    /// Of those, ready ones.
    pub ready: u32,
    /// Pods on their way out that have not ended.
    pub terminating: u32,
    /// Pods that have not ended, terminating ones included.
    pub unfinished: u32,
    /// All pods seen, ended ones included.
    pub present: u32,
    /// Active pods by node.
    pub active_on: BTreeMap<Option<u32>, u32>,
    /// Active pods in victim order.
    pub victims: VictimOrder,
    ready_since: ReadySeconds,
}

/// Ready pods by the second since which they are, with a cursor that follows the cutoff of availability.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ReadySeconds {
    seconds: BTreeMap<Time, u32>,
    cutoff: Option<Time>,
    until_cutoff: u32,
}

impl ReadySeconds {
    fn add(&mut self, since: Time) {
        *self.seconds.entry(since).or_insert(0) += 1;
        if self.cutoff.is_some_and(|cutoff| since <= cutoff) {
            self.until_cutoff += 1;
        }
    }

    fn remove(&mut self, since: Time) {
        if let Some(pods) = self.seconds.get_mut(&since) {
            *pods -= 1;
            if *pods == 0 {
                self.seconds.remove(&since);
            }
            if self.cutoff.is_some_and(|cutoff| since <= cutoff) {
                self.until_cutoff -= 1;
            }
        }
    }

    /// Pods ready since `cutoff` or before. The cursor only walks the seconds that it passes.
    fn count_until(&mut self, cutoff: Time) -> u32 {
        match self.cutoff {
            Some(old) if old <= cutoff => {
                let passed = (core::ops::Bound::Excluded(old), core::ops::Bound::Included(cutoff));
                self.until_cutoff += self.seconds.range(passed).map(|(_, pods)| pods).sum::<u32>();
            }
            _ => self.until_cutoff = self.seconds.range(..=cutoff).map(|(_, pods)| pods).sum(),
        }
        self.cutoff = Some(cutoff);
        self.until_cutoff
    }
}

impl Cohort {
    pub(crate) fn new(identity: CohortIdentity) -> Self {
        Self {
            identity,
            active: 0,
            ready: 0,
            terminating: 0,
            unfinished: 0,
            present: 0,
            active_on: BTreeMap::new(),
            victims: VictimOrder::default(),
            ready_since: ReadySeconds::default(),
        }
    }

    /// Counts a pod in; answers its place among the victims, which [`Self::remove`] wants back.
    pub(crate) fn insert(&mut self, pod: &PodFacts) -> u32 {
        self.present += 1;
        if pod.phase.has_ended() {
            return 0;
        }
        self.unfinished += 1;
        if pod.terminating {
            self.terminating += 1;
            return 0;
        }
        self.active += 1;
        self.put_on(pod.node);
        self.count_readiness(pod);
        self.victims.insert(pod)
    }

    /// Counts a pod out; facts and place must be those it was counted in with.
    pub(crate) fn remove(&mut self, pod: &PodFacts, place: u32) {
        self.present -= 1;
        if pod.phase.has_ended() {
            return;
        }
        self.unfinished -= 1;
        if pod.terminating {
            self.terminating -= 1;
            return;
        }
        self.active -= 1;
        self.take_off(pod.node);
        self.discount_readiness(pod);
        self.victims.remove(pod.uid, place);
    }

    /// Counts a pod otherwise; answers its new place.
    pub(crate) fn replace(&mut self, old: &PodFacts, new: &PodFacts, place: u32) -> u32 {
        if !old.is_active() || !new.is_active() {
            self.remove(old, place);
            return self.insert(new);
        }
        if old.node != new.node {
            self.take_off(old.node);
            self.put_on(new.node);
        }
        self.discount_readiness(old);
        self.count_readiness(new);
        self.victims.remove(old.uid, place);
        self.victims.insert(new)
    }

    fn put_on(&mut self, node: Option<u32>) {
        *self.active_on.entry(node).or_insert(0) += 1;
    }

    fn take_off(&mut self, node: Option<u32>) {
        if let Some(pods) = self.active_on.get_mut(&node) {
            *pods -= 1;
            if *pods == 0 {
                self.active_on.remove(&node);
            }
        }
    }

    fn count_readiness(&mut self, pod: &PodFacts) {
        if pod.ready {
            self.ready += 1;
            if let Some(since) = pod.ready_since {
                self.ready_since.add(since);
            }
        }
    }

    fn discount_readiness(&mut self, pod: &PodFacts) {
        if pod.ready {
            self.ready -= 1;
            if let Some(since) = pod.ready_since {
                self.ready_since.remove(since);
            }
        }
    }

    /// Active pods that have been ready for `min_ready_seconds`.
    pub fn available(&mut self, min_ready_seconds: i32, now: Time) -> u32 {
        if min_ready_seconds == 0 {
            return self.ready;
        }
        self.ready_since.count_until(cutoff(min_ready_seconds, now))
    }

    /// When the next ready pod becomes available.
    #[must_use]
    pub fn next_available(&self, min_ready_seconds: i32, now: Time) -> Option<Time> {
        let later = (core::ops::Bound::Excluded(cutoff(min_ready_seconds, now)), core::ops::Bound::Unbounded);
        let (since, _) = self.ready_since.seconds.range(later).next()?;
        Some(since.offset(i64::from(min_ready_seconds) * 1_000_000_000))
    }
}

fn cutoff(min_ready_seconds: i32, now: Time) -> Time {
    now.offset(-i64::from(min_ready_seconds) * 1_000_000_000)
}
