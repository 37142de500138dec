//! The scripted node model: what the `kubelet` block of a recorded trace says, and nothing else.
//!
//! It promises the times of the recorded traces to the millisecond. It is simpler than a kubelet:
//! a first restart waits ten seconds like a real second one, a back-off is never forgotten, a failed
//! pull is not tried again, restarts are counted when the container ends.

use crate::back_off;
use crate::readiness;
use crate::{Change, PodContext, PodRun, Stage, WaitingReason};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wavetank_engine::Time;
use wavetank_model::Phase;
use wavetank_model::template::RestartPolicy;

/// A script for all pods of a simulation; every time is in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Scripted {
    /// From the creation of a pod to its binding.
    pub schedule_ms: u64,
    /// How long a running pod takes to stop, unless its image says otherwise.
    pub shutdown_ms: u64,
    /// Behaviour by image; an entry stands for itself, it takes nothing from the default.
    pub images: BTreeMap<String, Behaviour>,
    /// Behaviour of every other image.
    #[serde(rename = "default")]
    pub fallback: Behaviour,
}

/// What containers of one image do; every time is in milliseconds, and 0 stands for "not at all"
/// where something could happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Behaviour {
    /// To fetch the image.
    pub pull_ms: u64,
    /// To start the container.
    pub start_ms: u64,
    /// More to start, for each pod that its owner made before this one.
    pub start_stagger_ms: u64,
    /// From the start to the first answer.
    pub ready_after_ms: u64,
    /// More until the first answer, for each pod that its owner made before this one.
    pub ready_stagger_ms: u64,
    /// It never answers.
    pub never_ready: bool,
    /// Readiness by the clock; overrides everything else about readiness.
    pub ready_script: Vec<ReadyAt>,
    /// The image cannot be fetched; the pod stays Pending.
    pub image_pull_fails: bool,
    /// It exits with 1 this long after a start.
    pub crash_after_ms: u64,
    /// How many times it does so; 0: for ever.
    pub crashes: u32,
    /// It exits this long after a start.
    pub exit_after_ms: u64,
    /// Later, for each pod that its owner made before this one.
    pub exit_stagger_ms: u64,
    /// With this code.
    pub exit_code: i32,
    /// Ordinals of pods that exit with 1 instead.
    pub fail_pods: Vec<u32>,
    /// Completion indexes of pods that exit with 1 instead.
    pub fail_indexes: Vec<u32>,
    /// How long a running pod takes to stop; 0: as [`Scripted::shutdown_ms`] says.
    pub shutdown_ms: u64,
}

/// One entry of a readiness script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadyAt {
    /// Milliseconds since the start of the container.
    pub at_ms: u64,
    /// What it is from then on.
    pub ready: bool,
}

impl Scripted {
    /// Replaces the behaviour of an image.
    pub fn set_behaviour(&mut self, image: &str, behaviour: Behaviour) {
        self.images.insert(image.to_owned(), behaviour);
    }

    fn behaviour(&self, pod: &PodContext<'_>) -> &Behaviour {
        self.images.get(pod.image()).unwrap_or(&self.fallback)
    }

    /// From the start of a run to its first answer; a script of readiness says nothing of answers.
    pub(crate) fn answers_after(&self, pod: &PodContext<'_>) -> Option<Duration> {
        let behaviour = self.behaviour(pod);
        let answers = staggered(behaviour.ready_after_ms, behaviour.ready_stagger_ms, pod.ordinal);
        (!behaviour.never_ready).then_some(Duration::from_millis(answers))
    }

    pub(crate) const fn bind_delay(&self) -> Duration {
        Duration::from_millis(self.schedule_ms)
    }

    pub(crate) fn bound(&self, pod: &PodContext<'_>, now: Time) -> (PodRun, Option<Time>) {
        let behaviour = self.behaviour(pod);
        if behaviour.image_pull_fails {
            return (PodRun::at(Stage::Unpullable), None);
        }
        let due = after(now, behaviour.start(pod));
        (PodRun::at(Stage::Starting { due }), Some(due))
    }

    pub(crate) fn due(&self, pod: &PodContext<'_>, run: &mut PodRun, now: Time) -> (Option<Change>, Option<Time>) {
        let behaviour = self.behaviour(pod);
        match run.stage() {
            Stage::Starting { due } | Stage::HeldBack { due } if now < due => (None, Some(due)),
            Stage::Starting { .. } | Stage::HeldBack { .. } => {
                let ready = behaviour.is_ready(pod, 0);
                run.enter(Stage::Running { started: now, ready });
                (Some(run.show(None, None)), behaviour.next(pod, run.restarts, now, now))
            }
            Stage::Running { started, .. } => step(behaviour, pod, run, started, now),
            Stage::Stopping { due, ends, .. } => run.end_stop(due, ends, now),
            Stage::Unbound
            | Stage::Pulling { .. }
            | Stage::Unpullable
            | Stage::PullFailed { .. }
            | Stage::PullHeldBack { .. }
            | Stage::Restarting { .. }
            | Stage::Ended { .. } => (None, None),
        }
    }

    /// How long the pod takes to stop from where it stands.
    pub(crate) fn stop_time(&self, pod: &PodContext<'_>, run: &PodRun, grace: Duration) -> Duration {
        if run.phase() == Phase::Pending {
            return Duration::ZERO;
        }
        let own = self.behaviour(pod).shutdown_ms;
        Duration::from_millis(if own == 0 { self.shutdown_ms } else { own }).min(grace)
    }
}

