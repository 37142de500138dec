//! The rules by name, and the fast path against the plain definition.

use super::*;
use core::net::Ipv4Addr;
use proptest::prelude::*;
use slotmap::SlotMap;
use std::collections::{BTreeMap, BTreeSet};
use wavetank_engine::Time;
use wavetank_model::container::Protocol;
use wavetank_model::endpoint_slice::{HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL, TRIGGER_TIME};
use wavetank_model::{
    AddressFamily, EndpointPod, IntOrString, ObjectMeta, Phase, PodKey, PodTemplate, Reason, Refusal, ServicePort,
    ServiceSpec, StringMap, TemplateFacts, drive,
};

/// What of a pod can change.
#[derive(Clone, Copy, Debug)]
struct State {
    has_address: bool,
    ready: bool,
    terminating: bool,
    since: i64,
}

const READY: State = State { has_address: true, ready: true, terminating: false, since: 1 };

/// A Service with its pods and slices, and a server that answers at once.
struct World {
    service: Service,
    pods: BTreeMap<Uid, State>,
    keys: BTreeMap<Uid, PodKey>,
    template: Arc<PodTemplate>,
    index: SliceIndex,
    uids: u64,
}

impl World {
    fn new() -> Self {
        let port = ServicePort {
            name: "http".into(),
            protocol: Protocol::Tcp,
            port: 80,
            target_port: IntOrString::Int(8080),
            node_port: None,
            app_protocol: None,
        };
        let spec = ServiceSpec {
            families: vec![AddressFamily::Ipv4],
            cluster_ips: vec![[10, 96, 0, 1].into()],
            ports: vec![port],
            selector: Some(StringMap::from_iter([("app", "web")])),
            ..ServiceSpec::default()
        };
        let meta = ObjectMeta { name: "web".into(), namespace: "shop".into(), uid: Uid(7), ..ObjectMeta::default() };
        let mut slots = SlotMap::<PodKey, ()>::with_key();
        let keys = (0..1_000).map(|uid| (Uid(uid), slots.insert(()))).collect();
        let service = Service { meta, spec };
        let template = Arc::new(PodTemplate {
            value: Default::default(),
            labels: StringMap::default(),
            annotations: StringMap::default(),
            spelling: 0,
            meaning: "".into(),
            facts: TemplateFacts::default(),
        });
        Self { service, pods: BTreeMap::new(), keys, template, index: SliceIndex::default(), uids: 1_000 }
    }

    fn with(pods: impl IntoIterator<Item = u64>) -> Self {
        let mut world = Self::new();
        world.pods = pods.into_iter().map(|uid| (Uid(uid), READY)).collect();
        world.pass_over_all();
        world
    }

    fn seen(&self, uid: Uid) -> Option<PodSeen> {
        let state = self.pods.get(&uid)?;
        let low = u32::try_from(uid.0).expect("few pods");
        Some(PodSeen {
            pod: EndpointPod { uid, key: self.keys[&uid] },
            name: format!("web-{}", uid.0).into(),
            phase: Phase::Running,
            ready: state.ready,
            ready_since: Some(Time::from_seconds(state.since)),
            terminating: state.terminating,
            ipv4: state.has_address.then(|| Ipv4Addr::from(0x0a00_0000 + low)),
            ipv6: None,
            node: NodeSeen::Known { name: "node-1".into(), zone: None },
            hostname: None,
            template: Arc::clone(&self.template),
        })
    }

    fn plan(&self, pods: PodsGiven<'_>, replies: &[Reply]) -> Plan<EndpointSliceWrite> {
        let slices = &self.index;
        let inputs =
            EndpointSliceInputs { service: &self.service, pods, slices, trigger_time: Some("T"), stale: false };
        reconcile_endpoint_slices(&inputs, replies)
    }

    fn over_all(&self) -> Plan<EndpointSliceWrite> {
        let pods: Vec<_> = self.pods.keys().filter_map(|uid| self.seen(*uid)).collect();
        self.plan(PodsGiven::All(&pods), &[])
    }

    fn over(&self, changed: &BTreeSet<Uid>) -> Plan<EndpointSliceWrite> {
        let pods: Vec<_> = changed.iter().filter_map(|uid| self.seen(*uid)).collect();
        let gone: Vec<_> = changed.iter().filter(|uid| !self.pods.contains_key(uid)).copied().collect();
        self.plan(PodsGiven::Changed(&pods, &gone), &[])
    }

