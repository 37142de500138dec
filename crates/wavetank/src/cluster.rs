//! The cluster: one thread, one clock, one total order.

use crate::dispatch;
use crate::event::{Event, WorkKey};
use crate::faults::WriteRefusals;
use crate::history::digest;
use crate::history::log::{Component, Entry, Happening, History, LogLevel, ObjectRef};
use crate::history::watch::Watch;
use crate::horizontal::{AutoscalerId, Horizontal};
use crate::metrics::Metrics;
use crate::passes::audit::PassReport;
use crate::passes::work_queue::{Place, WorkQueue};
use crate::passes::{ActivePass, Spare};
use crate::pods::life::Placement;
use crate::pods::machines::Machines;
use crate::pods::unschedulable::Unschedulable;
use crate::profile::{Bucket, Profile};
use crate::services::Services;
use crate::services::passes::ServicePass;
use crate::traffic::Traffic;
use crate::verbs::own_kinds::OwnKinds;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_controllers::PodEvent;
use wavetank_engine::{Calendar, Digest, Queue, Ticket, Time};
use wavetank_model::{DeploymentKey, DocumentKey, EventRecord, ReplicaSetKey};
use wavetank_node::{NodeModel, PodRun};
use wavetank_store::{Change, PodChange, PodColumn, Store};

/// A Kubernetes cluster in memory, under a virtual clock.
///
/// Cloning it forks it: both go on from here, independently and each as the other would.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub(crate) now: Time,
    pub(crate) seed: u64,
    pub(crate) calendar: Calendar,
    pub(crate) profile: Profile,
    pub(crate) node_model: NodeModel,
    pub(crate) store: Store,
    pub(crate) queue: Queue<Event>,
    pub(crate) deployments: Controller<DeploymentKey>,
    pub(crate) sets: Controller<ReplicaSetKey>,
    pub(crate) endpoint_slices: Controller<DocumentKey>,
    pub(crate) services: Services,
    pub(crate) disruptions: Controller<DocumentKey>,
    pub(crate) horizontals: Controller<AutoscalerId>,
    pub(crate) horizontal: Horizontal,
    pub(crate) metrics: Metrics,
    pub(crate) own: OwnKinds,
    pub(crate) service_passes: BTreeMap<DocumentKey, ServicePass>,
    pub(crate) traffic: Traffic,
    pub(crate) expectations: BTreeMap<ReplicaSetKey, crate::passes::Expectation>,
    /// The last version of each set that its own controller wrote; older sights of it are stale.
    pub(crate) written: BTreeMap<ReplicaSetKey, u64>,
    pub(crate) passes: BTreeMap<u64, ActivePass>,
    pub(crate) next_pass: u64,
    pub(crate) delayed: BTreeMap<WorkKey, (Time, Ticket)>,
    pub(crate) runs: PodColumn<PodRun>,
    pub(crate) machines: Machines,
    pub(crate) placement: Placement,
    pub(crate) unschedulable: Unschedulable,
    pub(crate) last_delivery: Time,
    pub(crate) refusals: WriteRefusals,
    pub(crate) digest: Digest,
    pub(crate) history: History,
    pub(crate) counters: Counters,
    /// Namespaces that are being deleted and not yet empty.
    pub(crate) ending_namespaces: BTreeSet<Arc<str>>,
    /// In whose name requests are made, if not in that of their verbs.
    #[serde(skip)]
    pub(crate) manager: Option<Arc<str>>,
    #[serde(skip)]
    pub(crate) watches: Vec<Watch>,
    #[serde(skip)]
    pub(crate) audit: Option<PassReport>,
    /// Room for the next pass.
    #[serde(skip)]
    pub(crate) spare: Spare,
}

/// One controller: its queue and its client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Controller<K> {
    pub(crate) queue: WorkQueue<K>,
    pub(crate) client: Bucket,
}

impl<K: Place> Controller<K> {
    pub(crate) fn new() -> Self {
        Self { queue: WorkQueue::new(), client: Bucket::default() }
    }
}

/// What a simulation has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counters {
    /// Events taken from the queue.
    pub events: u64,
    /// Passes of the Deployment controller.
    pub deployment_passes: u64,
    /// Passes of the ReplicaSet controller.
    pub set_passes: u64,
    /// Passes of the EndpointSlice controller.
    pub service_passes: u64,
    /// Passes of the horizontal pod autoscaler controller.
    pub horizontal_passes: u64,
    /// Changes of the store.
    pub changes: u64,
}

/// A wait that ran into its deadline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not reached within {}; {pending} events are pending, the next {}",
    Seconds(*.waited), .next.map_or("never".to_owned(), |at| format!("at {} s", at.as_seconds())))]
pub struct TimedOut {
    /// How long was waited, in virtual time.
    pub waited: Duration,
    /// Events that would still happen.
    pub pending: usize,
    /// When the next of them would.
    pub next: Option<Time>,
}

struct Seconds(Duration);

impl core::fmt::Display for Seconds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}

