//! What the network is told: of endpoints when their slices are stored, of processes when they start, turn,
//! are asked to stop and end.

use crate::cluster::Cluster;
use crate::pods::sights::Move;
use crate::services::ZONE_LABEL;
use crate::traffic::config;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::container::Hook;
use wavetank_model::{Document, Endpoint, EndpointSlice, Kind, PodKey, StringMap, Uid};
use wavetank_network::{EndpointState, Node, PodStart, ServiceId, Zone};
use wavetank_node::Stage;
use wavetank_store::{Change, PodRecord};

impl Cluster {
    /// A change was stored.
    pub(crate) fn traffic_sees(&mut self, change: &Change) {
        let Change::Document { key, old, new } = change else { return };
        match new.as_ref().or(old.as_ref()).map(|document| document.kind) {
            Some(Kind::EndpointSlice) => self.traffic_sees_slice(old.as_deref(), new.as_deref()),
            Some(Kind::Service) => {
                if self.traffic.uses_names {
                    self.names_see_service(*key, old.as_deref(), new.as_deref());
                }
                let Some(service) = new.as_ref().and_then(|document| document.service()) else { return };
                let (config, now) = (config(&service, self.traffic.balancing), self.now);
                let ports = self.traffic.ports.iter().filter(|((of, _), _)| of == key);
                for id in ports.map(|(_, id)| *id).collect::<Vec<_>>() {
                    self.network().set_service(now, id, config);
                }
            }
            Some(Kind::Ingress) => {
                for (key, id) in self.traffic.ingresses.clone() {
                    if let Some(config) = self.ingress_config(key) {
                        let now = self.now;
                        self.network().set_ingress(now, id, config);
                    }
                }
            }
            _ => {}
        }
    }

    fn traffic_sees_slice(&mut self, old: Option<&Document>, new: Option<&Document>) {
        let slice = |document: Option<&Document>| document.and_then(Document::endpoint_slice);
        let (old, new) = (slice(old), slice(new));
        let Some(of) = new.as_ref().or(old.as_ref()) else { return };
        let Some(key) =
            of.service_name().and_then(|name| self.store.document_key(Kind::Service, &of.meta.namespace, name))
        else {
            // The Service is gone already: whoever sends to its port finds it by the port.
            return self.withdraw_slice(of);
        };
        let ports = self.traffic.ports.iter().filter(|((of, _), _)| *of == key);
        for (port, id) in ports.map(|((_, port), id)| (Arc::clone(port), *id)).collect::<Vec<_>>() {
            self.publish_slice(id, &port, old.as_ref(), new.as_ref());
        }
        if self.traffic.uses_names {
            self.names_see_slice(key, old.as_ref(), new.as_ref());
        }
    }

    /// A slice has changed from one state to another, as far as a port of its Service goes.
    pub(crate) fn publish_slice(
        &mut self,
        service: ServiceId,
        port: &str,
        old: Option<&EndpointSlice>,
        new: Option<&EndpointSlice>,
    ) {
        let Some(name) = new.or(old).map(|slice| Arc::clone(&slice.meta.name)) else { return };
        let (gone, changed) = changes(with_port(old, port), with_port(new, port));
        for uid in gone {
            self.place_endpoint(service, uid, &name, None);
        }
        for endpoint in changed {
            let Some(pod) = endpoint.pod else { continue };
            let record = self.store.pod(pod.key).filter(|record| record.uid() == pod.uid);
            let state = record.map(|record| self.endpoint_state(endpoint, record.state().node));
            if state.is_some() {
                self.know_pod(pod.uid, pod.key);
            }
            self.place_endpoint(service, pod.uid, &name, state);
        }
    }

    fn endpoint_state(&self, endpoint: &Endpoint, node: Option<u32>) -> EndpointState {
        let state = EndpointState::new(endpoint.conditions, Node(node.unwrap_or(u32::MAX)));
        let Some(hints) = &endpoint.hints else { return state };
        let for_node = hints.nodes.first().and_then(|name| self.network_node(name).ok());
        let for_zone = hints.zones.first().map(|zone| self.zone_number(zone).unwrap_or(Zone(u32::MAX)));
        EndpointState { for_node, for_zone, ..state }
    }

