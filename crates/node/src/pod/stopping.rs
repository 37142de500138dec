//! Hooks, signals, and the order in which containers stop.
//!
//! Sources: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer`;
//! `kuberuntime_termination_order.go`.

use super::hooks::{code_after, course};
use super::machine::{Machine, Scene, run_of};
use super::sight::{KubeletEvent, Sight};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;

/// A running container gets at least this long between `SIGTERM` and `SIGKILL`.
const LEAST_GRACE: i64 = 2;

/// Exit code of a container that is killed.
pub(super) const KILLED: i32 = 137;

/// Why a container is stopped, which decides the grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KillReason {
    /// Its liveness probe failed.
    Liveness,
    /// Its startup probe failed.
    Startup,
    /// The whole pod stops.
    Pod,
    /// All containers are restarted.
    RestartAll,
}

/// A container on its way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) container: usize,
    /// What is left of the grace period when the present stage began.
    grace: i64,
    /// When the present stage began.
    since: Time,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// Its hook runs, and may fail in the end.
    PreStop { until: Time, fails: bool },
    /// It waits for containers that must stop before it.
    Turn { until: Time },
    /// It was asked to stop; its exit is settled, and the runtime answers then at the latest.
    Signalled { until: Time },
}

impl Stop {
    /// Whether it was asked to stop, its hook done.
    pub(crate) const fn is_signalled(&self) -> bool {
        matches!(self.stage, Stage::Signalled { .. })
    }

    /// When its stage ends by itself.
    pub(crate) const fn due(&self) -> Option<Time> {
        match self.stage {
            Stage::PreStop { until, .. } | Stage::Turn { until } | Stage::Signalled { until } => Some(until),
        }
    }
}

const fn seconds(count: i64) -> Duration {
    Duration::from_secs(if count < 0 { 0 } else { count.cast_unsigned() })
}

/// Whole seconds, cut off.
fn whole_seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

impl Machine {
    /// The grace period that a container gets.
    fn grace(&self, scene: &Scene<'_>, container: usize, reason: KillReason) -> i64 {
        if reason == KillReason::RestartAll {
            return LEAST_GRACE;
        }
        if let Some(deletion) = self.deletion {
            return deletion.grace;
        }
        let spec = scene.container(container);
        let probe = match reason {
            KillReason::Liveness => spec.and_then(|spec| spec.liveness.as_ref()),
            KillReason::Startup => spec.and_then(|spec| spec.startup.as_ref()),
            KillReason::Pod | KillReason::RestartAll => None,
        };
        probe.and_then(|probe| probe.termination_grace_period_seconds).unwrap_or(scene.facts.grace_seconds)
    }

    /// Begins to stop a container, if it runs.
    pub(crate) fn begin_stop(&mut self, scene: &mut Scene<'_>, number: usize, reason: KillReason, message: &str) {
        let now = self.now;
        let Some(process) = self.process(number) else { return };
        let run = run_of(scene.facts, number, process.run, process.started);
        let is_hung = process.is_hung;
        let grace = self.grace(scene, number, reason);
        scene.event(now, number, &KubeletEvent::Killing(message));
        let hook = scene.container(number).and_then(|spec| spec.pre_stop.as_ref()).filter(|_| grace > 0);
        let hooked = hook.map(|hook| course(scene, run, hook, is_hung, now)).unwrap_or_default();
        // A hook that is cut off at the end of the grace period is not heard of again.
        let fails = hooked.error.is_some() && hooked.takes <= seconds(grace);
        self.stops.retain(|stop| stop.container != number);
        if hooked.takes.is_zero() {
            if fails {
                scene.event(now, number, &KubeletEvent::PreStopFailed);
            }
            self.await_turn(scene, number, grace);
        } else {
            let stage = Stage::PreStop { until: now + hooked.takes.min(seconds(grace)), fails };
            self.stops.push(Stop { container: number, grace, since: now, stage });
        }
    }

    /// Stops every running container, the sidecars last.
    pub(crate) fn stop_all(&mut self, scene: &mut Scene<'_>, reason: KillReason) {
        let running: Vec<usize> = self.processes.iter().map(|process| process.container).collect();
        // All are on their way before any is asked whether its turn has come.
        for number in &running {
            if !self.stops.iter().any(|stop| stop.container == *number) {
                let stage = Stage::Turn { until: Time::MAX };
                self.stops.push(Stop { container: *number, grace: 0, since: self.now, stage });
            }
        }
        for number in running {
            let message = match (reason, scene.container(number)) {
                (KillReason::RestartAll, _) | (_, None) => "killing".to_owned(),
                (KillReason::Liveness | KillReason::Startup | KillReason::Pod, Some(spec)) => {
                    format!("Stopping container {}", spec.name)
                }
            };
            self.begin_stop(scene, number, reason, &message);
        }
    }

