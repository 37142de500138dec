//! What has an owner of its own within a value of a type.

use super::path::{PathElement, Scalar};
use crate::schema::{self, Declaration, Field, Items, Type};
use serde_json::Value;

/// How ownership divides a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Not: it has one owner.
    Leaf,
    /// By the fields of a struct.
    Struct(&'static str),
    /// By the keys of a map with such values.
    Map(&'static Type),
    /// By the items of a list, told apart by some of their fields.
    Keyed(&'static Type, &'static [&'static str]),
    /// By the plain values of a list.
    Set,
}

impl Shape {
    /// The shape of a struct of the API.
    pub(crate) fn of_struct(name: &'static str) -> Self {
        if schema::is_atomic(name) { Self::Leaf } else { Self::Struct(name) }
    }

    fn of_type(kind: &'static Type) -> Self {
        match kind.resolved() {
            Type::Named(name) => match schema::declaration(name) {
                Some(Declaration::Struct(_)) => Self::of_struct(name),
                Some(Declaration::Alias(_) | Declaration::Opaque) | None => Self::Leaf,
            },
            Type::Map(_, values) => Self::Map(values),
            Type::Basic(_) | Type::Slice(_) | Type::Pointer(_) => Self::Leaf,
        }
    }

    fn of_field(field: &'static Field) -> Self {
        if field.atomic {
            return Self::Leaf;
        }
        match (field.kind.resolved(), &field.items) {
            (Type::Slice(item), Items::Keyed(keys)) => Self::Keyed(item, keys),
            (Type::Slice(_), Items::Set) => Self::Set,
            (Type::Slice(_), Items::Atomic) => Self::Leaf,
            (_, _) => Self::of_type(&field.kind),
        }
    }

    /// Whether a struct has a field of this name.
    pub(crate) fn declares(self, name: &str) -> bool {
        match self {
            Self::Struct(of) => schema::field(of, name).is_some(),
            Self::Leaf | Self::Map(_) | Self::Keyed(..) | Self::Set => false,
        }
    }

    /// The shape of what a key leads to.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Self::Struct(of) => schema::field(of, name).map_or(Self::Leaf, Self::of_field),
            Self::Map(values) => Self::of_type(values),
            Self::Leaf | Self::Keyed(..) | Self::Set => Self::Leaf,
        }
    }

    /// The shape of the items of a list.
    pub(crate) fn item(self) -> Self {
        match self {
            Self::Keyed(item, _) => Self::of_type(item),
            Self::Leaf | Self::Struct(_) | Self::Map(_) | Self::Set => Self::Leaf,
        }
    }

    /// The shape of what a step leads to.
    pub(crate) fn at(self, element: &PathElement) -> Self {
        match element {
            PathElement::Field(name) => self.field(name),
            PathElement::Key(_) => self.item(),
            PathElement::Value(_) | PathElement::Index(_) => Self::Leaf,
        }
    }

    /// The step to an item of a list.
    ///
    /// # Errors
    /// If nothing tells it apart from others.
    pub(crate) fn step_to(self, item: &Value) -> Result<PathElement, String> {
        let Self::Keyed(kind, keys) = self else { return Ok(PathElement::Value(Scalar::of(item))) };
        if !item.is_object() {
            return Err("associative list with keys may not have non-map elements".to_owned());
        }
        let mut found = Vec::new();
        for key in keys {
            let default = || {
                let Type::Named(name) = kind.resolved() else { return None };
                let default = schema::field(name, key)?.default;
                (!default.is_empty()).then(|| Value::from(default))
            };
            if let Some(value) = item.get(*key).cloned().or_else(default) {
                found.push(((*key).to_owned(), Scalar::of(&value)));
            }
        }
        if found.is_empty() {
            let keys: Vec<String> = keys.iter().map(|key| Value::from(*key).to_string()).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                keys.join(" ")
            ));
        }
        found.sort();
        Ok(PathElement::Key(found))
    }
}

/// The steps to the items of a list, in their order. An item that nothing tells apart is named by its place.
pub(crate) fn steps(shape: Shape, items: &[Value]) -> Vec<PathElement> {
    let step = |(index, item)| shape.step_to(item).unwrap_or(PathElement::Index(index));
    items.iter().enumerate().map(step).collect()
}
