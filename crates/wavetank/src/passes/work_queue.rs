//! Keys that wait for a pass: each at most once, never in two passes at a time.
//!
//! Source: `client-go/util/workqueue` and `default_rate_limiters.go`: a key that failed comes back
//! after 5 ms, 10 ms, 20 ms … at most 1,000 s; a pass without an error forgets its failures.

use crate::passes::rest::Rest;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use slotmap::Key;
use std::collections::VecDeque;

/// A key of a queue, which stands for an object in a place. Of two keys in one place the greater is that
/// of the later object.
pub(crate) trait Place: Copy + Ord {
    /// The place; none for a key that stands for nothing.
    fn place(self) -> Option<usize>;
}

impl<K: Key> Place for K {
    fn place(self) -> Option<usize> {
        let low = self.data().as_ffi() & u64::from(u32::MAX);
        usize::try_from(low).ok().filter(|_| !self.is_null())
    }
}

/// A controller's queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorkQueue<K> {
    ready: VecDeque<K>,
    /// By place.
    marks: Vec<Option<(K, Mark)>>,
    /// Passes under way.
    passes: usize,
}

/// What a queue knows of a key.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Mark {
    waiting: bool,
    in_pass: bool,
    failures: u32,
    /// After a pass that need not be followed by another one.
    #[serde(skip)]
    rest: Option<Rest>,
}

impl<K: Place> WorkQueue<K> {
    pub(crate) const fn new() -> Self {
        Self { ready: VecDeque::new(), marks: Vec::new(), passes: 0 }
    }

    fn known(&mut self, key: K) -> Option<&mut Mark> {
        let (known, mark) = self.marks.get_mut(key.place()?)?.as_mut()?;
        (*known == key).then_some(mark)
    }

    /// The mark of a key, made if there is none; none for a key whose place a later object has taken.
    fn mark(&mut self, key: K) -> Option<&mut Mark> {
        let place = key.place()?;
        if self.marks.len() <= place {
            self.marks.resize_with(place + 1, || None);
        }
        let slot = self.marks.get_mut(place)?;
        let (known, mark) = slot.get_or_insert_with(|| (key, Mark::default()));
        if *known < key {
            (*known, *mark) = (key, Mark::default());
        }
        (*known == key).then_some(mark)
    }

    /// Marks a key. During its pass it is only remembered, and comes after the pass.
    #[inline]
    pub(crate) fn add(&mut self, key: K) {
        // Most keys are marked many times in a row.
        if self.ready.back() == Some(&key) {
            return;
        }
        let Some(mark) = self.mark(key) else { return };
        if !core::mem::replace(&mut mark.waiting, true) && !mark.in_pass {
            self.ready.push_back(key);
        }
    }

    /// The next key, if fewer than `workers` passes are under way. Call [`Self::done`] after its pass.
    pub(crate) fn take(&mut self, workers: usize) -> Option<K> {
        if self.passes >= workers {
            return None;
        }
        let key = self.ready.pop_front()?;
        self.passes += 1;
        if let Some(mark) = self.known(key) {
            (mark.waiting, mark.in_pass) = (false, true);
        }
        Some(key)
    }

    /// The pass of a key has ended.
    pub(crate) fn done(&mut self, key: K) {
        self.passes = self.passes.saturating_sub(1);
        let Some(mark) = self.known(key) else { return };
        mark.in_pass = false;
        if mark.waiting {
            self.ready.push_back(key);
        }
    }

    /// How long a key that failed once more has to wait.
    pub(crate) fn back_off(&mut self, key: K) -> Duration {
        self.back_off_from(key, Duration::from_millis(5))
    }

    /// The same for a queue whose first wait is another one.
    pub(crate) fn back_off_from(&mut self, key: K, first: Duration) -> Duration {
        let Some(mark) = self.mark(key) else { return first };
        let wait = first.saturating_mul(1_u32.checked_shl(mark.failures).unwrap_or(u32::MAX));
        mark.failures = mark.failures.saturating_add(1);
        wait.min(Duration::from_secs(1_000))
    }

    /// How often a key has failed since its last success.
    pub(crate) fn failures(&self, key: K) -> u32 {
        let mark = key.place().and_then(|place| self.marks.get(place)?.as_ref()).filter(|(known, _)| *known == key);
        mark.map_or(0, |(_, mark)| mark.failures)
    }

    /// Notes when the next pass of a key may be left out.
    pub(crate) fn rest(&mut self, key: K, rest: Option<Rest>) {
        if let Some(mark) = self.known(key) {
            mark.rest = rest;
        }
    }

    /// When this pass of a key may be left out, if at all.
    pub(crate) fn take_rest(&mut self, key: K) -> Option<Rest> {
        self.known(key)?.rest.take()
    }

    /// A pass went well.
    pub(crate) fn forget(&mut self, key: K) {
        if let Some(mark) = self.known(key) {
            mark.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::{DefaultKey, SlotMap};

    fn key() -> DefaultKey {
        SlotMap::new().insert(())
    }

    #[test]
    fn a_key_marked_many_times_gets_one_pass() {
        let mut queue = WorkQueue::new();
        queue.add(key());
        queue.add(key());
        assert_eq!(queue.take(1), Some(key()));
        assert_eq!(queue.take(2), None);
    }

    #[test]
    fn a_key_marked_during_its_pass_gets_another_one_after_it() {
        let mut queue = WorkQueue::new();
        queue.add(key());
        queue.take(1);
        queue.add(key());
        assert_eq!(queue.take(2), None);
        queue.done(key());
        assert_eq!(queue.take(1), Some(key()));
    }

    #[test]
    fn the_key_of_an_object_that_is_gone_does_not_touch_the_one_in_its_place() {
        let mut objects = SlotMap::new();
        let old: DefaultKey = objects.insert(());
        objects.remove(old);
        let new = objects.insert(());
        let mut queue = WorkQueue::new();
        queue.add(old);
        queue.add(new);
        queue.add(old);
        assert_eq!([queue.take(3), queue.take(3), queue.take(3)], [Some(old), Some(new), None]);
    }

    #[test]
    fn failures_double_the_wait_up_to_a_thousand_seconds() {
        let mut queue = WorkQueue::new();
        assert_eq!(queue.back_off(key()), Duration::from_millis(5));
        assert_eq!(queue.back_off(key()), Duration::from_millis(10));
        for _ in 0..40 {
            queue.back_off(key());
        }
        assert_eq!(queue.back_off(key()), Duration::from_secs(1_000));
        queue.forget(key());
        assert_eq!(queue.back_off(key()), Duration::from_millis(5));
    }
}
