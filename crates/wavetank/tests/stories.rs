//! The rollouts that every tutorial tells, end to end.

use std::time::Duration;
use wavetank::error::Error;
use wavetank::history::log::Happening;
use wavetank::{Cluster, ImageBehaviour, Kind, LogLevel, Profile, RolloutStatus};

const MINUTE: Duration = Duration::from_secs(60);

fn manifest(name: &str, replicas: u32, strategy: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  {strategy}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
      - name: app
        image: app:v1
"
    )
}

fn rolled_out(profile: Profile, text: &str) -> Cluster {
    let starting = ImageBehaviour::new().start(Duration::from_secs(1));
    let mut cluster = Cluster::builder().profile(profile).image("app:v2", starting).build();
    let applied = cluster.apply(text).expect("the manifest is valid");
    let name = applied[0].object.strip_prefix("deployment.apps/").expect("it is a Deployment").to_owned();
    cluster.run_until(|cluster| cluster.is_complete(&name), 10 * MINUTE).expect("the first rollout completes");
    cluster
}

/// The Deployment's scaling events, with the sets named by revision.
fn scalings(cluster: &Cluster, name: &str) -> Vec<String> {
    let history = cluster.rollout_history(name).expect("it is there");
    let events = cluster.history().iter().filter_map(|entry| match &entry.what {
        Happening::Event { event, .. } => Some(event),
        Happening::Change(_) | _ => None,
    });
    events
        .filter(|event| &*event.reason == "ScalingReplicaSet")
        .map(|event| event.message.to_string())
        .map(|message| {
            history
                .iter()
                .fold(message, |message, revision| message.replace(&*revision.set, &format!("#{}", revision.number)))
        })
        .collect()
}

fn revisions(cluster: &Cluster, name: &str) -> Vec<(i64, Option<String>)> {
    let history = cluster.rollout_history(name).expect("it is there");
    history.into_iter().map(|revision| (revision.number, revision.change_cause)).collect()
}

fn image(cluster: &Cluster, name: &str) -> String {
    let value = cluster.json(Kind::Deployment, name).expect("it is there");
    value["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn three_replicas_are_replaced_one_by_one() {
    for profile in [Profile::instant(), Profile::default()] {
        let mut cluster = rolled_out(profile, &manifest("nginx", 3, ""));
        cluster.set_image("nginx", "app", "app:v2", None).expect("there is such a container");
        cluster.run_until(|cluster| cluster.is_complete("nginx"), 10 * MINUTE).expect("it rolls out");
        assert_eq!(
            scalings(&cluster, "nginx"),
            [
                "Scaled up replica set #1 from 0 to 3",
                "Scaled up replica set #2 from 0 to 1",
                "Scaled down replica set #1 from 3 to 2",
                "Scaled up replica set #2 from 1 to 2",
                "Scaled down replica set #1 from 2 to 1",
                "Scaled up replica set #2 from 2 to 3",
                "Scaled down replica set #1 from 1 to 0",
            ]
        );
    }
}

#[test]
fn four_replicas_at_a_quarter_each_go_by_twos() {
    let mut cluster = rolled_out(Profile::instant(), &manifest("demo", 4, ""));
    cluster.set_image("demo", "app", "app:v2", None).expect("there is such a container");
    cluster.run_until(|cluster| cluster.is_complete("demo"), 10 * MINUTE).expect("it rolls out");
    assert_eq!(
        scalings(&cluster, "demo")[1..],
        [
            "Scaled up replica set #2 from 0 to 1",
            "Scaled down replica set #1 from 4 to 3",
            "Scaled up replica set #2 from 1 to 2",
            "Scaled down replica set #1 from 3 to 1",
            "Scaled up replica set #2 from 2 to 4",
            "Scaled down replica set #1 from 1 to 0",
        ]
    );
}

#[test]
fn revisions_keep_their_causes_and_undo_renumbers_them() {
    let mut cluster = rolled_out(Profile::instant(), &manifest("demo-rollout", 3, ""));
    for version in ["v2", "v3"] {
        let cause = format!("set image to {version}");
        cluster.set_image("demo-rollout", "app", &format!("app:{version}"), Some(&cause)).expect("it is there");
        cluster.run_until(|cluster| cluster.is_complete("demo-rollout"), 10 * MINUTE).expect("it rolls out");
    }
    let cause = |version: &str| Some(format!("set image to {version}"));
    assert_eq!(revisions(&cluster, "demo-rollout"), [(1, None), (2, cause("v2")), (3, cause("v3"))]);

    assert_eq!(cluster.undo("demo-rollout", 1), Ok(1));
    cluster.run_until(|cluster| cluster.is_complete("demo-rollout"), 10 * MINUTE).expect("it rolls back");
    assert_eq!(image(&cluster, "demo-rollout"), "app:v1");
    assert_eq!(revisions(&cluster, "demo-rollout"), [(2, cause("v2")), (3, cause("v3")), (4, None)]);

    assert_eq!(cluster.undo("demo-rollout", 2), Ok(2));
    cluster.run_until(|cluster| cluster.is_complete("demo-rollout"), 10 * MINUTE).expect("it rolls back");
    assert_eq!(revisions(&cluster, "demo-rollout"), [(3, cause("v3")), (4, None), (5, cause("v2"))]);

    // A plain undo swaps between the last two for ever.
    for number in [4, 5] {
        assert_eq!(cluster.undo("demo-rollout", 0), Ok(number));
        cluster.run_until(|cluster| cluster.is_complete("demo-rollout"), 10 * MINUTE).expect("it rolls back");
    }
    assert_eq!(cluster.undo("demo-rollout", 99), Err(Error::NoRevision(99)));
}

#[test]
fn an_image_that_does_not_exist_stops_the_rollout_and_undo_mends_it() {
    let strategy = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}";
    let mut cluster =
        Cluster::builder().profile(Profile::instant()).image("app:1.91", ImageBehaviour::new().fails_to_pull()).build();
    cluster.apply(&manifest("nginx", 3, strategy)).expect("it is valid");
    cluster.run_until(|cluster| cluster.is_complete("nginx"), 10 * MINUTE).expect("it rolls out");
    cluster.set_image("nginx", "app", "app:1.91", None).expect("it is there");
    cluster.run_for(MINUTE);
    let sets = |cluster: &Cluster| -> Vec<(i32, i32)> {
        let history = cluster.rollout_history("nginx").expect("it is there");
        let set = |name: &str| cluster.replica_set(name).map(|set| (set.status.replicas, set.status.ready_replicas));
        history.iter().map(|revision| set(&revision.set).expect("it is there")).collect()
    };
    assert_eq!(sets(&cluster), [(2, 2), (2, 0)]);
    cluster.run_for(10 * MINUTE);
    assert_eq!(cluster.rollout_status("nginx"), Ok(RolloutStatus::DeadlineExceeded));
    cluster.undo("nginx", 0).expect("there is a revision before");
    cluster.run_until(|cluster| cluster.is_complete("nginx"), 10 * MINUTE).expect("it rolls back");
    assert_eq!(sets(&cluster), [(0, 0), (3, 3)]);
}

