//! Stories of pods that no node takes, and of pods whose readiness others decide too.

use core::time::Duration;
use serde_json::{Value, json};
use wavetank::{Cluster, ConditionStatus, Happening, Kind, PatchKind, Profile};
use wavetank_model::StringMap;

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {disk: ssd}
      containers: [{name: web, image: 'web:1'}]
";

const GATED: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  readinessGates: [{conditionType: example.com/a}, {conditionType: example.com/b}]
  containers: [{name: web, image: 'web:1', ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

fn seconds(cluster: &mut Cluster, count: u64) {
    cluster.run_for(Duration::from_secs(count));
}

fn condition(cluster: &Cluster, pod: &str, kind: &str) -> Value {
    let pod = cluster.json(Kind::Pod, pod).expect("the pod is there");
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|one| one["type"] == kind).unwrap_or_default()
}

fn failures(cluster: &Cluster) -> Vec<String> {
    let events = cluster.history().iter().filter_map(|entry| match &entry.what {
        Happening::Event { event, .. } if &*event.reason == "FailedScheduling" => Some(event.message.to_string()),
        Happening::Change(_) | Happening::Event { .. } | _ => None,
    });
    events.collect()
}

fn running(cluster: &Cluster) -> usize {
    let pods = cluster.list(Kind::Pod, &wavetank::ListOptions::default()).unwrap();
    pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count()
}

#[test]
fn pods_that_no_node_takes_say_why_and_are_bound_when_one_does() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).node("a").node("b").node("c").build();
    cluster.cordon("b", true).unwrap();
    let taint = json!({"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}});
    cluster.patch(Kind::Node, "c", PatchKind::Merge, &taint).unwrap();
    cluster.create(PODS).unwrap();
    seconds(&mut cluster, 1);
    let none = "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated \
                taint(s), 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/3 nodes are \
                available: 3 Preemption is not helpful for scheduling.";
    assert_eq!(failures(&cluster), [none, none, none]);
    let name = cluster.names(Kind::Pod, None)[0].clone();
    let scheduled = condition(&cluster, &name, "PodScheduled");
    assert_eq!((&scheduled["status"], &scheduled["reason"]), (&json!("False"), &json!("Unschedulable")));
    assert_eq!(scheduled["message"], none);
    assert_eq!(cluster.json(Kind::Pod, &name).unwrap()["status"]["phase"], "Pending");
    // A node that does not help changes the words in the end, and only them.
    cluster.add_node("d", StringMap::default());
    seconds(&mut cluster, 299);
    assert_eq!(condition(&cluster, &name, "PodScheduled")["message"], none);
    seconds(&mut cluster, 2);
    let told = condition(&cluster, &name, "PodScheduled")["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.starts_with("0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were"), "{told}");
    assert_eq!((failures(&cluster).len(), running(&cluster)), (6, 0));
    // A label that helps does so at once.
    cluster.label(Kind::Node, "a", "disk", Some("ssd")).unwrap();
    seconds(&mut cluster, 1);
    assert_eq!(running(&cluster), 3);
    assert_eq!(condition(&cluster, &name, "PodScheduled")["status"], "True");
    seconds(&mut cluster, 1000);
    let events = cluster.counters().events;
    seconds(&mut cluster, 3600);
    assert_eq!(cluster.counters().events, events, "nothing is tried again once all are bound");
}

#[test]
fn without_nodes_there_are_none_to_try_and_the_first_one_takes_all() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).node("a").build();
    cluster.remove_node("a").unwrap();
    cluster.create(&PODS.replace("nodeSelector: {disk: ssd}", "nodeSelector: {}")).unwrap();
    seconds(&mut cluster, 5);
    assert_eq!(failures(&cluster)[0], "no nodes available to schedule pods");
    let name = cluster.names(Kind::Pod, None)[0].clone();
    cluster.delete(Kind::Pod, &name, wavetank::Propagation::Background).unwrap();
    cluster.add_node("b", StringMap::default());
    seconds(&mut cluster, 5);
    assert_eq!(running(&cluster), 3);
}

