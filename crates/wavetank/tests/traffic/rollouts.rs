//! The tutorials with somebody who calls: blue/green, canaries, rolling updates, self-healing.

use super::scene::{self, MINUTE, SECOND, deployment, open, service};
use std::time::Duration;
use wavetank::{
    App, AppBehaviour, Cause, Cluster, Ended, ImageBehaviour, KeepAlive, Kind, Load, PatchKind, ProxyDelay, Report,
    ServiceTime, Source, SourceId, StopBehaviour, Time, Window,
};

fn set(name: &str, version: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  minReadySeconds: 3
  selector: {{matchLabels: {{app: demoapp, version: {version}}}}}
  template:
    metadata: {{labels: {{app: demoapp, version: {version}}}}}
    spec:
      containers:
      - {{name: demo, image: 'demoapp:{version}', readinessProbe: {{httpGet: {{path: /readyz, port: 80}}}}}}
---
"
    )
}

const PROBED: &str =
    "containers: [{name: app, image: 'app:v1.0', readinessProbe: {httpGet: {path: /readyz, port: 80}}}]";

/// A cluster in which starting takes two seconds, serving 20 ms.
fn cluster(propagation: Duration, stop: StopBehaviour, manifests: &[&str]) -> Cluster {
    let mut builder = Cluster::builder().node("node-1").node("node-2");
    for image in ["app:v1.0", "app:v1.1", "demoapp:v1.0", "demoapp:v1.1"] {
        // Whoever drains takes a second for it.
        let shutdown = if stop == StopBehaviour::Drains { SECOND } else { Duration::ZERO };
        let image_behaviour = ImageBehaviour::new().start(2 * SECOND).ready_after(SECOND).shutdown(shutdown);
        builder = builder.image(image, image_behaviour);
    }
    let mut cluster = builder.build();
    cluster.set_propagation(ProxyDelay::fixed(propagation));
    for image in ["app:v1.0", "app:v1.1", "demoapp:v1.0", "demoapp:v1.1"] {
        let behaviour = AppBehaviour {
            service_time: ServiceTime::Fixed(Duration::from_millis(20)),
            stop,
            ..AppBehaviour::default()
        };
        cluster.set_app(image, App { behaviour, listens_after: None }).expect("such an application can be");
    }
    for manifest in manifests {
        cluster.apply(manifest).expect("the manifest is valid");
    }
    cluster.run_for(MINUTE);
    cluster
}

fn send(cluster: &mut Cluster, node: &str, load: Load) -> SourceId {
    scene::send(cluster, node, load, Source::keep_outcomes)
}

/// Answers since this was asked last: to whom, when the request was sent, and by which version.
fn answers(cluster: &mut Cluster) -> Vec<(SourceId, Time, String)> {
    let outcomes = cluster.take_outcomes();
    let version = |how| match how {
        Ended::Answered { version, .. } => Some(version.to_string()),
        Ended::Lost { .. } => None,
    };
    outcomes.into_iter().filter_map(|outcome| Some((outcome.source, outcome.sent, version(outcome.how)?))).collect()
}

#[test]
fn a_blue_green_switch_moves_all_traffic_at_one_instant_for_each_proxy() {
    let sets = [set("replicaset-demo", "v1.0", 2), set("replicaset-demo-v1.1", "v1.1", 2)].concat();
    let stable = service("web", "selector: {app: demoapp, version: v1.0}, ports: [{port: 80}]");
    let mut cluster = cluster(Duration::from_millis(700), StopBehaviour::Drains, &[&sets, &stable]);
    cluster.set_proxy_delay("node-2", Duration::from_millis(1_900)).expect("the node is there");
    let near = send(&mut cluster, "node-1", Load::curl_loop(SECOND / 2));
    let far = send(&mut cluster, "node-2", open(20));
    cluster.run_for(MINUTE);
    // The new pods are ready for a minute, and nobody asks them.
    cluster.traffic_report().share_of("v1.0").between(1.0, 1.0);
    drop(answers(&mut cluster));
    let switched = cluster.now();
    cluster
        .apply(&service("web", "selector: {app: demoapp, version: v1.1}, ports: [{port: 80}]"))
        .expect("the selector may change");
    cluster.run_for(10 * SECOND);
    let answers = answers(&mut cluster);
    for (source, delay) in [(near, 700), (far, 1_900)] {
        let times = |wanted: &str| {
            let of = answers.iter().filter(|(of, _, version)| *of == source && version == wanted);
            of.map(|(_, at, _)| *at).collect::<Vec<_>>()
        };
        let (last_old, first_new) = (times("v1.0").into_iter().max(), times("v1.1").into_iter().min());
        let (last_old, first_new) = (last_old.expect("before"), first_new.expect("after"));
        assert!(last_old < first_new, "no way back");
        // The slice is written a few milliseconds after the Service, and then the proxy takes its time.
        let learned = switched + Duration::from_millis(delay);
        assert!(last_old < learned + SECOND / 20 && first_new + SECOND > learned, "{last_old:?} {first_new:?}");
    }
    cluster.traffic_report().expect_no_request_lost();
}

