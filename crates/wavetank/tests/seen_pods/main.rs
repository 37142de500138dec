//! What the store's indices say about the pods of a set is what a look at every pod says.
//!
//! The plain side keeps whole pods in a map and asks [`PodsSeen::from_pods`]; the other side is
//! [`gather::pods`]. Both are asked after every step: while pods change, while their changes are
//! still on their way to the controllers, and while time passes.

mod drawn;

use core::cmp::Ordering;
use drawn::{
    Bond, DrawnPod, DrawnSet, SETS, START, Step, annotations, labels, owners, pods, replica_set, report, set_name,
    set_uid, sets, steps, whole_pod,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank::passes::gather;
use wavetank::{Cluster, Object, Profile, Time};
use wavetank_controllers::PodsSeen;
use wavetank_controllers::replica_set::rank::{RankedPod, crowding, deletion_order};
use wavetank_engine::Second;
use wavetank_model::{ObjectMeta, Pod, PodFacts, PodKey, PodStatus, ReplicaSet, Selector, SetKind};
use wavetank_store::{Change, PodChange, PodState, Precondition, Store};

/// A store, and next to it all pods as they are and as they were seen.
struct World {
    store: Store,
    now: Time,
    live: BTreeMap<PodKey, Pod>,
    seen: BTreeMap<PodKey, Pod>,
    on_the_way: VecDeque<(Change, Option<Pod>)>,
}

impl World {
    fn new(sets: &[DrawnSet], pods: &[(u64, DrawnPod)]) -> Self {
        let mut cluster = Cluster::builder().profile(Profile::instant()).build();
        cluster.load_time(Time::from_seconds(START));
        for (number, set) in sets.iter().enumerate() {
            cluster.load(Object::ReplicaSet(Box::new(replica_set(number, set))));
        }
        let pods: Vec<Pod> = pods.iter().map(|(uid, drawn)| whole_pod(*uid, drawn)).collect();
        for pod in &pods {
            cluster.load(Object::Pod(Box::new(pod.clone())));
        }
        let store = cluster.store().clone();
        let key = |pod: &Pod| store.pod_key(&pod.meta.namespace, &pod.meta.name).expect("the pod was loaded");
        let live: BTreeMap<PodKey, Pod> = pods.iter().map(|pod| (key(pod), pod.clone())).collect();
        Self { store, now: cluster.now(), seen: live.clone(), live, on_the_way: VecDeque::new() }
    }

    fn pick(&self, number: usize) -> Option<PodKey> {
        self.live.keys().nth(number % self.live.len().max(1)).copied()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Wait(millis) => self.now = self.now.offset(millis * 1_000_000),
            Step::Deliver(count) => self.deliver(*count),
            Step::Create(set) => self.create(*set),
            Step::Set(number, drawn) => self.put_set(*number, drawn),
            Step::DropSet(number) => {
                if let Some(key) = self.store.set_key(SetKind::ReplicaSet, "default", &set_name(*number)) {
                    self.store.delete_set(key, None, self.now).expect("the set is stored");
                }
            }
            Step::State(pod, _)
            | Step::Edit(pod, ..)
            | Step::Adopt(pod, _)
            | Step::Release(pod, _)
            | Step::Delete(pod)
            | Step::Remove(pod) => {
                if let Some(key) = self.pick(*pod) {
                    self.change(key, step);
                }
            }
        }
        for change in self.store.take_changes() {
            let pod = if let Change::Pod(PodChange { key, .. }) = &change { self.live.get(key).cloned() } else { None };
            self.store.hold_back(&change);
            self.on_the_way.push_back((change, pod));
        }
    }

    fn change(&mut self, key: PodKey, step: &Step) {
        let Some(pod) = self.live.get_mut(&key) else { return };
        match step {
            Step::State(_, drawn) => {
                report(pod, drawn);
                let node = pod.node.as_deref().map(|name| self.store.node_number(name));
                let ready = &pod.status.conditions[0];
                let state = PodState {
                    phase: drawn.phase,
                    ready: drawn.ready,
                    detail: 0,
                    ready_since: ready.last_transition.map(Second::of),
                    restarts: drawn.restarts.0,
                    sidecar_restarts: drawn.restarts.1,
                    node,
                    deletion: pod.meta.deletion.map(Second::of),
                };
                assert!(self.store.edit_pod_state(key, |old| *old = state), "the pod is stored");
            }
            Step::Edit(_, marks, bond, cost) => {
                pod.meta.labels = labels(marks);
                pod.meta.annotations = annotations(cost);
                pod.meta.owners = owners(*bond);
                let ObjectMeta { labels, annotations, owners, .. } = pod.meta.clone();
                self.store.edit_pod_meta(key, labels, annotations, owners, None).expect("the pod is stored");
            }
            Step::Adopt(_, set) => {
                let known = self.store.set_of_uid(set_uid(*set)).is_some();
                if known && pod.meta.controller().is_none() {
                    pod.meta.owners.retain(|owner| owner.uid != set_uid(*set));
                    pod.meta.owners.extend(owners(Bond::Controlled(*set)));
                    self.store.adopt_pod(key, set_uid(*set)).expect("the pod is stored");
                }
            }
            Step::Release(_, set) => {
                pod.meta.owners.retain(|owner| owner.uid != set_uid(*set));
                self.store.release_pod(key, set_uid(*set)).expect("the pod is stored");
            }
            Step::Delete(_) => {
                let grace = 30;
                let ends = self.now.floor_second().offset(grace * 1_000_000_000);
                pod.meta.deletion = pod.meta.deletion.or(Some(ends));
                self.store.begin_pod_deletion(key, grace, self.now).expect("the pod is stored");
            }
            Step::Remove(_) => {
                if pod.meta.finalizers.is_empty() {
                    self.live.remove(&key);
                }
                self.store.remove_pod(key);
            }
            Step::Create(_) | Step::Set(..) | Step::DropSet(_) | Step::Wait(_) | Step::Deliver(_) => {}
        }
    }

    fn create(&mut self, set: usize) {
        let Some(of) = self.store.set_key(SetKind::ReplicaSet, "default", &set_name(set)) else { return };
        let Ok(key) = self.store.create_pod_of(of, self.now) else { return };
        let slot = self.store.set(of).expect("the set was found");
        let template = slot.seen.as_ref().or(slot.stored.as_ref()).expect("a pod was made of it").spec.template.clone();
        let record = self.store.pod(key).expect("the pod was created");
        let meta = ObjectMeta {
            name: self.store.pod_name(&record),
            namespace: "default".into(),
            uid: record.uid(),
            creation: Some(self.now.floor_second()),
            labels: template.labels.clone(),
            owners: owners(Bond::Controlled(set)),
            ..ObjectMeta::default()
        };
        self.live.insert(key, Pod { meta, template, node: None, status: PodStatus::default() });
    }

    fn put_set(&mut self, number: usize, drawn: &DrawnSet) {
        let new = replica_set(number, drawn);
        if let Some(key) = self.store.set_key(SetKind::ReplicaSet, "default", &new.meta.name) {
            self.store.update_set(key, new, Precondition::None).expect("the set is stored");
        }
    }

    fn deliver(&mut self, count: usize) {
        for _ in 0..count {
            let Some((change, pod)) = self.on_the_way.pop_front() else { return };
            self.store.deliver(&change);
            if let Change::Pod(PodChange { key, .. }) = &change {
                match pod {
                    Some(pod) => drop(self.seen.insert(*key, pod)),
                    None => drop(self.seen.remove(key)),
                }
            }
        }
    }

    fn facts(&mut self, key: PodKey, pod: &Pod) -> PodFacts {
        let node = pod.node.as_deref().map(|name| self.store.node_number(name));
        PodFacts::of(key, pod, node, false)
    }

    /// Asks both sides about every set.
    fn compare(&mut self, burst: u32) -> Result<(), TestCaseError> {
        let sets: Vec<Arc<ReplicaSet>> = self.store.sets_seen().map(|(_, set)| Arc::clone(set)).collect();
        let siblings: Vec<&ReplicaSet> = sets.iter().map(AsRef::as_ref).collect();
        let seen = self.seen.clone();
        // The plain side keeps equals as listed, the indices keep them by uid.
        let mut listed: Vec<(PodKey, &Pod)> = seen.iter().map(|(key, pod)| (*key, pod)).collect();
        listed.retain(|(_, pod)| &*pod.meta.namespace == "default");
        listed.sort_by_key(|(_, pod)| pod.meta.uid);
        for set in &siblings {
            let mut plain = PodsSeen::from_pods(set, &listed, &siblings, burst, self.now);
            // Both sides number nodes as they like, as long as they tell them apart.
            for claim in &mut plain.claims {
                let node = seen.get(&claim.pod.key).and_then(|pod| pod.node.as_deref());
                claim.pod.node = node.map(|name| self.store.node_number(name));
            }
            let waiting = gather::pods(&mut self.store, set, self.now, false, burst);
            prop_assert!(waiting.victims.is_empty(), "victims are not looked for while expectations are unmet");
            let gathered = gather::pods(&mut self.store, set, self.now, true, burst);
            prop_assert_eq!(gathered.tally, plain.tally, "tally of {}", set.meta.name);
            prop_assert_eq!(gathered.next_available, plain.next_available, "next of {}", set.meta.name);
            prop_assert_eq!(&gathered.claims, &plain.claims, "claims of {}", set.meta.name);
            prop_assert_eq!(waiting, PodsSeen { victims: Vec::new(), ..gathered.clone() });
            if gathered.victims != plain.victims {
                self.same_but_for_circles(set, &siblings, &listed, &gathered.victims, &plain.victims)?;
            }
        }
        Ok(())
    }

    /// Two orders of victims may differ only where the ranking goes in circles, and there only among
    /// pods whose assignment, phase, readiness, cost and crowding are the same.
    fn same_but_for_circles(
        &mut self,
        set: &ReplicaSet,
        siblings: &[&ReplicaSet],
        listed: &[(PodKey, &Pod)],
        gathered: &[PodKey],
        plain: &[PodKey],
    ) -> Result<(), TestCaseError> {
        let owner = set.meta.controller().map(|owner| owner.uid);
        let related: Vec<Selector> = siblings
            .iter()
            .filter(|sibling| owner.is_some() && sibling.meta.controller().map(|owner| owner.uid) == owner)
            .filter_map(|sibling| sibling.spec.selector.compile().ok())
            .collect();
        let facts: Vec<(PodFacts, &Pod)> = listed.iter().map(|(key, pod)| (self.facts(*key, pod), *pod)).collect();
        let active = || facts.iter().filter(|(facts, _)| facts.is_active());
        let on = crowding(
            active()
                .filter(|(_, pod)| related.iter().any(|selector| selector.matches(&pod.meta.labels)))
                .map(|(facts, _)| facts.node),
        );
        let selector = set.spec.selector.compile().expect("a set that sees pods has a selector");
        let ranked: Vec<RankedPod> = active()
            .filter(|(_, pod)| selector.matches(&pod.meta.labels))
            .filter(|(_, pod)| pod.meta.controller().is_none_or(|owner| owner.uid == set.meta.uid))
            .map(|(pod, _)| RankedPod { pod: *pod, crowding: on.get(&pod.node).copied().unwrap_or(0) })
            .collect();
        prop_assert!(has_circle(&ranked, self.now), "victims of {}: {gathered:?} for {plain:?}", set.meta.name);
        let by_state = |key: &PodKey| {
            let RankedPod { pod, crowding } = ranked.iter().find(|ranked| ranked.pod.key == *key)?;
            Some((pod.node.is_some(), pod.phase, pod.ready, pod.deletion_cost, *crowding))
        };
        let states = |keys: &[PodKey]| -> Vec<_> { keys.iter().map(by_state).collect() };
        prop_assert_eq!(states(gathered), states(plain), "states of the victims of {}", &set.meta.name);
        prop_assert!(states(gathered).iter().all(Option::is_some), "every victim is one of the set's pods");
        let mut keys = gathered.to_vec();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), gathered.len(), "no pod is a victim twice");
        Ok(())
    }
}

