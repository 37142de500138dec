//! Objects that a server makes at its start, of kinds on which nothing acts here.

use crate::resource::Resource;
use serde_json::{Value, json};
use wavetank::{Cluster, Time};
use wavetank_manifest::Edge;
use wavetank_model::Uid;

/// The first of the uids of such objects; no cluster makes so many others.
const FIRST: u64 = 1 << 47;

/// Priorities for the pods that a cluster cannot do without: names, values, what they are for.
///
/// Source: `pkg/apis/scheduling/v1/helpers.go`.
const PRIORITIES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// The objects of a resource that are there from the start, in order of their names.
pub(crate) fn objects(cluster: &Cluster, resource: &Resource) -> Vec<Value> {
    if resource.kind != "PriorityClass" {
        return Vec::new();
    }
    let since = Edge::new(cluster.calendar()).spell_time(Time::ZERO);
    let class = |((name, value, description), uid): ((&str, i64, &str), u64)| {
        json!({
            "apiVersion": resource.api_version(),
            "description": description,
            "kind": resource.kind,
            "metadata": {
                "creationTimestamp": since,
                "generation": 1,
                "name": name,
                "resourceVersion": "1",
                "uid": Uid(uid).to_string(),
            },
            "preemptionPolicy": "PreemptLowerPriority",
            "value": value,
        })
    };
    PRIORITIES.into_iter().zip(FIRST..).map(class).collect()
}
