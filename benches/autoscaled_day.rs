//! A day of Deployments with autoscalers and a daily curve of load.

#![expect(clippy::print_stdout, reason = "a bench speaks to its reader")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use wavetank_benches::autoscaled::autoscaled_hours;

fn days(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("autoscaled_day");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for deployments in [1, 10, 100] {
        let cluster = autoscaled_hours(deployments, 24);
        let (digest, events) = (cluster.digest().value(), cluster.counters().events);
        println!("{deployments} Deployments: {events} events, digest {digest:032x}");
        group.throughput(Throughput::Elements(events));
        group.bench_with_input(BenchmarkId::from_parameter(deployments), &deployments, |bench, deployments| {
            bench.iter(|| assert_eq!(autoscaled_hours(*deployments, 24).digest().value(), digest));
        });
    }
    group.finish();
}

criterion_group!(benches, days);
criterion_main!(benches);
