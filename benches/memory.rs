//! What rollouts allocate: how often, how much, and how much at once.
//!
//! Not a matter of time, so it runs once for each size. The resident peak is that of the process, so
//! sizes grow.
#![expect(clippy::print_stdout, reason = "a bench speaks to its reader")]

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use wavetank_benches::gauge::peak_resident_bytes;
use wavetank_benches::{Ready, Rollout};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    // Cargo asks every target for its tests.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    println!(
        "{:>9} {:<10} {:>12} {:>15} {:>12} {:>12} {:>12}",
        "pods", "ready", "allocations", "bytes kept", "B kept/pod", "peak B/pod", "peak RSS/pod"
    );
    for replicas in [10, 1_000, 10_000, 100_000, 1_000_000] {
        for ready in [Ready::Together, Ready::Staggered] {
            if ready == Ready::Staggered && replicas > 100_000 {
                continue;
            }
            let region = Region::new(ALLOCATOR);
            let mut peak = 0;
            let cluster = Rollout::of(replicas, ready).run_looking(|| {
                let held = region.change();
                peak = peak.max(held.bytes_allocated.saturating_sub(held.bytes_deallocated));
            });
            let used = region.change();
            let kept = used.bytes_allocated.saturating_sub(used.bytes_deallocated);
            let pods = u64::from(replicas);
            let resident = peak_resident_bytes().map_or_else(String::new, |bytes| (bytes / pods).to_string());
            let allocations = used.allocations + used.reallocations;
            println!(
                "{replicas:>9} {:<10} {allocations:>12} {kept:>15} {:>12} {:>12} {resident:>12}",
                format!("{ready:?}"),
                u64::try_from(kept).unwrap_or(u64::MAX) / pods,
                u64::try_from(peak).unwrap_or(u64::MAX) / pods,
            );
            // The last old pods may still be stopping.
            assert!(cluster.store().pod_count() >= usize::try_from(replicas).unwrap_or(usize::MAX));
        }
    }
}
