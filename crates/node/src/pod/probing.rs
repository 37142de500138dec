//! Probe workers: when they ask, what they make of the answers, and what the status says of it.
//!
//! Sources: `pkg/kubelet/prober/worker.go`, `prober_manager.go`, `prober.go`;
//! `pkg/kubelet/status/status_manager.go`, `SetContainerReadiness`, `SetContainerStartup`.
//!
//! A worker asks at once when it is made, then at every tick; a readiness worker is also asked out of
//! turn. Ticks that would change nothing are not played: `Machine::probe_due` names the first that
//! might, and `Machine::skip_probes` brings the ticks up to date when something else happens.

use super::application::{Answer, ProbeKind, Verdict};
use super::generate::RuntimeStatus;
use super::machine::{Machine, Scene, run_of};
use super::sight::{KubeletEvent, Sight};
use super::status::{ContainerState, ContainerStatus, NodeStatus, named};
use super::worker::{kubelet_conditions, next_in_step};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;
use wavetank_model::container::Probe;

/// A broken handler is tried so often in a row.
const TRIES: u32 = 3;

/// The worker of one probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbeWorker {
    pub(crate) container: usize,
    pub(crate) kind: ProbeKind,
    /// The run that it looks at.
    run: Option<u32>,
    /// What the rest of the kubelet sees; the inner none: not known.
    result: Option<bool>,
    /// The last answer, and how often it came in a row.
    last: bool,
    count: u32,
    /// It rests until there is a new container.
    is_on_hold: bool,
    next_tick: Time,
    /// A tick came while it was busy.
    has_tick: bool,
    /// It was asked out of turn.
    is_triggered: bool,
    attempt: Option<Attempt>,
    is_stopped: bool,
}

/// A probe on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    began: Time,
    ends: Time,
    verdict: Verdict,
    /// The run that is asked, and when that started.
    run: u32,
    started: Time,
    tries: u32,
}

impl ProbeWorker {
    /// The verdict on a run, if this worker has one. The inner none: not known.
    #[expect(clippy::option_option, reason = "no verdict at all and an unknown one are two things")]
    pub(crate) fn result_of(&self, run: u32) -> Option<Option<bool>> {
        (self.run == Some(run)).then_some(self.result)
    }
}

/// The probe of a kind that a container has.
pub(crate) fn probe_of(container: &wavetank_model::Container, kind: ProbeKind) -> Option<&Probe> {
    match kind {
        ProbeKind::Startup => container.startup.as_ref(),
        ProbeKind::Readiness => container.readiness.as_ref(),
        ProbeKind::Liveness => container.liveness.as_ref(),
    }
}

fn spec<'a>(scene: &Scene<'a>, worker: &ProbeWorker) -> Option<&'a Probe> {
    probe_of(scene.container(worker.container)?, worker.kind)
}

fn period(probe: &Probe) -> Duration {
    Duration::from_secs(probe.period_seconds.max(1).into())
}

fn timeout(probe: &Probe) -> Duration {
    Duration::from_secs(probe.timeout_seconds.max(1).into())
}

/// What a worker finds when it looks at the status.
enum Finding {
    /// There is nothing to probe, now or ever.
    Nothing,
    /// A run that the worker has not seen yet.
    NewRun { run: u32 },
    /// A container that does not run.
    Stopped { comes_back: bool },
    /// The initial delay is not over; it will be then.
    Delayed { until: Time },
    /// A run to be asked.
    Ask { run: u32, started: Time },
}

impl Machine {
    /// Makes the probe workers of the pod, at its first sync.
    pub(crate) fn add_probes(&mut self, scene: &Scene<'_>) {
        if self.worker.has_added_probes {
            return;
        }
        self.worker.has_added_probes = true;
        let first = scene.facts.init_containers.len();
        let sidecars = scene.facts.init_containers.iter().enumerate().filter(|(_, spec)| spec.is_restartable_init());
        let regular = scene.facts.containers.iter().enumerate().map(|(index, spec)| (first + index, spec));
        for (container, spec) in regular.chain(sidecars) {
            for kind in [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness] {
                if let Some(probe) = probe_of(spec, kind) {
                    self.probes.push(ProbeWorker {
                        container,
                        kind,
                        run: None,
                        result: None,
                        last: true,
                        count: 0,
                        is_on_hold: false,
                        next_tick: self.now + period(probe),
                        has_tick: false,
                        is_triggered: false,
                        attempt: None,
                        is_stopped: false,
                    });
                }
            }
        }
    }

