//! A pod whose containers do as they are told, and a log of what is seen of it.

use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::container::{Container, Handler, Probe};
use wavetank_model::template::RestartPolicy;
use wavetank_model::{PodCondition, TemplateFacts};
use wavetank_node::pod::{
    Answer, Application, ContainerState, Hooked, KubeletEvent, Machine, NodeStatus, ProbeKind, Pull, Run, RunOf, Scene,
    Settings, Sight, Stopping, Verdict, Witness,
};

/// From when on, in milliseconds of the run, which answer, after how many milliseconds.
pub(crate) type Answers = Vec<(u64, Verdict, u64)>;

/// Containers that answer as a list of spans says, in each run anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted {
    /// Of every probe without a list of its own.
    pub(crate) answers: Answers,
    /// By container and probe.
    pub(crate) answers_of: Vec<(&'static str, ProbeKind, Answers)>,
    /// Of every container without a list of its own: after how many milliseconds, and with which code.
    pub(crate) exit: Option<(u64, i32)>,
    /// The same by container and run, the last repeats; 0 milliseconds: not by itself.
    pub(crate) exits: Vec<(&'static str, Vec<(u64, i32)>)>,
    /// How attempts to fetch an image go, the last repeats: milliseconds, and the error if there is one.
    pub(crate) pulls: Vec<(u64, &'static str)>,
    pub(crate) start_millis: u64,
    pub(crate) stop_millis: u64,
    pub(crate) hook_error: Option<String>,
}

impl Scripted {
    fn answers(&self, name: &str, kind: ProbeKind) -> &Answers {
        let own = self.answers_of.iter().find(|(of, probe, _)| *of == name && *probe == kind);
        own.map_or(&self.answers, |(.., answers)| answers)
    }
}

fn nth<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(usize::try_from(number).unwrap_or(usize::MAX)).or(list.last())
}

impl Application for Scripted {
    fn pull(&self, _image: &str, attempt: u32) -> Pull {
        let (millis, error) = nth(&self.pulls, attempt).copied().unwrap_or((300, ""));
        Pull { takes: Duration::from_millis(millis), error: (!error.is_empty()).then(|| error.to_owned()) }
    }

    fn start_takes(&self, _run: RunOf<'_>) -> Duration {
        Duration::from_millis(self.start_millis)
    }

    fn run(&self, run: RunOf<'_>) -> Run {
        let own = self.exits.iter().find(|(of, _)| *of == run.name).and_then(|(_, exits)| nth(exits, run.run).copied());
        let exit = own.or(self.exit).filter(|(after, _)| *after > 0);
        Run { exit: exit.map(|(after, code)| (Duration::from_millis(after), code)), ready_after: Duration::ZERO }
    }

    fn stop(&self, _run: RunOf<'_>) -> Stopping {
        Stopping { takes: Duration::from_millis(self.stop_millis), code: 143 }
    }

    fn probe(&self, run: RunOf<'_>, kind: ProbeKind, at: Time) -> Answer {
        let age = at.since(run.started);
        let answers = self.answers(run.name, kind);
        let from = |entry: &(u64, Verdict, u64)| Duration::from_millis(entry.0);
        let present = answers.iter().filter(|entry| from(entry) <= age).max_by_key(|entry| from(entry));
        let next = answers.iter().map(from).filter(|from| *from > age).min();
        let (verdict, latency) = present.map_or((Verdict::Success, 0), |(_, verdict, latency)| (*verdict, *latency));
        let holds_until = next.map(|from| run.started + from);
        Answer { verdict, latency: Duration::from_millis(latency), holds_until }
    }

    fn hook(&self, _run: RunOf<'_>, _handler: &Handler, _at: Time) -> Hooked {
        Hooked { takes: Duration::from_secs(3), error: self.hook_error.clone() }
    }
}

/// Writes down what it sees: the time in seconds, what it was, and of which container.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) sees_probes: bool,
    pub(crate) statuses: Vec<(Time, NodeStatus)>,
    lines: Vec<String>,
}

