//! Inputs of passes, read off the store's indices: what each controller has seen, at no more cost
//! than what changed.

use crate::pods::rank;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;
use wavetank_controllers::deployment::new_set_name;
use wavetank_controllers::replica_set::rank::age_bucket;
use wavetank_controllers::{Claim, ClaimKind, PodsSeen, SetSeen, Tally, surplus};
use wavetank_engine::Time;
use wavetank_model::{
    Deployment, DeploymentKey, PodFacts, ReplicaSet, ReplicaSetKey, Selector, SetKind, Strategy, StringMap,
};
use wavetank_store::cohort::Cohort;
use wavetank_store::victims::{Ranking, VictimOrder};
use wavetank_store::{CohortId, Store};

/// A Deployment and its sets as seen, kept for as long as its pass lasts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeploymentSeen {
    /// The Deployment.
    pub deployment: Arc<Deployment>,
    /// Sets that it controls and sets of its namespace without a controller.
    pub sets: SmallVec<[SetSeen; 2]>,
    /// The set under the name that a new one would get; looked up once a pass makes a new one.
    pub taken: Option<SetSeen>,
}

impl DeploymentSeen {
    /// One of the sets.
    pub(crate) fn set(&self, key: ReplicaSetKey) -> Option<&ReplicaSet> {
        self.sets.iter().chain(&self.taken).find(|seen| seen.key == key).map(|seen| &*seen.set)
    }
}

/// What the Deployment controller has seen of a Deployment; `None` if it is gone.
#[must_use]
pub fn deployment(store: &Store, key: DeploymentKey) -> Option<DeploymentSeen> {
    let deployment = store.deployment(key)?.seen.as_ref()?;
    let selector = selector_of_recreating(deployment);
    let mut sets = SmallVec::new();
    let namespace = &deployment.meta.namespace;
    for owner in [Some(deployment.meta.uid), None] {
        store.sets_seen_with(owner).for_each(|key| {
            let seen = set_seen(store, key, selector.as_ref());
            if let Some(seen) = seen.filter(|seen| is_same(&seen.set.meta.namespace, namespace)) {
                sets.push(seen);
            }
        });
    }
    Some(DeploymentSeen { deployment: Arc::clone(deployment), sets, taken: None })
}

/// Whether two texts are equal; those of objects of one namespace usually are one.
fn is_same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// The set seen under the name that a new set of a Deployment would get.
pub(crate) fn taken(store: &Store, deployment: &Deployment) -> Option<SetSeen> {
    let key = store.set_key(SetKind::ReplicaSet, &deployment.meta.namespace, &new_set_name(deployment))?;
    set_seen(store, key, selector_of_recreating(deployment).as_ref())
}

/// Only a Deployment that recreates asks for pods that have not ended.
fn selector_of_recreating(deployment: &Deployment) -> Option<Selector> {
    let recreates = deployment.spec.strategy == Strategy::Recreate;
    if recreates { deployment.spec.selector.compile().ok() } else { None }
}

fn set_seen(store: &Store, key: ReplicaSetKey, recreating: Option<&Selector>) -> Option<SetSeen> {
    let set = store.set(key)?.seen.as_ref().filter(|set| set.kind == SetKind::ReplicaSet)?;
    let unfinished_pods = recreating.map_or(0, |selector| unfinished_pods(store, set, selector));
    Some(SetSeen { key, set: Arc::clone(set), unfinished_pods })
}

fn unfinished_pods(store: &Store, set: &ReplicaSet, selector: &Selector) -> u32 {
    store
        .cohorts_with(Some(set.meta.uid))
        .map(|id| store.cohort(id))
        .filter(|cohort| cohort.identity.namespace == set.meta.namespace)
        .filter(|cohort| selector.matches(&cohort.identity.labels))
        .map(|cohort| cohort.unfinished)
        .sum()
}