    /// What the rest of the kubelet sees of a run.
    #[expect(clippy::option_option, reason = "no verdict at all and an unknown one are two things")]
    fn result(&self, container: usize, kind: ProbeKind, run: Option<u32>) -> Option<Option<bool>> {
        let worker = self.probes.iter().find(|worker| worker.container == container && worker.kind == kind)?;
        worker.result_of(run?)
    }

    /// Which containers have started and which are ready; those that are not yet are to be asked.
    pub(crate) fn note_probes(&mut self, scene: &mut Scene<'_>, status: &mut NodeStatus) {
        let first = scene.facts.init_containers.len();
        for (index, status) in status.containers.iter_mut().enumerate() {
            self.note_probes_of(scene, first + index, status);
        }
        for (number, status) in status.init_containers.iter_mut().enumerate() {
            if scene.container(number).is_some_and(wavetank_model::Container::is_restartable_init) {
                self.note_probes_of(scene, number, status);
            } else {
                status.started = Some(status.state.is_running());
                if status.state.terminated().is_some_and(|ended| ended.exit_code == 0) {
                    status.ready = true;
                }
            }
        }
    }

    fn note_probes_of(&mut self, scene: &mut Scene<'_>, number: usize, status: &mut ContainerStatus) {
        let position = |machine: &Self, kind| {
            machine.probes.iter().position(|worker| worker.container == number && worker.kind == kind)
        };
        let started = status.state.is_running()
            && match self.result(number, ProbeKind::Startup, status.run) {
                Some(result) => result == Some(true),
                // A run that replaces one that had started passes for started until its worker has looked.
                None => status.started == Some(true) || position(self, ProbeKind::Startup).is_none(),
            };
        status.started = Some(started);
        if !started {
            return;
        }
        let worker = position(self, ProbeKind::Readiness);
        let is_ready = self.result(number, ProbeKind::Readiness, status.run) == Some(Some(true));
        status.ready =
            is_ready || (worker.is_none() && self.process(number).is_none_or(|process| process.ready_at <= self.now));
        if let Some(index) = worker.filter(|_| !is_ready) {
            self.probes[index].is_triggered = true;
            if scene.settings.probes_before_status {
                self.answer_trigger(scene, index);
            }
        }
    }

    /// When a worker has something to do that may change anything.
    pub(crate) fn probe_due(&self, scene: &Scene<'_>, worker: &ProbeWorker) -> Option<Time> {
        if let Some(attempt) = worker.attempt {
            return Some(attempt.ends);
        }
        if worker.is_stopped || worker.is_triggered {
            return Some(self.now);
        }
        if scene.witness.sees_probes() {
            return Some(worker.next_tick);
        }
        let probe = spec(scene, worker)?;
        match self.find(scene, worker, worker.next_tick) {
            Finding::NewRun { .. } => Some(worker.next_tick),
            Finding::Stopped { comes_back } => {
                (worker.result != Some(false) || !comes_back).then_some(worker.next_tick)
            }
            Finding::Nothing => None,
            Finding::Delayed { until } => Some(next_in_step(worker.next_tick, period(probe), until)),
            Finding::Ask { run, started } => {
                let answer = self.answer(scene, worker, run, started, worker.next_tick);
                if !worker.is_content(probe, answer) {
                    return Some(worker.next_tick);
                }
                answer.holds_until.map(|until| next_in_step(worker.next_tick, period(probe), until))
            }
        }
    }

    /// Ticks before `end` that changed nothing have passed; the time is `now`.
    pub(crate) fn skip_probes(&mut self, scene: &Scene<'_>, end: Time, now: Time) {
        for index in 0..self.probes.len() {
            let worker = &self.probes[index];
            let Some(probe) = spec(scene, worker) else { continue };
            if worker.attempt.is_some() || worker.next_tick >= end {
                continue;
            }
            let period = period(probe);
            let next = next_in_step(worker.next_tick, period, end);
            let last = next.offset(-i64::try_from(period.as_nanos()).unwrap_or(0));
            let attempt = match self.find(scene, worker, last) {
                Finding::Ask { run, started } => {
                    let answer = self.answer(scene, worker, run, started, last);
                    let ends = last + answer.latency;
                    (ends > now).then_some(Attempt {
                        began: last,
                        ends,
                        verdict: answer.verdict,
                        run,
                        started,
                        tries: 1,
                    })
                }
                Finding::Nothing | Finding::NewRun { .. } | Finding::Stopped { .. } | Finding::Delayed { .. } => None,
            };
            let worker = &mut self.probes[index];
            worker.next_tick = next;
            worker.attempt = attempt;
        }
    }

