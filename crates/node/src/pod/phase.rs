//! The phase of a pod, from the statuses of its containers.
//!
//! Source: `pkg/kubelet/kubelet_pods.go`, `getPhase`.

use super::restart::should_restart;
use super::status::{ContainerState, ContainerStatus, Terminated, named};
use wavetank_model::{Container, Phase, TemplateFacts};

/// The reason of a container that ended because all were restarted.
pub(crate) const RESTARTING_ALL: &str = "RestartingAllContainers";

#[derive(Default)]
struct Counts {
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    stays_stopped: u32,
    succeeded: u32,
    pending_init: u32,
    pending_sidecars: u32,
    failed_init: u32,
}

/// The phase. `is_terminal`: the node has stopped the pod for good. `has_initialized`: a regular
/// container runs or ran in the present sandbox.
#[must_use]
pub fn phase(facts: &TemplateFacts, statuses: &[ContainerStatus], is_terminal: bool, has_initialized: bool) -> Phase {
    let mut counts = Counts::default();
    for container in &facts.init_containers {
        let status = named(statuses, &container.name);
        if container.is_restartable_init() {
            counts.sidecar(status);
        } else {
            counts.init(facts, container, status);
        }
    }
    for container in &facts.containers {
        counts.regular(facts, container, named(statuses, &container.name));
    }
    counts.phase(is_terminal, has_initialized)
}

/// Whether a container that ended so is started again.
fn comes_back(facts: &TemplateFacts, container: &Container, ended: &Terminated) -> bool {
    should_restart(container, facts.restart_policy, ended.exit_code) || &*ended.reason == RESTARTING_ALL
}

impl Counts {
    fn init(&mut self, facts: &TemplateFacts, container: &Container, status: Option<&ContainerStatus>) {
        let ended = match status.map(|status| (&status.state, status.last.terminated())) {
            Some((ContainerState::Terminated(ended), _)) | Some((ContainerState::Waiting { .. }, Some(ended))) => ended,
            Some((ContainerState::Waiting { .. } | ContainerState::Running { .. } | ContainerState::Unset, _))
            | None => {
                self.pending_init += 1;
                return;
            }
        };
        if ended.exit_code != 0 && !comes_back(facts, container, ended) {
            self.failed_init += 1;
        }
    }

    /// A sidecar that ended does not count.
    fn sidecar(&mut self, status: Option<&ContainerStatus>) {
        let Some(status) = status else {
            self.unknown += 1;
            return;
        };
        match (&status.state, status.last.terminated()) {
            (ContainerState::Running { .. }, _) => {
                self.pending_sidecars += u32::from(status.started != Some(true));
                self.running += 1;
            }
            (ContainerState::Terminated(_), _) | (ContainerState::Waiting { .. }, Some(_)) => {}
            (ContainerState::Waiting { .. }, None) => {
                self.pending_sidecars += 1;
                self.waiting += 1;
            }
            (ContainerState::Unset, _) => {
                self.pending_sidecars += 1;
                self.unknown += 1;
            }
        }
    }

    fn regular(&mut self, facts: &TemplateFacts, container: &Container, status: Option<&ContainerStatus>) {
        match status.map(|status| (&status.state, status.last.terminated())) {
            Some((ContainerState::Running { .. }, _)) => self.running += 1,
            Some((ContainerState::Terminated(ended), _)) => {
                self.stopped += 1;
                self.stays_stopped += u32::from(!comes_back(facts, container, ended));
                self.succeeded += u32::from(ended.exit_code == 0);
            }
            Some((ContainerState::Waiting { .. }, Some(ended))) => {
                self.stopped += 1;
                self.stays_stopped += u32::from(!comes_back(facts, container, ended));
            }
            Some((ContainerState::Waiting { .. }, None)) => self.waiting += 1,
            Some((ContainerState::Unset, _)) | None => self.unknown += 1,
        }
    }

    const fn phase(&self, is_terminal: bool, has_initialized: bool) -> Phase {
        if self.failed_init > 0 {
            return Phase::Failed;
        }
        if self.pending_init > 0 || (self.pending_sidecars > 0 && !has_initialized) || self.waiting > 0 {
            return Phase::Pending;
        }
        if self.unknown > 0 || (self.running == 0 && self.stopped == 0) {
            return Phase::Pending;
        }
        if self.running > 0 || (!is_terminal && self.stopped != self.stays_stopped) {
            return Phase::Running;
        }
        if self.stopped == self.succeeded { Phase::Succeeded } else { Phase::Failed }
    }
}
