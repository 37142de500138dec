//! Everything that can fall due.

use crate::horizontal::AutoscalerId;
use crate::verbs::disruptions::BudgetStatus;
use serde::{Deserialize, Serialize};
use wavetank_model::{DeploymentKey, DocumentKey, PodKey, ReplicaSetKey, Uid};
use wavetank_store::Change;

/// A controller's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum WorkKey {
    Deployment(DeploymentKey),
    Set(ReplicaSetKey),
    Service(DocumentKey),
    Budget(DocumentKey),
    Autoscaler(AutoscalerId),
}

/// An entry of the event queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The scheduler binds a pod.
    PodBinds(PodKey),
    /// A pod's node has something to do for it.
    PodDue(PodKey),
    /// A pod that was being deleted has left its node.
    PodGone(PodKey),
    /// The controllers' watch delivers a change.
    Delivery(Box<Change>),
    /// A delayed key comes back to its queue.
    Wake(WorkKey),
    /// The next request of a pass reaches the server.
    PassGoesOn(u64),
    /// The next request of a pass for a Service reaches the server.
    ServicePassGoesOn(DocumentKey),
    /// The next request of a pass for an autoscaler is answered.
    HorizontalPassGoesOn(AutoscalerId),
    /// The status of a PodDisruptionBudget reaches the server.
    BudgetStatus(Box<BudgetStatus>),
    /// The garbage collector turns to the dependents of an owner that is gone or going.
    Collect(Uid),
    /// The metrics pipeline looks at the pods.
    Scrape,
    /// The pods of a lost node go.
    NodeLost(u32),
    /// Nothing has been heard of a node that was cut off.
    NodeSilent(u32),
    /// Pods that found no node long ago are tried again.
    Unscheduled,
    /// A pod has tolerated the taint of its node long enough.
    TaintEvicts(PodKey),
    /// How well a container serves changes by itself.
    ServingTurns(PodKey),
}
