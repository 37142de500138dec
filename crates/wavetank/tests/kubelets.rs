//! Stories of pods on their nodes: probes, restarts, what is shown, and what goes wrong.

use core::time::Duration;
use serde_json::Value;
use wavetank::{Cluster, ClusterBuilder, Happening, ImageBehaviour, Kind, Profile, Time};

const WEB: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 10
  containers:
  - name: web
    image: web:1
    livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5, failureThreshold: 2}
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5, failureThreshold: 1}
";

const PLAIN: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: [{name: app, image: 'app:1'}]}\n";

fn cluster(manifest: &str, behaviour: ImageBehaviour) -> Cluster {
    let mut cluster = Cluster::builder().profile(Profile::instant()).other_images(behaviour).build();
    cluster.create(manifest).expect("the manifest is well");
    cluster
}

fn status(cluster: &Cluster, pod: &str) -> Value {
    cluster.json(Kind::Pod, pod).expect("the pod is there")["status"].take()
}

fn is_ready(cluster: &Cluster, pod: &str) -> bool {
    let status = status(cluster, pod);
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn waiting(cluster: &Cluster, pod: &str) -> String {
    status(cluster, pod)["containerStatuses"][0]["state"]["waiting"]["reason"].as_str().unwrap_or_default().to_owned()
}

/// Reasons of the events about a pod, in order.
fn reasons(cluster: &Cluster) -> Vec<String> {
    let events = cluster.history().iter().filter_map(|entry| match &entry.what {
        Happening::Event { about, event, .. } if &*about.kind == "Pod" => Some(event.reason.to_string()),
        Happening::Change(_) | Happening::Event { .. } | _ => None,
    });
    events.collect()
}

#[test]
fn a_plain_pod_is_shown_with_its_whole_status() {
    let behaviour = ImageBehaviour::new().pull(Duration::from_secs(2)).start(Duration::from_secs(1));
    let mut cluster = cluster(PLAIN, behaviour);
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(waiting(&cluster, "plain"), "ContainerCreating");
    cluster.run_for(Duration::from_secs(9));
    let status = status(&cluster, "plain");
    assert_eq!((&status["phase"], &status["qosClass"]), (&Value::from("Running"), &Value::from("BestEffort")));
    assert!(status["podIP"].is_string() && status["hostIP"].is_string() && status["startTime"].is_string());
    let container = &status["containerStatuses"][0];
    assert_eq!((&container["ready"], &container["started"]), (&Value::Bool(true), &Value::Bool(true)));
    assert!(container["state"]["running"]["startedAt"].is_string(), "{container}");
    let kinds: Vec<&str> =
        status["conditions"].as_array().unwrap().iter().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!(kinds, ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]);
    assert_eq!(reasons(&cluster), ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);
}

#[test]
fn a_crashing_container_is_held_back_and_says_so() {
    let mut cluster = cluster(PLAIN, ImageBehaviour::new().crashes_after(Duration::from_secs(3)));
    cluster.run_for(Duration::from_secs(30));
    let status = status(&cluster, "plain");
    let container = &status["containerStatuses"][0];
    assert_eq!(container["restartCount"], 2);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    // The exit itself is shown until the pod is looked at again, a minute later.
    cluster.run_for(Duration::from_secs(120));
    assert_eq!(waiting(&cluster, "plain"), "CrashLoopBackOff");
    assert!(reasons(&cluster).iter().any(|reason| reason == "BackOff"));
}

#[test]
fn what_a_container_leaves_in_its_termination_log_is_shown_with_its_exit() {
    let behaviour =
        ImageBehaviour::new().exits_after(Duration::from_secs(3), 2).times(1).termination_message("no licence");
    let mut cluster = cluster(PLAIN, behaviour);
    cluster.run_for(Duration::from_secs(30));
    let ended = status(&cluster, "plain")["containerStatuses"][0]["lastState"]["terminated"].clone();
    assert_eq!((&ended["exitCode"], &ended["message"]), (&Value::from(2), &Value::from("no licence")));
    // A process that is killed has no time to write.
    cluster.kill_container("plain", "app").unwrap();
    cluster.run_for(Duration::from_secs(30));
    let ended = status(&cluster, "plain")["containerStatuses"][0]["lastState"]["terminated"].clone();
    assert_eq!((&ended["exitCode"], &ended["message"]), (&Value::from(137), &Value::Null));
}

