//! Values in the spellings of Go's `fmt` and `encoding/json`, which kubectl's outputs are made of.

use core::fmt::Write;
use serde_json::{Number, Value};
use wavetank_model::strconv::quote;

/// A number as `%v` prints it: shortest digits, an exponent below -4 and from 21 decimal places on… but
/// for floats already from 6 on, as `%g` has it.
pub(crate) fn number(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    number.as_f64().map_or_else(|| number.to_string(), |float| general(float, 6))
}

/// A number as JSON spells it: whole floats lose their fraction.
pub(crate) fn json_number(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let Some(float) = number.as_f64() else { return number.to_string() };
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Here a single digit of a negative exponent stays single.
        return exponential(float).replace("e-0", "e-");
    }
    format!("{float}")
}

/// Shortest digits of a float, with an exponent from `most` whole digits on.
fn general(float: f64, most: i32) -> String {
    let scientific = format!("{float:e}");
    let exponent =
        scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or_default();
    // Digits that are there anyway are shown whole as long as six suffice for the decision.
    if float != 0.0 && (exponent < -4 || exponent >= most) { exponential(float) } else { format!("{float}") }
}

/// A float with an exponent of at least two digits.
fn exponential(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// A value as `%v` prints it: `map[a:1 b:[x y]]`, `<nil>`.
pub(crate) fn plain(value: &Value) -> String {
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
            for (index, (key, item)) in crate::field::sorted(value).into_iter().enumerate() {
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
pub(crate) fn syntax(value: &Value) -> String {
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
            for (index, (key, item)) in crate::field::sorted(value).into_iter().enumerate() {
                comma(out, index);
                out.push_str(&quote(key));
                out.push(':');
                write_syntax(out, item);
            }
            out.push('}');
        }
    }
}

/// A value as JSON on one line.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value, None);
    out
}

/// A value as JSON with four spaces for each level.
pub(crate) fn indented_json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value, Some(0));
    out
}

/// Writes JSON, over several lines if there is a level.
fn write_json(out: &mut String, value: &Value, level: Option<usize>) {
    let inner = level.map(|level| level.saturating_add(1));
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(found) => out.push_str(&json_number(found)),
        Value::String(text) => write_json_text(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next(out, index, inner);
                write_json(out, item, inner);
            }
            new_line(out, level);
            out.push(']');
        }
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Object(_) => {
            out.push('{');
            for (index, (key, item)) in crate::field::sorted(value).into_iter().enumerate() {
                next(out, index, inner);
                write_json_text(out, key);
                out.push_str(if inner.is_some() { ": " } else { ":" });
                write_json(out, item, inner);
            }
            new_line(out, level);
            out.push('}');
        }
    }
}

fn next(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    new_line(out, level);
}

fn new_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(core::iter::repeat_n("    ", level));
    }
}

/// A text in quotes. What could be markup is escaped too, as Go does.
fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_are_short_and_take_an_exponent_when_long() {
        let cases = [(1.5, "1.5", "1.5"), (1_000_000.0, "1e+06", "1000000"), (1e-7, "1e-07", "1e-7")];
        for (float, plain, json) in cases {
            let found = Number::from_f64(float).unwrap();
            assert_eq!((number(&found).as_str(), json_number(&found).as_str()), (plain, json));
        }
        assert_eq!(json_number(&Number::from_f64(1e21).unwrap()), "1e+21");
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

    #[test]
    fn json_escapes_markup_and_leaves_empty_lists_closed() {
        assert_eq!(json(&json!({"a": "<b>", "c": []})), "{\"a\":\"\\u003cb\\u003e\",\"c\":[]}");
        assert_eq!(indented_json(&json!({"a": [1], "b": {}})), "{\n    \"a\": [\n        1\n    ],\n    \"b\": {}\n}");
    }
}
