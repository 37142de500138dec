//! Why the API server said no: the content of a `Status` object.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Machine-readable reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reason {
    /// 404.
    NotFound,
    /// 409: the name is taken.
    AlreadyExists,
    /// 409: the object changed in the meantime.
    Conflict,
    /// 422.
    Invalid,
    /// 400.
    BadRequest,
    /// 403, quota among others.
    Forbidden,
    /// 429.
    TooManyRequests,
    /// 500.
    InternalError,
    /// Any other, as spelled.
    Other(Arc<str>),
}

impl Reason {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::Invalid => "Invalid",
            Self::BadRequest => "BadRequest",
            Self::Forbidden => "Forbidden",
            Self::TooManyRequests => "TooManyRequests",
            Self::InternalError => "InternalError",
            Self::Other(text) => text,
        }
    }

    /// The reason of a spelling.
    #[must_use]
    pub fn from_spelling(text: &str) -> Self {
        match text {
            "NotFound" => Self::NotFound,
            "AlreadyExists" => Self::AlreadyExists,
            "Conflict" => Self::Conflict,
            "Invalid" => Self::Invalid,
            "BadRequest" => Self::BadRequest,
            "Forbidden" => Self::Forbidden,
            "TooManyRequests" => Self::TooManyRequests,
            "InternalError" => Self::InternalError,
            other => Self::Other(other.into()),
        }
    }

    /// The HTTP status code that goes with it.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Invalid => 422,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::TooManyRequests => 429,
            Self::InternalError => 500,
            Self::Other(text) => match &**text {
                "Unauthorized" => 401,
                "MethodNotAllowed" => 405,
                "NotAcceptable" => 406,
                "Gone" | "Expired" => 410,
                "RequestEntityTooLarge" => 413,
                "UnsupportedMediaType" => 415,
                "TooManyRequests" => 429,
                "NotSimulated" => 501,
                "ServiceUnavailable" => 503,
                "Timeout" | "ServerTimeout" => 504,
                _ => 500,
            },
        }
    }
}

/// One field that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Such as `FieldValueInvalid`.
    pub reason: Arc<str>,
    /// What is wrong.
    pub message: Arc<str>,
    /// Path of the field.
    pub field: Arc<str>,
}

/// A request refused by the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Machine-readable reason.
    pub reason: Reason,
    /// The server's own words.
    pub message: Arc<str>,
    /// Fields at fault.
    pub causes: Vec<Cause>,
}

/// Cause that marks a refusal by a namespace that is being deleted.
pub const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

impl Refusal {
    /// A refusal without causes.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<Arc<str>>) -> Self {
        Self { reason, message: message.into(), causes: Vec::new() }
    }

    /// `resource "name" not found`.
    #[must_use]
    pub fn not_found(resource: &str, name: &str) -> Self {
        Self::new(Reason::NotFound, format!("{resource} \"{name}\" not found"))
    }

    /// `resource "name" already exists`.
    #[must_use]
    pub fn already_exists(resource: &str, name: &str) -> Self {
        Self::new(Reason::AlreadyExists, format!("{resource} \"{name}\" already exists"))
    }

    /// The optimistic lock was lost.
    #[must_use]
    pub fn conflict(resource: &str, name: &str) -> Self {
        Self::new(
            Reason::Conflict,
            format!(
                "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply \
                 your changes to the latest version and try again"
            ),
        )
    }

    /// Whether a namespace being deleted is the cause.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        self.causes.iter().any(|cause| &*cause.reason == NAMESPACE_TERMINATING)
    }
}