    /// What a probe gets, faults and timeout included.
    fn answer(&self, scene: &Scene<'_>, worker: &ProbeWorker, run: u32, started: Time, at: Time) -> Answer {
        let Some(probe) = spec(scene, worker) else { return Answer::WELL };
        let process = self.process(worker.container).filter(|process| process.run == run);
        let mut answer = scene.application.probe(run_of(scene.facts, worker.container, run, started), worker.kind, at);
        if let Some(process) = process {
            if process.is_hung {
                answer.verdict = Verdict::Hang;
                answer.holds_until = None;
            }
            answer.latency = answer.latency.saturating_add(process.slower_by);
        }
        if answer.verdict == Verdict::Hang || answer.latency > timeout(probe) {
            answer.verdict = Verdict::Hang;
            answer.latency = timeout(probe);
        }
        answer
    }

    /// What a worker finds that looks at the status as it stands, at a time.
    fn find(&self, scene: &Scene<'_>, worker: &ProbeWorker, at: Time) -> Finding {
        let Some(container) = scene.container(worker.container) else { return Finding::Nothing };
        let Some(probe) = probe_of(container, worker.kind) else { return Finding::Nothing };
        let status = named(&self.status.containers, &container.name).filter(|status| status.run.is_some());
        let status = status
            .or_else(|| named(&self.status.init_containers, &container.name).filter(|status| status.run.is_some()));
        let Some((status, run)) = status.and_then(|status| Some((status, status.run?))) else {
            return Finding::Nothing;
        };
        if worker.run != Some(run) {
            return Finding::NewRun { run };
        }
        if worker.is_on_hold {
            return Finding::Nothing;
        }
        let ContainerState::Running { started } = status.state else {
            let comes_back = status.state.terminated().is_none_or(|ended| {
                super::restart::should_restart(container, scene.facts.restart_policy, ended.exit_code)
            });
            return Finding::Stopped { comes_back };
        };
        let since = started.unwrap_or(self.now);
        let until = since + Duration::from_secs(probe.initial_delay_seconds.into());
        if (status.started == Some(true)) == (worker.kind == ProbeKind::Startup) {
            return Finding::Nothing;
        }
        if until > at {
            return Finding::Delayed { until };
        }
        let known = self.runtime.iter().find(|status| status.container == worker.container && status.run == run);
        Finding::Ask { run, started: known.map_or(since, |status| status.started) }
    }

    /// Probes whose time has come end.
    pub(crate) fn finish_probes(&mut self, scene: &mut Scene<'_>) -> bool {
        let now = self.now;
        let due = |worker: &ProbeWorker| worker.attempt.is_some_and(|attempt| attempt.ends <= now);
        let Some(index) = self.probes.iter().position(due) else { return false };
        let Some(attempt) = self.probes[index].attempt.take() else { return false };
        // The ticker goes on while the worker waits; of the ticks missed, one is kept.
        let worker = &self.probes[index];
        if let Some(probe) = spec(scene, worker)
            && worker.next_tick <= now
        {
            let next = next_in_step(worker.next_tick, period(probe), now);
            let next = if next == now { now + period(probe) } else { next };
            let worker = &mut self.probes[index];
            worker.has_tick = true;
            worker.next_tick = next;
        }
        self.judge(scene, index, attempt);
        self.catch_up(scene, index);
        true
    }

