//! What runs in the containers of a pod: everything that the kubelet does not decide itself.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::container::Handler;

/// Which of the three probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeKind {
    /// Does it start up?
    Startup,
    /// Can it serve?
    Readiness,
    /// Is it alive?
    Liveness,
}

impl ProbeKind {
    /// The word that begins the kubelet's messages about it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// One run of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOf<'a> {
    /// Number of the container in its pod, the init containers first.
    pub container: usize,
    /// Its name.
    pub name: &'a str,
    /// Its image.
    pub image: &'a str,
    /// Which run it is, from 0.
    pub run: u32,
    /// When it started, or will have.
    pub started: Time,
}

/// How an attempt to fetch an image goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pull {
    /// How long it takes.
    pub takes: Duration,
    /// Why it fails, if it does.
    pub error: Option<String>,
}

/// How a run of a container goes when nobody interferes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// After how long it exits by itself, and its exit code.
    pub exit: Option<(Duration, i32)>,
    /// For a container without a readiness probe: after how long it counts as ready.
    pub ready_after: Duration,
}

/// How a container stops when it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping {
    /// Time from the signal to the exit.
    pub takes: Duration,
    /// Its exit code.
    pub code: i32,
}

/// How a hook goes that asks the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooked {
    /// How long it takes; [`Duration::MAX`] if it never ends.
    pub takes: Duration,
    /// Why it fails, if it does.
    pub error: Option<String>,
}

/// What comes back from a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is well.
    Success,
    /// It is not.
    Failure,
    /// Nothing within any time.
    Hang,
    /// The handler itself broke and says nothing of the container.
    Broken,
}

/// The answer to a probe, and for how long it would be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What comes back.
    pub verdict: Verdict,
    /// After how long.
    pub latency: Duration,
    /// Until when a probe gets this same answer; none: as long as the run lasts.
    pub holds_until: Option<Time>,
}

impl Answer {
    /// Well, at once, for ever.
    pub const WELL: Self = Self { verdict: Verdict::Success, latency: Duration::ZERO, holds_until: None };
}

/// What runs in the containers. Answers follow from the arguments alone.
pub trait Application {
    /// Whether an image is on the node before the pod comes.
    fn has_image(&self, _image: &str) -> bool {
        false
    }

    /// How the n-th attempt of the pod to fetch an image goes, from 0.
    fn pull(&self, image: &str, attempt: u32) -> Pull;

    /// Size of an image in bytes, for the words of an event.
    fn image_size(&self, _image: &str) -> u64 {
        0
    }

    /// How long it takes from the image to the running container.
    fn start_takes(&self, run: RunOf<'_>) -> Duration;

    /// How a run goes by itself.
    fn run(&self, run: RunOf<'_>) -> Run;

    /// How a run stops.
    fn stop(&self, run: RunOf<'_>) -> Stopping;

    /// What a probe gets that starts at a time.
    fn probe(&self, run: RunOf<'_>, kind: ProbeKind, at: Time) -> Answer;

    /// How a hook goes that asks the container at a time.
    fn hook(&self, run: RunOf<'_>, handler: &Handler, at: Time) -> Hooked;

    /// What a run leaves in its termination log when it exits.
    fn exit_message(&self, _run: RunOf<'_>) -> Arc<str> {
        "".into()
    }

    /// What a failed probe says.
    fn output(&self, _run: RunOf<'_>, _kind: ProbeKind) -> String {
        String::new()
    }
}