    fn apply(&mut self, plan: &Plan<EndpointSliceWrite>) {
        for write in &plan.writes {
            match write {
                EndpointSliceWrite::Create(slice) => {
                    let mut slice = slice.clone();
                    self.uids += 1;
                    slice.meta.name = format!("{}{:05}", slice.meta.generate_name, self.uids).into();
                    slice.meta.uid = Uid(self.uids);
                    self.index.put(Arc::new(*slice));
                }
                EndpointSliceWrite::Update { slice, .. } => drop(self.index.put(Arc::new(EndpointSlice::clone(slice)))),
                EndpointSliceWrite::Delete(name) => drop(self.index.remove(name)),
            }
        }
    }

    fn pass_over_all(&mut self) -> Plan<EndpointSliceWrite> {
        let plan = self.over_all();
        self.apply(&plan);
        plan
    }

    fn sizes(&self) -> Vec<usize> {
        self.index.iter().map(|slice| slice.endpoints.len()).collect()
    }
}

#[test]
fn a_service_without_pods_has_one_empty_slice_and_keeps_it() {
    let mut world = World::with([]);
    let slices: Vec<_> = world.index.iter().cloned().collect();
    assert_eq!(slices.len(), 1);
    assert!(slices[0].endpoints.is_empty() && slices[0].ports.is_empty());
    assert_eq!(slices[0].meta.labels.get(SERVICE_NAME_LABEL), Some("web"));
    assert_eq!(slices[0].meta.labels.get(MANAGED_BY_LABEL), Some("endpointslice-controller.k8s.io"));
    assert_eq!(slices[0].meta.annotations.get(TRIGGER_TIME), Some("T"));
    assert_eq!(world.pass_over_all().writes, []);
}

#[test]
fn the_empty_slice_is_rewritten_for_the_first_pod() {
    let mut world = World::with([]);
    world.pods.insert(Uid(1), READY);
    let plan = world.over(&BTreeSet::from([Uid(1)]));
    assert!(matches!(&plan.writes[..], [EndpointSliceWrite::Update { version: None, .. }]), "{:?}", plan.writes);
    world.apply(&plan);
    assert_eq!(world.sizes(), [1]);
    assert_eq!(world.index.iter().next().map(|slice| slice.ports[0].port), Some(8080));
}

#[test]
fn the_last_pod_leaves_the_empty_slice_behind() {
    let mut world = World::with([1]);
    world.pods.clear();
    let plan = world.over(&BTreeSet::from([Uid(1)]));
    world.apply(&plan);
    assert_eq!(world.sizes(), [0]);
    assert!(world.index.iter().all(|slice| slice.ports.is_empty()));
}

#[test]
fn pods_fill_slices_of_a_hundred() {
    let world = World::with(0..250);
    assert_eq!(world.sizes(), [100, 100, 50]);
}

#[test]
fn a_pod_that_becomes_ready_costs_one_write() {
    let mut world = World::with(0..250);
    world.pods.insert(Uid(120), State { ready: false, ..READY });
    let plan = world.over(&BTreeSet::from([Uid(120)]));
    assert_eq!(plan.writes.len(), 1);
    world.apply(&plan);
    assert_eq!(world.sizes(), [100, 100, 50]);
}

#[test]
fn a_new_pod_takes_the_place_of_one_that_goes_in_the_same_pass() {
    let mut world = World::with(0..250);
    world.pods.remove(&Uid(120));
    world.pods.insert(Uid(300), READY);
    let plan = world.over(&BTreeSet::from([Uid(120), Uid(300)]));
    assert_eq!(plan.writes.len(), 1);
    world.apply(&plan);
    assert_eq!(world.sizes(), [100, 100, 50]);
}

#[test]
fn a_terminating_pod_still_serves() {
    let mut world = World::with([1]);
    world.pods.insert(Uid(1), State { terminating: true, ..READY });
    world.pass_over_all();
    let conditions: Vec<_> = world.index.iter().map(|slice| slice.endpoints[0].conditions).collect();
    assert_eq!(
        conditions.iter().map(|c| (c.ready, c.serving, c.terminating)).collect::<Vec<_>>(),
        [(false, true, true)]
    );
}

#[test]
fn labels_of_the_service_are_mirrored_and_reserved_ones_are_not() {
    let mut world = World::with([1]);
    world.service.meta.labels = [("tier", "front"), (MANAGED_BY_LABEL, "me")].into_iter().collect();
    assert_eq!(world.pass_over_all().writes.len(), 1);
    let labels = world.index.iter().next().map(|slice| slice.meta.labels.clone()).unwrap_or_default();
    assert_eq!(
        (labels.get("tier"), labels.get(MANAGED_BY_LABEL)),
        (Some("front"), Some("endpointslice-controller.k8s.io"))
    );
    assert_eq!(labels.get(HEADLESS_LABEL), None);
}

