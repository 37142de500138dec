//! Sets, pods and steps as they are drawn, and the objects that they stand for.

use proptest::prelude::*;
use std::sync::Arc;
use wavetank::Time;
use wavetank_model::pod::POD_DELETION_COST;
use wavetank_model::selector::LabelSelectorRequirement;
use wavetank_model::{
    ConditionStatus, LabelSelector, ObjectMeta, OwnerReference, Phase, Pod, PodCondition, PodStatus, PodTemplate,
    ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, SetKind, StringMap, TemplateFacts, Uid,
};

pub(crate) const START: i64 = 100_000;
pub(crate) const SETS: usize = 3;

/// What a node reports, by second relative to the start.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) phase: Phase,
    pub(crate) ready: bool,
    pub(crate) ready_since: Option<i64>,
    pub(crate) restarts: (u32, u32),
    pub(crate) node: Option<u8>,
    pub(crate) terminating: bool,
}

/// Labels by `app`, `hash` and `tier`; a digit out of reach leaves the label out.
#[derive(Clone, Debug)]
pub(crate) struct Marks(u8, u8, u8);

#[derive(Clone, Debug)]
pub(crate) struct DrawnPod {
    pub(crate) state: Drawn,
    pub(crate) marks: Marks,
    pub(crate) owner: Bond,
    pub(crate) cost: &'static str,
    pub(crate) created: i64,
    pub(crate) away: bool,
    pub(crate) held: bool,
}

/// How a pod refers to the set of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bond {
    None,
    Controlled(usize),
    Owned(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct DrawnSet {
    pub(crate) replicas: i32,
    pub(crate) min_ready: i32,
    pub(crate) selector: u8,
    pub(crate) tier: bool,
    pub(crate) owned: bool,
    pub(crate) terminating: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    State(usize, Drawn),
    Edit(usize, Marks, Bond, &'static str),
    Adopt(usize, usize),
    Release(usize, usize),
    Delete(usize),
    Remove(usize),
    Create(usize),
    Set(usize, DrawnSet),
    DropSet(usize),
    Wait(i64),
    Deliver(usize),
}

pub(crate) fn labels(marks: &Marks) -> StringMap {
    let parts = [("app", ["web", "db"].get(usize::from(marks.0 / 4))), ("hash", ["a", "b"].get(usize::from(marks.1)))];
    let tier = ("tier", ["front"].get(usize::from(marks.2)));
    parts.into_iter().chain([tier]).filter_map(|(key, value)| Some((key, *value?))).collect()
}

/// Pods that are alike in all that is compared before restarts, so that those decide, of sidecars last.
fn alike() -> impl Strategy<Value = Drawn> {
    (prop::bool::weighted(0.2), 0..3_u32).prop_map(|(restarted, sidecar)| Drawn {
        phase: Phase::Running,
        ready: true,
        ready_since: Some(-9),
        restarts: (u32::from(restarted), sidecar),
        node: Some(0),
        terminating: false,
    })
}

fn states() -> impl Strategy<Value = Drawn> {
    prop_oneof![2 => any_state(), 1 => alike()]
}

fn any_state() -> impl Strategy<Value = Drawn> {
    let phase = prop_oneof![
        2 => Just(Phase::Pending),
        1 => Just(Phase::Unknown),
        24 => Just(Phase::Running),
        1 => Just(Phase::Succeeded),
        1 => Just(Phase::Failed),
    ];
    let since = prop_oneof![1 => Just(None), 6 => (-70..8_i64).prop_map(Some), 3 => (-4..2_i64).prop_map(Some), 6 => Just(Some(-9))];
    let node = prop_oneof![1 => Just(None), 5 => (0..3_u8).prop_map(Some)];
    let restarts = prop_oneof![3 => Just((0, 0)), 2 => (0..2_u32, 0..2_u32)];
    (phase, prop::bool::weighted(0.7), since, restarts, node, prop::bool::weighted(0.12)).prop_map(
        |(phase, ready, ready_since, restarts, node, terminating)| Drawn {
            phase,
            ready,
            ready_since,
            restarts,
            node,
            terminating,
        },
    )
}

fn marks() -> impl Strategy<Value = Marks> {
    (0..9_u8, prop_oneof![4 => Just(0_u8), 2 => Just(1), 1 => Just(2)], 0..3_u8)
        .prop_map(|(app, hash, tier)| Marks(app, hash, tier))
}

fn bonds() -> impl Strategy<Value = Bond> {
    prop_oneof![
        3 => Just(Bond::None),
        4 => Just(Bond::Controlled(0)),
        4 => (0..SETS).prop_map(Bond::Controlled),
        1 => (0..SETS).prop_map(Bond::Owned),
    ]
}

fn costs() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just("5"), 1 => Just("-3"), 1 => Just("+7"), 1 => Just("much")]
}

