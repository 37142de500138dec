//! Keys that wait for a pass: each at most once, never in two passes at a time.
//!
//! Source: `client-go/util/workqueue` and `default_rate_limiters.go`: a key that failed comes back
//! after 5 ms, 10 ms, 20 ms … at most 1,000 s; a pass without an error forgets its failures.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A controller's queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorkQueue<K: Ord> {
    ready: VecDeque<K>,
    waiting: BTreeSet<K>,
    in_pass: BTreeSet<K>,
    failures: BTreeMap<K, u32>,
    /// The key that was marked last, as long as it waits: thousands of changes mark the same one.
    latest: Option<K>,
}

impl<K: Ord + Copy> WorkQueue<K> {
    pub(crate) const fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            in_pass: BTreeSet::new(),
            failures: BTreeMap::new(),
            latest: None,
        }
    }

    /// Marks a key. During its pass it is only remembered, and comes after the pass.
    pub(crate) fn add(&mut self, key: K) {
        if self.latest == Some(key) {
            return;
        }
        self.latest = Some(key);
        if self.waiting.insert(key) && !self.in_pass.contains(&key) {
            self.ready.push_back(key);
        }
    }

    /// The next key, if fewer than `workers` passes are under way. Call [`Self::done`] after its pass.
    pub(crate) fn take(&mut self, workers: usize) -> Option<K> {
        if self.in_pass.len() >= workers {
            return None;
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.latest = self.latest.filter(|latest| *latest != key);
        self.in_pass.insert(key);
        Some(key)
    }

    /// The pass of a key has ended.
    pub(crate) fn done(&mut self, key: K) {
        self.in_pass.remove(&key);
        if self.waiting.contains(&key) {
            self.ready.push_back(key);
        }
    }

    /// How long a key that failed once more has to wait.
    pub(crate) fn back_off(&mut self, key: K) -> Duration {
        self.back_off_from(key, Duration::from_millis(5))
    }

    /// The same for a queue whose first wait is another one.
    pub(crate) fn back_off_from(&mut self, key: K, first: Duration) -> Duration {
        let failures = self.failures.entry(key).or_insert(0);
        let wait = first.saturating_mul(1_u32.checked_shl(*failures).unwrap_or(u32::MAX));
        *failures = failures.saturating_add(1);
        wait.min(Duration::from_secs(1_000))
    }

    /// How often a key has failed since its last success.
    pub(crate) fn failures(&self, key: K) -> u32 {
        self.failures.get(&key).copied().unwrap_or(0)
    }

    /// A pass went well.
    pub(crate) fn forget(&mut self, key: K) {
        self.failures.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_marked_many_times_gets_one_pass() {
        let mut queue = WorkQueue::new();
        queue.add(1);
        queue.add(1);
        assert_eq!(queue.take(1), Some(1));
        assert_eq!(queue.take(2), None);
    }

    #[test]
    fn a_key_marked_during_its_pass_gets_another_one_after_it() {
        let mut queue = WorkQueue::new();
        queue.add(1);
        queue.take(1);
        queue.add(1);
        assert_eq!(queue.take(2), None);
        queue.done(1);
        assert_eq!(queue.take(1), Some(1));
    }

    #[test]
    fn failures_double_the_wait_up_to_a_thousand_seconds() {
        let mut queue = WorkQueue::new();
        assert_eq!(queue.back_off(1), Duration::from_millis(5));
        assert_eq!(queue.back_off(1), Duration::from_millis(10));
        for _ in 0..40 {
            queue.back_off(1);
        }
        assert_eq!(queue.back_off(1), Duration::from_secs(1_000));
        queue.forget(1);
        assert_eq!(queue.back_off(1), Duration::from_millis(5));
    }
}
