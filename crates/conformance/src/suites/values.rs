//! Suites of small values: percentages and ages.

use super::answer::{Answer, answered, member, text};
use crate::Mismatch;
use serde_json::{Value, json};
use wavetank_model::IntOrString;
use wavetank_model::duration::{human_duration, short_human_duration};
use wavetank_model::int_or_string::{resolve_fenceposts, scaled_value};

/// A case of `int-or-percent`.
pub(super) fn int_or_percent(_: &Value, case: &Value) -> Result<(), Mismatch> {
    answered(case, |op, input| {
        Ok(match op {
            "scale" => {
                let (value, total) = (int_or_string(input, "value")?, int32(input, "total")?);
                let scaled = |round_up| scaled_value(value.as_ref(), total, round_up);
                Answer::of(scaled(true).and_then(|up| Ok(json!({"up": up, "down": scaled(false)?}))))
            }
            "fromString" => {
                let value = IntOrString::parse(text(input, "string")?);
                let (kind, json) = match &value {
                    IntOrString::Int(number) => ("int", json!(number)),
                    IntOrString::String(text) => ("string", json!(&**text)),
                };
                let (number, string) = (value.int_value(), value.to_string());
                Answer::Gives(json!({"type": kind, "json": json, "intValue": number, "string": string}))
            }
            "fenceposts" => {
                let (surge, unavailable) = (int_or_string(input, "maxSurge")?, int_or_string(input, "maxUnavailable")?);
                let posts = resolve_fenceposts(surge.as_ref(), unavailable.as_ref(), int32(input, "replicas")?);
                Answer::of(posts.map(|(surge, unavailable)| json!({"surge": surge, "unavailable": unavailable})))
            }
            _ => return Err(Mismatch::not_run(format!("unknown op {op}"))),
        })
    })
}

/// A case of `human-duration`.
pub(super) fn human(_: &Value, case: &Value) -> Result<(), Mismatch> {
    answered(case, |_, input| {
        let nanos = member(input, "nanos")?.as_i64().ok_or_else(|| Mismatch::not_run("nanos is no number"))?;
        Ok(Answer::Gives(json!({"human": human_duration(nanos), "short": short_human_duration(nanos)})))
    })
}

fn int32(input: &Value, key: &str) -> Result<i32, Mismatch> {
    let number = member(input, key)?.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| Mismatch::not_run(format!("{key} is not a number of 32 bits")))
}

fn int_or_string(input: &Value, key: &str) -> Result<Option<IntOrString>, Mismatch> {
    match member(input, key)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(IntOrString::String(text.as_str().into()))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            int32(input, key).map(|number| Some(IntOrString::Int(number)))
        }
    }
}
