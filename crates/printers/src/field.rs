//! Reading members of API objects that may be absent or of another type than they should.

use crate::now::Instant;
use serde_json::Value;
use wavetank_model::go_text;

/// Reading along a path of member names.
pub(crate) trait Field {
    /// The member at a path; nothing where it is absent or null.
    fn at(&self, path: &[&str]) -> Option<&Value>;

    /// The text at a path, empty without one.
    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The integer at a path, if there is one.
    fn number(&self, path: &[&str]) -> Option<i64> {
        self.at(path).and_then(Value::as_i64)
    }

    /// The integer at a path, zero without one.
    fn count(&self, path: &[&str]) -> i64 {
        self.number(path).unwrap_or_default()
    }

    /// Whether a flag is set at a path.
    fn flag(&self, path: &[&str]) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The items of the list at a path.
    fn items(&self, path: &[&str]) -> &[Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The members of the object at a path by key, in the order of the keys.
    fn entries(&self, path: &[&str]) -> Vec<(&str, &Value)> {
        self.at(path).map(go_text::sorted).unwrap_or_default()
    }

    /// The timestamp at a path, if there is one.
    fn instant(&self, path: &[&str]) -> Option<Instant> {
        Instant::parse(self.text(path))
    }

    /// The name in the metadata.
    fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// The namespace in the metadata.
    fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// The kind.
    fn kind(&self) -> &str {
        self.text(&["kind"])
    }
}

impl Field for Value {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key)).filter(|value| !value.is_null())
    }
}

/// A value as Go's `%v` prints it; `<nil>` without one.
pub(crate) fn plain(value: Option<&Value>) -> String {
    go_text::plain(value.unwrap_or(&Value::Null))
}
