//! With nothing else changing, a few passes of the ReplicaSet controller reach an empty plan.

use proptest::prelude::*;
use slotmap::SlotMap;
use std::sync::Arc;
use wavetank_controllers::replica_set::rank::{crowding, sorted};
use wavetank_controllers::replica_set::{RankedPod, deletion_order};
use wavetank_controllers::{PodsSeen, ReplicaSetInputs, ReplicaSetWrite, reconcile_replica_set, surplus};
use wavetank_engine::Time;
use wavetank_model::{
    ConditionStatus, LabelSelector, ObjectMeta, OwnerReference, Phase, Plan, Pod, PodCondition, PodFacts, PodKey,
    PodStatus, PodTemplate, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, Reply, SetKind, StringMap, TemplateFacts,
    Uid, drive,
};

/// What the clock says in all these tests.
const NOW: Time = Time::from_seconds(10_000);

/// A set and all pods of its namespace.
#[derive(Debug)]
struct World {
    set: ReplicaSet,
    pods: SlotMap<PodKey, Pod>,
    burst: u32,
    last: u64,
}

impl World {
    fn seen(&self) -> PodsSeen {
        let pods: Vec<(PodKey, &Pod)> = self.pods.iter().collect();
        PodsSeen::from_pods(&self.set, &pods, &[], self.burst, NOW)
    }

    fn pass(&mut self) -> Plan<ReplicaSetWrite> {
        let (seen, set) = (self.seen(), self.set.clone());
        let inputs = ReplicaSetInputs { now: NOW, set: &set, pods: &seen, expectations_met: true, burst: self.burst };
        let plan = drive(|replies| reconcile_replica_set(&inputs, replies), |_, write| self.apply(write));
        if let Some(at_rest) = plan.at_rest {
            let next = reconcile_replica_set(&ReplicaSetInputs { set: &self.set, ..inputs }, &[]);
            assert_eq!(plan.writes.len(), 1, "a pass that needs no other one wrote a status");
            assert!(next.writes.is_empty() && next.events.is_empty() && next.error.is_none(), "{next:?}");
            assert_eq!(next.look_again, at_rest);
        }
        plan
    }

    fn apply(&mut self, write: &ReplicaSetWrite) -> Reply {
        match write {
            ReplicaSetWrite::ConfirmOwner => {}
            ReplicaSetWrite::Adopt(key) => self.pods[*key].meta.owners = vec![owner()],
            ReplicaSetWrite::Release(key) => self.pods[*key].meta.owners.clear(),
            ReplicaSetWrite::Create { count } => {
                for _ in 0..*count {
                    self.last += 1;
                    self.pods.insert(pod(&Sketch { uid: self.last, ..Sketch::default() }));
                }
                return Reply::done(*count);
            }
            ReplicaSetWrite::Delete(keys) => keys.iter().for_each(|key| drop(self.pods.remove(*key))),
            ReplicaSetWrite::Status { status, .. } => self.set.status = status.clone(),
        }
        Reply::done(1)
    }
}

/// What differs between pods.
#[derive(Clone, Debug)]
struct Sketch {
    uid: u64,
    owned: bool,
    selected: bool,
    terminating: bool,
    phase: Phase,
    node: Option<u8>,
    ready_since: Option<i64>,
    restarts: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        let phase = Phase::Running;
        Self {
            uid: 0,
            owned: true,
            selected: true,
            terminating: false,
            phase,
            node: None,
            ready_since: None,
            restarts: 0,
        }
    }
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        name: "web".into(),
        uid: Uid(1),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn template() -> Arc<PodTemplate> {
    Arc::new(PodTemplate {
        value: Default::default(),
        labels: [("app", "web")].into_iter().collect(),
        annotations: StringMap::default(),
        spelling: 0,
        meaning: "".into(),
        facts: TemplateFacts::default(),
    })
}

