//! What can be wrong with a JSON object that is read without validation.

/// A JSON object that cannot be an object of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field holds JSON of another type.
    #[error("{path}: expected {expected}")]
    Mistyped {
        /// Path of the field.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Not an RFC 3339 time.
    #[error("{text:?} is not an RFC 3339 time")]
    Time {
        /// What was there.
        text: String,
    },
    /// A kind that this reader does not know.
    #[error("{kind:?} is not a kind that can be read here")]
    Kind {
        /// What was there.
        kind: String,
    },
}

impl Error {
    pub(crate) fn mistyped(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Mistyped { path: path.into(), expected }
    }

    pub(crate) fn time(text: &str) -> Self {
        Self::Time { text: text.to_owned() }
    }
}
