//! The history of a rollout is, event for event, that of a cluster made of plain lists that are scanned.

mod plain;

use plain::{Plain, told};
use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_node::scripted::{Behaviour, Scripted};

const DEADLINE: Duration = Duration::from_secs(1_000_000);

fn manifest(replicas: u32, min_ready_seconds: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  minReadySeconds: {min_ready_seconds}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'app:v1'}}]}}
"
    )
}

fn complete(cluster: &mut Cluster) {
    cluster.run_until(|cluster| cluster.is_complete("web"), DEADLINE).expect("the rollout completes");
}

/// Creates, completes, rolls to a new image: once for real, once plainly.
fn check(replicas: u32, min_ready_seconds: u32, behaviour: Behaviour, nodes: &[&str]) {
    let script = Scripted { schedule_ms: 20, shutdown_ms: 1_000, fallback: behaviour, ..Scripted::default() };
    let builder = Cluster::builder().profile(Profile::instant()).scripted(script.clone()).log(LogLevel::Everything);
    let mut cluster = nodes.iter().fold(builder, |builder, node| builder.node(node)).build();
    cluster.apply(&manifest(replicas, min_ready_seconds)).expect("the manifest is valid");
    let mut plain = Plain::new((**cluster.deployment("web").expect("it was applied")).clone(), script, nodes);

    complete(&mut cluster);
    plain.run_until_complete();
    cluster.set_image("web", "app", "app:v2", None).expect("there is such a container");
    plain.set_spec(cluster.deployment("web").expect("it was applied"));
    complete(&mut cluster);
    plain.run_until_complete();

    let real = told(cluster.history(), cluster.store());
    assert!(real.len() > 2 * usize::try_from(replicas).expect("it fits"), "a rollout has a history");
    for (number, (one, other)) in real.iter().zip(&plain.history).enumerate() {
        assert_eq!(one, other, "event {number} of {}", real.len());
    }
    assert_eq!(real.len(), plain.history.len());
}

#[test]
fn ten_thousand_pods_that_turn_ready_together() {
    let behaviour = Behaviour { start_ms: 980, ready_after_ms: 1_000, ..Behaviour::default() };
    check(10_000, 0, behaviour, &["n1"]);
}

#[test]
fn pods_that_turn_ready_one_by_one() {
    let behaviour = Behaviour { start_ms: 980, ready_after_ms: 1_000, ready_stagger_ms: 130, ..Behaviour::default() };
    check(1_000, 0, behaviour, &["n1"]);
}

#[test]
fn pods_on_several_nodes_that_must_stay_ready_for_a_while() {
    let behaviour = Behaviour { start_ms: 700, start_stagger_ms: 37, ready_after_ms: 400, ..Behaviour::default() };
    check(200, 3, behaviour, &["n1", "n2", "n3", "n4", "n5", "n6", "n7"]);
}
