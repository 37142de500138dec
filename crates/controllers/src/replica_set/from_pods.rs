//! What a set sees of literal pods: the plain definition of [`PodsSeen`].

use super::rank::{RankedPod, crowding, sorted};
use super::seen::{Claim, ClaimKind, PodsSeen, Tally, surplus};
use std::collections::BTreeMap;
use wavetank_engine::Time;
use wavetank_model::{Pod, PodFacts, PodKey, ReplicaSet, Selector, StringMap};

/// What a pod is to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// Controlled and selected.
    Owned,
    /// Controlled and not selected.
    Stray,
    /// Selected, without a controller.
    Orphan,
    /// None of its business.
    Foreign,
}

impl PodsSeen {
    /// Looks at all pods of the namespace, and all sets of the namespace that may share the owner.
    ///
    /// A set whose selector cannot be read sees nothing.
    #[must_use]
    pub fn from_pods(
        set: &ReplicaSet,
        pods: &[(PodKey, &Pod)],
        siblings: &[&ReplicaSet],
        burst: u32,
        now: Time,
    ) -> Self {
        let Ok(selector) = set.spec.selector.compile() else {
            return Self::default();
        };
        let mut nodes = BTreeMap::new();
        let bonded: Vec<(Bond, PodFacts, &Pod)> = pods
            .iter()
            .map(|&(key, pod)| {
                let next = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                let node = pod.node.as_deref().map(|name| *nodes.entry(name).or_insert(next));
                let labeled = has_all(&pod.meta.labels, &set.spec.template.labels);
                (bond(set, &selector, pod), PodFacts::of(key, pod, node, labeled), pod)
            })
            .collect();

        let mut seen = Self::default();
        for (bond, facts, pod) in &bonded {
            match bond {
                Bond::Owned => seen.count(facts, set.spec.min_ready_seconds, now),
                Bond::Stray if facts.is_active() => seen.claim(ClaimKind::Release, facts, pod),
                Bond::Orphan if facts.is_active() => seen.claim(ClaimKind::Adopt, facts, pod),
                Bond::Stray | Bond::Orphan | Bond::Foreign => {}
            }
        }
        seen.claims.sort_by(|a, b| a.name.cmp(&b.name));
        seen.victims = victims(set, &bonded, siblings, surplus(set, &seen.tally, &seen.claims, burst), now);
        seen
    }

    fn count(&mut self, pod: &PodFacts, min_ready_seconds: i32, now: Time) {
        if !pod.is_active() {
            self.tally.terminating += u32::from(pod.terminating && !pod.phase.has_ended());
            return;
        }
        self.tally.add(pod, min_ready_seconds, now);
        self.next_available = earlier(self.next_available, still_to_come(pod, min_ready_seconds, now));
    }

    fn claim(&mut self, kind: ClaimKind, pod: &PodFacts, whole: &Pod) {
        self.claims.push(Claim { kind, pod: *pod, name: whole.meta.name.clone() });
    }
}

fn bond(set: &ReplicaSet, selector: &Selector, pod: &Pod) -> Bond {
    let selected = selector.matches(&pod.meta.labels);
    match pod.meta.controller() {
        Some(owner)
            if owner.uid != set.meta.uid || *owner.kind != *set.kind.as_str() || owner.name != set.meta.name =>
        {
            Bond::Foreign
        }
        Some(_) if selected => Bond::Owned,
        Some(_) => Bond::Stray,
        None if selected => Bond::Orphan,
        None => Bond::Foreign,
    }
}

fn has_all(labels: &StringMap, wanted: &StringMap) -> bool {
    labels.same(wanted) || wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The first `count` pods in deletion order.
fn victims(
    set: &ReplicaSet,
    bonded: &[(Bond, PodFacts, &Pod)],
    siblings: &[&ReplicaSet],
    count: u32,
    now: Time,
) -> Vec<PodKey> {
    if count == 0 {
        return Vec::new();
    }
    let related = related_selectors(set, siblings);
    let crowding = crowding(bonded.iter().filter_map(|(_, facts, pod)| {
        let related = facts.is_active() && related.iter().any(|selector| selector.matches(&pod.meta.labels));
        related.then_some(facts.node)
    }));
    let candidates: Vec<RankedPod> = bonded
        .iter()
        .filter(|(bond, facts, _)| facts.is_active() && matches!(bond, Bond::Owned | Bond::Orphan))
        .map(|(_, pod, _)| RankedPod { pod: *pod, crowding: crowding.get(&pod.node).copied().unwrap_or(0) })
        .collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    sorted(&candidates, now).into_iter().take(count).map(|ranked| ranked.pod.key).collect()
}

/// Selectors of the sets under the same controller, the set itself included; none if it has none.
fn related_selectors(set: &ReplicaSet, siblings: &[&ReplicaSet]) -> Vec<Selector> {
    let Some(owner) = set.meta.controller() else {
        return Vec::new();
    };
    siblings
        .iter()
        .copied()
        .filter(|sibling| sibling.meta.uid != set.meta.uid)
        .filter(|sibling| sibling.meta.controller().is_some_and(|other| other.uid == owner.uid))
        .chain([set])
        .filter_map(|related| related.spec.selector.compile().ok())
        .collect()
}

impl Tally {
    /// Counts one more active pod.
    pub(super) fn add(&mut self, pod: &PodFacts, min_ready_seconds: i32, now: Time) {
        self.active += 1;
        self.fully_labeled += u32::from(pod.fully_labeled);
        self.ready += u32::from(pod.ready);
        self.available += u32::from(pod.available_at(min_ready_seconds).is_some_and(|at| at <= now));
    }
}

/// The earlier of two times that may be absent.
pub(super) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// When a pod will become available, if that lies ahead.
pub(super) fn still_to_come(pod: &PodFacts, min_ready_seconds: i32, now: Time) -> Option<Time> {
    pod.available_at(min_ready_seconds).filter(|&at| at > now)
}
