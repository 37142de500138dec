//! Every request has one outcome, nobody answers who could not have, and a fluid is what is expected.

use core::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::{Seed, Time};
use wavetank_model::{EndpointConditions, TrafficPolicy, Uid};
use wavetank_network::*;

/// Something that happens to a pod at some tenth of a second.
#[derive(Clone, Copy, Debug)]
enum Step {
    Starts { listens_after: i64 },
    IsAskedToStop,
    Stops,
    Hangs(bool),
    Published { ready: bool, terminating: bool },
    Withdrawn,
}

const PODS: u64 = 6;

fn step() -> impl Strategy<Value = (i64, u64, Step)> {
    let what = prop_oneof![
        3 => (0_i64..20).prop_map(|listens_after| Step::Starts { listens_after }),
        1 => Just(Step::IsAskedToStop),
        1 => Just(Step::Stops),
        1 => any::<bool>().prop_map(Step::Hangs),
        4 => (any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(ready, terminating)| Step::Published { ready, terminating }),
        1 => Just(Step::Withdrawn),
    ];
    (0_i64..200, 0..PODS, what)
}

fn app(pod: u64, capacity: Option<u32>) -> AppBehaviour {
    let stops = [StopBehaviour::AcceptsUntilKilled, StopBehaviour::Drains, StopBehaviour::ExitsAtOnce];
    let stop = stops[usize::try_from(pod % 3).expect("three ways")];
    let service_time = ServiceTime::Fixed(Duration::from_millis(30 * (pod + 1)));
    AppBehaviour { service_time, capacity, stop }
}

fn version(pod: u64) -> Arc<str> {
    if pod < PODS / 2 { "v1".into() } else { "v2".into() }
}

/// When a pod could have answered: it ran, listened, and did not hang.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    running: bool,
    listens: i64,
}

fn tenth(tenths: i64) -> Time {
    Time::from_millis(tenths * 100)
}

struct Play {
    network: Network,
    service: ServiceId,
    lives: BTreeMap<u64, Vec<(i64, Life)>>,
}

/// Plays the steps in their order; `capacity` of each pod.
fn play(
    seed: u64,
    config: ServiceConfig,
    sources: impl Fn(ServiceId) -> Vec<Source>,
    steps: &[(i64, u64, Step)],
    capacity: Option<u32>,
) -> Play {
    let propagation =
        ProxyDelay { spread: Duration::from_millis(700), ..ProxyDelay::fixed(Duration::from_millis(150)) };
    let mut network = Network::new(Seed(seed), propagation);
    let service = network.add_service(config);
    let mut lives: BTreeMap<u64, Vec<(i64, Life)>> = BTreeMap::new();
    for source in sources(service) {
        network.start(Time::ZERO, source).expect("the source can be");
    }
    let mut sorted = steps.to_vec();
    sorted.sort_by_key(|(at, ..)| *at);
    for (at, pod, step) in sorted {
        let (now, uid, node) = (tenth(at), Uid(pod), Node(u32::try_from(pod % 2).expect("two nodes")));
        network.advance(Time::from_millis(at * 100 - 1));
        let life = lives.entry(pod).or_default();
        let was = life.last().map_or_else(Life::default, |(_, life)| *life);
        match step {
            Step::Starts { listens_after } => {
                if was.running {
                    continue;
                }
                let listens = at + listens_after;
                life.push((at, Life { running: true, listens }));
                let start = PodStart { node, version: version(pod), app: app(pod, capacity), listens: tenth(listens) };
                network.pod_starts(now, uid, start);
            }
            Step::IsAskedToStop => {
                if was.running && app(pod, capacity).stop == StopBehaviour::ExitsAtOnce {
                    life.push((at, Life { running: false, ..was }));
                }
                network.pod_is_asked_to_stop(now, uid);
            }
            Step::Stops => {
                life.push((at, Life { running: false, ..was }));
                network.pod_stops(now, uid);
            }
            Step::Hangs(hangs) => network.pod_hangs(now, uid, hangs),
            Step::Published { ready, terminating } => {
                let conditions = EndpointConditions::of(ready, terminating, false);
                network.publish(now, service, uid, Some(EndpointState::new(conditions, node)));
            }
            Step::Withdrawn => network.publish(now, service, uid, None),
        }
    }
    network.advance(tenth(200));
    Play { network, service, lives }
}

fn could_answer(lives: &BTreeMap<u64, Vec<(i64, Life)>>, pod: Uid, at: Time) -> bool {
    let life = lives.get(&pod.0).and_then(|lives| lives.iter().rev().find(|(from, _)| tenth(*from) < at));
    life.is_some_and(|(_, life)| life.running && tenth(life.listens) <= at)
}

fn sources(balancing_seed: u64) -> impl Fn(ServiceId) -> Vec<Source> {
    move |service| {
        let rate = RateProfile::constant(Rate::per_second(40)).then(Duration::from_secs(7), Rate::per_second(15));
        let spacing = if balancing_seed.is_multiple_of(2) { Spacing::Even } else { Spacing::Poisson };
        let timeout = Duration::from_millis(900);
        let open = Source::new("open", Origin::Inside(Node(0)), service, Load::Open { rate, spacing });
        let closed = Load::Closed { clients: 3, requests: Some(300), think: Duration::from_millis(50) };
        let closed = Source::new("closed", Origin::Outside(Node(1)), service, closed);
        let curl = Source::new("curl", Origin::Inside(Node(1)), service, Load::curl_loop(Duration::from_millis(500)));
        vec![
            open.timeout(timeout).clients(5).keep_outcomes(),
            closed.timeout(timeout).keep_alive(KeepAlive::connections(1)).keep_outcomes(),
            curl.attempts(2).timeout(timeout).keep_outcomes(),
        ]
    }
}

