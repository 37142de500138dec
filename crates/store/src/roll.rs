//! A roll of pods in order of their identities, cheap for pods that come as they were created and go
//! from the front, as those of a rollout do.

use core::iter::Peekable;
use serde::{Deserialize, Serialize};
use slotmap::Key;
use std::collections::{BTreeMap, VecDeque, btree_map, vec_deque};
use wavetank_model::{PodKey, Uid};

/// A row this small is kept when its last pod goes: another one is likely to come.
const KEPT: usize = 16;
/// Fewer gone pods than these at the front are not worth moving the others.
const SWEEP_AT_LEAST: usize = 64;
/// Pods in a page. Tests take few.
const PAGE: usize = if cfg!(test) { 8 } else { 1024 };

/// One pod of the row: how much younger than the row's first one it is, and its key, null for a gap.
type Place = (u32, PodKey);

/// Pods by identity.
///
/// Twelve bytes a pod and no tree: a pod younger than all before it is appended, one that goes leaves a gap,
/// and gaps at the front are skipped. A pod that comes out of its turn is kept apart. Long rows lie in pages,
/// which are given back one by one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Uid, PodKey)>", into = "Vec<(Uid, PodKey)>")]
pub(crate) struct Roll {
    /// Identity of the row's first pod, whether it is there still or not.
    base: u64,
    /// The row by identity: its first page, then the others; all but the last are full.
    front: Vec<Place>,
    rest: VecDeque<Vec<Place>>,
    /// Where the first pod is in the front page; before it are gaps only.
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
        let last = self.rest.back().unwrap_or(&self.front).last().map(|(offset, _)| *offset);
        if last.is_none() {
            self.base = uid.0;
        }
        let offset = self.offset(uid);
        if let Some(offset) = offset.filter(|offset| last.is_none_or(|last| last < *offset))
            && (self.late.is_empty() || !self.late.contains_key(&uid))
        {
            self.living += 1;
            let page = self.rest.back_mut().unwrap_or(&mut self.front);
            if page.len() < PAGE {
                return page.push((offset, key));
            }
            let mut page = Vec::with_capacity(PAGE);
            page.push((offset, key));
            return self.rest.push_back(page);
        }
        let kept = offset.and_then(|offset| self.find(offset));
        let replaced = match kept {
            Some(kept) => core::mem::replace(kept, key),
            None => self.late.insert(uid, key).unwrap_or_default(),
        };
        self.living += usize::from(replaced.is_null());
    }

    #[inline]
    fn offset(&self, uid: Uid) -> Option<u32> {
        u32::try_from(uid.0.checked_sub(self.base)?).ok()
    }

    /// Takes a pod out; one that is not there is not missed.
    pub(crate) fn remove(&mut self, uid: Uid) {
        let offset = self.offset(uid);
        let gone = match offset.and_then(|offset| self.find(offset)) {
            Some(key) => core::mem::take(key),
            None => self.late.remove(&uid).unwrap_or_default(),
        };
        if gone.is_null() {
            return;
        }
        self.living -= 1;
        if self.living == 0 {
            self.first = 0;
            if !self.late.is_empty() || !self.rest.is_empty() || self.front.capacity() > KEPT {
                (self.front, self.rest, self.late) = (Vec::new(), VecDeque::new(), BTreeMap::new());
            } else {
                self.front.clear();
            }
            return;
        }
        loop {
            while self.front.get(self.first).is_some_and(|(_, key)| key.is_null()) {
                self.first += 1;
            }
            if self.first < self.front.len() {
                break;
            }
            let Some(page) = self.rest.pop_front() else { break };
            (self.front, self.first) = (page, 0);
        }
        if self.rest.is_empty() && self.first >= SWEEP_AT_LEAST && self.first > self.front.len() / 2 {
            self.front.drain(..self.first);
            self.first = 0;
        }
    }

    /// The key of a pod of the row; mostly it is the first one.
    #[inline]
    fn find(&mut self, offset: u32) -> Option<&mut PodKey> {
        if self.front.get(self.first)?.0 == offset {
            return self.front.get_mut(self.first).map(|(_, key)| key);
        }
        self.search(offset)
    }

    fn search(&mut self, offset: u32) -> Option<&mut PodKey> {
        // Pages are looked up by their first pods; before the first pod of the front page nobody looks.
        let page = self.rest.partition_point(|page| page.first().is_some_and(|(first, _)| *first <= offset));
        let row = match page.checked_sub(1) {
            Some(page) => self.rest.get_mut(page)?.as_mut_slice(),
            None => self.front.get_mut(self.first..)?,
        };
        let place = row.binary_search_by_key(&offset, |(each, _)| *each).ok()?;
        row.get_mut(place).map(|(_, key)| key)
    }

    /// The oldest pod.
    pub(crate) fn oldest(&self) -> Option<Uid> {
        let row = self.front.get(self.first).map(|(offset, _)| Uid(self.base + u64::from(*offset)));
        let late = self.late.first_key_value().map(|(uid, _)| *uid);
        row.into_iter().chain(late).min()
    }

    /// Pods by identity.
    pub(crate) fn iter(&self) -> Pods<'_> {
        Pods {
            base: self.base,
            page: self.front.get(self.first..).unwrap_or_default(),
            rest: self.rest.iter(),
            late: self.late.iter().peekable(),
        }
    }
}

/// Pods of a [`Roll`] by identity.
#[derive(Clone, Debug)]
pub(crate) struct Pods<'a> {
    base: u64,
    /// What is left of the present page, and the pages after it.
    page: &'a [Place],
    rest: vec_deque::Iter<'a, Vec<Place>>,
    late: Peekable<btree_map::Iter<'a, Uid, PodKey>>,
}

impl Iterator for Pods<'_> {
    type Item = (Uid, PodKey);

    fn next(&mut self) -> Option<Self::Item> {
        let next = loop {
            match self.page.split_first() {
                Some(((_, key), rest)) if key.is_null() => self.page = rest,
                Some(((offset, key), _)) => break Some((Uid(self.base + u64::from(*offset)), *key)),
                None => match self.rest.next() {
                    Some(page) => self.page = page,
                    None => break None,
                },
            }
        };
        let late = self.late.next_if(|(uid, _)| next.is_none_or(|(first, _)| **uid < first));
        if let Some((uid, key)) = late {
            return Some((*uid, *key));
        }
        self.page = self.page.get(1..).unwrap_or_default();
        next
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
