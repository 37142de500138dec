//! Autoscaled Deployments for some hours, to be run under a profiler: `autoscaled_cost DEPLOYMENTS HOURS`.
//!
//! Prints what must not change without somebody noticing: the digest, what was done, how often memory
//! was asked for. `.ci/cost` holds it against `budget.txt`.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use wavetank_benches::autoscaled::autoscaled_hours;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let deployments = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let hours = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(24);
    let region = Region::new(ALLOCATOR);
    let cluster = autoscaled_hours(deployments, hours);
    let used = region.change();
    let counters = cluster.counters();
    println!("digest {}", cluster.digest());
    println!("allocations {}", used.allocations + used.reallocations);
    println!("events {}", counters.events);
    println!("changes {}", counters.changes);
    println!("horizontal_passes {}", counters.horizontal_passes);
}