    fn judge(&mut self, scene: &mut Scene<'_>, index: usize, attempt: Attempt) {
        let now = self.now;
        let (kind, number) = (self.probes[index].kind, self.probes[index].container);
        // A handler reaches whatever runs under the container's name when it begins.
        let shown = newest_at(&self.runtime, number, attempt.began).unwrap_or(attempt.run);
        let Some(container) = scene.container(number) else { return };
        let Some(probe) = probe_of(container, kind) else { return };
        let Attempt { began, verdict, run, started, tries, .. } = attempt;
        scene.witness.see(now, Sight::Probe { kind, container: &container.name, run: shown, verdict, began });
        let is_well = match verdict {
            Verdict::Broken if tries < TRIES => {
                let answer = self.answer(scene, &self.probes[index], run, started, now);
                self.probes[index].attempt = Some(Attempt {
                    began: now,
                    ends: now + answer.latency,
                    verdict: answer.verdict,
                    run,
                    started,
                    tries: tries + 1,
                });
                return;
            }
            Verdict::Broken => {
                let error = scene.application.output(run_of(scene.facts, number, run, started), kind);
                return scene.event(now, number, &KubeletEvent::ProbeErrored { kind, error: &error });
            }
            Verdict::Success => true,
            Verdict::Failure | Verdict::Hang => {
                let run = run_of(scene.facts, number, run, started);
                let output =
                    if verdict == Verdict::Hang { timed_out(probe) } else { scene.application.output(run, kind) };
                scene.event(now, number, &KubeletEvent::Unhealthy { kind, output: &output });
                false
            }
        };
        let worker = &mut self.probes[index];
        worker.count = if worker.last == is_well { worker.count.saturating_add(1) } else { 1 };
        worker.last = is_well;
        let threshold = if is_well { probe.success_threshold } else { probe.failure_threshold };
        if worker.count < threshold {
            return;
        }
        self.set_result(scene, index, Some(is_well), false);
        if kind == ProbeKind::Startup || (kind == ProbeKind::Liveness && !is_well) {
            let worker = &mut self.probes[index];
            worker.is_on_hold = true;
            worker.count = 0;
        }
    }

    /// The verdict that the rest of the kubelet sees; a change wakes it.
    fn set_result(&mut self, scene: &mut Scene<'_>, index: usize, result: Option<bool>, is_first: bool) {
        let worker = &mut self.probes[index];
        if worker.result == result && !is_first {
            return;
        }
        worker.result = result;
        let (kind, number, run) = (worker.kind, worker.container, worker.run);
        let Some(container) = scene.container(number) else { return };
        scene.witness.see(self.now, Sight::Result { kind, container: &container.name, healthy: result });
        match kind {
            ProbeKind::Liveness => self.worker.is_wanted |= result == Some(false),
            ProbeKind::Readiness | ProbeKind::Startup => {
                self.update_status(scene, run, &container.name, kind, result == Some(true));
                self.worker.is_wanted = true;
            }
        }
    }

    /// The status follows a verdict at once, without a sync.
    fn update_status(&mut self, scene: &mut Scene<'_>, run: Option<u32>, name: &str, kind: ProbeKind, holds: bool) {
        if self.is_gone() {
            return;
        }
        let mut status = self.status.clone();
        let statuses = status.containers.iter_mut().chain(&mut status.init_containers);
        let Some(container) = statuses.into_iter().find(|status| *status.name == *name && status.run == run) else {
            return;
        };
        match kind {
            ProbeKind::Startup if container.started == Some(holds) => return,
            ProbeKind::Startup => container.started = Some(holds),
            ProbeKind::Readiness | ProbeKind::Liveness if container.ready == holds => return,
            ProbeKind::Readiness | ProbeKind::Liveness => {
                container.ready = holds;
                let fresh = kubelet_conditions(scene, &status, true);
                for condition in &mut status.conditions {
                    let fresh = fresh.iter().find(|fresh| fresh.kind == condition.kind);
                    if let Some(fresh) = fresh.filter(|fresh| matches!(&*fresh.kind, "Ready" | "ContainersReady")) {
                        condition.clone_from(fresh);
                    }
                }
            }
        }
        self.store(scene, status);
    }

    /// Workers whose tick has come look and ask, or those that are asked out of turn.
    pub(crate) fn start_probes(&mut self, scene: &mut Scene<'_>, triggered: bool) -> bool {
        for index in 0..self.probes.len() {
            let worker = &self.probes[index];
            if worker.attempt.is_some() {
                continue;
            }
            if worker.is_stopped {
                self.probes.remove(index);
                return true;
            }
            if triggered && worker.is_triggered {
                self.answer_trigger(scene, index);
                return true;
            }
            if !triggered && worker.next_tick <= self.now {
                if let Some(probe) = spec(scene, worker) {
                    let next = worker.next_tick + period(probe);
                    self.probes[index].next_tick = next;
                }
                self.ask(scene, index);
                return true;
            }
        }
        false
    }

