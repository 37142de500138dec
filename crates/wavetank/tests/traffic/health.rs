//! What probes find, clients find: slow and hung containers, dependencies that are down, leaks, lost nodes.

use super::scene::{self, MINUTE, SECOND, causes, deployment, open, service};
use std::time::Duration;
use wavetank::{
    App, AppBehaviour, Cause, Cluster, Health, ImageBehaviour, ProxyDelay, ServiceTime, SourceId, Time, Window,
};

const PROBED: &str = "containers:
      - name: app
        image: app:v1
        readinessProbe: {httpGet: {path: /readyz, port: 80}, periodSeconds: 5, failureThreshold: 2}
        livenessProbe: {httpGet: {path: /livez, port: 80}, periodSeconds: 10, failureThreshold: 3}";

fn cluster(behaviour: ImageBehaviour) -> Cluster {
    let mut cluster = Cluster::builder().node("node-1").node("node-2").image("app:v1", behaviour).build();
    cluster.set_propagation(ProxyDelay::fixed(SECOND / 5));
    let service = service("web", "selector: {app: web}, ports: [{port: 80}]");
    cluster.apply(&(deployment(2, "{}", PROBED) + &service)).expect("the manifest is valid");
    cluster.run_for(20 * SECOND);
    cluster
}

fn send(cluster: &mut Cluster, node: &str, per_second: u32) -> SourceId {
    scene::send(cluster, node, open(per_second), |source| source.timeout(2 * SECOND).keep_outcomes())
}

fn pods(cluster: &Cluster) -> Vec<String> {
    cluster.names(wavetank::Kind::Pod, None).iter().map(|name| name.trim_start_matches("default/").to_owned()).collect()
}

#[test]
fn a_hung_container_times_requests_out_until_its_probes_take_it_away() {
    let mut cluster = cluster(ImageBehaviour::new());
    let source = send(&mut cluster, "node-1", 20);
    cluster.run_for(10 * SECOND);
    let pod = pods(&cluster).remove(0);
    let hung = cluster.now();
    cluster.hang_container(&pod, "app").expect("it runs");
    cluster.run_for(2 * MINUTE);
    let report = cluster.traffic_report_of(source);
    assert_eq!(causes(&report), [Cause::TimedOutHang], "{report}");
    assert_eq!(report.lost_by_window().into_keys().collect::<Vec<_>>(), [Window::Running], "{report}");
    let last = report.losses().map(|(.., losses)| losses.last).max().expect("some were lost");
    // Two failed probes five seconds apart, the way to the proxies, and the wait of the last request.
    assert!(last < hung + 16 * SECOND, "{report}");
    assert_eq!(report.sent(), report.answered() + report.lost() + report.in_flight());
}

#[test]
fn a_slow_container_answers_later_by_as_much_as_its_probes_find() {
    let mut cluster = cluster(ImageBehaviour::new());
    let source = send(&mut cluster, "node-1", 20);
    let pod = pods(&cluster).remove(0);
    cluster.slow_container(&pod, "app", SECOND / 2).expect("it runs");
    cluster.run_for(MINUTE);
    let report = cluster.traffic_report_of(source);
    report.expect_no_request_lost();
    let latency = |per_cent| report.latencies().percentile(per_cent).expect("there are answers");
    assert_eq!(latency(25), Duration::ZERO);
    // Within the resolution of a bucket.
    assert!((latency(99).as_secs_f64() - 0.5).abs() < 0.01, "{report}");
    cluster.recover_container(&pod, "app").expect("it runs");
    drop(cluster.take_outcomes());
    cluster.run_for(MINUTE);
    assert!(cluster.take_outcomes().iter().skip(40).all(|outcome| outcome.latency().is_zero()));
}

#[test]
fn a_dependency_that_is_down_makes_errors_and_then_no_endpoint() {
    let (from, until) = (Time::from_seconds(60), Time::from_seconds(120));
    let mut cluster = cluster(ImageBehaviour::new().health_between(from, until, Health::Unready));
    let source = send(&mut cluster, "node-1", 20);
    cluster.run_for(3 * MINUTE);
    let report = cluster.traffic_report_of(source);
    assert_eq!(causes(&report), [Cause::NoEndpoint, Cause::ServerError], "{report}");
    let lost: Vec<i64> = report.lost_by_second().into_keys().collect();
    assert!(*lost.first().expect("some were lost") >= 60, "{report}");
    // Ready again at the first probe after the end, and then the way to the proxies.
    assert!(*lost.last().expect("some were lost") <= 126, "{report}");
    let errors = report.losses().filter(|(cause, ..)| *cause == Cause::ServerError);
    assert!(errors.map(|(.., losses)| losses.last).max() < Some(Time::from_seconds(72)), "{report}");
}

