//! The events of an object.

use super::page::Page;
use crate::Now;
use crate::event_text::interval;
use crate::field::Field;
use crate::sorting;
use serde_json::Value;

/// Adds the events that are about an object, the latest one last.
pub(super) fn section(page: &mut Page, object: &Value, events: &[Value], now: Now) {
    let own = events.iter().filter(|event| is_about(event, object)).collect();
    let own = sorting::like_go(own, |a: &&Value, b| a.instant(&["lastTimestamp"]) < b.instant(&["lastTimestamp"]));
    if own.is_empty() {
        page.entry(0, "Events", "<none>");
        return;
    }
    // The columns of the events are not to widen those above.
    page.flush();
    page.line(0, "Events:");
    page.line(1, "Type\tReason\tAge\tFrom\tMessage");
    page.line(1, "----\t------\t----\t----\t-------");
    for event in own {
        let component = event.text(&["source", "component"]);
        let from = if component.is_empty() { event.text(&["reportingComponent"]) } else { component };
        let (kind, reason) = (event.text(&["type"]), event.text(&["reason"]));
        let message = event.text(&["message"]).trim();
        page.line(1, &format!("{kind}\t{reason}\t{}\t{from}\t{message}", interval(event, now)));
    }
}

/// Whether an event is about an object. What reports on nodes may call them by name instead of uid.
fn is_about(event: &Value, object: &Value) -> bool {
    let of = |key| event.text(&["involvedObject", key]);
    let (uid, own_uid) = (of("uid"), object.text(&["metadata", "uid"]));
    let is_node = object.kind() == "Node";
    of("name") == object.name()
        && of("kind") == object.kind()
        && (is_node || of("namespace") == object.namespace())
        && (uid.is_empty() || own_uid.is_empty() || uid == own_uid || (is_node && uid == object.name()))
}
