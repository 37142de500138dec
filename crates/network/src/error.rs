//! What is wrong with what a user asks for.

/// A field of a source or a service that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct NetworkError {
    /// Path of the field.
    pub field: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl NetworkError {
    pub(crate) fn new(field: impl Into<String>, fault: &'static str) -> Self {
        Self { field: field.into(), fault }
    }
}
