//! Stories of autoscalers: load comes, replicas follow, load goes, and five minutes later they go too.

use core::time::Duration;
use wavetank::{Cluster, Happening, Kind, Load, Propagation, Rate, RateProfile, Source, Spacing, Time};
use wavetank_metrics::{Clock, Curve, Group, Settings, Share, Usage};
use wavetank_model::{ConditionStatus, Selector};

const MINUTE: Duration = Duration::from_secs(60);

fn deployment(name: &str, replicas: i32, requests: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: app
        image: nginx:1.27
        resources: {{requests: {requests}}}
"
    )
}

fn autoscaler(name: &str, resource: &str, percent: i32, (min, max): (i32, i32)) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: {min}
  maxReplicas: {max}
  metrics:
  - type: Resource
    resource:
      name: {resource}
      target: {{type: Utilization, averageUtilization: {percent}}}
"
    )
}

fn group(name: &str) -> Group {
    Group { namespace: "default".into(), selector: Selector::parse(&format!("app={name}")).unwrap() }
}

fn cluster(manifests: &[String]) -> Cluster {
    let mut cluster = Cluster::builder().build();
    for manifest in manifests {
        cluster.create(manifest).unwrap();
    }
    cluster
}

fn with_load(cluster: &mut Cluster, name: &str, resource: &str, share: Share, curve: Curve) {
    let usage = Usage::of_resource(group(name), resource, share, curve);
    cluster.change_metrics(|metrics| metrics.add_usage(usage));
}

fn replicas(cluster: &Cluster, name: &str) -> i32 {
    cluster.deployment(name).unwrap().spec.replicas
}

fn seconds(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

/// Events about an object, with the second of each.
fn events(cluster: &Cluster, kind: &str) -> Vec<(i64, String)> {
    let entries = cluster.history().iter();
    entries
        .filter_map(|entry| {
            let Happening::Event { about, event, .. } = &entry.what else { return None };
            let text = format!("{} {}", event.reason, event.message);
            (&*about.kind == kind).then(|| (entry.time.as_seconds(), text))
        })
        .collect()
}

/// The sizes that an autoscaler gave its target, one after the other.
fn sizes(cluster: &Cluster) -> Vec<String> {
    let rescaled = events(cluster, "HorizontalPodAutoscaler").into_iter();
    rescaled.filter_map(|(_, text)| Some(text.strip_prefix("SuccessfulRescale ")?.to_owned())).collect()
}

#[test]
fn one_pod_at_180_percent_of_70_becomes_three() {
    let mut cluster = cluster(&[deployment("web", 1, "{cpu: 200m}"), autoscaler("web", "cpu", 70, (1, 10))]);
    with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::Constant(360));
    cluster.run_for(3 * MINUTE);
    assert_eq!(replicas(&cluster, "web"), 3);
    assert_eq!(sizes(&cluster), ["New size: 3; reason: cpu resource utilization (percentage of request) above target"]);
}

#[test]
fn a_closed_loop_of_200_takes_one_pod_to_four_eight_and_ten_and_five_minutes_after_it_back_to_one() {
    let mut cluster = cluster(&[deployment("hpa-demo", 1, "{cpu: 50m, memory: 50Mi}")]);
    cluster.create(&autoscaler("hpa-demo", "cpu", 60, (1, 10))).unwrap();
    // A closed loop keeps every pod as busy as it can be, however many there are.
    let busy = Curve::steps([(seconds(0), 0), (seconds(120), 300), (seconds(600), 0)]);
    with_load(&mut cluster, "hpa-demo", "cpu", Share::EachReady, busy);
    cluster.run_for(10 * MINUTE);
    let up =
        |size: i32| format!("New size: {size}; reason: cpu resource utilization (percentage of request) above target");
    assert_eq!(sizes(&cluster), [up(4), up(8), up(10)]);
    let deployed: Vec<String> = events(&cluster, "Deployment").into_iter().map(|(_, text)| text).collect();
    for size in [4, 8, 10] {
        assert!(deployed.iter().any(|text| text.ends_with(&format!("to {size}"))), "{deployed:?}");
    }

    cluster.run_for(4 * MINUTE + Duration::from_secs(45));
    assert_eq!(replicas(&cluster, "hpa-demo"), 10);
    cluster.run_for(MINUTE);
    assert_eq!(replicas(&cluster, "hpa-demo"), 1);
    assert_eq!(sizes(&cluster).last().unwrap(), "New size: 1; reason: All metrics below target");
}

#[test]
fn memory_at_80_percent_of_60_becomes_two_replicas_and_falls_back() {
    let mut cluster =
        cluster(&[deployment("hpa-mem", 1, "{memory: 100Mi}"), autoscaler("hpa-mem", "memory", 60, (1, 5))]);
    let mebi = 1024 * 1024 * 1000;
    let curve = Curve::steps([(seconds(0), 80 * mebi), (seconds(300), 20 * mebi)]);
    with_load(&mut cluster, "hpa-mem", "memory", Share::AmongReady, curve);
    cluster.run_for(5 * MINUTE);
    assert_eq!(replicas(&cluster, "hpa-mem"), 2);
    let shown = cluster.json(Kind::HorizontalPodAutoscaler, "hpa-mem").unwrap();
    assert_eq!(shown["status"]["currentMetrics"][0]["resource"]["current"]["averageValue"], "40Mi");
    cluster.run_for(7 * MINUTE);
    assert_eq!(replicas(&cluster, "hpa-mem"), 1);
}

