//! Recorded runs of whole clusters: the file, and the entries of a trace.

use crate::mismatch::Mismatch;
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

    /// Compares a trace with every projection that the file names.
    ///
    /// # Errors
    /// The first difference, or a projection that is not known.
    pub fn compare(&self, trace: &[Entry]) -> Result<(), Mismatch> {
        let relevant = crate::projection::relevant(trace, self.has_pods());
        // The most telling differences first.
        let families = ["strict", "settled", "events", "scale", "final", "bounds"];
        let mut projected: Vec<_> = self.projected.iter().collect();
        projected.sort_by_key(|(name, _)| families.iter().position(|family| name.starts_with(family)));
        for (name, expected) in projected {
            let got = crate::projection::project(&relevant, name)
                .ok_or_else(|| Mismatch::not_run(format!("unknown projection {name}")))?;
            crate::mismatch::same(expected, &got).map_err(|mismatch| mismatch.within(name))?;
        }
        Ok(())
    }
}
