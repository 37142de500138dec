//! An event queue in a steady state: the earliest event is popped and its successor put in.
//!
//! Three events in four are probes that come again after ten seconds; one is followed by something
//! that takes between half a second and five. For every ten thousand there is a tick of an autoscaler.

use core::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use wavetank_engine::{Digest, Queue, Time};

/// A queue as the workload uses it.
pub trait Waiting {
    /// Puts an event in.
    fn put(&mut self, at: Time, event: u64);
    /// Takes the earliest one, of equal ones the first put in.
    fn pop(&mut self) -> Option<(Time, u64)>;
}

impl Waiting for Queue<u64> {
    fn put(&mut self, at: Time, event: u64) {
        Self::put(self, at, event);
    }

    fn pop(&mut self) -> Option<(Time, u64)> {
        Self::pop(self)
    }
}

/// The plain heap of the standard library, to compare with.
#[derive(Debug, Default)]
pub struct PlainHeap {
    heap: BinaryHeap<Reverse<(Time, u64, u64)>>,
    sequence: u64,
}

impl Waiting for PlainHeap {
    fn put(&mut self, at: Time, event: u64) {
        self.heap.push(Reverse((at, self.sequence, event)));
        self.sequence += 1;
    }

    fn pop(&mut self) -> Option<(Time, u64)> {
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

/// A queue under the workload.
#[derive(Debug)]
pub struct Hold<Q> {
    queue: Q,
    state: u64,
    digest: Digest,
}

impl<Q: Waiting> Hold<Q> {
    /// With so many events pending.
    #[must_use]
    pub fn new(mut queue: Q, pending: u64) -> Self {
        let mut state = 1;
        for event in 0..pending {
            let at = Duration::from_nanos(draw(&mut state) % 10_000_000_000);
            queue.put(Time::ZERO + at, event);
        }
        Self { queue, state, digest: Digest::new() }
    }

    /// Pops so many events, each followed by its successor; answers the digest of all so far.
    pub fn run(&mut self, events: u64) -> u128 {
        for _ in 0..events {
            let Some((now, event)) = self.queue.pop() else { break };
            self.digest.word(now.as_nanos().cast_unsigned() ^ event);
            let drawn = draw(&mut self.state);
            let wait = match (event % 10_000, drawn >> 62) {
                (0, _) => 15_000_000_000,
                (_, 0) => 500_000_000 + drawn % 4_500_000_000,
                _ => 10_000_000_000,
            };
            self.queue.put(now + Duration::from_nanos(wait), event);
        }
        self.digest.value()
    }
}

pub(crate) fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_pops_what_a_plain_heap_pops() {
        for pending in [10, 1_000, 20_000] {
            let ours = Hold::new(Queue::new(), pending).run(100_000);
            assert_eq!(ours, Hold::new(PlainHeap::default(), pending).run(100_000), "{pending} pending");
        }
    }
}
