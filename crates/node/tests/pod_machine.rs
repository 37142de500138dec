//! The machine of one pod: what it does in stories, and that skipping probes changes nothing.

use core::time::Duration;
use proptest::prelude::*;
use wavetank_engine::Time;
use wavetank_model::TemplateFacts;
use wavetank_model::container::{Container, Handler, Hook, Probe};
use wavetank_model::template::RestartPolicy;
use wavetank_node::pod::{
    Answer, Application, Fault, Hooked, Machine, NodeStatus, ProbeKind, Pull, Run, RunOf, Scene, Settings, Sight,
    Stopping, Verdict, Witness,
};

/// A container that answers as a list of spans says, in each run anew.
#[derive(Clone, Debug, Default)]
struct Scripted {
    /// From when on, in milliseconds of the run, which answer, after how many milliseconds.
    answers: Vec<(u64, Verdict, u64)>,
    exit: Option<(u64, i32)>,
    stop_millis: u64,
    hook_error: Option<String>,
}

impl Application for Scripted {
    fn pull(&self, _image: &str, _attempt: u32) -> Pull {
        Pull { takes: Duration::from_millis(300), error: None }
    }

    fn start_takes(&self, _run: RunOf<'_>) -> Duration {
        Duration::ZERO
    }

    fn run(&self, _run: RunOf<'_>) -> Run {
        let exit = self.exit.map(|(after, code)| (Duration::from_millis(after), code));
        Run { exit, ready_after: Duration::ZERO }
    }

    fn stop(&self, _run: RunOf<'_>) -> Stopping {
        Stopping { takes: Duration::from_millis(self.stop_millis), code: 143 }
    }

    fn probe(&self, run: RunOf<'_>, _kind: ProbeKind, at: Time) -> Answer {
        let age = at.since(run.started);
        let from = |entry: &(u64, Verdict, u64)| Duration::from_millis(entry.0);
        let present = self.answers.iter().filter(|entry| from(entry) <= age).max_by_key(|entry| from(entry));
        let next = self.answers.iter().map(from).filter(|from| *from > age).min();
        let (verdict, latency) = present.map_or((Verdict::Success, 0), |(_, verdict, latency)| (*verdict, *latency));
        let holds_until = next.map(|from| run.started + from);
        Answer { verdict, latency: Duration::from_millis(latency), holds_until }
    }

    fn hook(&self, _run: RunOf<'_>, _handler: &Handler, _at: Time) -> Hooked {
        Hooked { takes: Duration::from_secs(3), error: self.hook_error.clone() }
    }
}

/// Writes down what it sees.
#[derive(Default)]
struct Log {
    sees_probes: bool,
    statuses: Vec<(Time, NodeStatus)>,
    lines: Vec<String>,
}

impl Witness for Log {
    fn see(&mut self, at: Time, sight: Sight<'_>) {
        let seconds = Duration::from_nanos(at.as_nanos().unsigned_abs()).as_secs_f64();
        match sight {
            Sight::Start { container, run } => self.lines.push(format!("{seconds} start {container} {run}")),
            Sight::Stop { container, grace } => self.lines.push(format!("{seconds} stop {container} {grace}")),
            Sight::Exit { container, code } => self.lines.push(format!("{seconds} exit {container} {code}")),
            Sight::Status(status) => self.statuses.push((at, status.clone())),
            Sight::Pull { .. }
            | Sight::Delete { .. }
            | Sight::Probe { .. }
            | Sight::Result { .. }
            | Sight::Event { .. } => {}
        }
    }

    fn sees_probes(&self) -> bool {
        self.sees_probes
    }
}

fn probe(period_seconds: u32) -> Probe {
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

fn container(name: &str) -> Container {
    Container { name: name.into(), image: "app:1".into(), ..Container::default() }
}

fn facts(containers: Vec<Container>) -> TemplateFacts {
    TemplateFacts { containers, grace_seconds: 30, ..TemplateFacts::default() }
}

struct Pod<'a> {
    facts: &'a TemplateFacts,
    application: Scripted,
    settings: Settings,
    machine: Machine,
    log: Log,
}

impl<'a> Pod<'a> {
    fn new(facts: &'a TemplateFacts, application: Scripted) -> Self {
        let machine = Machine::new("pod_default(1)", facts, Time::ZERO);
        Self { facts, application, settings: Settings::default(), machine, log: Log::default() }
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Machine, &mut Scene<'_>) -> T) -> T {
        let mut scene = Scene {
            facts: self.facts,
            settings: &self.settings,
            application: &self.application,
            conditions: &[],
            witness: &mut self.log,
        };
        act(&mut self.machine, &mut scene)
    }

    fn run_until(&mut self, seconds: i64) -> Option<Time> {
        self.act(|machine, scene| machine.advance(scene, Time::from_seconds(seconds)))
    }

    fn delete(&mut self, seconds: i64, grace: i64) {
        self.act(|machine, scene| machine.delete(scene, Time::from_seconds(seconds), grace));
    }

    fn lines(&mut self) -> Vec<String> {
        core::mem::take(&mut self.log.lines)
    }
}

