//! The state of one pod on its node, and the loop of one instant.

use super::application::{Application, RunOf};
use super::generate::{RuntimeState, RuntimeStatus, StartFailure};
use super::probing::ProbeWorker;
use super::restart_back_off::BackOff;
use super::sight::{KubeletEvent, Sight, Witness};
use super::starting::ImageState;
use super::status::NodeStatus;
use super::stopping::{KILLED, Stop};
use super::worker::PodWorker;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Container, PodCondition, TemplateFacts};

/// How the kubelet is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `crashLoopBackOff.maxContainerRestartPeriod`, 300 seconds by default.
    pub max_container_restart_period: Duration,
    /// A pod is looked at again so long after a sync without error. A real kubelet stretches this by
    /// up to half. None: only when something happens.
    pub resync: Option<Duration>,
    /// When back-offs are first cleared away, and how often; none: never.
    pub housekeeping: Option<(Time, Duration)>,
    /// By how much the wall clock is past a whole second at time zero.
    pub clock_phase: Duration,
    /// The runtime answers a request to stop only when the time to stop is over, even if the container
    /// exits by itself before. A real one answers when the container has exited.
    pub stops_are_waited_out: bool,
    /// A probe asked for by a sync looks at the status before that sync stores its own. On a real node
    /// either can happen.
    pub probes_before_status: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_container_restart_period: crate::back_off::MOST,
            resync: Some(Duration::from_secs(60)),
            housekeeping: Some((Time::ZERO, Duration::from_secs(2))),
            clock_phase: Duration::ZERO,
            stops_are_waited_out: false,
            probes_before_status: false,
        }
    }
}

/// Everything outside of a pod that its node needs for a step.
pub struct Scene<'a> {
    /// What the pod asks for.
    pub facts: &'a TemplateFacts,
    /// How the kubelet is set up.
    pub settings: &'a Settings,
    /// What runs in the containers.
    pub application: &'a dyn Application,
    /// Conditions that others set, for the readiness gates.
    pub conditions: &'a [PodCondition],
    /// Who looks on.
    pub witness: &'a mut dyn Witness,
}

impl core::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scene").field("facts", self.facts).field("settings", self.settings).finish_non_exhaustive()
    }
}

impl<'a> Scene<'a> {
    /// A container by its number, the init containers first.
    pub(crate) fn container(&self, number: usize) -> Option<&'a Container> {
        container(self.facts, number)
    }

    pub(crate) fn event(&mut self, at: Time, container: usize, event: &KubeletEvent<'_>) {
        self.witness.see(at, Sight::Event { container: Some(container), event });
    }

    pub(crate) fn event_of_pod(&mut self, at: Time, event: &KubeletEvent<'_>) {
        self.witness.see(at, Sight::Event { container: None, event });
    }
}

/// A container by its number, the init containers first.
pub(crate) fn container(facts: &TemplateFacts, number: usize) -> Option<&Container> {
    match number.checked_sub(facts.init_containers.len()) {
        Some(index) => facts.containers.get(index),
        None => facts.init_containers.get(number),
    }
}

/// The pod's sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sandbox {
    /// Not made yet.
    #[default]
    None,
    /// It stands.
    Ready,
    /// It was stopped for good.
    Stopped,
}

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) container: usize,
    pub(crate) run: u32,
    pub(crate) started: Time,
    /// When it will exit as things stand, and how.
    pub(crate) exit: Option<(Time, i32)>,
    /// From when on it counts as ready, if no probe says so.
    pub(crate) ready_at: Time,
    /// It runs but answers nothing, and does not hear `SIGTERM`.
    pub(crate) is_hung: bool,
    /// It answers so much later than it would.
    pub(crate) slower_by: Duration,
    /// It was killed for its use of memory.
    pub(crate) is_out_of_memory: bool,
}

/// What can be done to a running container from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// Its process is killed and exits with a code.
    Kill(i32),
    /// It goes on running but answers nothing.
    Hang,
    /// It answers later by this.
    Slow(Duration),
    /// It hangs and is slow no longer.
    Recover,
    /// It used more memory than its limit: the kernel kills it.
    OutOfMemory,
}

/// The deletion of the pod, as its node has heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) grace: i64,
}

