//! One rollout, to be run under a profiler: `rollout_cost REPLICAS together|staggered [service] [NODES] [LOG]`,
//! where LOG is how much of the history is kept: `off`, `digest` (usual), `events`, `objects`, `everything`.
//!
//! Prints what must not change without somebody noticing: the digest, what was done, how often memory
//! was asked for, and how much of it was held at once. `.ci/cost` holds it against `budget.txt`.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use wavetank::LogLevel;
use wavetank_benches::{Ready, Rollout};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let replicas = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let ready = if arguments.next().as_deref() == Some("staggered") { Ready::Staggered } else { Ready::Together };
    let mut rest = arguments.peekable();
    let service = rest.next_if(|argument| argument == "service").is_some();
    let nodes = rest.next_if(|argument| argument.parse::<u32>().is_ok());
    let nodes = nodes.and_then(|text| text.parse().ok()).unwrap_or(0);
    let log = match rest.next().as_deref() {
        Some("off") => LogLevel::Off,
        Some("events") => LogLevel::Events,
        Some("objects") => LogLevel::Objects,
        Some("everything") => LogLevel::Everything,
        _ => LogLevel::Digest,
    };
    let region = Region::new(ALLOCATOR);
    // What is allocated at the end of each instant is the same on every run.
    let mut peak = 0;
    let cluster = Rollout { nodes, service, log, ..Rollout::of(replicas, ready) }.run_looking(|| {
        let held = region.change();
        peak = peak.max(held.bytes_allocated.saturating_sub(held.bytes_deallocated));
    });
    let used = region.change();
    let counters = cluster.counters();
    println!("digest {}", cluster.digest());
    println!("allocations {}", used.allocations + used.reallocations);
    println!("peak_bytes {peak}");
    println!("events {}", counters.events);
    println!("changes {}", counters.changes);
    println!("deployment_passes {}", counters.deployment_passes);
    println!("set_passes {}", counters.set_passes);
    println!("service_passes {}", counters.service_passes);
}
