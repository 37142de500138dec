//! One test for each rule of restarts.

use crate::harness::{Pod, Scripted, container, facts, probe, sidecar};
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::Phase;
use wavetank_model::container::{Container, Handler, RestartRule, RestartRuleAction};
use wavetank_model::template::RestartPolicy;
use wavetank_node::pod::{
    Answer, Application, Fault, Hooked, Machine, Nobody, ProbeKind, Pull, Run, RunOf, Scene, Settings, Stopping,
    Verdict,
};

/// Whole seconds at which containers of a name started.
fn starts(pod: &mut Pod<'_>, name: &str) -> Vec<i64> {
    let lines = pod.seen(&["start"]);
    let of = lines.iter().filter(|line| line.split(' ').nth(2) == Some(name));
    of.filter_map(|line| line.split(['.', ' ']).next()?.parse().ok()).collect()
}

fn crashes(after: u64, code: i32) -> Scripted {
    Scripted { exit: Some((after, code)), pulls: vec![(0, "")], ..Scripted::default() }
}

#[test]
fn the_first_restart_is_free_and_the_waits_after_it_double_to_five_minutes() {
    let facts = facts(vec![container("app")]);
    for code in [0, 1] {
        let mut pod = Pod::new(&facts, crashes(1_000, code));
        pod.settings.housekeeping = None;
        pod.run_until(1_300);
        assert_eq!(starts(&mut pod, "app"), [0, 1, 12, 33, 74, 155, 316, 617, 918, 1219]);
    }
}

#[test]
fn a_maximum_below_ten_seconds_lowers_the_first_wait_too() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::new(&facts, crashes(1_000, 1));
    pod.settings.max_container_restart_period = Duration::from_secs(4);
    pod.run_until(20);
    assert_eq!(starts(&mut pod, "app"), [0, 1, 6, 11, 16]);
}

#[test]
fn a_run_of_more_than_ten_minutes_makes_the_next_restart_free_again() {
    let facts = facts(vec![container("app")]);
    let runs = vec![(1_000, 1), (1_000, 1), (601_000, 1), (1_000, 1), (0, 0)];
    let script = Scripted { exits: vec![("app", runs)], pulls: vec![(0, "")], ..Scripted::default() };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(2_000);
    assert_eq!(starts(&mut pod, "app"), [0, 1, 12, 613, 624]);
}

#[test]
fn housekeeping_drops_a_back_off_while_it_runs() {
    let facts = facts(vec![container("app")]);
    let mut runs = vec![(1_000, 1); 8];
    // The ninth run lasts 400 seconds of the 600 in which its restart is remembered.
    runs.push((400_000, 1));
    runs.push((0, 0));
    let script = Scripted { exits: vec![("app", runs)], pulls: vec![(0, "")], ..Scripted::default() };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(3_000);
    let starts = starts(&mut pod, "app");
    let [.., ninth, tenth] = starts.as_slice() else { panic!("{starts:?}") };
    // Held back from 400 to 700 seconds after its start, it is started at the first sync after 600.
    let waited = tenth - ninth;
    assert!((600..=660).contains(&waited), "{starts:?}");
}

#[test]
fn a_container_killed_by_a_probe_is_replaced_in_the_same_sync_and_the_first_two_kills_cost_nothing() {
    let app = Container { liveness: Some(probe(10)), ..container("app") };
    let facts = facts(vec![app]);
    let script = Scripted {
        answers: vec![(0, Verdict::Failure, 0)],
        pulls: vec![(0, "")],
        stop_millis: 1_000,
        ..Scripted::default()
    };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(200);
    let lines = pod.lines();
    let stops: Vec<&String> = lines.iter().filter(|line| line.contains("exit")).collect();
    let begins: Vec<&String> = lines.iter().filter(|line| line.contains("start")).collect();
    for (stop, begin) in stops.iter().zip(&begins[1..]).take(2) {
        assert_eq!(stop.split(' ').next(), begin.split(' ').next(), "{lines:?}");
    }
}

#[test]
fn each_container_has_its_own_back_off() {
    let facts = facts(vec![container("app"), container("log")]);
    let script = Scripted {
        exits: vec![("app", vec![(1_000, 1)]), ("log", vec![(5_000, 1)])],
        pulls: vec![(0, "")],
        ..Scripted::default()
    };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(30);
    let lines = pod.seen(&["start"]);
    let of = |name: &str| lines.iter().filter(|line| line.contains(name)).cloned().collect::<Vec<_>>();
    assert_eq!(of("app"), ["0 start app 0", "1 start app 1", "12 start app 2"]);
    assert_eq!(of("log"), ["0 start log 0", "5 start log 1", "20 start log 2"]);
}

