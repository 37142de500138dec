//! What becomes of a request: exactly one of these.

use crate::SourceId;
use core::fmt;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::Uid;

/// Why a request was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// The proxy knew of no endpoint.
    NoEndpoint,
    /// No rule of the Ingress leads anywhere, or the Service has no such port.
    NoRoute,
    /// The cluster's DNS knows no such name, or no address for it.
    NoSuchHost,
    /// The name stands for one outside of the cluster, where nobody is simulated.
    LeftCluster,
    /// A traffic policy of `Local`, and no endpoint on the node.
    RefusedByPolicy,
    /// The pod had stopped already.
    RefusedStopped,
    /// The pod did not listen yet.
    RefusedNotListening,
    /// The pod ended while the request was in flight.
    Reset,
    /// No answer in time: the pod had too much to do.
    TimedOutOverload,
    /// No answer in time: the pod hangs.
    TimedOutHang,
    /// The pod answered with an error: it cannot serve, as its readiness probe says too.
    ServerError,
}

impl Cause {
    /// A few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no endpoint",
            Self::NoRoute => "no route",
            Self::NoSuchHost => "no such host",
            Self::LeftCluster => "left the cluster",
            Self::RefusedByPolicy => "refused by policy",
            Self::RefusedStopped => "refused: already stopped",
            Self::RefusedNotListening => "refused: not yet listening",
            Self::Reset => "reset: killed in flight",
            Self::TimedOutOverload => "timed out: overload",
            Self::TimedOutHang => "timed out: hang",
            Self::ServerError => "answered with an error",
        }
    }

    /// Whether an Ingress sends the request to another pod: nothing came back from this one.
    pub(crate) const fn is_retried(self, idempotent: bool) -> bool {
        match self {
            Self::RefusedStopped | Self::RefusedNotListening => true,
            Self::Reset => idempotent,
            Self::NoEndpoint
            | Self::NoRoute
            | Self::NoSuchHost
            | Self::LeftCluster
            | Self::RefusedByPolicy
            | Self::TimedOutOverload
            | Self::TimedOutHang
            | Self::ServerError => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The stretch of a pod's life in which it lost a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Window {
    /// No pod was to be had.
    NoPod,
    /// Between its container's start and its first answer.
    Starting,
    /// Between SIGTERM and the last proxy's update.
    Stopping,
    /// After the last proxy's update: over a connection that was kept, or still in flight.
    AfterUpdate,
    /// Between an end that nobody had asked for and the last proxy's update.
    Crashed,
    /// While it ran.
    Running,
}

impl Window {
    /// A few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPod => "no pod",
            Self::Starting => "between the start and the first answer",
            Self::Stopping => "between SIGTERM and the last proxy's update",
            Self::AfterUpdate => "after the last proxy's update",
            Self::Crashed => "between the crash and the last proxy's update",
            Self::Running => "while running",
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When what happened to a pod, as far as it matters to its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodTimes {
    /// Its process started last.
    pub started: Option<Time>,
    /// Its process answers from then on.
    pub listens: Option<Time>,
    /// It was asked to stop.
    pub asked_to_stop: Option<Time>,
    /// Its process ended last.
    pub stopped: Option<Time>,
    /// It was taken out of the endpoints last.
    pub withdrawn: Option<Time>,
    /// The last proxy learns of that.
    pub last_update: Option<Time>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// With an answer.
    Answered {
        /// From this pod.
        pod: Uid,
        /// Of this version.
        version: Arc<str>,
    },
    /// Without.
    Lost {
        /// Why.
        cause: Cause,
        /// The pod that it had been sent to.
        pod: Option<Uid>,
        /// In which stretch of that pod's life.
        window: Window,
    },
}

/// A request and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Who sent it.
    pub source: SourceId,
    /// Which of its source's requests it was, from 0.
    pub number: u64,
    /// When it was sent.
    pub sent: Time,
    /// When it ended.
    pub ended: Time,
    /// How.
    pub how: Ended,
}

impl Outcome {
    /// Time from sending to the end.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.ended.since(self.sent)
    }
}
