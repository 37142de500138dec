//! Reading the fields of a JSON object, where null and absent are the same.

use crate::{Edge, Error};
use serde_json::{Map, Value};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{IntOrString, StringMap};

/// A JSON object, or its absence, and where it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    map: Option<&'a Map<String, Value>>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of a value that must be an object, null or absent.
    pub(crate) fn of(value: Option<&'a Value>, path: &'a str) -> Result<Self, Error> {
        match value {
            None | Some(Value::Null) => Ok(Self { map: None, path }),
            Some(Value::Object(map)) => Ok(Self { map: Some(map), path }),
            Some(_) => Err(Error::mistyped(path, "an object")),
        }
    }

    /// Whether the object itself is there.
    pub(crate) const fn is_present(&self) -> bool {
        self.map.is_some()
    }

    /// The value of a field, null counting as absent.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, expected: &'static str) -> Error {
        Error::mistyped(format!("{}.{key}", self.path), expected)
    }

    /// An object below.
    pub(crate) fn object(&self, key: &str, path: &'a str) -> Result<Self, Error> {
        Self::of(self.value(key), path)
    }

    /// A list below, empty if absent.
    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value], Error> {
        match self.value(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    /// A text, empty if absent.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str, Error> {
        Ok(self.optional_text(key)?.unwrap_or_default())
    }

    /// A text.
    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        self.value(key).map(|value| value.as_str().ok_or_else(|| self.wrong(key, "a string"))).transpose()
    }

    /// A shared text, empty if absent.
    pub(crate) fn shared(&self, key: &str) -> Result<Arc<str>, Error> {
        self.text(key).map(Arc::from)
    }

    /// A list of texts, empty if absent.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<Arc<str>>, Error> {
        self.list(key)?
            .iter()
            .map(|item| item.as_str().map(Arc::from).ok_or_else(|| self.wrong(key, "a list of strings")))
            .collect()
    }

    /// A map of texts, empty if absent.
    pub(crate) fn string_map(&self, key: &str) -> Result<StringMap, Error> {
        let wrong = || self.wrong(key, "a map of strings");
        match self.value(key) {
            None => Ok(StringMap::default()),
            Some(Value::Object(map)) => {
                let pairs: Result<Vec<(&str, &str)>, Error> = map
                    .iter()
                    .map(|(key, value)| match value {
                        Value::String(text) => Ok((key.as_str(), text.as_str())),
                        Value::Null => Ok((key.as_str(), "")),
                        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(wrong()),
                    })
                    .collect();
                Ok(pairs?.into_iter().collect())
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A truth value.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, Error> {
        self.value(key).map(|value| value.as_bool().ok_or_else(|| self.wrong(key, "a boolean"))).transpose()
    }

    /// A number of 64 bits.
    pub(crate) fn int64(&self, key: &str) -> Result<Option<i64>, Error> {
        self.value(key).map(|value| value.as_i64().ok_or_else(|| self.wrong(key, "a 64-bit integer"))).transpose()
    }

    /// A number of 32 bits.
    pub(crate) fn int32(&self, key: &str) -> Result<Option<i32>, Error> {
        let narrow = |wide: i64| i32::try_from(wide).map_err(|_| self.wrong(key, "a 32-bit integer"));
        self.int64(key)?.map(narrow).transpose()
    }

    /// A number of 32 bits, zero if absent.
    pub(crate) fn count(&self, key: &str) -> Result<i32, Error> {
        Ok(self.int32(key)?.unwrap_or_default())
    }

    /// A number or a percentage.
    pub(crate) fn int_or_string(&self, key: &str) -> Result<Option<IntOrString>, Error> {
        let Some(value) = self.value(key) else { return Ok(None) };
        if let Some(text) = value.as_str() {
            return Ok(Some(IntOrString::String(text.into())));
        }
        self.int32(key).map(|number| number.map(IntOrString::Int))
    }

    /// A time.
    pub(crate) fn time(&self, key: &str, edge: &Edge) -> Result<Option<Time>, Error> {
        self.optional_text(key)?.filter(|text| !text.is_empty()).map(|text| edge.time(text)).transpose()
    }
}
