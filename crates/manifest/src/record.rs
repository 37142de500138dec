//! Building the JSON of an API object, which leaves out what is empty.

use crate::Edge;
use serde_json::{Map, Value};
use wavetank_engine::Time;
use wavetank_model::StringMap;

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(crate) struct Record(Map<String, Value>);

impl Record {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A field that is there whatever it holds.
    pub(crate) fn always(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// A pointer field: left out if it is nil, kept if it points to zero.
    pub(crate) fn optional(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.always(key, value),
            None => self,
        }
    }

    /// A text, left out if empty.
    pub(crate) fn text(self, key: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.always(key, text) }
    }

    /// A number, left out if zero.
    pub(crate) fn number(self, key: &str, number: impl Into<i64>) -> Self {
        let number = number.into();
        if number == 0 { self } else { self.always(key, number) }
    }

    /// A truth value, left out if false.
    pub(crate) fn boolean(self, key: &str, value: bool) -> Self {
        if value { self.always(key, true) } else { self }
    }

    /// A list, left out if empty.
    pub(crate) fn list(self, key: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.always(key, items) }
    }

    /// A map of texts, left out if empty.
    pub(crate) fn string_map(self, key: &str, map: &StringMap) -> Self {
        if map.is_empty() { self } else { self.always(key, string_map(map)) }
    }

    /// A time, left out if absent.
    pub(crate) fn time(self, key: &str, time: Option<Time>, edge: &Edge) -> Self {
        self.optional(key, time.map(|time| edge.spell_time(time)))
    }

    pub(crate) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

/// A map of texts as JSON.
pub(crate) fn string_map(map: &StringMap) -> Value {
    Value::Object(map.iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect())
}
