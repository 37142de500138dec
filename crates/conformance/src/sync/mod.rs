//! Recorded passes of controllers, played through the pure functions with literal objects.
//!
//! [`deployment_case`] and [`replica_set_case`] are the two suites; both decode the objects of a case,
//! run one pass, let a small API server carry the writes out and refuse some, and compare.

mod compare;
mod deployment;
mod executor;
pub mod production;
mod replica_set;

pub use deployment::deployment_case;
pub use replica_set::replica_set_case;

use crate::Mismatch;
use core::time::Duration;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_manifest::Edge;
use wavetank_model::refusal::Cause;
use wavetank_model::{LookAgain, PassError, Reason, Refusal};

/// What both suites read of a case first: the clock, and uids numbered in the order of their texts,
/// since upstream compares the texts.
struct Opening {
    edge: Edge,
    now: Time,
}

impl Opening {
    fn of(case: &Value) -> Result<Self, Mismatch> {
        let mut edge = Edge::default();
        let mut uids = BTreeSet::new();
        collect_uids(&case["input"], &mut uids);
        for uid in uids {
            edge.uid(&uid);
        }
        let now = edge.time(text(&case["now"])).map_err(not_run)?;
        Ok(Self { edge, now })
    }
}

fn collect_uids(value: &Value, uids: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(uid) = fields.get("uid").and_then(Value::as_str) {
                uids.insert(uid.to_owned());
            }
            fields.values().for_each(|field| collect_uids(field, uids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_uids(item, uids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn not_run(error: impl core::fmt::Display) -> Mismatch {
    Mismatch::not_run(error.to_string())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The refusal in a recorded `Status` object.
fn refusal(status: &Value) -> Refusal {
    let causes = list(&status["details"]["causes"]).iter().map(|cause| Cause {
        reason: text(&cause["reason"]).into(),
        message: text(&cause["message"]).into(),
        field: text(&cause["field"]).into(),
    });
    Refusal {
        reason: Reason::from_spelling(text(&status["reason"])),
        message: Arc::from(text(&status["message"])),
        causes: causes.collect(),
    }
}

/// How the end of a pass reads in a recorded expectation. The text of an error is for people, and its
/// reason is compared where the real controller's error has one.
fn end(expected: &Value, error: Option<&PassError>, look_again: LookAgain) -> Result<(), Mismatch> {
    let failed = !expected["error"].is_null();
    if failed != error.is_some() {
        let got = error.map_or_else(|| "null".to_owned(), ToString::to_string);
        return Err(Mismatch::differs("error", &expected["error"], got));
    }
    if let Some(reason) = expected["errorReason"].as_str() {
        let got = error.map_or("", error_reason);
        if got != reason {
            return Err(Mismatch::differs("errorReason", reason, got));
        }
    }
    let delay = match look_again {
        LookAgain::After(delay) => Some(delay),
        LookAgain::No | LookAgain::RateLimited => None,
    };
    let seconds = expected["requeueAfterSeconds"].as_f64();
    if seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) != delay {
        let got = delay.map_or_else(|| "null".to_owned(), |delay| delay.as_secs_f64().to_string());
        return Err(Mismatch::differs("requeueAfterSeconds", &expected["requeueAfterSeconds"], got));
    }
    let limited = look_again == LookAgain::RateLimited;
    if expected["requeueRateLimited"].as_bool().unwrap_or_default() != limited {
        return Err(Mismatch::differs("requeueRateLimited", &expected["requeueRateLimited"], limited));
    }
    Ok(())
}

fn error_reason(error: &PassError) -> &str {
    let PassError::Refused(refusal) = error else { return "" };
    if refusal.is_namespace_terminating() { "NamespaceTerminating" } else { refusal.reason.as_str() }
}
