//! A day of Deployments with autoscalers and a daily curve of load.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use wavetank_benches::autoscaled::autoscaled_hours;

fn days(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("autoscaled_day");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for deployments in [1, 10, 100] {
        let digest = autoscaled_hours(deployments, 24).digest().value();
        group.throughput(Throughput::Elements(u64::from(deployments)));
        group.bench_with_input(BenchmarkId::from_parameter(deployments), &deployments, |bench, deployments| {
            bench.iter(|| assert_eq!(autoscaled_hours(*deployments, 24).digest().value(), digest));
        });
    }
    group.finish();
}

criterion_group!(benches, days);
criterion_main!(benches);
