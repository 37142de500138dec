//! Stories of autoscalers that go by other metrics than resources: of pods, of objects, from outside; and of
//! those that may take everything away.

use core::time::Duration;
use wavetank::{Cluster, Happening, Kind, Time};
use wavetank_controllers::horizontal::HorizontalConfig;
use wavetank_metrics::{Curve, ExternalSeries, Group, ObjectSeries, Share, Subject, Usage};
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{Selector, StringMap};

const MINUTE: Duration = Duration::from_secs(60);

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'nginx:1.27'}]}
";

fn autoscaler(min: i32, metric: &str) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: {min}
  maxReplicas: 12
  metrics: [{metric}]
"
    )
}

fn cluster(metric: &str) -> Cluster {
    let mut cluster = Cluster::builder().build();
    cluster.create(DEPLOYMENT).unwrap();
    cluster.create(&autoscaler(1, metric)).unwrap();
    cluster
}

fn labels(key: &str, value: &str) -> StringMap {
    StringMap::from_iter([(key, value)])
}

fn with_pods_metric(cluster: &mut Cluster, metric: &str, labels: StringMap, milli: i64) {
    let group = Group { namespace: "default".into(), selector: Selector::parse("app=web").unwrap() };
    let usage = Usage::of_metric(group, metric, Share::EachReady, Curve::Constant(milli));
    let subject = Subject::Custom { metric: metric.into(), labels };
    cluster.change_metrics(|metrics| metrics.add_usage(Usage { subject, ..usage }));
}

fn with_external_metric(cluster: &mut Cluster, queue: &str, curve: Curve) {
    let series = ExternalSeries { metric: "waiting".into(), labels: labels("queue", queue), curve };
    cluster.change_metrics(|metrics| metrics.add_external_series(series));
}

fn with_object_metric(cluster: &mut Cluster, ingress: &str, verb: &str, milli: i64) {
    let object =
        ObjectReference { api_version: "networking.k8s.io/v1".into(), kind: "Ingress".into(), name: ingress.into() };
    let (metric, labels, curve) = ("requests".into(), labels("verb", verb), Curve::Constant(milli));
    let series = ObjectSeries { namespace: "default".into(), object, metric, labels, curve };
    cluster.change_metrics(|metrics| metrics.add_object_series(series));
}

fn replicas(cluster: &Cluster) -> i32 {
    cluster.deployment("web").unwrap().spec.replicas
}

/// What events say about the autoscaler, each text once.
fn words(cluster: &Cluster) -> Vec<String> {
    let mut words = Vec::new();
    for entry in cluster.history().iter() {
        let Happening::Event { about, event, .. } = &entry.what else { continue };
        let text = format!("{} {}", event.reason, event.message);
        if &*about.kind == "HorizontalPodAutoscaler" && !words.contains(&text) {
            words.push(text);
        }
    }
    words
}

fn condition(cluster: &Cluster, kind: &str) -> String {
    let autoscaler = cluster.horizontal_pod_autoscaler("web").unwrap();
    let condition = autoscaler.status.condition(kind).unwrap();
    format!("{:?} {}", condition.status, condition.reason)
}

#[test]
fn the_selector_of_a_pods_metric_picks_among_the_series_of_a_pod() {
    let metric = "{type: Pods, pods: {metric: {name: answers, selector: {matchLabels: {code: '200'}}}, \
                  target: {type: AverageValue, averageValue: '100'}}}";
    let mut cluster = cluster(metric);
    with_pods_metric(&mut cluster, "answers", labels("code", "200"), 150_000);
    with_pods_metric(&mut cluster, "answers", labels("code", "500"), 900_000);
    cluster.run_for(Duration::from_secs(16));
    assert_eq!(replicas(&cluster), 3);
    assert_eq!(words(&cluster), ["SuccessfulRescale New size: 3; reason: pods metric answers above target"]);
    let shown = cluster.json(Kind::HorizontalPodAutoscaler, "web").unwrap();
    assert_eq!(shown["status"]["currentMetrics"][0]["pods"]["current"]["averageValue"], "150");
}

#[test]
fn a_pods_metric_that_no_series_is_of_leaves_everything_as_it_is_and_says_so() {
    let metric = "{type: Pods, pods: {metric: {name: answers, selector: {matchLabels: {code: '404'}}}, \
                  target: {type: AverageValue, averageValue: '100'}}}";
    let mut cluster = cluster(metric);
    with_pods_metric(&mut cluster, "answers", labels("code", "200"), 150_000);
    cluster.run_for(MINUTE);
    assert_eq!(replicas(&cluster), 2);
    assert_eq!(condition(&cluster, "ScalingActive"), "False FailedGetPodsMetric");
    assert!(
        words(&cluster)[0].starts_with("FailedGetPodsMetric unable to get metric answers: "),
        "{:?}",
        words(&cluster)
    );
}

