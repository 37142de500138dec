//! Requests on their way: sent, taken up, served, given up, lost.

use crate::Target;
use crate::dns::{Answer, Record};
use crate::network::{Event, Network, Viewer, place};
use crate::outcome::{Cause, Ended, Outcome, Window};
use crate::source::Connection;
use crate::view::Choice;
use crate::{Load, Origin, ServiceId, SourceId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::{Ticket, Time};
use wavetank_model::{TrafficPolicy, Uid};

/// A request that has not ended, or that its pod still serves although nobody waits for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    source: SourceId,
    client: u32,
    number: u64,
    sent: Time,
    tried: Vec<Uid>,
    attempts: u32,
    /// Where it goes and by whom, once that is settled.
    route: Option<(ServiceId, Viewer)>,
    view: usize,
    pod: Option<Uid>,
    /// Whether its connection is one of those that are kept.
    kept: bool,
    serving: Option<Ticket>,
    timer: Option<Ticket>,
    /// Whether its outcome is known.
    ended: bool,
}

impl Network {
    /// An open source sends its next request, and says when the one after it will be.
    pub(crate) fn arrival(&mut self, source: SourceId) {
        let now = self.now;
        let Some(sending) = self.sources.get_mut(place(source.0)).filter(|sending| !sending.stopped) else { return };
        let connections = sending.source.keep_alive.map_or(sending.source.clients, |keep| keep.connections);
        let client = u32::try_from(sending.sent % u64::from(connections.max(1))).unwrap_or(0);
        self.send(source, client);
        if let Some(next) = self.sources[place(source.0)].next(now) {
            self.queue.schedule(next, Event::Arrival(source));
        }
    }

    /// A client sends a request.
    pub(crate) fn send(&mut self, source: SourceId, client: u32) {
        let now = self.now;
        let Some(sending) = self.sources.get_mut(place(source.0)).filter(|sending| sending.may_send()) else { return };
        let number = sending.sent;
        sending.sent += 1;
        sending.in_flight += 1;
        self.reports[place(source.0)].note_sent(now);
        let (mut timeout, mut attempts) = (sending.source.timeout, sending.source.attempts);
        if let Target::Ingress { ingress, .. } = &sending.source.target
            && let Some(ingress) = self.ingresses.get(place(ingress.0))
        {
            timeout = Some(timeout.map_or(ingress.timeout, |own| own.min(ingress.timeout)));
            attempts = attempts.max(ingress.attempts);
        }
        let id = self.next_request;
        self.next_request += 1;
        let timer = timeout.map(|timeout| self.queue.schedule(now + timeout, Event::GivenUp(id)));
        let request = Request {
            source,
            client,
            number,
            sent: now,
            tried: Vec::new(),
            attempts,
            route: None,
            view: 0,
            pod: None,
            kept: false,
            serving: None,
            timer,
            ended: false,
        };
        self.requests.insert(id, request);
        self.attempt(id);
    }

    /// Where the requests of a source go.
    fn route(&mut self, source: SourceId) -> Result<(ServiceId, Viewer), Cause> {
        let sending = &mut self.sources[place(source.0)];
        match &sending.source.target {
            Target::Service(service) => Ok((*service, Viewer::Proxy(sending.source.origin.node()))),
            Target::Host { .. } => match self.look_up(source)? {
                Answer::Service(service) => {
                    Ok((service, Viewer::Proxy(self.sources[place(source.0)].source.origin.node())))
                }
                Answer::Pods(service, _) => Ok((service, Viewer::Dns)),
            },
            target @ Target::Ingress { ingress, .. } => {
                let ingress_at_work = self.ingresses.get(place(ingress.0)).ok_or(Cause::NoRoute)?;
                let service = ingress_at_work.route(target, &mut sending.choices).ok_or(Cause::NoRoute)?;
                Ok((service, Viewer::Ingress(*ingress)))
            }
        }
    }

