//! Scenarios that benches measure; each gives a digest, so that the meaning is not optimised away.

pub mod autoscaled;

use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_node::scripted::{Behaviour, Scripted};

/// How the pods of a rollout turn ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// All that were made at one instant at one instant.
    Together,
    /// One 10 ms after the other.
    Staggered,
}

/// A Deployment's manifest.
#[must_use]
pub fn manifest(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  progressDeadlineSeconds: 2147483647
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'app:v1'}}]}}
"
    )
}

/// Creates a Deployment of so many pods, waits until it is complete, rolls it to a new image with a
/// control plane that takes no time, and answers the cluster at its end.
///
/// # Panics
/// If a rollout does not complete: a bug of the simulator.
#[must_use]
pub fn roll_out(replicas: u32, ready: Ready) -> Cluster {
    let stagger = if ready == Ready::Staggered { 10 } else { 0 };
    let fallback =
        Behaviour { start_ms: 980, ready_after_ms: 1_000, ready_stagger_ms: stagger, ..Behaviour::default() };
    let script = Scripted { schedule_ms: 20, shutdown_ms: 1_000, fallback, ..Scripted::default() };
    let mut cluster = Cluster::builder().profile(Profile::instant()).scripted(script).log(LogLevel::Digest).build();
    let deadline = Duration::from_secs(100_000_000);
    cluster.apply(&manifest(replicas)).expect("the manifest is valid");
    cluster.run_until(|cluster| cluster.is_complete("web"), deadline).expect("the first rollout completes");
    cluster.set_image("web", "app", "app:v2", None).expect("there is such a container");
    cluster.run_until(|cluster| cluster.is_complete("web"), deadline).expect("the second rollout completes");
    cluster
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_grow_with_the_changes_and_not_with_their_square() {
        for ready in [Ready::Together, Ready::Staggered] {
            let events = |replicas| roll_out(replicas, ready).counters().events;
            let (few, many) = (events(100), events(1_000));
            assert!(many < 12 * few, "{ready:?}: {few} events at 100 pods, {many} at 1,000");
        }
    }
}
