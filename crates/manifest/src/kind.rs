//! The kinds that the edge takes in.

use wavetank_model::{Reason, Refusal};

/// A kind of object that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `v1` ReplicationController.
    ReplicationController,
    /// `v1` Pod.
    Pod,
}

impl Kind {
    /// The API's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::Pod => "Pod",
        }
    }

    /// The API version it is served under.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet => "apps/v1",
            Self::ReplicationController | Self::Pod => "v1",
        }
    }

    /// Its resource, with the group: `deployments.apps`.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments.apps",
            Self::ReplicaSet => "replicasets.apps",
            Self::ReplicationController => "replicationcontrollers",
            Self::Pod => "pods",
        }
    }

    /// The kind with its group, as refusals name it: `Deployment.apps`.
    pub(crate) const fn qualified(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment.apps",
            Self::ReplicaSet => "ReplicaSet.apps",
            Self::ReplicationController => "ReplicationController",
            Self::Pod => "Pod",
        }
    }

    /// The Go type behind it.
    pub(crate) const fn go_type(self) -> &'static str {
        match self {
            Self::Deployment => "apps/v1.Deployment",
            Self::ReplicaSet => "apps/v1.ReplicaSet",
            Self::ReplicationController => "core/v1.ReplicationController",
            Self::Pod => "core/v1.Pod",
        }
    }

    /// The kind of an API version and a word.
    ///
    /// # Errors
    /// If there is none, or it is not simulated.
    pub fn of(api_version: &str, kind: &str) -> Result<Self, Refusal> {
        [Self::Deployment, Self::ReplicaSet, Self::ReplicationController, Self::Pod]
            .into_iter()
            .find(|known| known.as_str() == kind && known.api_version() == api_version)
            .ok_or_else(|| {
                let message = if kind.is_empty() {
                    "Object 'Kind' is missing".to_owned()
                } else {
                    format!("no matches for kind \"{kind}\" in version \"{api_version}\"")
                };
                Refusal::new(Reason::BadRequest, message)
            })
    }
}
