//! What a strategic merge patch says that leads from one object to another.
//!
//! Source: `diffMaps` in `apimachinery/pkg/util/strategicpatch`. A patch is made of additions and
//! changes, and of deletions; either half can be asked for alone.

use super::strategic::{
    DELETE_PRIMITIVES, DIRECTIVE, ELEMENT_ORDER, Fault, Merging, Object, Places, RETAIN_KEYS, demand_key, field_of,
    identity, merging, struct_of,
};
use core::mem::discriminant;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Which halves of a patch are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halves {
    /// What is there in the new object and was not, or was otherwise.
    pub(crate) changes: bool,
    /// What was there in the old object and is no more.
    pub(crate) deletions: bool,
}

/// The patch from one object of a named struct to another.
pub(crate) fn difference(
    name: Option<&'static str>,
    old: &Object,
    new: &Object,
    halves: Halves,
) -> Result<Object, Fault> {
    objects(name, old, new, halves, false)
}

/// `retains` says that the server is to forget the keys that the new object does not have, as it must
/// where the fields of a struct exclude each other.
fn objects(
    name: Option<&'static str>,
    old: &Object,
    new: &Object,
    halves: Halves,
    retains: bool,
) -> Result<Object, Fault> {
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(was) if discriminant(was) == discriminant(value) => {
                field(name, key, was, value, &mut patch, halves)?;
            }
            // New, or of another type than it was.
            Some(_) | None if halves.changes => drop(patch.insert(key.clone(), value.clone())),
            Some(_) | None => {}
        }
    }
    if halves.deletions {
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    let kept: Vec<Value> =
        new.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| Value::from(key.as_str())).collect();
    let gains = old.keys().any(|key| !new.contains_key(key));
    if retains && !kept.is_empty() && (gains || !patch.is_empty()) {
        patch.insert(RETAIN_KEYS.to_owned(), Value::Array(kept));
    }
    Ok(patch)
}

fn field(
    name: Option<&'static str>,
    key: &str,
    old: &Value,
    new: &Value,
    patch: &mut Object,
    halves: Halves,
) -> Result<(), Fault> {
    let field = field_of(name, key);
    match (old, new) {
        (Value::Object(was), Value::Object(is)) => {
            let strategy = field.map(|field| field.strategy).unwrap_or_default();
            if strategy == "replace" {
                if halves.changes {
                    patch.insert(key.to_owned(), new.clone());
                }
                return Ok(());
            }
            let retains = strategy.split(',').any(|word| word == "retainKeys");
            let inner = field.and_then(|field| struct_of(&field.kind));
            let below = objects(inner, was, is, halves, retains)?;
            if !below.is_empty() {
                patch.insert(key.to_owned(), Value::Object(below));
            }
        }
        (Value::Array(was), Value::Array(is)) => match merging(field) {
            Some(merging) => {
                let strategy = field.map(|field| field.strategy).unwrap_or_default();
                let retains = strategy.split(',').any(|word| word == "retainKeys");
                let lists = lists(merging, was, is, halves, retains)?;
                let named = [
                    (key.to_owned(), lists.patch),
                    (format!("{DELETE_PRIMITIVES}{key}"), lists.deletions),
                    (format!("{ELEMENT_ORDER}{key}"), lists.order),
                ];
                for (key, list) in named.into_iter().filter(|(_, list)| !list.is_empty()) {
                    patch.insert(key, Value::Array(list));
                }
            }
            None => replaced(key, old, new, patch, halves),
        },
        (_, _) => replaced(key, old, new, patch, halves),
    }
    Ok(())
}

fn replaced(key: &str, old: &Value, new: &Value, patch: &mut Object, halves: Halves) {
    if halves.changes && !same(old, new) {
        patch.insert(key.to_owned(), new.clone());
    }
}

/// Whether two values are equal; numbers go by value, as they do once Go has read them.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.as_f64().is_some() && left.as_f64() == right.as_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (left, right) => left == right,
    }
}