/// The recorded rule for pods that are deleted: one that never ran has failed, one that would have
/// been started again has succeeded.
pub(crate) fn phase_when_stopped(pod: &PodContext<'_>, run: &PodRun) -> Phase {
    let always = pod.facts.restart_policy == RestartPolicy::Always;
    if always && run.phase() != Phase::Pending { Phase::Succeeded } else { Phase::Failed }
}

/// Something may have happened in a run: its end, or a change of readiness.
fn step(
    behaviour: &Behaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    started: Time,
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let elapsed = elapsed(started, now);
    if let Some((due, code)) = behaviour.exit(pod, run.restarts)
        && due <= elapsed
    {
        return exit(pod, run, code, now);
    }
    let ready = behaviour.is_ready(pod, elapsed);
    let changed = ready != run.is_ready();
    run.enter(Stage::Running { started, ready });
    (changed.then(|| run.show(None, None)), behaviour.next(pod, run.restarts, started, now))
}

/// The container ended by itself.
fn exit(pod: &PodContext<'_>, run: &mut PodRun, code: i32, now: Time) -> (Option<Change>, Option<Time>) {
    let again = match pod.facts.restart_policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    };
    if !again {
        run.enter(Stage::Ended { phase: if code == 0 { Phase::Succeeded } else { Phase::Failed } });
        return (Some(run.show(None, Some(code))), None);
    }
    run.restarts = run.restarts.saturating_add(1);
    let due = now + back_off::wait(run.restarts);
    run.enter(Stage::HeldBack { due });
    (Some(run.show(Some(WaitingReason::CrashLoopBackOff), Some(code))), Some(due))
}

/// In milliseconds, as all spans of this file.
fn staggered(base_ms: u64, stagger_ms: u64, ordinal: u32) -> u64 {
    let before = u64::from(ordinal.saturating_sub(1));
    base_ms.saturating_add(stagger_ms.saturating_mul(before))
}

/// An instant so many milliseconds after another one.
fn after(start: Time, millis: u64) -> Time {
    start.offset(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// Whole milliseconds from one instant to a later one.
fn elapsed(start: Time, now: Time) -> u64 {
    u64::try_from(now.nanos_since(start)).unwrap_or(0) / 1_000_000
}

impl Behaviour {
    /// From binding to running.
    fn start(&self, pod: &PodContext<'_>) -> u64 {
        staggered(self.start_ms, self.start_stagger_ms, pod.ordinal).saturating_add(self.pull_ms)
    }

    /// From a start to readiness, where the clock does not decide it.
    fn ready_after(&self, pod: &PodContext<'_>) -> Option<u64> {
        let answers = staggered(self.ready_after_ms, self.ready_stagger_ms, pod.ordinal);
        let ready = pod.facts.readiness.as_ref().map_or(answers, |timing| {
            let probed = readiness::scripted(timing, Duration::from_millis(answers));
            u64::try_from(probed.as_millis()).unwrap_or(u64::MAX)
        });
        (!self.never_ready).then_some(ready)
    }

    /// Whether a container is ready this long after its start.
    fn is_ready(&self, pod: &PodContext<'_>, elapsed: u64) -> bool {
        if self.ready_script.is_empty() {
            return self.ready_after(pod).is_some_and(|after| after <= elapsed);
        }
        let past = self.ready_script.iter().filter(|entry| entry.at_ms <= elapsed);
        past.max_by_key(|entry| entry.at_ms).is_some_and(|entry| entry.ready)
    }

    /// When readiness may change next, counted from the start of the container.
    fn next_readiness(&self, pod: &PodContext<'_>, elapsed: u64) -> Option<u64> {
        if self.ready_script.is_empty() {
            return self.ready_after(pod).filter(|after| *after > elapsed);
        }
        self.ready_script.iter().map(|entry| entry.at_ms).filter(|at| *at > elapsed).min()
    }

    /// When and how a run of the container ends by itself.
    fn exit(&self, pod: &PodContext<'_>, restarts: u32) -> Option<(u64, i32)> {
        let crashes = self.crash_after_ms > 0 && (self.crashes == 0 || restarts < self.crashes);
        let crash = crashes.then_some((self.crash_after_ms, 1));
        if self.exit_after_ms == 0 {
            return crash;
        }
        let fails = self.fail_pods.contains(&pod.ordinal)
            || pod.completion_index.is_some_and(|index| self.fail_indexes.contains(&index));
        let after = staggered(self.exit_after_ms, self.exit_stagger_ms, pod.ordinal);
        let exit = (after, if fails { 1 } else { self.exit_code });
        Some(crash.filter(|(crash, _)| *crash <= after).unwrap_or(exit))
    }

    fn next(&self, pod: &PodContext<'_>, restarts: u32, started: Time, now: Time) -> Option<Time> {
        let readiness = self.next_readiness(pod, elapsed(started, now));
        let exit = self.exit(pod, restarts).map(|(exit, _)| exit);
        readiness.into_iter().chain(exit).min().map(|next| after(started, next))
    }
}

#[cfg(test)]
#[path = "scripted_tests.rs"]
mod tests;
