//! Events.

use super::cells::text_or;
use super::{Column, Layout, Present};
use crate::field::Field;
use serde_json::Value;

pub(super) static EVENT: Layout = Layout {
    columns: &[
        Column::text("Last Seen"),
        Column::text("Type"),
        Column::text("Reason"),
        Column::text("Object"),
        Column::wide("Subobject"),
        Column::wide("Source"),
        Column::text("Message"),
        Column::wide("First Seen"),
        Column::wide("Count"),
        Column { is_name: true, ..Column::wide("Name") },
    ],
    cells: |event, present| {
        let times = Times::of(event, present);
        vec![
            times.last.into(),
            event.text(&["type"]).into(),
            event.text(&["reason"]).into(),
            object(event).into(),
            event.text(&["involvedObject", "fieldPath"]).into(),
            source(event).into(),
            event.text(&["message"]).trim().into(),
            times.first.into(),
            times.count.into(),
            event.name().into(),
        ]
    },
};

/// When an event was seen and how often; events of either API keep it in other fields.
struct Times {
    first: String,
    last: String,
    count: i64,
}

impl Times {
    fn of(event: &Value, present: &Present) -> Self {
        let age = |path: &[&str]| event.instant(path).map(|instant| present.now.age(Some(instant)));
        let first = age(&["firstTimestamp"]).or_else(|| age(&["eventTime"])).unwrap_or_else(|| "<unknown>".into());
        if event.at(&["series"]).is_some() {
            let last = age(&["series", "lastObservedTime"]).unwrap_or_else(|| "<unknown>".into());
            return Self { first, last, count: event.count(&["series", "count"]) };
        }
        let last = age(&["lastTimestamp"]).unwrap_or_else(|| first.clone());
        let count = event.count(&["count"]);
        Self { first, last, count: if count == 0 { 1 } else { count } }
    }
}

fn object(event: &Value) -> String {
    let kind = event.text(&["involvedObject", "kind"]).to_lowercase();
    match event.text(&["involvedObject", "name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

/// What reported an event, and where it ran if that is known.
fn source(event: &Value) -> String {
    let component = text_or(event.text(&["source", "component"]), event.text(&["reportingComponent"]));
    match text_or(event.text(&["source", "host"]), event.text(&["reportingInstance"])) {
        "" => component.into(),
        host => format!("{component}, {host}"),
    }
}
