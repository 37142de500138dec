//! One test for each rule of the kubelet.

use super::*;
use crate::NodeModel;
use wavetank_model::template::ProbeTiming;
use wavetank_model::{TemplateFacts, Uid};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn model(behaviour: ImageBehaviour) -> NodeModel {
    NodeModel::Kubelet(Kubelet::new().image("app:1", behaviour))
}

fn facts(restart_policy: RestartPolicy) -> TemplateFacts {
    TemplateFacts { images: vec!["app:1".into()], restart_policy, grace_seconds: 30, ..TemplateFacts::default() }
}

fn pod(facts: &TemplateFacts) -> PodContext<'_> {
    PodContext { uid: Uid(1), ordinal: 1, completion_index: None, facts, seed: 0 }
}

fn line(at: Time, change: &Change) -> String {
    let ready = if change.ready { " ready" } else { "" };
    let exit = change.exit.map(|code| format!(" exit={code}")).unwrap_or_default();
    let waiting = change.waiting.map(|reason| format!(" {}", reason.as_str())).unwrap_or_default();
    format!("{} {}{ready}{waiting}{exit} restarts={}", at.as_seconds(), change.phase.as_str(), change.restarts)
}

/// Takes a pod that is bound at 0 through its steps until a time.
fn drive(model: &NodeModel, pod: &PodContext<'_>, until: i64) -> (PodRun, Vec<(Time, Change)>) {
    let (mut run, mut due) = model.bound(pod, Time::ZERO);
    let mut seen = Vec::new();
    while let Some(now) = due.filter(|due| due.as_seconds() <= until) {
        let (change, next) = model.due(pod, &mut run, now);
        seen.extend(change.map(|change| (now, change)));
        assert!(next.is_none_or(|next| next >= now), "a step never leads back in time");
        due = next;
    }
    (run, seen)
}

#[track_caller]
fn check(behaviour: ImageBehaviour, facts: &TemplateFacts, until: i64, expected: &[&str]) {
    let (_, seen) = drive(&model(behaviour), &pod(facts), until);
    let seen: Vec<String> = seen.iter().map(|(at, change)| line(*at, change)).collect();
    assert_eq!(seen, expected);
}

