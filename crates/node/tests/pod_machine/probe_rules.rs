//! One test for each rule of probes.

use crate::harness::{Answers, Pod, Scripted, container, facts, probe, sidecar};
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::Phase;
use wavetank_model::container::{Container, Probe};
use wavetank_model::template::RestartPolicy;
use wavetank_node::pod::{Fault, ProbeKind, Verdict};

fn ill() -> Answers {
    vec![(0, Verdict::Failure, 0)]
}

/// Containers of which nothing takes time, and whose probes get these answers.
fn script(answers: Answers) -> Scripted {
    Scripted { answers, pulls: vec![(0, "")], ..Scripted::default() }
}

/// The times of the probes of a kind.
fn probes(pod: &mut Pod<'_>, kind: ProbeKind) -> Vec<String> {
    let lines = pod.seen(&["probe"]);
    let of = lines.iter().filter(|line| line.split(' ').nth(2) == Some(kind.title()));
    of.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn ticks_count_from_the_start_of_the_pod_and_not_from_that_of_the_container() {
    let facts = facts(vec![Container { liveness: Some(probe(10)), ..container("app") }]);
    let mut pod = Pod::watched(&facts, Scripted { pulls: vec![(7_000, "")], ..script(Vec::new()) });
    pod.run_until(35);
    // The first tick, at the start of the pod, found nothing to ask.
    assert_eq!(probes(&mut pod, ProbeKind::Liveness), ["10", "20", "30"]);
}

#[test]
fn the_initial_delay_counts_whole_seconds_from_a_start_that_is_cut_to_one() {
    let late = Probe { initial_delay_seconds: 5, ..probe(1) };
    let facts = facts(vec![Container { liveness: Some(late), ..container("app") }]);
    for (pull, phase, first) in [(3_900, 0, "8"), (3_100, 0, "8"), (4_000, 0, "9"), (3_900, 200, "9")] {
        let mut pod = Pod::watched(&facts, Scripted { pulls: vec![(pull, "")], ..script(Vec::new()) });
        // With a wall clock that is ahead by 0.2 seconds, 3.9 s is 4.1 s.
        pod.settings.clock_phase = Duration::from_millis(phase);
        pod.run_until(12);
        assert_eq!(probes(&mut pod, ProbeKind::Liveness)[0], first, "pulled for {pull} ms");
    }
}

#[test]
fn a_new_container_is_unready_alive_and_nobody_knows_whether_it_has_started() {
    let all = Some(probe(10));
    let app = Container { readiness: all.clone(), liveness: all.clone(), startup: all, ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::watched(&facts, script(ill()));
    // The worker of each sees it at its first tick; while it has not started nobody asks out of turn.
    pod.run_until(10);
    let mut seen = pod.seen(&["result"]);
    seen.sort();
    assert_eq!(seen, ["10 result Liveness app well", "10 result Readiness app ill", "10 result Startup app unknown"]);
}

#[test]
fn a_fresh_container_is_asked_at_its_start_and_once_more_and_its_ticks_follow_that() {
    let facts = facts(vec![Container { readiness: Some(probe(10)), ..container("app") }]);
    let mut pod = Pod::watched(&facts, Scripted { pulls: vec![(3_000, "")], ..script(ill()) });
    pod.run_until(30);
    assert_eq!(probes(&mut pod, ProbeKind::Readiness), ["3", "3", "13", "23"]);
}

#[test]
fn a_look_at_an_unready_pod_moves_its_ticks() {
    let facts = facts(vec![Container { readiness: Some(probe(10)), ..container("app") }]);
    let mut pod = Pod::watched(&facts, script(ill()));
    pod.run_until(14);
    pod.act(|machine, scene| machine.look_again(scene, Time::from_seconds(14)));
    pod.run_until(30);
    assert_eq!(probes(&mut pod, ProbeKind::Readiness), ["0", "0", "10", "14", "24"]);
    // A ready one keeps its ticks.
    let mut pod = Pod::watched(&facts, script(Vec::new()));
    pod.run_until(14);
    pod.act(|machine, scene| machine.look_again(scene, Time::from_seconds(14)));
    pod.run_until(30);
    assert!(!probes(&mut pod, ProbeKind::Readiness).contains(&"14".to_owned()));
}

#[test]
fn in_the_other_order_the_first_question_comes_a_period_late() {
    let facts = facts(vec![Container { readiness: Some(probe(10)), ..container("app") }]);
    let mut pod = Pod::watched(&facts, Scripted { pulls: vec![(3_000, "")], ..script(Vec::new()) });
    pod.settings.probes_before_status = true;
    pod.run_until(30);
    assert_eq!(probes(&mut pod, ProbeKind::Readiness)[0], "13");
}

#[test]
fn the_other_probes_wait_for_the_startup_probe() {
    let startup = Probe { failure_threshold: 30, ..probe(4) };
    let app =
        Container { readiness: Some(probe(10)), liveness: Some(probe(10)), startup: Some(startup), ..container("app") };
    let facts = facts(vec![app]);
    let up = vec![(0, Verdict::Failure, 0), (11_000, Verdict::Success, 0)];
    let script = Scripted { answers_of: vec![("app", ProbeKind::Startup, up)], ..script(Vec::new()) };
    let mut pod = Pod::watched(&facts, script.clone());
    pod.run_until(25);
    assert_eq!(probes(&mut pod, ProbeKind::Startup), ["4", "8", "12"], "it rests after its verdict");
    let mut pod = Pod::watched(&facts, script.clone());
    pod.run_until(25);
    assert_eq!(probes(&mut pod, ProbeKind::Readiness)[0], "12", "at once");
    let mut pod = Pod::watched(&facts, script);
    pod.run_until(25);
    assert_eq!(probes(&mut pod, ProbeKind::Liveness), ["20"], "at its own next tick");
}

#[test]
fn thresholds_count_equal_answers_in_a_row() {
    let strict = Probe { success_threshold: 2, failure_threshold: 2, ..probe(1) };
    let facts = facts(vec![Container { readiness: Some(strict), ..container("app") }]);
    let blinks = vec![
        (0, Verdict::Success, 0),
        (4_500, Verdict::Failure, 0),
        (5_500, Verdict::Success, 0),
        (7_500, Verdict::Failure, 0),
        (9_500, Verdict::Success, 0),
        (10_500, Verdict::Failure, 0),
        (11_500, Verdict::Success, 0),
    ];
    let mut pod = Pod::watched(&facts, script(blinks));
    pod.run_until(20);
    let expected = [
        "0 result Readiness app ill",
        "0 result Readiness app well",
        "9 result Readiness app ill",
        "13 result Readiness app well",
    ];
    assert_eq!(pod.seen(&["result"]), expected);
}

#[test]
fn the_count_outlives_a_restart_unless_its_verdict_made_the_worker_rest() {
    let facts = facts(vec![Container { liveness: Some(probe(10)), ..container("app") }]);
    // Two failures in the first run and one in the second make three.
    let mut pod = Pod::watched(&facts, script(ill()));
    pod.run_until(25);
    pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(25), 0, Fault::Kill(1)));
    pod.run_until(35);
    assert_eq!(pod.lines()[..4], ["0 start app 0", "25 exit app 1", "25 start app 1", "30 stop app 30"]);
    // After the kill the count is at zero: the next one takes three failures again.
    pod.run_until(59);
    assert!(!pod.lines().iter().any(|line| line.contains("stop")));
}

