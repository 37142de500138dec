//! What `kubectl apply` sends: a patch made of what was applied last, what is to be applied now, and
//! what the server has.
//!
//! Sources: `apimachinery/pkg/util/strategicpatch` (`CreateThreeWayMergePatch`),
//! `apimachinery/pkg/util/jsonmergepatch`, `kubectl/pkg/util/apply.go`. What the new configuration
//! adds or changes is found against the server's object; what it drops, against the last
//! configuration, so that what others wrote stays.

use super::difference::{Halves, difference, same};
use super::strategic::{
    DELETE_PRIMITIVES, DIRECTIVE, ELEMENT_ORDER, Fault, Merged, Merging, Object, RETAIN_KEYS, field_of, in_order,
    merging, struct_of,
};
use crate::Kind;
use core::mem::discriminant;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The annotation that holds what was applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

const CHANGES: Halves = Halves { changes: true, deletions: false };
const DELETIONS: Halves = Halves { changes: false, deletions: true };
const BOTH: Halves = Halves { changes: true, deletions: true };

/// Why no patch can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MergeError {
    /// In kubectl's words.
    pub message: Arc<str>,
}

impl From<Fault> for MergeError {
    fn from(Fault(message): Fault) -> Self {
        Self { message: message.into() }
    }
}

/// The text of the annotation for an object that is applied: its compact JSON, keys in order, without
/// the annotation itself, and a line end.
#[must_use]
pub fn last_applied(object: &Value) -> String {
    let mut object = object.clone();
    let annotations = object
        .as_object_mut()
        .map(|fields| fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())))
        .and_then(Value::as_object_mut)
        .map(|metadata| metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new())));
    if let Some(annotations) = annotations {
        if annotations.is_null() {
            *annotations = Value::Object(Map::new());
        }
        if let Value::Object(annotations) = annotations {
            annotations.remove(LAST_APPLIED);
        }
    }
    format!("{}\n", go_json(&object))
}

/// An object with the annotation that says what it was applied as; this is what is to be merged.
#[must_use]
pub fn with_last_applied(object: &Value) -> Value {
    let text = last_applied(object);
    let mut object = object.clone();
    if let Some(Value::Object(metadata)) =
        object.as_object_mut().map(|fields| fields.entry("metadata").or_insert_with(|| Value::Object(Map::new())))
    {
        let annotations = metadata.entry("annotations").or_insert(Value::Null);
        if annotations.is_null() {
            *annotations = Value::Object(Map::new());
        }
        if let Value::Object(annotations) = annotations {
            annotations.insert(LAST_APPLIED.to_owned(), Value::from(text));
        }
    }
    object
}

/// What was applied last, if the object says so.
///
/// # Errors
/// If the annotation holds no JSON object.
pub fn last_applied_of(object: &Value) -> Result<Option<Value>, MergeError> {
    let Some(text) = object.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED))
    else {
        return Ok(None);
    };
    let text = text.as_str().unwrap_or_default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(Some(value)),
        Ok(_) => Err(MergeError { message: "the last applied configuration is not an object".into() }),
        Err(error) => Err(MergeError { message: error.to_string().into() }),
    }
}

/// A value as Go's encoder writes it: compact, keys in order, the letters that matter to HTML escaped.
#[must_use]
pub fn go_json(value: &Value) -> String {
    let text = whole_numbers(value).to_string();
    // These letters stand nowhere but inside strings.
    let escapes =
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match escapes.iter().find(|(known, _)| *known == letter) {
            Some((_, escaped)) => out.push_str(escaped),
            None => out.push(letter),
        }
    }
    out
}

/// Go writes a float that is whole without its fraction.
fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            let whole = text.strip_suffix(".0").and_then(|text| text.parse::<i64>().ok());
            whole.map_or_else(|| value.clone(), Value::from)
        }
        Value::Array(items) => Value::Array(items.iter().map(whole_numbers).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), whole_numbers(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn objects<'a>(values: &[&'a Value]) -> Result<Vec<&'a Object>, MergeError> {
    let object =
        |value: &&'a Value| value.as_object().ok_or_else(|| MergeError { message: "expected a JSON object".into() });
    values.iter().map(object).collect()
}