#[test]
fn an_image_that_cannot_be_fetched_is_shown_as_such() {
    let mut cluster = cluster(PLAIN, ImageBehaviour::new().fails_to_pull());
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(waiting(&cluster, "plain"), "ErrImagePull");
    cluster.run_for(Duration::from_secs(6));
    assert_eq!(waiting(&cluster, "plain"), "ImagePullBackOff");
}

#[test]
fn a_killed_process_is_restarted_and_the_pod_is_ready_again_at_its_next_probe() {
    for manifest in [WEB, PLAIN] {
        let (pod, container) = if manifest == WEB { ("web", "web") } else { ("plain", "app") };
        let mut cluster = cluster(manifest, ImageBehaviour::new().start(Duration::from_secs(1)));
        cluster.run_for(Duration::from_secs(20));
        assert!(is_ready(&cluster, pod));
        cluster.kill_container(pod, container).unwrap();
        assert!(!is_ready(&cluster, pod), "{pod}");
        cluster.run_for(Duration::from_secs(10));
        assert!(is_ready(&cluster, pod), "{pod}");
        assert_eq!(status(&cluster, pod)["containerStatuses"][0]["restartCount"], 1);
        assert!(cluster.kill_container(pod, "nobody").is_err());
    }
}

#[test]
fn a_process_that_exits_well_has_done_its_work_where_only_failures_are_restarted() {
    let manifest = PLAIN.replace("spec: {", "spec: {restartPolicy: OnFailure, ");
    let mut cluster = cluster(&manifest, ImageBehaviour::new());
    cluster.run_for(Duration::from_secs(20));
    cluster.exit_container("plain", "app", 1).unwrap();
    cluster.run_for(Duration::from_secs(20));
    assert_eq!(status(&cluster, "plain")["phase"], "Running");
    cluster.exit_container("plain", "app", 0).unwrap();
    cluster.run_for(Duration::from_secs(20));
    let status = status(&cluster, "plain");
    assert_eq!((&status["phase"], &status["containerStatuses"][0]["restartCount"]), (&"Succeeded".into(), &1.into()));
    assert!(cluster.exit_container("plain", "app", 0).is_err(), "nothing runs any more");
}

#[test]
fn one_container_can_behave_otherwise_than_its_image() {
    let mut cluster = cluster(&PLAIN.replace("plain", "sick"), ImageBehaviour::new());
    cluster.create(PLAIN).unwrap();
    cluster.run_for(Duration::from_secs(20));
    cluster
        .set_container_behaviour("sick", "app", ImageBehaviour::new().crashes_after(Duration::from_secs(1)))
        .unwrap();
    // Both are restarted; only one finds what makes it crash again.
    for pod in ["sick", "plain"] {
        cluster.kill_container(pod, "app").unwrap();
    }
    cluster.run_for(Duration::from_secs(60));
    let restarts = |pod| status(&cluster, pod)["containerStatuses"][0]["restartCount"].as_i64();
    assert_eq!((restarts("sick"), restarts("plain")), (Some(3), Some(1)));
    assert!(cluster.set_container_behaviour("sick", "nobody", ImageBehaviour::new()).is_err());
}

#[test]
fn kubelets_can_be_told_to_restart_sooner() {
    let restarts = |builder: ClusterBuilder| {
        let crashing = ImageBehaviour::new().crashes_after(Duration::from_secs(1));
        let mut cluster = builder.profile(Profile::instant()).other_images(crashing).build();
        cluster.create(PLAIN).unwrap();
        cluster.run_for(Duration::from_secs(600));
        status(&cluster, "plain")["containerStatuses"][0]["restartCount"].as_i64().unwrap_or_default()
    };
    let few = restarts(Cluster::builder());
    let many = restarts(Cluster::builder().max_container_restart_period(Duration::from_secs(10)));
    assert!(few <= 7 && many >= 50, "{few} and {many}");
}