/// One pod on its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The pod as the kubelet writes it: `name_namespace(uid)`.
    pub(crate) full_name: Arc<str>,
    /// How many init containers come before the containers.
    init_containers: usize,
    pub(crate) now: Time,
    pub(crate) sandbox: Sandbox,
    /// What the runtime knows, the newest first.
    pub(crate) runtime: Vec<RuntimeStatus>,
    pub(crate) processes: Vec<Process>,
    /// Runs so far, by container.
    pub(crate) runs: Vec<u32>,
    /// Why a container could not be started, by container.
    pub(crate) failures: Vec<Option<StartFailure>>,
    /// By container.
    pub(crate) back_offs: Vec<Option<BackOff>>,
    pub(crate) images: Vec<ImageState>,
    pub(crate) stops: Vec<Stop>,
    pub(crate) probes: Vec<ProbeWorker>,
    pub(crate) worker: PodWorker,
    pub(crate) status: NodeStatus,
    pub(crate) restarting_all: bool,
    pub(crate) deletion: Option<Deletion>,
}

impl Machine {
    /// A pod reaches its node. `full_name` is the pod as the kubelet writes it, `name_namespace(uid)`.
    #[must_use]
    pub fn new(full_name: &str, facts: &TemplateFacts, now: Time) -> Self {
        let count = facts.init_containers.len() + facts.containers.len();
        let mut images: Vec<ImageState> = Vec::new();
        for container in facts.init_containers.iter().chain(&facts.containers) {
            if !images.iter().any(|image| image.name == container.image) {
                images.push(ImageState::new(Arc::clone(&container.image)));
            }
        }
        Self {
            full_name: full_name.into(),
            init_containers: facts.init_containers.len(),
            now,
            sandbox: Sandbox::None,
            runtime: Vec::new(),
            processes: Vec::new(),
            runs: vec![0; count],
            failures: vec![None; count],
            back_offs: vec![None; count],
            images,
            stops: Vec::new(),
            probes: Vec::new(),
            worker: PodWorker::new(),
            status: NodeStatus::default(),
            restarting_all: false,
            deletion: None,
        }
    }

    /// The status that the node holds.
    #[must_use]
    pub const fn status(&self) -> &NodeStatus {
        &self.status
    }

