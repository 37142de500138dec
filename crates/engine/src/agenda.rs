//! The order of the queue: entries by (time, sequence), those of usual spans in lanes, others in a calendar.
//!
//! Where an entry lies never shows: entries come out in one total order.

use crate::Time;
use crate::buckets::{Buckets, Entry};
use crate::lanes::{LAST, Lanes};

/// Entries that come out in order.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<E> {
    lanes: Lanes<E>,
    far: Buckets<E>,
    /// Key of the calendar's first entry; [`LAST`] if it has none.
    far_first: (Time, u64),
    /// Time of the last entry that came out, from which spans are counted.
    now: Time,
    len: usize,
}

impl<E> Agenda<E> {
    pub(crate) const fn new() -> Self {
        Self { lanes: Lanes::new(), far: Buckets::new(), far_first: LAST, now: Time::ZERO, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry. Sequences grow from one to the next.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry<E>) {
        self.len += 1;
        // Of spans that cannot be told apart by a word it does not matter which lane is theirs.
        let span = entry.time.as_nanos().wrapping_sub(self.now.as_nanos());
        if let Err(entry) = self.lanes.push(entry, span) {
            self.far_first = self.far_first.min(entry.key());
            self.far.push(entry);
        }
    }

    /// Takes out the first entry if it is due by now.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Entry<E>> {
        let in_lanes = self.lanes.first();
        if in_lanes >= self.far_first {
            return if self.far_first.0 > now { None } else { self.pop() };
        }
        if in_lanes.0 > now {
            return None;
        }
        let entry = self.lanes.pop()?;
        self.len -= 1;
        self.now = entry.time;
        Some(entry)
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Entry<E>> {
        let entry = if self.lanes.first() < self.far_first {
            self.lanes.pop()?
        } else {
            let entry = self.far.pop()?;
            self.far_first = self.far.peek().map_or(LAST, Entry::key);
            entry
        };
        self.len -= 1;
        self.now = entry.time;
        Some(entry)
    }

    pub(crate) fn peek(&mut self) -> Option<&Entry<E>> {
        if self.lanes.first() < self.far_first { self.lanes.peek() } else { self.far.peek() }
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<E>> {
        self.lanes.iter().chain(self.far.iter())
    }

    /// Drops the entries that do not pass.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Entry<E>) -> bool) {
        let in_lanes = self.lanes.retain(&mut keep);
        self.far.retain(&mut keep);
        self.len = in_lanes + self.far.len();
        self.far_first = self.far.peek().map_or(LAST, Entry::key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BinaryHeap;

    /// How long an entry waits: usual spans, and any.
    fn span() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => prop::sample::select(vec![0, 20_000_000, 1_000_000_000, 10_000_000_000, 15_000_000_000]),
            2 => (0..15_i64).prop_map(|number| number * 1_000_000),
            1 => 0..5_000_000_000_i64,
            1 => Just(-1),
            1 => any::<i64>(),
        ]
    }

    proptest! {
        /// The heap is the plain definition of the order: what lies in a lane must not be told from the rest.
        #[test]
        fn lanes_and_calendar_pop_what_a_heap_pops(
            steps in prop::collection::vec((span(), 1..6_u8, 0..8_u8, prop::bool::weighted(0.02)), 0..400),
        ) {
            let (mut agenda, mut heap) = (Agenda::new(), BinaryHeap::new());
            let (mut now, mut sequence) = (Time::ZERO, 0_u64);
            for (span, copies, pops, sweeps) in steps {
                for _ in 0..copies {
                    let entry = Entry { time: now.offset(span), sequence, event: () };
                    sequence += 1;
                    agenda.push(entry);
                    heap.push(entry);
                }
                if sweeps {
                    agenda.retain(|entry| entry.sequence % 3 != 0);
                    heap.retain(|entry| entry.sequence % 3 != 0);
                }
                for _ in 0..pops {
                    prop_assert_eq!(agenda.peek().map(Entry::key), heap.peek().map(Entry::key));
                    let popped = agenda.pop();
                    prop_assert_eq!(popped.map(|entry| entry.key()), heap.pop().map(|entry| entry.key()));
                    now = popped.map_or(now, |entry| now.max(entry.time));
                }
                prop_assert_eq!((agenda.len(), agenda.iter().count()), (heap.len(), heap.len()));
            }
            while let Some(entry) = heap.pop() {
                prop_assert_eq!(agenda.pop().map(|entry| entry.key()), Some(entry.key()));
            }
            prop_assert!(agenda.pop().is_none());
        }
    }
}
