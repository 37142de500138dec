//! What holds for every Deployment, whatever its owner does to it.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use wavetank::{Cluster, ImageBehaviour, Kind, LogLevel, Profile};

#[derive(Clone, Debug)]
enum Edit {
    Image(u8),
    Scale(i32),
    Pause,
    Resume,
    Undo(i64),
    Restart,
    DeletePod(usize),
}

fn edits() -> impl Strategy<Value = Vec<(Edit, u64)>> {
    let edit = prop_oneof![
        4 => (0..4_u8).prop_map(Edit::Image),
        3 => (0..12_i32).prop_map(Edit::Scale),
        1 => Just(Edit::Pause),
        1 => Just(Edit::Resume),
        2 => (0..5_i64).prop_map(Edit::Undo),
        1 => Just(Edit::Restart),
        2 => (0..20_usize).prop_map(Edit::DeletePod),
    ];
    proptest::collection::vec((edit, 0..20_000_u64), 0..12)
}

#[derive(Clone, Debug)]
struct Scenario {
    replicas: i32,
    surge: String,
    unavailable: String,
    min_ready: u32,
    recreate: bool,
    instant: bool,
    seed: u64,
    edits: Vec<(Edit, u64)>,
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![(0..4_u32).prop_map(|n| n.to_string()), (0..=100_u32).prop_map(|n| format!("{n}%"))]
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    (1..10_i32, amount(), amount(), 0..4_u32, prop::bool::weighted(0.2), any::<bool>(), any::<u64>(), edits())
        .prop_filter("both at zero is refused", |scenario| {
            let zero = |text: &str| text == "0" || text == "0%";
            !(zero(&scenario.1) && zero(&scenario.2))
        })
        .prop_map(|(replicas, surge, unavailable, min_ready, recreate, instant, seed, edits)| Scenario {
            replicas,
            surge,
            unavailable,
            min_ready,
            recreate,
            instant,
            seed,
            edits,
        })
}

impl Scenario {
    fn manifest(&self) -> String {
        let strategy = if self.recreate {
            "{type: Recreate}".to_owned()
        } else {
            let quoted = |text: &str| if text.ends_with('%') { format!("'{text}'") } else { text.to_owned() };
            format!(
                "{{rollingUpdate: {{maxSurge: {}, maxUnavailable: {}}}}}",
                quoted(&self.surge),
                quoted(&self.unavailable)
            )
        };
        format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {}
  minReadySeconds: {}
  progressDeadlineSeconds: 60
  strategy: {strategy}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'app:v1'}}]}}
",
            self.replicas, self.min_ready
        )
    }

    fn cluster(&self) -> Cluster {
        let profile = if self.instant { Profile::instant() } else { Profile::default() };
        let slow = ImageBehaviour::new().pull(Duration::from_secs(3)).start(Duration::from_secs(1)).spread(50);
        let mut cluster = Cluster::builder()
            .seed(self.seed)
            .profile(profile)
            .log(LogLevel::Digest)
            .image("app:v0", ImageBehaviour::new().fails_to_pull())
            .image("app:v2", slow)
            .image("app:v3", ImageBehaviour::new().crashes_after(Duration::from_secs(30)).times(1))
            .build();
        cluster.apply(&self.manifest()).expect("the manifest is valid");
        cluster
    }
}

/// Carries out an edit; one that does not fit the moment is refused and changes nothing.
fn carry_out(cluster: &mut Cluster, edit: &Edit) {
    let before = cluster.store().version();
    let done = match edit {
        Edit::Image(version) => cluster.set_image("web", "app", &format!("app:v{version}"), None),
        Edit::Scale(replicas) => cluster.scale("web", *replicas),
        Edit::Pause => cluster.pause("web"),
        Edit::Resume => cluster.resume("web"),
        Edit::Undo(revision) => cluster.undo("web", *revision).map(|_| ()),
        Edit::Restart => cluster.restart("web"),
        Edit::DeletePod(which) => {
            let pods: Vec<_> = cluster.store().pods().collect();
            match pods.get(which % pods.len().max(1)).and_then(|pod| cluster.store().pod(*pod)) {
                Some(pod) => {
                    let name = cluster.store().pod_name(&pod).to_string();
                    cluster.delete(Kind::Pod, &name, wavetank::Propagation::Background)
                }
                None => Ok(()),
            }
        }
    };
    if done.is_err() {
        assert_eq!(cluster.store().version(), before, "{edit:?} was refused and changed something");
    }
}

/// Runs a span event by event, calling `check` after each.
fn run(cluster: &mut Cluster, span: Duration, mut check: impl FnMut(&Cluster)) {
    let end = cluster.now() + span;
    cluster.run_for(Duration::ZERO);
    check(cluster);
    loop {
        let mut next = cluster.clone();
        if !next.step() || next.now() > end {
            break;
        }
        *cluster = next;
        check(cluster);
    }
    cluster.run_for(end.since(cluster.now()));
}

fn surge_and_unavailable(cluster: &Cluster) -> (i32, i32) {
    let deployment = cluster.deployment("web").expect("nobody deletes it");
    match &deployment.spec.strategy {
        wavetank_model::Strategy::RollingUpdate(Some(rolling)) => wavetank_model::int_or_string::resolve_fenceposts(
            rolling.max_surge.as_ref(),
            rolling.max_unavailable.as_ref(),
            deployment.spec.replicas,
        )
        .expect("the edge let them through"),
        wavetank_model::Strategy::RollingUpdate(None)
        | wavetank_model::Strategy::Recreate
        | wavetank_model::Strategy::Unknown(_) => (0, deployment.spec.replicas),
    }
}

