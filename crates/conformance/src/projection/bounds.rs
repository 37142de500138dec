//! Extremes of the numbers of pods of each Deployment and each ReplicaSet without one.

use crate::trace::Entry;
use serde_json::Value;
use std::collections::BTreeMap;

/// Extremes of one owner's pods. Plain fields are taken at the end of each virtual millisecond,
/// `moment…` at every single write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most pods that were not being deleted.
    pub max_pods: i64,
    /// Most pods, with those being deleted.
    pub max_pods_with_terminating: i64,
    /// Most ready pods.
    pub max_ready: i64,
    /// Fewest ready pods after all desired ones had been ready once; -1 if they never were.
    pub min_ready_after_full: i64,
    /// Most pods that were not being deleted, at any write.
    pub moment_max_pods: i64,
    /// Most pods at any write.
    pub moment_max_pods_with_terminating: i64,
    /// Fewest ready pods at any write after all had been ready.
    pub moment_min_ready_after_full: i64,
}

impl Bounds {
    /// Value by the name that trace files give it.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<i64> {
        match name {
            "maxPods" => Some(self.max_pods),
            "maxPodsWithTerminating" => Some(self.max_pods_with_terminating),
            "maxReady" => Some(self.max_ready),
            "minReadyAfterFull" => Some(self.min_ready_after_full),
            "momentMaxPods" => Some(self.moment_max_pods),
            "momentMaxPodsWithTerminating" => Some(self.moment_max_pods_with_terminating),
            "momentMinReadyAfterFull" => Some(self.moment_min_ready_after_full),
            _ => None,
        }
    }
}

/// An owner as it is counted along the trace.
#[derive(Clone, Copy, Debug)]
struct Owner {
    desired: i64,
    /// Whether all desired pods have been ready since the size was last changed.
    full: bool,
    /// Millisecond whose end the next sample sees; none once the trace has ended.
    at: Option<i64>,
    pods: i64,
    with_terminating: i64,
    ready: i64,
    bounds: Bounds,
}

impl Default for Owner {
    fn default() -> Self {
        let bounds = Bounds {
            max_pods: 0,
            max_pods_with_terminating: 0,
            max_ready: 0,
            min_ready_after_full: -1,
            moment_max_pods: 0,
            moment_max_pods_with_terminating: 0,
            moment_min_ready_after_full: -1,
        };
        Self { desired: 0, full: false, at: Some(0), pods: 0, with_terminating: 0, ready: 0, bounds }
    }
}

impl Owner {
    /// Sees the end of a millisecond when the first entry of a later one, or the end, comes.
    fn sample(&mut self, t: Option<i64>) {
        if t == self.at {
            return;
        }
        self.at = t;
        self.full |= self.ready >= self.desired;
        let bounds = &mut self.bounds;
        bounds.max_ready = bounds.max_ready.max(self.ready);
        bounds.max_pods = bounds.max_pods.max(self.pods);
        bounds.max_pods_with_terminating = bounds.max_pods_with_terminating.max(self.with_terminating);
        if self.full {
            lower(&mut bounds.min_ready_after_full, self.ready);
        }
    }

    /// Sees the state after a single write.
    fn moment(&mut self) {
        let bounds = &mut self.bounds;
        bounds.moment_max_pods = bounds.moment_max_pods.max(self.pods);
        bounds.moment_max_pods_with_terminating = bounds.moment_max_pods_with_terminating.max(self.with_terminating);
        if self.full {
            lower(&mut bounds.moment_min_ready_after_full, self.ready);
        }
    }

    fn count(&mut self, pod: &Pod, sign: i64) {
        if !pod.exists {
            return;
        }
        self.with_terminating += sign;
        if !pod.terminating {
            self.pods += sign;
            self.ready += if pod.ready { sign } else { 0 };
        }
    }
}

fn lower(least: &mut i64, value: i64) {
    if *least < 0 || value < *least {
        *least = value;
    }
}

/// A pod as far as counting goes.
#[derive(Clone, Debug, Default)]
struct Pod {
    owner: Option<String>,
    /// Whether it is there and its phase is neither Succeeded nor Failed.
    exists: bool,
    ready: bool,
    terminating: bool,
}

/// Extremes by owner.
#[must_use]
pub fn bounds(trace: &[Entry]) -> BTreeMap<String, Bounds> {
    let mut count = Count::default();
    for entry in trace {
        count.take(entry);
    }
    let ended = count.owners.into_iter().map(|(name, mut owner)| {
        owner.sample(None);
        (name, owner.bounds)
    });
    ended.collect()
}

#[derive(Debug, Default)]
struct Count {
    owners: BTreeMap<String, Owner>,
    /// Owner of the pods of each ReplicaSet: its Deployment, or itself.
    roots: BTreeMap<String, String>,
    pods: BTreeMap<String, Pod>,
}

impl Count {
    fn take(&mut self, entry: &Entry) {
        if entry.kind == "ReplicaSet" && entry.what == "created" {
            let root = entry.name.split('#').next().unwrap_or_default();
            self.roots.insert(entry.name.clone(), root.to_owned());
        }
        match entry.kind.as_str() {
            "Deployment" => self.size(entry),
            "ReplicaSet" if self.roots.get(&entry.name) == Some(&entry.name) => self.size(entry),
            "Pod" => self.pod(entry),
            _ => {}
        }
    }

    fn size(&mut self, entry: &Entry) {
        let size = match entry.what.as_str() {
            "created" => entry.detail("replicas"),
            "spec.replicas" => entry.detail("to"),
            _ => &Value::Null,
        };
        let Some(size) = size.as_i64() else { return };
        let owner = self.owners.entry(entry.name.clone()).or_default();
        if owner.desired != size {
            // A lone ReplicaSet's new size counts at once, also in a sample still to be taken.
            if entry.kind == "Deployment" {
                owner.sample(Some(entry.t));
            }
            owner.desired = size;
            owner.full = false;
        }
    }

    fn pod(&mut self, entry: &Entry) {
        let before = self.pods.get(&entry.name).cloned().unwrap_or_default();
        let mut after = before.clone();
        match entry.what.as_str() {
            "created" => {
                let set = entry.name.rsplit_once("/p").map_or("", |(set, _)| set);
                after.exists = true;
                after.owner = self.roots.get(set).cloned();
            }
            "deleted" => after.exists = false,
            "phase" => after.exists = matches!(entry.detail("to").as_str(), Some("Pending" | "Running")),
            "ready" => after.ready = entry.detail("to").as_bool().unwrap_or(false),
            "terminating" => after.terminating = true,
            "released" => after.owner = None,
            "adopted" => after.owner = entry.detail("by").as_str().and_then(|set| self.roots.get(set)).cloned(),
            _ => {}
        }
        let mut touched: Vec<&String> = before.owner.iter().chain(&after.owner).collect();
        touched.dedup();
        for name in &touched {
            self.owners.entry((*name).clone()).or_default().sample(Some(entry.t));
        }
        for (pod, sign) in [(&before, -1), (&after, 1)] {
            if let Some(owner) = pod.owner.as_ref().and_then(|name| self.owners.get_mut(name)) {
                owner.count(pod, sign);
            }
        }
        for name in touched {
            if let Some(owner) = self.owners.get_mut(name) {
                owner.moment();
            }
        }
        self.pods.insert(entry.name.clone(), after);
    }
}