#[test]
fn edits_during_a_pause_make_one_set() {
    let mut cluster = rolled_out(Profile::instant(), &manifest("web", 3, ""));
    cluster.pause("web").expect("it is not paused");
    assert_eq!(cluster.pause("web"), Err(Error::AlreadyPaused("web".into())));
    for version in ["v2", "v3", "v4"] {
        cluster.set_image("web", "app", &format!("app:{version}"), None).expect("it is there");
        cluster.run_for(MINUTE);
    }
    assert_eq!(cluster.rollout_history("web").expect("it is there").len(), 1);
    assert_eq!(cluster.undo("web", 1), Err(Error::RollbackWhilePaused));
    cluster.resume("web").expect("it is paused");
    cluster.run_until(|cluster| cluster.is_complete("web"), 10 * MINUTE).expect("it rolls out");
    assert_eq!(cluster.rollout_history("web").expect("it is there").len(), 2);
}

#[test]
fn without_a_history_there_is_nothing_to_go_back_to() {
    let mut cluster = rolled_out(Profile::instant(), &manifest("web", 2, "revisionHistoryLimit: 0"));
    cluster.set_image("web", "app", "app:v2", None).expect("it is there");
    cluster.run_until(|cluster| cluster.is_complete("web"), 10 * MINUTE).expect("it rolls out");
    cluster.run_for(MINUTE);
    assert_eq!(cluster.rollout_history("web").expect("it is there").len(), 1);
    assert_eq!(cluster.undo("web", 0), Err(Error::NoHistory("web".into())));
}

#[test]
fn a_canary_stands_beside_the_old_pods_until_it_is_undone_or_resumed() {
    let strategy = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";
    for undone in [true, false] {
        let mut cluster = rolled_out(Profile::instant(), &manifest("web", 4, strategy));
        cluster.set_image("web", "app", "app:v2", None).expect("it is there");
        cluster.run_for(Duration::from_millis(1));
        cluster.pause("web").expect("it is not paused");
        cluster.run_for(MINUTE);
        let replicas = |cluster: &Cluster| {
            let status = &cluster.deployment("web").expect("it is there").status;
            (status.replicas, status.updated_replicas, status.ready_replicas)
        };
        assert_eq!(replicas(&cluster), (5, 1, 5));
        cluster.resume("web").expect("it is paused");
        if undone {
            cluster.undo("web", 0).expect("there is a revision before");
        }
        cluster.run_until(|cluster| cluster.is_complete("web"), 10 * MINUTE).expect("it comes to rest");
        assert_eq!(replicas(&cluster), (4, 4, 4));
        assert_eq!(image(&cluster, "web"), if undone { "app:v1" } else { "app:v2" });
    }
}