#[test]
fn an_autoscaler_made_before_its_deployment_warns_and_counts() {
    let mut cluster = cluster(&[autoscaler("web", "cpu", 60, (1, 10))]);
    cluster.run_for(2 * MINUTE + Duration::from_secs(1));
    let warnings = events(&cluster, "HorizontalPodAutoscaler");
    assert_eq!(warnings.len(), 8);
    assert!(
        warnings.iter().all(|(_, text)| text == "FailedGetScale deployments.apps \"web\" not found"),
        "{warnings:?}"
    );
    let status = cluster.horizontal_pod_autoscaler("web").unwrap().status;
    assert_eq!(status.condition("AbleToScale").unwrap().status, ConditionStatus::False);
    cluster.create(&deployment("web", 2, "{cpu: 100m}")).unwrap();
    with_load(&mut cluster, "web", "cpu", Share::Each, Curve::Constant(60));
    cluster.run_for(2 * MINUTE);
    let status = cluster.horizontal_pod_autoscaler("web").unwrap().status;
    assert_eq!(status.condition("AbleToScale").unwrap().status, ConditionStatus::True);
    assert_eq!((status.current_replicas, status.desired_replicas), (2, 2));
}

#[test]
fn without_requests_or_without_metrics_the_condition_says_why_and_nothing_scales() {
    let mut cluster = cluster(&[deployment("web", 2, "{}"), autoscaler("web", "cpu", 60, (1, 10))]);
    with_load(&mut cluster, "web", "cpu", Share::Each, Curve::Constant(500));
    cluster.run_for(3 * MINUTE);
    let message = |cluster: &Cluster| {
        let status = cluster.horizontal_pod_autoscaler("web").unwrap().status;
        let active = status.condition("ScalingActive").unwrap();
        assert_eq!((active.status, &*active.reason), (ConditionStatus::False, "FailedGetResourceMetric"));
        active.message.to_string()
    };
    assert!(message(&cluster).contains("missing request for cpu in container app of Pod web-"));
    cluster.change_metrics(|metrics| metrics.set(Settings { is_installed: false, ..Settings::default() }));
    cluster.run_for(MINUTE);
    assert!(message(&cluster).ends_with("could not find the requested resource (get pods.metrics.k8s.io)"));
    assert_eq!(replicas(&cluster, "web"), 2);
}

#[test]
fn the_rest_of_a_rollout_with_a_constant_load_does_not_run_away() {
    // Reported for older versions (kubernetes/kubernetes#72775): every new pod idles while it starts, its
    // sample was averaged in, and the replicas climbed with each step of a rollout. Since samples of
    // starting pods are left out, and count as idle on the way up, a constant load stays where it is.
    let mut cluster = cluster(&[deployment("web", 6, "{cpu: 100m}"), autoscaler("web", "cpu", 50, (2, 20))]);
    with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::Constant(300));
    cluster.run_for(8 * MINUTE);
    assert_eq!(replicas(&cluster, "web"), 6);
    cluster.set_image("web", "app", "nginx:1.28", None).unwrap();
    for _ in 0..60 {
        cluster.run_for(Duration::from_secs(15));
        let replicas = replicas(&cluster, "web");
        assert!((2..=8).contains(&replicas), "{replicas} at {} s", cluster.now().as_seconds());
    }
    assert_eq!(replicas(&cluster, "web"), 6);
}

#[test]
fn two_clusters_with_one_seed_have_one_history_and_a_fork_goes_the_same_way() {
    let run = || {
        let mut cluster = cluster(&[deployment("web", 2, "{cpu: 100m}"), autoscaler("web", "cpu", 50, (1, 20))]);
        let settings = Settings { missing_per_mille: 200, ..Settings::default() };
        cluster.change_metrics(|metrics| metrics.set(settings));
        with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::daily(0, 1000, 1));
        cluster.run_for(20 * MINUTE);
        let mut fork = cluster.clone();
        cluster.run_for(60 * MINUTE);
        fork.run_for(60 * MINUTE);
        assert_eq!(cluster.digest(), fork.digest());
        cluster
    };
    let (one, other) = (run(), run());
    assert_eq!(one.digest(), other.digest());
    assert!(sizes(&one).len() > 2);
}