    fn await_turn(&mut self, scene: &mut Scene<'_>, number: usize, grace: i64) {
        let now = self.now;
        if grace > 0 && !self.has_turn(scene, number) {
            let stage = Stage::Turn { until: now + seconds(grace) };
            self.stops.push(Stop { container: number, grace, since: now, stage });
        } else {
            self.signal(scene, number, grace);
        }
    }

    /// A sidecar waits for all ordinary containers and for the sidecars after it.
    fn has_turn(&self, scene: &Scene<'_>, number: usize) -> bool {
        let first = scene.facts.init_containers.len();
        let Some(spec) = scene.facts.init_containers.get(number).filter(|_| number < first) else { return true };
        if !spec.is_restartable_init() {
            return true;
        }
        !self.stops.iter().any(|stop| {
            let is_sidecar = |spec: &wavetank_model::Container| spec.is_restartable_init();
            stop.container >= first
                || (stop.container > number && scene.facts.init_containers.get(stop.container).is_some_and(is_sidecar))
        })
    }

    /// `SIGTERM` now, `SIGKILL` at the end of the grace period.
    fn signal(&mut self, scene: &mut Scene<'_>, number: usize, grace: i64) {
        let now = self.now;
        let grace = grace.max(LEAST_GRACE);
        let Some(index) = self.processes.iter().position(|process| process.container == number) else { return };
        let process = &self.processes[index];
        let stopping = scene.application.stop(run_of(scene.facts, number, process.run, process.started));
        let signal = scene.container(number).and_then(|spec| spec.stop_signal.as_deref());
        let exit = match code_after(signal, stopping.code) {
            None => (now, KILLED),
            Some(code) if stopping.takes <= seconds(grace) && !process.is_hung => (now + stopping.takes, code),
            Some(_) => (now + seconds(grace), KILLED),
        };
        let process = &mut self.processes[index];
        if process.exit.is_none_or(|(at, _)| exit.0 < at) {
            process.exit = Some(exit);
        }
        if let Some(spec) = scene.container(number) {
            scene.witness.see(now, Sight::Stop { container: &spec.name, grace });
        }
        self.stops.push(Stop { container: number, grace, since: now, stage: Stage::Signalled { until: exit.0 } });
    }

    /// What follows for stopping containers at this instant.
    pub(crate) fn go_on_stopping(&mut self, scene: &mut Scene<'_>) -> bool {
        let now = self.now;
        let before = self.stops.len();
        let (processes, waits_out) = (&self.processes, scene.settings.stops_are_waited_out);
        self.stops.retain(|stop| {
            let is_waited_out = waits_out && matches!(stop.stage, Stage::Signalled { until } if until > now);
            is_waited_out || processes.iter().any(|process| process.container == stop.container)
        });
        if self.stops.len() != before {
            return true;
        }
        let ready = self.stops.iter().position(|stop| match stop.stage {
            Stage::PreStop { until, .. } => until <= now,
            Stage::Turn { until } => until <= now || self.has_turn(scene, stop.container),
            Stage::Signalled { .. } => false,
        });
        let Some(index) = ready else { return false };
        let stop = self.stops.remove(index);
        let left = stop.grace.saturating_sub(whole_seconds(now.since(stop.since)));
        match stop.stage {
            Stage::PreStop { fails, .. } => {
                if fails {
                    scene.event(now, stop.container, &KubeletEvent::PreStopFailed);
                }
                self.await_turn(scene, stop.container, left);
            }
            Stage::Turn { .. } | Stage::Signalled { .. } => self.signal(scene, stop.container, left),
        }
        true
    }

    /// The grace period of the pod becomes shorter.
    pub(crate) fn shorten_stops(&mut self, grace: i64) {
        let latest = self.now + seconds(grace.max(LEAST_GRACE));
        for process in &mut self.processes {
            let stop = self.stops.iter_mut().find(|stop| stop.container == process.container);
            let Some(stop) = stop else { continue };
            match &mut stop.stage {
                Stage::PreStop { until, .. } | Stage::Turn { until } => {
                    *until = (*until).min(self.now + seconds(grace))
                }
                Stage::Signalled { until } if *until > latest => {
                    *until = latest;
                    if process.exit.is_none_or(|(at, _)| at > latest) {
                        process.exit = Some((latest, KILLED));
                    }
                }
                Stage::Signalled { .. } => {}
            }
            stop.grace = stop.grace.min(whole_seconds(self.now.since(stop.since)).saturating_add(grace));
        }
    }
}
