//! What holds for every pod on every node, whatever its image does.

use proptest::prelude::*;
use std::time::Duration;
use wavetank_engine::Time;
use wavetank_model::template::{ProbeTiming, RestartPolicy};
use wavetank_model::{Phase, TemplateFacts, Uid};
use wavetank_node::{Behaviour, Change, ImageBehaviour, Kubelet, NodeModel, PodContext, ReadyAt, Scripted};

/// Far more steps than a day of the busiest pod takes: a restart every ten seconds, a probe, a flap.
const STEPS: usize = 40_000;

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let times = (0_u64..4_000, 0_u64..4_000, 0_u64..9_000, 0_u64..9_000, 0_u64..9_000);
    let script = prop::collection::vec((0_u64..90_000, any::<bool>()), 0..4);
    (times, script, any::<bool>(), 0_u8..8, 0_u32..3, 0_i32..3).prop_map(
        |(
            (pull_ms, start_ms, ready_after_ms, crash_after_ms, exit_after_ms),
            script,
            never_ready,
            fails,
            crashes,
            exit_code,
        )| {
            let ready_script = script.into_iter().map(|(at_ms, ready)| ReadyAt { at_ms, ready }).collect();
            Behaviour {
                pull_ms,
                start_ms,
                ready_after_ms,
                crash_after_ms,
                exit_after_ms,
                ready_script,
                never_ready,
                image_pull_fails: fails == 0,
                crashes,
                exit_code,
                ..Behaviour::default()
            }
        },
    )
}

fn image() -> impl Strategy<Value = ImageBehaviour> {
    let times = (0_u64..9_000, 0_u64..9_000, 0_u64..9_000, 0_u64..90_000);
    let exit = prop::option::of((0_u64..900_000, 0_i32..3, prop::option::of(0_u32..4)));
    (times, exit, 0_u32..4, 0_u32..200).prop_map(|((pull, start, ready, shutdown), exit, fails, spread)| {
        let millis = Duration::from_millis;
        let mut image = ImageBehaviour::new().pull(millis(pull)).start(millis(start)).ready_after(millis(ready));
        image = image.shutdown(millis(shutdown)).spread(spread).fails_to_pull_at_first(fails);
        match exit {
            Some((after, code, Some(runs))) => image.exits_after(millis(after), code).times(runs),
            Some((after, code, None)) => image.exits_after(millis(after), code),
            None => image,
        }
    })
}

fn node() -> impl Strategy<Value = NodeModel> {
    prop_oneof![
        (behaviour(), 0_u64..9_000).prop_map(|(fallback, shutdown_ms)| {
            NodeModel::Scripted(Scripted { fallback, shutdown_ms, ..Scripted::default() })
        }),
        image().prop_map(|image| NodeModel::Kubelet(Kubelet::new().other_images(image))),
    ]
}

fn facts() -> impl Strategy<Value = TemplateFacts> {
    let policy = prop_oneof![Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)];
    let probe = prop::option::of((0_u32..20, 1_u32..20, 1_u32..4));
    (policy, probe, 0_i64..60).prop_map(|(restart_policy, probe, grace_seconds)| TemplateFacts {
        restart_policy,
        grace_seconds,
        readiness: probe.map(|(initial_delay_seconds, period_seconds, success_threshold)| ProbeTiming {
            initial_delay_seconds,
            period_seconds,
            success_threshold,
            failure_threshold: 3,
        }),
        ..TemplateFacts::default()
    })
}

fn pod(facts: &TemplateFacts, seed: u64) -> PodContext<'_> {
    PodContext { uid: Uid(3), ordinal: 2, completion_index: None, facts, seed }
}

/// All that is seen of a pod within a span, and how it stands then.
fn drive(node: &NodeModel, pod: &PodContext<'_>, end: Time) -> (wavetank_node::PodRun, Vec<(Time, Change)>) {
    let (mut run, mut due) = node.bound(pod, Time::ZERO);
    let mut seen = Vec::new();
    for _ in 0..STEPS {
        let Some(now) = due.filter(|due| *due <= end) else { return (run, seen) };
        let (change, next) = node.due(pod, &mut run, now);
        seen.extend(change.map(|change| (now, change)));
        assert!(next.is_none_or(|next| next >= now), "{now:?} leads back to {next:?}");
        due = next;
    }
    panic!("no end within {STEPS} steps");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_pod_is_ready_only_while_it_runs_and_never_comes_back_from_its_end(
        (node, facts, seed) in (node(), facts(), any::<u64>())
    ) {
        let (_, seen) = drive(&node, &pod(&facts, seed), Time::from_seconds(86_400));
        for (_, change) in &seen {
            prop_assert!(!change.ready || change.phase == Phase::Running);
            prop_assert!(change.waiting.is_none() || !change.ready);
        }
        for pair in seen.windows(2) {
            prop_assert!(!pair[0].1.phase.has_ended(), "{pair:?}");
            prop_assert!(pair[0].1.phase <= pair[1].1.phase && pair[0].1.restarts <= pair[1].1.restarts);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_life((node, facts, seed) in (node(), facts(), any::<u64>())) {
        let end = Time::from_seconds(7_200);
        prop_assert_eq!(drive(&node, &pod(&facts, seed), end), drive(&node, &pod(&facts, seed), end));
    }

    #[test]
    fn calls_between_the_due_times_change_nothing((node, facts) in (node(), facts())) {
        let pod = pod(&facts, 0);
        let (mut run, mut due) = node.bound(&pod, Time::ZERO);
        for _ in 0..50 {
            let Some(now) = due else { break };
            let (before, early) = (run, now.offset(-1));
            prop_assert_eq!(node.due(&pod, &mut run, early), (None, Some(now)));
            prop_assert_eq!(run, before);
            due = node.due(&pod, &mut run, now).1.filter(|next| *next > now);
        }
    }

    #[test]
    fn a_deleted_pod_is_gone_within_its_grace_and_ends(
        (node, facts, at, grace) in (node(), facts(), 0_i64..9_000, 1_i64..60)
    ) {
        let pod = pod(&facts, 0);
        let now = Time::from_seconds(at);
        let (mut run, _) = drive(&node, &pod, now);
        let (ready, ended) = (run.is_ready(), run.phase().has_ended());
        let Some(gone) = node.delete(&pod, &mut run, now, grace) else {
            prop_assert!(ended, "only a pod that has ended goes at once");
            return Ok(());
        };
        prop_assert!(gone >= now && gone <= Time::from_seconds(at + grace.max(2)));
        prop_assert_eq!(run.is_ready(), ready);
        let ends = node.stopped(&pod, &run);
        let (change, next) = node.due(&pod, &mut run, gone);
        prop_assert_eq!(change.map(|change| (change.phase, change.ready)), Some((ends, false)));
        prop_assert!(ends.has_ended() && next.is_none());
    }
}