#[test]
fn a_cordon_that_is_lifted_and_a_taint_that_is_taken_away_wake_who_waits() {
    for (setup, cure) in [
        (json!({"spec": {"unschedulable": true}}), json!({"spec": {"unschedulable": null}})),
        (json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}), json!({"spec": {"taints": null}})),
    ] {
        let mut cluster = Cluster::builder().profile(Profile::instant()).node("a").build();
        cluster.patch(Kind::Node, "a", PatchKind::Merge, &setup).unwrap();
        cluster.create(&PODS.replace("nodeSelector: {disk: ssd}", "nodeSelector: {}")).unwrap();
        seconds(&mut cluster, 100);
        assert_eq!(running(&cluster), 0);
        let mut copy = Cluster::restore(&cluster.snapshot().unwrap()).unwrap();
        for cluster in [&mut cluster, &mut copy] {
            cluster.patch(Kind::Node, "a", PatchKind::Merge, &cure).unwrap();
            seconds(cluster, 1);
            assert_eq!(running(cluster), 3);
        }
        assert_eq!(cluster.digest(), copy.digest());
    }
}

#[test]
fn a_pod_is_ready_and_an_endpoint_only_once_its_gates_are_open() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).build();
    cluster.create(GATED).unwrap();
    seconds(&mut cluster, 10);
    let ready = condition(&cluster, "web", "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("ReadinessGatesNotReady")));
    let missing = |gate: &str| format!("corresponding condition of pod readiness gate \"{gate}\" does not exist.");
    assert_eq!(ready["message"], format!("{}, {}", missing("example.com/a"), missing("example.com/b")));
    assert_eq!(condition(&cluster, "web", "ContainersReady")["status"], "True");
    cluster.set_pod_condition("web", "example.com/a", ConditionStatus::True, "Fine", "").unwrap();
    let patch = json!({"status": {"conditions": [{"type": "example.com/b", "status": "False"}]}});
    cluster.patch_pod_status("web", PatchKind::Strategic, &patch).unwrap();
    let closed = "the status of pod readiness gate \"example.com/b\" is not \"True\", but False";
    assert_eq!(condition(&cluster, "web", "Ready")["message"], closed);
    let endpoint_ready = |cluster: &mut Cluster| {
        seconds(cluster, 5);
        let slices = cluster.list(Kind::EndpointSlice, &wavetank::ListOptions::default()).unwrap();
        slices[0]["endpoints"][0]["conditions"]["ready"].clone()
    };
    assert_eq!(endpoint_ready(&mut cluster), json!(false));
    let since = condition(&cluster, "web", "example.com/a")["lastTransitionTime"].clone();
    cluster.set_pod_condition("web", "example.com/b", ConditionStatus::True, "", "").unwrap();
    assert_eq!(condition(&cluster, "web", "Ready")["status"], "True");
    assert_eq!(endpoint_ready(&mut cluster), json!(true));
    assert_eq!(condition(&cluster, "web", "example.com/a")["lastTransitionTime"], since);
    cluster.remove_pod_condition("web", "example.com/a").unwrap();
    assert_eq!(condition(&cluster, "web", "Ready")["status"], "False");
    assert_eq!(endpoint_ready(&mut cluster), json!(false));
    for kind in ["Ready", ""] {
        assert!(cluster.set_pod_condition("web", kind, ConditionStatus::True, "", "").is_err());
    }
}

#[test]
fn a_condition_without_a_gate_is_shown_and_changes_nothing() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).build();
    cluster
        .create("{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: a, image: 'a:1'}]}}")
        .unwrap();
    seconds(&mut cluster, 10);
    cluster.set_pod_condition("web", "example.com/seen", ConditionStatus::False, "Why", "because").unwrap();
    assert_eq!(condition(&cluster, "web", "example.com/seen")["message"], "because");
    assert_eq!(condition(&cluster, "web", "Ready")["status"], "True");
}
