//! The suite `image-backoff`.

use crate::Mismatch;
use serde_json::Value;

/// A case of `image-backoff`, whose record keeps every event.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    super::node_trace::case(case, |_, _| true)
}
