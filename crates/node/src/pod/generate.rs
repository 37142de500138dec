//! Statuses of containers, from what the runtime knows and what was said before.
//!
//! Source: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`.

use super::phase::RESTARTING_ALL;
use super::restart::should_restart;
use super::status::{ContainerState, ContainerStatus, Terminated, named};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Container, TemplateFacts};

/// What the runtime says of one run of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeStatus {
    /// Number of the container in its pod, the init containers first.
    pub container: usize,
    /// Which run it is, from 0.
    pub run: u32,
    /// Its restart count, as noted when it was made.
    pub restart_count: u32,
    /// When it started.
    pub started: Time,
    /// What it does.
    pub state: RuntimeState,
}

/// What a container does, as the runtime sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuntimeState {
    /// It was made but does not run.
    Created,
    /// It runs.
    Running,
    /// It has exited.
    Exited {
        /// Exit code.
        code: i32,
        /// The runtime's word for it.
        reason: Arc<str>,
        /// What it left in its termination log.
        message: Arc<str>,
        /// When.
        finished: Time,
    },
    /// The runtime cannot say.
    Unknown,
}

/// Why a container could not be started when that was tried last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// In a word, such as `CrashLoopBackOff`.
    pub reason: Arc<str>,
    /// For people.
    pub message: Arc<str>,
}

/// Everything that the statuses follow from. Of the runtime's answers the newest come first.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The pod.
    pub facts: &'a TemplateFacts,
    /// What the runtime says, the newest first.
    pub runtime: &'a [RuntimeStatus],
    /// By number of the container, the init containers first.
    pub failures: &'a [Option<StartFailure>],
    /// Whether all containers are being restarted.
    pub restarting_all: bool,
    /// Whether the pod is being deleted.
    pub deleted: bool,
    /// What is cut from times: they are kept to the whole second of a wall clock that is ahead by this.
    pub clock_phase: core::time::Duration,
}

