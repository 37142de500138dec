//! Who sends, how much and when; how answers are balanced; and what the report says of it.

use super::scene::{self, PLAIN, SECOND, deployment, open, service};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wavetank::{
    App, AppBehaviour, Balancing, Cause, Cluster, ImageBehaviour, Kind, Load, ProxyDelay, Rate, RateProfile, Report,
    ServiceTime, Source, SourceId, Spacing, StopBehaviour, Window,
};

fn cluster(replicas: u32, behaviour: &AppBehaviour) -> Cluster {
    let mut builder = Cluster::builder().node("node-1").node("node-2");
    for image in ["app:v1", "app:v2"] {
        builder = builder.image(image, ImageBehaviour::new().start(SECOND));
    }
    let mut cluster = builder.build();
    cluster.set_propagation(ProxyDelay::fixed(SECOND));
    for image in ["app:v1", "app:v2"] {
        let app = App { behaviour: behaviour.clone(), listens_after: None };
        cluster.set_app(image, app).expect("such an application can be");
    }
    let service = service("web", "type: NodePort, selector: {app: web}, ports: [{port: 80}]");
    cluster.apply(&(deployment(replicas, "{}", PLAIN) + &service)).expect("the manifest is valid");
    cluster.run_for(30 * SECOND);
    cluster
}

fn serving(service_time: ServiceTime) -> AppBehaviour {
    AppBehaviour { service_time, stop: StopBehaviour::ExitsAtOnce, ..AppBehaviour::default() }
}

fn send(cluster: &mut Cluster, load: Load, change: impl Fn(Source) -> Source) -> SourceId {
    scene::send(cluster, "node-1", load, change)
}

fn report_of(cluster: &mut Cluster, load: Load, span: Duration) -> Report {
    let source = send(cluster, load, |source| source);
    cluster.run_for(span);
    cluster.traffic_report_of(source)
}

#[test]
fn fifty_clients_send_ten_thousand_requests_and_stop() {
    let mut cluster = cluster(2, &serving(ServiceTime::Fixed(SECOND / 50)));
    let load = Load::Closed { clients: 50, requests: Some(10_000), think: Duration::ZERO };
    let report = report_of(&mut cluster, load, 60 * SECOND);
    assert_eq!((report.sent(), report.answered(), report.in_flight()), (10_000, 10_000, 0));
    // Fifty at a time, a fiftieth of a second each: 2,500 a second for four seconds.
    assert_eq!(report.seconds().values().map(|second| second.sent).max(), Some(2_500));
    assert!((4..=5).contains(&report.seconds().len()), "{report}");
}

#[test]
fn a_shell_loop_calls_every_half_second_after_its_answer() {
    let mut cluster = cluster(2, &serving(ServiceTime::Fixed(SECOND / 10)));
    let report = report_of(&mut cluster, Load::curl_loop(SECOND / 2), 60 * SECOND);
    // One each 0.6 s, from the first instant to the last.
    assert_eq!(report.sent(), 101);
}

#[test]
fn a_profile_is_followed_and_a_recorded_series_is_replayed() {
    let mut cluster = cluster(2, &AppBehaviour::default());
    let rate = RateProfile::constant(Rate::per_second(10)).then(10 * SECOND, Rate::per_second(50)).until(20 * SECOND);
    let load = Load::Open { rate, spacing: Spacing::Even };
    let report = report_of(&mut cluster, load, 30 * SECOND);
    let sent: Vec<u64> = report.seconds().values().map(|second| second.sent).collect();
    // The last one comes at the instant at which the rate ends.
    assert_eq!((sent[3], sent[15], sent.len(), report.sent()), (10, 50, 21, 601));
    let times: Arc<[Duration]> = [0, 500, 500, 2_250].map(Duration::from_millis).into();
    let began = cluster.now();
    let source = send(&mut cluster, Load::Replayed(times), Source::keep_outcomes);
    cluster.run_for(10 * SECOND);
    let sent: Vec<Duration> = cluster
        .take_outcomes()
        .iter()
        .filter(|outcome| outcome.source == source)
        .map(|outcome| outcome.sent.since(began))
        .collect();
    assert_eq!(sent, [0, 500, 500, 2_250].map(Duration::from_millis));
}

#[test]
fn percentiles_are_those_of_the_service_times() {
    let (least, most) = (Duration::ZERO, SECOND / 10);
    let mut cluster = cluster(3, &serving(ServiceTime::Uniform { least, most }));
    let load = Load::Open { rate: RateProfile::constant(Rate::per_second(500)), spacing: Spacing::Poisson };
    let report = report_of(&mut cluster, load, 60 * SECOND);
    for (per_cent, seconds) in [(50, 0.05), (95, 0.095), (99, 0.099)] {
        let got = report.latencies().percentile(per_cent).expect("there are answers").as_secs_f64();
        assert!((got - seconds).abs() < 0.003, "p{per_cent}: {got}");
    }
    assert!(report.to_string().contains("latency p50"), "{report}");
}

