//! Who sends requests, where to, how many and how.

use crate::dns::Answer;
use crate::rate::ONE;
use crate::{IngressId, NetworkError, Node, RateProfile, ServiceId, Spacing};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::{Stream, Time};
use wavetank_model::Uid;

/// A source of requests.
///
/// ```
/// use core::time::Duration;
/// use wavetank_network::{Load, Node, Origin, Rate, RateProfile, ServiceId, Source, Spacing};
///
/// let load = Load::Open { rate: RateProfile::constant(Rate::per_second(100)), spacing: Spacing::Poisson };
/// let source = Source::new("shoppers", Origin::Inside(Node(0)), ServiceId(0), load)
///     .timeout(Duration::from_secs(2))
///     .clients(50);
/// assert!(source.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, by which its draws are told from those of others.
    pub name: Arc<str>,
    /// Where it is.
    pub origin: Origin,
    /// Where its requests go.
    pub target: Target,
    /// How many requests, and when.
    pub load: Load,
    /// Distinct clients, for session affinity; requests go round among them.
    pub clients: u32,
    /// Connections that are kept from one request to the next; none: a new one for each.
    pub keep_alive: Option<KeepAlive>,
    /// How long a request waits for its answer; none: for ever.
    pub timeout: Option<Duration>,
    /// How often a request is sent at most, as long as the pods that it meets do not take it; an Ingress
    /// tries again by itself.
    pub attempts: u32,
    /// Whether a request may be sent again although it was in flight when its pod ended, as a GET may.
    pub idempotent: bool,
    /// How long it believes an answer of the cluster's DNS; [`dns::TIME_TO_LIVE`](crate::dns::TIME_TO_LIVE)
    /// unless said otherwise. Nothing: it asks for each new connection.
    pub dns_ttl: Duration,
    /// Whether each outcome is kept, for [`Network::outcomes`](crate::Network::outcomes).
    pub keeps_outcomes: bool,
}

/// Where a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// In a pod on a node: that node's proxy balances, by the internal traffic policy.
    Inside(Node),
    /// Outside of the cluster: its requests come in by a port of a node, by the external traffic policy.
    Outside(Node),
}

impl Origin {
    pub(crate) const fn node(self) -> Node {
        match self {
            Self::Inside(node) | Self::Outside(node) => node,
        }
    }
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// To a Service.
    Service(ServiceId),
    /// To a name, which the client looks up; see [`dns`](crate::dns).
    Host {
        /// The names that it asks for in turn, in full.
        names: Arc<[Arc<str>]>,
        /// The port, by name or number.
        port: Arc<str>,
    },
    /// To an Ingress.
    Ingress {
        /// Which.
        ingress: IngressId,
        /// Host of the requests.
        host: Arc<str>,
        /// Path of the requests.
        path: Arc<str>,
        /// Headers that a canary may look at, by name in lower case.
        headers: BTreeMap<Arc<str>, Arc<str>>,
        /// Cookies that a canary may look at.
        cookies: BTreeMap<Arc<str>, Arc<str>>,
    },
}

impl From<ServiceId> for Target {
    fn from(service: ServiceId) -> Self {
        Self::Service(service)
    }
}

impl Target {
    /// A host as a client in a namespace names it, and a port by name or number.
    #[must_use]
    pub fn host(host: &str, port: &str, namespace: &str) -> Self {
        Self::Host { names: crate::dns::candidates(host, namespace).into(), port: port.into() }
    }

    /// Requests for a host and a path, without headers and cookies.
    #[must_use]
    pub fn ingress(ingress: IngressId, host: &str, path: &str) -> Self {
        let (headers, cookies) = (BTreeMap::new(), BTreeMap::new());
        Self::Ingress { ingress, host: host.into(), path: path.into(), headers, cookies }
    }
}