impl<'a> Observed<'a> {
    /// The newest run of a container.
    #[must_use]
    pub fn newest(&self, container: usize) -> Option<&'a RuntimeStatus> {
        newest(self.runtime, container)
    }

    /// Whether a regular container was ever made.
    fn any_regular_created(&self) -> bool {
        let first = self.facts.init_containers.len();
        (first..first + self.facts.containers.len())
            .any(|container| self.newest(container).is_some_and(|status| status.state != RuntimeState::Unknown))
    }

    fn whole_second(&self, time: Time) -> Option<Time> {
        let phase = i64::try_from(self.clock_phase.as_nanos()).unwrap_or(0);
        Some(time.offset(phase).floor_second().offset(-phase))
    }

    /// Whether a container is to be started when the pod is looked at next.
    #[must_use]
    pub fn is_due(&self, number: usize, container: &Container) -> bool {
        if self.deleted {
            return false;
        }
        match self.newest(number).map(|status| &status.state) {
            None | Some(RuntimeState::Unknown | RuntimeState::Created) => true,
            Some(RuntimeState::Running) => false,
            Some(RuntimeState::Exited { code, .. }) => should_restart(container, self.facts.restart_policy, *code),
        }
    }

    /// Statuses of the init containers, in the order of the spec.
    #[must_use]
    pub fn init_containers(&self, old: &[ContainerStatus]) -> Vec<ContainerStatus> {
        self.statuses(&self.facts.init_containers, 0, old, true)
    }

    /// Statuses of the containers, in the order of the spec.
    #[must_use]
    pub fn containers(&self, old: &[ContainerStatus]) -> Vec<ContainerStatus> {
        self.statuses(&self.facts.containers, self.facts.init_containers.len(), old, false)
    }

    fn statuses(
        &self,
        containers: &[Container],
        first: usize,
        old: &[ContainerStatus],
        are_init: bool,
    ) -> Vec<ContainerStatus> {
        let numbered = containers.iter().enumerate().map(|(index, container)| (first + index, container));
        numbered
            .map(|(number, container)| {
                let mut status = self.seen(number, container, named(old, &container.name));
                self.note_failure(number, container, &mut status, are_init);
                status
            })
            .collect()
    }

    /// The status by what the runtime knows.
    fn seen(&self, number: usize, container: &Container, old: Option<&ContainerStatus>) -> ContainerStatus {
        let mut runs = self.runtime.iter().filter(|status| status.container == number);
        let Some(newest) = runs.next() else { return self.unseen(container, old) };
        let mut status = self.converted(container, newest, old);
        if let Some(before) = runs.next() {
            status.last = self.converted(container, before, old).state;
        }
        status
    }

    /// The status of a container that the runtime does not know.
    fn unseen(&self, container: &Container, old: Option<&ContainerStatus>) -> ContainerStatus {
        let is_plain = self.facts.init_containers.is_empty();
        let waiting = ContainerState::waiting(if is_plain { "ContainerCreating" } else { "PodInitializing" });
        let mut status = ContainerStatus { name: Arc::clone(&container.name), state: waiting, ..Default::default() };
        let Some(old) = old else { return status };
        if old.state.terminated().is_some() {
            status = old.clone();
        } else {
            status.restart_count = old.restart_count;
            status.last.clone_from(&old.last);
        }
        let was_waiting = matches!(old.state, ContainerState::Waiting { .. });
        if self.restarting_all && !was_waiting {
            let message: Arc<str> = "The container is removed because RestartAllContainers in place".into();
            status.last = ContainerState::Terminated(Terminated {
                exit_code: 137,
                reason: RESTARTING_ALL.into(),
                message: Arc::clone(&message),
                ..Terminated::default()
            });
            status.state = ContainerState::Waiting { reason: RESTARTING_ALL.into(), message };
            status.restart_count = old.restart_count.saturating_add(1);
        } else if old.state.is_running() && status.last.terminated().is_none() {
            status.last = ContainerState::Terminated(Terminated {
                exit_code: 137,
                reason: "ContainerStatusUnknown".into(),
                message:
                    "The container could not be located when the pod was deleted.  The container used to be Running"
                        .into(),
                ..Terminated::default()
            });
            status.restart_count = status.restart_count.saturating_add(u32::from(!self.deleted));
        }
        status
    }

    fn converted(
        &self,
        container: &Container,
        runtime: &RuntimeStatus,
        old: Option<&ContainerStatus>,
    ) -> ContainerStatus {
        let mut status = ContainerStatus {
            name: Arc::clone(&container.name),
            restart_count: runtime.restart_count,
            run: Some(runtime.run),
            ..Default::default()
        };
        if let Some(old) = old {
            status.restart_count = status.restart_count.max(old.restart_count);
            let has_ended = old.state.terminated().is_some() && old.run != status.run;
            let last = if has_ended { &old.state } else { &old.last };
            if last.terminated().is_some() {
                status.last = last.clone();
            }
        }
        status.state = match &runtime.state {
            RuntimeState::Running => {
                if let Some(old) =
                    old.filter(|old| old.state.terminated().is_some() && old.restart_count >= runtime.restart_count)
                {
                    status.restart_count = old.restart_count.saturating_add(1);
                }
                status.started = old.and_then(|old| old.started);
                ContainerState::Running { started: self.whole_second(runtime.started) }
            }
            RuntimeState::Created => ContainerState::waiting(""),
            RuntimeState::Exited { code, reason, message, finished } => ContainerState::Terminated(Terminated {
                exit_code: *code,
                reason: Arc::clone(reason),
                message: Arc::clone(message),
                started: self.whole_second(runtime.started),
                finished: self.whole_second(*finished),
                run: Some(runtime.run),
            }),
            RuntimeState::Unknown => match old.filter(|old| old.state.is_running()) {
                Some(old) => {
                    status.restart_count = old.restart_count.saturating_add(1);
                    let reason = if self.restarting_all { RESTARTING_ALL } else { "ContainerStatusUnknown" };
                    ContainerState::Terminated(Terminated {
                        exit_code: 137,
                        reason: reason.into(),
                        message: "The container could not be located when the pod was terminated".into(),
                        ..Terminated::default()
                    })
                }
                None => ContainerState::waiting(""),
            },
        };
        status
    }

    /// A container that is due and could not be started the last time waits, for that reason.
    fn note_failure(&self, number: usize, container: &Container, status: &mut ContainerStatus, is_init: bool) {
        let newest = self.newest(number);
        if is_init {
            if newest.is_some_and(|newest| matches!(newest.state, RuntimeState::Exited { code: 0, .. })) {
                return;
            }
            let is_waiting = matches!(status.state, ContainerState::Waiting { .. });
            let is_lost = newest.is_none() && !container.is_restartable_init() && is_waiting;
            if is_lost && self.any_regular_created() {
                status.state = ContainerState::Terminated(Terminated {
                    reason: "Completed".into(),
                    message: "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally".into(),
                    ..Terminated::default()
                });
                return;
            }
        }
        if !self.is_due(number, container) {
            return;
        }
        let Some(failure) = self.failures.get(number).and_then(Option::as_ref) else { return };
        if status.state.terminated().is_some() {
            status.last = status.state.clone();
        }
        status.state =
            ContainerState::Waiting { reason: Arc::clone(&failure.reason), message: Arc::clone(&failure.message) };
    }
}

/// The newest run of a container.
pub(crate) fn newest(runtime: &[RuntimeStatus], container: usize) -> Option<&RuntimeStatus> {
    runtime.iter().find(|status| status.container == container)
}