    /// What the cluster's DNS says of the host of a source, or said not long ago.
    fn look_up(&mut self, source: SourceId) -> Result<Answer, Cause> {
        let now = self.now;
        let sending = &self.sources[place(source.0)];
        if let Some((answer, _)) = sending.answer.as_ref().filter(|(_, until)| now < *until) {
            return Ok(answer.clone());
        }
        let of = Arc::clone(&sending.source);
        let Target::Host { names, port } = &of.target else { return Err(Cause::NoRoute) };
        let answer = match self.dns.resolve(names, now)? {
            Record::Service(ports) => Answer::Service(*ports.get(port).ok_or(Cause::NoRoute)?),
            Record::Pods(service) => {
                let view = self.view(service, Viewer::Dns);
                self.views[view].catch_up(now);
                Answer::Pods(service, self.views[view].ready.members().into())
            }
            Record::Pod(service, pod) => Answer::Pods(service, [pod].into()),
            Record::Alias(_) => return Err(Cause::LeftCluster),
        };
        if let Answer::Pods(_, pods) = &answer
            && pods.is_empty()
        {
            return Err(Cause::NoSuchHost);
        }
        self.sources[place(source.0)].answer = Some((answer.clone(), now + of.dns_ttl));
        Ok(answer)
    }

    /// Picks a pod out of the addresses that the cluster's DNS gave, one not yet tried if there is one.
    fn pick_address(&mut self, source: SourceId, tried: &[Uid]) -> Result<Uid, Cause> {
        let Answer::Pods(_, pods) = self.look_up(source)? else { return Err(Cause::NoSuchHost) };
        let fresh: Vec<Uid> = pods.iter().copied().filter(|pod| !tried.contains(pod)).collect();
        let from = if fresh.is_empty() { &pods } else { fresh.as_slice() };
        let number = self.sources[place(source.0)].choices.below(u64::try_from(from.len()).unwrap_or(u64::MAX));
        from.get(usize::try_from(number).unwrap_or(0)).copied().ok_or(Cause::NoSuchHost)
    }

    /// A request is sent to a pod, for the first time or again.
    fn attempt(&mut self, id: u64) {
        let now = self.now;
        let Some(request) = self.requests.get(&id) else { return };
        let (source, client, fresh) = (request.source, request.client, request.tried.is_empty());
        let settled = request.route;
        let kept = fresh.then(|| self.open_connection(source, client)).flatten();
        if let Some(connection) = kept {
            if let Some(request) = self.requests.get_mut(&id) {
                (request.kept, request.view) = (true, connection.view);
            }
            return self.deliver(id, connection.pod);
        }
        let (service, viewer) = match settled.map_or_else(|| self.route(source), Ok) {
            Ok(route) => route,
            Err(cause) => return self.lose(id, cause),
        };
        if place(service.0) >= self.services.len() {
            return self.lose(id, Cause::NoEndpoint);
        }
        let view = self.view(service, viewer);
        let config = self.services[place(service.0)].config;
        let Some(request) = self.requests.get_mut(&id) else { return };
        (request.route, request.view) = (Some((service, viewer)), view);
        let tried = core::mem::take(&mut request.tried);
        let picked = if viewer == Viewer::Dns { Some(self.pick_address(source, &tried)) } else { None };
        let sending = &mut self.sources[place(source.0)];
        let policy = match (viewer, sending.source.origin) {
            (Viewer::Ingress(_) | Viewer::Dns, _) => TrafficPolicy::Cluster,
            (Viewer::Proxy(_), Origin::Inside(_)) => config.internal_policy,
            (Viewer::Proxy(_), Origin::Outside(_)) => config.external_policy,
        };
        let affinity = config.affinity.filter(|_| matches!(viewer, Viewer::Proxy(_)));
        // What clients share a connection share an address too.
        let choice = Choice { policy, affinity, client, tried: &tried, now };
        let picked = picked.unwrap_or_else(|| self.views[view].pick(&choice, &mut sending.choices));
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.tried = tried;
        match picked {
            Err(cause) => self.lose(id, cause),
            Ok(pod) => {
                self.views[view].count(pod, true);
                if sending.source.keep_alive.is_some() {
                    sending.connections.insert(client, Connection { pod, view, requests: 0, last: now });
                    request.kept = true;
                    if let Some(backend) = self.pods.get_mut(&pod) {
                        backend.connections.insert((source, client));
                    }
                }
                self.deliver(id, pod);
            }
        }
    }

