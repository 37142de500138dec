//! Strategic merge: objects and keyed lists merge, and directives say what else is wanted.
//!
//! Source: `apimachinery/pkg/util/strategicpatch`. Which lists merge, and by which key, is in the
//! schema.

use crate::schema::{self, Field, Type};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

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
        let gone: BTreeSet<String> = gone.iter().map(ToString::to_string).collect();
        items.retain(|item| !gone.contains(&item.to_string()));
    }
}

/// What tells an item of a list from others: its key, or itself.
pub(crate) fn identity(merging: Merging, item: &Value) -> Option<&Value> {
    if merging.key.is_empty() { Some(item) } else { item.get(merging.key) }
}

/// Where the items of a list are, by what tells them apart; so that long lists take no longer than they
/// must.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<String, usize>);

impl Places {
    /// The places in a list; of items alike the first counts.
    pub(crate) fn of(merging: Merging, items: &[Value]) -> Self {
        let mut places = Self::default();
        for (index, item) in items.iter().enumerate() {
            places.note(merging, item, index);
        }
        places
    }

    fn note(&mut self, merging: Merging, item: &Value, index: usize) {
        if let Some(identity) = identity(merging, item) {
            self.0.entry(identity.to_string()).or_insert(index);
        }
    }

    /// The place of an item that is like another.
    pub(crate) fn get(&self, merging: Merging, wanted: &Value) -> Option<usize> {
        self.0.get(&identity(merging, wanted)?.to_string()).copied()
    }
}

/// A list that is being merged into.
#[derive(Debug)]
pub(crate) struct Merged {
    merging: Merging,
    items: Vec<Value>,
    places: Places,
}

impl Merged {
    pub(crate) fn new(merging: Merging, items: Vec<Value>) -> Self {
        let places = Places::of(merging, &items);
        Self { merging, items, places }
    }

    /// The item that is like another.
    pub(crate) fn like(&mut self, item: &Value) -> Option<&mut Value> {
        let place = self.places.get(self.merging, item)?;
        self.items.get_mut(place)
    }

    pub(crate) fn push(&mut self, item: Value) {
        self.places.note(self.merging, &item, self.items.len());
        self.items.push(item);
    }

    fn without(self, gone: &Places) -> Self {
        let merging = self.merging;
        Self::new(merging, self.items.into_iter().filter(|item| gone.get(merging, item).is_none()).collect())
    }

    pub(crate) fn into_items(self) -> Vec<Value> {
        self.items
    }
}

fn merge_list(
    merging: Merging,
    original: &[Value],
    patch: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<Vec<Value>, Fault> {
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(ToOwned::to_owned);
    let replaces = patch.iter().any(|item| directive(item).as_deref() == Some("replace"));
    let mut merged = Merged::new(merging, if replaces { Vec::new() } else { original.to_vec() });
    let (mut named, mut gone) = (Vec::new(), Vec::new());
    for item in patch {
        match directive(item).as_deref() {
            Some("replace") => {}
            Some("delete") => {
                demand_key(merging, item)?;
                gone.push(item.clone());
            }
            Some("merge") | None => {
                demand_key(merging, item)?;
                named.push(item.clone());
            }
            Some(other) => return Err(Fault(format!("unknown patch type found: {other}"))),
        }
    }
    // Upstream takes the deletions out before it merges.
    if !gone.is_empty() {
        merged = merged.without(&Places::of(merging, &gone));
    }
    for item in &named {
        merge_item(&mut merged, item)?;
    }
    Ok(in_order(merging, merged.into_items(), order.unwrap_or(&named), original))
}

fn merge_item(merged: &mut Merged, item: &Value) -> Result<(), Fault> {
    let inner = merged.merging.item;
    match (merged.like(item), item) {
        (Some(known), Value::Object(patch)) => {
            let original = match core::mem::take(known) {
                Value::Object(original) => original,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Object::new(),
            };
            *known = Value::Object(merge_map(inner, original, patch)?);
        }
        (None, Value::Object(patch)) => {
            let value = Value::Object(merge_map(inner, Object::new(), patch)?);
            merged.push(value);
        }
        (None, item) => merged.push(item.clone()),
        (Some(_), _) => {}
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
    let (wanted, before) = (Places::of(merging, order), Places::of(merging, original));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| wanted.get(merging, item).is_some());
    named.sort_by_cached_key(|item| wanted.get(merging, item));
    let mut sorted = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        let place = before.get(merging, &other);
        while let Some(next) = named.peek() {
            if matches!((place, before.get(merging, next)), (Some(other), Some(next)) if other < next) {
                break;
            }
            sorted.extend(named.next());
        }
        sorted.push(other);
    }
    sorted.extend(named);
    sorted
}
