//! Requests of a fluid that a pod refuses, and that go on to another.

use crate::Balancing;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wavetank_model::Uid;

/// How a fluid tries again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retries {
    attempts: u32,
    balancing: Balancing,
    /// Pods that refuse, with the weight with which the fluid goes to them.
    refusing: BTreeMap<Uid, u32>,
    /// The part of all requests that only meets pods that refuse.
    refused: f64,
    pods: usize,
    weight: u64,
}

/// Counts are far below 2³².
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// Weights are far below 2³².
fn weight(weight: u64) -> f64 {
    u32::try_from(weight).map_or(f64::MAX, f64::from)
}

impl Retries {
    pub(crate) const fn new(attempts: u32, balancing: Balancing) -> Self {
        Self { attempts, balancing, refusing: BTreeMap::new(), refused: 0.0, pods: 0, weight: 0 }
    }

    pub(crate) const fn are_on(&self) -> bool {
        self.attempts > 1
    }

    pub(crate) fn refuses(&mut self, pod: Uid, weight: u32) {
        if let Some(old) = self.refusing.insert(pod, weight) {
            self.weight -= u64::from(old);
        }
        self.weight += u64::from(weight);
    }

    pub(crate) fn forget(&mut self, pod: Uid, weight: u32) {
        if self.refusing.remove(&pod).is_some() {
            self.weight -= u64::from(weight);
        }
    }

    /// Those whose places matter.
    pub(crate) fn refusing(&self) -> impl Iterator<Item = Uid> {
        let wanted = self.are_on();
        self.refusing.keys().copied().filter(move |_| wanted)
    }

    /// Something changed: at these places of so many stand the pods that refuse.
    pub(crate) fn look(&mut self, places: &[usize], pods: usize) {
        self.pods = pods;
        self.refused = match self.refusing.len() {
            0 => 0.0,
            _ if !self.are_on() || places.len() == pods => 1.0,
            few => match self.balancing {
                Balancing::Random => at_random(few, pods, self.attempts),
                Balancing::RoundRobin => {
                    // In one round each pod that answers does so once, and each run of refusals as long as there
                    // are attempts is one request lost.
                    let attempts = usize::try_from(self.attempts).unwrap_or(usize::MAX);
                    let lost: usize = runs(places, pods).into_iter().map(|run| run / attempts).sum();
                    number(lost) / number(lost + pods - few)
                }
                Balancing::Weighted | Balancing::LeastConnections => 0.0,
            },
        };
    }

    /// The part of all requests that a pod answers for each weight of 1, all weights summing up to `total`.
    pub(crate) fn part_of_weight(&self, total: u64) -> f64 {
        if total == 0 {
            0.0
        } else if !self.are_on() {
            1.0 / weight(total)
        } else if total == self.weight {
            0.0
        } else {
            (1.0 - self.refused) / weight(total - self.weight)
        }
    }

    /// The part of all requests that is lost for each weight of 1 of the pods that refuse.
    pub(crate) fn part_of_refusal(&self, total: u64) -> f64 {
        if !self.are_on() {
            self.part_of_weight(total)
        } else if self.weight == 0 {
            0.0
        } else {
            self.refused / weight(self.weight)
        }
    }

    /// The part of requests lost in flight that finds only pods that refuse among so many others.
    pub(crate) fn refused_again(&self, others: usize) -> f64 {
        let few = self.refusing.len().min(others);
        if others == 0 { 1.0 } else { at_random(few, others, self.attempts - 1) }
    }
}

/// The chance to draw only refusals in so many attempts, none twice.
fn at_random(few: usize, pods: usize, attempts: u32) -> f64 {
    if few >= pods {
        return 1.0;
    }
    let attempts = usize::try_from(attempts).unwrap_or(usize::MAX).min(few + 1);
    (0..attempts).map(|before| number(few - before.min(few)) / number(pods - before)).product()
}

/// Lengths of the runs of neighbours in a circle, given places in ascending order that are not all.
fn runs(places: &[usize], pods: usize) -> Vec<usize> {
    let taken: BTreeSet<usize> = places.iter().copied().collect();
    let before = |place: usize| if place == 0 { pods - 1 } else { place - 1 };
    let starts = places.iter().filter(|place| !taken.contains(&before(**place)));
    starts.map(|start| (0..pods).take_while(|step| taken.contains(&((start + step) % pods))).count()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_of_five_meet_two_refusals_once_in_ten() {
        assert!((at_random(2, 5, 2) - 0.1).abs() < 1e-12);
        assert!(at_random(2, 5, 3).abs() < 1e-12);
        assert!((at_random(5, 5, 3) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn neighbours_are_counted_around_the_end() {
        assert_eq!(runs(&[0, 1, 3, 5], 6), [1, 3]);
        assert_eq!(runs(&[2], 3), [1]);
    }
}