#[test]
fn a_manual_roll_gives_each_version_its_part_of_the_pods() {
    let sets = [set("old", "v1.0", 4), set("new", "v1.1", 0)].concat();
    let mut cluster = cluster(
        SECOND / 5,
        StopBehaviour::Drains,
        &[&sets, &service("web", "selector: {app: demoapp}, ports: [{port: 80}]")],
    );
    cluster
        .patch(Kind::ReplicaSet, "new", PatchKind::Merge, &serde_json::json!({"spec": {"replicas": 1}}))
        .expect("it");
    cluster.run_for(30 * SECOND);
    let source = send(&mut cluster, "node-1", open(100));
    cluster.run_for(100 * SECOND);
    // One of five: 10,000 requests, five standard deviations of 40.
    cluster.traffic_report_of(source).share_of("v1.1").between(0.18, 0.22);
}

#[test]
fn a_paused_canary_of_five_gets_a_fifth_and_undo_takes_it_away() {
    let web = deployment(4, "{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", PROBED);
    let mut cluster = cluster(
        SECOND / 5,
        StopBehaviour::Drains,
        &[&web, &service("web", "selector: {app: web}, ports: [{port: 80}]")],
    );
    cluster.set_image("web", "*", "app:v1.1", None).expect("the Deployment is there");
    cluster.run_for(SECOND / 10);
    cluster.pause("web").expect("it runs");
    cluster.run_for(MINUTE);
    let slices = cluster.list(Kind::EndpointSlice, &Default::default()).expect("slices can be listed");
    assert_eq!(slices[0]["endpoints"].as_array().map(Vec::len), Some(5));
    let endpoints = cluster.json(Kind::Endpoints, "web").expect("a Service with a selector has them");
    assert_eq!(endpoints["subsets"][0]["addresses"].as_array().map(Vec::len), Some(5));
    assert_eq!(cluster.names(Kind::Endpoints, None), ["default/web"]);
    let canary = send(&mut cluster, "node-1", open(200));
    cluster.run_for(50 * SECOND);
    // A fifth of 10,000, five standard deviations of 40.
    cluster.traffic_report_of(canary).share_of("v1.1").between(0.18, 0.22);
    cluster.stop_sending(canary);
    cluster.resume("web").expect("it is paused");
    cluster.undo("web", 0).expect("there is an earlier revision");
    cluster.run_for(MINUTE);
    let after = send(&mut cluster, "node-2", open(50));
    cluster.run_for(10 * SECOND);
    cluster.traffic_report_of(after).share_of("v1.0").between(1.0, 1.0);
}

#[test]
fn an_ingress_gives_a_canary_its_per_cent() {
    let ingress = |name: &str, service: &str, annotations: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, annotations: {annotations}}}
spec:
  rules:
  - host: shop.example.org
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}
---
"
        )
    };
    let second = service("next", "selector: {app: demoapp, version: v1.1}, ports: [{port: 80}]");
    let sets = [set("old", "v1.0", 2), set("new", "v1.1", 1)].concat();
    let weight = "{nginx.ingress.kubernetes.io/canary: 'true', nginx.ingress.kubernetes.io/canary-weight: '1'}";
    let rules = [ingress("main", "web", "{}"), ingress("canary", "next", weight)].concat();
    let first = service("web", "selector: {app: demoapp, version: v1.0}, ports: [{port: 80}]");
    let mut cluster = cluster(SECOND / 5, StopBehaviour::Drains, &[&sets, &first, &second, &rules]);
    let target = cluster.ingress_target("main", "shop.example.org", "/cart").expect("the Ingress is there");
    let origin = cluster.outside("node-1").expect("the node is there");
    let source = cluster.send(Source::new("shoppers", origin, target, open(500))).expect("such a source can be");
    cluster.run_for(100 * SECOND);
    let report = cluster.traffic_report_of(source);
    // One per cent of 50,000: 500, five standard deviations of 22.
    report.share_of("v1.1").between(0.0078, 0.0122);
    report.expect_no_request_lost();
}

#[test]
fn a_killed_process_sends_every_answer_to_the_other_pod_until_it_is_ready_again() {
    let web = deployment(2, "{}", PROBED);
    let mut cluster = cluster(
        SECOND / 5,
        StopBehaviour::Drains,
        &[&web, &service("web", "selector: {app: web}, ports: [{port: 80}]")],
    );
    let source = send(&mut cluster, "node-1", Load::curl_loop(SECOND));
    cluster.run_for(30 * SECOND);
    let pods = cluster.list(Kind::Pod, &Default::default()).expect("pods can be listed");
    let name = pods[0]["metadata"]["name"].as_str().expect("a pod has a name").to_owned();
    let killed = cluster.pod_key(&name).expect("the pod is there");
    let before = cluster.requests_of(killed).1;
    assert!(before > 5, "both pods had their part");
    cluster.kill_container(&name, "app").expect("the pod is there");
    cluster.run_for(2 * SECOND);
    assert_eq!(cluster.requests_of(killed).1, before);
    cluster.run_for(MINUTE);
    assert!(cluster.requests_of(killed).1 > before + 10, "it shares the traffic again");
    let pod = cluster.json(Kind::Pod, &name).expect("the pod is there");
    assert_eq!(pod.pointer("/status/containerStatuses/0/restartCount").and_then(|count| count.as_u64()), Some(1));
    let report = cluster.traffic_report_of(source);
    let windows: Vec<_> = report.lost_by_window().into_keys().collect();
    assert!(windows.iter().all(|window| matches!(window, Window::Crashed | Window::Starting)), "{report}");
}

