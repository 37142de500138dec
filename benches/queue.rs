//! The event queue in a steady state, beside the heap of the standard library.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use wavetank_benches::hold::{Hold, PlainHeap};
use wavetank_engine::Queue;

/// Events popped in one measured step.
const EVENTS: u64 = 100_000;

fn queues(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(EVENTS));
    for pending in [1_000, 100_000, 1_000_000] {
        let (mut ours, mut heap) = (Hold::new(Queue::new(), pending), Hold::new(PlainHeap::default(), pending));
        assert_eq!(ours.run(EVENTS), heap.run(EVENTS), "both pop the same");
        group.bench_function(BenchmarkId::new("ours", pending), |bench| bench.iter(|| ours.run(EVENTS)));
        group.bench_function(BenchmarkId::new("std heap", pending), |bench| bench.iter(|| heap.run(EVENTS)));
    }
    group.finish();
}

criterion_group!(benches, queues);
criterion_main!(benches);
