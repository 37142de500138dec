//! The shape of the Go types behind the API objects, read from a generated table.
//!
//! The table (`schema/types.txt`, written by the Go program in `schema/generate`) is what makes
//! strict decoding, the template hash, the meaning of templates and strategic merge agree about
//! which fields exist, in which order and of which type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A type of Go, as far as the API uses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// One of Go's own: `string`, `bool`, `int32`, …
    Basic(&'static str),
    /// A declared one, such as `core/v1.Pod`.
    Named(&'static str),
    /// `*T`.
    Pointer(Box<Self>),
    /// `[]T`.
    Slice(Box<Self>),
    /// `map[K]V`; every key of the API is a kind of string.
    Map(Box<Self>, Box<Self>),
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Declaration {
    /// A struct.
    Struct(Vec<Field>),
    /// Another name for a type that is no struct.
    Alias(Type),
    /// A struct with its own JSON form.
    Opaque,
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in Go.
    pub(crate) go: &'static str,
    /// Its name in JSON; `+` if its fields stand in the outer object.
    pub(crate) json: &'static str,
    /// Its type.
    pub(crate) kind: Type,
    /// Whether it is left out when empty.
    pub(crate) omit_empty: bool,
    /// How a strategic merge treats it: `merge`, `replace`, `retainKeys`, or empty.
    pub(crate) strategy: &'static str,
    /// By which field a strategic merge tells its items apart, or empty.
    pub(crate) merge_key: &'static str,
    /// How the owners of what its list holds are told apart.
    pub(crate) items: Items,
    /// Whether its map has one owner as a whole.
    pub(crate) atomic: bool,
    /// What stands for a text that is left out, or empty.
    pub(crate) default: &'static str,
}

/// How the owners of what a list holds are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Items {
    /// Not at all: the list has one owner.
    Atomic,
    /// Each plain value has its own.
    Set,
    /// Each item has its own; these fields tell items apart.
    Keyed(Vec<&'static str>),
}

impl Field {
    /// Whether the fields of this struct stand in the outer JSON object.
    pub(crate) fn is_inline(&self) -> bool {
        self.json == "+"
    }
}

static TABLE: &str = include_str!("../schema/types.txt");

static DECLARATIONS: LazyLock<BTreeMap<&'static str, Declaration>> = LazyLock::new(|| read(TABLE));

static ATOMIC: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| TABLE.lines().filter_map(|line| line.strip_prefix("struct ")?.strip_suffix(" atomic")).collect());

fn read(table: &'static str) -> BTreeMap<&'static str, Declaration> {
    let mut declarations = BTreeMap::new();
    let mut current = None;
    for line in table.lines() {
        let words: Vec<&'static str> = line.split(' ').collect();
        match words.as_slice() {
            ["struct", name] | ["struct", name, "atomic"] => {
                declarations.insert(*name, Declaration::Struct(Vec::new()));
                current = Some(*name);
            }
            ["opaque", name] => {
                declarations.insert(*name, Declaration::Opaque);
            }
            ["alias", name, under] => {
                declarations.insert(*name, Declaration::Alias(read_type(under)));
            }
            [go, json, kind, words @ ..] => {
                let word = |prefix: &str| words.iter().find_map(|word| word.strip_prefix(prefix)).unwrap_or_default();
                let omit_empty = words.contains(&"omitempty");
                let items = match word("list=") {
                    "" => Items::Atomic,
                    "set" => Items::Set,
                    keyed => Items::Keyed(keyed.trim_start_matches("map:").split(',').collect()),
                };
                let field = Field {
                    go,
                    json,
                    kind: read_type(kind),
                    omit_empty,
                    strategy: word("strategy="),
                    merge_key: word("key="),
                    items,
                    atomic: words.contains(&"atomic"),
                    default: word("default="),
                };
                if let Some(Declaration::Struct(fields)) = current.and_then(|name| declarations.get_mut(name)) {
                    fields.push(field);
                }
            }
            _ => {}
        }
    }
    declarations
}

fn read_type(text: &'static str) -> Type {
    if let Some(rest) = text.strip_prefix('*') {
        return Type::Pointer(Box::new(read_type(rest)));
    }
    if let Some(rest) = text.strip_prefix("[]") {
        return Type::Slice(Box::new(read_type(rest)));
    }
    if let Some((key, value)) = text.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return Type::Map(Box::new(read_type(key)), Box::new(read_type(value)));
    }
    if text.contains('.') { Type::Named(text) } else { Type::Basic(text) }
}

/// What a name stands for.
pub(crate) fn declaration(name: &str) -> Option<&'static Declaration> {
    DECLARATIONS.get(name)
}

