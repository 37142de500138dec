//! Entries by (time, sequence) that come in any order: near ones in a heap and far ones in a calendar.
//!
//! A heap of a million entries is a walk over twenty cache misses for each event. So once there are many,
//! time is cut into buckets of an equal width: a later bucket is a heap in the other sense of the word,
//! and is sorted when its time has come. Some thousands of buckets are a *year*; entries of later years
//! wait in one pile for each. What lies where never shows: entries come out in the same total order.

use crate::Time;
use core::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// With more entries than this, far ones go to the calendar. Tests take few, so that small cases cross
/// the line.
const MANY: usize = if cfg!(test) { 24 } else { 256 };
/// With fewer entries than this, all go back to the heap.
const FEW: usize = MANY / 4;
/// How many entries a bucket should have: sorting them stays in the nearest cache.
const BUCKET: usize = if cfg!(test) { 4 } else { 32 };
/// Bounds for the buckets of a year, as powers of two.
const YEARS: core::ops::RangeInclusive<u32> = if cfg!(test) { 3..=3 } else { 5..=14 };
/// Bounds for the width of a bucket as a power of two, in nanoseconds: 1 µs to 18 minutes.
const WIDTHS: core::ops::RangeInclusive<u32> = 10..=40;
/// Emptied buckets that are kept, to be filled again, and the largest that is.
const SPARES: usize = 64;
const LARGEST_SPARE: usize = 8 * BUCKET;

/// Something at its place in the order.
///
/// The earlier one is the greater, because heaps give the greatest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<E> {
    pub(crate) time: Time,
    /// Unique, so that the event never decides.
    pub(crate) sequence: u64,
    pub(crate) event: E,
}

