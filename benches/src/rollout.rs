//! A Deployment is created, completes, and is rolled to a new image.

use core::fmt::Write as _;
use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_node::scripted::{Behaviour, Scripted};

/// Longer than any rollout here takes, in virtual time.
const DEADLINE: Duration = Duration::from_secs(100_000_000);

/// How the pods of a rollout turn ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// All that were made at one instant at one instant.
    Together,
    /// One 10 ms after the other.
    Staggered,
}

/// A rollout to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Pods wanted.
    pub replicas: u32,
    /// How they turn ready.
    pub ready: Ready,
    /// Nodes that they take turns on; one of them if 0.
    pub nodes: u32,
    /// Whether a Service selects them.
    pub service: bool,
    /// How much of the history is kept.
    pub log: LogLevel,
    /// Seed of all chance.
    pub seed: u64,
}

/// A Deployment's manifest, with a progress deadline like any other's.
#[must_use]
pub fn manifest(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'app:v1'}}]}}
"
    )
}

const SERVICE: &str = "---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
";

impl Rollout {
    /// So many pods on one node, without a Service.
    #[must_use]
    pub const fn of(replicas: u32, ready: Ready) -> Self {
        Self { replicas, ready, nodes: 0, service: false, log: LogLevel::Digest, seed: 0 }
    }

    /// A cluster with a control plane that takes no time, and nothing in it but its nodes.
    #[must_use]
    pub fn cluster(&self) -> Cluster {
        let stagger = if self.ready == Ready::Staggered { 10 } else { 0 };
        let fallback =
            Behaviour { start_ms: 980, ready_after_ms: 1_000, ready_stagger_ms: stagger, ..Behaviour::default() };
        let script = Scripted { schedule_ms: 20, shutdown_ms: 1_000, fallback, ..Scripted::default() };
        let builder = Cluster::builder().seed(self.seed).profile(Profile::instant());
        let builder = builder.scripted(script).log(self.log);
        (0..self.nodes).fold(builder, |builder, number| builder.node(&format!("node-{number}"))).build()
    }

    /// Creates what is to be rolled out and waits until it is complete.
    ///
    /// # Panics
    /// If that does not happen: a bug of the simulator.
    #[must_use]
    pub fn created(&self) -> Cluster {
        self.created_looking(&mut || {})
    }

    fn created_looking(&self, look: &mut dyn FnMut()) -> Cluster {
        let mut cluster = self.cluster();
        let mut objects = manifest(self.replicas);
        if self.service {
            objects.write_str(SERVICE).expect("a string takes any text");
        }
        cluster.apply(&objects).expect("the manifest is valid");
        complete(&mut cluster, look);
        cluster
    }

    /// Rolls a created cluster to a new image.
    ///
    /// # Panics
    /// If that does not complete: a bug of the simulator.
    pub fn update(&self, cluster: &mut Cluster) {
        self.update_looking(cluster, &mut || {});
    }

    fn update_looking(&self, cluster: &mut Cluster, look: &mut dyn FnMut()) {
        cluster.set_image("web", "app", "app:v2", None).expect("there is such a container");
        complete(cluster, look);
    }

    /// All of it; answers the cluster at its end.
    #[must_use]
    pub fn run(&self) -> Cluster {
        self.run_looking(|| {})
    }

    /// All of it, with a look after every instant; answers the cluster at its end.
    #[must_use]
    pub fn run_looking(&self, mut look: impl FnMut()) -> Cluster {
        let mut cluster = self.created_looking(&mut look);
        self.update_looking(&mut cluster, &mut look);
        cluster
    }
}

/// Waits for the rollout.
fn complete(cluster: &mut Cluster, look: &mut dyn FnMut()) {
    let done = |cluster: &Cluster| {
        look();
        cluster.is_complete("web")
    };
    cluster.run_until(done, DEADLINE).expect("the rollout completes");
}

/// Creates a Deployment of so many pods, waits until it is complete, rolls it to a new image, and
/// answers the cluster at its end.
#[must_use]
pub fn roll_out(replicas: u32, ready: Ready) -> Cluster {
    Rollout::of(replicas, ready).run()
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

    #[test]
    fn a_ready_cluster_left_alone_has_nothing_to_do() {
        let mut cluster = roll_out(100, Ready::Staggered);
        // Past the progress deadline, at which the Deployment is looked at once more.
        cluster.run_for(Duration::from_secs(3_600));
        let before = cluster.counters();
        cluster.run_for(Duration::from_secs(86_400));
        assert_eq!(cluster.counters(), before);
    }
}
