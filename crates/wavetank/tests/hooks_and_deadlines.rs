//! Stories of hooks, of stop signals, and of pods that may be active only for so long.

use core::time::Duration;
use serde_json::Value;
use wavetank::{Cluster, Happening, ImageBehaviour, Kind, Profile, Propagation};

const HOOKED: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 10
  containers:
  - name: web
    image: web:1
    lifecycle: {postStart: {exec: {command: [warm, up]}}}
  - {name: log, image: 'log:1'}
";

fn cluster(manifest: &str, behaviour: ImageBehaviour) -> Cluster {
    let mut cluster = Cluster::builder().profile(Profile::instant()).other_images(behaviour).build();
    cluster.create(manifest).expect("the manifest is well");
    cluster
}

fn run(cluster: &mut Cluster, seconds: u64) {
    cluster.run_for(Duration::from_secs(seconds));
}

fn status(cluster: &Cluster) -> Value {
    cluster.json(Kind::Pod, "web").expect("the pod is there")["status"].take()
}

/// The state of a container, such as `running`, and the reason for it.
fn state(cluster: &Cluster, container: &str) -> String {
    let status = status(cluster);
    let all = status["containerStatuses"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|one| one["name"] == container).expect("the container is there");
    let (name, state) = found["state"].as_object().expect("a state").iter().next().expect("one state");
    format!("{name} {}", state["reason"].as_str().unwrap_or_default()).trim_end().to_owned()
}

fn events(cluster: &Cluster) -> Vec<String> {
    let events = cluster.history().iter().filter_map(|entry| match &entry.what {
        Happening::Event { about, event, .. } if &*about.kind == "Pod" => {
            Some(format!("{} {}", event.reason, event.message))
        }
        Happening::Change(_) | Happening::Event { .. } | _ => None,
    });
    events.collect()
}

#[test]
fn a_container_is_being_created_until_its_post_start_hook_is_done_and_the_next_waits_for_it() {
    let mut cluster = cluster(HOOKED, ImageBehaviour::new().hook(Duration::from_secs(5)));
    run(&mut cluster, 4);
    assert_eq!(state(&cluster, "web"), "waiting ContainerCreating");
    assert_eq!(status(&cluster)["phase"], "Pending");
    assert_eq!(events(&cluster).iter().filter(|event| event.starts_with("Started")).count(), 1);
    run(&mut cluster, 2);
    assert_eq!((state(&cluster, "web"), state(&cluster, "log")), ("running".to_owned(), "running".to_owned()));
    assert_eq!(status(&cluster)["phase"], "Running");
}

#[test]
fn a_container_whose_post_start_hook_fails_is_stopped_and_started_again_with_a_back_off() {
    let behaviour = ImageBehaviour::new().hook(Duration::from_secs(2)).hook_exits_with(3);
    let mut cluster = cluster(HOOKED, behaviour.exits_on_sigterm_with(143));
    run(&mut cluster, 3);
    let shown = status(&cluster);
    let web = &shown["containerStatuses"][1];
    assert_eq!(web["name"], "web");
    assert_eq!(web["lastState"]["terminated"]["exitCode"], 143);
    let events = events(&cluster);
    assert!(events.contains(&"FailedPostStartHook PostStartHook failed".to_owned()), "{events:?}");
    assert!(events.contains(&"Killing FailedPostStartHook".to_owned()), "{events:?}");
    // The second try is free, after it the container is held back for 10 seconds from its exit.
    run(&mut cluster, 4);
    assert_eq!(state(&cluster, "web"), "waiting PostStartHookError");
    let shown = status(&cluster);
    let message = shown["containerStatuses"][1]["state"]["waiting"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        message.starts_with("Exec lifecycle hook ([warm up]) for Container \"web\" in Pod \"web_default("),
        "{message}"
    );
    assert!(message.ends_with("failed - error: command 'warm up' exited with 3: , message: \"\""), "{message}");
    run(&mut cluster, 60);
    assert!(status(&cluster)["containerStatuses"][1]["restartCount"].as_u64() >= Some(2));
}

