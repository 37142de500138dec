//! Numbers that may be given as a percentage.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An `IntOrString` of the API: kept as spelled, read when it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text, meant to be a percentage.
    String(Arc<str>),
}
