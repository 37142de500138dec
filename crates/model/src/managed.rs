//! Who owns which fields of an object.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ManagedOperation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl ManagedOperation {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// The fields that one manager owns: an entry of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedFieldsEntry {
    /// Name of the manager.
    pub manager: Arc<str>,
    /// How it came to own them.
    pub operation: ManagedOperation,
    /// The version of the API whose fields these are.
    pub api_version: Arc<str>,
    /// The subresource it wrote to, or empty.
    pub subresource: Arc<str>,
    /// When it last wrote, a whole second.
    pub time: Option<Time>,
    /// The set of fields, as the text of `fieldsV1`.
    pub fields: Arc<str>,
}

/// The owners of an object's fields, as far as somebody has to remember them.
///
/// An object without any has been written by nobody but its creator: by its controller if it has one,
/// else by `kubectl-create`. What controllers write to the status is not kept either, since it follows
/// from the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedFields {
    /// Who created the object, as long as it owns all that nobody else does.
    pub creator: Option<Arc<str>>,
    /// What is known of the others.
    pub entries: Vec<ManagedFieldsEntry>,
}
