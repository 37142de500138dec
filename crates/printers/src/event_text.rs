//! What the events of `describe` and of `kubectl events` share.

use crate::Now;
use crate::field::Field;
use serde_json::Value;

/// When an event happened; repeated ones with their count and the time since the first.
pub(crate) fn interval(event: &Value, now: Now) -> String {
    let age = |path: &[&str]| now.age(event.instant(path));
    let first = if event.at(&["eventTime"]).is_some() { age(&["eventTime"]) } else { age(&["firstTimestamp"]) };
    if event.at(&["series"]).is_some() {
        let count = event.count(&["series", "count"]);
        return format!("{} (x{count} over {first})", age(&["series", "lastObservedTime"]));
    }
    match event.count(&["count"]) {
        count if count > 1 => format!("{} (x{count} over {first})", age(&["lastTimestamp"])),
        _ => first,
    }
}
