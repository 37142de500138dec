//! One test for each rule of the script.

use super::*;
use crate::NodeModel;
use wavetank_model::template::ProbeTiming;
use wavetank_model::{TemplateFacts, Uid};

fn model(json: &str) -> NodeModel {
    NodeModel::Scripted(serde_json::from_str(json).expect("a script"))
}

fn facts(restart_policy: RestartPolicy) -> TemplateFacts {
    TemplateFacts { images: vec!["app:1".into()], restart_policy, grace_seconds: 30, ..TemplateFacts::default() }
}

fn pod(facts: &TemplateFacts, ordinal: u32) -> PodContext<'_> {
    PodContext { uid: Uid(u64::from(ordinal)), ordinal, completion_index: None, facts, seed: 0 }
}

fn line(at: Time, change: &Change) -> String {
    let ready = if change.ready { " ready" } else { "" };
    let exit = change.exit.map(|code| format!(" exit={code}")).unwrap_or_default();
    let restarts = if change.restarts > 0 { format!(" restarts={}", change.restarts) } else { String::new() };
    format!("{} {}{ready}{exit}{restarts}", at.as_millis(), change.phase.as_str())
}

/// Everything that happens to a pod bound at 0, until a time.
#[track_caller]
fn check(model: &NodeModel, pod: &PodContext<'_>, until_ms: i64, expected: &[&str]) {
    let (mut run, mut due) = model.bound(pod, Time::ZERO);
    let mut seen = Vec::new();
    while let Some(now) = due.filter(|due| due.as_millis() <= until_ms) {
        let (change, next) = model.due(pod, &mut run, now);
        seen.extend(change.map(|change| line(now, &change)));
        assert!(next.is_none_or(|next| next > now), "a step leads forward in time");
        due = next;
    }
    assert_eq!(seen, expected);
}

