//! The history: what changed and what was recorded, as much of it as somebody wants kept.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{EventRecord, Kind, Uid};
use wavetank_store::Change;

/// How much of the history is kept. The digest is taken at every level but `Off`.
///
/// The price, in a rollout of many pods: the digest is a tenth of the instructions, events next to nothing,
/// changes of objects a quarter to a half more, those of pods a few in a hundred more, and each entry some
/// hundred bytes. The README has the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// Nothing, not even the digest.
    Off,
    /// The digest only.
    Digest,
    /// Events that controllers record about Deployments and sets, those about single pods apart.
    Events,
    /// Those about single pods too, and all changes of Deployments, sets and nodes.
    Objects,
    /// All that, and all changes of pods.
    #[default]
    Everything,
}

/// The object that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Kind.
    pub kind: Arc<str>,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Identity.
    pub uid: Uid,
    /// The part of the object that is meant, such as `spec.containers{web}`; empty for the whole.
    pub field_path: Arc<str>,
}

impl ObjectRef {
    /// The same object as a whole.
    pub(crate) fn whole(&self) -> Self {
        Self { field_path: "".into(), ..self.clone() }
    }

    /// The API version of its kind.
    pub(crate) fn api_version(&self) -> &'static str {
        Kind::all().find(|kind| kind.as_str() == &*self.kind).map_or("v1", Kind::api_version)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// One entry of the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Time,
    /// What.
    pub what: Happening,
}

/// What an entry tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Happening {
    /// An object changed.
    Change(Change),
    /// A controller recorded an event.
    Event {
        /// About which object.
        about: ObjectRef,
        /// What it says.
        event: EventRecord,
        /// Who recorded it.
        source: Component,
    },
}

/// The part of Kubernetes that records an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Component {
    /// The Deployment controller.
    DeploymentController,
    /// The ReplicaSet controller.
    ReplicaSetController,
    /// The ReplicationController's controller.
    ReplicationController,
    /// The HorizontalPodAutoscaler's controller.
    HorizontalPodAutoscaler,
    /// The controller of EndpointSlices.
    EndpointSliceController,
    /// The controller of Endpoints.
    EndpointController,
    /// The controller of nodes' lives.
    NodeController,
    /// The eviction of pods from tainted nodes.
    TaintEvictionController,
    /// The controller of PodDisruptionBudgets.
    DisruptionController,
    /// The scheduler.
    Scheduler,
    /// The kubelet of a node, by its number.
    Kubelet(u32),
}

impl Component {
    /// As events name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeploymentController => "deployment-controller",
            Self::ReplicaSetController => "replicaset-controller",
            Self::ReplicationController => "replication-controller",
            Self::HorizontalPodAutoscaler => "horizontal-pod-autoscaler",
            Self::EndpointSliceController => "endpoint-slice-controller",
            Self::EndpointController => "endpoint-controller",
            Self::NodeController => "node-controller",
            Self::TaintEvictionController => "taint-eviction-controller",
            Self::DisruptionController => "controllermanager",
            Self::Scheduler => "default-scheduler",
            Self::Kubelet(_) => "kubelet",
        }
    }

    /// The node that it runs on, if it speaks for one.
    #[must_use]
    pub const fn node(self) -> Option<u32> {
        match self {
            Self::Kubelet(node) => Some(node),
            Self::DeploymentController
            | Self::ReplicaSetController
            | Self::ReplicationController
            | Self::HorizontalPodAutoscaler
            | Self::EndpointSliceController
            | Self::EndpointController
            | Self::NodeController
            | Self::TaintEvictionController
            | Self::DisruptionController
            | Self::Scheduler => None,
        }
    }
}

// A cluster can be sent to another thread, so its subscribers must be, too.
type Subscriber = Box<dyn FnMut(&Entry) + Send + Sync>;

/// The history, and who listens. Subscribers are not forked and not in snapshots.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct History {
    pub(crate) level: LogLevel,
    pub(crate) entries: Vec<Entry>,
    #[serde(skip)]
    subscribers: Vec<Subscriber>,
}

impl History {
    pub(crate) const fn new(level: LogLevel) -> Self {
        Self { level, entries: Vec::new(), subscribers: Vec::new() }
    }

    pub(crate) fn subscribe(&mut self, subscriber: Subscriber) {
        self.subscribers.push(subscriber);
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        for subscriber in &mut self.subscribers {
            subscriber(&entry);
        }
        self.entries.push(entry);
    }
}

impl Clone for History {
    fn clone(&self) -> Self {
        Self { level: self.level, entries: self.entries.clone(), subscribers: Vec::new() }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("level", &self.level).field("entries", &self.entries.len()).finish()
    }
}
