//! Objects of the kinds that no hot path stores.

use crate::{Kind, ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

slotmap::new_key_type! {
    /// Arena key of a [`Document`]. Never used for order, digest or draws.
    pub struct DocumentKey;
}

/// An object that is kept as the API server would keep it: metadata, body and status.
///
/// There are few of these, and most of their fields are only carried. What the simulation obeys of
/// them is read once, when they are stored, into their [`Meaning`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Kind.
    pub kind: Kind,
    /// Metadata.
    pub meta: ObjectMeta,
    /// All fields but `apiVersion`, `kind`, `metadata` and `status`, decoded and filled in.
    #[serde(with = "crate::template::json_text")]
    pub body: Value,
    /// The status; null if there is none.
    #[serde(with = "crate::template::json_text")]
    pub status: Value,
    /// What the simulation obeys.
    pub meaning: Meaning,
}

/// What the simulation obeys of a document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Meaning {
    /// Nothing: it is kept and shown.
    #[default]
    Carried,
}

impl Document {
    /// Namespace and name.
    #[must_use]
    pub fn named(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.meta.namespace), Arc::clone(&self.meta.name))
    }
}
