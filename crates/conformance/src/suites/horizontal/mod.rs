//! The suites of the horizontal pod autoscaler: one metric, one normalisation, whole sequences of passes.

mod normalize;
mod replicas;
mod sequence;
mod view;
mod world;

pub(super) use normalize::case as normalize;
pub(super) use replicas::case as replicas;
pub(super) use sequence::case as sequence;

use crate::Mismatch;
use core::time::Duration;
use serde_json::Value;

fn not_run(error: impl core::fmt::Display) -> Mismatch {
    Mismatch::not_run(error.to_string())
}

fn integer(value: &Value) -> Result<i64, Mismatch> {
    value.as_i64().ok_or_else(|| Mismatch::not_run(format!("{value} is no whole number")))
}

fn count(value: &Value) -> Result<i32, Mismatch> {
    i32::try_from(integer(value)?).map_err(not_run)
}

fn float(value: &Value) -> Result<f64, Mismatch> {
    value.as_f64().ok_or_else(|| Mismatch::not_run(format!("{value} is no number")))
}

fn seconds(value: &Value) -> Result<Duration, Mismatch> {
    u64::try_from(integer(value)?).map(Duration::from_secs).map_err(not_run)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
