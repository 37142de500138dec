//! What controllers record for people to read.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `Normal` or `Warning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventKind {
    /// All is well.
    Normal,
    /// Something is not.
    Warning,
}

impl EventKind {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An event about the object that a pass was for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Normal or Warning.
    pub kind: EventKind,
    /// CamelCase word.
    pub reason: Arc<str>,
    /// Text for people.
    pub message: Arc<str>,
}

impl EventRecord {
    /// A Normal event.
    #[must_use]
    pub fn normal(reason: &str, message: impl Into<Arc<str>>) -> Self {
        Self { kind: EventKind::Normal, reason: reason.into(), message: message.into() }
    }

    /// A Warning event.
    #[must_use]
    pub fn warning(reason: &str, message: impl Into<Arc<str>>) -> Self {
        Self { kind: EventKind::Warning, reason: reason.into(), message: message.into() }
    }
}
