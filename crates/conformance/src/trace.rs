//! Recorded runs of whole clusters: the file, and the entries of a trace.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Data of an entry: JSON members in order of their names.
pub type Details = Map<String, Value>;

/// One change in the life of a cluster.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Entry {
    /// Virtual milliseconds since the start, rounded down.
    pub t: i64,
    /// Kind of the object, or `Command`.
    pub kind: String,
    /// Normalised name of the object.
    pub name: String,
    /// What happened to it.
    pub what: String,
    /// What there is to say about it; empty when nothing.
    #[serde(default)]
    pub d: Details,
}

impl Entry {
    /// A member of the data; null when absent.
    #[must_use]
    pub fn detail(&self, key: &str) -> &Value {
        self.d.get(key).unwrap_or(&Value::Null)
    }

    /// Whether this is a controller's event about a pod that it created or deleted.
    #[must_use]
    pub fn is_pod_event(&self) -> bool {
        let reason = self.detail("reason").as_str();
        self.what == "event" && matches!(reason, Some("SuccessfulCreate" | "SuccessfulDelete"))
    }
}

/// Least and greatest value over all recorded runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Range {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

/// A recorded run: scenario, trace, and the projections of it that are facts about Kubernetes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceFile {
    /// Everything needed to replay it.
    pub scenario: Value,
    /// Projections to compare with, by name.
    pub projected: BTreeMap<String, Value>,
    /// Per owner, ranges of what [`crate::projection::bounds`] counts.
    pub pod_bounds: Option<BTreeMap<String, BTreeMap<String, Range>>>,
    /// Commands that were refused.
    pub command_errors: Option<Vec<Value>>,
    /// The ordered list of changes.
    pub trace: Vec<Entry>,
}

impl TraceFile {
    /// Whether the trace tells of pods at all; those of large scenarios do not.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        self.trace.iter().any(|entry| entry.kind == "Pod")
    }
}
