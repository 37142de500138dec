//! What users of real clusters have reported, reproduced: each test shows what v1.36 does, and why.

use core::time::Duration;
use serde_json::Value;
use wavetank::{Cluster, ImageBehaviour, Kind, ListOptions};

const MINUTE: Duration = Duration::from_secs(60);

fn deployment(replicas: u32, strategy: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  strategy: {{rollingUpdate: {{{strategy}}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 120
      containers: [{{name: web, image: 'web:1'}}]
"
    )
}

fn settled(behaviour: &ImageBehaviour, replicas: u32, strategy: &str) -> Cluster {
    let mut cluster = Cluster::builder().image("web:1", behaviour.clone()).image("web:2", behaviour.clone()).build();
    cluster.apply(&deployment(replicas, strategy)).expect("it is valid");
    cluster.run_until(|cluster| cluster.is_complete("web"), 10 * MINUTE).expect("it becomes complete");
    cluster
}

fn pods(cluster: &Cluster) -> Vec<Value> {
    cluster.list(Kind::Pod, &ListOptions::default()).expect("pods can be listed")
}

fn names(cluster: &Cluster) -> Vec<String> {
    cluster.names(Kind::Pod, None)
}

/// kubernetes#95498: pods that are being deleted count neither as replicas nor against maxSurge, so that
/// with slow shutdowns far more pods run than the Deployment's numbers say.
#[test]
fn terminating_pods_do_not_count_against_the_surge() {
    let slow = ImageBehaviour::new().start(Duration::from_secs(1)).shutdown(Duration::from_secs(100));
    let mut cluster = settled(&slow, 4, "maxSurge: 1, maxUnavailable: 0");
    cluster.set_image("web", "web", "web:2", None).expect("the container is there");
    let (mut most, mut most_living, mut most_terminating) = (0, 0, 0);
    while !cluster.is_complete("web") && cluster.step() {
        let all = pods(&cluster);
        let terminating = all.iter().filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null()).count();
        most = most.max(all.len());
        most_living = most_living.max(all.len() - terminating);
        most_terminating = most_terminating
            .max(cluster.deployment("web").expect("it is there").status.terminating_replicas.unwrap_or_default());
    }
    assert_eq!(most_living, 5, "replicas + maxSurge holds for the others");
    assert_eq!(most, 8, "all four old pods are still there when the new ones are");
    assert!(most_terminating >= 3, "only status.terminatingReplicas tells: {most_terminating}");
}

/// kubernetes#45509: which pod a scale-down takes cannot be chosen but by its deletion cost.
#[test]
fn a_scale_down_takes_the_youngest_pod_unless_another_costs_less() {
    let quick = ImageBehaviour::new().start(Duration::from_secs(1));
    let mut cluster = settled(&quick, 3, "maxSurge: 1, maxUnavailable: 1");
    let old = names(&cluster);
    cluster.run_for(20 * MINUTE);
    cluster.scale("web", 4).expect("it is there");
    cluster.run_for(MINUTE);
    let mut fork = cluster.clone();
    fork.scale("web", 3).expect("it is there");
    fork.run_for(5 * MINUTE);
    assert_eq!(names(&fork), old, "the youngest went");

    let chosen = &old[0];
    let cost = "controller.kubernetes.io/pod-deletion-cost";
    cluster.annotate(Kind::Pod, chosen, cost, Some("-1")).expect("it is there");
    cluster.scale("web", 3).expect("it is there");
    cluster.run_for(5 * MINUTE);
    assert!(!names(&cluster).contains(chosen), "the cheapest went");
}