#[test]
fn a_request_of_a_hook_fails_while_nobody_listens() {
    let manifest = HOOKED.replace("exec: {command: [warm, up]}", "httpGet: {path: /warm, port: 80}");
    let mut late = cluster(&manifest, ImageBehaviour::new().ready_after(Duration::from_secs(1)));
    run(&mut late, 1);
    assert!(events(&late).contains(&"FailedPostStartHook PostStartHook failed".to_owned()));
    let mut early = cluster(&manifest, ImageBehaviour::new());
    run(&mut early, 1);
    assert_eq!(state(&early, "web"), "running");
}

#[test]
fn a_hook_that_fails_before_a_stop_is_told_and_the_stop_goes_on() {
    let manifest = HOOKED.replace("postStart", "preStop");
    let mut cluster = cluster(&manifest, ImageBehaviour::new().hook(Duration::from_secs(2)).hook_exits_with(1));
    run(&mut cluster, 5);
    cluster.delete(Kind::Pod, "web", Propagation::Background).unwrap();
    run(&mut cluster, 3);
    assert!(cluster.json(Kind::Pod, "web").is_err());
    assert!(events(&cluster).contains(&"FailedPreStopHook PreStopHook failed".to_owned()));
}

#[test]
fn a_pod_past_its_deadline_fails_once_its_containers_have_stopped() {
    let manifest = HOOKED.replace("spec:\n", "spec:\n  activeDeadlineSeconds: 30\n");
    let behaviour = ImageBehaviour::new().shutdown(Duration::from_secs(4)).exits_on_sigterm_with(143);
    let mut cluster = cluster(&manifest, behaviour);
    run(&mut cluster, 29);
    assert_eq!(status(&cluster)["phase"], "Running");
    run(&mut cluster, 3);
    let shown = status(&cluster);
    assert_eq!((&shown["phase"], &shown["reason"]), (&Value::from("Running"), &Value::Null));
    let ready = shown["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&Value::from("False"), &Value::from("PodFailed")));
    run(&mut cluster, 3);
    let shown = status(&cluster);
    assert_eq!((&shown["phase"], &shown["reason"]), (&Value::from("Failed"), &Value::from("DeadlineExceeded")));
    assert_eq!(shown["message"], "Pod was active on the node longer than the specified deadline");
    assert_eq!(state(&cluster, "web"), "terminated Error");
    let events = events(&cluster);
    assert!(events.iter().any(|event| event.starts_with("DeadlineExceeded ")), "{events:?}");
    // It has ended for good: nothing is started again.
    run(&mut cluster, 600);
    assert_eq!(status(&cluster)["phase"], "Failed");
}

#[test]
fn a_deadline_ends_a_pod_that_never_got_its_image() {
    let manifest = HOOKED.replace("spec:\n", "spec:\n  activeDeadlineSeconds: 60\n");
    let mut cluster = cluster(&manifest, ImageBehaviour::new().fails_to_pull());
    run(&mut cluster, 61);
    assert_eq!(status(&cluster)["reason"], "DeadlineExceeded");
}

#[test]
fn a_stop_signal_that_kills_leaves_no_time_to_stop() {
    let manifest = HOOKED.replace("postStart: {exec: {command: [warm, up]}}", "stopSignal: SIGKILL");
    let manifest = manifest.replace("spec:\n", "spec:\n  os: {name: linux}\n");
    let behaviour = ImageBehaviour::new().shutdown(Duration::from_secs(8));
    let mut cluster = Cluster::builder().profile(Profile::instant()).image("web:1", behaviour).build();
    cluster.create(&manifest).unwrap();
    run(&mut cluster, 5);
    cluster.delete(Kind::Pod, "web", Propagation::Background).unwrap();
    run(&mut cluster, 1);
    assert!(cluster.json(Kind::Pod, "web").is_err());
}
