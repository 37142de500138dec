//! The event queue: everything that will happen waits here, in the order of (time, insertion).
//!
//! That order is total, so what happens first never depends on the shape of what holds the events.
//! Cancelling leaves the place in the order where it is and takes only the event out of its slot: a timer
//! that is moved costs no search, and dead places are swept once they outnumber the living. Most events
//! are never cancelled; they need no slot.

use crate::Time;
use crate::agenda::Agenda;
use crate::buckets::Entry;
use core::fmt;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dead place costs no more than a living one, so sweeping fewer than these is not worth the pass.
const SWEEP_AT_LEAST: usize = 64;

/// Names one scheduled event, to cancel it.
///
/// A ticket stays unique for the life of its queue, so one that has been used up cancels nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    sequence: u64,
    slot: usize,
}

/// What a slot holds, and for which ticket.
#[derive(Clone, Debug)]
struct Slot<E> {
    /// Of the last event that was put here.
    sequence: u64,
    event: Option<E>,
}

/// What waits in the agenda: the event itself, or where it is kept so that it can be cancelled.
#[derive(Clone, Debug)]
enum Waiting<E> {
    Event(E),
    InSlot(usize),
}

/// Events in the order of (time, insertion).
///
/// ```
/// use wavetank_engine::{Queue, Time};
///
/// let mut queue = Queue::new();
/// queue.schedule(Time::from_seconds(2), "second");
/// let probe = queue.schedule(Time::from_seconds(1), "never");
/// queue.schedule(Time::from_seconds(1), "first");
/// assert_eq!(queue.cancel(probe), Some("never"));
/// assert_eq!(queue.pop(), Some((Time::from_seconds(1), "first")));
/// assert_eq!(queue.pop(), Some((Time::from_seconds(2), "second")));
/// assert_eq!(queue.pop(), None);
/// ```
#[derive(Clone)]
pub struct Queue<E> {
    agenda: Agenda<Waiting<E>>,
    slots: Vec<Slot<E>>,
    free: Vec<usize>,
    /// Places in the agenda whose events have been cancelled.
    dead: usize,
    /// Of the next event.
    sequence: u64,
}

impl<E> Queue<E> {
    /// A queue without events.
    #[must_use]
    pub const fn new() -> Self {
        Self { agenda: Agenda::new(), slots: Vec::new(), free: Vec::new(), dead: 0, sequence: 0 }
    }

    /// Puts an event behind all that are due at the same instant; it will not be cancelled.
    ///
    /// The queue knows no present: an event of the past is the next to pop, and clamping it is up to the
    /// caller.
    pub fn put(&mut self, at: Time, event: E) {
        let sequence = self.next_sequence();
        self.agenda.push(Entry { time: at, sequence, event: Waiting::Event(event) });
    }

