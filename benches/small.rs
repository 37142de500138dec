//! What a test pays: clusters of ten pods from a typed object to a complete rollout, forks, snapshots.

#![expect(clippy::print_stdout, reason = "a bench speaks to its reader")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use wavetank::Cluster;
use wavetank_benches::rollout::manifest;
use wavetank_benches::{Ready, Rollout};

fn ten_pods(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("small");
    group.throughput(Throughput::Elements(1));
    let rollout = Rollout::of(10, Ready::Together);
    let object = rollout.created().object(wavetank::Kind::Deployment, "web").expect("it was created");
    let complete = |cluster: &mut Cluster| {
        let deadline = Duration::from_secs(3_600);
        cluster.run_until(|cluster| cluster.is_complete("web"), deadline).expect("ten pods turn ready");
        cluster.digest().value()
    };
    let run = || {
        let mut cluster = rollout.cluster();
        cluster.create_object(object.clone()).expect("the name is free");
        complete(&mut cluster)
    };
    let digest = run();
    println!("10 pods from a typed object: digest {digest:032x}");
    group.bench_function("create 10 pods from a typed object", |bench| bench.iter(|| assert_eq!(run(), digest)));
    let text = manifest(10);
    let run = || {
        let mut cluster = rollout.cluster();
        cluster.apply(&text).expect("the manifest is valid");
        complete(&mut cluster)
    };
    let digest = run();
    group.bench_function("create 10 pods from YAML", |bench| bench.iter(|| assert_eq!(run(), digest)));
    group.finish();
}

fn copies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("copy");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for replicas in [10, 1_000, 100_000] {
        let cluster = Rollout::of(replicas, Ready::Together).created();
        group.throughput(Throughput::Elements(u64::from(replicas)));
        group.bench_function(BenchmarkId::new("fork", replicas), |bench| {
            bench.iter_batched(|| (), |()| cluster.clone(), BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("snapshot", replicas), |bench| {
            bench.iter(|| black_box(cluster.snapshot().expect("a cluster can be stored")));
        });
        let bytes = cluster.snapshot().expect("a cluster can be stored");
        let in_each = bytes.len() / usize::try_from(replicas).unwrap_or(usize::MAX);
        println!("{replicas} pods: {in_each} B a pod in a snapshot, digest {}", cluster.digest());
        group.bench_function(BenchmarkId::new("restore", replicas), |bench| {
            bench.iter(|| {
                let restored = Cluster::restore(&bytes).expect("a stored cluster can be read");
                assert_eq!(restored.digest(), cluster.digest());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ten_pods, copies);
criterion_main!(benches);
