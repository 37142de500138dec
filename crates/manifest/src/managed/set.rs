//! Sets of fields, and their form in `metadata.managedFields` (`FieldsV1`).
//!
//! Source of the rules: `structured-merge-diff/fieldpath`.

use super::path::PathElement;
use super::shape::Shape;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A set of paths. A path may be in it without those below it, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    members: BTreeSet<PathElement>,
    /// Never empty sets.
    children: BTreeMap<PathElement, Self>,
}

/// How deep a set from outside may be nested; the deepest type of the API is far below.
const DEEPEST: usize = 64;

impl FieldSet {
    /// The set of the paths to these fields.
    pub(crate) fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Vec<PathElement> = path.iter().map(|name| PathElement::Field((*name).to_owned())).collect();
            set.insert(&path);
        }
        set
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.is_empty()
    }

    /// Puts a path in. The empty path is in no set.
    pub(crate) fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => drop(self.members.insert(last.clone())),
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the path of one step is in.
    pub(crate) fn has(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// What is in below a step.
    pub(crate) fn below(&self, element: &PathElement) -> Option<&Self> {
        self.children.get(element)
    }

    fn joined(children: impl Iterator<Item = (PathElement, Self)>, members: BTreeSet<PathElement>) -> Self {
        Self { members, children: children.filter(|(_, set)| !set.is_empty()).collect() }
    }

    /// What is in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.add(other);
        all
    }

    fn add(&mut self, other: &Self) {
        self.members.extend(other.members.iter().cloned());
        for (element, set) in &other.children {
            self.children.entry(element.clone()).or_default().add(set);
        }
    }

    /// What is in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let both = self
            .children
            .iter()
            .filter_map(|(element, set)| Some((element.clone(), set.intersection(other.children.get(element)?))));
        Self::joined(both, self.members.intersection(&other.members).cloned().collect())
    }

    /// What is in this one only.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let left = self.children.iter().map(|(element, set)| {
            let left = other.children.get(element).map_or_else(|| set.clone(), |gone| set.difference(gone));
            (element.clone(), left)
        });
        Self::joined(left, self.members.difference(&other.members).cloned().collect())
    }

    /// What is in this one, and neither in the other nor below what is in the other.
    pub(crate) fn without_all_of(&self, other: &Self) -> Self {
        let left =
            self.children.iter().filter(|(element, _)| !other.members.contains(element)).map(|(element, set)| {
                let left = other.children.get(element).map_or_else(|| set.clone(), |gone| set.without_all_of(gone));
                (element.clone(), left)
            });
        Self::joined(left, self.members.difference(&other.members).cloned().collect())
    }

    /// The set with every named field on the way to one of its paths.
    pub(crate) fn with_named_fields(&self, shape: Shape) -> Self {
        let mut members = self.members.clone();
        let mut children = BTreeMap::new();
        for (element, set) in &self.children {
            if let PathElement::Field(name) = element
                && shape.declares(name)
            {
                members.insert(element.clone());
            }
            children.insert(element.clone(), set.with_named_fields(shape.at(element)));
        }
        Self { members, children }
    }

    /// All paths in order: of each step first those that end there.
    pub(crate) fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, path: &mut Vec<PathElement>, found: &mut Vec<Vec<PathElement>>) {
        for element in &self.members {
            let mut whole = path.clone();
            whole.push(element.clone());
            found.push(whole);
        }
        for (element, set) in &self.children {
            path.push(element.clone());
            set.collect(path, found);
            path.pop();
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_fields_v1(&self) -> Value {
        let mut fields = Map::new();
        for element in &self.members {
            fields.insert(element.spell(), Value::Object(Map::new()));
        }
        for (element, set) in &self.children {
            let mut below = set.to_fields_v1();
            if let (true, Value::Object(below)) = (self.members.contains(element), &mut below) {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(element.spell(), below);
        }
        Value::Object(fields)
    }

    /// Reads `fieldsV1`; nothing if it is none.
    pub(crate) fn of_fields_v1(fields: &Value) -> Option<Self> {
        Self::read(fields, 0)
    }

    fn read(fields: &Value, depth: usize) -> Option<Self> {
        let mut set = Self::default();
        for (key, below) in fields.as_object().filter(|_| depth < DEEPEST)? {
            if key == "." {
                continue;
            }
            let element = PathElement::read(key)?;
            let map = below.as_object()?;
            if map.is_empty() || map.contains_key(".") {
                set.members.insert(element.clone());
            }
            let below = Self::read(below, depth + 1)?;
            if !below.is_empty() {
                set.children.insert(element, below);
            }
        }
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::of_fields_v1(fields).unwrap()
    }

    #[test]
    fn sets_are_spelled_with_a_dot_for_what_has_more_below() {
        let fields =
            json!({"f:spec": {"f:replicas": {}, "f:ports": {".": {}, "k:{\"port\":80}": {".": {}, "f:port": {}}}}});
        assert_eq!(set(&fields).to_fields_v1(), fields);
        assert_eq!(set(&fields).paths().len(), 4);
    }

    #[test]
    fn what_is_no_field_set_is_not_read() {
        for wrong in [json!([]), json!({"x": {}}), json!({"f:a": 1}), json!({"k:nonsense": {}})] {
            assert_eq!(FieldSet::of_fields_v1(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sets_are_taken_apart_and_put_together() {
        let one = set(&json!({"f:a": {"f:b": {}, "f:c": {}}, "f:d": {".": {}, "f:e": {}}}));
        let other = set(&json!({"f:a": {"f:b": {}}, "f:d": {}}));
        assert_eq!(one.intersection(&other), other);
        assert_eq!(one.difference(&other), set(&json!({"f:a": {"f:c": {}}, "f:d": {"f:e": {}}})));
        assert_eq!(one.without_all_of(&other), set(&json!({"f:a": {"f:c": {}}})));
        assert_eq!(one.difference(&other).union(&other), one);
        assert!(one.difference(&one).is_empty());
    }
}
