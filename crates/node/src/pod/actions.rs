//! What a sync finds to do, from what the runtime said when it began.
//!
//! Sources: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`;
//! `kuberuntime_container.go`, `computeInitContainerActions`.

use super::application::ProbeKind;
use super::generate::{Observed, RuntimeState, newest};
use super::machine::{Machine, Sandbox, Scene, container};
use super::restart::{restarts_after_kill, restarts_all};
use super::stopping::KillReason;
use serde::{Deserialize, Serialize};
use wavetank_model::{Container, TemplateFacts};

/// One thing that a sync does; the next waits until it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Stops all containers, and the sandbox with them.
    KillPod,
    /// Stops all containers and removes them.
    RemoveAll,
    /// Stops one container.
    Kill { container: usize, reason: KillReason, message: String },
    /// Makes the sandbox.
    CreateSandbox,
    /// Starts a container; a failed start of an init container that is no sidecar ends the sync.
    Start(usize),
}

#[derive(Default)]
struct Found {
    kills: Vec<Step>,
    starts: Vec<usize>,
}

impl Machine {
    /// What is to be done. `observed`: what the runtime said when the sync began.
    pub(crate) fn steps(&self, scene: &Scene<'_>, observed: Observed<'_>) -> Vec<Step> {
        let facts = scene.facts;
        if exit_restarts_all(facts, observed) {
            return vec![Step::RemoveAll];
        }
        if self.sandbox == Sandbox::None {
            let first = facts.init_containers.len();
            let starts = if first > 0 { 0..1 } else { 0..facts.containers.len() };
            return core::iter::once(Step::CreateSandbox).chain(starts.map(Step::Start)).collect();
        }
        let mut found = Found::default();
        match self.init_actions(scene, observed, &mut found) {
            Init::Failed => return vec![Step::KillPod],
            Init::Under => return found.steps(),
            Init::Done => {}
        }
        if !self.regular_actions(scene, observed, &mut found) {
            return vec![Step::KillPod];
        }
        found.steps()
    }

    /// The verdict of a probe on a run, if there is one.
    fn verdict(&self, container: usize, run: u32, kind: ProbeKind) -> Option<Option<bool>> {
        let probe = self.probes.iter().find(|probe| probe.container == container && probe.kind == kind)?;
        probe.result_of(run)
    }

    /// The probe that condemns a run, if one does.
    fn condemned(&self, container: usize, run: u32) -> Option<KillReason> {
        let failed = |kind| self.verdict(container, run, kind) == Some(Some(false));
        if failed(ProbeKind::Liveness) {
            Some(KillReason::Liveness)
        } else if failed(ProbeKind::Startup) {
            Some(KillReason::Startup)
        } else {
            None
        }
    }

    /// Whether anything is left to run; if not, the pod is to be stopped.
    fn regular_actions(&self, scene: &Scene<'_>, observed: Observed<'_>, found: &mut Found) -> bool {
        let facts = scene.facts;
        let first = facts.init_containers.len();
        let mut keeps = 0;
        let mut starts = Vec::new();
        for (index, spec) in facts.containers.iter().enumerate() {
            let number = first + index;
            let running = observed.newest(number).filter(|status| status.state == RuntimeState::Running);
            let Some(status) = running else {
                if observed.is_due(number, spec) {
                    starts.push(number);
                }
                continue;
            };
            let Some(reason) = self.condemned(number, status.run) else {
                keeps += 1;
                continue;
            };
            let restarts = restarts_after_kill(spec, facts.restart_policy);
            if restarts {
                starts.push(number);
            }
            found.kill(number, "Container", spec, reason, restarts);
        }
        let lives = keeps > 0 || !starts.is_empty();
        found.starts.append(&mut starts);
        lives
    }

    fn init_actions(&self, scene: &Scene<'_>, observed: Observed<'_>, found: &mut Found) -> Init {
        let facts = scene.facts;
        let count = facts.init_containers.len();
        let Some(last) = count.checked_sub(1) else { return Init::Done };
        let regular = count..count + facts.containers.len();
        let mut is_done = regular.into_iter().any(|number| {
            observed
                .newest(number)
                .is_some_and(|status| matches!(status.state, RuntimeState::Running | RuntimeState::Created))
        });
        let mut came_later = is_done;
        // From the last one backwards: the last one that was ever begun tells how far the pod has come.
        for (number, spec) in facts.init_containers.iter().enumerate().rev() {
            let is_sidecar = spec.is_restartable_init();
            let Some(status) = observed.newest(number) else {
                if came_later && is_sidecar {
                    found.starts.push(number);
                }
                continue;
            };
            if came_later && !is_sidecar {
                continue;
            }
            match status.state {
                RuntimeState::Created | RuntimeState::Unknown => found.starts.push(number),
                RuntimeState::Running if is_sidecar => {
                    self.sidecar_actions(number, status.run, spec, found, (&mut is_done, came_later, number == last));
                }
                RuntimeState::Running => {}
                RuntimeState::Exited { .. } if is_sidecar => found.starts.push(number),
                RuntimeState::Exited { code: 0, .. } if number == last => is_done = true,
                RuntimeState::Exited { code: 0, .. } => found.starts.push(number + 1),
                RuntimeState::Exited { .. } if observed.is_due(number, spec) => found.starts.push(number),
                RuntimeState::Exited { .. } => return Init::Failed,
            }
            came_later = true;
        }
        if !came_later {
            found.starts.push(0);
        }
        found.starts.reverse();
        if is_done { Init::Done } else { Init::Under }
    }

    fn sidecar_actions(
        &self,
        number: usize,
        run: u32,
        spec: &Container,
        found: &mut Found,
        (is_done, came_later, is_last): (&mut bool, bool, bool),
    ) {
        if spec.startup.is_some() {
            match self.verdict(number, run, ProbeKind::Startup) {
                Some(Some(true)) => {}
                Some(Some(false)) => {
                    found.kill(number, "Init container", spec, KillReason::Startup, false);
                    found.starts.push(number);
                    return;
                }
                Some(None) | None => return,
            }
        }
        if is_last {
            *is_done = true;
        } else if !came_later {
            found.starts.push(number + 1);
        }
        if spec.liveness.is_some() && self.verdict(number, run, ProbeKind::Liveness) == Some(Some(false)) {
            found.kill(number, "Init container", spec, KillReason::Liveness, false);
            found.starts.push(number);
        }
    }
}

/// How far the init containers have come.
enum Init {
    Done,
    Under,
    Failed,
}

impl Found {
    fn kill(&mut self, container: usize, what: &str, spec: &Container, reason: KillReason, restarts: bool) {
        let probe = if reason == KillReason::Startup { "startup" } else { "liveness" };
        let suffix = if restarts { ", will be restarted" } else { "" };
        let message = format!("{what} {} failed {probe} probe{suffix}", spec.name);
        self.kills.push(Step::Kill { container, reason, message });
    }

    fn steps(self) -> Vec<Step> {
        self.kills.into_iter().chain(self.starts.into_iter().map(Step::Start)).collect()
    }
}

/// Whether a container has exited in a way that restarts all.
pub(crate) fn exit_restarts_all(facts: &TemplateFacts, observed: Observed<'_>) -> bool {
    let count = facts.init_containers.len() + facts.containers.len();
    (0..count).any(|number| match newest(observed.runtime, number).map(|status| &status.state) {
        Some(RuntimeState::Exited { code, .. }) => {
            container(facts, number).is_some_and(|spec| restarts_all(spec, *code))
        }
        Some(RuntimeState::Created | RuntimeState::Running | RuntimeState::Unknown) | None => false,
    })
}