/// What the ReplicaSet controller has seen of a set's pods.
#[must_use]
pub fn pods(store: &mut Store, set: &ReplicaSet, now: Time, expectations_met: bool, burst: u32) -> PodsSeen {
    let Ok(selector) = set.spec.selector.compiled() else { return PodsSeen::default() };
    let owned: SmallVec<[CohortId; 2]> = store.cohorts_with(Some(set.meta.uid)).collect();
    let mut seen = PodsSeen::default();
    let mut matching = SmallVec::<[CohortId; 2]>::new();
    for id in owned {
        let cohort = store.cohort(id);
        // A reference names its owner without a namespace, and holds within its own only.
        if cohort.identity.namespace != set.meta.namespace {
            continue;
        }
        if selector.matches(&cohort.identity.labels) {
            count_in(store, id, set, now, &mut seen);
            matching.push(id);
        } else if cohort.active > 0 {
            claim(store, id, ClaimKind::Release, set, &mut seen.claims);
        }
    }
    let wanted = |id: &CohortId| {
        let cohort = store.cohort(*id);
        let near = cohort.active > 0 && cohort.identity.namespace == set.meta.namespace;
        near && selector.matches(&cohort.identity.labels)
    };
    for id in store.cohorts_with(None).filter(wanted).collect::<SmallVec<[CohortId; 2]>>() {
        claim(store, id, ClaimKind::Adopt, set, &mut seen.claims);
    }
    seen.claims.sort_by(|one, other| one.name.cmp(&other.name));
    let count = surplus(set, &seen.tally, &seen.claims, burst);
    if expectations_met && count > 0 {
        let mut adopted = VictimOrder::default();
        for claim in seen.claims.iter().filter(|claim| claim.kind == ClaimKind::Adopt) {
            adopted.insert(&claim.pod);
        }
        matching.iter().for_each(|id| store.place_pods(*id));
        let crowding = crowding(store, set, &matching, &seen.claims);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let place = |node| crowding.binary_search_by_key(&node, |(each, _)| *each).ok();
        let on = |node: Option<u32>| place(node).and_then(|place| crowding.get(place)).map_or(0, |(_, pods)| *pods);
        let compare = |one: &PodFacts, other: &PodFacts| rank::of_equals(one, other, now);
        let ranking = Ranking { now, compare: &compare, age: &|since| age_bucket(since, now) };
        seen.victims = store.first_victims(&matching, adopted, count, on, ranking);
    }
    seen
}

fn count_in(store: &mut Store, id: CohortId, set: &ReplicaSet, now: Time, seen: &mut PodsSeen) {
    let min_ready = set.spec.min_ready_seconds;
    let available = store.cohort_available(id, min_ready, now);
    let cohort = store.cohort(id);
    let labeled = has_all(&cohort.identity.labels, &set.spec.template.labels);
    let Tally { active, fully_labeled, ready, available: sum, terminating } = &mut seen.tally;
    *active += cohort.active;
    *fully_labeled += if labeled { cohort.active } else { 0 };
    *ready += cohort.ready;
    *sum += available;
    *terminating += cohort.terminating;
    if min_ready > 0 {
        let next = cohort.next_available(min_ready, now);
        seen.next_available = [seen.next_available, next].into_iter().flatten().min();
    }
}

fn has_all(labels: &StringMap, wanted: &StringMap) -> bool {
    labels.same(wanted) || wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn claim(store: &mut Store, id: CohortId, kind: ClaimKind, set: &ReplicaSet, claims: &mut Vec<Claim>) {
    store.place_pods(id);
    let cohort = store.cohort(id);
    let fully_labeled = has_all(&cohort.identity.labels, &set.spec.template.labels);
    for pod in cohort.victims.iter() {
        if let Some(record) = store.pod(pod.key) {
            claims.push(Claim { kind, pod: PodFacts { fully_labeled, ..pod }, name: store.pod_name(&record) });
        }
    }
}

/// Related active pods by node: those that any set of the same owner selects, whoever owns them.
fn crowding(store: &mut Store, set: &ReplicaSet, own: &[CohortId], claims: &[Claim]) -> Vec<(Option<u32>, u32)> {
    let of_own = own.iter().flat_map(|id| store.cohort(*id).active_on.keys().copied());
    let mut nodes = of_own.chain(claims.iter().map(|claim| claim.pod.node));
    let first = nodes.next();
    // On one node all are crowded alike.
    let are_many = nodes.any(|node| Some(node) != first);
    drop(nodes);
    let Some(owner) = set.meta.controller().filter(|_| are_many) else { return Vec::new() };
    let related: Vec<Selector> = store
        .sets_seen_with(Some(owner.uid))
        .filter_map(|key| store.set(key)?.seen.as_ref())
        .filter(|sibling| sibling.kind == set.kind && sibling.meta.namespace == set.meta.namespace)
        .filter_map(|sibling| sibling.spec.selector.compile().ok())
        .collect();
    let mut crowding: Vec<(Option<u32>, u32)> = Vec::new();
    let is_related = |cohort: &Cohort| {
        let identity = &cohort.identity;
        let near = cohort.active > 0 && identity.namespace == set.meta.namespace;
        near && related.iter().any(|selector| selector.matches(&identity.labels))
    };
    let cohorts = store.cohorts_from(0).filter(|(_, cohort)| is_related(cohort)).map(|(id, _)| id);
    for id in cohorts.collect::<SmallVec<[CohortId; 4]>>() {
        store.place_pods(id);
        crowding.extend(store.cohort(id).active_on.iter().map(|(node, pods)| (*node, *pods)));
    }
    // Sorted runs, one for each cohort: a stable sort merges them.
    crowding.sort_by_key(|(node, _)| *node);
    crowding.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        kept.1 += if is_same { later.1 } else { 0 };
        is_same
    });
    crowding
}