    const fn next_sequence(&mut self) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        sequence
    }

    /// Puts an event like [`Self::put`]; the ticket cancels it, for which it takes more room.
    pub fn schedule(&mut self, at: Time, event: E) -> Ticket {
        let sequence = self.next_sequence();
        let filled = Slot { sequence, event: Some(event) };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot] = filled;
            slot
        } else {
            self.slots.push(filled);
            self.slots.len() - 1
        };
        self.agenda.push(Entry { time: at, sequence, event: Waiting::InSlot(slot) });
        Ticket { sequence, slot }
    }

    /// Takes back an event; `None` if it has popped or has been cancelled.
    ///
    /// Constant time, save for a sweep now and then that is paid for by the cancellations before it.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<E> {
        let event = self.take(ticket.slot, ticket.sequence)?;
        self.dead += 1;
        self.sweep();
        Some(event)
    }

    /// Takes out the next event and when it is due.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        while let Some(Entry { time, sequence, event }) = self.agenda.pop() {
            let event = match event {
                Waiting::Event(event) => Some(event),
                Waiting::InSlot(slot) => self.take(slot, sequence),
            };
            if let Some(event) = event {
                return Some((time, event));
            }
            self.dead -= 1;
        }
        None
    }

    /// Takes out the next event if it is due by now.
    #[inline]
    pub fn pop_due(&mut self, now: Time) -> Option<E> {
        while let Some(Entry { sequence, event, .. }) = self.agenda.pop_due(now) {
            let event = match event {
                Waiting::Event(event) => Some(event),
                Waiting::InSlot(slot) => self.take(slot, sequence),
            };
            if event.is_some() {
                return event;
            }
            self.dead -= 1;
        }
        None
    }

    /// When the next event is due.
    ///
    /// Drops the places of cancelled events on its way, which is why it borrows mutably.
    pub fn next_time(&mut self) -> Option<Time> {
        while let Some(entry) = self.agenda.peek() {
            let time = entry.time;
            if event(&self.slots, entry).is_some() {
                return Some(time);
            }
            self.agenda.pop();
            self.dead -= 1;
        }
        None
    }

    /// Whether the event of a ticket still waits.
    #[must_use]
    pub fn is_pending(&self, ticket: Ticket) -> bool {
        self.slots.get(ticket.slot).is_some_and(|slot| slot.sequence == ticket.sequence && slot.event.is_some())
    }

    /// Number of events that wait; cancelled ones do not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.agenda.len() - self.dead
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All waiting events in the order in which they will pop.
    ///
    /// Sorts, so it is for people and tests: for saying what is pending when a wait gives up.
    #[must_use]
    pub fn pending(&self) -> Vec<(Time, &E)> {
        self.in_order().into_iter().map(|(entry, event)| (entry.time, event)).collect()
    }

    fn in_order(&self) -> Vec<(&Entry<Waiting<E>>, &E)> {
        let mut living: Vec<_> =
            self.agenda.iter().filter_map(|entry| Some((entry, event(&self.slots, entry)?))).collect();
        living.sort_unstable_by_key(|(entry, _)| (entry.time, entry.sequence));
        living
    }

    fn take(&mut self, slot: usize, sequence: u64) -> Option<E> {
        let held = self.slots.get_mut(slot)?;
        if held.sequence != sequence {
            return None;
        }
        let event = held.event.take()?;
        self.free.push(slot);
        Some(event)
    }

    fn sweep(&mut self) {
        if self.dead < SWEEP_AT_LEAST || self.dead <= self.len() {
            return;
        }
        let slots = &self.slots;
        self.agenda.retain(|entry| event(slots, entry).is_some());
        self.dead = 0;
    }
}

/// The event of an entry, unless it was cancelled.
fn event<'a, E>(slots: &'a [Slot<E>], entry: &'a Entry<Waiting<E>>) -> Option<&'a E> {
    match &entry.event {
        Waiting::Event(event) => Some(event),
        Waiting::InSlot(slot) => {
            let slot = slots.get(*slot).filter(|slot| slot.sequence == entry.sequence)?;
            slot.event.as_ref()
        }
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: fmt::Debug> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.in_order()).finish()
    }
}

/// A queue as it is stored: living events in their order, so that equal queues are stored equally.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Queue")]
struct Image<E> {
    sequence: u64,
    /// Those that cannot be cancelled have no slot.
    events: Vec<(Time, u64, Option<usize>, E)>,
    free: Vec<usize>,
}

impl<E: Serialize> Serialize for Queue<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slot = |waiting: &Waiting<E>| match waiting {
            Waiting::Event(_) => None,
            Waiting::InSlot(slot) => Some(*slot),
        };
        let image = |(entry, event): (&Entry<Waiting<E>>, _)| (entry.time, entry.sequence, slot(&entry.event), event);
        let events = self.in_order().into_iter().map(image).collect();
        Image { sequence: self.sequence, events, free: self.free.clone() }.serialize(serializer)
    }
}

impl<'de, E: Deserialize<'de>> Deserialize<'de> for Queue<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let image = Image::deserialize(deserializer)?;
        let len = image.events.iter().filter(|(_, _, slot, _)| slot.is_some()).count() + image.free.len();
        let mut slots: Vec<Option<Slot<E>>> = (0..len).map(|_| None).collect();
        let mut agenda = Agenda::new();
        let mut place = |at: usize, slot: Slot<E>| match slots.get_mut(at) {
            Some(place @ None) => {
                *place = Some(slot);
                Ok(())
            }
            Some(Some(_)) | None => Err(D::Error::custom("a slot of the queue is out of range or taken twice")),
        };
        for (time, sequence, slot, event) in image.events {
            if sequence >= image.sequence {
                return Err(D::Error::custom("an event of the queue is newer than the queue"));
            }
            let event = match slot {
                None => Waiting::Event(event),
                Some(slot) => {
                    place(slot, Slot { sequence, event: Some(event) })?;
                    Waiting::InSlot(slot)
                }
            };
            agenda.push(Entry { time, sequence, event });
        }
        for &slot in &image.free {
            place(slot, Slot { sequence: 0, event: None })?;
        }
        let slots = slots.into_iter().flatten().collect();
        Ok(Self { agenda, slots, free: image.free, dead: 0, sequence: image.sequence })
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
