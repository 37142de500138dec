//! A roll of pods in order of their identities, cheap for pods that come as they were created and go
//! from the front, as those of a rollout do.

use core::iter::Peekable;
use serde::{Deserialize, Serialize};
use slotmap::Key;
use std::collections::{BTreeMap, btree_map};
use wavetank_model::{PodKey, Uid};

/// A vector this small is kept when its last pod goes: another one is likely to come.
const KEPT: usize = 16;
/// Fewer gone pods than these at the front are not worth moving the others.
const SWEEP_AT_LEAST: usize = 64;

/// Pods by identity.
///
/// Sixteen bytes a pod and no tree: a pod younger than all before it is appended, one that goes leaves
/// a gap, and gaps at the front are skipped. A pod that comes out of its turn is kept apart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Uid, PodKey)>", into = "Vec<(Uid, PodKey)>")]
pub(crate) struct Roll {
    /// By identity; a null key is a gap.
    row: Vec<(Uid, PodKey)>,
    /// Where the first pod of the row is; before it are gaps only.
    first: usize,
    /// Pods that came after a younger one.
    late: BTreeMap<Uid, PodKey>,
    living: usize,
}

impl Roll {
    pub(crate) const fn len(&self) -> usize {
        self.living
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.living == 0
    }

    /// Adds a pod; one that is there already is not added again.
    pub(crate) fn insert(&mut self, uid: Uid, key: PodKey) {
        if self.row.last().is_none_or(|(last, _)| *last < uid) {
            self.row.push((uid, key));
            self.living += 1;
            return;
        }
        let replaced = match self.find(uid) {
            Some(place) => core::mem::replace(&mut self.row[place].1, key),
            None => self.late.insert(uid, key).unwrap_or_default(),
        };
        self.living += usize::from(replaced.is_null());
    }

    /// Takes a pod out; one that is not there is not missed.
    pub(crate) fn remove(&mut self, uid: Uid) {
        let gone = match self.find(uid) {
            Some(place) => core::mem::take(&mut self.row[place].1),
            None => self.late.remove(&uid).unwrap_or_default(),
        };
        if gone.is_null() {
            return;
        }
        self.living -= 1;
        if self.living == 0 {
            self.first = 0;
            self.late = BTreeMap::new();
            if self.row.capacity() > KEPT {
                self.row = Vec::new();
            } else {
                self.row.clear();
            }
            return;
        }
        while self.row.get(self.first).is_some_and(|(_, key)| key.is_null()) {
            self.first += 1;
        }
        if self.first >= SWEEP_AT_LEAST && self.first > self.row.len() / 2 {
            self.row.drain(..self.first);
            self.first = 0;
        }
    }

    /// Place of a pod in the row; mostly it is the first one.
    fn find(&self, uid: Uid) -> Option<usize> {
        let row = &self.row[self.first..];
        if row.first().is_some_and(|(first, _)| *first == uid) {
            return Some(self.first);
        }
        row.binary_search_by_key(&uid, |(each, _)| *each).ok().map(|place| self.first + place)
    }

    /// The oldest pod.
    pub(crate) fn oldest(&self) -> Option<Uid> {
        let (row, late) = (self.row.get(self.first), self.late.first_key_value());
        match (row, late) {
            (Some((one, _)), Some((other, _))) => Some(*one.min(other)),
            (Some((one, _)), None) => Some(*one),
            (None, other) => other.map(|(uid, _)| *uid),
        }
    }

    /// Pods by identity.
    pub(crate) fn iter(&self) -> Pods<'_> {
        Pods { row: self.row[self.first..].iter(), late: self.late.iter().peekable() }
    }
}

/// Pods of a [`Roll`] by identity.
#[derive(Clone, Debug)]
pub(crate) struct Pods<'a> {
    row: core::slice::Iter<'a, (Uid, PodKey)>,
    late: Peekable<btree_map::Iter<'a, Uid, PodKey>>,
}

impl Iterator for Pods<'_> {
    type Item = (Uid, PodKey);

    fn next(&mut self) -> Option<Self::Item> {
        while self.row.as_slice().first().is_some_and(|(_, key)| key.is_null()) {
            self.row.next();
        }
        let next = self.row.as_slice().first();
        let late = self.late.next_if(|(uid, _)| next.is_none_or(|(first, _)| *uid < first));
        late.map(|(uid, key)| (*uid, *key)).or_else(|| self.row.next().copied())
    }
}

impl From<Vec<(Uid, PodKey)>> for Roll {
    fn from(pods: Vec<(Uid, PodKey)>) -> Self {
        let mut roll = Self::default();
        pods.into_iter().for_each(|(uid, key)| roll.insert(uid, key));
        roll
    }
}

impl From<Roll> for Vec<(Uid, PodKey)> {
    fn from(roll: Roll) -> Self {
        roll.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use slotmap::SlotMap;

    proptest! {
        #[test]
        fn a_roll_is_a_map_by_identity(steps in prop::collection::vec((0..200_u64, prop::bool::weighted(0.6)), 0..600)) {
            let mut keys = SlotMap::<PodKey, ()>::with_key();
            let (mut roll, mut map) = (Roll::default(), BTreeMap::new());
            for (turn, (uid, comes)) in (0..).zip(steps) {
                // Most pods come in the order of their creation, and most that go are the oldest.
                let uid = Uid(if uid % 4 == 0 { uid } else if comes { turn } else { map.keys().next().map_or(uid, |uid: &Uid| uid.0) });
                if comes {
                    let key = keys.insert(());
                    roll.insert(uid, key);
                    map.insert(uid, key);
                } else {
                    roll.remove(uid);
                    map.remove(&uid);
                }
                prop_assert_eq!(roll.len(), map.len());
                prop_assert_eq!(roll.oldest(), map.keys().next().copied());
            }
            prop_assert!(roll.iter().eq(map.iter().map(|(uid, key)| (*uid, *key))));
            let restored = Roll::from(Vec::from(roll.clone()));
            prop_assert!(restored.iter().eq(roll.iter()));
        }
    }
}
