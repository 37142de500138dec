//! Cases of the form `{"op", "in", "out"}`: from `in`, ours must give `out`, or refuse in the same words.

use crate::Mismatch;
use crate::mismatch::same;
use core::fmt::Display;
use serde_json::{Value, json};

/// What ours answers to an input.
#[derive(Debug)]
pub(super) enum Answer {
    /// A value.
    Gives(Value),
    /// Words of refusal.
    Refuses(String),
}

impl Answer {
    /// The answer that a result stands for.
    pub(super) fn of(result: Result<Value, impl Display>) -> Self {
        result.map_or_else(|error| Self::Refuses(error.to_string()), Self::Gives)
    }
}

/// Runs `ours` on the op and the input of a case and compares what it answers.
pub(super) fn answered(
    case: &Value,
    ours: impl FnOnce(&str, &Value) -> Result<Answer, Mismatch>,
) -> Result<(), Mismatch> {
    let op = case.get("op").and_then(Value::as_str).unwrap_or_default();
    let got = match ours(op, member(case, "in")?)? {
        Answer::Gives(value) => value,
        Answer::Refuses(error) => json!({"error": error}),
    };
    same(member(case, "out")?, &got).map_err(|mismatch| mismatch.within("out"))
}

/// A member that must be there, if only as null.
pub(super) fn member<'a>(value: &'a Value, key: &str) -> Result<&'a Value, Mismatch> {
    value.get(key).ok_or_else(|| Mismatch::not_run(format!("the case has no {key}")))
}

/// A member that is a string.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Mismatch> {
    member(value, key)?.as_str().ok_or_else(|| Mismatch::not_run(format!("{key} is no string")))
}
