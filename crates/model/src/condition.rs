//! Conditions of objects.

use core::fmt;
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
