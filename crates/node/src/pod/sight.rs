//! What an onlooker sees of a pod on its node.

use super::application::{ProbeKind, Verdict};
use super::status::NodeStatus;
use core::time::Duration;
use wavetank_engine::Time;

/// One thing that happened on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight<'a> {
    /// A container was started.
    Start {
        /// Its name.
        container: &'a str,
        /// Which run it is, from 0.
        run: u32,
    },
    /// A container was asked to stop.
    Stop {
        /// Its name.
        container: &'a str,
        /// What it is given, in seconds.
        grace: i64,
    },
    /// A container exited.
    Exit {
        /// Its name.
        container: &'a str,
        /// Its exit code.
        code: i32,
    },
    /// An image began to be fetched.
    Pull {
        /// Its name.
        image: &'a str,
        /// Which attempt of the pod it is, from 0.
        attempt: u32,
    },
    /// The deletion of the pod reached the node.
    Delete {
        /// Grace period in seconds.
        grace: i64,
    },
    /// An attempt of a probe ended.
    Probe {
        /// Which probe.
        kind: ProbeKind,
        /// Name of the container.
        container: &'a str,
        /// Which run of it.
        run: u32,
        /// What came back.
        verdict: Verdict,
        /// When the attempt began.
        began: Time,
    },
    /// The verdict that the rest of the kubelet sees changed.
    Result {
        /// Which probe.
        kind: ProbeKind,
        /// Name of the container.
        container: &'a str,
        /// The verdict; none: not known yet.
        healthy: Option<bool>,
    },
    /// The status that the node holds changed.
    Status(&'a NodeStatus),
    /// The kubelet records an event about a container, or about the pod.
    Event {
        /// Number of the container, the init containers first; none: the pod.
        container: Option<usize>,
        /// What it says.
        event: &'a KubeletEvent<'a>,
    },
}

/// Who looks on.
pub trait Witness {
    /// Something happened.
    fn see(&mut self, at: Time, sight: Sight<'_>);

    /// Whether single attempts of probes matter, or only what follows from them.
    fn sees_probes(&self) -> bool {
        false
    }
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Witness for Nobody {
    fn see(&mut self, _at: Time, _sight: Sight<'_>) {}
}

/// An event of the kubelet, worded when asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeletEvent<'a> {
    /// An image begins to be fetched.
    Pulling(&'a str),
    /// An image was fetched.
    Pulled {
        /// Its name.
        image: &'a str,
        /// How long that took.
        took: Duration,
        /// Its size in bytes.
        size: u64,
    },
    /// An image was there already.
    AlreadyPresent(&'a str),
    /// An image could not be fetched.
    PullFailed {
        /// Its name.
        image: &'a str,
        /// Why.
        error: &'a str,
    },
    /// The name of an image makes no sense.
    InvalidImageName {
        /// The name.
        image: &'a str,
        /// Why.
        error: &'a str,
    },
    /// An image is not there and is not to be fetched.
    NeverPull(&'a str),
    /// An image is not fetched yet, since that failed lately.
    PullBackOff(&'a str),
    /// A container could not be made.
    Failed(&'a str),
    /// A container was made.
    Created,
    /// A container was started.
    Started,
    /// A container is to be stopped.
    Killing(&'a str),
    /// The hook after the start of a container failed.
    PostStartFailed,
    /// The hook before the stop of a container failed.
    PreStopFailed,
    /// The pod was active for too long.
    DeadlineExceeded,
    /// A container is not restarted yet.
    RestartBackOff {
        /// Its name.
        container: &'a str,
        /// The pod, as the kubelet writes it.
        pod: &'a str,
    },
    /// A probe failed.
    Unhealthy {
        /// Which probe.
        kind: ProbeKind,
        /// What it said.
        output: &'a str,
    },
    /// A probe could not be made.
    ProbeErrored {
        /// Which probe.
        kind: ProbeKind,
        /// Why.
        error: &'a str,
    },
}

impl KubeletEvent<'_> {
    /// Whether it is a warning.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::Pulling(_)
            | Self::Pulled { .. }
            | Self::AlreadyPresent(_)
            | Self::PullBackOff(_)
            | Self::Created
            | Self::Started
            | Self::Killing(_)
            | Self::DeadlineExceeded => false,
            Self::PullFailed { .. }
            | Self::InvalidImageName { .. }
            | Self::NeverPull(_)
            | Self::Failed(_)
            | Self::PostStartFailed
            | Self::PreStopFailed
            | Self::RestartBackOff { .. }
            | Self::Unhealthy { .. }
            | Self::ProbeErrored { .. } => true,
        }
    }

    /// Its reason.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Pulling(_) => "Pulling",
            Self::Pulled { .. } | Self::AlreadyPresent(_) => "Pulled",
            Self::PullFailed { .. } | Self::Failed(_) => "Failed",
            Self::InvalidImageName { .. } => "InspectFailed",
            Self::NeverPull(_) => "ErrImageNeverPull",
            Self::PullBackOff(_) | Self::RestartBackOff { .. } => "BackOff",
            Self::Created => "Created",
            Self::Started => "Started",
            Self::Killing(_) => "Killing",
            Self::PostStartFailed => "FailedPostStartHook",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::PreStopFailed => "FailedPreStopHook",
            Self::Unhealthy { .. } | Self::ProbeErrored { .. } => "Unhealthy",
        }
    }

    /// Its text.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Pulling(image) => format!("Pulling image \"{image}\""),
            Self::Pulled { image, took, size } => {
                let took = super::go_duration(Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(0)));
                format!(
                    "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
                )
            }
            Self::AlreadyPresent(image) => {
                format!("Container image \"{image}\" already present on machine and can be accessed by the pod")
            }
            Self::PullFailed { image, error } => format!("Failed to pull image \"{image}\": {error}"),
            Self::InvalidImageName { image, error } => {
                format!("Failed to apply default image tag {}: {error}", wavetank_model::strconv::quote(image))
            }
            Self::NeverPull(image) => format!("Container image \"{image}\" is not present with pull policy of Never"),
            Self::PullBackOff(image) => format!("Back-off pulling image \"{image}\""),
            Self::Failed(reason) => format!("Error: {reason}"),
            Self::Created => "Container created".into(),
            Self::Started => "Container started".into(),
            Self::Killing(message) => (*message).to_owned(),
            Self::PostStartFailed => "PostStartHook failed".into(),
            Self::DeadlineExceeded => super::worker::PAST_DEADLINE.into(),
            Self::PreStopFailed => "PreStopHook failed".into(),
            Self::RestartBackOff { container, pod } => {
                format!("Back-off restarting failed container {container} in pod {pod}")
            }
            Self::Unhealthy { kind, output } => format!("{} probe failed: {output}", kind.title()),
            Self::ProbeErrored { kind, error } => format!("{} probe errored: {error}", kind.title()),
        }
    }
}
