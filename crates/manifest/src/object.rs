//! Objects that have been taken in, of whichever kind.

use crate::admission::{admit, kind_of};
use crate::{Edge, Error, document, literal};
use serde_json::Value;
use wavetank_model::{Deployment, Document, Kind, ObjectMeta, Pod, Reason, Refusal, ReplicaSet, SetKind, Storage};

/// An object of one of the kinds that can be simulated.
#[derive(Clone, Debug)]
pub enum Object {
    /// A Deployment.
    Deployment(Box<Deployment>),
    /// A ReplicaSet.
    ReplicaSet(Box<ReplicaSet>),
    /// A ReplicationController.
    ReplicationController(Box<ReplicaSet>),
    /// A Pod.
    Pod(Box<Pod>),
    /// An object of any other kind.
    Document(Box<Document>),
}

impl Object {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Document(document) => document.kind,
            Self::Deployment(_) => Kind::Deployment,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::ReplicationController(_) => Kind::ReplicationController,
            Self::Pod(_) => Kind::Pod,
        }
    }

    /// Its metadata, to be changed.
    pub const fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Deployment(deployment) => &mut deployment.meta,
            Self::ReplicaSet(set) | Self::ReplicationController(set) => &mut set.meta,
            Self::Pod(pod) => &mut pod.meta,
            Self::Document(document) => &mut document.meta,
        }
    }

    /// Its metadata.
    #[must_use]
    pub const fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Deployment(deployment) => &deployment.meta,
            Self::ReplicaSet(set) | Self::ReplicationController(set) => &set.meta,
            Self::Pod(pod) => &pod.meta,
            Self::Document(document) => &document.meta,
        }
    }
}

/// Takes a new object in.
///
/// # Errors
/// What the API server would say to its creation.
pub fn decode(value: &Value, edge: &mut Edge) -> Result<Object, Refusal> {
    read_admitted(&admit(value)?, edge)
}

/// Reads a value that [`admit`] or [`admit_update`](crate::admit_update) has given back.
///
/// # Errors
/// If the value is of another making and does not hold what its kind promises.
pub fn read_admitted(object: &Value, edge: &mut Edge) -> Result<Object, Refusal> {
    let kind = kind_of(object)?;
    let read = match kind.storage() {
        Storage::Deployment => {
            literal::decode_deployment(object, edge).map(|object| Object::Deployment(Box::new(object)))
        }
        Storage::Set(set) => literal::decode_replica_set(object, edge).map(Box::new).map(|object| match set {
            SetKind::ReplicaSet => Object::ReplicaSet(object),
            SetKind::ReplicationController => Object::ReplicationController(object),
        }),
        Storage::Pod => literal::decode_pod(object, edge).map(|object| Object::Pod(Box::new(object))),
        Storage::Document => {
            document::decode_document(kind, object, edge).map(|object| Object::Document(Box::new(object)))
        }
    };
    read.map_err(|error: Error| Refusal::new(Reason::BadRequest, error.to_string()))
}
