//! Steps of a path through an object, as field sets name them.

use core::fmt;
use serde_json::{Map, Value};

/// A plain value that tells items of a list apart. Numbers come before texts, as upstream has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    /// A whole number.
    Int(i64),
    /// Any other number, and what else JSON has, spelled out.
    Other(String),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
}

impl Scalar {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => number.as_i64().map_or_else(|| Self::Other(number.to_string()), Self::Int),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Other(value.to_string()),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Int(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Bool(truth) => Value::from(*truth),
            Self::Other(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

/// One step: to a field, or to an item of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathElement {
    /// A field of a struct or a key of a map.
    Field(String),
    /// The item with these values in its key fields, which are sorted by name.
    Key(Vec<(String, Scalar)>),
    /// The item that is this value.
    Value(Scalar),
    /// The item in this place.
    Index(usize),
}

impl PathElement {
    /// As a key of `fieldsV1`.
    pub(crate) fn spell(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = keys.iter().map(|(name, key)| (name.clone(), key.value())).collect();
                format!("k:{}", Value::Object(keys))
            }
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads a key of `fieldsV1`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                Some(Self::Key(keys.iter().map(|(name, key)| (name.clone(), Scalar::of(key))).collect()))
            }
            "v" => Some(Self::Value(Scalar::of(&serde_json::from_str(rest).ok()?))),
            "i" => Some(Self::Index(rest.parse().ok()?)),
            _ => None,
        }
    }
}

/// As refusals name it.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, key)| format!("{name}={key}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path as refusals name it.
pub(crate) fn spelled(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_reads_back() {
        let key =
            vec![("containerPort".to_owned(), Scalar::Int(80)), ("protocol".to_owned(), Scalar::Text("TCP".into()))];
        let elements = [
            (PathElement::Field("a/b".into()), "f:a/b", ".a/b"),
            (
                PathElement::Key(key),
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}",
                "[containerPort=80,protocol=\"TCP\"]",
            ),
            (PathElement::Value(Scalar::Text("x".into())), "v:\"x\"", "[=\"x\"]"),
            (PathElement::Index(3), "i:3", "[3]"),
        ];
        for (element, spelling, shown) in elements {
            assert_eq!(element.spell(), spelling);
            assert_eq!(element.to_string(), shown);
            assert_eq!(PathElement::read(spelling), Some(element));
        }
        assert_eq!(PathElement::read("nonsense"), None);
    }
}