    /// A worker that has got its answer turns at once to what came in the meantime.
    fn catch_up(&mut self, scene: &mut Scene<'_>, index: usize) {
        let worker = &mut self.probes[index];
        if worker.attempt.is_some() || worker.is_stopped {
            return;
        }
        if worker.is_triggered {
            self.answer_trigger(scene, index);
        } else if worker.has_tick {
            worker.has_tick = false;
            self.ask(scene, index);
        }
    }

    /// A readiness worker that is idle asks out of turn, and its ticks count anew.
    fn answer_trigger(&mut self, scene: &mut Scene<'_>, index: usize) {
        let worker = &self.probes[index];
        let Some(probe) = spec(scene, worker) else { return };
        if worker.attempt.is_some() {
            return;
        }
        let next = self.now + period(probe);
        let worker = &mut self.probes[index];
        worker.next_tick = next;
        worker.has_tick = false;
        worker.is_triggered = false;
        self.ask(scene, index);
    }

    /// One look of a worker. What a new run makes of the status does not count for this look.
    fn ask(&mut self, scene: &mut Scene<'_>, index: usize) {
        let now = self.now;
        let mut finding = self.find(scene, &self.probes[index], now);
        if let Finding::NewRun { run } = finding {
            let worker = &mut self.probes[index];
            worker.run = Some(run);
            worker.is_on_hold = false;
            let initial = match worker.kind {
                ProbeKind::Readiness => Some(false),
                ProbeKind::Liveness => Some(true),
                ProbeKind::Startup => None,
            };
            finding = self.find(scene, &self.probes[index], now);
            self.set_result(scene, index, initial, true);
        }
        match finding {
            Finding::Nothing | Finding::Delayed { .. } | Finding::NewRun { .. } => {}
            Finding::Stopped { comes_back } => {
                self.set_result(scene, index, Some(false), false);
                self.probes[index].is_stopped = !comes_back;
            }
            Finding::Ask { run, started } => {
                let answer = self.answer(scene, &self.probes[index], run, started, now);
                let ends = now + answer.latency;
                self.probes[index].attempt =
                    Some(Attempt { began: now, ends, verdict: answer.verdict, run, started, tries: 1 });
            }
        }
    }

    /// All workers end, save those that wait for an answer, which they still hear.
    pub(crate) fn remove_probes(&mut self) {
        self.stop_probes(true);
        self.probes.retain(|worker| worker.attempt.is_some());
    }

    /// Liveness and startup workers end, or all. One that waits for an answer still hears it.
    pub(crate) fn stop_probes(&mut self, all: bool) {
        for worker in &mut self.probes {
            worker.is_stopped |= all || worker.kind != ProbeKind::Readiness;
        }
    }
}

impl ProbeWorker {
    /// Whether an answer like this changes nothing, however often it comes.
    fn is_content(&self, probe: &Probe, answer: Answer) -> bool {
        answer.verdict == Verdict::Success
            && answer.latency < period(probe)
            && self.last
            && self.count >= probe.success_threshold
            && self.result == Some(true)
    }
}

/// What a probe says that got no answer in time.
fn timed_out(probe: &Probe) -> String {
    use wavetank_model::container::Handler;
    match &probe.handler {
        Handler::Exec(command) => {
            let limit = super::go_duration(timeout(probe));
            format!("command timed out: \"{}\" timed out after {limit}", command.join(" "))
        }
        Handler::HttpGet(_) => "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into(),
        Handler::TcpSocket { .. } => "i/o timeout".into(),
        Handler::Grpc { .. } => {
            format!("timeout: health rpc did not complete within {}", super::go_duration(timeout(probe)))
        }
    }
}

/// The run of a container that had started last by a time.
fn newest_at(runtime: &[RuntimeStatus], container: usize, at: Time) -> Option<u32> {
    runtime.iter().find(|status| status.container == container && status.started <= at).map(|status| status.run)
}
