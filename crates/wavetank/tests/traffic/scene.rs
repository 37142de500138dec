//! What the stories have in common: a Deployment `web`, its Service, and somebody who calls.

use std::time::Duration;
use wavetank::{Cause, Cluster, Load, Rate, RateProfile, Report, Source, SourceId, Spacing};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The spec of pods that are ready once they run.
pub(super) const PLAIN: &str = "containers: [{name: app, image: 'app:v1'}]";

/// The Deployment `web` with a strategy and a spec of its pods.
pub(super) fn deployment(replicas: u32, strategy: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  strategy: {strategy}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      {pod}
---
"
    )
}

pub(super) fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n")
}

/// As many requests each second, evenly spaced, whether they are answered or not.
pub(super) fn open(per_second: u32) -> Load {
    Load::Open { rate: RateProfile::constant(Rate::per_second(per_second)), spacing: Spacing::Even }
}

/// Somebody on a node begins to call the Service `web`.
pub(super) fn send(cluster: &mut Cluster, node: &str, load: Load, change: impl Fn(Source) -> Source) -> SourceId {
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let origin = cluster.inside(node).expect("the node is there");
    cluster.send(change(Source::new(node, origin, target, load))).expect("such a source can be")
}

pub(super) fn causes(report: &Report) -> Vec<Cause> {
    report.lost_by_cause().into_keys().collect()
}