#[test]
fn init_containers_and_sidecars_are_held_back_alike() {
    let mut facts = facts(vec![container("app")]);
    facts.init_containers = vec![container("init")];
    let script = |name| Scripted { exits: vec![(name, vec![(1_000, 1)])], pulls: vec![(0, "")], ..Scripted::default() };
    let mut pod = Pod::new(&facts, script("init"));
    pod.run_until(40);
    assert_eq!(starts(&mut pod, "init"), [0, 1, 12, 33]);
    facts.init_containers = vec![sidecar("side")];
    let mut pod = Pod::new(&facts, script("side"));
    pod.run_until(40);
    assert_eq!(starts(&mut pod, "side"), [0, 1, 12, 33]);
    assert_eq!(pod.machine.status().phase, Phase::Running);
}

#[test]
fn an_exit_is_shown_until_the_next_sync_and_the_back_off_only_then() {
    let facts = facts(vec![container("app")]);
    let script =
        Scripted { exits: vec![("app", vec![(1_000, 3), (1_000, 3)])], pulls: vec![(0, "")], ..Scripted::default() };
    let mut pod = Pod::watched(&facts, script);
    pod.run_until(11);
    let seen = pod.seen(&["status"]);
    assert_eq!(seen.last().map(String::as_str), Some("2 status Running app Error:3"));
    pod.act(|machine, scene| machine.look_again(scene, Time::from_seconds(11)));
    assert_eq!(pod.seen(&["status"]), ["11 status Running app waiting:CrashLoopBackOff"]);
    let ended = pod.machine.status().containers[0].last.terminated().expect("it has ended before");
    assert_eq!((ended.exit_code, &*ended.reason), (3, "Error"));
}

#[test]
fn restarting_all_containers_stops_the_others_counts_for_all_and_waits_for_nothing() {
    let rule = RestartRule { action: RestartRuleAction::RestartAllContainers, is_in: true, exit_codes: vec![42] };
    let app =
        Container { restart_policy_rules: vec![rule], restart_policy: Some(RestartPolicy::Never), ..container("app") };
    let mut facts = facts(vec![app, container("log")]);
    facts.init_containers = vec![container("init")];
    let script = Scripted {
        exits: vec![("init", vec![(1_000, 0)]), ("app", vec![(10_000, 42), (10_000, 42), (0, 0)])],
        pulls: vec![(0, "")],
        stop_millis: 60_000,
        ..Scripted::default()
    };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(60);
    let expected = [
        "0 start init 0",
        "1 exit init 0",
        "1 start app 0",
        "1 start log 0",
        "11 exit app 42",
        "11 stop log 2",
        "13 exit log 137",
        "13 start init 1",
        "14 exit init 0",
        "14 start app 1",
        "14 start log 1",
        "24 exit app 42",
        "24 stop log 2",
        "26 exit log 137",
        "26 start init 2",
        "27 exit init 0",
        "27 start app 2",
        "27 start log 2",
    ];
    assert_eq!(pod.lines(), expected);
    assert!(pod.machine.status().all().all(|status| status.restart_count == 2), "{:?}", pod.machine.status());
}

#[test]
fn containers_that_exit_at_once_and_restart_all_come_to_an_end_of_the_instant() {
    let rule = RestartRule { action: RestartRuleAction::RestartAllContainers, is_in: true, exit_codes: vec![0] };
    let app = Container { restart_policy_rules: vec![rule], ..container("app") };
    let mut facts = facts(vec![app]);
    facts.init_containers = vec![container("init")];
    let script = AtOnce;
    let settings = Settings::default();
    let mut machine = Machine::new("pod_default(1)", &facts, Time::ZERO);
    let mut nobody = Nobody;
    let mut scene =
        Scene { facts: &facts, settings: &settings, application: &script, conditions: &[], witness: &mut nobody };
    assert_eq!(machine.advance(&mut scene, Time::ZERO), Some(Time::from_seconds(1)));
}

/// Every run exits as it starts.
struct AtOnce;

impl Application for AtOnce {
    fn pull(&self, _image: &str, _attempt: u32) -> Pull {
        Pull::default()
    }

    fn start_takes(&self, _run: RunOf<'_>) -> Duration {
        Duration::ZERO
    }

    fn run(&self, _run: RunOf<'_>) -> Run {
        let exit = Some((Duration::ZERO, 0));
        Run { exit, ready_after: Duration::ZERO }
    }

    fn stop(&self, _run: RunOf<'_>) -> Stopping {
        Stopping { takes: Duration::ZERO, code: 0 }
    }

    fn probe(&self, _run: RunOf<'_>, _kind: ProbeKind, _at: Time) -> Answer {
        Answer::WELL
    }

    fn hook(&self, _run: RunOf<'_>, _handler: &Handler, _at: Time) -> Hooked {
        Hooked::default()
    }
}