    fn zone_number(&self, zone: &str) -> Option<Zone> {
        let place = self.traffic.zones.iter().position(|known| **known == *zone)?;
        u32::try_from(place).ok().map(Zone)
    }

    /// The proxies read the zones of their nodes.
    pub(crate) fn tell_zones(&mut self) {
        let zone = |labels: &StringMap| labels.get(ZONE_LABEL).filter(|zone| !zone.is_empty()).map(Arc::<str>::from);
        let nodes: Vec<_> = self.store.nodes().map(|(number, node)| (Node(number), zone(&node.labels))).collect();
        for (node, zone) in nodes {
            let number = zone.map(|zone| {
                self.zone_number(&zone).unwrap_or_else(|| {
                    self.traffic.zones.push(zone);
                    Zone(u32::try_from(self.traffic.zones.len() - 1).unwrap_or(u32::MAX))
                })
            });
            self.network().set_zone(node, number);
        }
    }

    /// An endpoint stands in a slice, or does not any more. It counts as long as it stands in any.
    fn place_endpoint(&mut self, service: ServiceId, uid: Uid, slice: &Arc<str>, state: Option<EndpointState>) {
        let places = self.traffic.places.entry((service, uid)).or_default();
        let last = places.last_key_value().map(|(_, state)| *state);
        match state {
            Some(state) => drop(places.insert(Arc::clone(slice), state)),
            None => drop(places.remove(slice)),
        }
        let now_last = state.or_else(|| places.last_key_value().map(|(_, state)| *state));
        if places.is_empty() {
            self.traffic.places.remove(&(service, uid));
        }
        if last != now_last {
            let now = self.now;
            self.network().publish(now, service, uid, now_last);
        }
    }

    fn withdraw_slice(&mut self, slice: &EndpointSlice) {
        let services: BTreeSet<ServiceId> = self.traffic.ports.values().copied().collect();
        for uid in slice.endpoints.iter().filter_map(|endpoint| Some(endpoint.pod?.uid)) {
            for service in &services {
                let stands = self.traffic.places.get(&(*service, uid));
                if stands.is_some_and(|places| places.contains_key(&slice.meta.name)) {
                    self.place_endpoint(*service, uid, &slice.meta.name, None);
                }
            }
        }
    }

    /// Tells the network of a pod that it is to send to for the first time.
    fn know_pod(&mut self, uid: Uid, key: PodKey) {
        if !self.traffic.pods.insert(uid) {
            return;
        }
        self.rouse(key);
        if let Some(machine) = self.machines.get(key) {
            let (started, is_asked) = (machine.started(0), machine.is_asked_to_stop(0));
            if let Some(started) = started {
                self.process_started(key, started);
            }
            if is_asked {
                let now = self.now;
                self.network().pod_is_asked_to_stop(now, uid);
            }
            return;
        }
        match self.pod_run(key).map(|run| run.stage()) {
            Some(Stage::Running { started, .. }) => self.process_started(key, started),
            Some(Stage::Stopping { .. }) => {
                let now = self.now;
                self.process_started(key, now);
                self.network().pod_is_asked_to_stop(now, uid);
            }
            _ => {}
        }
    }

    /// The process of a pod that the network knows has started.
    fn process_started(&mut self, key: PodKey, started: Time) {
        let Some(pod) = self.store.pod(key) else { return };
        let (uid, node) = (pod.uid(), Node(pod.state().node.unwrap_or(u32::MAX)));
        let template = self.store.template_of(&pod);
        let image = template.facts.images.first().cloned().unwrap_or_default();
        let app = self.app_of(&pod, &image);
        let answers = self.answers_after(key, &pod);
        let listens = match app.listens_after.or(answers) {
            Some(after) => started + after,
            None => Time::MAX,
        };
        let version = template.labels.get("version").map_or_else(|| tag(&image), Arc::from);
        let (now, start) = (self.now, PodStart { node, version, app: app.behaviour, listens });
        self.network().pod_starts(now, uid, start);
        self.traffic_sees_serving(key);
    }

    fn answers_after(&self, key: PodKey, pod: &PodRecord) -> Option<Duration> {
        if let Some(machine) = self.machines.get(key) {
            return self.node_model.first_answer(&crate::pods::life::context(&self.store, pod, self.seed), machine);
        }
        let run = self.pod_run(key)?;
        self.node_model.answers_after(&crate::pods::life::context(&self.store, pod, self.seed), run)
    }

