//! Pods whose capacity is limited, under a fluid: how long what arrives waits.
//!
//! A pod that serves `c` requests at a time, each in `S`, works off `c / S` a second. What comes beyond that
//! waits, first come first served, so the wait of a new arrival grows by the second times the excess in parts of
//! the capacity, and shrinks likewise; it never falls below nothing, and never rises above the longest time that
//! anybody waits for an answer, since whoever gives up leaves the line. Between two changes that is a straight
//! line with a bend, so the time for which a wait is short enough is one division.
//!
//! Pods with the same capacity that get the same part of the same fluids, and whose waits are equal, are one
//! [`Backlog`], so a change costs as much for a hundred thousand of them as for one.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wavetank_model::Uid;

/// How a pod with limited capacity works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Works {
    /// The time that it takes for a request.
    pub(crate) service_time: Duration,
    /// How many it serves at a time.
    pub(crate) capacity: u32,
}

impl Works {
    /// Requests that it can serve in a second.
    fn per_second(self) -> f64 {
        f64::from(self.capacity) / self.service_time.as_secs_f64()
    }
}

/// Pods that are in every respect alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Backlog {
    works: Works,
    /// The weight with which each fluid goes to each of these pods.
    weights: BTreeMap<usize, u32>,
    /// Seconds until what arrives now is taken up.
    wait: f64,
    pods: u64,
}

/// What one fluid sends to a pod of weight 1, and how long it waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inflow {
    /// Requests per second.
    pub(crate) per_weight: f64,
    /// How long its requests wait for an answer, in seconds; none: for ever.
    pub(crate) patience: Option<f64>,
}

/// The wait of a backlog during a span of time in which nothing else changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    from: f64,
    /// Seconds of wait per second.
    slope: f64,
    service_time: f64,
    /// The part of what comes that the pods have the capacity for.
    pub(crate) can_serve: f64,
}

impl Stretch {
    /// In which part of a span of so many seconds the answer to a new arrival comes within its timeout.
    pub(crate) fn part_in_time(self, timeout: Duration, span: f64) -> f64 {
        self.part_within(timeout.as_secs_f64() - self.service_time, span)
    }

    /// In which part of a span of so many seconds the wait is no longer than a limit.
    fn part_within(self, limit: f64, span: f64) -> f64 {
        if self.slope > 0.0 {
            if self.from > limit { 0.0 } else { ((limit - self.from) / self.slope / span).min(1.0) }
        } else if self.from <= limit {
            1.0
        } else if self.slope < 0.0 {
            (1.0 - (self.from - limit) / -self.slope / span).max(0.0)
        } else {
            0.0
        }
    }
}

/// All backlogs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Backlogs {
    all: BTreeMap<u32, Backlog>,
    next: u32,
    of_pod: BTreeMap<Uid, u32>,
    /// Backlogs that became one with another.
    merged: BTreeMap<u32, u32>,
}

impl Backlogs {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The number under which a backlog goes on.
    pub(crate) fn current(&self, mut number: u32) -> u32 {
        while let Some(into) = self.merged.get(&number) {
            number = *into;
        }
        number
    }

    /// A fluid goes to a pod with a weight from now on, or no longer. Answers the pod's backlog, if it has one: a
    /// pod of which it is not said how it works goes on as before.
    pub(crate) fn set(&mut self, pod: Uid, works: Option<Works>, fluid: usize, weight: Option<u32>) -> Option<u32> {
        let old = self.leave(pod);
        let works = works.or(old.as_ref().map(|old| old.works))?;
        let (mut weights, wait) = old.map_or_else(Default::default, |old| {
            // The line stays as it is; it moves at another pace.
            (old.weights, old.wait * old.works.per_second() / works.per_second())
        });
        match weight {
            Some(weight) => drop(weights.insert(fluid, weight)),
            None => drop(weights.remove(&fluid)),
        }
        Some(self.enter(pod, Backlog { works, weights, wait, pods: 1 }))
    }

    /// A pod has ended; answers how many requests stood in its line or were being served, if it had a line.
    pub(crate) fn end(&mut self, pod: Uid) -> Option<f64> {
        let old = self.leave(pod)?;
        (old.wait > 0.0).then(|| old.wait * old.works.per_second() + f64::from(old.works.capacity))
    }

    #[cfg(test)]
    fn wait_of(&self, pod: Uid) -> Option<f64> {
        let number = self.current(*self.of_pod.get(&pod)?);
        Some(self.all.get(&number)?.wait)
    }

    fn leave(&mut self, pod: Uid) -> Option<Backlog> {
        let number = self.of_pod.remove(&pod)?;
        let number = self.current(number);
        let backlog = self.all.get_mut(&number)?;
        let left = backlog.clone();
        backlog.pods -= 1;
        if backlog.pods == 0 {
            self.all.remove(&number);
        }
        Some(left)
    }