#[test]
fn rules_go_before_the_policy_of_a_container_and_that_before_the_policy_of_the_pod() {
    let rule = RestartRule { action: RestartRuleAction::Restart, is_in: true, exit_codes: vec![5] };
    let one = |policy, rules| Container { restart_policy: policy, restart_policy_rules: rules, ..container("app") };
    let restarts = |app: Container, code: i32, pod_policy: RestartPolicy| {
        let mut facts = facts(vec![app]);
        facts.restart_policy = pod_policy;
        let script = Scripted { exits: vec![("app", vec![(1_000, code), (0, 0)])], ..crashes(0, 0) };
        let mut pod = Pod::new(&facts, script);
        pod.run_until(100);
        (starts(&mut pod, "app").len() == 2, pod.machine.status().phase)
    };
    use RestartPolicy::{Always, Never, OnFailure};
    assert_eq!(restarts(one(None, vec![]), 1, Never), (false, Phase::Failed));
    assert_eq!(restarts(one(None, vec![]), 0, Never), (false, Phase::Succeeded));
    assert_eq!(restarts(one(None, vec![]), 0, OnFailure), (false, Phase::Succeeded));
    assert_eq!(restarts(one(None, vec![]), 1, OnFailure), (true, Phase::Running));
    assert_eq!(restarts(one(Some(Never), vec![rule.clone()]), 5, Always), (true, Phase::Running));
    assert_eq!(restarts(one(Some(Never), vec![rule]), 6, Always), (false, Phase::Failed));
    assert_eq!(restarts(one(Some(Always), vec![]), 0, Never), (true, Phase::Running));
}

#[test]
fn an_init_container_that_fails_ends_a_pod_that_restarts_nothing() {
    let mut facts = facts(vec![container("app")]);
    facts.restart_policy = RestartPolicy::Never;
    facts.init_containers = vec![container("init")];
    let mut pod = Pod::new(&facts, Scripted { exits: vec![("init", vec![(1_000, 1)])], ..crashes(0, 0) });
    pod.run_until(10);
    assert_eq!(pod.lines(), ["0 start init 0", "1 exit init 1"]);
    assert_eq!(pod.machine.status().phase, Phase::Failed);
    // Its own policy lets it try again.
    facts.init_containers[0].restart_policy = Some(RestartPolicy::OnFailure);
    let mut pod = Pod::new(&facts, Scripted { exits: vec![("init", vec![(1_000, 1), (1_000, 0)])], ..crashes(0, 0) });
    pod.run_until(10);
    assert_eq!(starts(&mut pod, "init"), [0, 1]);
    assert_eq!(pod.machine.status().phase, Phase::Running);
}

#[test]
fn a_pod_whose_containers_have_ended_stops_its_sidecars_and_ends_with_the_worst_of_their_codes() {
    let mut facts = facts(vec![container("app")]);
    facts.restart_policy = RestartPolicy::OnFailure;
    facts.init_containers = vec![sidecar("side")];
    let script = Scripted { exits: vec![("app", vec![(5_000, 0)])], stop_millis: 1_000, ..crashes(0, 0) };
    let mut pod = Pod::new(&facts, script);
    pod.run_until(60);
    assert_eq!(pod.lines()[2..], ["5 exit app 0", "5 stop side 30", "6 exit side 143"]);
    assert_eq!(pod.machine.status().phase, Phase::Succeeded);
}

#[test]
fn sidecars_share_the_grace_period_and_get_two_seconds_at_least() {
    let mut facts = facts(vec![container("app")]);
    facts.init_containers = vec![sidecar("first"), sidecar("second")];
    let mut pod = Pod::new(&facts, Scripted { stop_millis: 60_000, ..crashes(0, 0) });
    pod.run_until(10);
    pod.lines();
    pod.delete(10, 5);
    pod.run_until(60);
    let mut lines = pod.lines();
    lines.sort();
    // At the end of the grace period nobody waits for a turn any more.
    let expected = [
        "10 stop app 5",
        "15 exit app 137",
        "15 stop first 2",
        "15 stop second 2",
        "17 exit first 137",
        "17 exit second 137",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_container_killed_for_its_memory_says_so_and_ends_with_137() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::new(&facts, crashes(0, 0));
    pod.run_until(5);
    pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(5), 0, Fault::OutOfMemory));
    pod.run_until(10);
    let ended = pod.machine.status().containers[0].last.terminated().expect("it has ended before");
    assert_eq!((ended.exit_code, &*ended.reason), (137, "OOMKilled"));
}

#[test]
fn a_restart_count_outlives_what_the_runtime_forgets() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::new(&facts, crashes(0, 0));
    for second in 1..6 {
        pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(second * 700), 0, Fault::Kill(1)));
    }
    pod.run_until(5_000);
    assert_eq!(pod.machine.status().containers[0].restart_count, 5);
}
