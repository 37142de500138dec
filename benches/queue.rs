//! The event queue in a steady state, beside the heap of the standard library, and with timers that are taken
//! back, beside its tree.

#![expect(clippy::print_stdout, reason = "a bench speaks to its reader")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use wavetank_benches::hold::{Hold, PlainHeap};
use wavetank_benches::timers::{PlainTree, Timers};
use wavetank_engine::Queue;

/// Events popped in one measured step.
const EVENTS: u64 = 100_000;

fn queues(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(EVENTS));
    for pending in [1_000, 100_000, 1_000_000] {
        let (mut ours, mut heap) = (Hold::new(Queue::new(), pending), Hold::new(PlainHeap::default(), pending));
        let digest = ours.run(EVENTS);
        assert_eq!(digest, heap.run(EVENTS), "both pop the same");
        println!("queue of {pending}: {EVENTS} events a run, digest of the first {digest:032x}");
        group.bench_function(BenchmarkId::new("ours", pending), |bench| bench.iter(|| ours.run(EVENTS)));
        group.bench_function(BenchmarkId::new("std heap", pending), |bench| bench.iter(|| heap.run(EVENTS)));
    }
    group.finish();
}

fn cancelling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue, a quarter of the timers moved");
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(EVENTS));
    for entities in [1_000, 100_000, 1_000_000] {
        let mut ours = Timers::new(Queue::new(), entities);
        let mut tree = Timers::new(PlainTree::default(), entities);
        let digest = ours.run(EVENTS);
        assert_eq!(digest, tree.run(EVENTS), "both ring the same");
        println!("timers of {entities}: {EVENTS} events a run, digest of the first {digest:032x}");
        group.bench_function(BenchmarkId::new("ours", entities), |bench| bench.iter(|| ours.run(EVENTS)));
        group.bench_function(BenchmarkId::new("std tree", entities), |bench| bench.iter(|| tree.run(EVENTS)));
    }
    group.finish();
}

criterion_group!(benches, queues, cancelling);
criterion_main!(benches);
