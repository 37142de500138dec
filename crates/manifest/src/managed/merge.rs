//! Laying what is applied over what is there.
//!
//! Source of the rules: `structured-merge-diff/typed/merge.go`.

use super::path::PathElement;
use super::shape::{Shape, steps};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A value with another laid over it: what both say, the other says.
pub(crate) fn merge(shape: Shape, under: &Value, over: &Value) -> Value {
    match (shape, under, over) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(under), Value::Object(over)) => {
            let mut merged = under.clone();
            for (key, over) in over {
                let value = under.get(key).map_or_else(|| over.clone(), |under| merge(shape.field(key), under, over));
                merged.insert(key.clone(), value);
            }
            Value::Object(merged)
        }
        (Shape::Keyed(..) | Shape::Set, Value::Array(under), Value::Array(over)) => {
            Value::Array(merge_lists(shape, under, over))
        }
        // What is applied as nothing takes nothing away from what is divided between owners.
        (Shape::Struct(_) | Shape::Map(_), Value::Object(under), Value::Null) => Value::Object(under.clone()),
        (Shape::Keyed(..) | Shape::Set, Value::Array(under), Value::Null) => Value::Array(under.clone()),
        (_, _, over) => over.clone(),
    }
}

/// Items that both lists have take the order of the upper one; items of the lower one keep their places
/// between them.
fn merge_lists(shape: Shape, under: &[Value], over: &[Value]) -> Vec<Value> {
    let (below, above) = (steps(shape, under), steps(shape, over));
    let of: BTreeMap<&PathElement, &Value> = below.iter().zip(under).collect();
    let in_under: BTreeSet<&PathElement> = below.iter().collect();
    let in_over: BTreeSet<&PathElement> = above.iter().collect();
    let mut shared: VecDeque<&PathElement> = above.iter().filter(|element| in_under.contains(element)).collect();
    let laid = |element: &PathElement, item: &Value| {
        of.get(element).map_or_else(|| item.clone(), |under| merge(shape.item(), under, item))
    };
    let mut merged = Vec::new();
    let mut done: BTreeSet<&PathElement> = BTreeSet::new();
    let mut lower = below.iter().zip(under).peekable();
    let mut upper = above.iter().zip(over).peekable();
    loop {
        match (lower.peek().copied(), upper.peek().copied()) {
            (None, None) => return merged,
            (Some((one, _)), Some((other, item))) if one == other => {
                merged.push(laid(other, item));
                done.insert(other);
                lower.next();
                upper.next();
                if shared.front() == Some(&other) {
                    shared.pop_front();
                }
                continue;
            }
            // One of the other list too, but not the one whose turn it is.
            (Some((one, _)), Some(_)) if in_over.contains(one) && shared.front().is_some_and(|next| *next != one) => {
                lower.next();
                continue;
            }
            (Some((one, item)), _) if !in_over.contains(one) => {
                merged.push(item.clone());
                lower.next();
                continue;
            }
            (Some((one, _)), _) if done.contains(one) => drop(lower.next()),
            (Some(_) | None, _) => {}
        }
        if let Some((other, item)) = upper.next() {
            merged.push(laid(other, item));
            done.insert(other);
            if shared.front() == Some(&other) {
                shared.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn merged(under: &Value, over: &Value, expected: &Value) {
        let list = |names: &Value| {
            let items: Vec<Value> = names.as_array().into_iter().flatten().map(|name| json!({"name": name})).collect();
            json!({"containers": items})
        };
        let got = merge(Shape::of_struct("core/v1.PodSpec"), &list(under), &list(over));
        assert_eq!(got, list(expected));
    }

    #[test]
    fn items_keep_their_places_and_new_ones_come_where_they_are_applied() {
        merged(&json!(["a", "b"]), &json!(["b", "c"]), &json!(["a", "b", "c"]));
        merged(&json!(["a", "b", "c"]), &json!(["c", "a"]), &json!(["b", "c", "a"]));
        merged(&json!(["a"]), &json!([]), &json!(["a"]));
        merged(&json!(["a", "b"]), &json!(["x", "b"]), &json!(["a", "x", "b"]));
        merged(&json!([]), &json!(["x", "y"]), &json!(["x", "y"]));
    }
}
