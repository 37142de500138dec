//! Projections of states: what every instant left changed, and what is there at the end.

use super::entries::{Bag, anonymous, anonymous_details};
use crate::trace::Entry;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Kinds of entries that a settled projection leaves out, events always apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Endpoints of Services.
    pub endpoints: bool,
    /// Conditions.
    pub conditions: bool,
}

impl Without {
    /// By the ending of a projection's name; absent if there is none of that name.
    #[must_use]
    pub fn named(ending: &str) -> Option<Self> {
        match ending {
            "" => Some(Self::default()),
            "no-endpoints" => Some(Self { endpoints: true, conditions: false }),
            "no-conditions" => Some(Self { endpoints: false, conditions: true }),
            "core" => Some(Self { endpoints: true, conditions: true }),
            _ => None,
        }
    }

    fn leaves_out(self, entry: &Entry) -> bool {
        match entry.what.as_str() {
            "event" => true,
            "endpoints" => self.endpoints,
            "condition" => self.conditions,
            _ => false,
        }
    }
}

/// For every instant of `grain` milliseconds, the states that it left changed and the bag of all else.
#[must_use]
pub fn settled(trace: &[Entry], grain: i64, without: Without) -> Value {
    let mut instants: BTreeMap<i64, (Map<String, Value>, Bag)> = BTreeMap::new();
    for entry in trace.iter().filter(|entry| !without.leaves_out(entry)) {
        let (states, bag) = instants.entry(entry.t.div_euclid(grain.max(1))).or_default();
        match state(entry) {
            Some((key, value)) => drop(states.insert(key, value)),
            None => bag.add(None, entry, true),
        }
    }
    let mut shown: BTreeMap<String, Value> = BTreeMap::new();
    let mut rows = Vec::new();
    for (t, (states, bag)) in instants {
        let changed: Map<String, Value> =
            states.into_iter().filter(|(key, value)| shown.get(key) != Some(value)).collect();
        if changed.is_empty() && bag.is_empty() {
            continue;
        }
        shown.extend(changed.clone());
        rows.push(json!({"t": t, "state": changed, "bag": bag.rows()}));
    }
    Value::Array(rows)
}

/// What is there at the end: the states that objects were left in, and pods by their last word.
#[must_use]
pub fn final_state(trace: &[Entry]) -> Value {
    let mut states: BTreeMap<String, Value> = BTreeMap::new();
    let mut pods: BTreeMap<&str, Value> = BTreeMap::new();
    for entry in trace {
        if let Some((key, value)) = state(entry) {
            states.insert(key, value);
        } else if entry.what == "deleted" {
            pods.remove(entry.name.as_str());
            let gone = format!("{} {} ", entry.kind, entry.name);
            states.retain(|key, _| !key.starts_with(&gone));
        } else if entry.kind == "Pod" && matches!(entry.what.as_str(), "created" | "phase" | "ready") {
            pods.insert(&entry.name, Value::Object(entry.d.clone()));
        }
    }
    let mut counts: BTreeMap<(String, String), (Value, u64)> = BTreeMap::new();
    for (name, last) in pods {
        counts.entry((anonymous(name), last.to_string())).or_insert((last, 0)).1 += 1;
    }
    let pods: Vec<Value> =
        counts.into_iter().map(|((name, _), (last, n))| json!({"name": name, "last": last, "n": n})).collect();
    json!({"state": states, "pods": pods})
}

/// Reasons of a condition that say no more than that a rollout moves; which one shows depends on the order of work.
const MOVING: [&str; 3] = ["NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated"];

/// The state that an entry sets, as key and value; absent if the entry stands for itself.
fn state(entry: &Entry) -> Option<(String, Value)> {
    let key = format!("{} {} {}", entry.kind, entry.name, entry.what);
    match entry.what.as_str() {
        "spec.replicas" => Some((key, entry.detail("to").clone())),
        "status" => {
            let mut details = entry.d.clone();
            details.remove("observedGeneration");
            Some((key, Value::Object(details)))
        }
        "condition" => {
            let mut details = entry.d.clone();
            if entry.detail("reason").as_str().is_some_and(|reason| MOVING.contains(&reason)) {
                details.insert("reason".to_owned(), "(progressing)".into());
            }
            let kind = entry.detail("type").as_str().unwrap_or_default();
            Some((format!("{key} {kind}"), Value::Object(details)))
        }
        "endpoints" | "revision" => Some((key, Value::Object(anonymous_details(entry)))),
        _ => None,
    }
}
