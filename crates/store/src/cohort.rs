//! Cohorts: the pods of one controlling owner with the same labels, as the controllers see them.
//!
//! Whether a set's selector matches is a question about labels, so it is asked once a cohort and not
//! once a pod: a set owns a cohort that matches, releases one that does not, and may adopt an
//! ownerless one that does. Counts are kept up to date per change; the order of victims catches up
//! when somebody asks for it.

use crate::pods::PodState;
use crate::victims::VictimOrder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::{Second, Time};
use wavetank_model::{PodFacts, PodKey, StringMap, Uid};

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
    /// Active pods in victim order, and by node, once [`crate::Store::place_pods`] has been called.
    pub victims: VictimOrder,
    /// The same pods by node.
    pub active_on: BTreeMap<Option<u32>, u32>,
    /// Active pods that have no place among the victims yet, some of which have gone meanwhile: a pod changes
    /// a few times before anybody asks.
    pub(crate) unplaced: Vec<PodKey>,
    /// Kept once somebody has asked who is available.
    ready_since: Option<ReadySeconds>,
}

/// The place of an active pod that is in [`Cohort::unplaced`].
pub(crate) const UNPLACED: u32 = u32::MAX;
/// The place of a pod that is no victim.
const NOWHERE: u32 = 0;

/// Ready pods by the second since which they are, with a cursor that follows the cutoff of availability.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ReadySeconds {
    seconds: BTreeMap<Second, u32>,
    cutoff: Option<Second>,
    until_cutoff: u32,
}

impl ReadySeconds {
    fn add(&mut self, since: Second) {
        *self.seconds.entry(since).or_insert(0) += 1;
        if self.cutoff.is_some_and(|cutoff| since <= cutoff) {
            self.until_cutoff += 1;
        }
    }

    fn remove(&mut self, since: Second) {
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
    fn count_until(&mut self, cutoff: Second) -> u32 {
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
            victims: VictimOrder::default(),
            active_on: BTreeMap::new(),
            unplaced: Vec::new(),
            ready_since: None,
        }
    }

    /// Counts a pod in; answers its place among the victims, which [`Self::remove`] wants back.
    pub(crate) fn insert(&mut self, key: PodKey, pod: &PodState) -> u32 {
        self.present += 1;
        if pod.phase.has_ended() {
            return NOWHERE;
        }
        self.unfinished += 1;
        if pod.deletion.is_some() {
            self.terminating += 1;
            return NOWHERE;
        }
        self.active += 1;
        self.count_readiness(pod);
        self.unplaced.push(key);
        UNPLACED
    }

    /// Counts a pod out; state and place must be those it was counted in with.
    pub(crate) fn remove(&mut self, uid: Uid, pod: &PodState, place: u32) {
        self.present -= 1;
        if pod.phase.has_ended() {
            return;
        }
        self.unfinished -= 1;
        if pod.deletion.is_some() {
            self.terminating -= 1;
            return;
        }
        self.active -= 1;
        self.discount_readiness(pod);
        self.take_out(uid, pod.node, place);
    }

    /// Counts a pod otherwise; answers its new place.
    #[inline]
    pub(crate) fn replace(&mut self, key: PodKey, uid: Uid, old: &PodState, new: &PodState, place: u32) -> u32 {
        if !old.is_active() || !new.is_active() {
            self.remove(uid, old, place);
            return self.insert(key, new);
        }
        if (old.ready, old.ready_since) != (new.ready, new.ready_since) {
            self.discount_readiness(old);
            self.count_readiness(new);
        }
        if place != UNPLACED {
            self.take_out(uid, old.node, place);
            self.unplaced.push(key);
        }
        UNPLACED
    }

    /// Puts an active pod among the victims; answers where.
    pub(crate) fn place(&mut self, pod: &PodFacts) -> u32 {
        *self.active_on.entry(pod.node).or_insert(0) += 1;
        self.victims.insert(pod)
    }

    fn take_out(&mut self, uid: Uid, node: Option<u32>, place: u32) {
        if place == UNPLACED {
            return;
        }
        self.victims.remove(uid, place);
        if let Some(pods) = self.active_on.get_mut(&node) {
            *pods -= 1;
            if *pods == 0 {
                self.active_on.remove(&node);
            }
        }
    }

    #[inline]
    fn count_readiness(&mut self, pod: &PodState) {
        if pod.ready {
            self.ready += 1;
            if let (Some(seconds), Some(since)) = (&mut self.ready_since, pod.ready_since) {
                seconds.add(since);
            }
        }
    }

    #[inline]
    fn discount_readiness(&mut self, pod: &PodState) {
        if pod.ready {
            self.ready -= 1;
            if let (Some(seconds), Some(since)) = (&mut self.ready_since, pod.ready_since) {
                seconds.remove(since);
            }
        }
    }

    /// Active pods that have been ready for `min_ready_seconds`; all must have been placed.
    pub(crate) fn available(&mut self, min_ready_seconds: i32, now: Time) -> u32 {
        if min_ready_seconds == 0 {
            return self.ready;
        }
        let victims = &self.victims;
        let seconds = self.ready_since.get_or_insert_with(|| {
            let mut seconds = ReadySeconds::default();
            victims
                .iter()
                .filter(|pod| pod.ready)
                .filter_map(|pod| pod.ready_since)
                .for_each(|at| seconds.add(Second::of(at)));
            seconds
        });
        seconds.count_until(cutoff(min_ready_seconds, now))
    }

    /// When the next ready pod becomes available, once [`crate::Store::cohort_available`] has been asked.
    #[must_use]
    pub fn next_available(&self, min_ready_seconds: i32, now: Time) -> Option<Time> {
        let later = (core::ops::Bound::Excluded(cutoff(min_ready_seconds, now)), core::ops::Bound::Unbounded);
        let (since, _) = self.ready_since.as_ref()?.seconds.range(later).next()?;
        Some(since.time().offset(i64::from(min_ready_seconds) * 1_000_000_000))
    }
}

fn cutoff(min_ready_seconds: i32, now: Time) -> Second {
    Second::of(now.offset(-i64::from(min_ready_seconds) * 1_000_000_000))
}
