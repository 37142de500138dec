//! Requests to the pods of this cluster: what the network is told, and what a user asks it.
//!
//! The network is told of slices when they are stored, of processes when they start, are asked to stop and
//! end, and of nothing else. At one instant the cluster comes first, then the requests.
//!
//! ```
//! use core::time::Duration;
//! use wavetank::{Cluster, ImageBehaviour, Load, Source};
//!
//! let mut cluster = Cluster::builder().image("web:1", ImageBehaviour::new()).build();
//! cluster.create("
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: web}
//! spec:
//!   replicas: 2
//!   selector: {matchLabels: {app: web}}
//!   template:
//!     metadata: {labels: {app: web}}
//!     spec: {containers: [{name: web, image: 'web:1'}]}
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata: {name: web}
//! spec: {selector: {app: web}, ports: [{port: 80}]}
//! ")?;
//! cluster.run_for(Duration::from_secs(5));
//! let target = cluster.service_target("web", "80")?;
//! let origin = cluster.inside("node-1")?;
//! cluster.send(Source::new("client", origin, target, Load::curl_loop(Duration::from_millis(500))))?;
//! cluster.run_for(Duration::from_secs(60));
//! cluster.traffic_report().expect_no_request_lost();
//! # Ok::<(), wavetank::Error>(())
//! ```

use crate::cluster::Cluster;
use crate::error::Error;
use crate::pod_sights::Move;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_engine::{Seed, Time};
use wavetank_model::container::Hook;
use wavetank_model::{
    Document, DocumentKey, EndpointSlice, Ingress, IngressBackend, Kind, PodKey, Reason, Refusal, Service, ServiceType,
    Uid,
};
use wavetank_network::{
    AppBehaviour, Balancing, EndpointState, FluidReport, IngressConfig, IngressId, Network, NetworkError, Node, Origin,
    Outcome, PodStart, ProxyDelay, Report, ServiceConfig, ServiceId, Source, SourceId, Target,
};
use wavetank_node::Stage;
use wavetank_store::{Change, PodRecord};

/// How the containers of an image take requests.
///
/// An image of which nothing is said serves any number at once in no time, listens as soon as it could be
/// ready, and accepts requests until it is killed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// How it serves and how it stops.
    pub behaviour: AppBehaviour,
    /// Time from the start of the container until it takes connections; none: as its
    /// [`ImageBehaviour`](crate::ImageBehaviour) says of its first answer. Without a readiness probe a pod is
    /// sent requests whether it listens or not.
    pub listens_after: Option<Duration>,
}

/// The network of a cluster and what belongs to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// None until somebody sends.
    pub(crate) network: Option<Box<Network>>,
    propagation: ProxyDelay,
    balancing: Balancing,
    apps: BTreeMap<Arc<str>, App>,
    /// Ports of Services that somebody sends to.
    ports: BTreeMap<(DocumentKey, Arc<str>), ServiceId>,
    /// The slices in which an endpoint stands; rarely more than one.
    places: BTreeMap<(ServiceId, Uid), BTreeMap<Arc<str>, EndpointState>>,
    ingresses: BTreeMap<DocumentKey, IngressId>,
    /// Pods that the network knows.
    pods: BTreeSet<Uid>,
}

impl Traffic {
    /// Whether anybody sends.
    pub(crate) const fn is_on(&self) -> bool {
        self.network.is_some()
    }

    /// When something happens next to a request.
    pub(crate) fn next_due(&mut self) -> Option<Time> {
        self.network.as_mut()?.next_due()
    }

    pub(crate) fn advance(&mut self, now: Time) {
        if let Some(network) = &mut self.network {
            network.advance(now);
        }
    }
}

impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        Refusal::new(Reason::Invalid, error.to_string()).into()
    }
}

/// What the network has to know of a Service.
fn config(service: &Service, balancing: Balancing) -> ServiceConfig {
    ServiceConfig {
        balancing,
        affinity: service.spec.session_affinity,
        internal_policy: service.spec.internal_traffic_policy,
        external_policy: service.spec.external_traffic_policy,
    }
}

impl Cluster {
    /// How long the proxies take to learn of changes. Only before the first source.
    pub fn set_propagation(&mut self, propagation: ProxyDelay) {
        self.traffic.propagation = propagation;
    }

    /// Gives the proxy of a node another delay, for changes from now on.
    ///
    /// # Errors
    /// `NotFound` if there is no such node.
    pub fn set_proxy_delay(&mut self, node: &str, delay: Duration) -> Result<(), Error> {
        let node = self.network_node(node)?;
        let now = self.now;
        self.traffic.propagation.of_node.insert(node, delay);
        if let Some(network) = &mut self.traffic.network {
            network.set_proxy_delay(now, node, delay);
        }
        Ok(())
    }

