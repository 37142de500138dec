//! One pass of a controller, inputs gathered: the same for three pods and for a hundred thousand.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::sync::Arc;
use std::time::Duration;
use wavetank::passes::gather;
use wavetank_benches::{Ready, Rollout};
use wavetank_controllers::{DeploymentInputs, ReplicaSetInputs, reconcile_deployment, reconcile_replica_set};
use wavetank_model::{ReplicaSet, SetKind};

const BURST: u32 = 500;

fn passes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pass");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for replicas in [3, 100, 10_000, 100_000] {
        let mut cluster = Rollout::of(replicas, Ready::Together).created();
        // Let what the rollout has left behind be over.
        cluster.run_for(Duration::from_secs(60));
        let now = cluster.now();
        let mut store = cluster.store().clone();
        let key = store.deployment_key("default", "web").expect("it was created");
        let set: Arc<ReplicaSet> = {
            let (_, set) = store.sets(SetKind::ReplicaSet).next().expect("it has a set");
            Arc::clone(set)
        };
        group.bench_function(BenchmarkId::new("Deployment", replicas), |bench| {
            bench.iter(|| {
                let seen = gather::deployment(&store, key).expect("it was seen");
                let inputs = DeploymentInputs {
                    now,
                    deployment: &seen.deployment,
                    sets: &seen.sets,
                    taken: seen.taken.as_ref(),
                };
                assert!(reconcile_deployment(&inputs, &[]).writes.is_empty());
            });
        });
        let smaller = ReplicaSet {
            spec: wavetank_model::ReplicaSetSpec { replicas: set.spec.replicas - 1, ..set.spec.clone() },
            ..(*set).clone()
        };
        for (name, set, writes) in [("ReplicaSet", &*set, 0), ("ReplicaSet with a victim", &smaller, 2)] {
            group.bench_function(BenchmarkId::new(name, replicas), |bench| {
                bench.iter(|| {
                    let pods = gather::pods(&mut store, set, now, true, BURST);
                    let inputs = ReplicaSetInputs { now, set, pods: &pods, expectations_met: true, burst: BURST };
                    // The victim and the status that speaks of it.
                    assert!(reconcile_replica_set(&inputs, &[]).writes.len() <= writes);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, passes);
criterion_main!(benches);
