//! Projections that list entries: strict, events, scale; and the rows all of them are made of.

use super::Grain;
use crate::trace::{Details, Entry};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The entries that count: revisions of Deployments never do, pods only where the recorded trace has any.
#[must_use]
pub fn relevant(trace: &[Entry], with_pods: bool) -> Vec<Entry> {
    trace
        .iter()
        .filter(|entry| !(entry.kind == "Deployment" && entry.what == "revision"))
        .filter(|entry| with_pods || (entry.kind != "Pod" && !entry.is_pod_event()))
        .cloned()
        .collect()
}

/// Every entry, pods of one owner being interchangeable, in an order that does not depend on that of
/// different objects.
#[must_use]
pub fn strict(trace: &[Entry]) -> Value {
    let mut rows: Vec<_> = trace
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let (name, details) = (anonymous(&entry.name), anonymous_details(entry));
            // Pods stand in no order; entries of any other object keep theirs, its events behind.
            let order = if entry.kind == "Pod" {
                (entry.what.clone(), text(&details), false, 0)
            } else {
                (String::new(), String::new(), entry.what == "event", index)
            };
            let row = row(Some(entry.t), &entry.kind, &name, Some(&entry.what), &details);
            ((entry.t, entry.kind.clone(), name, order), row)
        })
        .collect();
    rows.sort_by(|(left, _), (right, _)| left.cmp(right));
    rows.into_iter().map(|(_, row)| Value::Object(row)).collect()
}

/// The bag of events that controllers recorded, those about single pods apart.
#[must_use]
pub fn events(trace: &[Entry], grain: Grain) -> Value {
    let mut bag = Bag::default();
    for entry in trace.iter().filter(|entry| entry.what == "event" && !entry.is_pod_event()) {
        bag.add(instant(entry, grain), entry, false);
    }
    bag.rows()
}

/// The sizes that sets got, in order.
#[must_use]
pub fn scale(trace: &[Entry], grain: Grain) -> Value {
    trace
        .iter()
        .filter(|entry| entry.what == "spec.replicas" || (entry.kind == "ReplicaSet" && entry.what == "created"))
        .map(|entry| {
            let sizes = ["replicas", "from", "to"];
            let details = entry.d.iter().filter(|(key, _)| sizes.contains(&key.as_str()));
            let details = details.map(|(key, value)| (key.clone(), value.clone())).collect();
            let row = row(instant(entry, grain), &entry.kind, &entry.name, Some(&entry.what), &details);
            Value::Object(row)
        })
        .collect()
}

fn instant(entry: &Entry, grain: Grain) -> Option<i64> {
    grain.map(|grain| entry.t.div_euclid(grain))
}

/// Equal rows, counted, in order of time, kind, name, what and the text of their data.
#[derive(Debug, Default)]
pub(super) struct Bag(BTreeMap<RowKey, (Details, u64)>);

/// Time, kind, name, what, text of the data.
type RowKey = (Option<i64>, String, String, Option<String>, String);

impl Bag {
    pub(super) fn add(&mut self, t: Option<i64>, entry: &Entry, with_what: bool) {
        let details = anonymous_details(entry);
        let what = with_what.then(|| entry.what.clone());
        let key = (t, entry.kind.clone(), anonymous(&entry.name), what, text(&details));
        self.0.entry(key).or_insert((details, 0)).1 += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn rows(self) -> Value {
        self.0
            .into_iter()
            .map(|((t, kind, name, what, _), (details, count))| {
                let mut row = row(t, &kind, &name, what.as_deref(), &details);
                row.insert("n".to_owned(), count.into());
                Value::Object(row)
            })
            .collect()
    }
}

fn row(t: Option<i64>, kind: &str, name: &str, what: Option<&str>, details: &Details) -> Map<String, Value> {
    let mut row = Map::new();
    if let Some(t) = t {
        row.insert("t".to_owned(), t.into());
    }
    row.insert("kind".to_owned(), kind.into());
    row.insert("name".to_owned(), name.into());
    if let Some(what) = what {
        row.insert("what".to_owned(), what.into());
    }
    if !details.is_empty() {
        row.insert("d".to_owned(), Value::Object(details.clone()));
    }
    row
}

/// JSON with sorted keys and no blanks: equal texts mean equal data.
pub(super) fn text(details: &Details) -> String {
    Value::Object(details.clone()).to_string()
}

/// The data of an entry, with no pod and no node of a DaemonSet told from another.
pub(super) fn anonymous_details(entry: &Entry) -> Details {
    let details = entry.d.iter();
    if entry.what == "endpoints" {
        return details.map(|(key, value)| (key.clone(), counted(value))).collect();
    }
    let on_any_node = entry.name.contains('@');
    details
        .filter(|(key, _)| !(on_any_node && key.as_str() == "node"))
        .map(|(key, value)| (key.clone(), anonymous_value(value)))
        .collect()
}

/// How often each anonymous member of a list occurs.
fn counted(list: &Value) -> Value {
    let Value::Array(members) = list else { return list.clone() };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for member in members {
        let name = member.as_str().map_or_else(|| member.to_string(), anonymous);
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| (name, Value::from(count))).collect()
}

fn anonymous_value(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(anonymous(string)),
        Value::Array(members) => members.iter().map(anonymous_value).collect(),
        Value::Object(members) => members.iter().map(|(key, member)| (key.clone(), anonymous_value(member))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A string with `@node-…` and `/pK` made equal for all nodes and all K.
#[must_use]
pub(super) fn anonymous(string: &str) -> String {
    let is_node = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let without_nodes = starred(string, "@node-", is_node);
    starred(&without_nodes, "/p", |c| c.is_ascii_digit())
}

/// Replaces what follows each `prefix`, if it is at least one character that `belongs`, by a star.
fn starred(string: &str, prefix: &str, belongs: impl Fn(char) -> bool) -> String {
    let mut pieces = string.split(prefix);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(&belongs);
        out.push_str(prefix);
        if rest.len() < piece.len() {
            out.push('*');
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strings_lose_pod_numbers_and_daemon_nodes_and_nothing_else() {
        for (string, expected) in [
            ("web#1/p3", "web#1/p*"),
            ("db-0/p2", "db-0/p*"),
            ("agent@node-2/p1", "agent@node-*/p*"),
            ("work[4]/p2", "work[4]/p*"),
            ("Created pod: web#1/p12 of web#1/p", "Created pod: web#1/p* of web#1/p"),
            ("cron/j2", "cron/j2"),
            ("/pods", "/pods"),
        ] {
            assert_eq!(anonymous(string), expected);
        }
    }

    #[test]
    fn canonical_text_has_sorted_keys_and_no_blanks() {
        let Value::Object(details) = json!({"b": 1, "a": {"d": [], "c": "é"}}) else { return };
        assert_eq!(text(&details), r#"{"a":{"c":"é","d":[]},"b":1}"#);
    }

    #[test]
    fn endpoints_are_counted_by_anonymous_name() {
        assert_eq!(
            counted(&json!(["web#1/p1", "web#1/p2", "web#1/p3 (serving)"])),
            json!({
                "web#1/p*": 2, "web#1/p* (serving)": 1
            })
        );
        assert_eq!(counted(&json!([])), json!({}));
    }
}
