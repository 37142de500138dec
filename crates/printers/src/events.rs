//! The table of `kubectl events`, which differs from that of `kubectl get events`.

use crate::Now;
use crate::event_text::interval;
use crate::field::Field;
use crate::now::Instant;
use crate::sorting;
use crate::tab_writer::{Stops, escape_terminal};
use serde_json::Value;

/// What is added to the table of events or left out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// Leave out the header: `--no-headers`.
    pub no_headers: bool,
    /// Begin with the namespace: `-A`.
    pub with_namespace: bool,
}

/// Events as `kubectl events` writes them, the latest one last.
#[must_use]
pub fn events<'a>(events: impl IntoIterator<Item = &'a Value>, options: EventOptions, now: Now) -> String {
    let ordered = sorting::like_go(events.into_iter().collect(), |a: &&Value, b| last_seen(a) < last_seen(b));
    let namespace = |text: &str| if options.with_namespace { format!("{text}\t") } else { String::new() };
    let mut out = String::new();
    if !options.no_headers {
        out.push_str(&namespace("NAMESPACE"));
        out.push_str("LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n");
    }
    for event in ordered {
        let text = |path: &[&str]| escape_terminal(event.text(path).trim());
        out.push_str(&namespace(event.namespace()));
        out.push_str(&format!(
            "{}\t{}\t{}\t{}/{}\t{}\n",
            interval(event, now),
            text(&["type"]),
            text(&["reason"]),
            text(&["involvedObject", "kind"]),
            text(&["involvedObject", "name"]),
            text(&["message"]),
        ));
    }
    Stops::TABLE.align(&out)
}

/// When an event was last seen; events of either API keep it in another field.
fn last_seen(event: &Value) -> Option<Instant> {
    if event.at(&["series"]).is_some() {
        return event.instant(&["series", "lastObservedTime"]);
    }
    event.instant(&["lastTimestamp"]).or_else(|| event.instant(&["eventTime"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_latest_event_comes_last_and_repeats_are_counted() {
        let event = |name: &str, last: &str, count: i64| {
            json!({
                "metadata": {"namespace": "default"}, "type": "Normal", "reason": "Pulled", "message": " m\n",
                "involvedObject": {"kind": "Pod", "name": name}, "count": count,
                "firstTimestamp": "2026-01-15T11:59:00Z", "lastTimestamp": last,
            })
        };
        let all = [event("b", "2026-01-15T11:59:50Z", 3), event("a", "2026-01-15T11:59:00Z", 1)];
        let now = Now::parse("2026-01-15T12:00:00Z").unwrap();
        assert_eq!(
            events(&all, EventOptions::default(), now),
            "LAST SEEN           TYPE     REASON   OBJECT   MESSAGE\n\
             60s                 Normal   Pulled   Pod/a    m\n\
             10s (x3 over 60s)   Normal   Pulled   Pod/b    m\n"
        );
        let options = EventOptions { no_headers: true, with_namespace: true };
        assert!(events(&all, options, now).starts_with("default   60s"));
    }
}
