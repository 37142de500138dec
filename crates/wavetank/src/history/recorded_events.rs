//! The history's events as the API server would show them: folded together and thinned out as the
//! client of each component does before it sends them.
//!
//! Nothing of this is kept: the Event objects are made from the history when somebody looks, so they
//! reach as far as the [`crate::LogLevel`] does.
//!
//! Source: `k8s.io/client-go/tools/record/events_cache.go`.

use crate::cluster::Cluster;
use crate::history::log::{Component, Entry, Happening, ObjectRef};
use core::time::Duration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_engine::chance::below;
use wavetank_engine::{Purpose, Seed, Time, keyed};
use wavetank_model::{EventRecord, Uid};

/// Similar events with different messages after which they become one.
const SIMILAR: u8 = 10;
/// Events further apart than this are not similar.
const SIMILAR_WITHIN: Duration = Duration::from_secs(600);
/// Events that a component may send about one object at once.
const BURST: u32 = 25;
/// One more of them in so long a time.
const REFILL: Duration = Duration::from_secs(300);
/// How long the server keeps an event after its last sight.
const KEPT_FOR: Duration = Duration::from_secs(3600);

/// Which message of a full window is forgotten: a client asks its map for any, so it is chance.
const FORGOTTEN: Purpose = Purpose::new("events/forgotten");

