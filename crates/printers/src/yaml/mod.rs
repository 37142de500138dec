//! Objects as YAML, spelled as kubectl spells them.
//!
//! Keys go by name, with numbers in them by value; lists begin in the column of their key; texts are plain
//! where a reader would take them for texts, literal where they have several lines, quoted else, and folded
//! at the first space past column 80.

mod order;
mod resolve;
mod scalar;

use crate::sorting;
use scalar::{Pen, Place, Style};
use serde_json::Value;
use wavetank_model::go_text::{self, sorted};

/// Longest key that is written as a simple one.
const SIMPLE_KEY: usize = 128;

/// A value as a YAML document, with a line feed at its end.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut pen = Pen::default();
    match value {
        Value::Object(members) if !members.is_empty() => mapping(&mut pen, value, 0, true),
        Value::Array(items) if !items.is_empty() => sequence(&mut pen, items, 0, true),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            leaf(&mut pen, value, 0)
        }
    }
    pen.finish()
}

/// Writes the members of an object at a column; the first one where the pen is, if that is the place for it.
fn mapping(pen: &mut Pen, object: &Value, indent: usize, mut here: bool) {
    for (key, value) in sorting::stable(sorted(object), |(a, _), (b, _)| order::keys(a, b).is_lt()) {
        if !core::mem::take(&mut here) {
            pen.indent(indent);
        }
        if key.len() <= SIMPLE_KEY && !scalar::is_multiline(key) {
            pen.text(key, Style::of(key), Place::Key);
        } else {
            pen.put("? ");
            pen.text(key, Style::of(key), Place::Value { indent: indent + 2 });
            pen.indent(indent);
        }
        pen.put(":");
        match value {
            Value::Object(members) if !members.is_empty() => mapping(pen, value, indent + 2, false),
            Value::Array(items) if !items.is_empty() => sequence(pen, items, indent, false),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                pen.put(" ");
                leaf(pen, value, indent + 2);
            }
        }
    }
}

fn sequence(pen: &mut Pen, items: &[Value], indent: usize, mut here: bool) {
    for item in items {
        if !core::mem::take(&mut here) {
            pen.indent(indent);
        }
        pen.put("- ");
        match item {
            Value::Object(members) if !members.is_empty() => mapping(pen, item, indent + 2, true),
            Value::Array(items) if !items.is_empty() => sequence(pen, items, indent + 2, true),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                leaf(pen, item, indent + 2)
            }
        }
    }
}

fn leaf(pen: &mut Pen, value: &Value, indent: usize) {
    match value {
        Value::Null => pen.put("null"),
        Value::Bool(flag) => pen.put(if *flag { "true" } else { "false" }),
        Value::Number(number) => pen.put(&go_text::number(number)),
        Value::String(text) => pen.text(text, Style::of(text), Place::Value { indent }),
        Value::Array(_) => pen.put("[]"),
        Value::Object(_) => pen.put("{}"),
    }
}

#[cfg(test)]
mod tests;
