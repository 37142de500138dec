//! The suite `restart-backoff`.

use crate::Mismatch;
use serde_json::Value;

/// A case of `restart-backoff`. Pulls take no time there and are not recorded.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    super::node_trace::case(case, |_, reason| matches!(reason, "Killing" | "BackOff"))
}
