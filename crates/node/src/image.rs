//! How a user says what an image does.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// How often fetching an image fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failures {
    /// Never.
    #[default]
    Never,
    /// The first times that a pod tries.
    First(u32),
    /// Every time.
    Always,
}

/// How runs of a container end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    pub(crate) after: Duration,
    pub(crate) code: i32,
    /// How many runs end so; none: all.
    pub(crate) runs: Option<u32>,
}

/// What the containers of one image do, on nodes that behave like a kubelet.
///
/// A new behaviour takes no time for anything, answers at once, runs for ever and stops when asked.
///
/// ```
/// use std::time::Duration;
/// use wavetank_node::ImageBehaviour;
///
/// let broken_once = ImageBehaviour::new()
///     .pull(Duration::from_secs(3))
///     .start(Duration::from_millis(800))
///     .ready_after(Duration::from_secs(5))
///     .crashes_after(Duration::from_secs(20))
///     .times(1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBehaviour {
    pub(crate) pull: Duration,
    pub(crate) pull_failures: Failures,
    pub(crate) start: Duration,
    pub(crate) ready_after: Duration,
    pub(crate) never_ready: bool,
    pub(crate) exit: Option<Exit>,
    pub(crate) shutdown: Duration,
    pub(crate) stop_code: i32,
    pub(crate) spread_percent: u32,
}

impl ImageBehaviour {
    /// Everything at once, and for ever.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Time to fetch the image. Every pod fetches it: nodes keep no images.
    #[must_use]
    pub const fn pull(mut self, takes: Duration) -> Self {
        self.pull = takes;
        self
    }

    /// Time from having the image to the running container, also at a restart.
    #[must_use]
    pub const fn start(mut self, takes: Duration) -> Self {
        self.start = takes;
        self
    }

    /// Time from the start of the container to its first answer. With a readiness probe in the
    /// template the pod becomes ready at the first probe that is answered, otherwise right then.
    #[must_use]
    pub const fn ready_after(mut self, takes: Duration) -> Self {
        self.ready_after = takes;
        self.never_ready = false;
        self
    }

    /// The container runs but never answers.
    #[must_use]
    pub const fn never_ready(mut self) -> Self {
        self.never_ready = true;
        self
    }

    /// The image cannot be fetched: `ErrImagePull`, then `ImagePullBackOff`.
    #[must_use]
    pub const fn fails_to_pull(mut self) -> Self {
        self.pull_failures = Failures::Always;
        self
    }

    /// The first `tries` of each pod to fetch the image fail.
    #[must_use]
    pub const fn fails_to_pull_at_first(mut self, tries: u32) -> Self {
        self.pull_failures = Failures::First(tries);
        self
    }

    /// Every run of the container exits with 1, this long after its start.
    #[must_use]
    pub const fn crashes_after(self, runs_for: Duration) -> Self {
        self.exits_after(runs_for, 1)
    }

    /// Every run of the container exits with `code`, this long after its start.
    #[must_use]
    pub const fn exits_after(mut self, runs_for: Duration, code: i32) -> Self {
        self.exit = Some(Exit { after: runs_for, code, runs: None });
        self
    }

    /// Only the first `runs` of a pod's container exit by themselves, the next one runs for ever.
    #[must_use]
    pub const fn times(mut self, runs: u32) -> Self {
        if let Some(exit) = &mut self.exit {
            exit.runs = Some(runs);
        }
        self
    }

    /// Time from `SIGTERM` to the exit. When it is longer than the grace period of the deletion, the
    /// container is killed at the end of that.
    #[must_use]
    pub const fn shutdown(mut self, takes: Duration) -> Self {
        self.shutdown = takes;
        self
    }

    /// Exit code after `SIGTERM`, 0 unless said: a program that does not handle the signal exits
    /// with 143, and its pod ends as Failed.
    #[must_use]
    pub const fn exits_on_sigterm_with(mut self, code: i32) -> Self {
        self.stop_code = code;
        self
    }

    /// Lengthens the times to fetch, to start and to answer by up to `percent` of themselves, drawn
    /// for each pod from the seed.
    #[must_use]
    pub const fn spread(mut self, percent: u32) -> Self {
        self.spread_percent = percent;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_on_exits_means_nothing_without_an_exit() {
        assert_eq!(ImageBehaviour::new().times(3), ImageBehaviour::new());
    }

    #[test]
    fn what_was_said_last_about_readiness_holds() {
        let behaviour = ImageBehaviour::new().never_ready().ready_after(Duration::ZERO);
        assert!(!behaviour.never_ready);
    }
}