#[test]
fn another_target_port_moves_all_endpoints_by_rewriting_slices() {
    let mut world = World::with(0..150);
    world.service.spec.ports[0].target_port = IntOrString::Int(9090);
    let plan = world.pass_over_all();
    assert!(plan.writes.iter().all(|write| matches!(write, EndpointSliceWrite::Update { version: None, .. })));
    assert_eq!(world.sizes(), [100, 50]);
    assert!(world.index.iter().all(|slice| slice.ports[0].port == 9090));
}

#[test]
fn a_named_port_that_the_pods_lack_leaves_slices_without_it() {
    let mut world = World::new();
    world.service.spec.ports[0].target_port = IntOrString::String("web".into());
    world.pods.insert(Uid(1), READY);
    world.pass_over_all();
    assert!(world.index.iter().all(|slice| slice.ports.is_empty() && slice.endpoints.len() == 1));
}

#[test]
fn a_refused_write_ends_the_pass_with_an_event() {
    let mut world = World::new();
    world.pods.insert(Uid(1), READY);
    let pods: Vec<_> = world.pods.keys().filter_map(|uid| world.seen(*uid)).collect();
    let refusal = Refusal::new(Reason::Forbidden, "exceeded quota");
    let plan = drive(|replies| world.plan(PodsGiven::All(&pods), replies), |_, _| Reply::refused(refusal.clone()));
    let message = "Error updating Endpoint Slices for Service shop/web: failed to create EndpointSlice for Service \
                   shop/web: exceeded quota";
    assert_eq!(plan.events.iter().map(|(_, event)| &*event.message).collect::<Vec<_>>(), [message]);
    assert!(plan.error.is_some());
}

#[test]
fn a_pass_that_has_not_seen_its_own_writes_gives_up_in_silence() {
    let world = World::with([1]);
    let slices = &world.index;
    let pods = PodsGiven::All(&[]);
    let inputs = EndpointSliceInputs { service: &world.service, pods, slices, trigger_time: None, stale: true };
    let plan = reconcile_endpoint_slices(&inputs, &[]);
    assert!(plan.writes.is_empty() && plan.events.is_empty() && plan.error.is_some());
}

#[test]
fn the_trigger_is_the_earliest_change_since_the_last_pass() {
    let mut world = World::with([1, 2]);
    world.service.meta.creation = Some(Time::from_seconds(0));
    let mut times = TriggerTimes::default();
    let note = |times: &mut TriggerTimes, world: &World, changed: &[u64]| {
        let pods: Vec<_> = changed.iter().filter_map(|uid| world.seen(Uid(*uid))).collect();
        times.note(&world.service, PodsGiven::Changed(&pods, &[]))
    };
    assert_eq!(
        note(&mut times, &world, &[1, 2]),
        Some(Time::from_seconds(0)),
        "a new Service counts from its creation"
    );
    assert_eq!(note(&mut times, &world, &[1]), None);
    world.pods.insert(Uid(1), State { since: 9, ..READY });
    world.pods.insert(Uid(2), State { since: 8, ..READY });
    assert_eq!(note(&mut times, &world, &[1, 2]), Some(Time::from_seconds(8)));
}

fn change() -> impl Strategy<Value = (u64, Option<State>)> {
    let state = (any::<bool>(), any::<bool>(), any::<bool>(), 0_i64..50)
        .prop_map(|(has_address, ready, terminating, since)| State { has_address, ready, terminating, since });
    (0_u64..260, prop_oneof![1 => Just(None), 2 => Just(Some(READY)), 1 => state.prop_map(Some)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_pass_over_changed_pods_writes_what_a_pass_over_all_pods_writes(
        start in prop_oneof![Just(0_u64), Just(3), Just(199), Just(230)],
        steps in prop::collection::vec(prop::collection::vec(change(), 1..40), 1..12),
    ) {
        let mut world = World::with(0..start);
        for step in steps {
            let mut changed = BTreeSet::new();
            for (uid, state) in step {
                changed.insert(Uid(uid));
                match state {
                    Some(state) => drop(world.pods.insert(Uid(uid), state)),
                    None => drop(world.pods.remove(&Uid(uid))),
                }
            }
            let plan = world.over(&changed);
            prop_assert_eq!(&plan, &world.over_all());
            world.apply(&plan);
            prop_assert_eq!(world.over_all().writes, [], "a pass leaves nothing to do");
            let standing: Vec<_> = world.index.iter().flat_map(|slice| slice.endpoints.iter()).collect();
            let wanted = world.pods.values().filter(|state| state.has_address).count();
            prop_assert_eq!(standing.len(), wanted);
            prop_assert!(world.sizes().iter().all(|len| *len <= MAX_ENDPOINTS));
        }
    }
}