#[test]
fn a_pod_is_bound_after_schedule_ms() {
    let facts = facts(RestartPolicy::Always);
    assert_eq!(model(r#"{"scheduleMs": 20}"#).bind_delay(&pod(&facts, 1)), Duration::from_millis(20));
}

#[test]
fn pull_and_start_and_stagger_add_up_until_running() {
    let model = model(r#"{"default": {"pullMs": 500, "startMs": 80, "startStaggerMs": 7, "readyAfterMs": 1000}}"#);
    let facts = facts(RestartPolicy::Always);
    check(&model, &pod(&facts, 1), 9_000, &["580 Running", "1580 Running ready"]);
    check(&model, &pod(&facts, 3), 9_000, &["594 Running", "1594 Running ready"]);
}

#[test]
fn readiness_is_staggered_by_ordinal() {
    let model = model(r#"{"default": {"startMs": 10, "readyAfterMs": 100, "readyStaggerMs": 30}}"#);
    let facts = facts(RestartPolicy::Always);
    check(&model, &pod(&facts, 1), 9_000, &["10 Running", "110 Running ready"]);
    check(&model, &pod(&facts, 4), 9_000, &["10 Running", "200 Running ready"]);
}

#[test]
fn without_time_to_ready_running_and_ready_come_in_one_write() {
    let facts = facts(RestartPolicy::Always);
    check(&model(r#"{"default": {"startMs": 10}}"#), &pod(&facts, 1), 9_000, &["10 Running ready"]);
}

#[test]
fn an_image_of_its_own_takes_nothing_from_the_default() {
    let model = model(r#"{"default": {"startMs": 10, "neverReady": true}, "images": {"app:1": {"pullMs": 3}}}"#);
    check(&model, &pod(&facts(RestartPolicy::Always), 1), 9_000, &["3 Running ready"]);
}

#[test]
fn with_a_probe_the_pod_is_ready_at_the_first_probe_that_is_answered() {
    let mut facts = facts(RestartPolicy::Always);
    let timing =
        ProbeTiming { initial_delay_seconds: 5, period_seconds: 10, success_threshold: 1, failure_threshold: 3 };
    facts.readiness = Some(timing);
    let model = model(r#"{"default": {"startMs": 1000, "readyAfterMs": 7000}}"#);
    check(&model, &pod(&facts, 1), 99_000, &["1000 Running", "16000 Running ready"]);
}

#[test]
fn a_pod_that_is_never_ready_stays_so() {
    let facts = facts(RestartPolicy::Always);
    check(&model(r#"{"default": {"startMs": 10, "neverReady": true}}"#), &pod(&facts, 1), 99_000, &["10 Running"]);
}

#[test]
fn a_readiness_script_overrides_the_rest() {
    let model = model(
        r#"{"default": {"startMs": 1, "neverReady": true, "readyScript":
            [{"atMs": 10, "ready": true}, {"atMs": 30, "ready": false}, {"atMs": 40, "ready": true}]}}"#,
    );
    let expected = ["1 Running", "11 Running ready", "31 Running", "41 Running ready"];
    check(&model, &pod(&facts(RestartPolicy::Always), 1), 9_000, &expected);
}

#[test]
fn an_image_that_cannot_be_pulled_leaves_the_pod_pending() {
    let model = model(r#"{"default": {"pullMs": 500, "imagePullFails": true}}"#);
    check(&model, &pod(&facts(RestartPolicy::Always), 1), 900_000, &[]);
}

#[test]
fn crashes_are_followed_by_waits_that_double_up_to_five_minutes() {
    let model = model(r#"{"default": {"readyAfterMs": 5000, "crashAfterMs": 2000}}"#);
    let expected = [
        "0 Running",
        "2000 Running exit=1 restarts=1",
        "12000 Running restarts=1",
        "14000 Running exit=1 restarts=2",
        "34000 Running restarts=2",
        "36000 Running exit=1 restarts=3",
    ];
    check(&model, &pod(&facts(RestartPolicy::Always), 1), 60_000, &expected);
}

#[test]
fn readiness_counts_only_when_it_comes_before_the_crash() {
    let model = model(r#"{"default": {"readyAfterMs": 1000, "crashAfterMs": 1000, "crashes": 1}}"#);
    let expected =
        ["0 Running", "1000 Running exit=1 restarts=1", "11000 Running restarts=1", "12000 Running ready restarts=1"];
    check(&model, &pod(&facts(RestartPolicy::Always), 1), 60_000, &expected);
}

#[test]
fn a_pod_that_is_not_restarted_ends_with_its_container() {
    let model = model(r#"{"default": {"exitAfterMs": 100, "exitStaggerMs": 10, "failPods": [2]}}"#);
    let (never, on_failure) = (facts(RestartPolicy::Never), facts(RestartPolicy::OnFailure));
    check(&model, &pod(&never, 1), 99_000, &["0 Running ready", "100 Succeeded exit=0"]);
    check(&model, &pod(&never, 2), 99_000, &["0 Running ready", "110 Failed exit=1"]);
    check(&model, &pod(&on_failure, 1), 99_000, &["0 Running ready", "100 Succeeded exit=0"]);
    let again = ["0 Running ready", "110 Running exit=1 restarts=1", "10110 Running ready restarts=1"];
    check(&model, &pod(&on_failure, 2), 10_200, &again);
}

#[test]
fn completion_indexes_can_be_chosen_to_fail() {
    let model = model(r#"{"default": {"exitAfterMs": 100, "exitCode": 3, "failIndexes": [0]}}"#);
    let facts = facts(RestartPolicy::Never);
    let failing = PodContext { completion_index: Some(0), ..pod(&facts, 7) };
    check(&model, &failing, 9_000, &["0 Running ready", "100 Failed exit=1"]);
    check(&model, &pod(&facts, 7), 9_000, &["0 Running ready", "100 Failed exit=3"]);
}

/// Deletes a pod at a time and says how it goes.
#[track_caller]
fn check_stop(model: &NodeModel, facts: &TemplateFacts, at_ms: i64, grace: i64, gone: Option<i64>, phase: Phase) {
    let pod = pod(facts, 1);
    let (mut run, mut due) = model.bound(&pod, Time::ZERO);
    while let Some(now) = due.filter(|due| due.as_millis() <= at_ms) {
        due = model.due(&pod, &mut run, now).1;
    }
    let ready = run.is_ready();
    let answer = model.delete(&pod, &mut run, Time::from_millis(at_ms), grace);
    assert_eq!(answer.map(Time::as_millis), gone);
    assert_eq!(model.stopped(&pod, &run), phase);
    assert_eq!(run.is_ready(), ready, "readiness stays until the end");
    if let Some(gone) = answer {
        let (change, next) = model.due(&pod, &mut run, gone);
        assert_eq!(change.map(|change| (change.phase, change.ready)), Some((phase, false)));
        assert_eq!(next, None);
    }
}

#[test]
fn a_running_pod_stops_in_shutdown_ms_but_not_beyond_its_grace() {
    let script = model(r#"{"shutdownMs": 5000, "default": {"startMs": 100}}"#);
    let facts = facts(RestartPolicy::Always);
    check_stop(&script, &facts, 1_000, 30, Some(6_000), Phase::Succeeded);
    check_stop(&script, &facts, 1_000, 2, Some(3_000), Phase::Succeeded);
    let own = model(r#"{"shutdownMs": 5000, "default": {"startMs": 100, "shutdownMs": 700}}"#);
    check_stop(&own, &facts, 1_000, 30, Some(1_700), Phase::Succeeded);
}

#[test]
fn a_pending_pod_goes_in_the_same_instant_and_has_failed() {
    let model = model(r#"{"shutdownMs": 5000, "default": {"startMs": 100}}"#);
    check_stop(&model, &facts(RestartPolicy::Always), 50, 30, Some(50), Phase::Failed);
}

#[test]
fn a_pod_that_would_not_have_been_restarted_has_failed_when_it_is_stopped() {
    let model = model(r#"{"shutdownMs": 1300, "default": {"startMs": 100}}"#);
    check_stop(&model, &facts(RestartPolicy::Never), 200, 30, Some(1_500), Phase::Failed);
}

#[test]
fn a_pod_that_waits_for_its_restart_takes_its_time_to_stop_too() {
    let model = model(r#"{"shutdownMs": 1000, "default": {"crashAfterMs": 2000}}"#);
    check_stop(&model, &facts(RestartPolicy::Always), 5_000, 30, Some(6_000), Phase::Succeeded);
}

#[test]
fn a_pod_that_has_ended_or_has_no_grace_goes_at_once() {
    let model = model(r#"{"shutdownMs": 1000, "default": {"exitAfterMs": 2000}}"#);
    check_stop(&model, &facts(RestartPolicy::Never), 5_000, 30, None, Phase::Succeeded);
    check_stop(&model, &facts(RestartPolicy::Never), 1_000, 0, None, Phase::Failed);
    let facts = facts(RestartPolicy::Always);
    let mut unbound = PodRun::default();
    assert_eq!(model.delete(&pod(&facts, 1), &mut unbound, Time::ZERO, 30), None);
}

#[test]
fn a_step_asked_for_too_early_changes_nothing() {
    let model = model(r#"{"default": {"startMs": 100, "readyAfterMs": 50}}"#);
    let facts = facts(RestartPolicy::Always);
    let pod = pod(&facts, 1);
    let (mut run, due) = model.bound(&pod, Time::ZERO);
    let before = run;
    assert_eq!(model.due(&pod, &mut run, Time::from_millis(99)), (None, due));
    assert_eq!(run, before);
}

#[test]
fn a_script_reads_and_writes_the_keys_of_a_trace() {
    let script: Scripted = serde_json::from_str(r#"{"scheduleMs": 1, "images": {"a": {"crashAfterMs": 2}}}"#).unwrap();
    let again: Scripted = serde_json::from_str(&serde_json::to_string(&script).unwrap()).unwrap();
    assert_eq!(again, script);
    assert!(serde_json::from_str::<Scripted>(r#"{"scheduleSeconds": 1}"#).is_err());
}
