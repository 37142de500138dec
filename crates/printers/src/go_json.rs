//! Values as Go's `encoding/json` spells them.

use core::fmt::Write;
use serde_json::{Number, Value};
use wavetank_model::go_text::sorted;

/// A value as JSON on one line.
pub(crate) fn line(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// A value as JSON with four spaces for each level.
pub(crate) fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

/// Writes JSON, over several lines if there is a level.
fn write(out: &mut String, value: &Value, level: Option<usize>) {
    let inner = level.map(|level| level.saturating_add(1));
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(found) => out.push_str(&number(found)),
        Value::String(text) => write_text(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next(out, index, inner);
                write(out, item, inner);
            }
            new_line(out, level);
            out.push(']');
        }
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Object(_) => {
            out.push('{');
            for (index, (key, item)) in sorted(value).into_iter().enumerate() {
                next(out, index, inner);
                write_text(out, key);
                out.push_str(if inner.is_some() { ": " } else { ":" });
                write(out, item, inner);
            }
            new_line(out, level);
            out.push('}');
        }
    }
}

/// A number as JSON spells it: whole floats lose their fraction, and what is very small or large has an exponent.
fn number(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let Some(float) = number.as_f64() else { return number.to_string() };
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{float}");
    }
    // A positive exponent has its sign; a negative one of one digit stays so, unlike in `fmt`.
    let scientific = format!("{float:e}");
    if size < 1.0 { scientific } else { scientific.replace('e', "e+") }
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
fn write_text(out: &mut String, text: &str) {
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
    fn floats_take_an_exponent_only_when_they_are_very_small_or_large() {
        let cases = [(1.5, "1.5"), (1_000_000.0, "1000000"), (1e-7, "1e-7"), (-2.5e-10, "-2.5e-10"), (1e21, "1e+21")];
        for (float, text) in cases {
            assert_eq!(Number::from_f64(float).as_ref().map(number).as_deref(), Some(text));
        }
    }

    #[test]
    fn markup_is_escaped_and_empty_lists_stay_closed() {
        assert_eq!(line(&json!({"a": "<b>", "c": []})), "{\"a\":\"\\u003cb\\u003e\",\"c\":[]}");
        assert_eq!(indented(&json!({"a": [1], "b": {}})), "{\n    \"a\": [\n        1\n    ],\n    \"b\": {}\n}");
    }
}