/// The fields of a struct, empty for other names.
pub(crate) fn fields(name: &str) -> &'static [Field] {
    match declaration(name) {
        Some(Declaration::Struct(fields)) => fields,
        Some(Declaration::Alias(_) | Declaration::Opaque) | None => &[],
    }
}

/// Whether a struct has one owner as a whole.
pub(crate) fn is_atomic(name: &str) -> bool {
    ATOMIC.contains(name)
}

/// The field that a key of a JSON object belongs to, inlined structs included.
pub(crate) fn field(name: &str, json: &str) -> Option<&'static Field> {
    fields(name).iter().find_map(|field| match (&field.kind, field.is_inline()) {
        (Type::Named(inner), true) => self::field(inner, json),
        _ => (field.json == json).then_some(field),
    })
}

impl Type {
    /// The type behind names that are no structs, and behind pointers.
    pub(crate) fn resolved(&self) -> &Self {
        match self {
            Self::Pointer(inner) => inner.resolved(),
            Self::Named(name) => match declaration(name) {
                Some(Declaration::Alias(under)) => under.resolved(),
                Some(Declaration::Struct(_) | Declaration::Opaque) | None => self,
            },
            Self::Basic(_) | Self::Slice(_) | Self::Map(..) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Type) {
        match kind {
            Type::Basic(name) => {
                assert!(["string", "bool", "int32", "int64", "uint8", "float64"].contains(name), "{name}");
            }
            Type::Named(name) => assert!(declaration(name).is_some(), "{name}"),
            Type::Pointer(inner) | Type::Slice(inner) => check(inner),
            Type::Map(key, value) => {
                check(key);
                check(value);
            }
        }
    }

    #[test]
    fn every_name_in_the_table_is_declared_there() {
        assert!(DECLARATIONS.len() > 200);
        for declaration in DECLARATIONS.values() {
            match declaration {
                Declaration::Struct(fields) => fields.iter().for_each(|field| check(&field.kind)),
                Declaration::Alias(under) => check(under),
                Declaration::Opaque => {}
            }
        }
    }

    #[test]
    fn what_has_owners_of_its_own_is_in_the_table() {
        let items = |name, json| field(name, json).map(|field| field.items.clone());
        assert_eq!(items("core/v1.Container", "ports"), Some(Items::Keyed(vec!["containerPort", "protocol"])));
        assert_eq!(items("core/v1.Container", "args"), Some(Items::Atomic));
        assert_eq!(items("meta/v1.ObjectMeta", "finalizers"), Some(Items::Set));
        assert!(is_atomic("meta/v1.LabelSelector") && !is_atomic("core/v1.Container"));
        assert!(field("core/v1.PodSpec", "nodeSelector").is_some_and(|field| field.atomic));
        assert_eq!(field("core/v1.ContainerPort", "protocol").map(|field| field.default), Some("TCP"));
    }

    #[test]
    fn fields_of_inlined_structs_are_found() {
        assert_eq!(field("core/v1.SecretKeySelector", "name").map(|field| field.go), Some("Name"));
        assert!(field("core/v1.Pod", "kind").is_some());
        assert!(field("core/v1.Pod", "nonsense").is_none());
    }
}