/// Whether some three pods each go before the next.
fn has_circle(pods: &[RankedPod], now: Time) -> bool {
    let before = |one: &RankedPod, other: &RankedPod| {
        deletion_order(one, other, now).then_with(|| one.pod.uid.cmp(&other.pod.uid)) == Ordering::Less
    };
    pods.iter().any(|a| {
        let after: Vec<&RankedPod> = pods.iter().filter(|b| before(a, b)).collect();
        after.iter().any(|b| pods.iter().any(|c| before(b, c) && before(c, a)))
    })
}

proptest! {
    #[test]
    fn indices_answer_as_a_look_at_every_pod_does(
        drawn_sets in prop::collection::vec(sets(), 1..=SETS),
        drawn_pods in prop::collection::vec(pods(), 0..16),
        uids in Just((0..16_u64).collect::<Vec<_>>()).prop_shuffle(),
        burst in prop_oneof![3 => Just(500_u32), 1 => 1..4_u32],
        steps in prop::collection::vec(steps(), 0..40),
    ) {
        let pods: Vec<(u64, DrawnPod)> = uids.into_iter().zip(drawn_pods).collect();
        let mut world = World::new(&drawn_sets, &pods);
        world.compare(burst)?;
        for step in &steps {
            world.take(step);
            world.compare(burst)?;
        }
        world.deliver(usize::MAX);
        world.compare(burst)?;
        let facts = |world: &mut World, pods: &BTreeMap<PodKey, Pod>| -> Vec<PodFacts> {
            pods.iter().map(|(key, pod)| world.facts(*key, pod)).collect()
        };
        let (live, seen) = (world.live.clone(), world.seen.clone());
        prop_assert_eq!(facts(&mut world, &live), facts(&mut world, &seen), "every change of a pod was announced");
    }
}
