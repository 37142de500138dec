//! What holds for every pod, whatever its containers do and whatever befalls it.

use crate::harness::{Pod, Scripted, container, facts, probe, sidecar};
use core::time::Duration;
use proptest::prelude::*;
use wavetank_engine::Time;
use wavetank_model::container::{Container, Handler, Hook, Probe, RestartRule, RestartRuleAction};
use wavetank_model::template::RestartPolicy;
use wavetank_model::{Phase, TemplateFacts};
use wavetank_node::pod::{Fault, NodeStatus, Verdict};

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
        let script = Scripted { answers, exit, stop_millis: 700, ..Scripted::default() };
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
            let lines = pod.lines();
            (pod.log.statuses, lines)
        };
        prop_assert_eq!(play(true), play(false));
    }

    #[test]
    fn whatever_befalls_a_pod_its_statuses_make_sense(pod in pods()) {
        let (statuses, _) = pod.play(true)?;
        let mut before = NodeStatus::default();
        for (at, status) in statuses {
            may_follow(&pod, &before, &status).map_err(|fault| TestCaseError::fail(format!("at {at:?}: {fault}")))?;
            before = status;
        }
    }

    #[test]
    fn a_pod_fares_the_same_whether_it_is_looked_at_often_or_once(pod in pods()) {
        let (often, looked) = pod.play(true)?;
        let (once, left) = pod.play(false)?;
        prop_assert_eq!(often, once);
        prop_assert_eq!(looked.status(), left.status());
    }

    #[test]
    fn a_pod_that_is_deleted_is_gone_when_all_grace_is_used_up(pod in pods(), at in 0_i64..200, grace in 1_i64..20) {
        let mut pod = pod;
        pod.acts.retain(|(time, act)| *time < at && !matches!(act, Act::Delete(_)));
        pod.acts.push((at, Act::Delete(grace)));
        let mut played = Pod::new(&pod.facts, pod.script.clone());
        pod.act_on(&mut played, true)?;
        // One stop that is under way is waited for, sidecars take two seconds each at least.
        let containers = i64::try_from(pod.facts.init_containers.len() + pod.facts.containers.len()).unwrap_or(0);
        let end = at + pod.facts.grace_seconds + grace + 2 * containers + 2;
        played.run_until(end);
        prop_assert!(played.machine.is_gone(), "still there at {}", end);
        prop_assert!((0..8).all(|number| !played.machine.runs(number)));
        let status = played.machine.status();
        let all_ran = status.all().all(|one| one.run.is_some());
        prop_assert!(!status.is_ready() && (status.phase.has_ended() || !all_ran), "{status:?}");
        prop_assert_eq!(played.run_until(end + 10_000), None);
    }
}

/// Something that befalls a pod.
#[derive(Clone, Debug)]
enum Act {
    Strike(usize, Fault),
    Delete(i64),
    Look,
}

#[derive(Clone, Debug)]
struct DrawnPod {
    facts: TemplateFacts,
    script: Scripted,
    /// By second.
    acts: Vec<(i64, Act)>,
}

impl DrawnPod {
    fn restarts_all(&self) -> bool {
        let all = self.facts.init_containers.iter().chain(&self.facts.containers);
        all.flat_map(|one| &one.restart_policy_rules).any(|rule| rule.action == RestartRuleAction::RestartAllContainers)
    }

    /// Lets a time come, in all the steps that the machine names or in one.
    fn pass(pod: &mut Pod<'_>, seconds: i64, often: bool) -> Result<(), TestCaseError> {
        let end = Time::from_seconds(seconds);
        for _ in 0..20_000 {
            let due = pod.act(|machine, scene| machine.advance(scene, Time::ZERO));
            match due.filter(|due| often && *due <= end) {
                Some(due) => pod.act(|machine, scene| machine.advance(scene, due)),
                None => {
                    pod.run_until(seconds);
                    return Ok(());
                }
            };
        }
        Err(TestCaseError::fail("it never comes to an end"))
    }

    fn act_on(&self, pod: &mut Pod<'_>, often: bool) -> Result<(), TestCaseError> {
        for (at, act) in &self.acts {
            Self::pass(pod, *at, often)?;
            let now = Time::from_seconds(*at);
            pod.act(|machine, scene| match act {
                Act::Strike(container, fault) => machine.strike(scene, now, *container, *fault),
                Act::Delete(grace) => machine.delete(scene, now, *grace),
                Act::Look => machine.look_again(scene, now),
            });
        }
        Ok(())
    }

    fn play(&self, often: bool) -> Result<(Vec<(Time, NodeStatus)>, wavetank_node::pod::Machine), TestCaseError> {
        let mut pod = Pod::new(&self.facts, self.script.clone());
        self.act_on(&mut pod, often)?;
        Self::pass(&mut pod, 500, often)?;
        Ok((pod.log.statuses, pod.machine))
    }
}

/// Whether a status may come after another.
fn may_follow(pod: &DrawnPod, before: &NodeStatus, after: &NodeStatus) -> Result<(), String> {
    let may_turn = match (before.phase, after.phase) {
        (Phase::Pending, _) | (Phase::Running, Phase::Running | Phase::Succeeded | Phase::Failed) => true,
        (Phase::Running, Phase::Pending) => pod.restarts_all(),
        (Phase::Running, Phase::Unknown) | (Phase::Unknown, _) => false,
        (Phase::Succeeded | Phase::Failed, after) => before.phase == after,
    };
    if !may_turn {
        return Err(format!("from {:?} to {:?}", before.phase, after.phase));
    }
    for (was, is) in before.all().zip(after.all()) {
        if is.restart_count < was.restart_count {
            return Err(format!("{} has {} restarts after {}", is.name, is.restart_count, was.restart_count));
        }
        if is.state.is_running() && is.run.is_none() {
            return Err(format!("{} runs and has no container id", is.name));
        }
    }
    if after.is_ready() {
        let unready = after.containers.iter().find(|one| !one.ready);
        if unready.is_some() || !after.is_true("ContainersReady") || after.phase != Phase::Running {
            return Err(format!("ready in {:?} with {unready:?}", after.phase));
        }
    }
    Ok(())
}

