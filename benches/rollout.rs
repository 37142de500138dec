//! Rolling updates of many pods, turning ready together and one by one.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use wavetank_benches::{Ready, roll_out};

fn rollouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rollout");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for replicas in [10, 1_000, 10_000, 100_000] {
        for ready in [Ready::Together, Ready::Staggered] {
            let digest = roll_out(replicas, ready).digest().value();
            group.throughput(Throughput::Elements(u64::from(replicas)));
            group.bench_with_input(BenchmarkId::new(format!("{ready:?}"), replicas), &replicas, |bench, replicas| {
                bench.iter(|| assert_eq!(roll_out(*replicas, ready).digest().value(), digest));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rollouts);
criterion_main!(benches);
