//! Whether an applied object fits the types, in the words of the server.
//!
//! Source of the words: `structured-merge-diff/typed/validate.go`.

use super::derived::shape_of;
use super::path::{PathElement, spelled};
use super::shape::Shape;
use crate::schema::{self, Type};
use serde_json::Value;
use std::collections::BTreeSet;
use wavetank_model::{Kind, Reason, Refusal, go_text};

/// Checks an object that is to be applied.
///
/// # Errors
/// An error without a reason that lists what does not fit.
pub(super) fn check(kind: Kind, config: &Value) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    walk(shape_of(kind), Some(&Type::Named(kind.go_type())), config, &mut Vec::new(), &mut faults);
    let text = match faults.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("errors:\n{}", several.iter().map(|fault| format!("  {fault}\n")).collect::<String>()),
    };
    let metadata = &config["metadata"];
    let (namespace, name) = (metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default());
    let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let (version, word) = (kind.api_version(), kind.as_str());
    let message = format!("failed to create typed patch object ({place}{name}; {version}, Kind={word}): {text}");
    Err(Refusal::new(Reason::Other("".into()), message))
}

fn fault(path: &[PathElement], text: &str, faults: &mut Vec<String>) {
    let place = spelled(path);
    faults.push(if place.is_empty() { text.to_owned() } else { format!("{place}: {text}") });
}

fn walk(shape: Shape, kind: Option<&Type>, value: &Value, path: &mut Vec<PathElement>, faults: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    match kind.map(Type::resolved) {
        Some(Type::Named(name)) if !schema::fields(name).is_empty() => {
            let Some(map) = value.as_object() else {
                return fault(path, &format!("expected map, got {}", go_value(value)), faults);
            };
            for (key, below) in map {
                path.push(PathElement::Field(key.clone()));
                match schema::field(name, key) {
                    Some(field) => walk(shape.field(key), Some(&field.kind), below, path, faults),
                    None => fault(path, "field not declared in schema", faults),
                }
                path.pop();
            }
        }
        Some(Type::Map(_, values)) => {
            let Some(map) = value.as_object() else {
                return fault(path, &format!("expected map, got {}", go_value(value)), faults);
            };
            for (key, below) in map {
                path.push(PathElement::Field(key.clone()));
                walk(shape.field(key), Some(values), below, path, faults);
                path.pop();
            }
        }
        Some(Type::Slice(item)) if **item != Type::Basic("uint8") => {
            let Some(items) = value.as_array() else {
                return fault(path, &format!("expected list, got {}", go_value(value)), faults);
            };
            walk_items(shape, item, items, path, faults);
        }
        Some(Type::Basic(name)) => {
            let (fits, expected) = match *name {
                "string" => (value.is_string(), "string"),
                "bool" => (value.is_boolean(), "boolean"),
                _ => (value.is_number(), "numeric (int or float)"),
            };
            if !fits {
                let got = match *name {
                    "string" => format!("&value.valueUnstructured{{Value:{}}}", go_text::syntax(value)),
                    "bool" => go_value(value),
                    _ => go_text::type_name(value).to_owned(),
                };
                fault(path, &format!("expected {expected}, got {got}"), faults);
            }
        }
        _ => {}
    }
}

fn walk_items(shape: Shape, item: &Type, items: &[Value], path: &mut Vec<PathElement>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (index, value) in items.iter().enumerate() {
        let element = match shape {
            Shape::Keyed(..) | Shape::Set => match shape.step_to(value) {
                Ok(element) => element,
                Err(text) => {
                    fault(path, &format!("element {index}: {text}"), faults);
                    return;
                }
            },
            Shape::Leaf | Shape::Struct(_) | Shape::Map(_) => PathElement::Index(index),
        };
        if !seen.insert(element.clone()) {
            fault(path, &format!("duplicate entries for key {element}"), faults);
        }
        path.push(element);
        walk(shape.item(), Some(item), value, path, faults);
        path.pop();
    }
}

/// A value as Go prints it within the server's own type of values.
fn go_value(value: &Value) -> String {
    format!("&{{{}}}", go_text::plain(value))
}
