//! Strategic merge: objects and keyed lists merge, and directives say what else is wanted.
//!
//! Source: `apimachinery/pkg/util/strategicpatch`. Which lists merge, and by which key, is in the
//! schema.

use crate::schema::{self, Field, Type};
use serde_json::{Map, Value};

pub(crate) const DIRECTIVE: &str = "$patch";
pub(crate) const RETAIN_KEYS: &str = "$retainKeys";
pub(crate) const ELEMENT_ORDER: &str = "$setElementOrder/";
pub(crate) const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Why a patch cannot be applied.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) String);

/// How a field's list merges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merging {
    /// The key of its items; empty for lists of plain values.
    pub(crate) key: &'static str,
    /// The struct its items are of, if they are of one.
    pub(crate) item: Option<&'static str>,
}

/// Applies a patch to an object of a named struct.
pub(crate) fn apply(name: &'static str, object: &Value, patch: &Value) -> Result<Value, Fault> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err(Fault("expected two objects".to_owned()));
    };
    merge_map(Some(name), object.clone(), patch).map(Value::Object)
}

/// The struct behind a type, through pointers.
pub(crate) fn struct_of(kind: &Type) -> Option<&'static str> {
    match kind.resolved() {
        Type::Named(name) => Some(name),
        Type::Basic(_) | Type::Slice(_) | Type::Map(..) | Type::Pointer(_) => None,
    }
}

pub(crate) fn field_of(name: Option<&'static str>, key: &str) -> Option<&'static Field> {
    name.and_then(|name| schema::field(name, key))
}

/// How the list of a field merges, if it does.
pub(crate) fn merging(field: Option<&'static Field>) -> Option<Merging> {
    let field = field.filter(|field| field.strategy.split(',').any(|word| word == "merge"))?;
    match field.kind.resolved() {
        Type::Slice(item) => Some(Merging { key: field.merge_key, item: struct_of(item) }),
        Type::Basic(_) | Type::Named(_) | Type::Map(..) | Type::Pointer(_) => None,
    }
}

/// The fields of a JSON object.
pub(crate) type Object = Map<String, Value>;

fn merge_map(name: Option<&'static str>, mut object: Object, patch: &Object) -> Result<Object, Fault> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => {
            let mut replacement = patch.clone();
            replacement.remove(DIRECTIVE);
            return Ok(replacement);
        }
        Some(Some("delete")) => return Ok(Object::new()),
        Some(other) => return Err(Fault(format!("unknown patch type found: {}", other.unwrap_or_default()))),
    }
    if let Some(Value::Array(kept)) = patch.get(RETAIN_KEYS) {
        object.retain(|key, _| kept.iter().any(|known| known.as_str() == Some(key)));
    }
    for (key, value) in patch {
        let directed = key == DIRECTIVE || key == RETAIN_KEYS || key.starts_with(ELEMENT_ORDER);
        if directed {
            continue;
        }
        if let Some(list) = key.strip_prefix(DELETE_PRIMITIVES) {
            delete_primitives(&mut object, list, value);
            continue;
        }
        let field = field_of(name, key);
        let order = patch.get(&format!("{ELEMENT_ORDER}{key}")).and_then(Value::as_array);
        match (value, merging(field)) {
            (Value::Null, _) => drop(object.remove(key)),
            (Value::Object(below), _) => {
                let replaces = field.is_some_and(|field| field.strategy == "replace");
                let inner = field.and_then(|field| struct_of(&field.kind));
                let original = match object.remove(key) {
                    Some(Value::Object(original)) if !replaces => original,
                    _ => Object::new(),
                };
                object.insert(key.clone(), Value::Object(merge_map(inner, original, below)?));
            }
            (Value::Array(items), Some(merging)) => {
                let original = match object.remove(key) {
                    Some(Value::Array(original)) => original,
                    _ => Vec::new(),
                };
                let merged = merge_list(merging, &original, items, order)?;
                object.insert(key.clone(), Value::Array(merged));
            }
            (value, _) => drop(object.insert(key.clone(), value.clone())),
        }
    }
    // An order may be asked for without any change of the items.
    for (key, order) in patch {
        let Some(list) = key.strip_prefix(ELEMENT_ORDER).filter(|list| !patch.contains_key(*list)) else { continue };
        if let (Some(Value::Array(items)), Value::Array(order), Some(merging)) =
            (object.get_mut(list), order, merging(field_of(name, list)))
        {
            let original = core::mem::take(items);
            *items = in_order(merging, original.clone(), order, &original);
        }
    }
    Ok(object)
}

