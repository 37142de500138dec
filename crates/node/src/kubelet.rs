//! The start of a real kubelet: image pulls, restarts, readiness and graceful stops.
//!
//! It promises the order and the waits of these; one container decides for its pod, the first. What
//! it leaves out: probes other than readiness and readiness that is lost again, init containers and
//! sidecars, and the random lengthening of the kubelet's own waits.
//!
//! For instance a container that exits 5 seconds after every start runs at 0, 5, 20, 45 seconds: the
//! first restart is immediate, the next ones wait 10, 20 … seconds from the exit.
//!
//! Sources: `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (restarts and their back-off,
//! `doBackOff`), `pkg/kubelet/images/image_manager.go` (pulls), `pkg/kubelet/pod_workers.go` and
//! `pkg/kubelet/kubelet.go` (when a pod is looked at again), `pkg/kubelet/kubelet_pods.go` (phase).

use crate::back_off;
use crate::draw;
use crate::image::{Exit, Failures};
use crate::pod::Settings;
use crate::readiness;
use crate::{Change, ImageBehaviour, PodContext, PodRun, Stage, WaitingReason};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::{Purpose, Time};
use wavetank_model::container::{Hook, ImagePullPolicy};
use wavetank_model::template::RestartPolicy;
use wavetank_model::{Phase, Uid};

/// A pod whose sync failed is looked at again after this.
const SYNC_AFTER_ERROR: Duration = Duration::from_secs(10);

/// A pod that is held back is looked at again after this at the latest.
const LONGEST_SYNC: Duration = Duration::from_secs(60);

/// How often old back-offs are cleared away.
const HOUSEKEEPING_SECONDS: i64 = 2;

/// A running container gets at least this long between `SIGTERM` and `SIGKILL`.
const LEAST_GRACE: Duration = Duration::from_secs(2);

/// Exit code of a killed container.
const KILLED: i32 = 137;

/// Nodes that run their pods as a kubelet does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubelet {
    bind: Duration,
    images: BTreeMap<Arc<str>, ImageBehaviour>,
    fallback: ImageBehaviour,
    /// By name of the container, before any image.
    containers: BTreeMap<Arc<str>, ImageBehaviour>,
    /// By pod and name of the container, before everything else.
    pods: BTreeMap<(Uid, Arc<str>), ImageBehaviour>,
    settings: Settings,
    /// Whether nobody is there but something that writes statuses.
    #[serde(default)]
    is_faked: bool,
}

impl Kubelet {
    /// Nodes on which nothing takes time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Time from the creation of a pod to its binding.
    #[must_use]
    pub const fn bind_after(mut self, takes: Duration) -> Self {
        self.bind = takes;
        self
    }

    /// Behaviour of an image.
    #[must_use]
    pub fn image(mut self, image: &str, behaviour: ImageBehaviour) -> Self {
        self.set_image(image, behaviour);
        self
    }

    /// Behaviour of every image without one of its own.
    #[must_use]
    pub fn other_images(mut self, behaviour: ImageBehaviour) -> Self {
        self.fallback = behaviour;
        self
    }

    /// Changes the behaviour of an image. Pods that run already keep what they are waiting for and
    /// follow the new behaviour from their next step.
    pub fn set_image(&mut self, image: &str, behaviour: ImageBehaviour) {
        self.images.insert(image.into(), behaviour);
    }

    /// Behaviour of every container of a name, whatever its image.
    #[must_use]
    pub fn container(mut self, name: &str, behaviour: ImageBehaviour) -> Self {
        self.containers.insert(name.into(), behaviour);
        self
    }

    /// How the kubelets are set up.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Nodes without kubelets, whose pods get their statuses from something that fakes them, as kwok does:
    /// containers have no ids, and nobody records what happens to them.
    #[must_use]
    pub const fn faked(mut self) -> Self {
        self.is_faked = true;
        self
    }

    /// Whether the nodes are [`Self::faked`].
    #[must_use]
    pub const fn is_faked(&self) -> bool {
        self.is_faked
    }

