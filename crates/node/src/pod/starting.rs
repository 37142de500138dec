//! Images and starts of containers.
//!
//! Sources: `pkg/kubelet/images/image_manager.go`, `EnsureImageExists`;
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`;
//! `kuberuntime_manager.go`, `doBackOff`.

use super::generate::{RuntimeState, RuntimeStatus, StartFailure, newest};
use super::image_name;
use super::machine::{Machine, Process, Scene, run_of};
use super::restart_back_off::BackOff;
use super::sight::{KubeletEvent, Sight};
use super::worker::Wait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::container::ImagePullPolicy;

/// An image, as far as one pod has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageState {
    pub(crate) name: Arc<str>,
    /// Whether this pod has fetched it.
    is_here: bool,
    attempts: u32,
    back_off: Option<BackOff>,
    /// What went wrong the last time.
    error: String,
}

impl ImageState {
    pub(crate) const fn new(name: Arc<str>) -> Self {
        Self { name, is_here: false, attempts: 0, back_off: None, error: String::new() }
    }
}

/// What became of an attempt to start a container.
#[derive(Debug)]
pub(crate) enum Started {
    /// It runs.
    Yes,
    /// It takes time.
    Wait(Wait),
    /// It failed; the time says when the back-off ends, if it is one that says so.
    No(StartFailure, Option<Time>),
}

impl Machine {
    /// Begins to start a container. `snapshot` is what the runtime said when the sync began.
    pub(crate) fn begin_start(&mut self, scene: &mut Scene<'_>, number: usize, snapshot: &[RuntimeStatus]) -> Started {
        if let Some((failure, expires)) = self.hold_back(scene, number, snapshot) {
            return Started::No(failure, Some(expires));
        }
        self.ensure_image(scene, number)
    }

    /// Whether a container is held back after its last exit; if not, the next exit will wait longer.
    fn hold_back(
        &mut self,
        scene: &mut Scene<'_>,
        number: usize,
        snapshot: &[RuntimeStatus],
    ) -> Option<(StartFailure, Time)> {
        let finished =
            snapshot.iter().filter(|status| status.container == number).find_map(|status| match status.state {
                RuntimeState::Exited { finished, .. } => Some(finished),
                RuntimeState::Created | RuntimeState::Running | RuntimeState::Unknown => None,
            })?;
        let now = self.now;
        let cleared = scene.settings.housekeeping.and_then(|(first, every)| {
            let passed = u64::try_from(now.nanos_since(first)).ok()?;
            let every = u64::try_from(every.as_nanos()).ok().filter(|every| *every > 0)?;
            Some(first.offset(i64::try_from(passed - passed % every).ok()?))
        });
        let entry = self.back_offs[number].filter(|entry| !cleared.is_some_and(|at| entry.is_forgotten(at)));
        if let Some(entry) = entry.filter(|entry| entry.holds_back_since(finished, now)) {
            let container = scene.container(number)?;
            let full_name = Arc::clone(&self.full_name);
            scene.event(now, number, &KubeletEvent::RestartBackOff { container: &container.name, pod: &full_name });
            let wait = super::go_duration(entry.wait);
            let message = format!("back-off {wait} restarting failed container={} pod={full_name}", container.name);
            let failure = StartFailure { reason: "CrashLoopBackOff".into(), message: message.into() };
            return Some((failure, finished + entry.wait));
        }
        let longest = scene.settings.max_container_restart_period;
        self.back_offs[number] = Some(BackOff::next(entry, finished, now, longest));
        None
    }

    fn ensure_image(&mut self, scene: &mut Scene<'_>, number: usize) -> Started {
        let now = self.now;
        let Some(container) = scene.container(number) else { return Started::Yes };
        let name = &*container.image;
        if let Err(error) = image_name::check(name) {
            scene.event(now, number, &KubeletEvent::InvalidImageName { image: name, error: &error });
            let message =
                format!("Failed to apply default image tag {}: {error}", wavetank_model::strconv::quote(name));
            return cannot_start(scene, now, number, "InvalidImageName", message);
        }
        let is_here = scene.application.has_image(name);
        let Some(image) = self.images.iter_mut().find(|image| *image.name == *name) else { return Started::Yes };
        let is_here = is_here || image.is_here;
        match container.image_pull_policy {
            ImagePullPolicy::Never if !is_here => {
                scene.event(now, number, &KubeletEvent::NeverPull(name));
                let message = KubeletEvent::NeverPull(name).message();
                return cannot_start(scene, now, number, "ErrImageNeverPull", message);
            }
            ImagePullPolicy::Never | ImagePullPolicy::IfNotPresent if is_here => {
                scene.event(now, number, &KubeletEvent::AlreadyPresent(name));
                return self.begin_run(scene, number);
            }
            ImagePullPolicy::Never | ImagePullPolicy::IfNotPresent | ImagePullPolicy::Always => {}
        }
        if image.back_off.is_some_and(|entry| entry.holds_back(now)) {
            scene.event(now, number, &KubeletEvent::PullBackOff(name));
            let message = format!("Back-off pulling image \"{name}\": {}", image.error);
            return cannot_start(scene, now, number, "ImagePullBackOff", message);
        }
        scene.event(now, number, &KubeletEvent::Pulling(name));
        scene.witness.see(now, Sight::Pull { image: name, attempt: image.attempts });
        let pull = scene.application.pull(name, image.attempts);
        image.attempts = image.attempts.saturating_add(1);
        Started::Wait(Wait::Pull { container: number, began: now, until: now + pull.takes, error: pull.error })
    }

    /// A pull has ended.
    pub(crate) fn end_pull(
        &mut self,
        scene: &mut Scene<'_>,
        number: usize,
        began: Time,
        error: Option<String>,
    ) -> Started {
        let now = self.now;
        let Some(container) = scene.container(number) else { return Started::Yes };
        let name = &*container.image;
        let Some(position) = self.images.iter().position(|image| *image.name == *name) else { return Started::Yes };
        if let Some(error) = error {
            scene.event(now, number, &KubeletEvent::PullFailed { image: name, error: &error });
            let (reason, message) = pull_failure(name, &error);
            let image = &mut self.images[position];
            image.back_off = Some(BackOff::next(image.back_off, now, now, crate::back_off::MOST));
            image.error = format!("{reason}: {message}");
            return cannot_start(scene, now, number, reason, message);
        }
        self.images[position].is_here = true;
        for image in &mut self.images {
            image.back_off = image.back_off.filter(|entry| !entry.is_forgotten(now));
        }
        let size = scene.application.image_size(name);
        scene.event(now, number, &KubeletEvent::Pulled { image: name, took: now.since(began), size });
        self.begin_run(scene, number)
    }

    fn begin_run(&mut self, scene: &mut Scene<'_>, number: usize) -> Started {
        let takes = scene.application.start_takes(run_of(scene.facts, number, self.runs[number], self.now));
        if takes.is_zero() {
            return Started::Yes;
        }
        Started::Wait(Wait::Start { container: number, until: self.now + takes })
    }

    /// The container runs.
    pub(crate) fn start(&mut self, scene: &mut Scene<'_>, number: usize, snapshot: &[RuntimeStatus]) {
        let now = self.now;
        let Some(container) = scene.container(number) else { return };
        let run = self.runs[number];
        self.runs[number] = run.saturating_add(1);
        let before = newest(snapshot, number);
        let restart_count = before.map_or(0, |status| status.restart_count.saturating_add(1));
        // A run and the one before it are all that anybody asks for.
        let mut older = 0;
        self.runtime.retain(|status| {
            older += u32::from(status.container == number);
            status.container != number || older < 2
        });
        let status =
            RuntimeStatus { container: number, run, restart_count, started: now, state: RuntimeState::Running };
        self.runtime.insert(0, status);
        let plan = scene.application.run(run_of(scene.facts, number, run, now));
        self.processes.push(Process {
            container: number,
            run,
            started: now,
            exit: plan.exit.map(|(after, code)| (now + after, code)),
            ready_at: if container.readiness.is_some() { now } else { now + plan.ready_after },
            is_hung: false,
            slower_by: core::time::Duration::ZERO,
            is_out_of_memory: false,
        });
        scene.event(now, number, &KubeletEvent::Created);
        scene.event(now, number, &KubeletEvent::Started);
        scene.witness.see(now, Sight::Start { container: &container.name, run });
        self.worker.is_wanted = true;
    }
}

fn cannot_start(scene: &mut Scene<'_>, now: Time, number: usize, reason: &str, message: String) -> Started {
    scene.event(now, number, &KubeletEvent::Failed(reason));
    Started::No(StartFailure { reason: reason.into(), message: message.into() }, None)
}

/// The reason and the text of a failed pull. Two kinds of errors begin with a word of their own.
fn pull_failure(image: &str, error: &str) -> (&'static str, String) {
    let special = |word: &str| error.strip_prefix(word).map(|rest| rest.trim_start_matches([':', ' ']).to_owned());
    if let Some(rest) = special("RegistryUnavailable") {
        let why = if rest.is_empty() { "the registry is unavailable".into() } else { rest };
        return (
            "RegistryUnavailable",
            format!("image pull failed for {image} because the registry is unavailable: {why}"),
        );
    }
    if let Some(rest) = special("SignatureValidationFailed") {
        let why = if rest.is_empty() { "the signature validation failed".into() } else { rest };
        return (
            "SignatureValidationFailed",
            format!("image pull failed for {image} because the signature validation failed: {why}"),
        );
    }
    ("ErrImagePull", error.to_owned())
}