pub(crate) fn pods() -> impl Strategy<Value = DrawnPod> {
    let flags = (prop::bool::weighted(0.05), prop::bool::weighted(0.1));
    (states(), marks(), bonds(), costs(), prop_oneof![-80..1_i64, Just(-20)], flags).prop_map(
        |(state, marks, owner, cost, created, (away, held))| DrawnPod {
            state,
            marks,
            owner,
            cost,
            created,
            away,
            held,
        },
    )
}

pub(crate) fn sets() -> impl Strategy<Value = DrawnSet> {
    let min_ready = prop_oneof![2 => Just(0), 3 => 1..40_i32];
    let (owned, terminating) = (prop::bool::weighted(0.7), prop::bool::weighted(0.07));
    (0..5_i32, min_ready, 0..12_u8, any::<bool>(), owned, terminating).prop_map(
        |(replicas, min_ready, selector, tier, owned, terminating)| DrawnSet {
            replicas,
            min_ready,
            selector,
            tier,
            owned,
            terminating,
        },
    )
}

pub(crate) fn steps() -> impl Strategy<Value = Step> {
    let (pod, set) = (0..24_usize, 0..SETS);
    prop_oneof![
        6 => (pod.clone(), states()).prop_map(|(pod, state)| Step::State(pod, state)),
        3 => (pod.clone(), marks(), bonds(), costs())
            .prop_map(|(pod, marks, bond, cost)| Step::Edit(pod, marks, bond, cost)),
        1 => (pod.clone(), set.clone()).prop_map(|(pod, set)| Step::Adopt(pod, set)),
        1 => (pod.clone(), set.clone()).prop_map(|(pod, set)| Step::Release(pod, set)),
        2 => pod.clone().prop_map(Step::Delete),
        2 => pod.prop_map(Step::Remove),
        2 => set.clone().prop_map(Step::Create),
        2 => (set.clone(), sets()).prop_map(|(set, drawn)| Step::Set(set, drawn)),
        1 => set.prop_map(Step::DropSet),
        2 => (1..30_000_i64).prop_map(Step::Wait),
        6 => (1..6_usize).prop_map(Step::Deliver),
    ]
}

pub(crate) fn set_name(number: usize) -> Arc<str> {
    format!("set{number}").into()
}

pub(crate) fn set_uid(number: usize) -> Uid {
    Uid(1 + u64::try_from(number).unwrap_or(0))
}

pub(crate) fn reference(kind: &str, name: Arc<str>, uid: Uid, controller: bool) -> OwnerReference {
    let (api_version, kind) = ("apps/v1".into(), kind.into());
    let block_owner_deletion = Some(true);
    OwnerReference { api_version, kind, name, uid, controller: Some(controller), block_owner_deletion }
}

pub(crate) fn owners(bond: Bond) -> Vec<OwnerReference> {
    match bond {
        Bond::None => Vec::new(),
        Bond::Controlled(set) => vec![reference("ReplicaSet", set_name(set), set_uid(set), true)],
        Bond::Owned(set) => vec![reference("ReplicaSet", set_name(set), set_uid(set), false)],
    }
}

