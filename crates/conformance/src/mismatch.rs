//! What a case expected and what came instead.

use core::fmt;
use serde_json::Value;

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A value differs.
    Differs {
        /// Where, as a path of member names and positions.
        path: String,
        /// What the real system answered.
        expected: String,
        /// What ours answered.
        got: String,
    },
    /// The case could not be run or compared.
    NotRun(String),
}

impl Mismatch {
    /// The case could not be run, and why.
    pub fn not_run(why: impl Into<String>) -> Self {
        Self::NotRun(why.into())
    }

    /// Two values differ at a path.
    pub fn differs(path: impl Into<String>, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::Differs { path: path.into(), expected: expected.to_string(), got: got.to_string() }
    }

    /// The same mismatch, seen from one level further out.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Differs { path, expected, got } => Self::Differs { path: join(outer, &path), expected, got },
            Self::NotRun(why) => Self::NotRun(format!("{outer}: {why}")),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { path, expected, got } => {
                write!(f, "{path}\n    expected {expected}\n    got      {got}")
            }
            Self::NotRun(why) => f.write_str(why),
        }
    }
}

fn join(outer: &str, inner: &str) -> String {
    if inner.is_empty() || inner.starts_with('[') { format!("{outer}{inner}") } else { format!("{outer}.{inner}") }
}

/// Compares two values; the first difference, in the order of the expected members, is the error.
///
/// # Errors
/// The first difference.
pub fn same(expected: &Value, got: &Value) -> Result<(), Mismatch> {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, value) in expected {
                let found = got.get(key).ok_or_else(|| Mismatch::differs(key.as_str(), value, "(nothing)"))?;
                same(value, found).map_err(|mismatch| mismatch.within(key))?;
            }
            match got.iter().find(|(key, _)| !expected.contains_key(*key)) {
                Some((key, value)) => Err(Mismatch::differs(key.as_str(), "(nothing)", value)),
                None => Ok(()),
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            for position in 0..expected.len().max(got.len()) {
                let path = format!("[{position}]");
                match (expected.get(position), got.get(position)) {
                    (Some(expected), Some(got)) => same(expected, got).map_err(|mismatch| mismatch.within(&path))?,
                    (Some(expected), None) => return Err(Mismatch::differs(path, expected, "(nothing)")),
                    (None, Some(got)) => return Err(Mismatch::differs(path, "(nothing)", got)),
                    (None, None) => {}
                }
            }
            Ok(())
        }
        _ if expected == got => Ok(()),
        _ => Err(Mismatch::differs("", expected, got)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_names_its_path() {
        let expected = json!({"a": [1, {"b": 2}]});
        let got = json!({"a": [1, {"b": 3}]});
        assert_eq!(same(&expected, &got), Err(Mismatch::differs("a[1].b", 2, 3)));
    }

    #[test]
    fn a_member_too_many_is_a_difference() {
        let mismatch = same(&json!({}), &json!({"a": 1}));
        assert_eq!(mismatch, Err(Mismatch::differs("a", "(nothing)", 1)));
        assert_eq!(same(&json!([1]), &json!([])), Err(Mismatch::differs("[0]", 1, "(nothing)")));
    }
}
