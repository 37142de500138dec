//! Rolling updates of many pods, turning ready together and one by one, on one node and on many, and
//! with a Service in front of them.
//!
//! A million pods take long to measure often; `WAVETANK_BENCH_LARGEST` says where to stop.
#![expect(clippy::print_stdout, reason = "a bench speaks to its reader")]

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use wavetank_benches::{Ready, Rollout};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZES: [u32; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

fn largest() -> u32 {
    let said = std::env::var("WAVETANK_BENCH_LARGEST").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(1_000_000)
}

fn rollouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rollout");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.sampling_mode(SamplingMode::Flat);
    for replicas in SIZES.into_iter().filter(|size| *size <= largest()) {
        for ready in [Ready::Together, Ready::Staggered] {
            let plain = Rollout::of(replicas, ready);
            measure(&mut group, &format!("{ready:?}"), plain);
            if replicas <= 100_000 {
                measure(&mut group, &format!("{ready:?} behind a Service"), Rollout { service: true, ..plain });
            }
        }
    }
    if largest() >= 150_000 {
        let many_nodes = Rollout { nodes: 5_000, ..Rollout::of(150_000, Ready::Together) };
        measure(&mut group, "Together on 5,000 nodes", many_nodes);
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Measures whole rollouts; events per second come out of it. What a rollout is, one run tells before.
fn measure(group: &mut Group<'_>, name: &str, rollout: Rollout) {
    let region = Region::new(ALLOCATOR);
    let mut peak = 0;
    let cluster = rollout.run_looking(|| {
        let held = region.change();
        peak = peak.max(held.bytes_allocated.saturating_sub(held.bytes_deallocated));
    });
    let digest = cluster.digest().value();
    let events = cluster.counters().events;
    drop(cluster);
    let replicas = rollout.replicas;
    let bytes = u64::try_from(peak).unwrap_or(u64::MAX) / u64::from(replicas);
    println!("{name}, {replicas} pods: {events} events, {bytes} B a pod at the peak, digest {digest:032x}");
    group.throughput(Throughput::Elements(events));
    group.bench_function(BenchmarkId::new(name, rollout.replicas), |bench| {
        bench.iter(|| assert_eq!(rollout.run().digest().value(), digest));
    });
}

criterion_group!(benches, rollouts);
criterion_main!(benches);