    /// How the proxies pick pods. Only for Services that nobody has sent to yet.
    pub const fn set_balancing(&mut self, balancing: Balancing) {
        self.traffic.balancing = balancing;
    }

    /// From now on containers of an image that start take requests so.
    ///
    /// # Errors
    /// The field of the behaviour that cannot be.
    pub fn set_app(&mut self, image: &str, app: App) -> Result<(), Error> {
        app.behaviour.check()?;
        self.traffic.apps.insert(image.into(), app);
        Ok(())
    }

    fn network_node(&self, name: &str) -> Result<Node, Error> {
        let found = self.store.nodes().find(|(_, node)| *node.name == *name);
        Ok(Node(found.ok_or_else(|| Refusal::not_found("nodes", name))?.0))
    }

    /// A client in a pod on a node.
    ///
    /// # Errors
    /// `NotFound` if there is no such node.
    pub fn inside(&self, node: &str) -> Result<Origin, Error> {
        self.network_node(node).map(Origin::Inside)
    }

    /// A client outside of the cluster, which comes by a port of a node.
    ///
    /// # Errors
    /// `NotFound` if there is no such node.
    pub fn outside(&self, node: &str) -> Result<Origin, Error> {
        self.network_node(node).map(Origin::Outside)
    }

    fn network(&mut self) -> &mut Network {
        let (seed, propagation) = (Seed(self.seed), &self.traffic.propagation);
        self.traffic.network.get_or_insert_with(|| Box::new(Network::new(seed, propagation.clone())))
    }

    /// A port of a Service, by name or number, to send to.
    ///
    /// # Errors
    /// `NotFound` if there is no such Service, `Invalid` if it has no such port or no pods by its type.
    pub fn service_target(&mut self, service: &str, port: &str) -> Result<Target, Error> {
        let key = self.document_key(Kind::Service, service)?;
        let document = self.document(Kind::Service, service)?;
        let invalid = |fault: String| Error::from(Refusal::new(Reason::Invalid, fault));
        let service =
            document.service().unwrap_or_else(|| Service { meta: document.meta.clone(), spec: Default::default() });
        let name = &service.meta.name;
        if service.spec.kind == ServiceType::ExternalName {
            return Err(invalid(format!("services \"{name}\": spec.type: an ExternalName has no endpoints")));
        }
        let port =
            service.port(port).ok_or_else(|| invalid(format!("services \"{name}\": spec.ports: no port {port}")))?;
        let port = Arc::clone(&port.name);
        if let Some(known) = self.traffic.ports.get(&(key, Arc::clone(&port))) {
            return Ok(Target::Service(*known));
        }
        let config = config(&service, self.traffic.balancing);
        let id = self.network().add_service(config);
        self.traffic.ports.insert((key, Arc::clone(&port)), id);
        let slices: Vec<EndpointSlice> = self
            .store
            .documents(Kind::EndpointSlice)
            .filter_map(|(_, document)| document.endpoint_slice())
            .filter(|slice| slice.meta.namespace == service.meta.namespace)
            .filter(|slice| slice.service_name() == Some(&*service.meta.name))
            .collect();
        for slice in slices {
            self.publish_slice(id, &port, None, Some(&slice));
        }
        Ok(Target::Service(id))
    }

    /// An Ingress to send to, for requests of a host and a path.
    ///
    /// An Ingress with the same host and path and ingress-nginx's canary annotations is its canary.
    ///
    /// # Errors
    /// `NotFound` if there is no such Ingress.
    pub fn ingress_target(&mut self, ingress: &str, host: &str, path: &str) -> Result<Target, Error> {
        let key = self.document_key(Kind::Ingress, ingress)?;
        let id = if let Some(id) = self.traffic.ingresses.get(&key) {
            *id
        } else {
            let config =
                self.ingress_config(key).ok_or_else(|| Refusal::not_found(Kind::Ingress.resource(), ingress))?;
            let id = self.network().add_ingress(config);
            self.traffic.ingresses.insert(key, id);
            id
        };
        Ok(Target::ingress(id, host, path))
    }