/// The strategic merge patch from one object to another, as `kubectl set` and `edit` make it.
///
/// # Errors
/// If an item of a list that merges lacks its key.
pub fn two_way_strategic(kind: Kind, old: &Value, new: &Value) -> Result<Value, MergeError> {
    let given = objects(&[old, new])?;
    let [old, new] = given.as_slice() else { return Ok(Value::Object(Map::new())) };
    Ok(Value::Object(difference(Some(kind.go_type()), old, new, BOTH)?))
}

/// The strategic merge patch that `kubectl apply` sends; an empty object if there is nothing to do.
///
/// `original` is what was applied last, `modified` what is to be applied
/// ([`with_last_applied`]), `current` what the server has.
///
/// # Errors
/// If an item of a list that merges lacks its key, or if the patch would change the version, the kind
/// or the name.
pub fn three_way_strategic(
    kind: Kind,
    original: Option<&Value>,
    modified: &Value,
    current: &Value,
) -> Result<Value, MergeError> {
    let nothing = Value::Object(Map::new());
    let given = objects(&[original.unwrap_or(&nothing), modified, current])?;
    let [original, modified, current] = given.as_slice() else { return Ok(nothing) };
    let name = Some(kind.go_type());
    let changes = difference(name, current, modified, CHANGES)?;
    let deletions = difference(name, original, modified, DELETIONS)?;
    let patch = Value::Object(joined(name, deletions, changes)?);
    demand_identity(&patch, modified)?;
    Ok(patch)
}

/// The JSON merge patch that `kubectl apply` sends for kinds that it does not know.
///
/// # Errors
/// As [`three_way_strategic`].
pub fn three_way_json_merge(original: Option<&Value>, modified: &Value, current: &Value) -> Result<Value, MergeError> {
    let nothing = Value::Object(Map::new());
    let given = objects(&[original.unwrap_or(&nothing), modified, current])?;
    let [original, modified, current] = given.as_slice() else { return Ok(nothing) };
    let changes = only(merge_difference(current, modified), false);
    let mut patch = Value::Object(only(merge_difference(original, modified), true));
    lay_over(&mut patch, &Value::Object(changes));
    demand_identity(&patch, modified)?;
    Ok(patch)
}

/// The JSON merge patch from one object to another.
///
/// # Errors
/// If one of them is no object.
pub fn two_way_json_merge(old: &Value, new: &Value) -> Result<Value, MergeError> {
    let given = objects(&[old, new])?;
    let [old, new] = given.as_slice() else { return Ok(Value::Object(Map::new())) };
    Ok(Value::Object(merge_difference(old, new)))
}

/// A patch must leave alone what says which object it is for.
fn demand_identity(patch: &Value, modified: &Object) -> Result<(), MergeError> {
    let fault = |key: &str| {
        let shown = super::strategic::go_map(&Value::Object(modified.clone()));
        let message = format!("precondition failed for: {shown}: {key} may not be changed");
        Err(MergeError { message: message.into() })
    };
    for (key, pointer) in [("apiVersion", "/apiVersion"), ("kind", "/kind"), ("metadata.name", "/metadata/name")] {
        if patch.pointer(pointer).is_some() {
            return fault(key);
        }
    }
    Ok(())
}

fn merge_difference(old: &Object, new: &Object) -> Object {
    let mut patch = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(Value::Object(was)), Value::Object(is)) => {
                let below = merge_difference(was, is);
                if !below.is_empty() {
                    patch.insert(key.clone(), Value::Object(below));
                }
            }
            (Some(was), is) if same(was, is) => {}
            (Some(_) | None, is) => drop(patch.insert(key.clone(), is.clone())),
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// Of a merge patch only the deletions, or only all else.
fn only(patch: Object, deletions: bool) -> Object {
    let mut kept = Map::new();
    for (key, value) in patch {
        match value {
            Value::Null if deletions => drop(kept.insert(key, Value::Null)),
            Value::Null => {}
            Value::Object(below) if below.is_empty() && !deletions => drop(kept.insert(key, Value::Object(below))),
            Value::Object(below) => {
                let below = only(below, deletions);
                if !below.is_empty() {
                    kept.insert(key, Value::Object(below));
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) if deletions => {}
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                kept.insert(key, other);
            }
        }
    }
    kept
}

