//! Values as Go's `fmt` prints them, which many answers of the server and of kubectl are made of.

use crate::strconv::quote;
use serde_json::{Number, Value};

/// Whole digits from which on a float has an exponent, where the shortest digits are printed.
const MOST_WHOLE_DIGITS: i32 = 6;

/// The type that Go reads a JSON value into (`%T`).
///
/// ```
/// # use wavetank_model::go_text;
/// assert_eq!(go_text::type_name(&serde_json::json!([1])), "[]interface {}");
/// ```
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A number as `%v` prints it: the shortest digits, and an exponent for a float below 0.0001 or of seven
/// whole digits and more.
#[must_use]
pub fn number(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    number.as_f64().map_or_else(|| number.to_string(), general)
}

/// The shortest digits of a float.
fn general(float: f64) -> String {
    let scientific = format!("{float:e}");
    let exponent =
        scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or_default();
    // Digits that are there anyway are shown whole as long as six suffice for the decision.
    if float != 0.0 && !(-4..MOST_WHOLE_DIGITS).contains(&exponent) { exponential(float) } else { format!("{float}") }
}

/// A float with an exponent of at least two digits.
fn exponential(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// A value as `%v` prints it: `map[a:1 b:[x y]]`, `<nil>`.
#[must_use]
pub fn plain(value: &Value) -> String {
    let mut out = String::new();
    write_plain(&mut out, value);
    out
}

fn write_plain(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(found) => out.push_str(&number(found)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write_plain(out, item);
            }
            out.push(']');
        }
        Value::Object(_) => {
            out.push_str("map[");
            for (index, (key, item)) in sorted(value).into_iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_plain(out, item);
            }
            out.push(']');
        }
    }
}

/// A value as `%#v` prints it: in Go's own syntax.
#[must_use]
pub fn syntax(value: &Value) -> String {
    let mut out = String::new();
    write_syntax(&mut out, value);
    out
}

fn write_syntax(out: &mut String, value: &Value) {
    let comma = |out: &mut String, index: usize| {
        if index > 0 {
            out.push_str(", ");
        }
    };
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(_) | Value::Number(_) => write_plain(out, value),
        Value::String(text) => out.push_str(&quote(text)),
        Value::Array(items) => {
            out.push_str("[]interface {}{");
            for (index, item) in items.iter().enumerate() {
                comma(out, index);
                write_syntax(out, item);
            }
            out.push('}');
        }
        Value::Object(_) => {
            out.push_str("map[string]interface {}{");
            for (index, (key, item)) in sorted(value).into_iter().enumerate() {
                comma(out, index);
                out.push_str(&quote(key));
                out.push(':');
                write_syntax(out, item);
            }
            out.push('}');
        }
    }
}

/// The members of an object by key. Sorted here, because whether the map of `serde_json` sorts is not ours to
/// say.
#[must_use]
pub fn sorted(object: &Value) -> Vec<(&str, &Value)> {
    let mut members: Vec<(&str, &Value)> =
        object.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect();
    members.sort_by_key(|(key, _)| *key);
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_are_short_and_take_an_exponent_when_long() {
        for (float, text) in [(1.5, "1.5"), (123_456.0, "123456"), (1_000_000.0, "1e+06"), (1e-7, "1e-07")] {
            assert_eq!(Number::from_f64(float).as_ref().map(number).as_deref(), Some(text));
        }
    }

    #[test]
    fn go_prints_maps_by_key() {
        let value = json!({"b": [1, null, "x"], "a": {"c": true}});
        assert_eq!(plain(&value), "map[a:map[c:true] b:[1 <nil> x]]");
        assert_eq!(
            syntax(&value),
            "map[string]interface {}{\"a\":map[string]interface {}{\"c\":true}, \
             \"b\":[]interface {}{1, interface {}(nil), \"x\"}}"
        );
    }
}