#[test]
fn recreate_lets_the_old_pods_go_first() {
    let mut cluster = rolled_out(Profile::default(), &manifest("web", 3, "strategy: {type: Recreate}"));
    cluster.set_image("web", "app", "app:v2", None).expect("it is there");
    let mut most = 0;
    while !cluster.is_complete("web") && cluster.step() {
        most = most.max(cluster.store().pod_count());
    }
    assert_eq!(most, 3);
    assert!(cluster.is_complete("web"));
}

#[test]
fn a_restart_replaces_every_pod() {
    let mut cluster = rolled_out(Profile::instant(), &manifest("web", 3, ""));
    let before: Vec<_> = cluster.store().pods().collect();
    cluster.restart("web").expect("it is not paused");
    cluster.run_until(|cluster| cluster.is_complete("web"), 10 * MINUTE).expect("it rolls out");
    cluster.run_for(MINUTE);
    let after: Vec<_> = cluster.store().pods().collect();
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|pod| !before.contains(pod)));
}

#[test]
fn deletion_reaches_the_dependents_as_asked() {
    use wavetank::Propagation::{Background, Foreground, Orphan};
    for (propagation, sets, pods) in [(Background, 0, 0), (Foreground, 0, 0), (Orphan, 1, 3)] {
        let mut cluster = rolled_out(Profile::default(), &manifest("web", 3, ""));
        cluster.delete(Kind::Deployment, "web", propagation).expect("it is there");
        cluster.run_for(5 * MINUTE);
        assert!(cluster.deployment("web").is_err());
        assert_eq!(cluster.store().sets(wavetank_model::SetKind::ReplicaSet).count(), sets, "{propagation:?}");
        assert_eq!(cluster.store().pod_count(), pods, "{propagation:?}");
    }
}

#[test]
fn a_fork_and_a_snapshot_go_on_as_the_original_does() {
    let mut cluster = rolled_out(Profile::default(), &manifest("web", 5, ""));
    cluster.set_image("web", "app", "app:v2", None).expect("it is there");
    cluster.run_for(Duration::from_millis(1_500));
    let mut fork = cluster.clone();
    let mut restored = Cluster::restore(&cluster.snapshot().expect("it can be written")).expect("it can be read");
    for each in [&mut cluster, &mut fork, &mut restored] {
        each.run_for(10 * MINUTE);
    }
    assert_eq!(cluster.digest().value(), fork.digest().value());
    assert_eq!(cluster.digest().value(), restored.digest().value());
    assert!(restored.is_complete("web"));
    assert!(Cluster::restore(b"nonsense").is_err());
}

#[test]
fn a_seed_gives_one_history_and_log_levels_do_not_change_it() {
    let run = |seed, level| {
        let mut cluster = Cluster::builder().seed(seed).log(level).build();
        cluster.apply(&manifest("web", 10, "")).expect("it is valid");
        cluster.run_for(MINUTE);
        cluster.set_image("web", "app", "app:v2", None).expect("it is there");
        cluster.run_for(10 * MINUTE);
        cluster.digest().value()
    };
    assert_eq!(run(1, LogLevel::Everything), run(1, LogLevel::Digest));
}

#[test]
fn a_replication_controller_keeps_its_pods_like_a_replica_set() {
    let mut cluster = Cluster::builder().build();
    let text = "apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: app, image: 'app:v1'}]}
";
    cluster.apply(text).expect("it is valid");
    cluster.run_for(MINUTE);
    let pods: Vec<String> = cluster
        .store()
        .pods()
        .filter_map(|pod| cluster.store().pod(pod))
        .map(|pod| cluster.store().pod_name(&pod).to_string())
        .collect();
    assert_eq!(pods.len(), 3);
    cluster.delete(Kind::Pod, &pods[0], wavetank::Propagation::Background).expect("it is there");
    cluster.run_for(MINUTE);
    assert_eq!(cluster.store().pod_count(), 3);
    assert!(cluster.pod_key(&pods[0]).is_err());
    let status = &cluster.json(Kind::ReplicationController, "old").expect("it is there")["status"];
    assert_eq!(status["readyReplicas"], 3);
}

#[test]
fn a_subscriber_hears_what_the_history_keeps_and_a_cluster_can_be_sent_to_another_thread() {
    fn sendable<T: Send + Sync>(_: &T) {}
    let heard = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let ear = std::sync::Arc::clone(&heard);
    let mut cluster = Cluster::builder().build();
    sendable(&cluster);
    let before = cluster.history().len();
    cluster.subscribe(move |_| {
        ear.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    cluster.apply(&manifest("web", 2, "")).expect("it is valid");
    cluster.run_for(MINUTE);
    assert_eq!(heard.load(std::sync::atomic::Ordering::Relaxed), cluster.history().len() - before);
    assert!(cluster.history().len() > before);
}