#[test]
fn an_object_metric_is_of_one_object_and_one_series_and_its_total_goes_by_the_ready_pods() {
    let metric = "{type: Object, object: {describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}, \
                  metric: {name: requests, selector: {matchLabels: {verb: GET}}}, target: {type: Value, value: '2'}}}";
    let mut cluster = cluster(metric);
    with_object_metric(&mut cluster, "blog", "GET", 90_000);
    with_object_metric(&mut cluster, "shop", "PUT", 90_000);
    with_object_metric(&mut cluster, "shop", "GET", 4_000);
    cluster.run_for(Duration::from_secs(16));
    // Twice as many as aimed at: each of the two ready pods becomes two.
    assert_eq!(replicas(&cluster), 4);
    assert_eq!(words(&cluster), ["SuccessfulRescale New size: 4; reason: Ingress metric requests above target"]);
}

#[test]
fn an_object_metric_for_each_pod_wants_as_many_as_share_it() {
    let metric = "{type: Object, object: {describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}, \
                  metric: {name: requests}, target: {type: AverageValue, averageValue: '2'}}}";
    let mut cluster = cluster(metric);
    with_object_metric(&mut cluster, "shop", "GET", 9_000);
    cluster.run_for(MINUTE);
    assert_eq!(replicas(&cluster), 5);
    let shown = cluster.json(Kind::HorizontalPodAutoscaler, "web").unwrap();
    assert_eq!(shown["status"]["currentMetrics"][0]["object"]["current"]["averageValue"], "1800m");
}

#[test]
fn an_external_metric_is_the_sum_of_the_series_that_its_selector_picks() {
    let external = |selector: &str| {
        format!(
            "{{type: External, external: {{metric: {{name: waiting{selector}}}, \
             target: {{type: AverageValue, averageValue: '30'}}}}}}"
        )
    };
    for (selector, expected) in [(", selector: {matchLabels: {queue: orders}}", 4), ("", 5)] {
        let mut cluster = cluster(&external(selector));
        with_external_metric(&mut cluster, "orders", Curve::Constant(100_000));
        with_external_metric(&mut cluster, "mails", Curve::Constant(50_000));
        cluster.run_for(MINUTE);
        assert_eq!(replicas(&cluster), expected, "{selector}");
    }
}

const WAITING: &str =
    "{type: External, external: {metric: {name: waiting}, target: {type: AverageValue, averageValue: '30'}}}";

#[test]
fn without_the_gate_nothing_may_be_taken_to_zero() {
    let mut cluster = Cluster::builder().build();
    let refused = cluster.create(&autoscaler(0, WAITING)).unwrap_err().to_string();
    assert!(refused.contains("spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"), "{refused}");
}

#[test]
fn with_the_gate_an_empty_queue_takes_the_last_pod_and_the_next_one_waiting_brings_it_back() {
    let mut cluster = Cluster::builder().build();
    cluster.configure_horizontal(HorizontalConfig { scale_to_zero: true, ..HorizontalConfig::default() });
    let only_pods = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}";
    let refused = cluster.create(&autoscaler(0, only_pods)).unwrap_err().to_string();
    assert!(refused.contains("must specify at least one Object or External metric"), "{refused}");

    cluster.create(DEPLOYMENT).unwrap();
    cluster.create(&autoscaler(0, WAITING)).unwrap();
    let at = Time::from_seconds;
    with_external_metric(&mut cluster, "orders", Curve::steps([(at(0), 60_000), (at(300), 0), (at(1_800), 90_000)]));
    cluster.run_for(5 * MINUTE);
    assert_eq!(replicas(&cluster), 2);
    cluster.run_for(6 * MINUTE);
    assert_eq!(replicas(&cluster), 0);
    assert_eq!(condition(&cluster, "ScaledToZero"), "True ScaledToZero");
    cluster.run_for(20 * MINUTE);
    assert_eq!(replicas(&cluster), 3);
    assert_eq!(condition(&cluster, "ScaledToZero"), "False NotScaledToZero");
}

#[test]
fn what_somebody_else_took_to_zero_stays_there() {
    let mut cluster = Cluster::builder().build();
    cluster.configure_horizontal(HorizontalConfig { scale_to_zero: true, ..HorizontalConfig::default() });
    cluster.create(DEPLOYMENT).unwrap();
    cluster.create(&autoscaler(0, WAITING)).unwrap();
    with_external_metric(&mut cluster, "orders", Curve::Constant(60_000));
    cluster.run_for(MINUTE);
    cluster.scale("web", 0).unwrap();
    cluster.run_for(10 * MINUTE);
    assert_eq!(replicas(&cluster), 0);
    assert_eq!(condition(&cluster, "ScalingActive"), "False ScalingDisabled");
}
