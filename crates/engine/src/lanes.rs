//! Lanes: entries that wait equally long come in the order in which they will go.
//!
//! Most of what waits in a simulation waits for one of a few spans: a probe's period, a start, a grace
//! period. Entries of one span, put while time goes on, are in order by themselves: a lane of them needs
//! neither a heap nor a sort. A span gets a lane when it comes a second time before it is forgotten.

use crate::Time;
use crate::buckets::Entry;
use std::collections::VecDeque;

/// As many lanes are looked at for every entry.
const LANES: usize = 8;
/// Spans without a lane that are remembered, as a power of two.
const REMEMBERED_BITS: u32 = 3;
/// Entries in a page of a lane. Tests take few.
const PAGE: usize = if cfg!(test) { 4 } else { 512 };

/// After every key there is.
pub(crate) const LAST: (Time, u64) = (Time::MAX, u64::MAX);

/// Entries of one span, in order.
#[derive(Clone, Debug)]
struct Lane<E> {
    span: i64,
    /// Key of the first entry; [`LAST`] if there is none.
    first: (Time, u64),
    /// Time of the last entry.
    last: Time,
    /// The first entries. If there are none, there are none at all.
    front: VecDeque<Entry<E>>,
    /// The entries after those, in pages, so that a long lane needs no room for twice as much.
    rest: VecDeque<VecDeque<Entry<E>>>,
}

impl<E> Lane<E> {
    const fn new(span: i64) -> Self {
        Self { span, first: LAST, last: Time::MIN, front: VecDeque::new(), rest: VecDeque::new() }
    }

    fn is_empty(&self) -> bool {
        self.front.is_empty()
    }

    #[inline(always)]
    fn push(&mut self, entry: Entry<E>) {
        self.last = entry.time;
        if self.rest.is_empty() && self.front.len() < PAGE {
            if self.front.is_empty() {
                self.first = entry.key();
            }
            self.front.push_back(entry);
            return;
        }
        match self.rest.back_mut() {
            Some(page) if page.len() < PAGE => page.push_back(entry),
            _ => {
                let mut page = VecDeque::with_capacity(PAGE);
                page.push_back(entry);
                self.rest.push_back(page);
            }
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry<E>> {
        let entry = self.front.pop_front()?;
        self.find_first();
        Some(entry)
    }

    #[inline]
    fn find_first(&mut self) {
        if self.front.is_empty()
            && let Some(page) = self.rest.pop_front()
        {
            self.front = page;
        }
        self.first = self.front.front().map_or(LAST, Entry::key);
    }
}

/// All lanes.
#[derive(Clone, Debug)]
pub(crate) struct Lanes<E> {
    lanes: Vec<Lane<E>>,
    /// The lane whose first entry is the first of all.
    best: usize,
    /// The lane that took the last entry.
    latest: usize,
    /// The least of the first keys of the others.
    second: (Time, u64),
    /// Spans that came lately and have no lane.
    remembered: [i64; 1 << REMEMBERED_BITS],
}

impl<E> Lanes<E> {
    pub(crate) const fn new() -> Self {
        Self { lanes: Vec::new(), best: 0, latest: 0, second: LAST, remembered: [i64::MIN; 1 << REMEMBERED_BITS] }
    }

    /// Takes an entry that is `span` away from the present, unless it has no lane or does not come in order.
    pub(crate) fn push(&mut self, entry: Entry<E>, span: i64) -> Result<(), Entry<E>> {
        // What is put often comes with the span of the one before.
        let is_latest = self.lanes.get(self.latest).is_some_and(|lane| lane.span == span);
        let found = if is_latest { Some(self.latest) } else { self.lanes.iter().position(|lane| lane.span == span) };
        let Some(number) = found.or_else(|| self.open(span)) else { return Err(entry) };
        self.latest = number;
        let key = entry.key();
        let lane = &mut self.lanes[number];
        if lane.is_empty() {
            lane.push(entry);
            self.becomes_first(number, key);
            return Ok(());
        }
        if entry.time < lane.last {
            return Err(entry);
        }
        lane.push(entry);
        Ok(())
    }

    /// A lane that had no entry has one.
    fn becomes_first(&mut self, number: usize, key: (Time, u64)) {
        let best = self.first();
        if number == self.best || key >= best {
            // The best one may have been empty itself, and behind the others.
            self.choose();
        } else {
            (self.best, self.second) = (number, best);
        }
    }

    /// Opens a lane for a span that is known from lately; answers which.
    fn open(&mut self, span: i64) -> Option<usize> {
        let mixed = span.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - REMEMBERED_BITS);
        let known = self.remembered.get_mut(usize::try_from(mixed).ok()?)?;
        if *known != span {
            *known = span;
            return None;
        }
        if self.lanes.len() < LANES {
            self.lanes.push(Lane::new(span));
            return Some(self.lanes.len() - 1);
        }
        let idle = self.lanes.iter().position(Lane::is_empty)?;
        self.lanes[idle].span = span;
        Some(idle)
    }

    /// Key of the first entry of all, [`LAST`] if there is none.
    #[inline]
    pub(crate) fn first(&self) -> (Time, u64) {
        self.lanes.get(self.best).map_or(LAST, |lane| lane.first)
    }

    pub(crate) fn peek(&self) -> Option<&Entry<E>> {
        self.lanes.get(self.best)?.front.front()
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Entry<E>> {
        let lane = self.lanes.get_mut(self.best)?;
        let entry = lane.pop();
        if lane.first > self.second {
            self.choose();
        }
        entry
    }

    fn choose(&mut self) {
        let (mut best, mut first, mut second) = (0, LAST, LAST);
        for (number, lane) in self.lanes.iter().enumerate() {
            if lane.first < first {
                (best, second, first) = (number, first, lane.first);
            } else {
                second = second.min(lane.first);
            }
        }
        (self.best, self.second) = (best, second);
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<E>> {
        self.lanes.iter().flat_map(|lane| lane.front.iter().chain(lane.rest.iter().flatten()))
    }

    /// Drops the entries that do not pass; answers how many are left.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Entry<E>) -> bool) -> usize {
        for lane in &mut self.lanes {
            lane.front.retain(&mut keep);
            lane.rest.iter_mut().for_each(|page| page.retain(&mut keep));
            lane.rest.retain(|page| !page.is_empty());
            lane.find_first();
        }
        self.choose();
        self.iter().count()
    }
}