    /// How the kubelets are set up.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the behaviour of one container of one pod.
    pub fn set_container(&mut self, pod: Uid, name: &str, behaviour: ImageBehaviour) {
        self.pods.insert((pod, name.into()), behaviour);
    }

    /// The behaviour of a container of a pod.
    #[must_use]
    pub fn behaviour_of(&self, pod: Uid, name: &str, image: &str) -> &ImageBehaviour {
        let own = if self.pods.is_empty() { None } else { self.pods.get(&(pod, Arc::from(name))) };
        own.or_else(|| self.containers.get(name)).or_else(|| self.images.get(image)).unwrap_or(&self.fallback)
    }

    /// Whether a pod will only be fetched, start, answer and stop, so that a [`PodRun`] can stand for it:
    /// one container that does nothing else, without hooks, and with no probe but a readiness probe
    /// that it answers from the start. For every other pod there is a [`crate::pod::Machine`].
    #[must_use]
    pub fn is_plain(&self, pod: &PodContext<'_>) -> bool {
        let facts = pod.facts;
        let behaviour = self.behaviour(pod);
        let [container] = facts.containers.as_slice() else { return facts.containers.is_empty() };
        let answers_at_once = facts.readiness.as_ref().is_none_or(|timing| {
            timing.initial_delay_seconds == 0
                && timing.success_threshold <= 2
                && behaviour.ready_after.is_zero()
                && !behaviour.never_ready
        });
        answers_at_once
            && behaviour.is_plain()
            && self.containers.is_empty()
            && self.pods.is_empty()
            && facts.init_containers.is_empty()
            && facts.readiness_gates.is_empty()
            && facts.active_deadline_seconds.is_none()
            && container.liveness.is_none()
            && container.startup.is_none()
            && container.pre_stop.is_none()
            && container.post_start.is_none()
            && container.image_pull_policy != ImagePullPolicy::Never
            && crate::pod::image_name::check(&container.image).is_ok()
    }

    fn behaviour(&self, pod: &PodContext<'_>) -> &ImageBehaviour {
        self.images.get(pod.image()).unwrap_or(&self.fallback)
    }

    /// From the start of the run under way to its first answer; none: never.
    pub(crate) fn answers_after(&self, pod: &PodContext<'_>, run: &PodRun) -> Option<Duration> {
        let behaviour = self.behaviour(pod);
        let answers = behaviour.stretch(pod, behaviour.ready_after, draw::ANSWER, run.restarts);
        (!behaviour.never_ready).then_some(answers)
    }

    pub(crate) const fn bind_delay(&self) -> Duration {
        self.bind
    }

    pub(crate) fn bound(&self, pod: &PodContext<'_>, now: Time) -> (PodRun, Option<Time>) {
        let mut run = PodRun::default();
        run.backed_off = now;
        let due = begin_pull(self.behaviour(pod), pod, &mut run, now);
        (run, Some(due))
    }

    pub(crate) fn due(&self, pod: &PodContext<'_>, run: &mut PodRun, now: Time) -> (Option<Change>, Option<Time>) {
        let behaviour = self.behaviour(pod);
        if let Some(due) = deadline(run.stage())
            && now < due
        {
            return (None, Some(due));
        }
        match run.stage() {
            Stage::Pulling { .. } => pulled(behaviour, pod, run, now),
            Stage::PullFailed { .. } => looked_at_again(behaviour, pod, run, now),
            Stage::PullHeldBack { .. } => (None, Some(begin_pull(behaviour, pod, run, now))),
            Stage::Starting { .. } | Stage::Restarting { .. } => started(behaviour, pod, run, now),
            Stage::Running { started, ready } => step(behaviour, pod, run, (started, ready), now),
            Stage::HeldBack { .. } => restart(behaviour, pod, run, now, None),
            Stage::Stopping { due, ends, .. } => run.end_stop(due, ends, now),
            Stage::Unbound | Stage::Unpullable | Stage::Ended { .. } => (None, None),
        }
    }

