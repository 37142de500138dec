//! The pod worker: one sync after another, each blocking while it pulls, starts or stops.
//!
//! Sources: `pkg/kubelet/pod_workers.go`; `pkg/kubelet/kubelet.go`, `SyncPod`, `SyncTerminatingPod`.

use super::actions::{Step, exit_restarts_all};
use super::conditions;
use super::generate::{Observed, RuntimeState, RuntimeStatus, StartFailure};
use super::machine::{Deletion, Machine, Sandbox, Scene};
use super::phase::phase;
use super::sight::{KubeletEvent, Sight};
use super::starting::Started;
use super::status::{ContainerStatus, NodeStatus};
use super::stopping::KillReason;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wavetank_engine::Time;
use wavetank_model::{Phase, PodCondition};

/// A pod whose sync failed is looked at again after this.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// A pod that is held back is looked at again after this at the latest.
const AT_LATEST: Duration = Duration::from_secs(60);

/// The reason of a pod that was active for too long.
const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";

/// What is said of it.
pub(crate) const PAST_DEADLINE: &str = "Pod was active on the node longer than the specified deadline";

/// Containers that exit as soon as they run are all restarted only after this.
const AT_LEAST: Duration = Duration::from_secs(1);

/// The worker of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PodWorker {
    /// Something happened since the last sync began.
    pub(crate) is_wanted: bool,
    /// When the last sync began.
    pub(crate) last_sync: Option<Time>,
    /// When the next sync begins if nothing happens before.
    planned: Option<Time>,
    /// The grace period of a deletion that it has not heard of yet.
    pub(crate) deferred: Option<i64>,
    /// Whether the probe workers were made.
    pub(crate) has_added_probes: bool,
    /// When all containers were last restarted.
    removed_all: Option<Time>,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Idle,
    Syncing(Box<Sync>),
    /// The containers are stopped for good.
    Terminating,
    Done,
}

/// A sync under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sync {
    /// What the runtime said when it began.
    snapshot: Vec<RuntimeStatus>,
    steps: VecDeque<Step>,
    wait: Option<Wait>,
    /// What became of the starts.
    results: Vec<(usize, Option<StartFailure>)>,
    failed: bool,
    /// When the first back-off ends that says so.
    expires: Option<Time>,
}

/// What a sync waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// An image.
    Pull { container: usize, began: Time, until: Time, error: Option<String> },
    /// A container that is being started.
    Start { container: usize, until: Time },
    /// The hook of a container that has just started, and why it fails if it does.
    PostStart { container: usize, until: Time, error: Option<String> },
    /// Containers that are being stopped, and what follows.
    Stops { then: Then },
    /// A container that is being stopped because its hook failed.
    FailedHook { container: usize, failure: StartFailure },
}

/// What follows when all containers that a sync stops have stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Then {
    Nothing,
    StopSandbox,
    Remove,
}

impl Wait {
    /// Whether containers are being stopped, which a deletion does not break off.
    const fn is_for_stops(&self) -> bool {
        match self {
            Self::Stops { .. } | Self::FailedHook { .. } => true,
            Self::Pull { .. } | Self::Start { .. } | Self::PostStart { .. } => false,
        }
    }
}

impl PodWorker {
    pub(crate) const fn new() -> Self {
        Self {
            is_wanted: true,
            last_sync: None,
            planned: None,
            deferred: None,
            has_added_probes: false,
            removed_all: None,
            stage: Stage::Idle,
        }
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }
}

impl Machine {
    /// When the pod worker has something to do by itself.
    pub(crate) fn worker_due(&self, scene: &Scene<'_>) -> Option<Time> {
        match &self.worker.stage {
            Stage::Idle if self.worker.is_wanted => Some(self.now),
            Stage::Idle if self.resyncs_in_vain(scene) => self.deadline(scene),
            Stage::Idle => self.worker.planned.into_iter().chain(self.deadline(scene)).min(),
            Stage::Syncing(sync) => match &sync.wait {
                Some(Wait::Pull { until, .. } | Wait::Start { until, .. } | Wait::PostStart { until, .. }) => {
                    Some(*until)
                }
                Some(Wait::Stops { .. } | Wait::FailedHook { .. }) | None => None,
            },
            Stage::Terminating | Stage::Done => None,
        }
    }

    /// Whether all is well, so that a sync finds nothing to do and nothing new to say.
    fn resyncs_in_vain(&self, scene: &Scene<'_>) -> bool {
        let runs_well = |status: &ContainerStatus| status.state.is_running() && status.ready;
        let mut init = self.status.init_containers.iter().zip(&scene.facts.init_containers);
        self.status.containers.len() == scene.facts.containers.len()
            && self.status.containers.iter().all(runs_well)
            && init.all(|(status, spec)| {
                runs_well(status) || (!spec.is_restartable_init() && status.state.terminated().is_some())
            })
            && self.processes.iter().all(|process| process.ready_at <= self.now)
    }

