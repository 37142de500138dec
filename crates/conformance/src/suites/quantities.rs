//! The suite `quantities`.

use super::answer::{Answer, answered, member, text};
use crate::Mismatch;
use core::cmp::Ordering;
use serde_json::{Map, Value, json};
use wavetank_model::Quantity;
use wavetank_model::quantity::Format;

/// A case of `quantities`. The approximate number is compared as a number, up to its last digit.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let approximate = case.pointer("/out/approxFloat").and_then(Value::as_str);
    answered(case, |op, input| {
        Ok(match op {
            "parse" => match Quantity::parse(text(input, "string")?) {
                Ok(quantity) => Answer::Gives(facts(&quantity, case, approximate)?),
                Err(error) => Answer::Refuses(error.to_string()),
            },
            "new" => Answer::Gives(facts(&made(input)?, case, approximate)?),
            "arith" => arithmetic(&read(input, "a")?, &read(input, "b")?),
            "scaled" => scaled(&read(input, "string")?, input)?,
            "json" => Answer::of(
                Quantity::from_json(text(input, "json")?)
                    .map(|quantity| json!({"json": Value::from(quantity.to_string()).to_string()})),
            ),
            _ => return Err(Mismatch::not_run(format!("unknown op {op}"))),
        })
    })
}

fn read(input: &Value, key: &str) -> Result<Quantity, Mismatch> {
    Quantity::parse(text(input, key)?).map_err(|error| Mismatch::not_run(error.to_string()))
}

fn made(input: &Value) -> Result<Quantity, Mismatch> {
    let number = member(input, "n")?.as_i64().ok_or_else(|| Mismatch::not_run("n is no number"))?;
    let format = match text(input, "format")? {
        "DecimalSI" => Format::DecimalSi,
        "BinarySI" => Format::BinarySi,
        "DecimalExponent" => Format::DecimalExponent,
        other => return Err(Mismatch::not_run(format!("unknown format {other}"))),
    };
    let milli = member(input, "milli")?.as_bool().unwrap_or(false);
    Ok(if milli { Quantity::from_milli(number, format) } else { Quantity::new(number, format) })
}

/// Numbers past 64 bits, where the original wraps, are left out of the recorded answer: ours are then not asked.
fn facts(quantity: &Quantity, case: &Value, approximate: Option<&str>) -> Result<Value, Mismatch> {
    let mut facts = Map::new();
    let asked = |key: &str| case.pointer("/out").is_some_and(|out| out.get(key).is_some());
    facts.insert("string".to_owned(), quantity.to_string().into());
    facts.insert("format".to_owned(), quantity.format().as_str().into());
    facts.insert("isZero".to_owned(), quantity.is_zero().into());
    facts.insert("sign".to_owned(), quantity.signum().into());
    if let Some(number) = quantity.as_int64() {
        facts.insert("int64".to_owned(), number.into());
    }
    if asked("value") {
        facts.insert("value".to_owned(), quantity.value().into());
    }
    if asked("milliValue") {
        facts.insert("milliValue".to_owned(), quantity.milli_value().into());
    }
    if let Some(expected) = approximate {
        let wanted: f64 = expected.parse().map_err(|_| Mismatch::not_run("approxFloat is no number"))?;
        let got = quantity.approximate();
        // Nine digits are recorded; the last may differ.
        if (got - wanted).abs() > wanted.abs() * 1.1e-8 {
            return Err(Mismatch::differs("out.approxFloat", expected, got));
        }
        facts.insert("approxFloat".to_owned(), expected.into());
    }
    Ok(Value::Object(facts))
}

fn arithmetic(a: &Quantity, b: &Quantity) -> Answer {
    let order = a.cmp(b);
    Answer::Gives(json!({
        "cmp": match order {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        },
        "equal": order.is_eq(),
        "add": a.plus(b).to_string(),
        "sub": a.minus(b).to_string(),
        "neg": a.negated().to_string(),
    }))
}

fn scaled(quantity: &Quantity, input: &Value) -> Result<Answer, Mismatch> {
    let scale = member(input, "scale")?.as_i64().and_then(|scale| i32::try_from(scale).ok());
    let scale = scale.ok_or_else(|| Mismatch::not_run("scale is not a number of 32 bits"))?;
    let (rounded, exact) = quantity.rounded_up(scale);
    Ok(Answer::Gives(json!({
        "scaledValue": quantity.scaled_value(scale),
        "roundUp": rounded.to_string(),
        "roundUpExact": exact,
    })))
}