#[test]
fn a_broken_handler_is_tried_three_times_and_changes_nothing() {
    let facts =
        facts(vec![Container { liveness: Some(Probe { failure_threshold: 1, ..probe(10) }), ..container("app") }]);
    let mut pod = Pod::watched(&facts, script(vec![(5_000, Verdict::Broken, 100)]));
    pod.run_until(25);
    assert_eq!(probes(&mut pod, ProbeKind::Liveness), ["10.1", "10.2", "10.3", "20.1", "20.2", "20.3"]);
    assert!(pod.lines().is_empty(), "nothing is stopped");
}

#[test]
fn a_probe_that_outlasts_its_period_delays_the_next_and_one_tick_at_most_is_made_up() {
    let slow = Probe { timeout_seconds: 10, failure_threshold: 9, ..probe(2) };
    let facts = facts(vec![Container { liveness: Some(slow), ..container("app") }]);
    let mut pod = Pod::watched(&facts, script(vec![(0, Verdict::Success, 5_000), (6_000, Verdict::Success, 0)]));
    pod.run_until(17);
    // Asked at 2, answered at 7. Of the ticks at 4 and 6 one is made up, then the ticks go on.
    assert_eq!(probes(&mut pod, ProbeKind::Liveness)[..4], ["7", "7", "8", "10"]);
}