fn counts(balancing: Balancing, load: Load) -> Vec<u64> {
    let mut cluster = cluster(4, &serving(ServiceTime::Fixed(SECOND / 10)));
    cluster.set_balancing(balancing);
    let report = report_of(&mut cluster, load, 60 * SECOND);
    report.expect_no_request_lost();
    report.answered_by_pod().values().copied().collect()
}

#[test]
fn turns_and_the_fewest_connections_are_even_and_chance_is_not() {
    let load = || open(20);
    let spread = |counts: &[u64]| counts.iter().max().zip(counts.iter().min()).map(|(most, least)| most - least);
    assert!(spread(&counts(Balancing::RoundRobin, load())) <= Some(1));
    assert!(spread(&counts(Balancing::LeastConnections, load())) <= Some(4));
    let random = counts(Balancing::Random, load());
    assert!(spread(&random) > Some(4), "{random:?}");
    // Five standard deviations of √(1,200 · ¼ · ¾) = 15.
    assert!(random.iter().all(|count| count.abs_diff(300) < 75), "{random:?}");
}

#[test]
fn clients_from_outside_come_by_a_node_and_a_local_policy_refuses_them_where_no_pod_is() {
    let mut cluster = cluster(1, &AppBehaviour::default());
    let local = serde_json::json!({"spec": {"externalTrafficPolicy": "Local"}});
    cluster.patch(Kind::Service, "web", wavetank::PatchKind::Merge, &local).expect("the policy may change");
    cluster.run_for(SECOND);
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let mut by_node = BTreeMap::new();
    for node in ["node-1", "node-2"] {
        let origin = cluster.outside(node).expect("the node is there");
        let source = Source::new(node, origin, target.clone(), Load::curl_loop(SECOND));
        by_node.insert(node, cluster.send(source).expect("such a source can be"));
    }
    cluster.run_for(20 * SECOND);
    let reports: Vec<Report> = by_node.values().map(|source| cluster.traffic_report_of(*source)).collect();
    let lost: Vec<_> = reports.iter().map(Report::lost_by_cause).collect();
    let refused = lost.iter().filter(|lost| lost.keys().eq([&Cause::RefusedByPolicy])).count();
    assert_eq!((refused, lost.iter().filter(|lost| lost.is_empty()).count()), (1, 1), "{lost:?}");
}

#[test]
fn affinity_keeps_each_client_with_one_pod() {
    let mut cluster = cluster(4, &AppBehaviour::default());
    let sticky = serde_json::json!({"spec": {"sessionAffinity": "ClientIP"}});
    cluster.patch(Kind::Service, "web", wavetank::PatchKind::Merge, &sticky).expect("the affinity may change");
    cluster.run_for(SECOND);
    let load = open(20);
    let source = send(&mut cluster, load, |source| source);
    cluster.run_for(60 * SECOND);
    assert_eq!(cluster.traffic_report_of(source).answered_by_pod().len(), 1);
}

#[test]
fn the_report_names_causes_pods_seconds_and_windows_of_a_rollout() {
    let mut cluster = cluster(2, &serving(ServiceTime::Fixed(SECOND / 50)));
    let load = open(100);
    let source = send(&mut cluster, load, |source| source);
    cluster.run_for(10 * SECOND);
    cluster.set_image("web", "*", "app:v2", None).expect("the Deployment is there");
    cluster.run_for(60 * SECOND);
    let report = cluster.traffic_report_of(source);
    assert!(report.lost() > 0);
    let sums = [
        report.lost_by_cause().values().sum::<u64>(),
        report.lost_by_pod().values().sum(),
        report.lost_by_second().values().sum(),
        report.lost_by_window().values().sum(),
    ];
    assert!(sums.iter().all(|sum| *sum == report.lost()), "{sums:?}\n{report}");
    assert_eq!(report.lost_by_pod().len(), 2, "each old pod lost its own");
    assert_eq!(report.lost_by_window().into_keys().collect::<Vec<_>>(), [Window::Stopping]);
    for (_, pod, _, losses) in report.losses() {
        let times = report.pod_times(pod.expect("it was sent to a pod")).expect("it is told of pods that lost");
        let (stopped, updated) = (times.asked_to_stop.expect("it was"), times.last_update.expect("it did"));
        assert!(losses.first >= stopped && losses.last <= updated, "{report}");
    }
    let text = report.to_string();
    for words in ["between SIGTERM and the last proxy's update", "refused: already stopped", "v2:", "latency p50"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let shares = report.shares_of("v2");
    assert!(shares.values().next().is_some_and(|share| share.part == 0));
    assert!(shares.values().last().is_some_and(|share| share.part == share.whole));
    report.share_of("v2").between(0.5, 1.0);
}