#[test]
fn a_hung_container_is_restarted_by_its_liveness_probe() {
    let mut cluster = cluster(WEB, ImageBehaviour::new());
    cluster.run_for(Duration::from_secs(20));
    cluster.hang_container("web", "web").unwrap();
    cluster.run_for(Duration::from_secs(8));
    assert!(!is_ready(&cluster, "web"));
    cluster.run_for(Duration::from_secs(30));
    assert!(is_ready(&cluster, "web"));
    assert_eq!(status(&cluster, "web")["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 137);
    let reasons = reasons(&cluster);
    assert!(reasons.contains(&"Unhealthy".to_owned()) && reasons.contains(&"Killing".to_owned()), "{reasons:?}");
}

#[test]
fn a_dependency_that_is_down_makes_pods_unready_without_restarts() {
    use wavetank::Health;
    let (from, until) = (Time::from_seconds(100), Time::from_seconds(160));
    let mut cluster = cluster(WEB, ImageBehaviour::new().health_between(from, until, Health::Unready));
    cluster.run_for(Duration::from_secs(99));
    assert!(is_ready(&cluster, "web"));
    cluster.run_for(Duration::from_secs(7));
    assert!(!is_ready(&cluster, "web"));
    cluster.run_for(Duration::from_secs(60));
    assert!(is_ready(&cluster, "web"));
    assert_eq!(status(&cluster, "web")["containerStatuses"][0]["restartCount"], 0);
}

#[test]
fn nothing_is_pending_for_a_pod_that_stays_well() {
    let mut cluster = cluster(WEB, ImageBehaviour::new());
    cluster.run_for(Duration::from_secs(60));
    let events = cluster.counters().events;
    cluster.run_for(Duration::from_secs(3600));
    assert_eq!(cluster.counters().events, events);
}

#[test]
fn a_pod_with_a_hook_goes_when_its_grace_is_over_and_a_snapshot_goes_on_alike() {
    let hook = WEB.replace("image: web:1", "image: web:1\n    lifecycle: {preStop: {sleep: {seconds: 4}}}");
    let mut cluster = cluster(&hook, ImageBehaviour::new().ignores_sigterm());
    cluster.run_for(Duration::from_secs(20));
    cluster.delete(Kind::Pod, "web", wavetank::Propagation::Background).unwrap();
    cluster.run_for(Duration::from_millis(9_900));
    let mut copy = Cluster::restore(&cluster.snapshot().unwrap()).unwrap();
    for cluster in [&mut cluster, &mut copy] {
        assert!(cluster.json(Kind::Pod, "web").is_ok());
        cluster.run_for(Duration::from_millis(200));
        assert!(cluster.json(Kind::Pod, "web").is_err());
    }
    assert_eq!(cluster.digest(), copy.digest());
}

#[test]
fn pods_of_an_unreachable_node_are_evicted_after_five_minutes_and_go_when_it_is_back() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).node("a").build();
    cluster.create(PLAIN).unwrap();
    cluster.run_for(Duration::from_secs(20));
    cluster.partition_node("a").unwrap();
    cluster.run_for(Duration::from_secs(49));
    assert!(is_ready(&cluster, "plain"));
    cluster.run_for(Duration::from_secs(2));
    assert!(!is_ready(&cluster, "plain"));
    let node = cluster.json(Kind::Node, "a").unwrap();
    assert_eq!(node["spec"]["taints"][0]["key"], "node.kubernetes.io/unreachable");
    assert_eq!(node["status"]["conditions"][0]["status"], "Unknown");
    cluster.run_for(Duration::from_secs(300));
    assert!(cluster.json(Kind::Pod, "plain").unwrap()["metadata"]["deletionTimestamp"].is_string());
    cluster.run_for(Duration::from_secs(300));
    assert!(cluster.json(Kind::Pod, "plain").is_ok(), "nobody can say that it has stopped");
    cluster.restore_node("a").unwrap();
    cluster.run_for(Duration::from_secs(40));
    assert!(cluster.json(Kind::Pod, "plain").is_err());
    assert!(cluster.json(Kind::Node, "a").unwrap()["spec"]["taints"].is_null());
}

#[test]
fn pods_of_a_node_that_is_back_in_time_are_ready_again() {
    let mut cluster = Cluster::builder().profile(Profile::instant()).node("a").build();
    cluster.create(PLAIN).unwrap();
    cluster.run_for(Duration::from_secs(20));
    cluster.lose_node("a").unwrap();
    cluster.run_for(Duration::from_secs(100));
    assert!(!is_ready(&cluster, "plain"));
    cluster.restore_node("a").unwrap();
    cluster.run_for(Duration::from_secs(400));
    assert!(is_ready(&cluster, "plain"));
    assert_eq!(status(&cluster, "plain")["containerStatuses"][0]["restartCount"], 1);
}
