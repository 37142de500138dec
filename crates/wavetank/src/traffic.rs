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

pub mod names;
pub(crate) mod sights;

use crate::cluster::Cluster;
use crate::error::Error;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_engine::{Seed, Time};
use wavetank_model::{
    DocumentKey, EndpointSlice, Ingress, IngressBackend, Kind, PodKey, Reason, Refusal, Service, ServiceType, Uid,
};
use wavetank_network::{
    AppBehaviour, Balancing, EndpointState, FluidReport, IngressConfig, IngressId, Network, NetworkError, Node, Origin,
    Outcome, ProxyDelay, Report, ServiceConfig, ServiceId, Source, SourceId, Target,
};

/// How the containers of an image take requests.
///
/// An image of which nothing is said here follows its [`ImageBehaviour`](crate::ImageBehaviour): it serves any
/// number at once, each in the time in which it answers a probe, listens as soon as it could be ready, and stops
/// as it hears `SIGTERM` there. Health is always the one of the `ImageBehaviour`: a container that fails its
/// readiness probe answers requests with errors, one in a deadlock answers nothing, one that leaks answers later
/// and later.
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
    pub(crate) balancing: Balancing,
    pub(crate) apps: BTreeMap<Arc<str>, App>,
    /// Pods that behave otherwise than their image.
    pub(crate) pod_apps: BTreeMap<Uid, App>,
    /// When pods serve otherwise by themselves.
    pub(crate) turns: BTreeMap<Uid, Time>,
    /// Whether somebody asks the cluster's DNS.
    pub(crate) uses_names: bool,
    pub(crate) dns_delay: Option<Duration>,
    /// Zones of nodes, by number.
    pub(crate) zones: Vec<Arc<str>>,
    /// Ports of Services that somebody sends to.
    pub(crate) ports: BTreeMap<(DocumentKey, Arc<str>), ServiceId>,
    /// The slices in which an endpoint stands; rarely more than one.
    pub(crate) places: BTreeMap<(ServiceId, Uid), BTreeMap<Arc<str>, EndpointState>>,
    pub(crate) ingresses: BTreeMap<DocumentKey, IngressId>,
    /// Pods that the network knows.
    pub(crate) pods: BTreeSet<Uid>,
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
pub(crate) fn config(service: &Service, balancing: Balancing) -> ServiceConfig {
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

    /// From now on containers of an image that start take requests so, instead of as their
    /// [`ImageBehaviour`](crate::ImageBehaviour) says.
    ///
    /// # Errors
    /// The field of the behaviour that cannot be.
    pub fn set_app(&mut self, image: &str, app: App) -> Result<(), Error> {
        app.behaviour.check()?;
        self.traffic.apps.insert(image.into(), app);
        Ok(())
    }

    pub(crate) fn network_node(&self, name: &str) -> Result<Node, Error> {
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

    pub(crate) fn network(&mut self) -> &mut Network {
        let (seed, propagation) = (Seed(self.seed), &self.traffic.propagation);
        let dns_delay = self.traffic.dns_delay.unwrap_or(self.profile.watch_delivery);
        self.traffic.network.get_or_insert_with(|| {
            let mut network = Network::new(seed, propagation.clone());
            network.set_dns_delay(dns_delay);
            Box::new(network)
        })
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
        Ok(Target::Service(self.follow_port(key, &service, &port.name)))
    }

    /// The network is told of a port of a Service from now on.
    pub(crate) fn follow_port(&mut self, key: DocumentKey, service: &Service, port: &Arc<str>) -> ServiceId {
        if let Some(known) = self.traffic.ports.get(&(key, Arc::clone(port))) {
            return *known;
        }
        self.tell_zones();
        let config = config(service, self.traffic.balancing);
        let id = self.network().add_service(config);
        self.traffic.ports.insert((key, Arc::clone(port)), id);
        let slices: Vec<EndpointSlice> = self
            .store
            .documents(Kind::EndpointSlice)
            .filter_map(|(_, document)| document.endpoint_slice())
            .filter(|slice| slice.meta.namespace == service.meta.namespace)
            .filter(|slice| slice.service_name() == Some(&*service.meta.name))
            .collect();
        for slice in slices {
            self.publish_slice(id, port, None, Some(&slice));
        }
        id
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

    pub(crate) fn ingress_config(&mut self, key: DocumentKey) -> Option<IngressConfig> {
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

    /// From now on the first container of a pod takes requests so, whatever its image says.
    ///
    /// # Errors
    /// `NotFound`, or the field of the behaviour that cannot be.
    pub fn set_pod_app(&mut self, pod: &str, app: App) -> Result<(), Error> {
        app.behaviour.check()?;
        let key = self.pod_key(pod)?;
        let (Some(uid), now) = (self.store.pod(key).map(|pod| pod.uid()), self.now) else { return Ok(()) };
        if let Some(network) = self.traffic.network.as_mut().filter(|_| self.traffic.pods.contains(&uid)) {
            network.set_app(now, uid, app.behaviour.clone());
        }
        self.traffic.pod_apps.insert(uid, app);
        Ok(())
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
        let uid = self.store.pod(pod).map(|pod| pod.uid());
        self.traffic.network.as_ref().zip(uid).map_or((0, 0), |(network, uid)| network.load_of(uid))
    }
}