#[derive(Debug, Default)]
struct Lists {
    patch: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn lists(merging: Merging, old: &[Value], new: &[Value], halves: Halves, retains: bool) -> Result<Lists, Fault> {
    if old.is_empty() {
        let patch = if halves.changes { new.to_vec() } else { Vec::new() };
        return Ok(Lists { patch, ..Lists::default() });
    }
    if old.iter().chain(new).any(Value::is_array) {
        return Err(Fault("lists of lists are not supported".to_owned()));
    }
    let of_objects = old.iter().chain(new).any(Value::is_object);
    if of_objects {
        lists_of_objects(merging, old, new, halves, retains)
    } else {
        Ok(lists_of_values(old, new, halves))
    }
}

/// The items of a list in the order of their keys' texts.
fn sorted(merging: Merging, items: &[Value]) -> Result<Vec<(String, &Value)>, Fault> {
    let mut sorted = Vec::with_capacity(items.len());
    for item in items {
        demand_key(merging, item)?;
        sorted.push((identity(merging, item).map(text_of).unwrap_or_default(), item));
    }
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(sorted)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Pairs up two sorted lists; an item without its like is paired with nothing.
fn paired<'a>(old: &[(String, &'a Value)], new: &[(String, &'a Value)]) -> Vec<(Option<&'a Value>, Option<&'a Value>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => core::cmp::Ordering::Less,
            (None, Some(_)) => core::cmp::Ordering::Greater,
            (Some((left, _)), Some((right, _))) => left.cmp(right),
        };
        let left = if order.is_le() { old.next() } else { None };
        let right = if order.is_ge() { new.next() } else { None };
        pairs.push((left.map(|(_, item)| *item), right.map(|(_, item)| *item)));
    }
}

fn lists_of_objects(
    merging: Merging,
    old: &[Value],
    new: &[Value],
    halves: Halves,
    retains: bool,
) -> Result<Lists, Fault> {
    let (mut patch, mut deletions) = (Vec::new(), Vec::new());
    for pair in paired(&sorted(merging, old)?, &sorted(merging, new)?) {
        match pair {
            (Some(Value::Object(was)), Some(Value::Object(is))) => {
                let mut below = objects(merging.item, was, is, halves, retains)?;
                if !below.is_empty() {
                    if let Some(key) = is.get(merging.key) {
                        below.insert(merging.key.to_owned(), key.clone());
                    }
                    patch.push(Value::Object(below));
                }
            }
            (None, Some(is)) if halves.changes => patch.push(is.clone()),
            (Some(was), None) if halves.deletions => {
                let mut gone = Map::new();
                gone.insert(DIRECTIVE.to_owned(), Value::from("delete"));
                gone.insert(merging.key.to_owned(), was.get(merging.key).cloned().unwrap_or(Value::Null));
                deletions.push(Value::Object(gone));
            }
            (_, _) => {}
        }
    }
    let places = Places::of(merging, new);
    patch.sort_by_cached_key(|item| places.get(merging, item));
    patch.append(&mut deletions);
    let same_order =
        old.len() == new.len() && old.iter().zip(new).all(|(was, is)| identity(merging, was) == identity(merging, is));
    let ordered = (halves.changes && (!patch.is_empty() || !same_order)) || (halves.deletions && !patch.is_empty());
    let order = if ordered { new.iter().map(|item| keyed(merging, item)).collect() } else { Vec::new() };
    Ok(Lists { patch, deletions: Vec::new(), order })
}

/// An item with nothing but its key.
fn keyed(merging: Merging, item: &Value) -> Value {
    let mut keyed = Map::new();
    keyed.insert(merging.key.to_owned(), item.get(merging.key).cloned().unwrap_or(Value::Null));
    Value::Object(keyed)
}

fn lists_of_values(old: &[Value], new: &[Value], halves: Halves) -> Lists {
    let texts = |items: &[Value]| items.iter().map(text_of).collect::<BTreeSet<String>>();
    let (before, after) = (texts(old), texts(new));
    let gone = |item: &&Value| !after.contains(&text_of(item));
    let added = |item: &&Value| !before.contains(&text_of(item));
    let mut lists = Lists::default();
    if halves.deletions {
        lists.deletions = old.iter().filter(gone).cloned().collect();
        lists.deletions.sort_by_key(text_of);
        lists.deletions.dedup();
    }
    if halves.changes {
        lists.patch = new.iter().filter(added).cloned().collect();
    }
    let reordered = old.len() != new.len() || !old.iter().zip(new).all(|(was, is)| same(was, is));
    if (halves.deletions && !lists.deletions.is_empty()) || (halves.changes && reordered) {
        lists.order = new.to_vec();
    }
    lists
}
