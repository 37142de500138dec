//! The order of the queue: keys by (time, sequence), near ones in a heap and far ones in coarse buckets.
//!
//! A heap of a million keys is a walk over twenty cache misses for each event. So once there are many
//! keys, the heap keeps only those of the present bucket of time, and a later bucket is put in order when
//! its time has come. Which keys lie where never shows: they come out in the same total order.

use crate::Time;
use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// With more keys than this, far ones go to buckets. Tests take few, so that small cases cross the line.
const MANY: usize = if cfg!(test) { 24 } else { 4_096 };
/// With fewer keys than this, all go back to the heap.
const FEW: usize = MANY / 4;
/// How many keys a bucket should have: a heap of them stays in the nearest cache.
const BUCKET: usize = if cfg!(test) { 4 } else { 64 };
/// Bounds for the width of a bucket as a power of two, in nanoseconds: 65 µs to 18 minutes.
const WIDTHS: core::ops::RangeInclusive<u32> = 16..=40;

/// Orders by time, then by insertion; the slot never decides, since sequences are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) time: Time,
    pub(crate) sequence: u64,
    pub(crate) slot: usize,
}

/// Keys that come out in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    /// All keys up to the end of the present bucket.
    near: BinaryHeap<Reverse<Key>>,
    /// All later keys, by bucket; no bucket is empty.
    far: BTreeMap<i64, Vec<Reverse<Key>>>,
    /// Number of the present bucket; without one, all keys are near.
    present: Option<i64>,
    /// Width of the buckets as a power of two.
    width: u32,
    /// Keys in all, and as many when the width was chosen.
    len: usize,
    tuned_for: usize,
    /// An emptied bucket, to be filled again.
    spare: Vec<Reverse<Key>>,
}

impl Agenda {
    pub(crate) const fn new() -> Self {
        Self {
            near: BinaryHeap::new(),
            far: BTreeMap::new(),
            present: None,
            width: 0,
            len: 0,
            tuned_for: 0,
            spare: Vec::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, key: Key) {
        self.len += 1;
        match self.present {
            Some(present) if self.bucket(key.time) > present => self.push_far(key),
            Some(_) => self.near.push(Reverse(key)),
            None => {
                self.near.push(Reverse(key));
                if self.len > MANY {
                    self.spread();
                }
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Key> {
        if self.near.is_empty() {
            self.advance();
        }
        let Reverse(key) = self.near.pop()?;
        self.len -= 1;
        Some(key)
    }

    pub(crate) fn peek(&mut self) -> Option<Key> {
        if self.near.is_empty() {
            self.advance();
        }
        self.near.peek().map(|&Reverse(key)| key)
    }

    /// All keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Key> {
        self.near.iter().chain(self.far.values().flatten()).map(|&Reverse(key)| key)
    }

    /// Drops the keys that do not pass.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Key) -> bool) {
        self.near.retain(|&Reverse(key)| keep(key));
        self.len = self.near.len();
        self.far.retain(|_, bucket| {
            bucket.retain(|&Reverse(key)| keep(key));
            self.len += bucket.len();
            !bucket.is_empty()
        });
    }

    const fn bucket(&self, time: Time) -> i64 {
        time.as_nanos() >> self.width
    }

    fn push_far(&mut self, key: Key) {
        let bucket = self.bucket(key.time);
        self.far.entry(bucket).or_insert_with(|| core::mem::take(&mut self.spare)).push(Reverse(key));
    }

    /// Makes the next bucket the present one, when the heap has run empty.
    fn advance(&mut self) {
        let Some((bucket, keys)) = self.far.pop_first() else {
            self.present = None;
            return;
        };
        self.present = Some(bucket);
        let crowded = keys.len() > 16 * BUCKET;
        let mut emptied = core::mem::replace(&mut self.near, keys.into()).into_vec();
        emptied.clear();
        self.spare = emptied;
        if self.len < FEW {
            let far = core::mem::take(&mut self.far);
            self.near.extend(far.into_values().flatten());
            self.present = None;
        } else if crowded && self.len / 2 > self.tuned_for {
            // The width was chosen for half as many keys; all of them are moved, but only that often.
            self.spread();
        }
    }

    /// Chooses the width of buckets for the keys there are, and puts each where it belongs.
    fn spread(&mut self) {
        let mut keys = core::mem::take(&mut self.near).into_vec();
        keys.extend(core::mem::take(&mut self.far).into_values().flatten());
        let middle = keys.len() / 2;
        // Half of the keys, the earlier ones, say how dense they are; a few late timers do not matter.
        let times = |keys: &[Reverse<Key>]| keys.iter().map(|Reverse(key)| key.time).min();
        let (Some(first), Some((_, &mut Reverse(median), _))) =
            (times(&keys), (middle > 0).then(|| keys.select_nth_unstable_by_key(middle, |&Reverse(key)| key)))
        else {
            self.near = keys.into();
            return;
        };
        let span = u64::try_from(median.time.nanos_since(first)).unwrap_or(0);
        let buckets = u64::try_from((middle / BUCKET).max(1)).unwrap_or(1);
        self.width = (span / buckets).max(1).ilog2().clamp(*WIDTHS.start(), *WIDTHS.end());
        self.tuned_for = keys.len();
        let present = self.bucket(first);
        self.present = Some(present);
        let (near, far): (Vec<_>, Vec<_>) = keys.into_iter().partition(|Reverse(key)| self.bucket(key.time) == present);
        self.near = near.into();
        far.into_iter().for_each(|Reverse(key)| self.push_far(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(nanos: i64, sequence: u64) -> Key {
        Key { time: Time::from_nanos(nanos), sequence, slot: 0 }
    }

    #[test]
    fn keys_come_out_in_order_through_all_sizes() {
        let mut agenda = Agenda::new();
        let mut expected = Vec::new();
        // A spread of short and long delays, ties, and times before the start.
        for sequence in 0..5_000_u32 {
            let nanos = i64::from(sequence.wrapping_mul(2_654_435_761) >> (sequence % 3 * 10)) - 1_000_000;
            agenda.push(key(nanos, sequence.into()));
            expected.push(key(nanos, sequence.into()));
        }
        expected.sort_unstable();
        assert!(agenda.far.len() > 10, "{} buckets", agenda.far.len());
        let drained: Vec<_> = core::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(drained, expected);
        assert!(agenda.present.is_none() && agenda.len() == 0);
    }

    #[test]
    fn a_key_of_the_past_is_the_next_one() {
        let mut agenda = Agenda::new();
        for second in 0..1_000 {
            agenda.push(key(second * 1_000_000_000, 0));
        }
        (0..500).for_each(|_| assert!(agenda.pop().is_some()));
        agenda.push(key(i64::MIN, 1));
        assert_eq!(agenda.pop(), Some(key(i64::MIN, 1)));
    }

    #[test]
    fn one_crowded_instant_is_no_trouble() {
        let mut agenda = Agenda::new();
        (0..10_000).for_each(|sequence| agenda.push(key(i64::MAX, sequence)));
        let drained: Vec<_> = core::iter::from_fn(|| agenda.pop()).map(|key| key.sequence).collect();
        assert_eq!(drained, (0..10_000).collect::<Vec<_>>());
    }
}
