//! Pods, Services, sources, and time.

use crate::app::{AppBehaviour, StopBehaviour};
use crate::backend::Backend;
use crate::dns::{Dns, Record};
use crate::fluid::Fluid;
use crate::outcome::{Cause, Outcome};
use crate::requests::Request;
use crate::source::Sending;
use crate::view::View;
use crate::{
    EndpointState, FluidReport, IngressConfig, IngressId, Load, NetworkError, Node, ProxyDelay, Report, ServiceConfig,
    ServiceId, Source, SourceId, Zone,
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
    seed: Seed,
    propagation: ProxyDelay,
    pub(crate) queue: Queue<Event>,
    pub(crate) services: Vec<Published>,
    pub(crate) ingresses: Vec<Arc<IngressConfig>>,
    pub(crate) views: Vec<View>,
    /// The Service and the place of each view.
    pub(crate) of_view: Vec<(ServiceId, Viewer)>,
    view_of: BTreeMap<(ServiceId, Viewer), usize>,
    pub(crate) pods: BTreeMap<Uid, Backend>,
    pub(crate) sources: Vec<Sending>,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) next_request: u64,
    pub(crate) reports: Vec<Report>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) fluids: Vec<Fluid>,
    pub(crate) dns: Dns,
    zones: BTreeMap<Node, Zone>,
    /// Nodes whose proxies are cut off.
    cut: BTreeSet<Node>,
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
    }

    /// How long a node's proxy takes to learn of a change.
    #[must_use]
    pub fn proxy_delay(&self, node: Node) -> Duration {
        self.propagation.of(self.seed, node)
    }

    /// Gives a node's proxy another delay, for changes from now on.
    pub fn set_proxy_delay(&mut self, now: Time, node: Node, delay: Duration) {
        self.advance_before(now);
        self.propagation.of_node.insert(node, delay);
    }

    /// The zone of a node, which its proxy looks for in the hints of endpoints. Known from the first use on.
    pub fn set_zone(&mut self, node: Node, zone: Option<Zone>) {
        let before = match zone {
            Some(zone) => self.zones.insert(node, zone),
            None => self.zones.remove(&node),
        };
        if before != zone {
            let of_node = |(_, viewer): &(ServiceId, Viewer)| *viewer == Viewer::Proxy(node);
            for (view, _) in self.views.iter_mut().zip(&self.of_view).filter(|(_, of)| of_node(of)) {
                view.move_to(zone);
            }
        }
    }

    /// How long the cluster's DNS takes to learn of a change, for changes from now on.
    pub const fn set_dns_delay(&mut self, delay: Duration) {
        self.dns.delay = delay;
    }

    /// What a name of the cluster's DNS stands for from now on; none: it is gone.
    pub fn set_record(&mut self, now: Time, name: &Arc<str>, record: Option<Record>) {
        self.advance_before(now);
        self.dns.set(now, name, record);
    }

    /// Cuts the proxy of a node off from what is published, or connects it again: then it learns of all that
    /// it missed, after its delay.
    pub fn cut_proxy(&mut self, now: Time, node: Node, is_cut: bool) {
        self.advance_before(now);
        if !is_cut && self.cut.remove(&node) {
            let delay = self.propagation.of(self.seed, node);
            for view in 0..self.views.len() {
                if self.of_view[view].1 == Viewer::Proxy(node) && self.views[view].reconnect(now + delay) {
                    self.queue.schedule(now + delay, Event::Learns(view));
                }
            }
        } else if is_cut {
            self.cut.insert(node);
        }
    }

    /// A pod's process starts, for the first time or again.
    pub fn pod_starts(&mut self, now: Time, pod: Uid, start: PodStart) {
        self.before_pod_change(now);
        let PodStart { node, version, app, listens } = start;
        let backend = self.pods.entry(pod).or_insert_with(|| Backend::new(node, Arc::clone(&version), app.clone()));
        (backend.node, backend.version, backend.app) = (node, version, app);
        (backend.running, backend.draining, backend.hung) = (true, false, false);
        (backend.fails, backend.slower_by) = (false, Duration::ZERO);
        (backend.times.started, backend.times.listens) = (Some(now), Some(listens));
        (backend.times.asked_to_stop, backend.times.stopped) = (None, None);
        backend.will_be_asked = None;
        if listens > now {
            self.queue.schedule(listens, Event::Listens(pod));
        }
        self.fluids_see_pod(pod);
    }

    /// A pod's process is asked to stop: SIGTERM.
    pub fn pod_is_asked_to_stop(&mut self, now: Time, pod: Uid) {
        self.before_pod_change(now);
        let Some(backend) = self.pods.get_mut(&pod) else { return };
        backend.ask_to_stop(now);
        match backend.app.stop {
            StopBehaviour::AcceptsUntilKilled => {}
            StopBehaviour::Drains => self.close_connections(pod),
            StopBehaviour::ExitsAtOnce => self.end_process(pod),
        }
        self.fluids_see_pod(pod);
    }

    /// A pod's process will be asked to stop, unless it ends before.
    pub fn pod_will_be_asked_to_stop(&mut self, at: Time, pod: Uid) {
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.will_be_asked = Some(at);
        }
        self.queue.schedule(at, Event::AskToStop(pod));
    }

    /// A pod's process has ended, by itself or because it was killed. What was in flight is lost.
    pub fn pod_stops(&mut self, now: Time, pod: Uid) {
        self.before_pod_change(now);
        // A process that is asked to stop and ends at one instant was asked first.
        if let Some(backend) = self.pods.get_mut(&pod)
            && backend.will_be_asked.is_some_and(|at| at <= now)
        {
            backend.ask_to_stop(now);
        }
        self.end_process(pod);
        self.fluids_see_pod(pod);
    }

    /// A pod hangs: it takes connections and answers nothing; or it goes on again.
    pub fn pod_hangs(&mut self, now: Time, pod: Uid, hangs: bool) {
        self.before_pod_change(now);
        self.set_hung(pod, hangs);
        self.fluids_see_pod(pod);
    }

    /// What a pod takes up from now on takes it so much longer than its image says.
    pub fn pod_slows(&mut self, now: Time, pod: Uid, by: Duration) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.slower_by = by;
        }
        self.fluids_see_pod(pod);
    }

    /// A pod serves and stops in another way, for what it takes up from now on.
    pub fn set_app(&mut self, now: Time, pod: Uid, app: AppBehaviour) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.app = app;
            self.take_up(pod);
        }
        self.fluids_see_pod(pod);
    }

    /// A pod answers with errors, because what it needs is down or it is still warming up; or it serves again.
    pub fn pod_fails(&mut self, now: Time, pod: Uid, fails: bool) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.fails = fails;
        }
        self.fluids_see_pod(pod);
    }

    /// An endpoint of a Service is published, changed or withdrawn; the proxies learn of it later.
    pub fn publish(&mut self, now: Time, service: ServiceId, pod: Uid, state: Option<EndpointState>) {
        self.advance_before(now);
        let Some(published) = self.services.get_mut(place(service.0)) else { return };
        let old = match state {
            Some(state) => published.endpoints.insert(pod, state),
            None => published.endpoints.remove(&pod),
        };
        if old == state {
            return;
        }
        let mut last = now;
        for view in published.views.clone() {
            let delay = match self.of_view[view].1 {
                Viewer::Proxy(node) if self.cut.contains(&node) => None,
                Viewer::Proxy(node) => Some(self.propagation.of(self.seed, node)),
                Viewer::Ingress(ingress) => {
                    Some(self.ingresses.get(place(ingress.0)).map_or(Duration::ZERO, |ingress| ingress.delay))
                }
                Viewer::Dns => Some(self.dns.delay),
            };
            let due = self.views[view].send(delay.map_or(Time::MAX, |delay| now + delay), pod, state);
            last = last.max(due);
            if due < Time::MAX && self.fluids.iter().any(|fluid| fluid.view == view) {
                self.queue.schedule(due, Event::Learns(view));
            }
        }
        if let Some(backend) = self.pods.get_mut(&pod) {
            let ready = |state: Option<EndpointState>| state.is_some_and(|state| state.conditions.ready);
            if ready(old) && !ready(state) {
                (backend.times.withdrawn, backend.times.last_update) = (Some(now), Some(last));
            } else if ready(state) {
                (backend.times.withdrawn, backend.times.last_update) = (None, None);
            }
        }
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
                Some((*service, known.ok_or_else(|| fault("target", "is no Service"))?.config))
            }
            crate::Target::Ingress { ingress, .. } => {
                self.ingresses.get(place(ingress.0)).ok_or_else(|| fault("target", "is no Ingress"))?;
                None
            }
            crate::Target::Host { .. } => None,
        };
        let id = SourceId(index(self.sources.len()));
        if let (Load::Fluid { rate }, Some((service, config))) = (&source.load, target) {
            if config.affinity.is_some() {
                return Err(fault("load", "a fluid knows no session affinity"));
            }
            if config.balancing == crate::Balancing::LeastConnections {
                return Err(fault("load", "a fluid knows no connections"));
            }
            let view = self.view(service, Viewer::Proxy(source.origin.node()));
            let fluid = Fluid::new(id, view, rate.clone(), &source, &config, now);
            self.fluids.push(fluid);
            self.fluid_looks_anew(self.fluids.len() - 1);
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
        let stopped = self.fluids.iter().position(|fluid| fluid.source == source);
        if let Some(fluid) = stopped {
            self.settle_fluid(fluid);
            self.fluids[fluid].stop();
        }
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
    fn advance_before(&mut self, now: Time) {
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

    fn before_pod_change(&mut self, now: Time) {
        self.advance_before(now);
        self.settle_fluids();
    }

    /// The view of a Service in a place, made on first need with what is published now.
    pub(crate) fn view(&mut self, service: ServiceId, viewer: Viewer) -> usize {
        if let Some(view) = self.view_of.get(&(service, viewer)) {
            return *view;
        }
        let published = &mut self.services[place(service.0)];
        let mut view = match viewer {
            Viewer::Proxy(node) => {
                View::new(Some(node), self.zones.get(&node).copied(), published.config.balancing, true)
            }
            Viewer::Ingress(ingress) => {
                let config = &self.ingresses[place(ingress.0)];
                View::new(None, None, config.balancing, false)
            }
            Viewer::Dns => View::new(None, None, crate::Balancing::Random, false),
        };
        for (pod, state) in &published.endpoints {
            view.learn(*pod, Some(*state));
        }
        let number = self.views.len();
        published.views.push(number);
        self.views.push(view);
        self.of_view.push((service, viewer));
        self.view_of.insert((service, viewer), number);
        number
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

    /// What is expected of a fluid source up to now; none if the source is no fluid.
    #[must_use]
    pub fn fluid_report(&self, source: SourceId) -> Option<FluidReport> {
        let fluid = self.fluids.iter().find(|fluid| fluid.source == source)?;
        Some(fluid.report_at(self.now))
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
