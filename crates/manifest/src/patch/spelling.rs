//! The text of a patched object, as the server shows it when it cannot be decoded.
//!
//! The server patches text. What a patch leaves alone stays as the Go types write it, in the order of
//! their fields; an object that a patch has opened is written anew, by its keys.

use crate::patch::go_json;
use crate::schema::{self, Field, Type};
use crate::strict;
use serde_json::{Map, Value};

/// What a patch opens: objects all the way down, or null where it puts something in.
pub(super) fn opened_by(operations: &Value) -> Value {
    let mut opened = Value::Object(Map::new());
    for operation in operations.as_array().into_iter().flatten() {
        for key in ["path", "from"] {
            let path = operation[key].as_str().unwrap_or_default();
            let parts: Vec<String> =
                path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
            open(&mut opened, &parts);
        }
    }
    opened
}

fn open(opened: &mut Value, path: &[String]) {
    let [first, rest @ ..] = path else { return };
    if opened.is_null() {
        *opened = Value::Object(Map::new());
    }
    let Value::Object(map) = opened else { return };
    let below = map.entry(first.clone()).or_insert(Value::Null);
    if !rest.is_empty() {
        open(below, rest);
    }
}

/// An object with all that its Go type writes, as far as it can be decoded.
pub(super) fn as_written(name: &'static str, object: &Value) -> Value {
    strict::decode(name, object).unwrap_or_else(|_| object.clone())
}

/// Spells a patched object of a named struct; `before` is what was patched, `opened` what the patch opens.
pub(super) fn spelled(name: &'static str, before: &Value, patched: &Value, opened: &Value) -> String {
    let mut out = String::new();
    let kind = Type::Named(name);
    write(&mut out, Some(&kind), Some(before), patched, Some(opened));
    out
}

fn write(out: &mut String, kind: Option<&Type>, before: Option<&Value>, value: &Value, opened: Option<&Value>) {
    match value {
        Value::Object(map) => {
            let anew = before.is_none() || opened.is_some_and(Value::is_object);
            out.push('{');
            let mut first = true;
            for key in keys(kind, map, anew) {
                let Some(item) = map.get(&key) else { continue };
                if !core::mem::take(&mut first) {
                    out.push(',');
                }
                out.push_str(&go_json(&Value::from(key.as_str())));
                out.push(':');
                let (before, opened) =
                    (before.and_then(|before| before.get(&key)), opened.and_then(|all| all.get(&key)));
                write(out, below(kind, &key).as_ref(), before, item, opened);
            }
            out.push('}');
        }
        Value::Array(items) => {
            let item_kind = match kind.map(Type::resolved) {
                Some(Type::Slice(item)) => Some(&**item),
                _ => None,
            };
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let opened = opened.and_then(|all| all.get(index.to_string()));
                write(out, item_kind, before.and_then(|before| before.get(index)), item, opened);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&go_json(value)),
    }
}

/// The keys of an object in the order in which they are written.
fn keys(kind: Option<&Type>, map: &Map<String, Value>, anew: bool) -> Vec<String> {
    let mut keys: Vec<String> = map.keys().cloned().collect();
    keys.sort();
    let Some(Type::Named(name)) = kind.map(Type::resolved).filter(|_| !anew) else { return keys };
    let mut ordered = Vec::new();
    in_order(name, &mut |field| {
        if map.contains_key(field.json) {
            ordered.push(field.json.to_owned());
        }
    });
    keys.retain(|key| !ordered.contains(key));
    ordered.extend(keys);
    ordered
}

/// The fields of a struct in order, with those of inlined ones.
fn in_order(name: &str, each: &mut impl FnMut(&Field)) {
    for field in schema::fields(name) {
        match (&field.kind, field.is_inline()) {
            (Type::Named(inner), true) => in_order(inner, each),
            _ => each(field),
        }
    }
}

/// The type of what a key leads to.
fn below(kind: Option<&Type>, key: &str) -> Option<Type> {
    match kind.map(Type::resolved)? {
        Type::Named(name) => schema::field(name, key).map(|field| field.kind.clone()),
        Type::Map(_, values) => Some((**values).clone()),
        Type::Basic(_) | Type::Slice(_) | Type::Pointer(_) => None,
    }
}