/// How many requests, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Load {
    /// Whether or not earlier ones are answered.
    Open {
        /// Requests per second over time.
        rate: RateProfile,
        /// How far apart.
        spacing: Spacing,
    },
    /// At given offsets since the start of the source, ascending.
    Replayed(Arc<[Duration]>),
    /// By clients that each wait for their answer before they send again.
    Closed {
        /// How many clients.
        clients: u32,
        /// Requests of all of them together; none: for ever.
        requests: Option<u64>,
        /// How long a client waits between an answer and its next request.
        think: Duration,
    },
    /// Not one by one: what would be expected of a stream of this rate, see [`fluid`](crate::fluid).
    Fluid {
        /// Requests per second over time.
        rate: RateProfile,
    },
}

impl Load {
    /// The loop of a shell: one client that calls, waits and calls again.
    #[must_use]
    pub const fn curl_loop(every: Duration) -> Self {
        Self::Closed { clients: 1, requests: None, think: every }
    }
}

/// How connections are kept. A client uses its connection for as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepAlive {
    /// Connections of an open source, which its requests use in turn. Closed clients have one each.
    pub connections: u32,
    /// Requests after which a connection is closed.
    pub max_requests: Option<u32>,
    /// How long a connection may stay unused.
    pub idle: Option<Duration>,
}

impl KeepAlive {
    /// Connections that are kept for ever.
    #[must_use]
    pub const fn connections(connections: u32) -> Self {
        Self { connections, max_requests: None, idle: None }
    }
}

impl Source {
    /// A source with one client, no timeout, no retries and no kept connections.
    #[must_use]
    pub fn new(name: &str, origin: Origin, target: impl Into<Target>, load: Load) -> Self {
        Self {
            name: name.into(),
            origin,
            target: target.into(),
            load,
            clients: 1,
            keep_alive: None,
            timeout: None,
            attempts: 1,
            idempotent: true,
            dns_ttl: crate::dns::TIME_TO_LIVE,
            keeps_outcomes: false,
        }
    }

    /// With so many distinct clients.
    #[must_use]
    pub const fn clients(mut self, clients: u32) -> Self {
        self.clients = clients;
        self
    }

    /// With connections that are kept.
    #[must_use]
    pub const fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.keep_alive = Some(keep_alive);
        self
    }

    /// With a limit on the wait for an answer.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// With so many attempts for each request.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// With an own idea of how long an answer of the cluster's DNS is good.
    #[must_use]
    pub const fn dns_ttl(mut self, ttl: Duration) -> Self {
        self.dns_ttl = ttl;
        self
    }

    /// With every outcome kept.
    #[must_use]
    pub const fn keep_outcomes(mut self) -> Self {
        self.keeps_outcomes = true;
        self
    }

    /// Whether such a source can be.
    ///
    /// # Errors
    /// The field at fault.
    pub fn check(&self) -> Result<(), NetworkError> {
        let fault = |field: &str, fault| Err(NetworkError::new(format!("sources[{}].{field}", self.name), fault));
        if self.clients == 0 {
            return fault("clients", "must be at least 1");
        }
        if self.attempts == 0 {
            return fault("attempts", "must be at least 1");
        }
        if self.timeout == Some(Duration::ZERO) {
            return fault("timeout", "must be longer than nothing");
        }
        if self.keep_alive.is_some_and(|keep| keep.connections == 0 || keep.max_requests == Some(0)) {
            return fault("keepAlive", "must have a connection and a request for it");
        }
        if matches!((&self.target, self.origin), (Target::Host { .. }, Origin::Outside(_))) {
            return fault("target", "must not be a name of the cluster's DNS for a client outside of the cluster");
        }
        match &self.load {
            Load::Closed { clients: 0, .. } => fault("load.clients", "must be at least 1"),
            Load::Closed { think: Duration::ZERO, requests: None, .. } => {
                fault("load.think", "must be longer than nothing if requests never end")
            }
            Load::Replayed(times) if !times.is_sorted() => fault("load", "must be in ascending order"),
            Load::Fluid { .. } if self.keep_alive.is_some() => fault("keepAlive", "is not simulated by a fluid"),
            Load::Fluid { .. } if matches!(self.target, Target::Host { .. }) => {
                fault("target", "must be a Service or an Ingress for a fluid")
            }
            Load::Open { .. } | Load::Replayed(_) | Load::Closed { .. } | Load::Fluid { .. } => Ok(()),
        }
    }
}

