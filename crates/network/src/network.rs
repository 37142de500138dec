//! Pods, Services, sources, and time.

use crate::app::AppBehaviour;
use crate::backend::Backend;
use crate::backlog::Backlogs;
use crate::dns::Dns;
use crate::fluid::Fluid;
use crate::outcome::{Cause, Outcome};
use crate::requests::Request;
use crate::source::Sending;
use crate::view::View;
use crate::{
    EndpointState, IngressConfig, IngressId, Load, NetworkError, Node, ProxyDelay, Report, ServiceConfig, ServiceId,
    Source, SourceId, Zone,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_engine::{Queue, Seed, Streams, Time};
use wavetank_model::Uid;

/// A pod's process as it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodStart {
    /// Its node.
    pub node: Node,
    /// What answers are told apart by, such as the image.
    pub version: Arc<str>,
    /// How it serves and stops.
    pub app: AppBehaviour,
    /// From when it takes connections.
    pub listens: Time,
}

/// What falls due in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// An open source sends.
    Arrival(SourceId),
    /// A client of a closed source sends.
    Send(SourceId, u32),
    /// A pod has served a request.
    Served(u64),
    /// A request has waited for as long as it may.
    GivenUp(u64),
    /// A pod begins to listen.
    Listens(Uid),
    /// A pod is asked to stop.
    AskToStop(Uid),
    /// A proxy learns of a change.
    Learns(usize),
}

/// Who looks at a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Viewer {
    Proxy(Node),
    Ingress(IngressId),
    /// The cluster's DNS server.
    Dns,
}

/// A Service: what is published of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) config: ServiceConfig,
    pub(crate) endpoints: BTreeMap<Uid, EndpointState>,
    pub(crate) views: Vec<usize>,
}

/// The network of a cluster: proxies, pods as servers, requests.
///
/// See [the crate](crate) for an example. Every method that takes a time first lets happen what is due
/// before it; times must not go back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Network {
    pub(crate) now: Time,
    pub(crate) seed: Seed,
    pub(crate) propagation: ProxyDelay,
    pub(crate) queue: Queue<Event>,
    pub(crate) services: Vec<Published>,
    pub(crate) ingresses: Vec<Arc<IngressConfig>>,
    pub(crate) views: Vec<View>,
    /// The Service and the place of each view.
    pub(crate) of_view: Vec<(ServiceId, Viewer)>,
    pub(crate) view_of: BTreeMap<(ServiceId, Viewer), usize>,
    pub(crate) pods: BTreeMap<Uid, Backend>,
    pub(crate) sources: Vec<Sending>,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) next_request: u64,
    pub(crate) reports: Vec<Report>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) fluids: Vec<Fluid>,
    pub(crate) backlogs: Backlogs,
    /// Of all pods that a fluid ever went to.
    pub(crate) longest_service_time: Duration,
    pub(crate) dns: Dns,
    pub(crate) zones: BTreeMap<Node, Zone>,
    /// Nodes whose proxies are cut off.
    pub(crate) cut: BTreeSet<Node>,
}