fn rolled(propagation: Duration, stop: StopBehaviour, pod: &str, source: impl Fn(Source) -> Source) -> Report {
    let web = deployment(4, "{}", pod);
    let mut cluster = cluster(propagation, stop, &[&web, &service("web", "selector: {app: web}, ports: [{port: 80}]")]);
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let origin = cluster.inside("node-1").expect("the node is there");
    cluster.send(source(Source::new("client", origin, target, open(200)))).expect("such a source can be");
    cluster.run_for(10 * SECOND);
    cluster.set_image("web", "*", "app:v1.1", None).expect("the Deployment is there");
    cluster.run_for(2 * MINUTE);
    cluster.traffic_report()
}

#[test]
fn a_rolling_update_loses_what_comes_between_sigterm_and_the_last_proxy() {
    let report = rolled(SECOND, StopBehaviour::ExitsAtOnce, PROBED, |source| source);
    let causes: Vec<_> = report.lost_by_cause().into_keys().collect();
    assert!(causes.contains(&Cause::RefusedStopped), "{report}");
    assert_eq!(report.lost_by_window().into_keys().collect::<Vec<_>>(), [Window::Stopping], "{report}");
    // Four pods, each a quarter of 200 a second for a second.
    assert!((150..=260).contains(&report.lost()), "{report}");
    let shares: Vec<f64> = report.shares_of("v1.0").values().map(|share| share.value()).collect();
    assert_eq!((shares.first(), shares.last()), (Some(&1.0), Some(&0.0)));
}

#[test]
fn a_pre_stop_sleep_longer_than_the_propagation_loses_nothing() {
    let sleeping = PROBED.replace("app:v1.0', ", "app:v1.0', lifecycle: {preStop: {sleep: {seconds: 2}}}, ");
    rolled(SECOND, StopBehaviour::ExitsAtOnce, &sleeping, |source| source).expect_no_request_lost();
    let report = rolled(3 * SECOND, StopBehaviour::ExitsAtOnce, &sleeping, |source| source);
    assert!(report.lost() > 0, "two seconds are shorter than three");
}

#[test]
fn kept_connections_stay_with_a_pod_until_it_is_gone() {
    let sleeping = PROBED.replace("app:v1.0', ", "app:v1.0', lifecycle: {preStop: {sleep: {seconds: 5}}}, ");
    let keep = |source: Source| source.keep_alive(KeepAlive::connections(8));
    let report = rolled(SECOND, StopBehaviour::ExitsAtOnce, &sleeping, keep);
    assert_eq!(report.lost_by_cause().into_keys().collect::<Vec<_>>(), [Cause::Reset], "{report}");
    // At most one request in flight for each connection and pod.
    assert!(report.lost() <= 16, "{report}");
    rolled(SECOND, StopBehaviour::Drains, &sleeping, keep).expect_no_request_lost();
}

#[test]
fn a_cluster_with_traffic_can_be_kept_and_brought_back() {
    let web = deployment(2, "{}", PROBED);
    let mut cluster = cluster(
        SECOND,
        StopBehaviour::ExitsAtOnce,
        &[&web, &service("web", "selector: {app: web}, ports: [{port: 80}]")],
    );
    send(&mut cluster, "node-1", open(50));
    cluster.run_for(5 * SECOND);
    cluster.set_image("web", "*", "app:v1.1", None).expect("the Deployment is there");
    cluster.run_for(2 * SECOND);
    let bytes = cluster.snapshot().expect("a cluster can be kept");
    let mut restored = Cluster::restore(&bytes).expect("and brought back");
    cluster.run_for(MINUTE);
    restored.run_for(MINUTE);
    assert_eq!(cluster.traffic_report(), restored.traffic_report());
    assert!(cluster.traffic_report().lost() > 0);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let mut cluster =
        cluster(SECOND, StopBehaviour::Drains, &[&service("web", "selector: {app: web}, ports: [{port: 80}]")]);
    let refused = |error: wavetank::Error| error.to_string();
    assert!(refused(cluster.service_target("web", "81").unwrap_err()).contains("spec.ports: no port 81"));
    assert!(refused(cluster.service_target("nobody", "80").unwrap_err()).contains("not found"));
    assert!(refused(cluster.inside("nowhere").unwrap_err()).contains("not found"));
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let origin = cluster.inside("node-1").expect("the node is there");
    let source = Source::new("nobody", origin, target, open(1)).clients(0);
    assert!(refused(cluster.send(source).unwrap_err()).contains("sources[nobody].clients"));
}