fn pod(sketch: &Sketch) -> Pod {
    let labels = if sketch.selected { [("app", "web")] } else { [("app", "other")] };
    let ready = PodCondition {
        kind: "Ready".into(),
        status: if sketch.ready_since.is_some() { ConditionStatus::True } else { ConditionStatus::False },
        last_transition: sketch.ready_since.map(Time::from_seconds),
        reason: "".into(),
        message: "".into(),
    };
    Pod {
        meta: ObjectMeta {
            name: format!("web-{}", sketch.uid).into(),
            namespace: "default".into(),
            uid: Uid(sketch.uid),
            creation: Some(Time::from_seconds(i64::from(sketch.restarts))),
            deletion: sketch.terminating.then_some(NOW),
            labels: labels.into_iter().collect(),
            owners: if sketch.owned { vec![owner()] } else { Vec::new() },
            ..ObjectMeta::default()
        },
        template: template(),
        node: sketch.node.map(|node| format!("node-{node}").into()),
        status: PodStatus {
            phase: sketch.phase,
            conditions: vec![ready],
            restarts: sketch.restarts,
            ..PodStatus::default()
        },
    }
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let phase = prop_oneof![
        1 => Just(Phase::Pending),
        4 => Just(Phase::Running),
        1 => Just(Phase::Unknown),
        1 => Just(Phase::Failed),
        1 => Just(Phase::Succeeded)
    ];
    let often = || prop::bool::weighted(0.85);
    let rarely = prop::bool::weighted(0.1);
    let node = prop::option::of(0_u8..3);
    let ready = prop::option::of(0_i64..10_000);
    (often(), often(), rarely, phase, node, ready, 0_u32..3).prop_map(
        |(owned, selected, terminating, phase, node, ready_since, restarts)| Sketch {
            uid: 0,
            owned,
            selected,
            terminating,
            phase,
            node,
            ready_since,
            restarts,
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    (prop::collection::vec(sketch(), 0..30), 0..25, 1_u32..12, 0..20).prop_map(
        |(sketches, replicas, burst, min_ready)| {
            let spec = ReplicaSetSpec {
                replicas,
                min_ready_seconds: min_ready,
                selector: LabelSelector {
                    match_labels: [("app", "web")].into_iter().collect(),
                    match_expressions: Vec::new(),
                },
                template: template(),
            };
            let meta = ObjectMeta {
                name: "web".into(),
                namespace: "default".into(),
                uid: Uid(1),
                generation: 1,
                ..ObjectMeta::default()
            };
            let set = ReplicaSet { kind: SetKind::ReplicaSet, meta, spec, status: ReplicaSetStatus::default() };
            let mut world = World { set, pods: SlotMap::with_key(), burst, last: 1_000 };
            for (uid, sketch) in (10..).zip(sketches) {
                world.pods.insert(pod(&Sketch { uid, ..sketch }));
            }
            world
        },
    )
}

fn ranked() -> impl Strategy<Value = RankedPod> {
    (sketch(), 1_u64..100, 0_u32..3).prop_map(|(sketch, uid, crowding)| {
        let pod =
            PodFacts::of(PodKey::default(), &pod(&Sketch { uid, ..sketch.clone() }), sketch.node.map(u32::from), true);
        RankedPod { pod, crowding }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_number_of_pods_is_reached_and_then_nothing_is_written(world in world()) {
        let mut world = world;
        // The worst case is all pods by the smallest burst, then one pass for the status.
        let settled = (0..40).any(|_| world.pass().writes.is_empty());
        prop_assert!(settled, "still writing after 40 passes");
        prop_assert_eq!(i32::try_from(world.seen().tally.active).unwrap(), world.set.spec.replicas);
        prop_assert_eq!(world.set.status.replicas, world.set.spec.replicas);
        prop_assert!(world.seen().claims.is_empty());
    }

    #[test]
    fn as_many_victims_are_supplied_as_a_pass_may_ask_for(world in world()) {
        let seen = world.seen();
        let surplus = surplus(&world.set, &seen.tally, &seen.claims, world.burst);
        prop_assert_eq!(seen.victims.len(), usize::try_from(surplus).unwrap());
    }

    #[test]
    fn the_order_of_two_pods_is_the_reverse_of_the_other_way_round(one in ranked(), other in ranked()) {
        prop_assert_eq!(deletion_order(&one, &other, NOW), deletion_order(&other, &one, NOW).reverse());
    }

    #[test]
    fn sorting_loses_nobody(pods in prop::collection::vec(ranked(), 0..20)) {
        let uids = |pods: &[RankedPod]| {
            let mut uids: Vec<Uid> = pods.iter().map(|pod| pod.pod.uid).collect();
            uids.sort_unstable();
            uids
        };
        prop_assert_eq!(uids(&sorted(&pods, NOW)), uids(&pods));
        let nodes = crowding(pods.iter().map(|pod| pod.pod.node));
        prop_assert_eq!(usize::try_from(nodes.values().sum::<u32>()).unwrap(), pods.len());
    }
}