    /// The connection that a client has kept, if it may still be used.
    fn open_connection(&mut self, source: SourceId, client: u32) -> Option<Connection> {
        let sending = self.sources.get(place(source.0))?;
        let connection = *sending.connections.get(&client)?;
        let keep = sending.source.keep_alive?;
        let idle = keep.idle.is_some_and(|idle| self.now.since(connection.last) > idle);
        let used_up = keep.max_requests.is_some_and(|most| connection.requests >= most);
        if idle || used_up {
            self.close(source, client);
            return None;
        }
        Some(connection)
    }

    /// A kept connection is closed.
    fn close(&mut self, source: SourceId, client: u32) {
        let closed = self.sources.get_mut(place(source.0)).and_then(|sending| sending.connections.remove(&client));
        let Some(connection) = closed else { return };
        self.views[connection.view].count(connection.pod, false);
        if let Some(backend) = self.pods.get_mut(&connection.pod) {
            backend.connections.remove(&(source, client));
        }
    }

    /// All connections that clients keep to a pod are closed.
    pub(crate) fn close_connections(&mut self, pod: Uid) {
        let Some(backend) = self.pods.get_mut(&pod) else { return };
        for (source, client) in core::mem::take(&mut backend.connections) {
            self.close(source, client);
        }
    }

    /// A request reaches a pod.
    fn deliver(&mut self, id: u64, pod: Uid) {
        let now = self.now;
        if let Some(request) = self.requests.get_mut(&id) {
            request.pod = Some(pod);
        }
        let Some(backend) = self.pods.get_mut(&pod) else { return self.lose(id, Cause::RefusedNotListening) };
        if let Some(cause) = backend.refusal(now) {
            return self.lose(id, cause);
        }
        backend.in_flight.insert(id);
        backend.waiting.push_back(id);
        self.take_up(pod);
    }

    /// A pod takes up what waits, as far as it can.
    pub(crate) fn take_up(&mut self, pod: Uid) {
        loop {
            let Some(backend) = self.pods.get_mut(&pod).filter(|backend| backend.has_worker()) else { return };
            let Some(id) = backend.waiting.pop_front() else { return };
            // Nobody waits any more for one that is not there.
            let Some(request) = self.requests.get_mut(&id) else { continue };
            let (service_time, slower_by) = (backend.app.service_time, backend.slower_by);
            let time = service_time.draw(&mut self.sources[place(request.source.0)].choices);
            let time = time.saturating_add(slower_by);
            backend.busy += 1;
            request.serving = Some(self.queue.schedule(self.now + time, Event::Served(id)));
        }
    }

