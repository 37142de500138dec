//! The engine under load that cancels: every entity has one timer, and a quarter of the timers that ring
//! move the timer of another entity.

use crate::hold::draw;
use std::collections::BTreeMap;
use std::time::Duration;
use wavetank_engine::{Digest, Queue, Ticket, Time};

/// Timers that can be taken back.
pub trait Rings {
    /// What takes a timer back.
    type Handle;
    /// Sets a timer.
    fn set(&mut self, at: Time, entity: usize) -> Self::Handle;
    /// Takes one back.
    fn take_back(&mut self, handle: &Self::Handle);
    /// The next timer that rings.
    fn ring(&mut self) -> Option<(Time, usize)>;
}

impl Rings for Queue<usize> {
    type Handle = Ticket;

    fn set(&mut self, at: Time, entity: usize) -> Ticket {
        self.schedule(at, entity)
    }

    fn take_back(&mut self, ticket: &Ticket) {
        self.cancel(*ticket);
    }

    fn ring(&mut self) -> Option<(Time, usize)> {
        self.pop()
    }
}

/// A tree of the standard library, to compare with: what is taken back is removed.
#[derive(Debug, Default)]
pub struct PlainTree {
    tree: BTreeMap<(Time, u64), usize>,
    sequence: u64,
}

impl Rings for PlainTree {
    type Handle = (Time, u64);

    fn set(&mut self, at: Time, entity: usize) -> (Time, u64) {
        let place = (at, self.sequence);
        self.sequence += 1;
        self.tree.insert(place, entity);
        place
    }

    fn take_back(&mut self, place: &(Time, u64)) {
        self.tree.remove(place);
    }

    fn ring(&mut self) -> Option<(Time, usize)> {
        self.tree.pop_first().map(|((at, _), entity)| (at, entity))
    }
}

/// Entities with a timer each.
#[derive(Debug)]
pub struct Timers<R: Rings> {
    rings: R,
    handles: Vec<R::Handle>,
    state: u64,
    digest: Digest,
}

impl<R: Rings> Timers<R> {
    /// So many entities.
    #[must_use]
    pub fn new(mut rings: R, entities: usize) -> Self {
        let mut state = 1;
        let handles = (0..entities).map(|entity| rings.set(Time::ZERO + wait(draw(&mut state)), entity)).collect();
        Self { rings, handles, state, digest: Digest::new() }
    }

    /// Lets so many timers ring; answers the digest of all so far.
    pub fn run(&mut self, events: u64) -> u128 {
        for _ in 0..events {
            let Some((now, entity)) = self.rings.ring() else { break };
            self.digest.word(now.as_nanos().cast_unsigned() ^ entity as u64);
            let drawn = draw(&mut self.state);
            self.set(now, entity, drawn);
            if drawn >> 62 == 0 {
                let others = self.handles.len() as u64;
                let other = usize::try_from(drawn % others).unwrap_or(entity);
                self.rings.take_back(&self.handles[other]);
                self.set(now, other, drawn.rotate_left(17));
            }
        }
        self.digest.value()
    }

    fn set(&mut self, now: Time, entity: usize, drawn: u64) {
        self.handles[entity] = self.rings.set(now + wait(drawn), entity);
    }
}

/// Mostly a period, else something between half a second and five.
fn wait(drawn: u64) -> Duration {
    let is_period = drawn & 3 != 0;
    Duration::from_nanos(if is_period { 10_000_000_000 } else { 500_000_000 + drawn % 4_500_000_000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_ring_as_those_of_a_plain_tree_do() {
        for entities in [10, 1_000, 20_000] {
            let ours = Timers::new(Queue::new(), entities).run(100_000);
            assert_eq!(ours, Timers::new(PlainTree::default(), entities).run(100_000), "{entities} entities");
        }
    }
}