    /// Resyncs before `end` that found nothing have passed.
    pub(crate) fn skip_resyncs(&mut self, scene: &Scene<'_>, end: Time) {
        let Some(planned) = self.worker.planned.filter(|planned| *planned < end) else { return };
        let Some(every) = scene.settings.resync.filter(|every| !every.is_zero()) else { return };
        if matches!(self.worker.stage, Stage::Idle) && !self.worker.is_wanted {
            self.worker.planned = Some(next_in_step(planned, every, end));
        }
    }

    /// The next thing that the pod worker does at this instant.
    pub(crate) fn go_on_syncing(&mut self, scene: &mut Scene<'_>) -> bool {
        match &mut self.worker.stage {
            Stage::Idle => {
                let is_due = |at: Option<Time>| at.is_some_and(|at| at <= self.now);
                if !self.worker.is_wanted && !is_due(self.worker.planned) && !is_due(self.deadline(scene)) {
                    return false;
                }
                self.begin_sync(scene);
                true
            }
            Stage::Syncing(sync) => {
                let mut sync = core::mem::replace(
                    sync,
                    Box::new(Sync {
                        snapshot: Vec::new(),
                        steps: VecDeque::new(),
                        wait: None,
                        results: Vec::new(),
                        failed: false,
                        expires: None,
                    }),
                );
                let acts = self.end_wait(scene, &mut sync);
                if acts {
                    self.run_steps(scene, sync);
                } else {
                    self.worker.stage = Stage::Syncing(sync);
                }
                acts
            }
            Stage::Terminating => {
                if !self.stops.is_empty() || !self.processes.is_empty() {
                    return false;
                }
                self.end_termination(scene);
                true
            }
            Stage::Done => false,
        }
    }

    fn begin_sync(&mut self, scene: &mut Scene<'_>) {
        self.worker.is_wanted = false;
        self.worker.planned = None;
        self.worker.last_sync = Some(self.now);
        self.generate(scene, false);
        if self.status.phase.has_ended() {
            return self.terminate(scene);
        }
        self.restarting_all = false;
        self.add_probes(scene);
        let snapshot = self.runtime.clone();
        let steps: VecDeque<Step> = self.steps(scene, self.observed(scene, &snapshot)).into();
        if matches!(steps.front(), Some(Step::RemoveAll)) && self.worker.removed_all.replace(self.now) == Some(self.now)
        {
            // Nothing holds such restarts back; where nothing takes time they would never come to an end.
            self.worker.planned = Some(self.now + AT_LEAST);
            return;
        }
        let sync = Sync { snapshot, steps, wait: None, results: Vec::new(), failed: false, expires: None };
        self.run_steps(scene, Box::new(sync));
    }

    /// When the pod will have been active for too long, if that ends it. A kubelet looks once a second, here
    /// at whole seconds of the pod's life.
    ///
    /// Source: `pkg/kubelet/active_deadline.go`.
    fn deadline(&self, scene: &Scene<'_>) -> Option<Time> {
        let seconds = u64::try_from(scene.facts.active_deadline_seconds?).ok()?;
        let since = self.status.condition("PodScheduled")?.last_transition?;
        (!self.status.phase.has_ended()).then_some(since + Duration::from_secs(seconds))
    }

    fn observed<'a>(&'a self, scene: &'a Scene<'_>, runtime: &'a [RuntimeStatus]) -> Observed<'a> {
        Observed {
            facts: scene.facts,
            runtime,
            failures: &self.failures,
            restarting_all: self.restarting_all,
            deleted: self.deletion.is_some(),
            clock_phase: scene.settings.clock_phase,
        }
    }

    /// Whether what the sync waits for has come, and carries on with it.
    fn end_wait(&mut self, scene: &mut Scene<'_>, sync: &mut Sync) -> bool {
        let now = self.now;
        match sync.wait.take() {
            Some(Wait::Pull { container, began, until, error }) if until <= now => {
                let started = self.end_pull(scene, container, began, error);
                self.note_start(scene, sync, container, started);
                true
            }
            Some(Wait::Start { container, until }) if until <= now => {
                self.note_start(scene, sync, container, Started::Yes);
                true
            }
            Some(Wait::PostStart { container, until, error }) if until <= now => {
                self.end_post_start(scene, sync, container, error.as_deref());
                true
            }
            Some(Wait::PostStart { container, .. }) if self.has_lost_hook(scene, container) => {
                self.end_post_start(scene, sync, container, Some("the container has exited"));
                true
            }
            Some(Wait::FailedHook { container, failure }) if self.stops.is_empty() => {
                Self::note_failure(scene, sync, container, failure, None);
                true
            }
            Some(Wait::Stops { then }) if self.stops.is_empty() => {
                match then {
                    Then::Nothing => {}
                    Then::StopSandbox => self.sandbox = Sandbox::Stopped,
                    Then::Remove => {
                        self.runtime.clear();
                        self.restarting_all = true;
                    }
                }
                true
            }
            wait => {
                sync.wait = wait;
                false
            }
        }
    }

