//! What a verb can answer besides success.

use wavetank_model::Refusal;

/// Why a verb did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API server refused a request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The text is not YAML or JSON, or not an object.
    #[error("{0}")]
    Unreadable(String),
    /// A pod template has no container of this name.
    #[error("unable to find container named \"{0}\"")]
    NoContainer(String),
    /// The history has no such revision.
    #[error("unable to find specified revision {0} in history")]
    NoRevision(i64),
    /// There is nothing to go back to.
    #[error("no rollout history found for deployment \"{0}\"")]
    NoHistory(String),
    /// A paused Deployment does not roll back.
    #[error("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")]
    RollbackWhilePaused,
    /// A paused Deployment does not restart.
    #[error("can't restart paused deployment (run rollout resume first)")]
    RestartWhilePaused,
    /// It is paused already.
    #[error("deployments.apps \"{0}\" is already paused")]
    AlreadyPaused(String),
    /// It is not paused.
    #[error("deployments.apps \"{0}\" is not paused")]
    NotPaused(String),
    /// The template already is that of the revision.
    #[error("skipped rollback (current template already matches revision {0})")]
    SameTemplate(i64),
    /// A snapshot of another format, or no snapshot at all.
    #[error("{0}")]
    Snapshot(String),
}
