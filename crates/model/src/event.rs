//! What controllers record for people to read.

use core::fmt;
use core::ops::Deref;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

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
    pub reason: Text,
    /// Text for people.
    pub message: Text,
}

impl EventRecord {
    /// A Normal event.
    #[must_use]
    pub fn normal(reason: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self { kind: EventKind::Normal, reason: reason.into(), message: message.into() }
    }

    /// A Warning event.
    #[must_use]
    pub fn warning(reason: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self { kind: EventKind::Warning, reason: reason.into(), message: message.into() }
    }
}

/// Text of an event. What a rollout says over and over is put into words when somebody reads it.
///
/// ```
/// use wavetank_model::event::Text;
///
/// let text = Text::scaled(&"web-abc".into(), 2, 3);
/// assert_eq!(&*text, "Scaled up replica set web-abc from 2 to 3");
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Arc<str>", into = "Arc<str>")]
pub struct Text(Words);

#[derive(Clone, Debug)]
enum Words {
    Known(&'static str),
    Given(Arc<str>),
    Scaled { set: Arc<str>, from: i32, to: i32, read: OnceLock<Arc<str>> },
}

impl Text {
    /// That a ReplicaSet was brought from one size to another.
    #[must_use]
    pub fn scaled(set: &Arc<str>, from: i32, to: i32) -> Self {
        Self(Words::Scaled { set: Arc::clone(set), from, to, read: OnceLock::new() })
    }

    /// The text, to be kept apart from the event.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        match &self.0 {
            Words::Known(text) => (*text).into(),
            Words::Given(text) => Arc::clone(text),
            Words::Scaled { set, from, to, read } => Arc::clone(read.get_or_init(|| scaled(set, *from, *to))),
        }
    }
}

fn scaled(set: &str, from: i32, to: i32) -> Arc<str> {
    let direction = if from < to { "up" } else { "down" };
    format!("Scaled {direction} replica set {set} from {from} to {to}").into()
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Words::Known(text) => text,
            Words::Given(text) => text,
            Words::Scaled { set, from, to, read } => read.get_or_init(|| scaled(set, *from, *to)),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Words::Known(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Words::Given(text.into()))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Words::Given(text))
    }
}

impl From<Text> for Arc<str> {
    fn from(text: Text) -> Self {
        text.shared()
    }
}
