//! One pass of a controller: what it has seen and the replies so far go in, a plan comes out.
//!
//! Upstream's sync functions talk to the API server while they think, and what follows may depend on
//! a refusal. The pure function therefore takes the replies given so far and presumes success for the
//! rest: the usual pass is one call, and only a refusal makes [`drive`] call again with one more reply.

use crate::{EventRecord, Refusal};
use core::borrow::BorrowMut;
use core::marker::PhantomData;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Answer to one write. Writes without an answer yet are presumed to succeed in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// How many requests of the write succeeded (a write may stand for many equal ones).
    pub done: u32,
    /// Why the others were refused.
    pub refused: Option<Refusal>,
}

impl Reply {
    /// `done` requests succeeded and none was refused.
    #[must_use]
    pub const fn done(done: u32) -> Self {
        Self { done, refused: None }
    }

    /// None succeeded.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self { done: 0, refused: Some(refusal) }
    }
}

/// What a write starts from, so that a second write in a pass conflicts where upstream's does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base {
    /// The object as the controller has seen it: its resource version is the seen one.
    #[default]
    Cached,
    /// The server's answer to an earlier write of this pass, counted from 0.
    Written(usize),
    /// A fresh read of the live object, made just before the write.
    Fresh,
}

/// When the pass wants its key back although nothing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookAgain {
    /// Not at all.
    #[default]
    No,
    /// After a delay.
    After(Duration),
    /// As if it had failed.
    RateLimited,
}

/// Upstream's error return: the work queue puts the key back with its rate limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PassError {
    /// A write was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The controller met something that it cannot work with.
    #[error("{0}")]
    Stuck(Arc<str>),
}

/// What a pass decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan<W> {
    /// Writes, in order.
    pub writes: Vec<W>,
    /// Events, each with the number of writes that come before it.
    pub events: Vec<(usize, EventRecord)>,
    /// Upstream's error return.
    pub error: Option<PassError>,
    /// When to look again.
    pub look_again: LookAgain,
    /// What the next pass asks for if all that happens until then is what this one writes, and no time
    /// passes. It is only known where that pass is certain to write nothing, record nothing and meet no
    /// error, so whoever can tell that nothing else happened need not run it.
    #[serde(skip)]
    pub at_rest: Option<LookAgain>,
}

impl<W> Default for Plan<W> {
    fn default() -> Self {
        Self { writes: Vec::new(), events: Vec::new(), error: None, look_again: LookAgain::No, at_rest: None }
    }
}

impl<W> Plan<W> {
    /// Plans nothing any more, and keeps its room: passes are many, and their plans short.
    pub fn clear(&mut self) {
        self.writes.clear();
        self.events.clear();
        self.error = None;
        (self.look_again, self.at_rest) = (LookAgain::No, None);
    }
}

/// A pass under way: code reads like upstream, `let made = pass.put(write)?;`.
///
/// It has a plan of its own, or plans in the room of a former one.
#[derive(Debug)]
pub struct Pass<'a, W, P = Plan<W>> {
    replies: &'a [Reply],
    plan: P,
    of: PhantomData<W>,
}

/// A pass in the room of a former plan.
pub type PassInPlace<'a, W> = Pass<'a, W, &'a mut Plan<W>>;

impl<'a, W> Pass<'a, W> {
    /// A pass that knows these replies.
    #[must_use]
    pub fn new(replies: &'a [Reply]) -> Self {
        Self { replies, plan: Plan::default(), of: PhantomData }
    }

    /// The plan, with upstream's error return.
    #[must_use]
    pub fn end(mut self, result: Result<(), PassError>) -> Plan<W> {
        self.plan.error = result.err();
        self.plan
    }
}

impl<'a, W> PassInPlace<'a, W> {
    /// A pass that knows these replies and plans in the room of a former plan.
    #[must_use]
    pub fn in_place_of(replies: &'a [Reply], former: &'a mut Plan<W>) -> Self {
        former.clear();
        Self { replies, plan: former, of: PhantomData }
    }

    /// The plan is made, with upstream's error return.
    pub fn close(self, result: Result<(), PassError>) {
        if let Err(error) = result {
            self.plan.error = Some(error);
        }
    }
}

impl<W, P: BorrowMut<Plan<W>>> Pass<'_, W, P> {
    fn plan(&mut self) -> &mut Plan<W> {
        self.plan.borrow_mut()
    }

    /// Makes a write that stands for one request; answers its number, or the refusal.
    ///
    /// # Errors
    /// The refusal, if the write was answered with one.
    pub fn put(&mut self, write: W) -> Result<usize, Refusal> {
        let number = self.writes();
        self.plan().writes.push(write);
        match self.replies.get(number).and_then(|reply| reply.refused.as_ref()) {
            None => Ok(number),
            Some(refusal) => Err(refusal.clone()),
        }
    }

    /// Makes a write that stands for `count` equal requests.
    pub fn put_many(&mut self, write: W, count: u32) -> Reply {
        let number = self.writes();
        self.plan().writes.push(write);
        self.replies.get(number).cloned().unwrap_or(Reply::done(count))
    }

    /// Writes made so far.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.plan.borrow().writes.len()
    }

    /// Records an event after the writes made so far.
    pub fn record(&mut self, event: EventRecord) {
        let after = self.writes();
        self.plan().events.push((after, event));
    }

    /// Asks for another look, unless one was asked for.
    pub fn look_again(&mut self, look_again: LookAgain) {
        self.plan().look_again = look_again;
    }

    /// States that the next pass would do nothing but ask for this, see [`Plan::at_rest`].
    pub fn rest(&mut self, look_again: LookAgain) {
        self.plan().at_rest = Some(look_again);
    }

    /// Whether nothing was written or recorded so far.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let plan = self.plan.borrow();
        plan.writes.is_empty() && plan.events.is_empty()
    }
}

/// Carries out a pass: plans, applies each write, and plans again only after a refusal.
///
/// `apply` gets the number of the write and the write.
pub fn drive<W>(mut plan: impl FnMut(&[Reply]) -> Plan<W>, mut apply: impl FnMut(usize, &W) -> Reply) -> Plan<W> {
    let mut replies = Vec::new();
    let mut current = plan(&replies);
    while let Some(write) = current.writes.get(replies.len()) {
        let reply = apply(replies.len(), write);
        let again = reply.refused.is_some();
        replies.push(reply);
        if again {
            current = plan(&replies);
        }
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greedy(replies: &[Reply]) -> Plan<&'static str> {
        let mut pass = Pass::new(replies);
        let result = match pass.put("first") {
            Ok(_) => pass.put("second").map(|_| ()).map_err(PassError::from),
            Err(_) => pass.put("instead").map(|_| ()).map_err(PassError::from),
        };
        pass.end(result)
    }

    #[test]
    fn without_a_refusal_the_pass_is_planned_once() {
        let mut planned = 0;
        let plan = drive(
            |replies| {
                planned += 1;
                greedy(replies)
            },
            |_, _| Reply::done(1),
        );
        assert_eq!((planned, plan.writes), (1, vec!["first", "second"]));
    }

    #[test]
    fn a_refusal_changes_what_follows_it() {
        let plan =
            drive(
                greedy,
                |number, _| {
                    if number == 0 { Reply::refused(Refusal::conflict("things", "a")) } else { Reply::done(1) }
                },
            );
        assert_eq!(plan.writes, ["first", "instead"]);
        assert_eq!(plan.error, None);
    }
}