    /// How long the pod takes to stop from where it stands, and the phase in which it ends.
    ///
    /// A container that never ran counts as failed, one that is not running just now ends as its
    /// last run did not: nobody waits for it, and a run that is to be repeated has failed.
    pub(crate) fn stop(&self, pod: &PodContext<'_>, run: &PodRun, grace: Duration) -> (Duration, Phase) {
        let behaviour = self.behaviour(pod);
        let Stage::Running { .. } = run.stage() else { return (Duration::ZERO, Phase::Failed) };
        // The hook comes out of the grace period; what it leaves, and two seconds at least, is for the rest.
        let hook = pre_stop(pod).min(grace);
        let left = grace.saturating_sub(hook).max(LEAST_GRACE);
        let code = if behaviour.shutdown <= left { behaviour.stop_code } else { KILLED };
        (hook + behaviour.shutdown.min(left), phase_after(code))
    }
}

/// When the stage is over, where that is settled on entering it.
const fn deadline(stage: Stage) -> Option<Time> {
    match stage {
        Stage::Pulling { due }
        | Stage::PullFailed { due }
        | Stage::PullHeldBack { due }
        | Stage::Starting { due }
        | Stage::Restarting { due }
        | Stage::HeldBack { due } => Some(due),
        Stage::Unbound | Stage::Unpullable | Stage::Running { .. } | Stage::Stopping { .. } | Stage::Ended { .. } => {
            None
        }
    }
}

/// How long the hook of the first container sleeps before the container is asked to stop. A hook that asks
/// the container is answered at once.
fn pre_stop(pod: &PodContext<'_>) -> Duration {
    match pod.facts.containers.first().and_then(|container| container.pre_stop.as_ref()) {
        Some(Hook::Sleep(seconds)) => Duration::from_secs(u64::try_from(*seconds).unwrap_or(0)),
        Some(Hook::Handler(_)) | None => Duration::ZERO,
    }
}

const fn phase_after(code: i32) -> Phase {
    if code == 0 { Phase::Succeeded } else { Phase::Failed }
}

fn begin_pull(behaviour: &ImageBehaviour, pod: &PodContext<'_>, run: &mut PodRun, now: Time) -> Time {
    let due = now + behaviour.stretch(pod, behaviour.pull, draw::PULL, run.step.into());
    run.enter(Stage::Pulling { due });
    due
}

/// A pull ended. While the image is not there, `step` counts the failures.
fn pulled(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let fails = match behaviour.pull_failures {
        Failures::Never => false,
        Failures::First(tries) => u32::from(run.step) < tries,
        Failures::Always => true,
    };
    if fails {
        if now.since(run.backed_off) > back_off::MEMORY {
            run.step = 0;
        }
        run.step = run.step.saturating_add(1);
        run.backed_off = now;
        let due = now + SYNC_AFTER_ERROR;
        run.enter(Stage::PullFailed { due });
        return (Some(run.show(Some(WaitingReason::ErrImagePull), None)), Some(due));
    }
    run.step = 0;
    let due = now + behaviour.start_time(pod, run.restarts);
    run.enter(Stage::Starting { due });
    (None, Some(due))
}

/// The kubelet comes back to a pod whose pull failed: from now on it shows the back-off, and when
/// that is over already, as after the first failure, it pulls.
fn looked_at_again(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let left = back_off::wait(run.step.into()).saturating_sub(SYNC_AFTER_ERROR);
    let next = if left.is_zero() {
        begin_pull(behaviour, pod, run, now)
    } else {
        let due = now + left;
        run.enter(Stage::PullHeldBack { due });
        due
    };
    (Some(run.show(Some(WaitingReason::ImagePullBackOff), None)), Some(next))
}

fn started(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let ready = behaviour.ready_at(pod, run.restarts).is_some_and(|after| after.is_zero());
    run.enter(Stage::Running { started: now, ready });
    (Some(run.show(None, None)), next(behaviour, pod, run.restarts, (now, ready)))
}

fn step(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    (started, was_ready): (Time, bool),
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let elapsed = now.since(started);
    if let Some(exit) = behaviour.exit_of(run.restarts)
        && exit.after <= elapsed
    {
        return ended(behaviour, pod, run, exit.code, now);
    }
    let ready = was_ready || behaviour.ready_at(pod, run.restarts).is_some_and(|after| after <= elapsed);
    run.enter(Stage::Running { started, ready });
    ((ready != was_ready).then(|| run.show(None, None)), next(behaviour, pod, run.restarts, (started, ready)))
}