    fn note_start(&mut self, scene: &mut Scene<'_>, sync: &mut Sync, container: usize, started: Started) {
        match started {
            Started::Yes => {
                self.start(scene, container, &sync.snapshot);
                match self.post_start(scene, container) {
                    Some(hooked) if !hooked.takes.is_zero() => {
                        let until = self.now + hooked.takes;
                        sync.wait = Some(Wait::PostStart { container, until, error: hooked.error });
                    }
                    hooked => {
                        let error = hooked.and_then(|hooked| hooked.error);
                        self.end_post_start(scene, sync, container, error.as_deref());
                    }
                }
            }
            Started::Wait(wait) => sync.wait = Some(wait),
            Started::No(failure, expires) => Self::note_failure(scene, sync, container, failure, expires),
        }
    }

    /// A container has started and its hook, if it has one, is over.
    fn end_post_start(&mut self, scene: &mut Scene<'_>, sync: &mut Sync, container: usize, error: Option<&str>) {
        match error {
            None => sync.results.push((container, None)),
            Some(error) => {
                let failure = self.fail_post_start(scene, container, error);
                sync.wait = Some(Wait::FailedHook { container, failure });
            }
        }
    }

    /// A container could not be started; without an init container the sync does not go on.
    fn note_failure(
        scene: &Scene<'_>,
        sync: &mut Sync,
        container: usize,
        failure: StartFailure,
        expires: Option<Time>,
    ) {
        sync.results.push((container, Some(failure)));
        sync.failed = true;
        sync.expires = sync.expires.into_iter().chain(expires).min();
        let init = scene.facts.init_containers.get(container);
        if init.is_some_and(|init| !init.is_restartable_init()) {
            sync.steps.clear();
        }
    }

    fn run_steps(&mut self, scene: &mut Scene<'_>, mut sync: Box<Sync>) {
        while sync.wait.is_none() {
            let Some(step) = sync.steps.pop_front() else { return self.end_sync(scene, *sync) };
            match step {
                Step::CreateSandbox => {
                    self.sandbox = Sandbox::Ready;
                    // The pod has its address: that is told before anything is pulled.
                    self.generate(scene, false);
                    self.worker.is_wanted = true;
                }
                Step::Start(container) => {
                    let started = self.begin_start(scene, container, &sync.snapshot);
                    self.note_start(scene, &mut sync, container, started);
                }
                Step::Kill { container, reason, message } => {
                    self.begin_stop(scene, container, reason, &message);
                    sync.wait = Some(Wait::Stops { then: Then::Nothing });
                }
                Step::KillPod => {
                    self.stop_all(scene, KillReason::Pod);
                    sync.wait = Some(Wait::Stops { then: Then::StopSandbox });
                }
                Step::RemoveAll => {
                    self.stop_all(scene, KillReason::RestartAll);
                    sync.wait = Some(Wait::Stops { then: Then::Remove });
                }
            }
        }
        let is_stopping = sync.wait.as_ref().is_some_and(Wait::is_for_stops);
        self.worker.stage = Stage::Syncing(sync);
        if !is_stopping {
            self.hear_of_deferred_deletion(scene);
        }
    }

    fn end_sync(&mut self, scene: &mut Scene<'_>, sync: Sync) {
        for (container, failure) in sync.results {
            self.failures[container] = failure;
        }
        self.worker.stage = Stage::Idle;
        self.worker.planned = if sync.failed {
            let wait = sync.expires.map_or(AFTER_ERROR, |at| at.since(self.now).min(AT_LATEST));
            Some(self.now + wait)
        } else {
            scene.settings.resync.map(|every| self.now + every)
        };
        // Containers that were removed are to be seen as removed, which takes another look.
        self.worker.is_wanted |= self.restarting_all;
        self.hear_of_deferred_deletion(scene);
    }

