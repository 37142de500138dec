//! The requests of an autoscaler take time, conflict and are made again; its queue goes by names.

use core::time::Duration;
use serde_json::json;
use wavetank::verbs::own_kinds::OwnKind;
use wavetank::{Cluster, Error, Happening, Kind, PatchKind, Profile, Time};
use wavetank_metrics::{Curve, Group, Share, Usage};
use wavetank_model::Selector;

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'web:1', resources: {requests: {cpu: 200m}}}]}
";

const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
";

/// A Deployment whose pods together use 600 thousandths of a core: six pods are wanted.
fn loaded(profile: Profile) -> Cluster {
    let mut cluster = Cluster::builder().profile(profile).build();
    cluster.create(DEPLOYMENT).unwrap();
    let group = Group { namespace: "default".into(), selector: Selector::parse("app=web").unwrap() };
    let usage = Usage::of_resource(group, "cpu", Share::AmongReady, Curve::Constant(600));
    cluster.change_metrics(|metrics| metrics.add_usage(usage));
    cluster.run_for(Duration::from_secs(60));
    cluster
}

fn replicas(cluster: &Cluster) -> i32 {
    cluster.deployment("web").unwrap().spec.replicas
}

/// Lets time pass until the first pass begins; when that is.
fn at_the_first_pass(cluster: &mut Cluster) -> Time {
    cluster.run_until(|cluster| cluster.counters().horizontal_passes == 1, Duration::from_secs(30)).unwrap()
}

/// Reasons and messages of the autoscaler's events.
fn events(cluster: &Cluster) -> Vec<String> {
    let entries = cluster.history().iter();
    entries
        .filter_map(|entry| {
            let Happening::Event { about, event, .. } = &entry.what else { return None };
            (&*about.kind == "HorizontalPodAutoscaler").then(|| format!("{} {}", event.reason, event.message))
        })
        .collect()
}

const RESCALED: &str =
    "SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target";

#[test]
fn a_pass_reads_the_scale_and_the_metric_and_writes_the_scale_and_then_the_status() {
    let mut cluster = loaded(Profile::default());
    cluster.create(AUTOSCALER).unwrap();
    let began = at_the_first_pass(&mut cluster);
    let after = |millis: i64| began.offset(millis * 1_000_000);
    // Two reads of 2 ms, and the write of the scale takes 5 ms.
    cluster.run_before(after(9));
    assert_eq!(replicas(&cluster), 1);
    cluster.run_for(Duration::from_millis(1));
    assert_eq!(replicas(&cluster), 4);
    assert_eq!(events(&cluster), [RESCALED]);
    // The status follows 5 ms later.
    let has_status = |cluster: &Cluster| cluster.horizontal_pod_autoscaler("web").unwrap().status.last_scale_time;
    cluster.run_before(after(14));
    assert_eq!(has_status(&cluster), None);
    cluster.run_for(Duration::from_millis(1));
    assert_eq!(has_status(&cluster), Some(began.floor_second()));
}

#[test]
fn a_target_that_changes_under_the_pass_makes_its_write_conflict_and_be_made_again() {
    let mut cluster = loaded(Profile::default());
    cluster.create(AUTOSCALER).unwrap();
    let began = at_the_first_pass(&mut cluster);
    let after = |millis: i64| began.offset(millis * 1_000_000);
    cluster.run_before(after(6));
    cluster
        .patch(Kind::Deployment, "web", PatchKind::Merge, &json!({"metadata": {"annotations": {"by": "hand"}}}))
        .unwrap();
    cluster.run_before(after(20));
    assert_eq!(replicas(&cluster), 1);
    assert_eq!(events(&cluster), [] as [&str; 0]);
    // 10 ms of patience, a read and a write.
    cluster.run_before(after(27));
    assert_eq!(replicas(&cluster), 4);
    assert_eq!(events(&cluster), [RESCALED]);
    assert_eq!(cluster.deployment("web").unwrap().meta.annotations.get("by"), Some("hand"));
}

#[test]
fn an_autoscaler_that_is_edited_under_its_pass_is_not_overwritten() {
    let mut cluster = loaded(Profile::default());
    cluster.create(AUTOSCALER).unwrap();
    let began = at_the_first_pass(&mut cluster);
    cluster.run_before(began.offset(10_000_000));
    let edit = json!({"spec": {"maxReplicas": 20}});
    cluster.patch(Kind::HorizontalPodAutoscaler, "web", PatchKind::Merge, &edit).unwrap();
    cluster.run_for(Duration::from_millis(50));
    let words = "FailedUpdateStatus Operation cannot be fulfilled on horizontalpodautoscalers.autoscaling \"web\": \
                 the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!(events(&cluster), [RESCALED, words]);
    // The next pass writes it.
    cluster.run_for(Duration::from_secs(15));
    let autoscaler = cluster.horizontal_pod_autoscaler("web").unwrap();
    assert_eq!((autoscaler.spec.max_replicas, autoscaler.status.conditions.is_empty()), (20, false));
}