    /// A step of a pod on its node: whether its process exited, and where it stands now.
    pub(crate) fn traffic_sees_step(&mut self, key: PodKey, exited: bool) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid()).filter(|uid| self.traffic.pods.contains(uid)) else {
            return;
        };
        let now = self.now;
        if exited {
            self.network().pod_stops(now, uid);
        }
        if let Some(Stage::Running { started, .. }) = self.pod_run(key).map(|run| run.stage())
            && started == now
        {
            self.process_started(key, started);
        }
    }

    /// What happened to the process of a pod that has a machine.
    pub(crate) fn traffic_sees_move(&mut self, key: PodKey, at: Time, what: Move) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid()).filter(|uid| self.traffic.pods.contains(uid)) else {
            return;
        };
        let now = self.now;
        match what {
            Move::Starts => self.process_started(key, at),
            Move::IsAskedToStop => self.network().pod_is_asked_to_stop(now, uid),
            Move::Exits => self.network().pod_stops(now, uid),
        }
    }

    /// The deletion of a pod has reached its node: its process is asked to stop once its hook is done.
    pub(crate) fn traffic_sees_deletion(&mut self, key: PodKey, grace_seconds: i64) {
        let Some(pod) = self.store.pod(key).filter(|pod| self.traffic.pods.contains(&pod.uid())) else { return };
        let hook = pre_stop(&self.store.template_facts(pod.template()).facts);
        let grace = Duration::from_secs(u64::try_from(grace_seconds).unwrap_or(0));
        let (uid, at) = (pod.uid(), self.now + hook.min(grace));
        self.network().pod_will_be_asked_to_stop(at, uid);
    }

    /// A pod's process has ended with its pod.
    pub(crate) fn traffic_sees_end(&mut self, key: PodKey) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid()).filter(|uid| self.traffic.pods.remove(uid)) else {
            return;
        };
        self.traffic.turns.remove(&uid);
        self.traffic.pod_apps.remove(&uid);
        let now = self.now;
        self.network().pod_stops(now, uid);
    }
}

/// The endpoints of a slice with a port. A Service without ports is one without addresses of its own, whose pods
/// are found by name.
fn with_port<'a>(slice: Option<&'a EndpointSlice>, port: &str) -> &'a [Endpoint] {
    let has = |slice: &&EndpointSlice| {
        slice.ports.iter().any(|own| *own.name == *port) || (slice.ports.is_empty() && port.is_empty())
    };
    slice.filter(has).map_or(&[], |slice| slice.endpoints.as_slice())
}

/// Pods that stand in a slice no more, and endpoints that are new or changed. Most are neither, and stand in the
/// same order as before.
fn changes<'a>(old: &[Endpoint], new: &'a [Endpoint]) -> (Vec<Uid>, Vec<&'a Endpoint>) {
    let uid = |endpoint: &Endpoint| endpoint.pod.map(|pod| pod.uid);
    let (mut gone, mut changed): (BTreeSet<Uid>, Vec<&Endpoint>) = (BTreeSet::new(), Vec::new());
    let mut coming = new.iter().peekable();
    for before in old {
        match coming.next_if(|now| uid(now) == uid(before)) {
            Some(now) if now != before => changed.push(now),
            Some(_) => {}
            None => gone.extend(uid(before)),
        }
    }
    for endpoint in coming {
        if let Some(pod) = uid(endpoint) {
            gone.remove(&pod);
        }
        changed.push(endpoint);
    }
    (gone.into_iter().collect(), changed)
}

/// How long the hook of a pod's first container sleeps before the container is asked to stop.
pub(crate) fn pre_stop(facts: &wavetank_model::TemplateFacts) -> Duration {
    match facts.containers.first().and_then(|container| container.pre_stop.as_ref()) {
        Some(Hook::Sleep(seconds)) => Duration::from_secs(u64::try_from(*seconds).unwrap_or(0)),
        Some(Hook::Handler(_)) | None => Duration::ZERO,
    }
}

/// The tag of an image, or the whole of it.
fn tag(image: &Arc<str>) -> Arc<str> {
    let after_path = image.rsplit('/').next().unwrap_or_default();
    after_path.split_once(':').map_or_else(|| Arc::clone(image), |(_, tag)| tag.into())
}
