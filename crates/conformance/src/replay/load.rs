//! What the pods of a scenario use.

use super::scenario::Load;
use wavetank::{Cluster, Time};
use wavetank_metrics::{Curve, Group, Share, Usage};
use wavetank_model::{Selector, StringMap};

/// Gives a cluster the load of a scenario.
pub fn put(cluster: &mut Cluster, loads: &[Load]) {
    for load in loads {
        let labels: StringMap = load.selector.iter().collect();
        let group = Group { namespace: "default".into(), selector: Selector::from_labels(&labels) };
        let share = if load.mode == "shared" { Share::AmongReady } else { Share::EachReady };
        let points = load.points.iter().map(|point| (Time::from_millis(point.at_ms), point.milli));
        let usage = Usage::of_resource(group, &load.resource, share, Curve::steps(points));
        cluster.change_metrics(|metrics| metrics.add_usage(usage));
    }
}