#[test]
fn an_autoscaler_made_again_before_its_pass_keeps_the_time_of_the_pass() {
    let mut cluster = loaded(Profile::instant());
    cluster.create(AUTOSCALER).unwrap();
    let made = cluster.now();
    cluster.run_for(Duration::from_secs(14));
    cluster.delete(Kind::HorizontalPodAutoscaler, "web", wavetank::Propagation::Background).unwrap();
    cluster.create(AUTOSCALER).unwrap();
    assert_eq!(at_the_first_pass(&mut cluster), made + Duration::from_secs(15));
    assert_eq!(replicas(&cluster), 4);

    // One whose deletion a pass has met begins anew.
    cluster.delete(Kind::HorizontalPodAutoscaler, "web", wavetank::Propagation::Background).unwrap();
    cluster.run_for(Duration::from_secs(20));
    cluster.create(AUTOSCALER).unwrap();
    let (made, before) = (cluster.now(), cluster.counters().horizontal_passes);
    let passed = |cluster: &Cluster| cluster.counters().horizontal_passes > before;
    assert_eq!(cluster.run_until(passed, Duration::from_secs(30)).unwrap(), made + Duration::from_secs(15));
}

#[test]
fn a_snapshot_in_the_middle_of_a_pass_goes_on_with_it() {
    let mut cluster = loaded(Profile::default());
    cluster.create(AUTOSCALER).unwrap();
    let began = at_the_first_pass(&mut cluster);
    cluster.run_before(began.offset(6_000_000));
    let mut restored = Cluster::restore(&cluster.snapshot().unwrap()).unwrap();
    for cluster in [&mut cluster, &mut restored] {
        cluster.run_for(Duration::from_secs(120));
    }
    assert_eq!(restored.digest(), cluster.digest());
    assert!(replicas(&restored) > 1);
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fleets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Fleet, plural: fleets, singular: fleet}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.members, statusReplicasPath: .status.members, labelSelectorPath: .status.selector}
---
apiVersion: example.com/v1
kind: Fleet
metadata: {name: blue}
spec: {members: 1, image: 'member:1'}
";

/// Keeps a ReplicaSet for each fleet.
fn sail(cluster: &mut Cluster, fleet: &serde_json::Value) -> Result<(), Error> {
    let name = fleet["metadata"]["name"].as_str().unwrap_or_default();
    let container = json!({
        "name": "member", "image": fleet["spec"]["image"], "resources": {"requests": {"cpu": "200m"}},
    });
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name},
        "spec": {
            "replicas": fleet["spec"]["members"], "selector": {"matchLabels": {"fleet": name}},
            "template": {"metadata": {"labels": {"fleet": name}}, "spec": {"containers": [container]}},
        },
    });
    cluster.apply(&set.to_string())?;
    let status = json!({"members": fleet["spec"]["members"], "selector": format!("fleet={name}")});
    cluster.set_own_status("Fleet", name, status)
}

#[test]
fn an_autoscaler_scales_a_kind_of_the_users_own() {
    let mut cluster = Cluster::builder().build();
    let fleet = OwnKind::new("example.com/v1", "Fleet", "fleets");
    cluster.define_kind(fleet, Some(sail));
    let applied = cluster.apply(DEFINITION).unwrap();
    let named: Vec<&str> = applied.iter().map(|applied| applied.object.as_str()).collect();
    assert_eq!(named, ["customresourcedefinition.apiextensions.k8s.io/fleets.example.com", "fleet.example.com/blue"]);
    let autoscaler = AUTOSCALER.replace(
        "apiVersion: apps/v1, kind: Deployment, name: web",
        "apiVersion: example.com/v1, kind: Fleet, name: blue",
    );
    cluster.apply(&autoscaler).unwrap();
    let group = Group { namespace: "default".into(), selector: Selector::parse("fleet=blue").unwrap() };
    let usage = Usage::of_resource(group, "cpu", Share::AmongReady, Curve::Constant(600));
    cluster.change_metrics(|metrics| metrics.add_usage(usage));
    cluster.run_for(Duration::from_secs(180));
    assert_eq!(cluster.own_object("Fleet", "blue").unwrap()["spec"]["members"], 6);
    assert_eq!(cluster.replica_set("blue").unwrap().status.ready_replicas, 6);
    let status = cluster.horizontal_pod_autoscaler("web").unwrap();
    assert_eq!(&*status.status.condition("AbleToScale").unwrap().reason, "ReadyForNewScale");

    cluster.delete_own("Fleet", "blue").unwrap();
    cluster.run_for(Duration::from_secs(30));
    let words = "FailedGetScale fleets.example.com \"blue\" not found";
    assert_eq!(events(&cluster).last().map(String::as_str), Some(words));
}

#[test]
fn a_kind_without_a_scale_or_without_a_definition_is_none_that_could_be_scaled() {
    let mut cluster = Cluster::builder().build();
    let unknown = cluster.apply("{apiVersion: example.com/v1, kind: Fleet, metadata: {name: blue}}");
    assert!(unknown.is_err());
    cluster.define_kind(OwnKind::new("example.com/v1", "Fleet", "fleets"), None);
    let made = "{apiVersion: example.com/v1, kind: Fleet, metadata: {name: blue}, spec: {members: 1}}";
    cluster.create(made).unwrap();
    assert_eq!(cluster.create(made).unwrap_err().to_string(), "fleets.example.com \"blue\" already exists");
    let refused = cluster.scale_own("Fleet", "blue", 3);
    assert_eq!(refused.unwrap_err().to_string(), "the server could not find the requested resource");
}
