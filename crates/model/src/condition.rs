//! Conditions of objects.

use core::fmt;
use core::ops::Deref;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The conditions of an object, shared until one of them is changed: most writes change none.
///
/// ```
/// use wavetank_model::Conditions;
///
/// let mut words = Conditions::from(vec!["Available"]);
/// let before = words.clone();
/// words.edit(|words| words.push("Progressing"));
/// assert_eq!((before.len(), words.len()), (1, 2));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<C>", into = "Vec<C>", bound = "C: Clone + Serialize + serde::de::DeserializeOwned")]
pub struct Conditions<C>(
    /// Without conditions nothing is shared, so that empty lists need no memory.
    Option<Arc<[C]>>,
);

impl<C> Conditions<C> {
    /// Whether both are one shared list; cheap, and false does not mean different.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl<C: Clone> Conditions<C> {
    /// Changes the list.
    pub fn edit(&mut self, change: impl FnOnce(&mut Vec<C>)) {
        let mut list = self.to_vec();
        change(&mut list);
        *self = list.into();
    }
}

impl<C> Conditions<C> {
    pub(crate) fn follow(&mut self, other: &Self) {
        if !self.same(other) {
            self.0.clone_from(&other.0);
        }
    }
}

impl<C> Default for Conditions<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C> Deref for Conditions<C> {
    type Target = [C];

    fn deref(&self) -> &[C] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<C: PartialEq> PartialEq for Conditions<C> {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || **self == **other
    }
}

impl<C: Eq> Eq for Conditions<C> {}

impl<C> From<Vec<C>> for Conditions<C> {
    fn from(list: Vec<C>) -> Self {
        Self(if list.is_empty() { None } else { Some(list.into()) })
    }
}

impl<C: Clone> From<Conditions<C>> for Vec<C> {
    fn from(conditions: Conditions<C>) -> Self {
        conditions.to_vec()
    }
}

impl<'a, C> IntoIterator for &'a Conditions<C> {
    type Item = &'a C;
    type IntoIter = core::slice::Iter<'a, C>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A condition of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentCondition {
    /// `Progressing`, `Available` or `ReplicaFailure`.
    pub kind: Arc<str>,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When it was written last, a whole second.
    pub last_update: Option<Time>,
    /// When its status changed last, a whole second.
    pub last_transition: Option<Time>,
    /// CamelCase word.
    pub reason: Arc<str>,
    /// Text for people.
    pub message: Arc<str>,
}

/// A condition of a ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSetCondition {
    /// `ReplicaFailure`.
    pub kind: Arc<str>,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When its status changed last, a whole second.
    pub last_transition: Option<Time>,
    /// CamelCase word.
    pub reason: Arc<str>,
    /// Text for people.
    pub message: Arc<str>,
}

/// A condition of a Pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCondition {
    /// Such as `Ready`.
    pub kind: Arc<str>,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When its status changed last, a whole second.
    pub last_transition: Option<Time>,
    /// CamelCase word, or empty.
    pub reason: Arc<str>,
    /// Text for people, or empty.
    pub message: Arc<str>,
}
