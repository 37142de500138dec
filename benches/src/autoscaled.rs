//! Deployments with autoscalers under a load that follows the day.

use std::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_metrics::{Curve, Group, Share, Usage};
use wavetank_model::Selector;

fn manifest(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: 'app:v1', resources: {{requests: {{cpu: 200m}}}}}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 2
  maxReplicas: 40
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 50}}}}
"
    )
}

/// So many Deployments, each with an autoscaler and a load that is highest at an hour of its own, for so
/// many hours; the cluster at their end.
///
/// # Panics
/// If a manifest is refused: a bug of the simulator.
#[must_use]
pub fn autoscaled_hours(deployments: u32, hours: u64) -> Cluster {
    let mut cluster = Cluster::builder().profile(Profile::instant()).log(LogLevel::Digest).build();
    for number in 0..deployments {
        let name = format!("web-{number:03}");
        cluster.apply(&manifest(&name)).expect("the manifest is valid");
        let selector = Selector::parse(&format!("app={name}")).expect("the selector is valid");
        let group = Group { namespace: "default".into(), selector };
        let curve = Curve::daily(200, 2_000, u64::from(number % 24));
        let usage = Usage { jitter_per_mille: 100, ..Usage::of_resource(group, "cpu", Share::AmongReady, curve) };
        cluster.change_metrics(|metrics| metrics.add_usage(usage));
    }
    cluster.run_for(Duration::from_secs(hours * 3_600));
    cluster
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_grow_with_the_autoscalers_and_their_hours() {
        let passes = |deployments, hours| autoscaled_hours(deployments, hours).counters().horizontal_passes;
        assert_eq!(passes(2, 1), 2 * 240);
        assert_eq!(passes(4, 2), 4 * 480);
    }

    #[test]
    fn a_day_goes_the_same_way_twice() {
        let cluster = autoscaled_hours(3, 24);
        assert_eq!(cluster.digest(), autoscaled_hours(3, 24).digest());
        assert!(cluster.counters().changes > 500, "{:?}", cluster.counters());
    }
}