pub(crate) fn template(labels: StringMap) -> Arc<PodTemplate> {
    Arc::new(PodTemplate {
        value: serde_json::json!({}),
        labels,
        annotations: StringMap::default(),
        spelling: 0,
        meaning: "".into(),
        facts: TemplateFacts { grace_seconds: 30, ..TemplateFacts::default() },
    })
}

pub(crate) fn replica_set(number: usize, drawn: &DrawnSet) -> ReplicaSet {
    // Most selectors tell siblings apart; some overlap, and some cannot be read.
    let hash = u8::try_from(number % 2).unwrap_or(0);
    let mut selector = LabelSelector::default();
    selector.match_labels.set("app", "web");
    let expression =
        |operator: &str| LabelSelectorRequirement { key: "tier".into(), operator: operator.into(), values: Vec::new() };
    match drawn.selector {
        0 => selector.match_expressions.push(expression("Near")),
        1 => selector.match_expressions.push(expression("Exists")),
        2 | 3 => {}
        _ => {
            selector.match_labels.set("hash", ["a", "b"][usize::from(hash)]);
        }
    }
    let start = Time::from_seconds(START);
    ReplicaSet {
        kind: SetKind::ReplicaSet,
        meta: ObjectMeta {
            name: set_name(number),
            namespace: "default".into(),
            uid: set_uid(number),
            owners: drawn.owned.then(|| reference("Deployment", "web".into(), Uid(100), true)).into_iter().collect(),
            deletion: drawn.terminating.then_some(start),
            // A set that is being deleted stays for as long as somebody holds it.
            finalizers: drawn.terminating.then(|| "example.com/held".into()).into_iter().collect(),
            ..ObjectMeta::default()
        },
        spec: ReplicaSetSpec {
            replicas: drawn.replicas,
            min_ready_seconds: drawn.min_ready,
            selector,
            template: template(labels(&Marks(0, hash, u8::from(!drawn.tier)))),
        },
        status: ReplicaSetStatus::default(),
    }
}

fn node_name(node: u8) -> Arc<str> {
    format!("node-{node}").into()
}

/// Writes what a node reports into a whole pod.
pub(crate) fn report(pod: &mut Pod, drawn: &Drawn) {
    let condition = PodCondition {
        kind: "Ready".into(),
        status: if drawn.ready { ConditionStatus::True } else { ConditionStatus::False },
        last_transition: drawn.ready_since.map(|second| Time::from_seconds(START + second)),
        reason: "".into(),
        message: "".into(),
    };
    pod.status = PodStatus {
        phase: drawn.phase,
        conditions: vec![condition],
        restarts: drawn.restarts.0,
        sidecar_restarts: drawn.restarts.1,
        ..PodStatus::default()
    };
    pod.node = drawn.node.map(node_name);
    pod.meta.deletion = drawn.terminating.then(|| Time::from_seconds(START + 30));
}

pub(crate) fn annotations(cost: &str) -> StringMap {
    let costs = (!cost.is_empty()).then_some((POD_DELETION_COST, cost));
    costs.into_iter().collect()
}

/// Uids are drawn apart from the order of creation, because they decide between equals.
pub(crate) fn whole_pod(uid: u64, drawn: &DrawnPod) -> Pod {
    let mut pod = Pod {
        meta: ObjectMeta {
            name: format!("pod-{}", uid * 7 % 100).into(),
            namespace: if drawn.away { "elsewhere" } else { "default" }.into(),
            uid: Uid(1000 + uid),
            creation: Some(Time::from_seconds(START + drawn.created)),
            labels: labels(&drawn.marks),
            annotations: annotations(drawn.cost),
            owners: owners(drawn.owner),
            finalizers: drawn.held.then(|| "example.com/held".into()).into_iter().collect(),
            ..ObjectMeta::default()
        },
        template: template(StringMap::default()),
        node: None,
        status: PodStatus::default(),
    };
    report(&mut pod, &drawn.state);
    pod
}
