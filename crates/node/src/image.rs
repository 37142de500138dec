//! How a user says what an image does.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// Most that is kept of a termination message.
const MESSAGE_BYTES: usize = 4096;

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

/// How well a running container is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// It answers.
    #[default]
    Well,
    /// It is alive but cannot serve: what it depends on is down, or it is still warming up. Readiness
    /// and startup probes fail, liveness probes do not.
    Unready,
    /// It answers every probe with a failure.
    Failing,
    /// It answers nothing at all, as in a deadlock.
    Hung,
}

/// A turn in the health of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// Time from the start of the run.
    pub(crate) after: Duration,
    pub(crate) health: Health,
}

/// A time in which all containers of an image are in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outage {
    pub(crate) from: Time,
    pub(crate) until: Time,
    pub(crate) health: Health,
}

/// Answers that take longer the longer a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leak {
    pub(crate) every: Duration,
    pub(crate) slower_by: Duration,
}

/// What a container does with requests between `SIGTERM` and its exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnSigterm {
    /// It finishes what it has begun and takes nothing new.
    #[default]
    Drains,
    /// It goes on as if nothing had happened until it exits or is killed.
    Accepts,
    /// It drops what it has begun.
    Drops,
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
    pub(crate) latency: Duration,
    /// By time from the start.
    pub(crate) turns: Vec<Turn>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) leak: Option<Leak>,
    /// A run that ends by itself ends up to so much later, drawn for each run.
    pub(crate) exit_spread: Duration,
    pub(crate) on_sigterm: OnSigterm,
    /// How long a hook takes that asks the container.
    pub(crate) hook: Duration,
    /// Exit code of a command that a hook runs.
    pub(crate) hook_code: i32,
    /// What a run leaves in its termination log.
    pub(crate) termination_message: Option<Arc<str>>,
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

    /// What it does with requests between `SIGTERM` and its exit; it drains unless said.
    #[must_use]
    pub const fn on_sigterm(mut self, does: OnSigterm) -> Self {
        self.on_sigterm = does;
        self
    }

    /// The container does not hear `SIGTERM` and serves until it is killed at the end of its grace.
    #[must_use]
    pub const fn ignores_sigterm(mut self) -> Self {
        self.shutdown = Duration::MAX;
        self.on_sigterm = OnSigterm::Accepts;
        self
    }

    /// Time that a `preStop` or `postStart` hook takes that runs a command in the container or asks it.
    #[must_use]
    pub const fn hook(mut self, takes: Duration) -> Self {
        self.hook = takes;
        self
    }

    /// Exit code of the command of a `preStop` or `postStart` hook, 0 unless said; any other fails the hook.
    /// A container whose `postStart` hook fails is stopped again.
    #[must_use]
    pub const fn hook_exits_with(mut self, code: i32) -> Self {
        self.hook_code = code;
        self
    }

    /// What every run leaves in its termination log when it exits without being killed, to be shown in the
    /// container's status. As a kubelet does, of a longer text the last 4096 bytes count.
    #[must_use]
    pub fn termination_message(mut self, text: &str) -> Self {
        let start = (text.len().saturating_sub(MESSAGE_BYTES)..=text.len()).find(|at| text.is_char_boundary(*at));
        self.termination_message = Some(text[start.unwrap_or(0)..].into());
        self
    }

    /// Time from a probe to its answer. Beyond the probe's timeout that is no answer.
    #[must_use]
    pub const fn answers_in(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The health of every run changes so long after its start, until the next such change.
    #[must_use]
    pub fn health_after(mut self, after: Duration, health: Health) -> Self {
        let place = self.turns.partition_point(|turn| turn.after <= after);
        self.turns.insert(place, Turn { after, health });
        self
    }

    /// Every run answers nothing any more so long after its start, without exiting.
    #[must_use]
    pub fn deadlocks_after(self, after: Duration) -> Self {
        self.health_after(after, Health::Hung)
    }

    /// From one instant to another all containers of the image are in this state, such as
    /// [`Health::Unready`] while a database is down.
    #[must_use]
    pub fn health_between(mut self, from: Time, until: Time, health: Health) -> Self {
        self.outages.push(Outage { from, until, health });
        self
    }

    /// The longer a run lasts the later it answers: each such span of its life adds so much.
    #[must_use]
    pub const fn leaks(mut self, every: Duration, slower_by: Duration) -> Self {
        self.leak = Some(Leak { every, slower_by });
        self
    }

    /// Every run exits with `code`, between `earliest` and `latest` after its start, drawn for each run
    /// from the seed.
    #[must_use]
    pub const fn exits_between(self, earliest: Duration, latest: Duration, code: i32) -> Self {
        let mut behaviour = self.exits_after(earliest, code);
        behaviour.exit_spread = latest.saturating_sub(earliest);
        behaviour
    }

    /// What it does with requests between `SIGTERM` and its exit.
    #[must_use]
    pub const fn sigterm(&self) -> OnSigterm {
        self.on_sigterm
    }

    /// The health of a run at an instant, and until when it stays so.
    #[must_use]
    pub fn health_at(&self, started: Time, at: Time) -> (Health, Option<Time>) {
        let turn = self.turns.iter().rfind(|turn| started + turn.after <= at);
        let outage = self.outages.iter().rfind(|outage| outage.from <= at && at < outage.until);
        let turns = self.turns.iter().map(|turn| started + turn.after);
        let edges = turns.chain(self.outages.iter().flat_map(|outage| [outage.from, outage.until]));
        let health = outage.map(|outage| outage.health).or(turn.map(|turn| turn.health)).unwrap_or_default();
        (health, edges.filter(|edge| *edge > at).min())
    }

    /// How much later than at its start a run answers at an instant, and until when it stays so.
    #[must_use]
    pub fn slower_at(&self, started: Time, at: Time) -> (Duration, Option<Time>) {
        let Some(leak) = self.leak.filter(|leak| !leak.every.is_zero()) else { return (Duration::ZERO, None) };
        let steps = at.since(started).as_nanos() / leak.every.as_nanos();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let next = started + leak.every.saturating_mul(steps.saturating_add(1));
        (leak.slower_by.saturating_mul(steps), Some(next))
    }

    /// Time from a probe to its answer.
    #[must_use]
    pub const fn latency(&self) -> Duration {
        self.latency
    }

    /// Whether all that it does is to be fetched, to start, to answer and to stop.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.pull_failures, Failures::Never)
            && self.exit.is_none()
            && self.turns.is_empty()
            && self.outages.is_empty()
            && self.leak.is_none()
            && self.latency.is_zero()
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