/// A connection that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub(crate) pod: Uid,
    pub(crate) view: usize,
    pub(crate) requests: u32,
    pub(crate) last: Time,
}

/// A source at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sending {
    pub(crate) source: Arc<Source>,
    pub(crate) started: Time,
    /// Draws of when requests are sent, apart from those of where they go.
    pub(crate) timing: Stream,
    pub(crate) choices: Stream,
    pub(crate) sent: u64,
    pub(crate) in_flight: u64,
    pub(crate) stopped: bool,
    pub(crate) connections: BTreeMap<u32, Connection>,
    /// What the cluster's DNS answered last, and until when that is believed.
    pub(crate) answer: Option<(Answer, Time)>,
}

impl Sending {
    /// When an open or replayed source sends next, given that it sent last at `now`.
    pub(crate) fn next(&mut self, now: Time) -> Option<Time> {
        let offset = u64::try_from(now.nanos_since(self.started)).unwrap_or(0);
        let at = match &self.source.load {
            Load::Open { rate, spacing } => {
                let need = spacing.gap(&mut self.timing);
                // The first even request comes at the start, not a gap later.
                let need = if self.sent == 0 && *spacing == Spacing::Even { 0 } else { need };
                rate.reach(offset, need)?
            }
            Load::Replayed(times) => {
                u64::try_from(times.get(usize::try_from(self.sent).ok()?)?.as_nanos()).ok()?.max(offset)
            }
            Load::Closed { .. } | Load::Fluid { .. } => return None,
        };
        Some(self.started + Duration::from_nanos(at))
    }

    /// Whether one more request may be sent.
    pub(crate) fn may_send(&self) -> bool {
        let limit = match &self.source.load {
            Load::Closed { requests, .. } => *requests,
            Load::Open { .. } | Load::Replayed(_) | Load::Fluid { .. } => None,
        };
        !self.stopped && limit.is_none_or(|limit| self.sent < limit)
    }
}

/// The area under a rate as a number of requests.
pub(crate) fn requests(area: u128) -> f64 {
    let whole = u32::try_from(area / ONE).map_or(f64::MAX, f64::from);
    // A thousandth of a millionth of a request is far below any bound that matters.
    let part = u32::try_from(area % ONE / 1_000_000).map_or(0.0, f64::from);
    whole + part / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_cannot_be_is_refused_by_the_name_of_the_field() {
        let closed = |clients, think| Load::Closed { clients, requests: None, think };
        let source = |load| Source::new("s", Origin::Inside(Node(0)), ServiceId(0), load);
        let fault = |source: &Source| source.check().unwrap_err().to_string();
        assert_eq!(fault(&source(closed(0, Duration::from_secs(1)))), "sources[s].load.clients: must be at least 1");
        assert!(fault(&source(closed(1, Duration::ZERO))).starts_with("sources[s].load.think"));
        assert_eq!(
            fault(&source(closed(1, Duration::from_secs(1))).clients(0)),
            "sources[s].clients: must be at least 1"
        );
        let backwards: Arc<[Duration]> = [Duration::from_secs(2), Duration::from_secs(1)].into();
        assert_eq!(fault(&source(Load::Replayed(backwards))), "sources[s].load: must be in ascending order");
    }

    #[test]
    fn areas_are_counted_in_requests() {
        assert!((requests(ONE * 5 / 2) - 2.5).abs() < 1e-9);
    }
}
