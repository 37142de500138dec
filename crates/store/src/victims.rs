//! Pods of a cohort in the order in which a scale-down takes them.
//!
//! Upstream's order is: unassigned, phase, readiness, deletion cost, crowding on the node, time ready
//! (by power of two of its age, then uid), restarts, age (likewise). Everything up to the deletion
//! cost is a *group*; within a group pods are kept by node, because crowding belongs to the node;
//! within a node by the facts that never change by themselves. A power of two of an age is a
//! contiguous range of times, so nothing is re-keyed because time passed.
//!
//! Source: `pkg/controller/controller_utils.go`, `ActivePodsWithRanks.Less`.

use core::cmp::{Ordering, Reverse};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BinaryHeap};
use wavetank_engine::Time;
use wavetank_model::{Phase, PodFacts, PodKey, Uid};

/// What is compared before crowding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Group {
    bound: bool,
    phase: Phase,
    ready: bool,
    deletion_cost: i32,
}

/// What is compared after crowding, youngest readiness first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Class {
    ready_since: Reverse<Option<Time>>,
    restarts: Reverse<u32>,
    sidecar_restarts: Reverse<u32>,
    created: Reverse<Option<Time>>,
}

type Members = BTreeMap<Uid, PodFacts>;

/// Active pods of one cohort, in victim order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VictimOrder {
    groups: BTreeMap<Group, BTreeMap<Option<u32>, BTreeMap<Class, Members>>>,
}

const fn group(pod: &PodFacts) -> Group {
    Group { bound: pod.node.is_some(), phase: pod.phase, ready: pod.ready, deletion_cost: pod.deletion_cost }
}

const fn class(pod: &PodFacts) -> Class {
    Class {
        ready_since: Reverse(if pod.ready { pod.ready_since } else { None }),
        restarts: Reverse(pod.restarts),
        sidecar_restarts: Reverse(pod.sidecar_restarts),
        created: Reverse(pod.created),
    }
}

impl VictimOrder {
    /// Adds an active pod.
    pub fn insert(&mut self, pod: PodFacts) {
        let classes = self.groups.entry(group(&pod)).or_default().entry(pod.node).or_default();
        classes.entry(class(&pod)).or_default().insert(pod.uid, pod);
    }

    /// Takes a pod out; the facts must be those it was added with.
    pub fn remove(&mut self, pod: &PodFacts) {
        let Some(nodes) = self.groups.get_mut(&group(pod)) else { return };
        if let Some(classes) = nodes.get_mut(&pod.node) {
            if let Some(members) = classes.get_mut(&class(pod)) {
                members.remove(&pod.uid);
                if members.is_empty() {
                    classes.remove(&class(pod));
                }
            }
            if classes.is_empty() {
                nodes.remove(&pod.node);
            }
        }
        if nodes.is_empty() {
            self.groups.remove(&group(pod));
        }
    }

    /// All pods, in no particular but a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &PodFacts> {
        self.groups.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).flat_map(BTreeMap::values)
    }
}

/// A pod at the head of its class, with what decides between heads.
struct Head<'a> {
    pod: &'a PodFacts,
    rest: std::collections::btree_map::Values<'a, Uid, PodFacts>,
    order: &'a dyn Fn(&PodFacts, &PodFacts) -> Ordering,
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Head<'_> {}
impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head<'_> {
    /// Reversed, because the heap gives the greatest first and the first victim is the least.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.order)(other.pod, self.pod).then_with(|| other.pod.uid.cmp(&self.pod.uid))
    }
}

/// The first `count` victims among some cohorts' pods and a few extra ones.
///
/// `crowding` says how many related active pods a node has; it is asked once a node and frozen.
/// `order` is the plain comparison of two pods of one group on equally crowded nodes.
pub fn first_victims(
    orders: &[&VictimOrder],
    extra: &VictimOrder,
    count: usize,
    crowding: impl Fn(Option<u32>) -> u32,
    order: &dyn Fn(&PodFacts, &PodFacts) -> Ordering,
) -> Vec<PodKey> {
    let mut victims = Vec::with_capacity(count.min(1024));
    let mut groups: Vec<Group> = orders.iter().chain([&extra]).flat_map(|order| order.groups.keys().copied()).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let mut nodes: Vec<(Reverse<u32>, &BTreeMap<Class, Members>)> = Vec::new();
        for pods in orders.iter().chain([&extra]) {
            for (node, classes) in pods.groups.get(&group).into_iter().flatten() {
                nodes.push((Reverse(crowding(*node)), classes));
            }
        }
        // Stable, so that equally crowded nodes keep a fixed order.
        nodes.sort_by_key(|(crowding, _)| *crowding);
        for equally_crowded in nodes.chunk_by(|one, other| one.0 == other.0) {
            let mut heads = BinaryHeap::new();
            for (_, classes) in equally_crowded {
                for members in classes.values() {
                    let mut rest = members.values();
                    if let Some(pod) = rest.next() {
                        heads.push(Head { pod, rest, order });
                    }
                }
            }
            while victims.len() < count {
                let Some(mut head) = heads.pop() else { break };
                victims.push(head.pod.key);
                if let Some(pod) = head.rest.next() {
                    head.pod = pod;
                    heads.push(head);
                }
            }
        }
        if victims.len() >= count {
            break;
        }
    }
    victims
}
