//! A set of pods from which one is picked for each connection.

use crate::Balancing;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wavetank_engine::Stream;
use wavetank_model::Uid;

/// What a weight is divided into: a step of a pod of weight 1.
const STRIDE: u64 = 1 << 32;

/// Pods in the order in which they came, for as long as none goes, and ranked if the balancing asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pool {
    members: Vec<Uid>,
    places: BTreeMap<Uid, usize>,
    cursor: usize,
    /// For balancing by rank: rank, turn of the last pick, pod.
    ranks: BTreeSet<(u64, u64, Uid)>,
    ranked: BTreeMap<Uid, (u64, u64, u32)>,
    turn: u64,
}

impl Pool {
    pub(crate) fn members(&self) -> &[Uid] {
        &self.members
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn contains(&self, pod: Uid) -> bool {
        self.places.contains_key(&pod)
    }

    /// Where a pod stands among the members.
    pub(crate) fn place(&self, pod: Uid) -> Option<usize> {
        self.places.get(&pod).copied()
    }

    /// Puts a pod in, or gives it another weight. `connections` it has already.
    pub(crate) fn insert(&mut self, pod: Uid, balancing: Balancing, weight: u32, connections: u64) {
        if !self.contains(pod) {
            self.places.insert(pod, self.members.len());
            self.members.push(pod);
        }
        if balancing.is_ranked() {
            let rank = match balancing {
                Balancing::LeastConnections => connections,
                // Whoever comes late gets no arrears: it starts where the others are.
                Balancing::Random | Balancing::RoundRobin | Balancing::Weighted => {
                    self.ranks.first().map_or(0, |(rank, ..)| *rank)
                }
            };
            let (rank, turn) = self.ranked.get(&pod).map_or((rank, self.turn), |(rank, turn, _)| (*rank, *turn));
            self.ranks.insert((rank, turn, pod));
            self.ranked.insert(pod, (rank, turn, weight));
        }
    }

    pub(crate) fn remove(&mut self, pod: Uid) {
        let Some(place) = self.places.remove(&pod) else { return };
        self.members.swap_remove(place);
        if let Some(moved) = self.members.get(place) {
            self.places.insert(*moved, place);
        }
        if let Some((rank, turn, _)) = self.ranked.remove(&pod) {
            self.ranks.remove(&(rank, turn, pod));
        }
    }

    /// A connection to a pod was opened or closed.
    pub(crate) fn count(&mut self, pod: Uid, balancing: Balancing, opened: bool) {
        if balancing != Balancing::LeastConnections {
            return;
        }
        let Some((rank, turn, weight)) = self.ranked.get(&pod).copied() else { return };
        let rank_now = if opened { rank + 1 } else { rank.saturating_sub(1) };
        self.rank(pod, (rank, turn), (rank_now, turn, weight));
    }

    fn rank(&mut self, pod: Uid, old: (u64, u64), new: (u64, u64, u32)) {
        self.ranks.remove(&(old.0, old.1, pod));
        self.ranks.insert((new.0, new.1, pod));
        self.ranked.insert(pod, new);
    }

    /// Picks a pod that is not among those already tried, if another is there.
    pub(crate) fn pick(&mut self, balancing: Balancing, stream: &mut Stream, tried: &[Uid]) -> Option<Uid> {
        let fresh = self.members.len() > tried.iter().filter(|pod| self.contains(**pod)).count();
        // All were tried: any will do. Otherwise few were, so few picks are made in vain.
        loop {
            let pod = self.pick_any(balancing, stream, if fresh { tried } else { &[] })?;
            if !fresh || !tried.contains(&pod) {
                return Some(pod);
            }
        }
    }

    fn pick_any(&mut self, balancing: Balancing, stream: &mut Stream, avoid: &[Uid]) -> Option<Uid> {
        if self.members.is_empty() {
            return None;
        }
        match balancing {
            Balancing::Random => {
                let index = stream.below(u64::try_from(self.members.len()).unwrap_or(u64::MAX));
                self.members.get(usize::try_from(index).unwrap_or(0)).copied()
            }
            Balancing::RoundRobin => {
                let index = self.cursor % self.members.len();
                self.cursor = index + 1;
                self.members.get(index).copied()
            }
            Balancing::Weighted | Balancing::LeastConnections => {
                let (rank, turn, pod) = *self.ranks.iter().find(|(.., pod)| !avoid.contains(pod))?;
                let (.., weight) = *self.ranked.get(&pod)?;
                self.turn += 1;
                let step = if balancing == Balancing::Weighted { STRIDE / u64::from(weight.max(1)) } else { 0 };
                self.rank(pod, (rank, turn), (rank.saturating_add(step), self.turn, weight));
                Some(pod)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavetank_engine::{Seed, Streams};

    fn picks(balancing: Balancing, weights: &[u32], times: usize) -> Vec<usize> {
        let mut pool = Pool::default();
        for (index, weight) in (0..).zip(weights) {
            pool.insert(Uid(index), balancing, *weight, 0);
        }
        let mut stream = Streams::new(Seed(1)).stream("picks");
        let mut counts = vec![0; weights.len()];
        for _ in 0..times {
            let pod = pool.pick(balancing, &mut stream, &[]).expect("the pool is not empty");
            counts[usize::try_from(pod.0).expect("few pods")] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_gives_each_the_same() {
        assert_eq!(picks(Balancing::RoundRobin, &[1, 1, 1], 9), [3, 3, 3]);
    }

    #[test]
    fn weights_are_kept_to_the_request() {
        assert_eq!(picks(Balancing::Weighted, &[1, 3], 400), [100, 300]);
    }

    #[test]
    fn the_least_connections_take_turns_when_equal() {
        assert_eq!(picks(Balancing::LeastConnections, &[1, 1], 10), [5, 5]);
        let mut pool = Pool::default();
        let mut stream = Streams::new(Seed(1)).stream("picks");
        pool.insert(Uid(1), Balancing::LeastConnections, 1, 0);
        pool.insert(Uid(2), Balancing::LeastConnections, 1, 0);
        pool.count(Uid(1), Balancing::LeastConnections, true);
        assert_eq!(pool.pick(Balancing::LeastConnections, &mut stream, &[]), Some(Uid(2)));
        assert_eq!(pool.pick(Balancing::LeastConnections, &mut stream, &[]), Some(Uid(2)));
    }

    #[test]
    fn a_pod_that_goes_is_picked_no_more() {
        let mut pool = Pool::default();
        let mut stream = Streams::new(Seed(1)).stream("picks");
        for balancing in [Balancing::Random, Balancing::RoundRobin, Balancing::Weighted, Balancing::LeastConnections] {
            for pod in 0..5 {
                pool.insert(Uid(pod), balancing, 1, 0);
            }
            pool.remove(Uid(2));
            assert!((0..50).all(|_| pool.pick(balancing, &mut stream, &[]) != Some(Uid(2))));
            (0..5).for_each(|pod| pool.remove(Uid(pod)));
            assert_eq!(pool.pick(balancing, &mut stream, &[]), None);
        }
    }

    #[test]
    fn a_retry_goes_elsewhere_if_there_is_an_elsewhere() {
        let mut pool = Pool::default();
        let mut stream = Streams::new(Seed(1)).stream("picks");
        pool.insert(Uid(1), Balancing::Random, 1, 0);
        assert_eq!(pool.pick(Balancing::Random, &mut stream, &[Uid(1)]), Some(Uid(1)));
        pool.insert(Uid(2), Balancing::Random, 1, 0);
        assert!((0..20).all(|_| pool.pick(Balancing::Random, &mut stream, &[Uid(1)]) == Some(Uid(2))));
    }
}