#[test]
fn top_shows_what_was_measured_last() {
    let mut cluster = cluster(&[deployment("web", 2, "{cpu: 100m}")]);
    with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::Constant(300));
    with_load(&mut cluster, "web", "memory", Share::Each, Curve::Constant(64 * 1024 * 1024 * 1000));
    cluster.run_for(MINUTE);
    let pods = cluster.pod_metrics(Some("default"), &Selector::default()).unwrap();
    assert_eq!(pods.len(), 2);
    assert_eq!(pods[0]["containers"][0]["usage"], serde_json::json!({"cpu": "150m", "memory": "64Mi"}));
}

#[test]
fn a_snapshot_with_autoscalers_goes_on_as_the_cluster_would() {
    let mut cluster = cluster(&[deployment("web", 2, "{cpu: 100m}"), autoscaler("web", "cpu", 50, (1, 20))]);
    with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::daily(0, 1000, 1));
    cluster.run_for(20 * MINUTE);
    let mut restored = Cluster::restore(&cluster.snapshot().unwrap()).unwrap();
    cluster.run_for(60 * MINUTE);
    restored.run_for(60 * MINUTE);
    assert_eq!(cluster.digest(), restored.digest());
}

#[test]
fn what_passes_keep_for_the_next_ones_makes_no_difference() {
    // A snapshot leaves it out.
    let run = |forgets: bool| {
        let mut cluster = cluster(&[deployment("web", 2, "{cpu: 100m}"), deployment("other", 1, "{cpu: 50m}")]);
        let scaling = autoscaler("web", "cpu", 50, (1, 20));
        cluster.create(&scaling).unwrap();
        with_load(&mut cluster, "web", "cpu", Share::AmongReady, Curve::daily(0, 1000, 1));
        with_load(&mut cluster, "other", "cpu", Share::EachReady, Curve::daily(0, 90, 1));
        let named = |name: &str| scaling.replace("metadata: {name: web}", &format!("metadata: {{name: {name}}}"));
        for minute in 0..60 {
            match minute {
                5 => drop(cluster.create(&named("rival")).unwrap()),
                12 => cluster.delete(Kind::HorizontalPodAutoscaler, "rival", Propagation::Background).unwrap(),
                15 => cluster.set_image("web", "app", "nginx:1.28", None).unwrap(),
                25 => cluster.delete(Kind::Deployment, "web", Propagation::Background).unwrap(),
                30 => drop(cluster.create(&deployment("web", 3, "{cpu: 200m}")).unwrap()),
                40 => {
                    drop(cluster.apply(&scaling.replace("Deployment, name: web", "Deployment, name: other")).unwrap())
                }
                _ => {}
            }
            cluster.run_for(MINUTE);
            if forgets {
                cluster = Cluster::restore(&cluster.snapshot().unwrap()).unwrap();
            }
        }
        cluster
    };
    let (kept, forgotten) = (run(false), run(true));
    assert_eq!(kept.digest(), forgotten.digest());
    let told = events(&kept, "HorizontalPodAutoscaler");
    assert_eq!(told, events(&forgotten, "HorizontalPodAutoscaler"));
    for reason in ["AmbiguousSelector", "FailedGetScale", "SuccessfulRescale"] {
        assert!(told.iter().any(|(_, text)| text.starts_with(reason)), "{reason} in {told:#?}");
    }
    assert!(replicas(&kept, "other") > 1);
}

#[test]
fn load_from_requests_scales_what_serves_them() {
    let mut cluster = cluster(&[deployment("web", 1, "{cpu: 100m}"), autoscaler("web", "cpu", 50, (1, 10))]);
    cluster
        .create(
            "apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
",
        )
        .unwrap();
    // A request keeps a core busy for 4 ms, so 100 a second take 400 thousandths of a core.
    with_load(&mut cluster, "web", "cpu", Share::OfRequests, Curve::Constant(4));
    cluster.run_for(MINUTE);
    let (from, to) = (cluster.inside("node-1").unwrap(), cluster.service_target("web", "80").unwrap());
    let load = Load::Open { rate: RateProfile::constant(Rate::per_second(100)), spacing: Spacing::Even };
    cluster.send(Source::new("client", from, to, load)).unwrap();
    cluster.run_for(10 * MINUTE);
    assert_eq!(replicas(&cluster, "web"), 8);
    assert_eq!(cluster.traffic_report().lost(), 0);
}

#[test]
fn a_container_over_its_memory_limit_is_killed_and_starts_again() {
    let mut cluster = cluster(&[deployment("leaky", 1, "{memory: 50Mi}, limits: {memory: 100Mi}")]);
    let mebi = 1024 * 1024 * 1000;
    let leak = Curve::lines([(seconds(0), 20 * mebi), (seconds(300), 170 * mebi)]);
    let usage = Usage::of_resource(group("leaky"), "memory", Share::Each, leak);
    cluster.change_metrics(|metrics| metrics.add_usage(Usage { clock: Clock::PodAge, ..usage }));
    cluster.run_for(5 * MINUTE);
    let pods = cluster.list(Kind::Pod, &Default::default()).unwrap();
    let container = &pods[0]["status"]["containerStatuses"][0];
    assert!(container["restartCount"].as_i64().unwrap_or_default() > 0, "{container}");
}
