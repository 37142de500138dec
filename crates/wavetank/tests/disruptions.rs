//! Evictions and drains against PodDisruptionBudgets.

use core::time::Duration;
use wavetank::{Cluster, Error, ImageBehaviour, Kind};

const MINUTE: Duration = Duration::from_secs(60);

fn web(replicas: u32) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  strategy: {{rollingUpdate: {{maxSurge: 0, maxUnavailable: 1}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'web:1'}}]}}
"
    )
}

fn budget(what: &str) -> String {
    format!(
        "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec:
  {what}
  selector: {{matchLabels: {{app: web}}}}
"
    )
}

/// A cluster with two nodes, a settled Deployment of four pods and a budget.
fn settled(what: &str) -> Cluster {
    let slow = ImageBehaviour::default().ready_after(Duration::from_secs(20));
    let mut cluster = Cluster::builder().node("a").node("b").image("web:1", slow.clone()).image("web:2", slow).build();
    cluster.apply(&web(4)).expect("it is valid");
    cluster.apply(&budget(what)).expect("it is valid");
    cluster.run_until(|cluster| cluster.is_complete("web"), 5 * MINUTE).expect("it becomes complete");
    cluster.run_for(Duration::from_secs(5));
    cluster
}

fn allowed(cluster: &Cluster) -> i64 {
    cluster.json(Kind::PodDisruptionBudget, "web").expect("it is there")["status"]["disruptionsAllowed"]
        .as_i64()
        .expect("it is a number")
}

fn available(cluster: &Cluster) -> i32 {
    cluster.deployment("web").expect("it is there").status.available_replicas
}

#[test]
fn a_budget_allows_what_is_spare_and_an_eviction_takes_one_away() {
    let mut cluster = settled("minAvailable: 3");
    assert_eq!(allowed(&cluster), 1);
    let pods = cluster.names(Kind::Pod, None);
    cluster.evict(&pods[0]).expect("one may go");
    assert_eq!(allowed(&cluster), 0);
    let Err(Error::Refused(refusal)) = cluster.evict(&pods[1]) else { panic!("no second one may go") };
    assert_eq!(refusal.reason.code(), 429);
    assert_eq!(&*refusal.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert_eq!(&*refusal.causes[0].message, "The disruption budget web needs 3 healthy pods and has 4 currently");
    cluster.run_for(2 * MINUTE);
    assert_eq!(allowed(&cluster), 1);
}

#[test]
fn a_drain_moves_all_pods_and_never_goes_below_the_budget() {
    let mut cluster = settled("maxUnavailable: 1");
    let least = std::sync::Arc::new(std::sync::atomic::AtomicI32::new(i32::MAX));
    let seen = std::sync::Arc::clone(&least);
    cluster.subscribe(move |entry| {
        if let wavetank::Happening::Change(wavetank::Change::Deployment { new: Some(new), .. }) = &entry.what {
            seen.fetch_min(new.status.available_replicas, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let drained = cluster.drain("a", 10 * MINUTE).expect("the node is there");
    assert_eq!(drained.evicted.len(), 2);
    assert!(!drained.refused.is_empty(), "the second pod waits until the first is replaced");
    assert_eq!(drained.left, []);
    cluster.run_for(MINUTE);
    assert_eq!(available(&cluster), 4);
    assert_eq!(least.load(std::sync::atomic::Ordering::Relaxed), 3);
    for pod in cluster.list(Kind::Pod, &wavetank::ListOptions::default()).expect("pods can be listed") {
        assert_eq!(pod["spec"]["nodeName"], "b");
    }
}

/// kubernetes#66811: an eviction in the middle of a rollout counts the pods that the rollout has down.
#[test]
fn a_drain_during_a_rollout_waits_for_the_pod_that_the_rollout_has_down() {
    let mut cluster = settled("maxUnavailable: 1");
    cluster.set_image("web", "web", "web:2", None).expect("the container is there");
    cluster.run_for(Duration::from_secs(3));
    assert_eq!(available(&cluster), 3, "the rollout has one pod down");
    let pods = cluster.names(Kind::Pod, None);
    let ready = pods.iter().find(|pod| {
        let pod = cluster.json(Kind::Pod, pod).expect("it is there");
        pod["status"]["conditions"].as_array().is_some_and(|conditions| {
            conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
    });
    assert!(cluster.evict(ready.expect("three are ready")).is_err());
    let drained = cluster.drain("a", 20 * MINUTE).expect("the node is there");
    assert_eq!(drained.left, []);
    cluster.run_until(|cluster| cluster.is_complete("web"), 20 * MINUTE).expect("it becomes complete");
}

#[test]
fn two_budgets_over_one_pod_are_refused_and_a_pod_without_budget_goes_at_once() {
    let mut cluster = settled("maxUnavailable: 1");
    cluster.apply(&budget("minAvailable: 1").replace("{name: web}", "{name: second}")).expect("it is valid");
    let pods = cluster.names(Kind::Pod, None);
    let refusal = cluster.evict(&pods[0]).expect_err("two budgets cover it");
    assert!(refusal.to_string().starts_with("This pod has more than one PodDisruptionBudget"));
    for name in ["web", "second"] {
        cluster.delete(Kind::PodDisruptionBudget, name, wavetank::Propagation::Background).expect("it is there");
    }
    cluster.evict(&pods[0]).expect("nothing forbids it");
}

#[test]
fn a_cordoned_node_gets_no_pods_until_it_is_uncordoned() {
    let mut cluster = Cluster::builder().node("a").node("b").build();
    cluster.cordon("a", true).expect("the node is there");
    cluster.apply(&web(4)).expect("it is valid");
    cluster.run_for(MINUTE);
    let on = |cluster: &Cluster, node: &str| {
        let all = cluster.list(Kind::Pod, &wavetank::ListOptions::default()).expect("pods can be listed");
        all.iter().filter(|pod| pod["spec"]["nodeName"] == node).count()
    };
    assert_eq!((on(&cluster, "a"), on(&cluster, "b")), (0, 4));
    cluster.cordon("a", false).expect("the node is there");
    cluster.scale("web", 6).expect("it is there");
    cluster.run_for(MINUTE);
    assert!(on(&cluster, "a") > 0);
}