    /// The deletion reaches the worker. It breaks off pulls and starts, but not stops.
    pub(crate) fn hear_of_deletion(&mut self, scene: &mut Scene<'_>, grace: i64) {
        match &self.worker.stage {
            Stage::Syncing(sync) if sync.wait.as_ref().is_some_and(Wait::is_for_stops) => {
                self.worker.deferred = Some(grace);
                return;
            }
            Stage::Idle | Stage::Syncing(_) | Stage::Terminating | Stage::Done => {}
        }
        scene.witness.see(self.now, Sight::Delete { grace });
        self.deletion = Some(Deletion { grace });
        match self.worker.stage {
            Stage::Idle | Stage::Syncing(_) => {
                self.generate(scene, false);
                self.terminate(scene);
            }
            Stage::Terminating => self.shorten_stops(grace),
            Stage::Done => {}
        }
    }

    /// A deletion that came while containers were being stopped one by one is heard after that.
    fn hear_of_deferred_deletion(&mut self, scene: &mut Scene<'_>) {
        if let Some(grace) = self.worker.deferred.take() {
            self.hear_of_deletion(scene, grace);
        }
    }

    /// All containers are to be stopped for good.
    fn terminate(&mut self, scene: &mut Scene<'_>) {
        self.worker.stage = Stage::Terminating;
        self.worker.planned = None;
        self.stop_probes(false);
        self.stop_all(scene, KillReason::Pod);
    }

    fn end_termination(&mut self, scene: &mut Scene<'_>) {
        self.remove_probes();
        self.sandbox = Sandbox::Stopped;
        self.generate(scene, true);
        self.worker.stage = Stage::Done;
    }

    /// Makes the status anew and stores it.
    pub(crate) fn generate(&mut self, scene: &mut Scene<'_>, is_terminal: bool) {
        let runtime = core::mem::take(&mut self.runtime);
        let mut observed = self.observed(scene, &runtime);
        observed.restarting_all |= exit_restarts_all(scene.facts, observed);
        let mut status = NodeStatus {
            init_containers: observed.init_containers(&self.status.init_containers),
            containers: observed.containers(&self.status.containers),
            ..NodeStatus::default()
        };
        let first = scene.facts.init_containers.len();
        let has_initialized = runtime.iter().any(|status| {
            status.container >= first && matches!(status.state, RuntimeState::Running | RuntimeState::Exited { .. })
        });
        self.runtime = runtime;
        let statuses: Vec<ContainerStatus> = status.all().cloned().collect();
        status.phase = phase(scene.facts, &statuses, is_terminal, has_initialized);
        if self.status.phase.has_ended() {
            status.phase = self.status.phase;
            status.reason.clone_from(&self.status.reason);
            status.message.clone_from(&self.status.message);
        }
        if self.deadline(scene).is_some_and(|deadline| deadline <= self.now) {
            status.phase = Phase::Failed;
            status.reason = DEADLINE_EXCEEDED.into();
            status.message = PAST_DEADLINE.into();
            scene.event_of_pod(self.now, &KubeletEvent::DeadlineExceeded);
        }
        self.note_probes(scene, &mut status);
        status.conditions = kubelet_conditions(scene, &status, self.sandbox == Sandbox::Ready);
        self.store(scene, status);
    }

    /// Stores a status; what says the same as before is no news.
    pub(crate) fn store(&mut self, scene: &mut Scene<'_>, mut status: NodeStatus) {
        for condition in &mut status.conditions {
            let before = self.status.condition(&condition.kind);
            let before = before.filter(|before| before.status == condition.status);
            condition.last_transition = match before {
                Some(before) => before.last_transition,
                None => Some(self.now.floor_second()),
            };
        }
        if status != self.status {
            self.status = status;
            scene.witness.see(self.now, Sight::Status(&self.status));
        }
    }
}

/// The conditions that follow from the statuses of the containers.
pub(crate) fn kubelet_conditions(scene: &Scene<'_>, status: &NodeStatus, has_sandbox: bool) -> Vec<PodCondition> {
    let statuses: Vec<ContainerStatus> = status.all().cloned().collect();
    let statuses = (!statuses.is_empty()).then_some(statuses.as_slice());
    vec![
        conditions::ready_to_start(has_sandbox),
        conditions::initialized(scene.facts, statuses, status.phase),
        conditions::ready(scene.facts, scene.conditions, statuses, status.phase),
        conditions::containers_ready(scene.facts, statuses, status.phase),
        conditions::scheduled(),
    ]
}

/// The first of a series of instants that is not before `now`.
pub(crate) fn next_in_step(first: Time, every: Duration, now: Time) -> Time {
    let every = i64::try_from(every.as_nanos()).unwrap_or(i64::MAX).max(1);
    let late = now.nanos_since(first);
    if late <= 0 {
        return first;
    }
    let missed = late / every + i64::from(late % every != 0);
    first.offset(missed.saturating_mul(every))
}