    fn enter(&mut self, pod: Uid, backlog: Backlog) -> u32 {
        let like = self.all.iter().find(|(_, other)| is_alike(other, &backlog)).map(|(number, _)| *number);
        let number = like.unwrap_or_else(|| {
            self.next += 1;
            self.all.insert(self.next, Backlog { pods: 0, ..backlog });
            self.next
        });
        if let Some(backlog) = self.all.get_mut(&number) {
            backlog.pods += 1;
        }
        self.of_pod.insert(pod, number);
        number
    }

    /// Lets a span pass; answers how each wait went. Numbers stay good until [`Self::merge`].
    pub(crate) fn pass(&mut self, span: f64, inflows: &BTreeMap<usize, Inflow>) -> BTreeMap<u32, Stretch> {
        let mut stretches = BTreeMap::new();
        for (number, backlog) in &mut self.all {
            let (mut comes, mut longest) = (0.0, Some(0.0_f64));
            for (fluid, weight) in &backlog.weights {
                let Some(inflow) = inflows.get(fluid) else { continue };
                comes += inflow.per_weight * f64::from(*weight);
                longest = longest.zip(inflow.patience).map(|(longest, patience)| longest.max(patience));
            }
            let mut slope = comes / backlog.works.per_second() - 1.0;
            let can_serve = if slope > 0.0 { 1.0 / (slope + 1.0) } else { 1.0 };
            let from = backlog.wait;
            let (least, most) = (0.0, longest.unwrap_or(f64::MAX).max(from));
            if (from <= least && slope < 0.0) || (from >= most && slope > 0.0) {
                slope = 0.0;
            }
            let service_time = backlog.works.service_time.as_secs_f64();
            stretches.insert(*number, Stretch { from, slope, service_time, can_serve });
            backlog.wait = (from + slope * span).clamp(least, most);
        }
        stretches
    }

    /// Makes one of backlogs that have become alike; answers which went into which.
    pub(crate) fn merge(&mut self) -> Vec<(u32, u32)> {
        let mut gone = Vec::new();
        let numbers: Vec<u32> = self.all.keys().copied().collect();
        for (index, number) in numbers.iter().enumerate() {
            let Some(backlog) = self.all.get(number) else { continue };
            let into = numbers[..index].iter().find(|other| {
                let other = self.all.get(*other);
                other.is_some_and(|other| is_alike(other, backlog))
            });
            if let Some(into) = into.copied() {
                gone.push((*number, into));
                let pods = backlog.pods;
                self.all.remove(number);
                self.merged.insert(*number, into);
                if let Some(into) = self.all.get_mut(&into) {
                    into.pods += pods;
                }
            }
        }
        gone
    }
}

fn is_alike(left: &Backlog, right: &Backlog) -> bool {
    // Bends are exact: a wait that has run out is nothing, and one that is as long as can be is that long.
    left.works == right.works && left.weights == right.weights && left.wait.to_bits() == right.wait.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKS: Works = Works { service_time: Duration::from_millis(100), capacity: 2 };

    fn inflow(per_weight: f64) -> BTreeMap<usize, Inflow> {
        [(0, Inflow { per_weight, patience: Some(4.0) })].into()
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn a_wait_grows_by_the_excess_up_to_the_patience_and_shrinks_to_nothing() {
        let mut backlogs = Backlogs::default();
        backlogs.set(Uid(1), Some(WORKS), 0, Some(1));
        // Twenty a second can be served, thirty come: half a second of wait each second.
        let stretch = backlogs.pass(2.0, &inflow(30.0)).into_values().next().expect("there is one");
        assert!(close(stretch.part_within(0.5, 2.0), 0.5));
        assert!(close(backlogs.wait_of(Uid(1)).expect("it waits"), 1.0));
        backlogs.pass(100.0, &inflow(30.0));
        assert!(close(backlogs.wait_of(Uid(1)).expect("it waits"), 4.0));
        let stretch = backlogs.pass(8.0, &inflow(10.0)).into_values().next().expect("there is one");
        assert!(close(stretch.part_within(1.0, 8.0), 0.25));
        assert!(close(backlogs.wait_of(Uid(1)).expect("it waits"), 0.0));
        assert_eq!(backlogs.end(Uid(1)), None, "nobody waited");
    }

    #[test]
    fn pods_that_are_alike_are_one() {
        let mut backlogs = Backlogs::default();
        (0..100).for_each(|pod| assert!(backlogs.set(Uid(pod), Some(WORKS), 0, Some(1)).is_some()));
        assert_eq!(backlogs.all.len(), 1);
        backlogs.pass(1.0, &inflow(30.0));
        backlogs.set(Uid(100), Some(WORKS), 0, Some(1));
        assert_eq!(backlogs.all.len(), 2, "the new one has no line yet");
        backlogs.pass(100.0, &inflow(10.0));
        assert_eq!(backlogs.merge().len(), 1);
        assert_eq!((backlogs.all.len(), backlogs.wait_of(Uid(3))), (1, backlogs.wait_of(Uid(100))));
    }
}