impl Network {
    /// A network without anything.
    #[must_use]
    pub fn new(seed: Seed, propagation: ProxyDelay) -> Self {
        Self {
            now: Time::ZERO,
            seed,
            propagation,
            queue: Queue::new(),
            services: Vec::new(),
            ingresses: Vec::new(),
            views: Vec::new(),
            of_view: Vec::new(),
            view_of: BTreeMap::new(),
            pods: BTreeMap::new(),
            sources: Vec::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            reports: Vec::new(),
            outcomes: Vec::new(),
            fluids: Vec::new(),
            backlogs: Backlogs::default(),
            longest_service_time: Duration::ZERO,
            dns: Dns::default(),
            zones: BTreeMap::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Adds a Service (one of its ports).
    pub fn add_service(&mut self, config: ServiceConfig) -> ServiceId {
        let id = ServiceId(index(self.services.len()));
        self.services.push(Published { config, endpoints: BTreeMap::new(), views: Vec::new() });
        id
    }

    /// Changes how a Service is reached, from the next connection on. How it balances stays where a proxy
    /// knows it already.
    pub fn set_service(&mut self, now: Time, service: ServiceId, config: ServiceConfig) {
        self.advance_before(now);
        if let Some(published) = self.services.get_mut(place(service.0)) {
            published.config = config;
        }
    }

    /// Adds an Ingress.
    pub fn add_ingress(&mut self, config: IngressConfig) -> IngressId {
        let id = IngressId(index(self.ingresses.len()));
        self.ingresses.push(Arc::new(config));
        id
    }

    /// Changes the rules of an Ingress, from the next request on.
    pub fn set_ingress(&mut self, now: Time, ingress: IngressId, config: IngressConfig) {
        self.advance_before(now);
        if let Some(place) = self.ingresses.get_mut(place(ingress.0)) {
            *place = Arc::new(config);
        }
        self.fluids_see_ingress(ingress);
    }

    /// A source begins to send. It finds its proxy up to date.
    ///
    /// # Errors
    /// The field of the source that cannot be.
    pub fn start(&mut self, now: Time, source: Source) -> Result<SourceId, NetworkError> {
        self.advance_before(now);
        source.check()?;
        let name = &source.name;
        let fault = |field: &str, fault| NetworkError::new(format!("sources[{name}].{field}"), fault);
        let target = match &source.target {
            crate::Target::Service(service) => {
                let known = self.services.get(place(service.0));
                Some(known.ok_or_else(|| fault("target", "is no Service"))?.config)
            }
            crate::Target::Ingress { ingress, .. } => {
                self.ingresses.get(place(ingress.0)).ok_or_else(|| fault("target", "is no Ingress"))?;
                None
            }
            crate::Target::Host { .. } => None,
        };
        let id = SourceId(index(self.sources.len()));
        if let (Load::Fluid { .. }, Some(config)) = (&source.load, target) {
            if config.affinity.is_some() {
                return Err(fault("load", "a fluid knows no session affinity"));
            }
            if config.balancing == crate::Balancing::LeastConnections {
                return Err(fault("load", "a fluid knows no connections"));
            }
            if config.balancing == crate::Balancing::Weighted && source.attempts > 1 {
                return Err(fault("attempts", "are not simulated by a fluid that goes by weights"));
            }
        }
        if let Load::Fluid { rate } = &source.load {
            self.settle_fluids();
            self.start_fluid(id, &source, &rate.clone());
        }
        let streams = Streams::new(self.seed);
        let (timing, choices) =
            (streams.stream(&format!("{name}: timing")), streams.stream(&format!("{name}: choices")));
        let mut sending = Sending {
            source: Arc::new(source),
            started: now,
            timing,
            choices,
            sent: 0,
            in_flight: 0,
            stopped: false,
            connections: BTreeMap::new(),
            answer: None,
        };
        if let Some(next) = sending.next(now) {
            self.queue.schedule(next, Event::Arrival(id));
        }
        if let Load::Closed { clients, .. } = sending.source.load {
            for client in 0..clients {
                self.queue.schedule(now, Event::Send(id, client));
            }
        }
        self.sources.push(sending);
        self.reports.push(Report::default());
        Ok(id)
    }

    /// A source sends no more. What is in flight still ends.
    pub fn stop(&mut self, now: Time, source: SourceId) {
        self.advance_before(now);
        if let Some(sending) = self.sources.get_mut(place(source.0)) {
            sending.stopped = true;
        }
        self.settle_fluids();
        self.fluids.iter_mut().filter(|fluid| fluid.source == source).for_each(Fluid::stop);
    }

    /// When something happens next by itself.
    pub fn next_due(&mut self) -> Option<Time> {
        self.queue.next_time()
    }

    /// Lets happen all that is due up to an instant, what is due at it included.
    pub fn advance(&mut self, now: Time) {
        while let Some(due) = self.queue.next_time().filter(|due| *due <= now) {
            self.happen(due);
        }
        self.now = self.now.max(now);
    }

    /// Lets happen all that is due before an instant.
    pub(crate) fn advance_before(&mut self, now: Time) {
        while let Some(due) = self.queue.next_time().filter(|due| *due < now) {
            self.happen(due);
        }
        self.now = self.now.max(now);
    }

    fn happen(&mut self, due: Time) {
        self.now = self.now.max(due);
        let Some((_, event)) = self.queue.pop() else { return };
        match event {
            Event::Arrival(source) => self.arrival(source),
            Event::Send(source, client) => self.send(source, client),
            Event::Served(request) => self.served(request),
            Event::GivenUp(request) => self.given_up(request),
            Event::Listens(pod) => {
                self.settle_fluids();
                self.fluids_see_pod(pod);
            }
            Event::AskToStop(pod) => self.pod_is_asked_to_stop(due, pod),
            Event::Learns(view) => self.learns(view),
        }
    }

    /// What became of the requests of all sources, fluids apart.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        for source in (0..).map(SourceId).take(self.sources.len()) {
            report.append(&self.report_of(source));
        }
        report
    }

    /// What became of the requests of one source.
    #[must_use]
    pub fn report_of(&self, source: SourceId) -> Report {
        let mut report = self.reports.get(place(source.0)).cloned().unwrap_or_default();
        report.in_flight = self.sources.get(place(source.0)).map_or(0, |sending| sending.in_flight);
        let lost: Vec<Uid> = report.losses.keys().filter_map(|(_, pod, _)| *pod).collect();
        for pod in lost {
            if let Some(backend) = self.pods.get(&pod) {
                report.pods.insert(pod, backend.times);
            }
        }
        report
    }

    /// The outcomes of sources that keep them, in the order in which they came.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Forgets the outcomes so far; reports keep them.
    pub fn take_outcomes(&mut self) -> Vec<Outcome> {
        core::mem::take(&mut self.outcomes)
    }

    /// Requests that a pod has begun or has waiting, and those it has answered: what its load follows from.
    #[must_use]
    pub fn load_of(&self, pod: Uid) -> (u64, u64) {
        self.pods
            .get(&pod)
            .map_or((0, 0), |backend| (u64::try_from(backend.in_flight.len()).unwrap_or(u64::MAX), backend.answered))
    }

    /// Why a pod would not take a new connection now, if it would not.
    #[must_use]
    pub fn refusal_of(&self, pod: Uid) -> Option<Cause> {
        self.pods.get(&pod).map_or(Some(Cause::RefusedNotListening), |backend| backend.refusal(self.now))
    }
}

/// A number of a list as an id.
pub(crate) fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The place in a list of an id.
pub(crate) fn place(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
