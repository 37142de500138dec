//! Events about single pods, worded once for whoever carries the writes out.
//!
//! A pass asks for pods by the batch and never learns their names, so these events are not part of
//! its plan: the executor that applies [`Create`](crate::ReplicaSetWrite::Create) and
//! [`Delete`](crate::ReplicaSetWrite::Delete) records one for each request, or one with a count for a
//! batch, and turns it into text only when somebody looks.

use wavetank_model::{EventRecord, Reason, Refusal};

/// What became of one request to create or delete a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodEvent<'a> {
    /// A pod of this name was created.
    Created(&'a str),
    /// The creation of a pod was refused.
    CreateFailed(&'a Refusal),
    /// The pod of this name was deleted.
    Deleted(&'a str),
    /// The deletion of a pod was refused.
    DeleteFailed(&'a Refusal),
}

impl PodEvent<'_> {
    /// The event as the API shows it; none where upstream keeps silent: a namespace that is being
    /// deleted refuses pods as a matter of course, and a pod that is gone already needs no word.
    #[must_use]
    pub fn record(&self) -> Option<EventRecord> {
        match *self {
            Self::Created(name) => Some(EventRecord::normal("SuccessfulCreate", format!("Created pod: {name}"))),
            Self::CreateFailed(refusal) if refusal.is_namespace_terminating() => None,
            Self::CreateFailed(refusal) => {
                Some(EventRecord::warning("FailedCreate", format!("Error creating: {refusal}")))
            }
            Self::Deleted(name) => Some(EventRecord::normal("SuccessfulDelete", format!("Deleted pod: {name}"))),
            Self::DeleteFailed(refusal) if refusal.reason == Reason::NotFound => None,
            Self::DeleteFailed(refusal) => {
                Some(EventRecord::warning("FailedDelete", format!("Error deleting: {refusal}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_is_gone_already_is_deleted_in_silence() {
        assert_eq!(PodEvent::DeleteFailed(&Refusal::not_found("pods", "a")).record(), None);
    }
}