impl Witness for Log {
    fn see(&mut self, at: Time, sight: Sight<'_>) {
        let seconds = Duration::from_nanos(at.as_nanos().unsigned_abs()).as_secs_f64();
        let line = match sight {
            Sight::Start { container, run } => format!("start {container} {run}"),
            Sight::Stop { container, grace } => format!("stop {container} {grace}"),
            Sight::Exit { container, code } => format!("exit {container} {code}"),
            Sight::Probe { kind, container, run, verdict, .. } => {
                format!("probe {} {container} {run} {verdict:?}", kind.title())
            }
            Sight::Result { kind, container, healthy } => {
                let shown = healthy.map_or("unknown", |healthy| if healthy { "well" } else { "ill" });
                format!("result {} {container} {shown}", kind.title())
            }
            Sight::Status(status) => {
                self.statuses.push((at, status.clone()));
                let shown = status.all().map(|one| format!("{} {}", one.name, state(&one.state)));
                format!("status {:?} {}", status.phase, shown.collect::<Vec<_>>().join(", "))
            }
            Sight::Event { event, .. } => format!("event {} {}", KubeletEvent::reason(event), event.message()),
            Sight::Pull { image, attempt } => format!("pull {image} {attempt}"),
            Sight::Delete { grace } => format!("delete {grace}"),
        };
        self.lines.push(format!("{seconds} {line}"));
    }

    fn sees_probes(&self) -> bool {
        self.sees_probes
    }
}

fn state(state: &ContainerState) -> String {
    match state {
        ContainerState::Unset => "unset".into(),
        ContainerState::Waiting { reason, .. } => format!("waiting:{reason}"),
        ContainerState::Running { .. } => "running".into(),
        ContainerState::Terminated(ended) => format!("{}:{}", ended.reason, ended.exit_code),
    }
}

/// A probe that asks every so many seconds.
pub(crate) fn probe(period_seconds: u32) -> Probe {
    Probe {
        handler: Handler::Exec(Vec::new()),
        initial_delay_seconds: 0,
        period_seconds,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
        termination_grace_period_seconds: None,
    }
}

pub(crate) fn container(name: &str) -> Container {
    Container { name: name.into(), image: "app:1".into(), ..Container::default() }
}

pub(crate) fn sidecar(name: &str) -> Container {
    Container { restart_policy: Some(RestartPolicy::Always), ..container(name) }
}

pub(crate) fn facts(containers: Vec<Container>) -> TemplateFacts {
    TemplateFacts { containers, grace_seconds: 30, ..TemplateFacts::default() }
}

pub(crate) struct Pod<'a> {
    pub(crate) facts: &'a TemplateFacts,
    pub(crate) application: Scripted,
    pub(crate) settings: Settings,
    pub(crate) conditions: Vec<PodCondition>,
    pub(crate) machine: Machine,
    pub(crate) log: Log,
}

impl<'a> Pod<'a> {
    pub(crate) fn new(facts: &'a TemplateFacts, application: Scripted) -> Self {
        let machine = Machine::new("pod_default(1)", facts, Time::ZERO);
        let (settings, log) = (Settings::default(), Log::default());
        Self { facts, application, settings, conditions: Vec::new(), machine, log }
    }

    /// With every probe seen, and with nothing done without cause.
    pub(crate) fn watched(facts: &'a TemplateFacts, application: Scripted) -> Self {
        let mut pod = Self::new(facts, application);
        pod.log.sees_probes = true;
        pod.settings.resync = None;
        pod
    }

    pub(crate) fn act<T>(&mut self, act: impl FnOnce(&mut Machine, &mut Scene<'_>) -> T) -> T {
        let mut scene = Scene {
            facts: self.facts,
            settings: &self.settings,
            application: &self.application,
            conditions: &self.conditions,
            witness: &mut self.log,
        };
        act(&mut self.machine, &mut scene)
    }

    pub(crate) fn run_until(&mut self, seconds: i64) -> Option<Time> {
        self.act(|machine, scene| machine.advance(scene, Time::from_seconds(seconds)))
    }

    pub(crate) fn delete(&mut self, seconds: i64, grace: i64) {
        self.act(|machine, scene| machine.delete(scene, Time::from_seconds(seconds), grace));
    }

    /// The starts, stops and exits since this was asked last.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        self.seen(&["start", "stop", "exit"])
    }

    /// What was seen since this was asked last, of these kinds.
    pub(crate) fn seen(&mut self, kinds: &[&str]) -> Vec<String> {
        let lines = core::mem::take(&mut self.log.lines);
        let is_kind = |line: &String| line.split(' ').nth(1).is_some_and(|kind| kinds.contains(&kind));
        lines.into_iter().filter(is_kind).collect()
    }
}
