//! Which fields a value has, and which differ between two values.
//!
//! Source of the rules: `structured-merge-diff/typed`, `tofieldset.go`, `compare.go` and `remove.go`.

use super::path::PathElement;
use super::set::FieldSet;
use super::shape::{Shape, steps};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What became of an object from one value to another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) removed: FieldSet,
    pub(crate) modified: FieldSet,
}

impl Comparison {
    /// What somebody wrote.
    pub(crate) fn written(&self) -> FieldSet {
        self.added.union(&self.modified)
    }
}

/// The paths to all that a value says: what nothing lies below, and items of lists.
pub(crate) fn fields_of(shape: Shape, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(shape, value, &mut Vec::new(), &mut set);
    set
}

fn collect(shape: Shape, value: &Value, path: &mut Vec<PathElement>, set: &mut FieldSet) {
    match (shape, value) {
        (Shape::Leaf, _) => set.insert(path),
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            for (key, below) in map {
                path.push(PathElement::Field(key.clone()));
                collect(shape.field(key), below, path, set);
                let empty = below.is_null() || below.as_object().is_some_and(Map::is_empty);
                if empty || !shape.declares(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Shape::Keyed(..) | Shape::Set, Value::Array(items)) => {
            for (element, item) in steps(shape, items).into_iter().zip(items) {
                path.push(element);
                collect(shape.item(), item, path, set);
                set.insert(path);
                path.pop();
            }
        }
        (Shape::Struct(_) | Shape::Map(_) | Shape::Keyed(..) | Shape::Set, _) => {}
    }
}

/// Compares two values of one shape.
pub(crate) fn compare(shape: Shape, before: &Value, after: &Value) -> Comparison {
    let mut found = Comparison::default();
    walk(shape, &mut Vec::new(), Some(before), Some(after), &mut found);
    found
}

fn leaf(path: &[PathElement], before: Option<&Value>, after: Option<&Value>, found: &mut Comparison) {
    match (before, after) {
        (None, _) => found.added.insert(path),
        (_, None) => found.removed.insert(path),
        (Some(before), Some(after)) if before != after => found.modified.insert(path),
        (Some(_), Some(_)) => {}
    }
}

fn walk(
    shape: Shape,
    path: &mut Vec<PathElement>,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Comparison,
) {
    let divided = match shape {
        Shape::Leaf => false,
        Shape::Struct(_) | Shape::Map(_) => walk_maps(shape, path, (before, after), found),
        Shape::Keyed(..) | Shape::Set => walk_lists(shape, path, (before, after), found),
    };
    if !divided {
        leaf(path, before, after, found);
    } else if before.is_none() {
        found.added.insert(path);
    } else if after.is_none() {
        found.removed.insert(path);
    }
}

/// Compares maps key by key; answers false if both are empty, so that they are compared as a whole.
fn walk_maps(
    shape: Shape,
    path: &mut Vec<PathElement>,
    (before, after): (Option<&Value>, Option<&Value>),
    found: &mut Comparison,
) -> bool {
    let empty = Map::new();
    let before = before.and_then(Value::as_object).unwrap_or(&empty);
    let after = after.and_then(Value::as_object).unwrap_or(&empty);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in &keys {
        path.push(PathElement::Field((*key).clone()));
        walk(shape.field(key), path, before.get(*key), after.get(*key), found);
        path.pop();
    }
    !keys.is_empty()
}

/// The same for lists, item by item. Items that cannot be told apart are compared together.
fn walk_lists(
    shape: Shape,
    path: &mut Vec<PathElement>,
    (before, after): (Option<&Value>, Option<&Value>),
    found: &mut Comparison,
) -> bool {
    let (before, after) = (by_step(shape, before), by_step(shape, after));
    let elements: BTreeSet<&PathElement> = before.keys().chain(after.keys()).collect();
    for element in &elements {
        path.push((*element).clone());
        let of = |items: &BTreeMap<PathElement, Vec<Value>>| items.get(*element).cloned().unwrap_or_default();
        match (of(&before).as_slice(), of(&after).as_slice()) {
            ([one], [other]) => walk(shape.item(), path, Some(one), Some(other), found),
            ([one], []) => walk(shape.item(), path, Some(one), None, found),
            ([], [other]) => walk(shape.item(), path, None, Some(other), found),
            ([], _) => found.added.insert(path),
            (_, []) => found.removed.insert(path),
            (several, others) if several != others => found.modified.insert(path),
            (_, _) => {}
        }
        path.pop();
    }
    !elements.is_empty()
}

fn by_step(shape: Shape, list: Option<&Value>) -> BTreeMap<PathElement, Vec<Value>> {
    let mut found: BTreeMap<PathElement, Vec<Value>> = BTreeMap::new();
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (element, item) in steps(shape, items).into_iter().zip(items) {
        found.entry(element).or_default().push(item.clone());
    }
    found
}

/// A value without some of its fields; nothing if nothing is left of it.
pub(crate) fn remove(shape: Shape, value: &Value, gone: &FieldSet) -> Value {
    match (shape, value) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            let mut left = Map::new();
            for (key, below) in map {
                let element = PathElement::Field(key.clone());
                if gone.has(&element) {
                    continue;
                }
                let below =
                    gone.below(&element).map_or_else(|| below.clone(), |gone| remove(shape.field(key), below, gone));
                left.insert(key.clone(), below);
            }
            if left.is_empty() { Value::Null } else { Value::Object(left) }
        }
        (Shape::Keyed(..) | Shape::Set, Value::Array(items)) => {
            let mut left = Vec::new();
            for (element, item) in steps(shape, items).into_iter().zip(items) {
                if gone.has(&element) {
                    continue;
                }
                left.push(gone.below(&element).map_or_else(|| item.clone(), |gone| remove(shape.item(), item, gone)));
            }
            if left.is_empty() { Value::Null } else { Value::Array(left) }
        }
        (_, Value::Array(_) | Value::Object(_)) => Value::Null,
        (_, _) => value.clone(),
    }
}