#[test]
fn a_deadlock_is_one_for_clients_too_and_the_restart_ends_it() {
    let mut cluster = cluster(ImageBehaviour::new().deadlocks_after(MINUTE));
    let source = send(&mut cluster, "node-1", 20);
    cluster.run_for(3 * MINUTE);
    let report = cluster.traffic_report_of(source);
    let lost = causes(&report);
    assert!(lost.contains(&Cause::TimedOutHang), "{report}");
    assert!(!lost.contains(&Cause::ServerError), "{report}");
    let restarts = cluster.json(wavetank::Kind::Pod, &pods(&cluster)[0]).expect("the pod is there");
    let restarts = restarts.pointer("/status/containerStatuses/0/restartCount").and_then(|count| count.as_u64());
    assert!(restarts >= Some(1), "{restarts:?}");
}

#[test]
fn a_leak_makes_answers_later_and_later() {
    let mut cluster = cluster(ImageBehaviour::new().leaks(10 * SECOND, SECOND / 100));
    send(&mut cluster, "node-1", 10);
    cluster.run_for(100 * SECOND);
    let latencies: Vec<Duration> = cluster.take_outcomes().iter().map(|outcome| outcome.latency()).collect();
    assert!(latencies.is_sorted(), "{latencies:?}");
    let (first, last) = (latencies[0], latencies[latencies.len() - 1]);
    assert!(last >= first + 9 * SECOND / 100, "{first:?} {last:?}");
}

#[test]
fn an_image_without_an_app_serves_as_it_answers_probes_and_one_pod_may_differ() {
    let mut cluster = cluster(ImageBehaviour::new().answers_in(SECOND / 20));
    let source = send(&mut cluster, "node-1", 20);
    cluster.run_for(10 * SECOND);
    let latency = |cluster: &Cluster, per_cent| {
        cluster.traffic_report_of(source).latencies().percentile(per_cent).expect("there are answers").as_secs_f64()
    };
    assert!((latency(&cluster, 100) - 0.05).abs() < 0.001);
    let behaviour = AppBehaviour { service_time: ServiceTime::Fixed(SECOND), ..AppBehaviour::default() };
    let app = App { behaviour, listens_after: None };
    cluster.set_pod_app(&pods(&cluster)[0], app).expect("the pod is there");
    cluster.run_for(MINUTE);
    assert!((latency(&cluster, 99) - 1.0).abs() < 0.02);
    assert!((latency(&cluster, 20) - 0.05).abs() < 0.001);
}

#[test]
fn overload_times_out_and_says_so() {
    let mut cluster = cluster(ImageBehaviour::new());
    let service_time = ServiceTime::Fixed(SECOND / 10);
    let behaviour = AppBehaviour { service_time, capacity: Some(1), ..AppBehaviour::default() };
    // Two pods serve ten a second each.
    cluster.set_app("app:v1", App { behaviour, listens_after: None }).expect("such an application can be");
    let source = send(&mut cluster, "node-1", 40);
    cluster.run_for(MINUTE);
    let report = cluster.traffic_report_of(source);
    assert_eq!(causes(&report), [Cause::TimedOutOverload], "{report}");
}

#[test]
fn nothing_answers_on_a_lost_node_and_nothing_says_so_for_a_while() {
    let mut cluster = cluster(ImageBehaviour::new());
    let source = send(&mut cluster, "node-1", 20);
    cluster.run_for(10 * SECOND);
    let lost_at = cluster.now();
    cluster.lose_node("node-2").expect("the node is there");
    cluster.run_for(2 * MINUTE);
    let report = cluster.traffic_report_of(source);
    assert_eq!(causes(&report), [Cause::TimedOutHang], "{report}");
    let last = report.losses().map(|(.., losses)| losses.last).max().expect("some were lost");
    // Fifty seconds of silence, then the pod is no longer ready; and the wait of the last request.
    assert!(last > lost_at + 45 * SECOND && last < lost_at + 55 * SECOND, "{report}");
}

#[test]
fn the_proxy_of_a_partitioned_node_sends_by_what_it_knew() {
    let mut cluster = cluster(ImageBehaviour::new());
    let (near, far) = (send(&mut cluster, "node-1", 20), send(&mut cluster, "node-2", 20));
    cluster.run_for(10 * SECOND);
    cluster.partition_node("node-2").expect("the node is there");
    let pod = pods(&cluster)
        .into_iter()
        .find(|pod| cluster.json(wavetank::Kind::Pod, pod).expect("it is there")["spec"]["nodeName"] == "node-1")
        .expect("one of two pods is there");
    cluster.delete_pod(&pod, None).expect("the pod is there");
    cluster.run_for(30 * SECOND);
    let (near, far_report) = (cluster.traffic_report_of(near), cluster.traffic_report_of(far));
    assert!(far_report.lost() > 200 && near.lost() < 20, "{near}\n{far_report}");
    assert_eq!(causes(&far_report), [Cause::RefusedStopped], "{far_report}");
    cluster.restore_node("node-2").expect("it is cut off");
    cluster.run_for(SECOND);
    let lost = cluster.traffic_report_of(far).lost();
    cluster.run_for(30 * SECOND);
    assert_eq!(cluster.traffic_report_of(far).lost(), lost, "it has learned what it missed");
}