#[test]
fn nothing_is_due_for_a_pod_whose_probes_stay_well() {
    let app = Container { readiness: Some(probe(5)), liveness: Some(probe(7)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted::default());
    let mut due = pod.run_until(0);
    while let Some(at) = due {
        assert!(at < Time::from_seconds(60), "still due at {at:?}");
        due = pod.act(|machine, scene| machine.advance(scene, at));
    }
    assert!(pod.machine.status().is_ready());
}

#[test]
fn a_hook_and_the_signal_share_the_grace_period() {
    let app = Container { pre_stop: Some(Hook::Sleep(7)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted { stop_millis: 60_000, ..Scripted::default() });
    pod.run_until(10);
    pod.lines();
    pod.delete(10, 10);
    pod.run_until(60);
    assert_eq!(pod.lines(), ["17 stop app 3", "20 exit app 137"]);
    assert!(pod.machine.is_gone());
}

#[test]
fn a_post_start_hook_holds_the_next_container_back_and_is_lost_with_its_container() {
    let hook = Some(Hook::Handler(Handler::Exec(Vec::new())));
    let facts = facts(vec![Container { post_start: hook, ..container("app") }, container("log")]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(5);
    assert_eq!(pod.lines(), ["0.3 start app 0", "3.3 start log 0"]);
    let mut pod = Pod::new(&facts, Scripted { hook_error: Some("no".into()), ..Scripted::default() });
    pod.run_until(4);
    // The restart that follows at once is not held back yet.
    assert_eq!(
        pod.lines(),
        ["0.3 start app 0", "3.3 stop app 30", "3.3 exit app 143", "3.3 start log 0", "3.3 start app 1"]
    );
    let mut pod = Pod::new(&facts, Scripted { exit: Some((1_000, 1)), ..Scripted::default() });
    pod.run_until(2);
    assert_eq!(pod.lines()[..3], ["0.3 start app 0", "1.3 exit app 1", "1.3 start log 0"]);
}

#[test]
fn a_deletion_breaks_off_a_post_start_hook() {
    let hook = Some(Hook::Sleep(100));
    let facts = facts(vec![Container { post_start: hook, ..container("app") }]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(10);
    pod.delete(10, 5);
    pod.run_until(11);
    assert!(pod.machine.is_gone());
}

#[test]
fn sidecars_stop_after_the_containers_and_in_reverse_order() {
    let sidecar = |name| Container { restart_policy: Some(RestartPolicy::Always), ..container(name) };
    let mut facts = facts(vec![container("app")]);
    facts.init_containers = vec![sidecar("first"), sidecar("second")];
    let mut pod = Pod::new(&facts, Scripted { stop_millis: 2_000, ..Scripted::default() });
    pod.run_until(10);
    assert_eq!(pod.lines(), ["0.3 start first 0", "0.3 start second 0", "0.3 start app 0"]);
    pod.delete(10, 30);
    pod.run_until(60);
    let stopped = ["10 stop app 30", "12 exit app 143", "12 stop second 28", "14 exit second 143", "14 stop first 26"];
    assert_eq!(pod.lines()[..5], stopped);
}

#[test]
fn a_hung_container_is_restarted_by_its_liveness_probe_and_killed_at_the_end_of_its_grace() {
    let app = Container { liveness: Some(probe(10)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(15);
    pod.lines();
    pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(15), 0, Fault::Hang));
    pod.run_until(100);
    assert_eq!(pod.lines(), ["41 stop app 30", "71 exit app 137", "71 start app 1"]);
    assert_eq!(pod.machine.status().containers[0].restart_count, 1);
}

#[test]
fn a_killed_process_comes_back_at_once_and_later_with_a_back_off() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::new(&facts, Scripted::default());
    for seconds in [100, 200] {
        pod.run_until(seconds);
        pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(seconds), 0, Fault::Kill(137)));
    }
    pod.run_until(300);
    let expected = ["0.3 start app 0", "100 exit app 137", "100 start app 1", "200 exit app 137", "210 start app 2"];
    assert_eq!(pod.lines(), expected);
}

fn answers() -> impl Strategy<Value = Vec<(u64, Verdict, u64)>> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Success), 2 => Just(Verdict::Failure), 1 => Just(Verdict::Hang), 1 => Just(Verdict::Broken),
    ];
    prop::collection::vec((0_u64..120_000, verdict, prop_oneof![Just(0_u64), 1_u64..1_500]), 0..5)
}

fn drawn_probe() -> impl Strategy<Value = Option<Probe>> {
    prop::option::of((0_u32..20, 1_u32..12, 1_u32..4, 1_u32..4).prop_map(|(delay, period, successes, failures)| {
        Probe {
            initial_delay_seconds: delay,
            success_threshold: successes,
            failure_threshold: failures,
            ..probe(period)
        }
    }))
}

proptest! {
    #[test]
    fn skipping_probes_that_change_nothing_changes_nothing(
        answers in answers(),
        exit in prop::option::of((500_u64..90_000, 0_i32..2)),
        (readiness, liveness, startup) in (drawn_probe(), drawn_probe(), drawn_probe()),
        deletion in prop::option::of(1_i64..200),
        hang in prop::option::of(1_i64..200),
    ) {
        let app = Container { readiness, liveness, startup, ..container("app") };
        let facts = facts(vec![app]);
        let script = Scripted { answers, exit, stop_millis: 700, hook_error: None };
        let play = |sees_probes| {
            let mut pod = Pod::new(&facts, script.clone());
            pod.log.sees_probes = sees_probes;
            let mut faults: Vec<(i64, bool)> = deletion.map(|at| (at, true)).into_iter().collect();
            faults.extend(hang.map(|at| (at, false)));
            faults.sort_unstable();
            for (at, is_deletion) in faults {
                if is_deletion {
                    pod.delete(at, 5);
                } else {
                    pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(at), 0, Fault::Hang));
                }
            }
            pod.run_until(300);
            (pod.log.statuses, pod.log.lines)
        };
        prop_assert_eq!(play(true), play(false));
    }
}