fn config() -> impl Strategy<Value = ServiceConfig> {
    let balancing = prop_oneof![
        Just(Balancing::Random),
        Just(Balancing::RoundRobin),
        Just(Balancing::Weighted),
        Just(Balancing::LeastConnections),
    ];
    let policy = || prop_oneof![2 => Just(TrafficPolicy::Cluster), 1 => Just(TrafficPolicy::Local)];
    let affinity = prop::option::weighted(0.3, Just(Duration::from_secs(3)));
    (balancing, policy(), policy(), affinity).prop_map(|(balancing, internal_policy, external_policy, affinity)| {
        ServiceConfig { balancing, affinity, internal_policy, external_policy }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_request_has_one_outcome_and_nobody_answers_who_could_not(
        seed: u64,
        config in config(),
        steps in prop::collection::vec(step(), 0..60),
        capacity in prop::option::of(1_u32..4),
    ) {
        let play = play(seed, config, sources(seed), &steps, capacity);
        let report = play.network.report();
        prop_assert_eq!(report.sent(), report.answered() + report.lost() + report.in_flight());
        let outcomes = play.network.outcomes();
        prop_assert_eq!(u64::try_from(outcomes.len()).expect("few"), report.answered() + report.lost());
        let mut ends: Vec<_> = outcomes.iter().map(|outcome| (outcome.source, outcome.number)).collect();
        ends.sort_unstable();
        ends.dedup();
        prop_assert_eq!(ends.len(), outcomes.len(), "no request ends twice");
        for outcome in outcomes {
            if let Ended::Answered { pod, version: by } = &outcome.how {
                prop_assert!(could_answer(&play.lives, *pod, outcome.ended), "{outcome:?}");
                prop_assert_eq!(by, &version(pod.0));
            }
        }
        let by_second: u64 = report.lost_by_second().values().sum();
        prop_assert_eq!(by_second, report.lost());
        prop_assert_eq!(report.seconds().values().map(|second| second.sent).sum::<u64>(), report.sent());
        let _ = play.service;
    }

    #[test]
    fn the_same_seed_tells_the_same_story(seed: u64, steps in prop::collection::vec(step(), 0..30)) {
        let run = || play(seed, ServiceConfig::default(), sources(seed), &steps, Some(2)).network.report();
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_fluid_is_what_is_expected_of_requests_sent_one_by_one(
        seed: u64,
        steps in prop::collection::vec(step(), 5..60),
        even: bool,
        round_robin: bool,
        local: bool,
    ) {
        let balancing = if round_robin { Balancing::RoundRobin } else { Balancing::Random };
        let internal_policy = if local { TrafficPolicy::Local } else { TrafficPolicy::Cluster };
        let config = ServiceConfig { balancing, internal_policy, ..ServiceConfig::default() };
        let rate = || RateProfile::constant(Rate::per_second(300)).then(Duration::from_secs(11), Rate::per_second(900));
        let spacing = if even { Spacing::Even } else { Spacing::Poisson };
        let from = Origin::Inside(Node(1));
        let timeout = Duration::from_secs(5);
        let sources = |service| vec![
            Source::new("one by one", from, service, Load::Open { rate: rate(), spacing }).timeout(timeout),
            Source::new("fluid", from, service, Load::Fluid { rate: rate() }).timeout(timeout),
        ];
        // A pod that goes on after it hung answers what had come meanwhile, which a fluid has given up.
        let steps: Vec<_> = steps.into_iter().filter(|(.., step)| !matches!(step, Step::Hangs(_))).collect();
        let mut play = play(seed, config, sources, &steps, None);
        let fluid = play.network.fluid_report(SourceId(1)).expect("it is a fluid");
        // What is in flight at the end counts as answered in a fluid.
        play.network.stop(tenth(200), SourceId(0));
        play.network.advance(tenth(300));
        let report = play.network.report_of(SourceId(0));
        let changes = f64::from(u32::try_from(steps.len()).expect("few")) + 1.0;
        let close = |counted: u64, expected: f64| {
            let counted = f64::from(u32::try_from(counted).expect("few"));
            (counted - expected).abs() <= 6.0 * expected.max(0.0).sqrt() + 6.0 + changes
        };
        prop_assert!(close(report.sent(), fluid.sent), "{} sent, {}", report.sent(), fluid.sent);
        for (version, expected) in &fluid.answered {
            let counted = report.answered_by_version().get(version).copied().unwrap_or(0);
            prop_assert!(close(counted, *expected), "{version} answered {counted}, {expected}\n{report}");
        }
        for (cause, counted) in report.lost_by_cause() {
            let expected = fluid.lost.get(&cause).copied().unwrap_or(0.0);
            prop_assert!(close(counted, expected), "{cause}: {counted}, {expected}\n{report}");
        }
        prop_assert!((fluid.sent - fluid.total_answered() - fluid.total_lost()).abs() < 1e-6 * fluid.sent.max(1.0));
    }
}
