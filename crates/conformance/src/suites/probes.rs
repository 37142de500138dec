//! The suite `probes`.

use crate::Mismatch;
use serde_json::Value;

/// A case of `probes`. Its record keeps failures of probes only where the case was made by hand.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    super::node_trace::case(case, |name, reason| match reason {
        "Killing" | "BackOff" => true,
        "Unhealthy" => name.starts_with("hand-"),
        _ => false,
    })
}