    /// Whether the node has nothing left of the pod: its containers have ended for good.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.worker.is_done()
    }

    /// Whether the pod has its sandbox, and with it an address.
    #[must_use]
    pub fn has_sandbox(&self) -> bool {
        self.sandbox == Sandbox::Ready
    }

    /// Since when the n-th container that is no init container runs, if it does.
    #[must_use]
    pub fn started(&self, index: usize) -> Option<Time> {
        self.process(self.init_containers + index).map(|process| process.started)
    }

    /// Which run of the n-th container that is no init container is under way.
    #[must_use]
    pub fn current_run(&self, index: usize) -> Option<u32> {
        self.process(self.init_containers + index).map(|process| process.run)
    }

    /// Whether the n-th container that is no init container has been asked to stop, its hook done.
    #[must_use]
    pub fn is_asked_to_stop(&self, index: usize) -> bool {
        self.stops.iter().any(|stop| stop.container == self.init_containers + index && stop.is_signalled())
    }

    /// What befell the n-th container that is no init container, if it runs: whether it hangs, and by how
    /// much it is slower than it would be.
    #[must_use]
    pub fn affliction(&self, index: usize) -> (bool, Duration) {
        let process = self.process(self.init_containers + index);
        process.map_or((false, Duration::ZERO), |process| (process.is_hung, process.slower_by))
    }

    /// Whether the process of a container runs, by number, the init containers first.
    #[must_use]
    pub fn runs(&self, container: usize) -> bool {
        self.processes.iter().any(|process| process.container == container)
    }

    /// Whether a container has been asked to stop, hooks included.
    #[must_use]
    pub fn is_stopping(&self, container: usize) -> bool {
        self.stops.iter().any(|stop| stop.container == container)
    }

    /// Carries out what is due by `now`, in the order of time, and answers when something is due next.
    /// A call that comes too early changes nothing.
    pub fn advance(&mut self, scene: &mut Scene<'_>, now: Time) -> Option<Time> {
        while let Some(due) = self.due(scene).filter(|due| *due <= now) {
            self.pass_to(scene, due.max(self.now), false);
            self.instant(scene);
        }
        self.pass_to(scene, now.max(self.now), true);
        self.due(scene)
    }

    /// The pod is to be deleted, or with another grace period than before.
    pub fn delete(&mut self, scene: &mut Scene<'_>, now: Time, grace: i64) -> Option<Time> {
        self.advance(scene, now);
        let heard = self.deletion.map(|deletion| deletion.grace).or(self.worker.deferred);
        if heard.is_none_or(|heard| grace < heard) {
            self.hear_of_deletion(scene, grace);
            self.instant(scene);
        }
        self.due(scene)
    }

    /// Something happens to a running container, by number, the init containers first.
    pub fn strike(&mut self, scene: &mut Scene<'_>, now: Time, container: usize, fault: Fault) -> Option<Time> {
        self.advance(scene, now);
        let now = self.now;
        if let Some(process) = self.processes.iter_mut().find(|process| process.container == container) {
            match fault {
                Fault::Kill(code) => process.exit = Some((now, code)),
                Fault::OutOfMemory => {
                    process.exit = Some((now, KILLED));
                    process.is_out_of_memory = true;
                }
                Fault::Hang => process.is_hung = true,
                Fault::Slow(by) => process.slower_by = by,
                Fault::Recover => {
                    process.is_hung = false;
                    process.slower_by = Duration::ZERO;
                }
            }
            self.instant(scene);
        }
        self.due(scene)
    }

    /// A condition behind a readiness gate may have changed: the kubelet looks at the pod.
    pub fn look_again(&mut self, scene: &mut Scene<'_>, now: Time) -> Option<Time> {
        self.advance(scene, now);
        self.worker.is_wanted = true;
        self.instant(scene);
        self.due(scene)
    }

    /// Time passes over what has no effect, up to `now` or including it.
    fn pass_to(&mut self, scene: &Scene<'_>, now: Time, including: bool) {
        if now > self.now {
            let end = now.offset(i64::from(including));
            self.skip_probes(scene, end, now);
            self.skip_resyncs(scene, end);
            self.now = now;
        }
    }

    /// When something is due next.
    pub(crate) fn due(&self, scene: &Scene<'_>) -> Option<Time> {
        if self.is_gone() {
            return self.probes.iter().filter_map(|probe| self.probe_due(scene, probe)).min();
        }
        let exits = self.processes.iter().filter_map(|process| process.exit.map(|(at, _)| at));
        let settling = self.processes.iter().map(|process| process.ready_at).filter(|at| *at > self.now);
        // What lies at the end of time never comes.
        let settling = settling.filter(|at| *at < Time::MAX);
        let stops = self.stops.iter().filter_map(Stop::due);
        let probes = self.probes.iter().filter_map(|probe| self.probe_due(scene, probe));
        exits.chain(settling).chain(stops).chain(probes).chain(self.worker_due(scene)).min()
    }

    /// Everything that happens at the present time, until nothing is left to do.
    fn instant(&mut self, scene: &mut Scene<'_>) {
        loop {
            let acts = self.exit_processes(scene)
                || self.go_on_stopping(scene)
                || self.finish_probes(scene)
                || self.start_probes(scene, false)
                || self.go_on_syncing(scene)
                || self.start_probes(scene, true);
            if !acts {
                return;
            }
        }
    }

    /// Processes whose time has come exit.
    fn exit_processes(&mut self, scene: &mut Scene<'_>) -> bool {
        let now = self.now;
        let settled = self.processes.iter_mut().filter(|process| process.ready_at == now && process.started < now);
        if settled.count() > 0 && !self.status.is_ready() && self.worker.last_sync < Some(now) {
            self.worker.is_wanted = true;
        }
        let due = |process: &Process| process.exit.is_some_and(|(at, _)| at <= now);
        let Some(index) = self.processes.iter().position(due) else { return false };
        let process = self.processes.remove(index);
        let code = process.exit.map_or(0, |(_, code)| code);
        if let Some(container) = scene.container(process.container) {
            scene.witness.see(now, Sight::Exit { container: &container.name, code });
        }
        let run = run_of(scene.facts, process.container, process.run, process.started);
        // Who is killed has no time to write.
        let message = if code == KILLED { "".into() } else { scene.application.exit_message(run) };
        for status in &mut self.runtime {
            if status.container == process.container && status.run == process.run {
                let reason = match code {
                    _ if process.is_out_of_memory => "OOMKilled",
                    0 => "Completed",
                    _ => "Error",
                };
                status.state =
                    RuntimeState::Exited { code, reason: reason.into(), message: Arc::clone(&message), finished: now };
            }
        }
        self.worker.is_wanted = true;
        true
    }

    pub(crate) fn process(&self, container: usize) -> Option<&Process> {
        self.processes.iter().find(|process| process.container == container)
    }
}

/// A run as the application is asked about it.
pub(crate) fn run_of(facts: &TemplateFacts, container: usize, run: u32, started: Time) -> RunOf<'_> {
    let spec = self::container(facts, container);
    RunOf {
        container,
        name: spec.map_or("", |spec| &spec.name),
        image: spec.map_or("", |spec| &spec.image),
        run,
        started,
    }
}