impl<E> Entry<E> {
    pub(crate) const fn key(&self) -> (Time, u64) {
        (self.time, self.sequence)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

/// Entries that come out in order.
#[derive(Clone, Debug)]
pub(crate) struct Buckets<E> {
    /// Entries that came when their bucket was the present one already; all of them while they are few.
    near: BinaryHeap<Entry<E>>,
    /// The present bucket, its first entry last.
    run: Vec<Entry<E>>,
    /// The later buckets of the present year, by their numbers' low bits; empty without a calendar.
    year: Vec<Vec<Entry<E>>>,
    /// A bit for each of them: whether there is anything in it.
    filled: Vec<u64>,
    /// Entries of later years, by year.
    later: BTreeMap<i64, Vec<Entry<E>>>,
    /// Number of the present bucket; without one there is no calendar, and all entries are near.
    present: Option<i64>,
    /// Width of the buckets, and number of them in a year, as powers of two.
    width: u32,
    in_year: u32,
    /// Entries in all, and as many when the width was chosen.
    len: usize,
    tuned_for: usize,
    /// Emptied buckets, to be filled again.
    spare: Vec<Vec<Entry<E>>>,
}

impl<E> Buckets<E> {
    pub(crate) const fn new() -> Self {
        Self {
            near: BinaryHeap::new(),
            run: Vec::new(),
            year: Vec::new(),
            filled: Vec::new(),
            later: BTreeMap::new(),
            present: None,
            width: 0,
            in_year: 0,
            len: 0,
            tuned_for: 0,
            spare: Vec::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, entry: Entry<E>) {
        self.len += 1;
        match self.present {
            Some(present) => self.file(entry, present),
            None => {
                self.near.push(entry);
                if self.len > MANY {
                    self.spread();
                }
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Entry<E>> {
        if self.run.is_empty() && self.near.is_empty() {
            self.advance();
        }
        let first = if self.near.peek() > self.run.last() { self.near.pop() } else { self.run.pop() };
        self.len -= usize::from(first.is_some());
        // A bucket in which everything happens at once shall not hold its room until its end.
        if self.run.capacity() > MANY && self.run.len() < self.run.capacity() / 2 {
            self.run.shrink_to(self.run.len());
        }
        first
    }

    pub(crate) fn peek(&mut self) -> Option<&Entry<E>> {
        if self.run.is_empty() && self.near.is_empty() {
            self.advance();
        }
        self.near.peek().max(self.run.last())
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<E>> {
        let far = self.year.iter().chain(self.later.values()).flatten();
        self.near.iter().chain(&self.run).chain(far)
    }

    /// Drops the entries that do not pass.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Entry<E>) -> bool) {
        self.near.retain(&mut keep);
        self.run.retain(&mut keep);
        self.len = self.near.len() + self.run.len();
        for bucket in self.year.iter_mut().chain(self.later.values_mut()) {
            bucket.retain(&mut keep);
            self.len += bucket.len();
        }
        self.later.retain(|_, pile| !pile.is_empty());
        for (number, bucket) in self.year.iter().enumerate() {
            if bucket.is_empty() {
                self.filled[number / 64] &= !(1 << (number % 64));
            }
        }
    }

    const fn bucket(&self, time: Time) -> i64 {
        time.as_nanos() >> self.width
    }

    /// A bucket's place in its year.
    fn index(&self, bucket: i64) -> usize {
        usize::try_from(bucket & ((1 << self.in_year) - 1)).unwrap_or(0)
    }

    /// Puts an entry where it belongs, given the present bucket.
    fn file(&mut self, entry: Entry<E>, present: i64) {
        let bucket = self.bucket(entry.time);
        if bucket <= present {
            self.near.push(entry);
        } else if bucket >> self.in_year == present >> self.in_year {
            let number = self.index(bucket);
            let entries = &mut self.year[number];
            if entries.is_empty() {
                self.filled[number / 64] |= 1 << (number % 64);
                if entries.capacity() == 0
                    && let Some(spare) = self.spare.pop()
                {
                    *entries = spare;
                }
            }
            entries.push(entry);
        } else {
            self.later.entry(bucket >> self.in_year).or_default().push(entry);
        }
    }

    /// Number of the next bucket of this year that has entries, `from` on.
    fn next_filled(&self, from: i64) -> Option<i64> {
        let first = self.index(from);
        let mut word = first / 64;
        let mut bits = self.filled.get(word)? & (u64::MAX << (first % 64));
        while bits == 0 {
            word += 1;
            bits = *self.filled.get(word)?;
        }
        let number = i64::try_from(word * 64).ok()? + i64::from(bits.trailing_zeros());
        Some(((from >> self.in_year) << self.in_year) | number)
    }

    /// Makes the next bucket the present one, when there is nothing near.
    fn advance(&mut self) {
        let Some(present) = self.present else { return };
        if self.len < FEW {
            self.abolish();
            return;
        }
        let following = present + 1;
        let same_year = following >> self.in_year == present >> self.in_year;
        let in_year = if same_year { self.next_filled(following) } else { None };
        let Some(next) = in_year.or_else(|| self.open_year()) else { return };
        self.present = Some(next);
        let number = self.index(next);
        self.filled[number / 64] &= !(1 << (number % 64));
        let entries = core::mem::take(&mut self.year[number]);
        let crowded = entries.len() > 16 * BUCKET;
        let emptied = core::mem::replace(&mut self.run, entries);
        if self.spare.len() < SPARES && (1..=LARGEST_SPARE).contains(&emptied.capacity()) {
            self.spare.push(emptied);
        }
        self.run.sort_unstable();
        if crowded && self.len / 2 > self.tuned_for {
            // The width was chosen for half as many entries; all of them are moved, but only that often.
            self.spread();
            self.advance();
        }
    }

    /// Spreads the pile of the next year over its buckets; answers the first bucket.
    fn open_year(&mut self) -> Option<i64> {
        let (year, pile) = self.later.pop_first()?;
        let start = year << self.in_year;
        // Every bucket of the year comes after the last one before it.
        pile.into_iter().for_each(|entry| {
            let number = self.index(self.bucket(entry.time));
            self.filled[number / 64] |= 1 << (number % 64);
            self.year[number].push(entry);
        });
        self.next_filled(start)
    }

    fn drain(&mut self) -> Vec<Entry<E>> {
        let mut entries = core::mem::take(&mut self.near).into_vec();
        entries.append(&mut self.run);
        self.year.iter_mut().for_each(|bucket| entries.append(bucket));
        entries.extend(core::mem::take(&mut self.later).into_values().flatten());
        self.filled.fill(0);
        entries
    }

    /// Goes back to the heap alone.
    fn abolish(&mut self) {
        self.near = self.drain().into();
        (self.year, self.filled, self.spare) = (Vec::new(), Vec::new(), Vec::new());
        self.run = Vec::new();
        self.present = None;
    }

    /// Chooses the width of buckets for the entries there are, and puts each where it belongs.
    fn spread(&mut self) {
        let mut entries = self.drain();
        let middle = entries.len() / 2;
        let Some(first) = entries.iter().map(|entry| entry.time).min() else { return };
        // Half of the entries, the earlier ones, say how dense they are; a few late timers do not matter.
        let (_, median, _) = entries.select_nth_unstable_by_key(middle, |entry| entry.time);
        let span = u64::try_from(median.time.nanos_since(first)).unwrap_or(0);
        let buckets = u64::try_from((middle / BUCKET).max(1)).unwrap_or(1);
        self.width = (span / buckets).max(1).ilog2().clamp(*WIDTHS.start(), *WIDTHS.end());
        self.tuned_for = entries.len();
        let size = (entries.len() / BUCKET).max(1).ilog2() + 2;
        self.in_year = size.clamp(*YEARS.start(), *YEARS.end());
        self.year.resize_with(1 << self.in_year, Vec::new);
        self.filled.resize((1_usize << self.in_year).div_ceil(64), 0);
        // Even the first bucket is sorted rather than heaped: much may happen in it at once.
        let present = self.bucket(first) - 1;
        self.present = Some(present);
        entries.into_iter().for_each(|entry| self.file(entry, present));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(nanos: i64, sequence: u64) -> Entry<()> {
        Entry { time: Time::from_nanos(nanos), sequence, event: () }
    }

    fn drained(buckets: &mut Buckets<()>) -> Vec<(Time, u64)> {
        core::iter::from_fn(|| buckets.pop()).map(|entry| (entry.time, entry.sequence)).collect()
    }

    #[test]
    fn entries_come_out_in_order_through_all_sizes() {
        let mut buckets = Buckets::new();
        let mut expected = Vec::new();
        // A spread of short and long delays, ties, and times before the start.
        for sequence in 0..5_000_u32 {
            let nanos = i64::from(sequence.wrapping_mul(2_654_435_761) >> (sequence % 3 * 10)) - 1_000_000;
            buckets.push(entry(nanos, sequence.into()));
            expected.push((Time::from_nanos(nanos), u64::from(sequence)));
        }
        expected.sort_unstable();
        assert!(buckets.later.len() > 10, "{} years", buckets.later.len());
        assert_eq!(drained(&mut buckets), expected);
        assert!(buckets.present.is_none() && buckets.len() == 0);
    }

    #[test]
    fn an_entry_of_the_past_is_the_next_one() {
        let mut buckets = Buckets::new();
        for second in 0..1_000 {
            buckets.push(entry(second * 1_000_000_000, 0));
        }
        (0..500).for_each(|_| assert!(buckets.pop().is_some()));
        buckets.push(entry(i64::MIN, 1));
        assert_eq!(buckets.pop().map(|entry| (entry.time, entry.sequence)), Some((Time::MIN, 1)));
    }

    #[test]
    fn one_crowded_instant_is_no_trouble() {
        let mut buckets = Buckets::new();
        (0..10_000).for_each(|sequence| buckets.push(entry(i64::MAX, sequence)));
        let sequences: Vec<_> = drained(&mut buckets).into_iter().map(|(_, sequence)| sequence).collect();
        assert_eq!(sequences, (0..10_000).collect::<Vec<_>>());
    }

    /// The heap alone is the plain definition of the order; a calendar must not be told from it.
    #[test]
    fn a_calendar_pops_what_a_heap_pops() {
        let (mut buckets, mut heap) = (Buckets::new(), BinaryHeap::new());
        let mut state = 1_u64;
        let mut now = Time::ZERO;
        for sequence in 0..60_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Waves of many and few entries, delays from nothing to hours, some of them equal.
            let delay = match state >> 61 {
                0 => 0,
                1 | 2 => 10_000_000_000,
                3 => i64::from((state >> 32) as u32) * 4_096,
                _ => i64::from((state >> 40) as u32),
            };
            let next = entry(now.offset(delay).as_nanos(), sequence);
            buckets.push(next);
            heap.push(next);
            let pops = if (sequence / 5_000) % 2 == 0 { state >> 63 } else { 2 };
            for _ in 0..pops {
                let peeked = buckets.peek().map(|entry| entry.sequence);
                let (one, other) = (buckets.pop(), heap.pop());
                assert_eq!(one.map(|one| one.sequence), other.map(|other| other.sequence));
                assert_eq!(peeked, one.map(|one| one.sequence));
                now = one.map_or(now, |one| one.time);
            }
            assert_eq!(buckets.len(), heap.len());
        }
    }
}