fn hooks() -> impl Strategy<Value = Option<Hook>> {
    prop_oneof![
        4 => Just(None),
        1 => (0_i64..9).prop_map(|seconds| Some(Hook::Sleep(seconds))),
        1 => Just(Some(Hook::Handler(Handler::Exec(Vec::new())))),
    ]
}

fn policies() -> impl Strategy<Value = RestartPolicy> {
    prop_oneof![3 => Just(RestartPolicy::Always), 1 => Just(RestartPolicy::OnFailure), 1 => Just(RestartPolicy::Never)]
}

fn rules() -> impl Strategy<Value = Vec<RestartRule>> {
    let action = prop_oneof![
        3 => Just(RestartRuleAction::Restart), 1 => Just(RestartRuleAction::RestartAllContainers),
    ];
    let rule = (action, any::<bool>(), 0_i32..3).prop_map(|(action, is_in, code)| RestartRule {
        action,
        is_in,
        exit_codes: vec![code],
    });
    prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(rule, 1..3)]
}

fn containers(prefix: &'static str) -> impl Strategy<Value = Vec<Container>> {
    let one = (
        drawn_probe(),
        drawn_probe(),
        drawn_probe(),
        hooks(),
        hooks(),
        prop::option::weighted(0.2, policies()),
        rules(),
    );
    let one = one.prop_map(|(readiness, liveness, startup, pre_stop, post_start, restart_policy, rules)| Container {
        readiness,
        liveness,
        startup,
        pre_stop,
        post_start,
        restart_policy,
        restart_policy_rules: rules,
        ..container("")
    });
    prop::collection::vec(one, 1..3).prop_map(move |all| {
        let named = all.into_iter().enumerate();
        named.map(|(number, one)| Container { name: format!("{prefix}{number}").into(), ..one }).collect()
    })
}

fn init_containers() -> impl Strategy<Value = Vec<Container>> {
    let task = prop::option::weighted(0.3, prop_oneof![Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)]);
    let task = (task, rules()).prop_map(|(restart_policy, rules)| Container {
        restart_policy,
        restart_policy_rules: rules,
        ..container("")
    });
    let helper = containers("").prop_map(|all| Container {
        restart_policy: Some(RestartPolicy::Always),
        ..all.into_iter().next().unwrap_or_else(|| sidecar(""))
    });
    prop::collection::vec(prop_oneof![1 => task, 1 => helper], 0..3).prop_map(|all| {
        let named = all.into_iter().enumerate();
        named.map(|(number, one)| Container { name: format!("init{number}").into(), ..one }).collect()
    })
}

fn exits() -> impl Strategy<Value = Vec<(u64, i32)>> {
    prop::collection::vec((prop_oneof![1 => Just(0_u64), 2 => 500_u64..40_000], 0_i32..3), 1..4)
}

fn scripts() -> impl Strategy<Value = Scripted> {
    let pulls = prop::collection::vec((0_u64..5_000, prop_oneof![4 => Just(""), 1 => Just("no such image")]), 0..4);
    let exits = prop::collection::vec(exits(), 6);
    let hook_error = prop::option::weighted(0.2, Just("no".to_owned()));
    (answers(), exits, pulls, 0_u64..2_000, 0_u64..40_000, hook_error).prop_map(
        |(answers, exits, pulls, start_millis, stop_millis, hook_error)| {
            let names = ["init0", "init1", "init2", "app0", "app1", "app2"];
            let mut exits: Vec<(&'static str, Vec<(u64, i32)>)> = names.into_iter().zip(exits).collect();
            // Init containers that are no sidecars end at some time.
            for (_, runs) in exits.iter_mut().take(3) {
                runs.iter_mut().for_each(|(after, _)| *after = (*after).max(500));
            }
            Scripted { answers, exits, pulls, start_millis, stop_millis, hook_error, ..Scripted::default() }
        },
    )
}

fn pods() -> impl Strategy<Value = DrawnPod> {
    let fault = prop_oneof![
        2 => Just(Fault::Kill(137)),
        1 => Just(Fault::Kill(0)),
        1 => Just(Fault::Hang),
        1 => (1_u64..3_000).prop_map(|millis| Fault::Slow(Duration::from_millis(millis))),
        1 => Just(Fault::Recover),
    ];
    let act = prop_oneof![
        4 => (0_usize..5, fault).prop_map(|(container, fault)| Act::Strike(container, fault)),
        1 => (1_i64..30).prop_map(Act::Delete),
        1 => Just(Act::Look),
    ];
    let acts = prop::collection::vec((0_i64..400, act), 0..4);
    let spec = (policies(), 1_i64..20, prop::option::weighted(0.2, 1_i64..300));
    (init_containers(), containers("app"), spec, scripts(), acts).prop_map(
        |(init_containers, containers, (restart_policy, grace_seconds, deadline), script, mut acts)| {
            acts.sort_by_key(|(at, _)| *at);
            let facts = TemplateFacts {
                init_containers,
                restart_policy,
                grace_seconds,
                active_deadline_seconds: deadline,
                ..facts(containers)
            };
            DrawnPod { facts, script, acts }
        },
    )
}