impl Cluster {
    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What virtual time stands for.
    #[must_use]
    pub const fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// The objects, to be read.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What was done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Digest of the whole history so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The history kept so far; how much that is, the [`LogLevel`] says.
    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.history.entries
    }

    /// Calls `subscriber` with every entry of the history from now on. A fork has no subscribers.
    pub fn subscribe(&mut self, subscriber: impl FnMut(&Entry) + Send + Sync + 'static) {
        self.history.subscribe(Box::new(subscriber));
    }

    /// Lets the controllers work and time pass until the next event; false if nothing will happen.
    pub fn step(&mut self) -> bool {
        self.settle();
        let Some(next) = self.next_due() else { return false };
        self.advance_to(next);
        true
    }

    /// Lets time pass. What falls due at the end of the span still happens.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        while let Some(next) = self.next_due().filter(|next| *next <= end) {
            self.advance_to(next);
        }
        self.now = end;
    }

    /// Lets time pass up to an instant. What falls due at it still waits, so that a verb comes before it;
    /// the controllers have seen all that happened earlier, verbs at that same instant included.
    pub fn run_before(&mut self, time: Time) {
        self.settle();
        while let Some(next) = self.next_due().filter(|next| *next < time) {
            self.advance_to(next);
        }
        self.now = self.now.max(time);
    }

    /// Lets time pass until a condition holds; answers when that was.
    ///
    /// # Errors
    /// [`TimedOut`] if it does not hold within `deadline`, or nothing is left that could happen.
    pub fn run_until(
        &mut self,
        mut condition: impl FnMut(&Self) -> bool,
        deadline: Duration,
    ) -> Result<Time, TimedOut> {
        let (start, end) = (self.now, self.now + deadline);
        self.settle();
        while !condition(self) {
            match self.next_due().filter(|next| *next <= end) {
                Some(next) => self.advance_to(next),
                None => {
                    self.now = end;
                    let next = self.next_due();
                    return Err(TimedOut { waited: end.since(start), pending: self.queue.len(), next });
                }
            }
        }
        Ok(self.now)
    }

    /// When something happens next.
    fn next_due(&mut self) -> Option<Time> {
        match (self.queue.next_time(), self.traffic.next_due()) {
            (Some(event), Some(request)) => Some(event.min(request)),
            (event, request) => event.or(request),
        }
    }

    /// One instant: all that is due, then the controllers woken by it, then the requests.
    fn advance_to(&mut self, time: Time) {
        self.now = time;
        while let Some(event) = self.queue.pop_due(time) {
            self.counters.events += 1;
            self.handle(event);
        }
        self.settle();
        self.traffic.advance(time);
    }

    #[inline(always)]
    fn handle(&mut self, event: Event) {
        match event {
            Event::PodBinds(pod) => self.bind_pod(pod),
            Event::PodDue(pod) => self.step_pod(pod),
            Event::PodGone(pod) => self.finish_pod(pod),
            Event::Delivery(change) => dispatch::see(self, &change),
            Event::Wake(key) => self.wake(key),
            Event::PassGoesOn(pass) => self.continue_pass(pass),
            Event::ServicePassGoesOn(service) => self.continue_service_pass(service),
            Event::HorizontalPassGoesOn(autoscaler) => self.continue_horizontal_pass(autoscaler),
            Event::BudgetStatus(write) => self.write_budget_status(&write),
            Event::Collect(owner) => self.collect(owner),
            Event::Scrape => self.scrape(),
            Event::NodeLost(node) => self.collect_pods_of_node(node),
            Event::NodeSilent(node) => self.notice_silence(node),
            Event::Unscheduled => self.try_leftovers(),
            Event::TaintEvicts(pod) => self.evict_by_taint(pod),
            Event::ServingTurns(pod) => self.traffic_sees_serving(pod),
        }
        self.absorb();
    }

    /// Runs the controllers until nothing is left to do at this instant.
    pub(crate) fn settle(&mut self) {
        self.absorb();
        let workers = usize::try_from(self.profile.workers).unwrap_or(usize::MAX);
        loop {
            // Deployments first: one that has just written sees its own write before its sets act on
            // it, as upstream's does, whose delivery takes less time than a set's requests.
            if let Some(key) = self.deployments.queue.take(workers) {
                self.begin_deployment_pass(key);
            } else if let Some(key) = self.sets.queue.take(workers) {
                self.begin_set_pass(key);
            } else if let Some(key) = self.endpoint_slices.queue.take(workers) {
                self.begin_service_pass(key);
            } else if let Some(key) = self.disruptions.queue.take(workers) {
                self.run_disruption_pass(key);
            } else if let Some(key) = self.horizontals.queue.take(workers) {
                self.run_horizontal_pass(key);
            } else if !self.run_own_controller() {
                break;
            }
            self.absorb();
        }
    }

    /// Takes the changes of the store to the digest, the history, the nodes and the watches.
    pub(crate) fn absorb(&mut self) {
        loop {
            match self.store.next_change() {
                Some(Change::Pod(pod)) => self.absorb_pod(pod),
                Some(object) => self.absorb_object(object),
                None => return,
            }
        }
    }

    #[inline]
    fn absorb_pod(&mut self, pod: PodChange) {
        self.counters.changes += 1;
        if self.history.level >= LogLevel::Digest {
            digest::add_pod(&mut self.digest, &self.store, self.now, &pod);
        }
        if self.has_onlookers() {
            self.tell_onlookers(&Change::Pod(pod.clone()));
        }
        self.react_to_pod(&pod);
        if self.traffic.is_on() {
            self.traffic_sees(&Change::Pod(pod.clone()));
        }
        if pod.new.is_none() && !self.ending_namespaces.is_empty() {
            self.finish_namespaces();
        }
        if self.profile.watch_delivery.is_zero() {
            dispatch::see_pod(self, &pod);
        } else {
            self.deliver_later(Change::Pod(pod));
        }
    }

    fn absorb_object(&mut self, change: Change) {
        self.counters.changes += 1;
        if self.history.level >= LogLevel::Digest {
            digest::add_object(&mut self.digest, self.now, &change);
        }
        if self.has_onlookers() {
            self.tell_onlookers(&change);
        }
        self.react_to_object(&change);
        if self.traffic.is_on() {
            self.traffic_sees(&change);
        }
        if change.is_deletion() && !self.ending_namespaces.is_empty() {
            self.finish_namespaces();
        }
        if self.profile.watch_delivery.is_zero() {
            dispatch::see(self, &change);
        } else {
            self.deliver_later(change);
        }
    }

    /// One watch: what was stored first arrives first.
    fn deliver_later(&mut self, change: Change) {
        self.last_delivery = self.last_delivery.max(self.now + self.profile.watch_delivery);
        self.store.hold_back(&change);
        self.queue.put(self.last_delivery, Event::Delivery(Box::new(change)));
    }

    #[inline]
    fn has_onlookers(&self) -> bool {
        self.history.level >= LogLevel::Objects || !self.watches.is_empty()
    }

    fn tell_onlookers(&mut self, change: &Change) {
        self.keep(change);
        if !self.watches.is_empty() {
            self.show(change);
        }
    }

    fn keep(&mut self, change: &Change) {
        let wanted = match change {
            Change::Pod(_) => LogLevel::Everything,
            Change::Deployment { .. }
            | Change::ReplicaSet { .. }
            | Change::Document { .. }
            | Change::NodeAdded { .. }
            | Change::NodeRemoved { .. } => LogLevel::Objects,
        };
        if self.history.level >= wanted {
            self.history.push(Entry { time: self.now, what: Happening::Change(change.clone()) });
        }
    }

    /// Records an event about an object.
    pub(crate) fn record(&mut self, source: Component, about: impl FnOnce() -> ObjectRef, event: EventRecord) {
        self.record_from(LogLevel::Events, source, about, event);
    }

    /// Records an event about a single pod, worded only if somebody keeps it.
    pub(crate) fn record_pod_event(
        &mut self,
        source: Component,
        about: impl FnOnce() -> ObjectRef,
        event: &PodEvent<'_>,
    ) {
        if let Some(event) = self.keeps_pod_events().then(|| event.record()).flatten() {
            self.record_from(LogLevel::Objects, source, about, event);
        }
    }

    /// The history keeps an event from some level on; an audit keeps every one.
    fn record_from(
        &mut self,
        level: LogLevel,
        source: Component,
        about: impl FnOnce() -> ObjectRef,
        event: EventRecord,
    ) {
        if let Some(audit) = &mut self.audit {
            audit.events.push(event.clone());
        }
        if self.history.level >= level {
            self.history.push(Entry { time: self.now, what: Happening::Event { about: about(), event, source } });
        }
    }

    /// Whether events about Deployments and sets are kept.
    pub(crate) fn keeps_events(&self) -> bool {
        self.history.level >= LogLevel::Events || self.audit.is_some()
    }

    /// Whether events about single pods are kept.
    pub(crate) fn keeps_pod_events(&self) -> bool {
        self.history.level >= LogLevel::Objects || self.audit.is_some()
    }

    fn wake(&mut self, key: WorkKey) {
        self.delayed.remove(&key);
        match key {
            WorkKey::Deployment(key) => self.deployments.queue.add(key),
            WorkKey::Set(key) => self.sets.queue.add(key),
            WorkKey::Service(key) => self.endpoint_slices.queue.add(key),
            WorkKey::Budget(key) => self.disruptions.queue.add(key),
            WorkKey::Autoscaler(id) => self.wake_autoscaler(id),
        }
    }

    /// Brings a key back later; of several times the earliest counts.
    pub(crate) fn wake_after(&mut self, key: WorkKey, wait: Duration) {
        let at = self.now + wait;
        if let Some((pending, ticket)) = self.delayed.get(&key).copied() {
            if pending <= at {
                return;
            }
            self.queue.cancel(ticket);
        }
        let ticket = self.queue.schedule(at, Event::Wake(key));
        self.delayed.insert(key, (at, ticket));
    }
}