fn delete_primitives(object: &mut Object, list: &str, gone: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (object.get_mut(list), gone) {
        items.retain(|item| !gone.contains(item));
    }
}

/// What tells an item of a list from others: its key, or itself.
pub(crate) fn identity(merging: Merging, item: &Value) -> Option<&Value> {
    if merging.key.is_empty() { Some(item) } else { item.get(merging.key) }
}

pub(crate) fn position(merging: Merging, items: &[Value], wanted: &Value) -> Option<usize> {
    let wanted = identity(merging, wanted)?;
    items.iter().position(|item| identity(merging, item) == Some(wanted))
}

fn merge_list(
    merging: Merging,
    original: &[Value],
    patch: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<Vec<Value>, Fault> {
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(ToOwned::to_owned);
    let replaces = patch.iter().any(|item| directive(item).as_deref() == Some("replace"));
    let mut merged = if replaces { Vec::new() } else { original.to_vec() };
    let mut named = Vec::new();
    for item in patch {
        match directive(item).as_deref() {
            Some("replace") => {}
            Some("delete") => {
                demand_key(merging, item)?;
                merged.retain(|known| identity(merging, known) != identity(merging, item));
            }
            Some("merge") | None => {
                demand_key(merging, item)?;
                named.push(item.clone());
                merge_item(merging, &mut merged, item)?;
            }
            Some(other) => return Err(Fault(format!("unknown patch type found: {other}"))),
        }
    }
    Ok(in_order(merging, merged, order.unwrap_or(&named), original))
}

fn merge_item(merging: Merging, merged: &mut Vec<Value>, item: &Value) -> Result<(), Fault> {
    let known = position(merging, merged, item);
    let Value::Object(patch) = item else {
        if known.is_none() {
            merged.push(item.clone());
        }
        return Ok(());
    };
    let original = match known.and_then(|index| merged.get_mut(index)).map(core::mem::take) {
        Some(Value::Object(original)) => original,
        _ => Object::new(),
    };
    let value = Value::Object(merge_map(merging.item, original, patch)?);
    match known {
        Some(index) => merged[index] = value,
        None => merged.push(value),
    }
    Ok(())
}

pub(crate) fn demand_key(merging: Merging, item: &Value) -> Result<(), Fault> {
    if identity(merging, item).is_some() {
        return Ok(());
    }
    let message = format!("map: {} does not contain declared merge key: {}", go_map(item), merging.key);
    Err(Fault(message))
}

/// A value as Go prints one without a type.
pub(crate) fn go_map(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", go_map(value))).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_map).collect();
            format!("[{}]", items.join(" "))
        }
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What is said of the first text in a patch that stands where a number or truth value belongs.
pub(crate) fn mistyped(name: &'static str, patch: &Value) -> Option<String> {
    let Value::Object(map) = patch else { return None };
    map.iter().find_map(|(key, value)| {
        let kind = schema::field(name, key)?.kind.resolved();
        match (kind, value) {
            (Type::Basic(basic), Value::String(_)) if *basic != "string" => Some(format!("unrecognized type: {basic}")),
            (Type::Named(inner), _) => mistyped(inner, value),
            (Type::Slice(item), Value::Array(items)) => {
                let inner = struct_of(item)?;
                items.iter().find_map(|item| mistyped(inner, item))
            }
            (_, _) => None,
        }
    })
}

/// Items named by the patch come in its order, the others in the order they had; where the two meet,
/// the old order decides if it knows both, else the patch's item goes first.
pub(crate) fn in_order(merging: Merging, items: Vec<Value>, order: &[Value], original: &[Value]) -> Vec<Value> {
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| position(merging, order, item).is_some());
    named.sort_by_key(|item| position(merging, order, item));
    let mut sorted = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        while let Some(next) = named.peek() {
            let places = (position(merging, original, &other), position(merging, original, next));
            if matches!(places, (Some(other), Some(next)) if other < next) {
                break;
            }
            sorted.extend(named.next());
        }
        sorted.push(other);
    }
    sorted.extend(named);
    sorted
}
