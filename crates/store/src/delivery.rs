//! A change reaches the controllers' view: the indices follow what has been seen.

use crate::CohortId;
use crate::change::{Change, PodChange, PodView};
use crate::cohort::UNPLACED;
use crate::store::{Behind, Store};
use crate::writes::{controller_of, move_set};
use wavetank_model::{DeploymentKey, PodFacts, PodKey, ReplicaSetKey};

/// Fewer pods without a place than these are not worth a look at which of them have gone.
const SWEEP_AT_LEAST: usize = 64;

fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Store {
    /// A change will be delivered later; without this call, what is stored of a pod counts as seen.
    pub fn hold_back(&mut self, change: &Change) {
        if let Change::Pod(PodChange { key, old, .. }) = change {
            self.behind.entry(*key).or_insert(Behind { seen: *old, changes: 0 }).changes += 1;
        }
    }

    /// The controllers' watch delivers a change. Changes of one object must come in their order.
    #[inline]
    pub fn deliver(&mut self, change: &Change) {
        if let Change::Pod(pod) = change {
            self.deliver_pod(pod);
        } else {
            self.deliver_object(change);
        }
    }

    fn deliver_object(&mut self, change: &Change) {
        match change {
            Change::Deployment { key, new, .. } => {
                let Some(slot) = self.deployments.get_mut(*key) else { return };
                slot.seen.clone_from(new);
                self.free_deployment(*key);
            }
            Change::ReplicaSet { key, old, new } => {
                self.sights.sets += 1;
                self.see_set(*key, new.as_ref());
                if let (Some(old), None) = (old, new)
                    && !self.sets.contains_key(*key)
                {
                    self.set_by_uid.remove(&old.meta.uid);
                    self.latest_owner = None;
                }
            }
            Change::Document { key, new, .. } => self.see_document(*key, new.as_ref()),
            Change::Pod(_) | Change::NodeAdded { .. } | Change::NodeRemoved { .. } => {}
        }
    }

    fn free_deployment(&mut self, key: DeploymentKey) {
        if self.deployments[key].is_gone() {
            self.deployments.remove(key);
        }
    }

    fn see_set(&mut self, key: ReplicaSetKey, new: Option<&std::sync::Arc<wavetank_model::ReplicaSet>>) {
        let Some(slot) = self.sets.get_mut(key) else { return };
        let old = core::mem::replace(&mut slot.seen, new.cloned());
        let gone = slot.is_gone();
        match (&old, new) {
            (Some(old), Some(new)) => {
                let (before, after) = (controller_of(&old.meta), controller_of(&new.meta));
                if before != after {
                    move_set(&mut self.seen_sets_of, before, after, new.meta.uid, key);
                }
            }
            (None, Some(new)) => {
                self.seen_sets_of.entry(controller_of(&new.meta)).or_default().insert(new.meta.uid, key);
            }
            (Some(old), None) => {
                let owner = controller_of(&old.meta);
                if let Some(sets) = self.seen_sets_of.get_mut(&owner) {
                    sets.remove(&old.meta.uid);
                    if sets.is_empty() {
                        self.seen_sets_of.remove(&owner);
                    }
                }
            }
            (None, None) => {}
        }
        if gone {
            self.sets.remove(key);
        }
    }

    /// The same for a pod.
    #[inline(always)]
    pub fn deliver_pod(&mut self, change: &PodChange) {
        let PodChange { key, uid, old, new } = change;
        let (key, uid) = (*key, *uid);
        self.sights.pods += 1;
        let Some(pod) = self.pods.packed_mut(key) else { return };
        let place = pod.place;
        // Deliveries of one pod come in their order, so what a change starts from is what was seen.
        let new_place = match (old, new) {
            (Some(old), Some(new)) if old.cohort == new.cohort && old.deletion_cost == new.deletion_cost => {
                self.cohorts[new.cohort.index()].replace(key, uid, &old.state, &new.state, place)
            }
            (old, new) => {
                if let Some(old) = old {
                    self.cohorts[old.cohort.index()].remove(uid, &old.state, place);
                }
                new.as_ref().map_or(place, |new| self.cohorts[new.cohort.index()].insert(key, &new.state))
            }
        };
        pod.place = new_place;
        let is_listed = new_place == UNPLACED && place != UNPLACED;
        if !self.behind.is_empty() {
            self.catch_up(key, new.as_ref());
        }
        match new {
            None => self.pods.remove(key),
            Some(new) if is_listed && self.is_littered(new.cohort) => self.sweep(new.cohort),
            Some(_) => {}
        }
    }

    /// Whether most of the unplaced pods of a cohort have gone.
    #[inline]
    fn is_littered(&self, id: CohortId) -> bool {
        let cohort = &self.cohorts[id.index()];
        cohort.unplaced.len() >= SWEEP_AT_LEAST && cohort.unplaced.len() / 2 > index(cohort.active)
    }

    /// Forgets unplaced pods of a cohort that have gone.
    fn sweep(&mut self, id: CohortId) {
        let mut unplaced = core::mem::take(&mut self.cohorts[id.index()].unplaced);
        unplaced.retain(|key| self.unplaced(id, *key).is_some());
        self.cohorts[id.index()].unplaced = unplaced;
    }

    /// What was seen of a pod, if it waits for a place among the victims of a cohort.
    fn unplaced(&self, id: CohortId, key: PodKey) -> Option<PodFacts> {
        let pod = self.pods.get(key).filter(|pod| pod.place() == UNPLACED)?;
        let seen = self.pod_seen(key).filter(|seen| seen.cohort == id && seen.state.is_active())?;
        Some(seen.facts(key, pod.uid(), pod.created()))
    }

    /// Gives the pods of a cohort that have come or changed their places among its victims.
    pub fn place_pods(&mut self, id: CohortId) {
        if self.cohorts[id.index()].unplaced.is_empty() {
            return;
        }
        let mut unplaced = core::mem::take(&mut self.cohorts[id.index()].unplaced);
        for key in &unplaced {
            // One that is listed twice has its place by the second time.
            let Some(facts) = self.unplaced(id, *key) else { continue };
            let place = self.cohorts[id.index()].place(&facts);
            if let Some(pod) = self.pods.packed_mut(*key) {
                pod.place = place;
            }
        }
        if unplaced.len() <= SWEEP_AT_LEAST {
            unplaced.clear();
            self.cohorts[id.index()].unplaced = unplaced;
        }
    }

    fn catch_up(&mut self, key: PodKey, new: Option<&PodView>) {
        let Some(behind) = self.behind.get_mut(&key) else { return };
        behind.seen = new.copied();
        behind.changes -= 1;
        if behind.changes == 0 {
            self.behind.remove(&key);
        }
    }
}