    /// A pod has served a request.
    pub(crate) fn served(&mut self, id: u64) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        let Some(pod) = request.pod else { return };
        request.serving = None;
        let ended = request.ended;
        let Some(backend) = self.pods.get_mut(&pod) else { return };
        backend.busy = backend.busy.saturating_sub(1);
        backend.in_flight.remove(&id);
        if ended {
            self.requests.remove(&id);
        } else if backend.fails {
            self.end_lost(id, Cause::ServerError);
        } else {
            backend.answered += 1;
            let version = Arc::clone(&backend.version);
            self.end(id, Ended::Answered { pod, version });
        }
        self.take_up(pod);
    }

    /// A request has waited for as long as it may.
    pub(crate) fn given_up(&mut self, id: u64) {
        let Some(request) = self.requests.get_mut(&id).filter(|request| !request.ended) else { return };
        request.timer = None;
        let backend = request.pod.and_then(|pod| self.pods.get_mut(&pod));
        let hung = backend.as_ref().is_some_and(|backend| backend.hung);
        // The pod goes on with what it has begun; what only waits is dropped.
        if request.serving.is_none()
            && let Some(backend) = backend
        {
            backend.in_flight.remove(&id);
        }
        self.end_lost(id, if hung { Cause::TimedOutHang } else { Cause::TimedOutOverload });
    }

    /// A request found no answer where it was sent: it is sent again, or lost.
    fn lose(&mut self, id: u64, cause: Cause) {
        let Some(request) = self.requests.get_mut(&id).filter(|request| !request.ended) else { return };
        let sending = &self.sources[place(request.source.0)];
        let again = cause.is_retried(sending.source.idempotent) && request.attempts > 1;
        if !again {
            return self.end_lost(id, cause);
        }
        request.attempts -= 1;
        let (pod, view, source, client) = (request.pod.take(), request.view, request.source, request.client);
        request.serving = None;
        let kept = core::mem::take(&mut request.kept);
        if let Some(pod) = pod {
            request.tried.push(pod);
            self.hang_up(pod, view, kept, source, client);
        }
        self.attempt(id);
    }

    /// The connection of a request that found no answer is closed.
    fn hang_up(&mut self, pod: Uid, view: usize, kept: bool, source: SourceId, client: u32) {
        if kept {
            self.close(source, client);
        } else {
            self.views[view].count(pod, false);
        }
    }

    fn end_lost(&mut self, id: u64, cause: Cause) {
        let Some(request) = self.requests.get(&id) else { return };
        // A request that no pod was found for has none, whatever it had met before.
        let pod = request.pod.or_else(|| request.tried.last().copied().filter(|_| cause.is_retried(true)));
        let window = match pod.and_then(|pod| self.pods.get(&pod)) {
            Some(backend) => backend.window(cause, self.now),
            None if pod.is_some() => Window::Starting,
            None => Window::NoPod,
        };
        self.end(id, Ended::Lost { cause, pod, window });
    }

    /// The outcome of a request is known.
    fn end(&mut self, id: u64, how: Ended) {
        let now = self.now;
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.ended = true;
        let (source, client, pod, view, kept) =
            (request.source, request.client, request.pod, request.view, request.kept);
        let (number, sent, serving) = (request.number, request.sent, request.serving.is_some());
        if let Some(timer) = request.timer.take() {
            self.queue.cancel(timer);
        }
        if !serving {
            self.requests.remove(&id);
        }
        // An answer that is an error is one to the connection.
        let answered = matches!(how, Ended::Answered { .. } | Ended::Lost { cause: Cause::ServerError, .. });
        if let Some(pod) = pod {
            let draining = self.pods.get(&pod).is_some_and(|backend| backend.draining);
            if answered && kept && !draining {
                if let Some(connection) = self.sources[place(source.0)].connections.get_mut(&client) {
                    connection.requests += 1;
                    connection.last = now;
                }
            } else {
                self.hang_up(pod, view, kept, source, client);
            }
        }
        let outcome = Outcome { source, number, sent, ended: now, how };
        self.reports[place(source.0)].note(&outcome);
        let sending = &mut self.sources[place(source.0)];
        sending.in_flight -= 1;
        if let Load::Closed { think, .. } = sending.source.load
            && sending.may_send()
        {
            // An answer in no time must not be a request without end at one instant.
            let wait = if think.is_zero() && now == sent { Duration::from_nanos(1) } else { think };
            self.queue.schedule(now + wait, Event::Send(source, client));
        }
        if sending.source.keeps_outcomes {
            self.outcomes.push(outcome);
        }
    }

    /// A pod's process ends: what it has in flight is lost, and its connections are closed.
    pub(crate) fn end_process(&mut self, pod: Uid) {
        let now = self.now;
        let Some(backend) = self.pods.get_mut(&pod).filter(|backend| backend.running) else { return };
        backend.running = false;
        backend.times.stopped = Some(now);
        backend.busy = 0;
        backend.waiting.clear();
        let in_flight = core::mem::take(&mut backend.in_flight);
        for id in in_flight {
            let Some(request) = self.requests.get_mut(&id) else { continue };
            if let Some(ticket) = request.serving.take() {
                self.queue.cancel(ticket);
            }
            if request.ended {
                self.requests.remove(&id);
            } else {
                self.lose(id, Cause::Reset);
            }
        }
        self.close_connections(pod);
    }

    /// A pod hangs, or goes on again with what it had begun.
    pub(crate) fn set_hung(&mut self, pod: Uid, hangs: bool) {
        let Some(backend) = self.pods.get_mut(&pod) else { return };
        backend.hung = hangs;
        if hangs {
            let held = &mut backend.in_flight;
            backend.busy = 0;
            for id in held.clone() {
                let Some(request) = self.requests.get_mut(&id) else { continue };
                if let Some(ticket) = request.serving.take() {
                    self.queue.cancel(ticket);
                    if request.ended {
                        self.requests.remove(&id);
                        held.remove(&id);
                    }
                }
            }
            backend.waiting = held.iter().copied().collect();
        } else {
            self.take_up(pod);
        }
    }
}