/// The container ended by itself.
fn ended(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    code: i32,
    now: Time,
) -> (Option<Change>, Option<Time>) {
    let again = match pod.facts.restart_policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    };
    if !again {
        run.enter(Stage::Ended { phase: phase_after(code) });
        return (Some(run.show(None, Some(code))), None);
    }
    // A container that outlived the memory of its back-off starts afresh.
    if now.since(run.backed_off) > back_off::MEMORY {
        run.step = 0;
    }
    if run.step == 0 {
        return restart(behaviour, pod, run, now, Some(code));
    }
    let due = held_back_until(run, now);
    run.enter(Stage::HeldBack { due });
    (Some(run.show(Some(WaitingReason::CrashLoopBackOff), Some(code))), Some(due))
}

/// When housekeeping clears the back-off away.
///
/// On every node it comes round at even seconds here; a real kubelet's rounds begin with itself.
fn cleared_away(run: &PodRun) -> Time {
    let round = (run.backed_off + back_off::MEMORY).as_seconds().div_euclid(HOUSEKEEPING_SECONDS);
    Time::from_seconds(round.saturating_add(1).saturating_mul(HOUSEKEEPING_SECONDS))
}

/// When a container that exited is started again: at the end of its back-off, or as soon as the pod
/// is looked at after housekeeping has cleared the back-off away.
fn held_back_until(run: &PodRun, exited: Time) -> Time {
    let over = exited + back_off::wait(run.step.into());
    let cleared = cleared_away(run);
    let mut sync = exited + LONGEST_SYNC;
    while sync < over {
        if cleared <= sync {
            return sync;
        }
        sync += LONGEST_SYNC;
    }
    over
}

/// A new container is made; the image is on the node by now.
fn restart(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    run: &mut PodRun,
    now: Time,
    exit: Option<i32>,
) -> (Option<Change>, Option<Time>) {
    if cleared_away(run) <= now {
        run.step = 0;
    }
    run.step = run.step.saturating_add(1);
    run.backed_off = now;
    run.restarts = run.restarts.saturating_add(1);
    let due = now + behaviour.start_time(pod, run.restarts);
    run.enter(Stage::Restarting { due });
    // Until the new container runs, a status shows the exit of the old one, or why it was held back.
    let waiting = if exit.is_none() { Some(WaitingReason::CrashLoopBackOff) } else { None };
    (Some(run.show(waiting, exit)), Some(due))
}

/// When something happens next in a run.
fn next(
    behaviour: &ImageBehaviour,
    pod: &PodContext<'_>,
    restarts: u32,
    (started, ready): (Time, bool),
) -> Option<Time> {
    let readiness = if ready { None } else { behaviour.ready_at(pod, restarts) };
    let exit = behaviour.exit_of(restarts).map(|exit| exit.after);
    readiness.into_iter().chain(exit).min().map(|after| started + after)
}

impl ImageBehaviour {
    pub(crate) fn stretch(&self, pod: &PodContext<'_>, span: Duration, purpose: Purpose, count: u32) -> Duration {
        draw::stretch(span, self.spread_percent, draw::number(pod.seed, pod.uid, purpose, count))
    }

    pub(crate) fn start_time(&self, pod: &PodContext<'_>, run: u32) -> Duration {
        self.stretch(pod, self.start, draw::START, run)
    }

    /// From the start of a run to readiness; none: never.
    fn ready_at(&self, pod: &PodContext<'_>, run: u32) -> Option<Duration> {
        if self.never_ready {
            return None;
        }
        let answers = self.stretch(pod, self.ready_after, draw::ANSWER, run);
        Some(pod.facts.readiness.as_ref().map_or(answers, |timing| readiness::kubelet(timing, answers)))
    }

    fn exit_of(&self, run: u32) -> Option<Exit> {
        self.exit.filter(|exit| exit.runs.is_none_or(|runs| run < runs))
    }
}

#[cfg(test)]
#[path = "kubelet_tests.rs"]
mod tests;