/// Lays one merge patch over another.
fn lay_over(patch: &mut Value, over: &Value) {
    match (patch, over) {
        (Value::Object(patch), Value::Object(over)) => {
            for (key, value) in over {
                match patch.get_mut(key) {
                    Some(below) if !below.is_null() => lay_over(below, value),
                    Some(_) | None => drop(patch.insert(key.clone(), value.clone())),
                }
            }
        }
        (patch, over) => *patch = over.clone(),
    }
}

/// Lays one strategic patch over another; directives are kept, none is carried out.
fn joined(name: Option<&'static str>, mut patch: Object, mut over: Object) -> Result<Object, Fault> {
    if let Some(kept) = over.remove(RETAIN_KEYS) {
        match patch.get(RETAIN_KEYS) {
            Some(known) if *known != kept => {
                return Err(Fault("retainKeys list not match in two patches".to_owned()));
            }
            Some(_) | None => drop(patch.insert(RETAIN_KEYS.to_owned(), kept)),
        }
    }
    let orders: Vec<String> = over.keys().filter(|key| key.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in orders {
        let Some(order) = over.remove(&directive) else { continue };
        match patch.get(&directive) {
            Some(known) if *known != order => {
                return Err(Fault("$setElementOrder list not match in two patches".to_owned()));
            }
            Some(_) | None => drop(patch.insert(directive.clone(), order.clone())),
        }
        let Some(list) = directive.strip_prefix(ELEMENT_ORDER) else { continue };
        let Some(merging) = merging(field_of(name, list)) else { continue };
        let (was, is) = (patch.remove(list), over.remove(list));
        if was.is_none() && is.is_none() {
            continue;
        }
        let items = |value: Option<Value>| value.and_then(|value| value.as_array().cloned()).unwrap_or_default();
        let was = items(was);
        let together = joined_lists(merging, was.clone(), items(is))?;
        let order = order.as_array().cloned().unwrap_or_default();
        patch.insert(list.to_owned(), Value::Array(in_order(merging, together, &order, &was)));
    }
    for (key, value) in over {
        if key.starts_with(DELETE_PRIMITIVES) {
            patch.insert(key, value);
            continue;
        }
        let field = field_of(name, &key);
        let joined = match (patch.remove(&key), value) {
            (Some(Value::Object(was)), Value::Object(is)) => {
                Value::Object(joined(field.and_then(|field| struct_of(&field.kind)), was, is)?)
            }
            (Some(Value::Array(was)), Value::Array(is)) => match merging(field) {
                Some(merging) => {
                    let together = joined_lists(merging, was.clone(), is.clone())?;
                    Value::Array(in_order(merging, together, &is, &was))
                }
                None => Value::Array(is),
            },
            (_, value) => value,
        };
        patch.insert(key, joined);
    }
    Ok(patch)
}

fn joined_lists(merging: Merging, patch: Vec<Value>, over: Vec<Value>) -> Result<Vec<Value>, Fault> {
    let mut together = Merged::new(merging, patch);
    for item in over {
        match (together.like(&item), item) {
            (Some(Value::Object(was)), Value::Object(is)) => {
                if was.contains_key(DIRECTIVE) {
                    *was = is;
                } else {
                    *was = joined(merging.item, core::mem::take(was), is)?;
                }
            }
            (Some(was), is) if discriminant(was) == discriminant(&is) => {}
            (_, is) => together.push(is),
        }
    }
    Ok(together.into_items())
}

#[cfg(test)]
#[path = "three_way_tests.rs"]
mod tests;