/// Pods of the Deployment, terminating ones apart.
fn pods(cluster: &Cluster) -> i32 {
    let active = cluster
        .store()
        .pods()
        .filter_map(|pod| cluster.store().pod(pod))
        .filter(|pod| pod.state().deletion.is_none() && !pod.state().phase.has_ended())
        .count();
    i32::try_from(active).expect("few pods")
}

/// Those of them that their sets still want.
fn wanted_pods(cluster: &Cluster) -> i32 {
    let store = cluster.store();
    let of_set = |set: &wavetank_model::ReplicaSet| {
        let active = store
            .pods_controlled_by(Some(set.meta.uid))
            .filter_map(|pod| store.pod(pod))
            .filter(|pod| pod.state().deletion.is_none() && !pod.state().phase.has_ended())
            .count();
        set.spec.replicas.min(i32::try_from(active).expect("few pods"))
    };
    store.sets(wavetank_model::SetKind::ReplicaSet).map(|(_, set)| of_set(set)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Upstream: a rolling update never has more pods than replicas + maxSurge. The bound is the
    /// largest in force since the last rest, because a smaller one takes time to reach.
    ///
    /// The Deployment controller keeps the bound in the sizes that it gives to its sets. Where writes and
    /// watches take time, a set may make its pods before its sibling has taken away those that it was told
    /// to; such pods, which nobody wants any more, count only where nothing takes time.
    #[test]
    fn pods_never_exceed_replicas_and_surge(scenario in scenarios()) {
        let mut cluster = scenario.cluster();
        let bound = |cluster: &Cluster| {
            let replicas = cluster.deployment("web").expect("nobody deletes it").spec.replicas;
            replicas + surge_and_unavailable(cluster).0
        };
        let mut most = bound(&cluster);
        for (edit, wait) in &scenario.edits {
            run(&mut cluster, Duration::from_millis(*wait), |cluster| {
                let count = if scenario.instant { pods(cluster) } else { wanted_pods(cluster) };
                assert!(count <= most, "{count} pods, bound {most}, at {:?}", cluster.now());
                let at_rest = cluster.is_complete("web") && pods(cluster) <= bound(cluster);
                if at_rest {
                    most = bound(cluster);
                }
            });
            carry_out(&mut cluster, edit);
            most = most.max(bound(&cluster));
        }
    }

    /// When edits have stopped and the image is good, the Deployment comes to rest complete, with one
    /// active ReplicaSet, and its revisions are all different.
    #[test]
    fn every_history_ends_complete(scenario in scenarios()) {
        let mut cluster = scenario.cluster();
        for (edit, wait) in &scenario.edits {
            cluster.run_for(Duration::from_millis(*wait));
            carry_out(&mut cluster, edit);
        }
        let _not_paused = cluster.resume("web");
        cluster.set_image("web", "app", "app:v1", None).expect("there is such a container");
        if cluster.deployment("web").expect("nobody deletes it").spec.replicas == 0 {
            cluster.scale("web", 3).expect("it is a good number");
        }
        cluster.run_for(Duration::from_secs(1_800));
        prop_assert!(cluster.is_complete("web"), "{:?}", cluster.rollout_status("web"));
        let deployment = cluster.deployment("web").expect("nobody deletes it");
        prop_assert_eq!(deployment.status.available_replicas, deployment.spec.replicas);
        let history = cluster.rollout_history("web").expect("it is there");
        let active = history.iter().filter(|revision| {
            cluster.replica_set(&revision.set).is_ok_and(|set| set.spec.replicas > 0)
        });
        prop_assert_eq!(active.count(), 1);
        let numbers: BTreeMap<i64, ()> = history.iter().map(|revision| (revision.number, ())).collect();
        prop_assert_eq!(numbers.len(), history.len());
    }

    /// The same seed and the same edits give the same history.
    #[test]
    fn a_history_can_be_had_twice(scenario in scenarios()) {
        let digest = || {
            let mut cluster = scenario.cluster();
            for (edit, wait) in &scenario.edits {
                cluster.run_for(Duration::from_millis(*wait));
                carry_out(&mut cluster, edit);
            }
            cluster.run_for(Duration::from_secs(60));
            cluster.digest().value()
        };
        prop_assert_eq!(digest(), digest());
    }

    /// Upstream: available pods never fall below replicas − maxUnavailable by the controller's own doing.
    #[test]
    fn a_rollout_keeps_enough_pods_available(scenario in scenarios().prop_filter("rolling", |s| !s.recreate)) {
        let mut cluster = scenario.cluster();
        cluster.run_until(|cluster| cluster.is_complete("web"), Duration::from_secs(3_600)).expect("it rolls out");
        cluster.run_for(Duration::from_secs(10));
        let floor = scenario.replicas - surge_and_unavailable(&cluster).1;
        cluster.set_image("web", "app", "app:v2", None).expect("there is such a container");
        run(&mut cluster, Duration::from_secs(300), |cluster| {
            let ready = cluster.store().pods().filter_map(|pod| cluster.store().pod(pod))
                .filter(|pod| pod.state().ready && pod.state().deletion.is_none()).count();
            assert!(i32::try_from(ready).expect("few pods") >= floor, "{ready} ready, floor {floor}");
        });
        prop_assert!(cluster.is_complete("web"));
    }
}
