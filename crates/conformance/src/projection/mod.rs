//! What of a trace must match: the projections under which all recorded runs agreed.
//!
//! Several controllers work at the same time, so within one virtual instant more than one order is
//! right. A projection keeps what all right orders have in common.
//!
//! - [`strict`]: every entry, pods of one owner being interchangeable.
//! - [`settled`]: what every instant left changed.
//! - [`events`]: the controllers' events.
//! - [`scale`]: the ordered list of sizes.
//! - [`final_state`]: what is there at the end.
//! - [`bounds`]: extremes of the numbers of pods.

mod bounds;
mod entries;
mod settled;

pub use bounds::{Bounds, bounds};
pub use entries::{events, relevant, scale, strict};
pub use settled::{Without, final_state, settled};

use crate::mismatch::{Mismatch, same};
use crate::trace::{Entry, TraceFile};
use serde_json::{Value, json};

/// Length of an instant in milliseconds; absent where times do not matter.
pub type Grain = Option<i64>;

/// A projection by its name, such as `settled-ms-no-endpoints`; absent if there is none of that name.
#[must_use]
pub fn project(trace: &[Entry], name: &str) -> Option<Value> {
    let (family, rest) = name.split_once('-').unwrap_or((name, ""));
    let (grain, rest) = rest.split_once('-').unwrap_or((rest, ""));
    let millis = match grain {
        "ms" => Some(1),
        "s" => Some(1000),
        _ => None,
    };
    match (family, grain, rest) {
        ("strict", "", "") => Some(strict(trace)),
        ("final", "", "") => Some(final_state(trace)),
        ("bounds", "", "") => Some(bounds_projection(trace)),
        ("settled", _, _) => Some(settled(trace, millis?, Without::named(rest)?)),
        ("events", "ms" | "s" | "set", "") => Some(events(trace, millis)),
        ("scale", "ms" | "s" | "seq", "") => Some(scale(trace, millis)),
        _ => None,
    }
}

impl TraceFile {
    /// Compares a trace with every projection that the file names.
    ///
    /// # Errors
    /// The first difference, or a projection that is not known.
    pub fn compare(&self, trace: &[Entry]) -> Result<(), Mismatch> {
        let relevant = relevant(trace, self.has_pods());
        // The most telling differences first.
        let families = ["strict", "settled", "events", "scale", "final", "bounds"];
        let mut projected: Vec<_> = self.projected.iter().collect();
        projected.sort_by_key(|(name, _)| families.iter().position(|family| name.starts_with(family)));
        for (name, expected) in projected {
            let got =
                project(&relevant, name).ok_or_else(|| Mismatch::not_run(format!("unknown projection {name}")))?;
            same(expected, &got).map_err(|mismatch| mismatch.within(name))?;
        }
        Ok(())
    }
}

fn bounds_projection(trace: &[Entry]) -> Value {
    let owners = bounds(trace).into_iter().map(|(owner, bounds)| {
        let settled = json!({
            "maxPods": bounds.max_pods,
            "maxPodsWithTerminating": bounds.max_pods_with_terminating,
            "maxReady": bounds.max_ready,
            "minReadyAfterFull": bounds.min_ready_after_full,
        });
        (owner, settled)
    });
    Value::Object(owners.collect())
}