    fn ingress_config(&mut self, key: DocumentKey) -> Option<IngressConfig> {
        let ingress = self.store.document(key)?.stored.as_ref()?.ingress()?;
        let shares_a_path = |other: &Ingress| {
            let mut paths =
                ingress.rules.iter().flat_map(|rule| rule.paths.iter().map(|path| (&rule.host, &path.path)));
            paths.any(|(host, path)| {
                other.rules.iter().any(|rule| rule.host == *host && rule.paths.iter().any(|own| own.path == *path))
            })
        };
        let canary = self
            .store
            .documents(Kind::Ingress)
            .filter_map(|(_, document)| document.ingress())
            .filter(|other| other.canary.is_some() && other.meta.namespace == ingress.meta.namespace)
            .find(|other| other.meta.uid != ingress.meta.uid && shares_a_path(other));
        let mut backends: BTreeSet<IngressBackend> = BTreeSet::new();
        for of in core::iter::once(&ingress).chain(&canary) {
            backends.extend(of.default_backend.iter().cloned());
            backends.extend(of.rules.iter().flat_map(|rule| &rule.paths).map(|path| path.backend.clone()));
        }
        let mut services = BTreeMap::new();
        for backend in backends {
            let name = format!("{}/{}", ingress.meta.namespace, backend.service);
            // A backend that is not there has no endpoints: its requests are lost, not refused at creation.
            if let Ok(Target::Service(id)) = self.service_target(&name, &backend.port) {
                services.insert(backend, id);
            }
        }
        let node = Node(self.store.nodes().next().map_or(0, |(number, _)| number));
        Some(IngressConfig { canary, ..IngressConfig::new(ingress, services, node) })
    }

    /// A source begins to send.
    ///
    /// # Errors
    /// The field of the source that cannot be.
    pub fn send(&mut self, source: Source) -> Result<SourceId, Error> {
        // What was done just now is to be seen by the first request.
        self.settle();
        let now = self.now;
        Ok(self.network().start(now, source)?)
    }

    /// A source sends no more; what is in flight still ends.
    pub fn stop_sending(&mut self, source: SourceId) {
        let now = self.now;
        if let Some(network) = &mut self.traffic.network {
            network.stop(now, source);
        }
    }

    /// What became of all requests so far, fluids apart.
    #[must_use]
    pub fn traffic_report(&self) -> Report {
        self.traffic.network.as_ref().map_or_else(Report::default, |network| network.report())
    }

    /// What became of the requests of one source so far.
    #[must_use]
    pub fn traffic_report_of(&self, source: SourceId) -> Report {
        self.traffic.network.as_ref().map_or_else(Report::default, |network| network.report_of(source))
    }

    /// What is expected of a fluid source so far.
    #[must_use]
    pub fn fluid_report(&self, source: SourceId) -> Option<FluidReport> {
        self.traffic.network.as_ref()?.fluid_report(source)
    }

    /// The outcomes of sources that keep them, since this was asked last.
    pub fn take_outcomes(&mut self) -> Vec<Outcome> {
        self.traffic.network.as_mut().map(|network| network.take_outcomes()).unwrap_or_default()
    }

    /// Requests that a pod has in flight, and those that it has answered.
    #[must_use]
    pub fn requests_of(&self, pod: PodKey) -> (u64, u64) {
        let uid = self.store.pod(pod).map(|pod| pod.uid);
        self.traffic.network.as_ref().zip(uid).map_or((0, 0), |(network, uid)| network.load_of(uid))
    }