/// Times at which the container ran.
#[track_caller]
fn check_starts(behaviour: ImageBehaviour, until: i64, expected: &[i64]) {
    let facts = facts(RestartPolicy::Always);
    let (_, seen) = drive(&model(behaviour.never_ready()), &pod(&facts), until);
    let runs = seen
        .iter()
        .filter(|(_, change)| change.phase == Phase::Running && change.exit.is_none() && change.waiting.is_none());
    assert_eq!(runs.map(|(at, _)| at.as_seconds()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_pod_pulls_starts_and_gets_ready() {
    let behaviour = ImageBehaviour::new().pull(seconds(3)).start(seconds(2)).ready_after(seconds(4));
    let expected = ["5 Running restarts=0", "9 Running ready restarts=0"];
    check(behaviour, &facts(RestartPolicy::Always), 100, &expected);
}

#[test]
fn a_failing_pull_is_tried_again_after_waits_that_double() {
    let expected = [
        "1 Pending ErrImagePull restarts=0",
        "11 Pending ImagePullBackOff restarts=0",
        "12 Pending ErrImagePull restarts=0",
        "22 Pending ImagePullBackOff restarts=0",
        "33 Pending ErrImagePull restarts=0",
        "43 Pending ImagePullBackOff restarts=0",
        "74 Pending ErrImagePull restarts=0",
    ];
    check(ImageBehaviour::new().pull(seconds(1)).fails_to_pull(), &facts(RestartPolicy::Always), 80, &expected);
}

#[test]
fn a_pull_that_succeeds_at_last_starts_the_container() {
    let behaviour = ImageBehaviour::new().pull(seconds(1)).fails_to_pull_at_first(1);
    let expected =
        ["1 Pending ErrImagePull restarts=0", "11 Pending ImagePullBackOff restarts=0", "12 Running ready restarts=0"];
    check(behaviour, &facts(RestartPolicy::Always), 100, &expected);
}

#[test]
fn the_first_restart_is_immediate_and_later_ones_wait_longer_and_longer() {
    check_starts(ImageBehaviour::new().crashes_after(seconds(5)), 800, &[0, 5, 20, 45, 90, 175, 340, 645]);
}

#[test]
fn a_container_held_back_says_so() {
    let expected = [
        "0 Running ready restarts=0",
        "5 Running exit=1 restarts=1",
        "5 Running ready restarts=1",
        "10 Running CrashLoopBackOff exit=1 restarts=1",
        "20 Running CrashLoopBackOff restarts=2",
        "20 Running ready restarts=2",
    ];
    check(ImageBehaviour::new().crashes_after(seconds(5)), &facts(RestartPolicy::Always), 24, &expected);
}

#[test]
fn a_run_beyond_ten_minutes_resets_the_waits() {
    check_starts(ImageBehaviour::new().crashes_after(seconds(601)), 2_000, &[0, 601, 1_202, 1_803]);
    check_starts(ImageBehaviour::new().crashes_after(seconds(599)), 2_000, &[0, 599, 1_208, 1_817]);
}

#[test]
fn a_long_wait_ends_early_when_its_back_off_is_cleared_away() {
    let (model, facts) = (Kubelet::new().image("app:1", ImageBehaviour::new()), facts(RestartPolicy::Always));
    let exited = Time::from_seconds(2_624);
    let mut run = PodRun::at(Stage::Running { started: Time::from_seconds(2_058), ready: true });
    (run.backed_off, run.step, run.restarts) = (Time::from_seconds(2_058), 6, 9);
    let crash = model.image("app:1", ImageBehaviour::new().crashes_after(seconds(566)));
    // Cleared away at 2660, looked at every minute from the exit, where the back-off asks for 2924.
    let (_, again) = crash.due(&pod(&facts), &mut run, exited);
    assert_eq!(again, Some(Time::from_seconds(2_684)));
    let (_, started) = crash.due(&pod(&facts), &mut run, Time::from_seconds(2_684));
    assert_eq!((started, run.step), (again, 1), "the next wait is the first one again");
}

#[test]
fn a_container_that_exits_well_is_held_back_alike() {
    check_starts(ImageBehaviour::new().exits_after(seconds(5), 0), 50, &[0, 5, 20, 45]);
}

#[test]
fn the_restart_policy_decides_how_a_pod_ends() {
    let (good, bad) =
        (ImageBehaviour::new().exits_after(seconds(5), 0), ImageBehaviour::new().exits_after(seconds(5), 3));
    let ready = "0 Running ready restarts=0";
    check(good.clone(), &facts(RestartPolicy::Never), 99, &[ready, "5 Succeeded exit=0 restarts=0"]);
    check(good, &facts(RestartPolicy::OnFailure), 99, &[ready, "5 Succeeded exit=0 restarts=0"]);
    check(bad, &facts(RestartPolicy::Never), 99, &[ready, "5 Failed exit=3 restarts=0"]);
}

#[test]
fn a_crash_that_happens_once_leaves_a_container_that_runs_for_ever() {
    check_starts(ImageBehaviour::new().crashes_after(seconds(5)).times(1), 9_999, &[0, 5]);
}

#[test]
fn a_readiness_probe_delays_readiness_to_its_tick() {
    let mut facts = facts(RestartPolicy::Always);
    let timing =
        ProbeTiming { initial_delay_seconds: 5, period_seconds: 10, success_threshold: 1, failure_threshold: 3 };
    facts.readiness = Some(timing);
    let expected = ["1 Running restarts=0", "11 Running ready restarts=0"];
    check(ImageBehaviour::new().start(seconds(1)), &facts, 99, &expected);
}

#[track_caller]
fn check_stop(behaviour: ImageBehaviour, at: i64, grace: i64, gone: Option<i64>, phase: Phase) {
    let facts = facts(RestartPolicy::Always);
    let model = model(behaviour);
    let (mut run, _) = drive(&model, &pod(&facts), at);
    let answer = model.delete(&pod(&facts), &mut run, Time::from_seconds(at), grace);
    assert_eq!(answer.map(Time::as_seconds), gone);
    assert_eq!(model.stopped(&pod(&facts), &run), phase);
}

#[test]
fn a_container_that_heeds_sigterm_ends_well() {
    check_stop(ImageBehaviour::new().shutdown(seconds(4)), 10, 30, Some(14), Phase::Succeeded);
    check_stop(ImageBehaviour::new().exits_on_sigterm_with(143), 10, 30, Some(10), Phase::Failed);
}

#[test]
fn a_container_that_outlasts_its_grace_is_killed() {
    check_stop(ImageBehaviour::new().shutdown(seconds(90)), 10, 12, Some(22), Phase::Failed);
}

#[test]
fn a_grace_of_one_second_lasts_two() {
    check_stop(ImageBehaviour::new().shutdown(seconds(90)), 10, 1, Some(12), Phase::Failed);
}

#[test]
fn nobody_waits_for_a_container_that_does_not_run() {
    check_stop(ImageBehaviour::new().pull(seconds(60)), 10, 30, Some(10), Phase::Failed);
    let waiting = ImageBehaviour::new().crashes_after(seconds(5)).shutdown(seconds(9));
    check_stop(waiting, 12, 30, Some(12), Phase::Failed);
}

#[test]
fn times_are_spread_by_seed_and_pod() {
    let behaviour = ImageBehaviour::new().pull(seconds(10)).spread(50);
    let (model, facts) = (model(behaviour), facts(RestartPolicy::Always));
    let pulled = |seed, uid| model.bound(&PodContext { seed, uid: Uid(uid), ..pod(&facts) }, Time::ZERO).1;
    assert_eq!(pulled(1, 1), pulled(1, 1));
    assert_ne!(pulled(1, 1), pulled(1, 2));
    assert_ne!(pulled(1, 1), pulled(2, 1));
    assert!(pulled(3, 9) >= Some(Time::from_seconds(10)) && pulled(3, 9) <= Some(Time::from_seconds(15)));
}

#[test]
fn a_changed_image_behaves_differently_from_the_next_step() {
    let facts = facts(RestartPolicy::Always);
    let mut kubelet = Kubelet::new().image("app:1", ImageBehaviour::new().fails_to_pull());
    let (mut run, due) = kubelet.bound(&pod(&facts), Time::ZERO);
    let (_, due) = kubelet.due(&pod(&facts), &mut run, due.unwrap());
    kubelet.set_image("app:1", ImageBehaviour::new());
    let (_, due) = kubelet.due(&pod(&facts), &mut run, due.unwrap());
    let (_, due) = kubelet.due(&pod(&facts), &mut run, due.unwrap());
    let (change, _) = kubelet.due(&pod(&facts), &mut run, due.unwrap());
    assert_eq!(change.map(|change| change.phase), Some(Phase::Running));
}