#[test]
fn a_container_that_does_not_run_is_ill_at_the_next_tick() {
    let facts = facts(vec![Container { readiness: Some(probe(10)), ..container("app") }]);
    let mut pod =
        Pod::watched(&facts, Scripted { exits: vec![("app", vec![(2_000, 1), (2_000, 1)])], ..script(Vec::new()) });
    pod.run_until(13);
    let results = pod.seen(&["result"]);
    assert!(results.iter().any(|line| line.ends_with("Readiness app ill") && !line.starts_with("0 ")), "{results:?}");
    assert!(!pod.machine.status().is_ready());
}

#[test]
fn a_kill_takes_the_grace_of_its_probe_and_two_seconds_at_least() {
    for (own, given) in [(None, 30), (Some(7), 7), (Some(1), 2)] {
        let liveness = Probe { termination_grace_period_seconds: own, ..probe(5) };
        let facts = facts(vec![Container { liveness: Some(liveness), ..container("app") }]);
        let mut pod = Pod::watched(&facts, script(ill()));
        pod.run_until(15);
        assert_eq!(pod.seen(&["stop"]), [format!("15 stop app {given}")]);
    }
}

#[test]
fn a_kill_says_whether_the_container_comes_back_and_of_which_probe_it_is() {
    let killing = |app: Container, policy: RestartPolicy, others: Vec<Container>| {
        let mut facts = facts(core::iter::once(app).chain(others).collect());
        facts.restart_policy = policy;
        let mut pod = Pod::watched(&facts, script(ill()));
        pod.run_until(15);
        let lines = pod.seen(&["event"]);
        let told = lines.iter().find_map(|line| Some(line.split_once("Killing ")?.1.to_owned()));
        told.unwrap_or_default()
    };
    let app = |liveness: bool| Container {
        liveness: liveness.then(|| probe(5)),
        startup: (!liveness).then(|| probe(5)),
        ..container("app")
    };
    use RestartPolicy::{Always, Never};
    assert_eq!(killing(app(true), Always, vec![]), "Container app failed liveness probe, will be restarted");
    assert_eq!(killing(app(false), Always, vec![]), "Container app failed startup probe, will be restarted");
    assert_eq!(killing(app(true), Never, vec![container("log")]), "Container app failed liveness probe");
    // With nothing left to run, the whole pod is stopped.
    assert_eq!(killing(app(true), Never, vec![]), "Stopping container app");
}

#[test]
fn a_sidecar_that_its_probe_condemns_is_replaced() {
    let mut facts = facts(vec![container("app")]);
    facts.init_containers = vec![Container { liveness: Some(probe(5)), ..sidecar("side") }];
    let mut pod = Pod::watched(&facts, script(ill()));
    pod.run_until(15);
    assert_eq!(pod.lines()[2..], ["15 stop side 30", "15 exit side 143", "15 start side 1"]);
}

#[test]
fn after_a_deletion_only_readiness_is_asked_and_may_still_turn() {
    let all = Some(probe(2));
    let app = Container {
        readiness: Some(Probe { failure_threshold: 1, ..probe(2) }),
        liveness: all.clone(),
        ..container("app")
    };
    let facts = facts(vec![app]);
    let mut pod = Pod::watched(&facts, Scripted { stop_millis: 8_000, ..script(vec![(12_500, Verdict::Failure, 0)]) });
    pod.run_until(10);
    pod.seen(&[]);
    assert!(pod.machine.status().is_ready());
    pod.delete(11, 30);
    pod.run_until(15);
    assert!(!pod.machine.status().is_ready());
    let kinds = pod.seen(&["probe"]);
    assert!(!kinds.is_empty() && kinds.iter().all(|line| line.contains("Readiness")), "{kinds:?}");
    pod.run_until(40);
    assert!(pod.machine.is_gone());
    assert_eq!(pod.machine.status().phase, Phase::Failed, "its container ended with 143");
}