    /// A change was stored.
    pub(crate) fn traffic_sees(&mut self, change: &Change) {
        let Change::Document { key, old, new } = change else { return };
        match new.as_ref().or(old.as_ref()).map(|document| document.kind) {
            Some(Kind::EndpointSlice) => self.traffic_sees_slice(old.as_deref(), new.as_deref()),
            Some(Kind::Service) => {
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
            return self.withdraw_slice(&of.meta.name.clone());
        };
        let ports = self.traffic.ports.iter().filter(|((of, _), _)| *of == key);
        for (port, id) in ports.map(|((_, port), id)| (Arc::clone(port), *id)).collect::<Vec<_>>() {
            self.publish_slice(id, &port, old.as_ref(), new.as_ref());
        }
    }

    /// A slice has changed from one state to another, as far as a port of its Service goes.
    fn publish_slice(
        &mut self,
        service: ServiceId,
        port: &str,
        old: Option<&EndpointSlice>,
        new: Option<&EndpointSlice>,
    ) {
        let states = |slice: Option<&EndpointSlice>| -> BTreeMap<Uid, (PodKey, EndpointState)> {
            let slice = slice.filter(|slice| slice.ports.iter().any(|own| *own.name == *port));
            let endpoints = slice.into_iter().flat_map(|slice| slice.endpoints.iter());
            endpoints
                .filter_map(|endpoint| {
                    let pod = endpoint.pod?;
                    let number = self.store.pod(pod.key).filter(|record| record.uid == pod.uid)?.state.node;
                    let state = EndpointState {
                        conditions: endpoint.conditions,
                        node: Node(number.unwrap_or(u32::MAX)),
                        weight: 1,
                    };
                    Some((pod.uid, (pod.key, state)))
                })
                .collect()
        };
        let Some(name) = new.or(old).map(|slice| Arc::clone(&slice.meta.name)) else { return };
        let after = states(new);
        // An endpoint may be gone with its pod, so that the old state is known here only.
        let before = old.map(|old| old.endpoints.iter().filter_map(|endpoint| Some(endpoint.pod?.uid)).collect());
        let before: Vec<Uid> = before.unwrap_or_default();
        for uid in before.into_iter().filter(|uid| !after.contains_key(uid)) {
            self.place_endpoint(service, uid, &name, None);
        }
        for (uid, (key, state)) in after {
            self.know_pod(uid, key);
            self.place_endpoint(service, uid, &name, Some(state));
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

    fn withdraw_slice(&mut self, slice: &Arc<str>) {
        let places = self.traffic.places.iter().filter(|(_, places)| places.contains_key(slice));
        for (service, uid) in places.map(|(of, _)| *of).collect::<Vec<_>>() {
            self.place_endpoint(service, uid, slice, None);
        }
    }

    /// Tells the network of a pod that it is to send to for the first time.
    fn know_pod(&mut self, uid: Uid, key: PodKey) {
        if !self.traffic.pods.insert(uid) {
            return;
        }
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
        match self.runs.get(key).map(|run| run.stage()) {
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
        let (uid, node) = (pod.uid, Node(pod.state.node.unwrap_or(u32::MAX)));
        let template = self.store.template_of(pod);
        let image = template.facts.images.first().cloned().unwrap_or_default();
        let app = self.traffic.apps.get(&image).cloned().unwrap_or_default();
        let answers = self.answers_after(key, pod);
        let listens = match app.listens_after.or(answers) {
            Some(after) => started + after,
            None => Time::MAX,
        };
        let version = template.labels.get("version").map_or_else(|| tag(&image), Arc::from);
        let (now, start) = (self.now, PodStart { node, version, app: app.behaviour, listens });
        self.network().pod_starts(now, uid, start);
    }

    fn answers_after(&self, key: PodKey, pod: &PodRecord) -> Option<Duration> {
        if let Some(machine) = self.machines.get(key) {
            return self.node_model.first_answer(&crate::pod_life::context(&self.store, pod, self.seed), machine);
        }
        let run = self.runs.get(key)?;
        self.node_model.answers_after(&crate::pod_life::context(&self.store, pod, self.seed), run)
    }

    /// A step of a pod on its node: whether its process exited, and where it stands now.
    pub(crate) fn traffic_sees_step(&mut self, key: PodKey, exited: bool) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid).filter(|uid| self.traffic.pods.contains(uid)) else {
            return;
        };
        let now = self.now;
        if exited {
            self.network().pod_stops(now, uid);
        }
        if let Some(Stage::Running { started, .. }) = self.runs.get(key).map(|run| run.stage())
            && started == now
        {
            self.process_started(key, started);
        }
    }

    /// What happened to the process of a pod that has a machine.
    pub(crate) fn traffic_sees_move(&mut self, key: PodKey, at: Time, what: Move) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid).filter(|uid| self.traffic.pods.contains(uid)) else {
            return;
        };
        let now = self.now;
        match what {
            Move::Starts => self.process_started(key, at),
            Move::IsAskedToStop => self.network().pod_is_asked_to_stop(now, uid),
            Move::Exits => self.network().pod_stops(now, uid),
            Move::Hangs(hangs) => self.network().pod_hangs(now, uid, hangs),
        }
    }

    /// The deletion of a pod has reached its node: its process is asked to stop once its hook is done.
    pub(crate) fn traffic_sees_deletion(&mut self, key: PodKey, grace_seconds: i64) {
        let Some(pod) = self.store.pod(key).filter(|pod| self.traffic.pods.contains(&pod.uid)) else { return };
        let hook = pre_stop(&self.store.template_facts(pod.template).facts);
        let grace = Duration::from_secs(u64::try_from(grace_seconds).unwrap_or(0));
        let (uid, at) = (pod.uid, self.now + hook.min(grace));
        self.network().pod_will_be_asked_to_stop(at, uid);
    }

    /// A pod's process has ended with its pod.
    pub(crate) fn traffic_sees_end(&mut self, key: PodKey) {
        let Some(uid) = self.store.pod(key).map(|pod| pod.uid).filter(|uid| self.traffic.pods.remove(uid)) else {
            return;
        };
        let now = self.now;
        self.network().pod_stops(now, uid);
    }
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