/// Who says what about which object.
type Similar = (Component, ObjectRef, &'static str, Arc<str>);

/// Messages that were told within one window.
struct Window {
    messages: BTreeSet<Arc<str>>,
    last: Time,
}

/// What a component may still send about an object.
struct Allowance {
    left: u32,
    since: Time,
}

impl Allowance {
    fn take(&mut self, now: Time) -> bool {
        while self.left < BURST && now >= self.since + REFILL {
            self.left += 1;
            self.since += REFILL;
        }
        if self.left == BURST {
            self.since = now;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        true
    }
}

/// An Event object of the server.
struct Stored {
    about: ObjectRef,
    source: Component,
    record: EventRecord,
    ordinal: u64,
    first: Time,
    last: Time,
    count: u64,
}

/// The client's side of recording events.
#[derive(Default)]
struct Correlator {
    seed: u64,
    windows: BTreeMap<Similar, Window>,
    allowances: BTreeMap<(Component, ObjectRef), Allowance>,
    stored: BTreeMap<(Similar, Option<Arc<str>>), Stored>,
    recorded: u64,
}

impl Correlator {
    fn add(&mut self, time: Time, source: Component, about: &ObjectRef, record: &EventRecord) {
        self.recorded += 1;
        let similar = (source, about.clone(), record.kind.as_str(), record.reason.shared());
        let window =
            self.windows.entry(similar.clone()).or_insert_with(|| Window { messages: BTreeSet::new(), last: time });
        if time.since(window.last) > SIMILAR_WITHIN {
            window.messages.clear();
        }
        window.messages.insert(record.message.shared());
        window.last = time;
        let many = window.messages.len() >= usize::from(SIMILAR);
        if many {
            let draw = keyed(Seed(self.seed), self.recorded, FORGOTTEN);
            let nth = usize::try_from(below(draw, SIMILAR.into())).unwrap_or(0);
            if let Some(forgotten) = window.messages.iter().nth(nth).cloned() {
                window.messages.remove(&forgotten);
            }
        }
        let message = if many {
            format!("(combined from similar events): {}", record.message).into()
        } else {
            record.message.shared()
        };
        let key = (similar, (!many).then(|| record.message.shared()));
        let allowance =
            self.allowances.entry((source, about.whole())).or_insert(Allowance { left: BURST, since: time });
        if !allowance.take(time) {
            return;
        }
        if let Some(stored) = self.stored.get_mut(&key) {
            stored.count += 1;
            stored.last = time;
            stored.record.message = message.into();
        } else {
            let record = EventRecord { message: message.into(), ..record.clone() };
            let about = about.clone();
            let ordinal = self.recorded;
            self.stored.insert(key, Stored { about, source, record, ordinal, first: time, last: time, count: 1 });
        }
    }
}

impl Cluster {
    /// Event objects as the server has them now, in the order in which they were made.
    #[must_use]
    pub fn recorded_events(&self) -> Vec<Value> {
        let mut correlator = Correlator { seed: self.seed, ..Correlator::default() };
        for Entry { time, what } in self.history() {
            if let Happening::Event { about, event, source } = what {
                correlator.add(*time, *source, about, event);
            }
        }
        let kept = correlator.stored.into_values().filter(|stored| self.now.since(stored.last) <= KEPT_FOR);
        let mut kept: Vec<Stored> = kept.collect();
        kept.sort_by_key(|stored| stored.ordinal);
        // Names end in the time of the first sight. No two clients of a real cluster look at their clock in
        // the same nanosecond; here many events happen at one time.
        let mut last = i128::MIN;
        let named = kept.iter().map(|stored| {
            let (seconds, nanos) = self.calendar.unix(stored.first);
            last = (i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).max(last.saturating_add(1));
            self.render_event(stored, last)
        });
        named.collect()
    }

    fn render_event(&self, stored: &Stored, stamp: i128) -> Value {
        let edge = self.edge();
        let about = &stored.about;
        let namespace = if about.namespace.is_empty() { "default" } else { &*about.namespace };
        let mut involved = json!({
            "kind": about.kind, "namespace": about.namespace, "name": about.name, "uid": edge.spell(about.uid),
            "apiVersion": about.api_version(),
        });
        if !about.field_path.is_empty() {
            involved["fieldPath"] = json!(about.field_path);
        }
        let mut source = json!({"component": stored.source.as_str()});
        let host = stored.source.node().map(|node| self.store().node(node).name.clone());
        if let Some(host) = &host {
            source["host"] = json!(host);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{stamp:x}", about.name),
                "namespace": namespace,
                "uid": edge.spell(Uid(1 << 46 | stored.ordinal)),
                "resourceVersion": stored.ordinal.to_string(),
                "creationTimestamp": edge.spell_time(stored.first),
            },
            "involvedObject": involved,
            "reason": stored.record.reason,
            "message": stored.record.message,
            "source": source,
            "firstTimestamp": edge.spell_time(stored.first),
            "lastTimestamp": edge.spell_time(stored.last),
            "count": stored.count,
            "type": stored.record.kind.as_str(),
            "eventTime": null,
            "reportingComponent": stored.source.as_str(),
            "reportingInstance": host.as_deref().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> ObjectRef {
        ObjectRef {
            kind: "Pod".into(),
            namespace: "default".into(),
            name: "web-1".into(),
            uid: Uid(1),
            field_path: "".into(),
        }
    }

    #[test]
    fn equal_events_are_counted_and_similar_ones_are_combined_from_the_tenth_on() {
        let mut correlator = Correlator::default();
        for _ in 0..3 {
            correlator.add(Time::ZERO, Component::Scheduler, &about(), &EventRecord::normal("Same", "text"));
        }
        assert_eq!(correlator.stored.values().map(|event| event.count).collect::<Vec<_>>(), [3]);
        for number in 0..12 {
            let record = EventRecord::normal("Other", number.to_string());
            correlator.add(Time::ZERO, Component::Scheduler, &about(), &record);
        }
        let combined: Vec<&Stored> =
            correlator.stored.values().filter(|event| event.record.message.starts_with("(combined")).collect();
        assert_eq!(combined.len(), 1);
        assert_eq!(combined[0].count, 3);
        assert_eq!(&*combined[0].record.message, "(combined from similar events): 11");
    }

    #[test]
    fn events_of_one_instant_have_names_of_their_own() {
        let mut cluster = Cluster::builder().build();
        let made = cluster.create(
            "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: web}\nspec: {replicas: 9, selector: {app: web}, \
             template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: nginx}]}}}",
        );
        assert!(made.is_ok());
        cluster.run_for(Duration::from_secs(10));
        let name = |event: &Value| event["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let events = cluster.recorded_events();
        let names: BTreeSet<String> = events.iter().map(name).collect();
        assert!(!names.is_empty());
        assert_eq!(names.len(), events.len());
    }

    #[test]
    fn after_a_burst_one_event_in_five_minutes_is_let_through() {
        let mut correlator = Correlator::default();
        for number in 0..60 {
            let record = EventRecord::normal(format!("Reason{number}"), "text");
            correlator.add(Time::ZERO, Component::Scheduler, &about(), &record);
        }
        assert_eq!(correlator.stored.len(), 25);
        let later = Time::ZERO + REFILL;
        for number in 60..63 {
            let record = EventRecord::normal(format!("Reason{number}"), "text");
            correlator.add(later, Component::Scheduler, &about(), &record);
        }
        assert_eq!(correlator.stored.len(), 26);
    }
}
