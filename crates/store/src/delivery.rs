//! A change reaches the controllers' view: the indices follow what has been seen.

use crate::change::{Change, PodView};
use crate::store::{Behind, Store};
use crate::writes::{controller_of, move_set};
use wavetank_model::{DeploymentKey, PodKey, ReplicaSetKey};

impl Store {
    /// A change will be delivered later; without this call, what is stored counts as seen.
    ///
    /// Only [`Self::pod_seen`] asks for it: indices follow deliveries by themselves.
    pub fn hold_back(&mut self, change: &Change) {
        if let Change::Pod { key, old, .. } = change {
            self.behind.entry(*key).or_insert(Behind { seen: *old, changes: 0 }).changes += 1;
        }
    }

    /// The controllers' watch delivers a change. Changes of one object must come in their order.
    pub fn deliver(&mut self, change: &Change) {
        match change {
            Change::Deployment { key, new, .. } => {
                let Some(slot) = self.deployments.get_mut(*key) else { return };
                slot.seen.clone_from(new);
                self.free_deployment(*key);
            }
            Change::ReplicaSet { key, old, new } => {
                self.see_set(*key, new.as_ref());
                if let (Some(old), None) = (old, new)
                    && !self.sets.contains_key(*key)
                {
                    self.set_by_uid.remove(&old.meta.uid);
                    self.latest_owner = None;
                }
            }
            Change::Pod { key, old, new } => self.see_pod(*key, old.as_ref(), new.as_ref()),
            Change::Document { key, new, .. } => self.see_document(*key, new.as_ref()),
            Change::NodeAdded { .. } | Change::NodeRemoved { .. } => {}
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

    fn see_pod(&mut self, key: PodKey, old: Option<&PodView>, new: Option<&PodView>) {
        let Some((uid, created, place)) = self.pods.fixed(key) else { return };
        // Deliveries of one pod come in their order, so what a change starts from is what was seen.
        let facts = |view: &PodView| view.facts(key, uid, created);
        let new_place = match (old, new) {
            (Some(old), Some(new)) if old.cohort == new.cohort => {
                self.cohorts[new.cohort.index()].replace(&facts(old), &facts(new), place)
            }
            (old, new) => {
                if let Some(old) = old {
                    self.cohorts[old.cohort.index()].remove(&facts(old), place);
                }
                new.map_or(place, |new| self.cohorts[new.cohort.index()].insert(&facts(new)))
            }
        };
        if new_place != place
            && let Some(pod) = self.pods.packed_mut(key)
        {
            pod.place = new_place;
        }
        if !self.behind.is_empty() {
            self.catch_up(key, new);
        }
        if new.is_none() {
            self.pods.remove(key);
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
