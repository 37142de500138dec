//! Controllers as pure reconcile functions.
//!
//! One call is one pass of the upstream sync function: what the controller has seen, the time and the
//! replies to the writes made so far go in; typed writes, events, the error and when to look again
//! come out. Nothing here knows a clock, a store or a queue.
//!
//! - [`replica_set`] keeps as many pods as wanted, for ReplicaSets and ReplicationControllers.
//! - [`deployment`] replaces the pods of one template by those of another.
//! - [`horizontal`] sizes a workload by what its metrics say.
//! - [`disruption`] says how many pods may be evicted.
//! - [`endpoint_slice`] keeps the list of the pods behind a Service; [`endpoints`] is its older form.
//!
//! A set that wants three pods and has none asks for one, then for two; should the first be refused, the
//! second batch is not asked for.
//!
//! ```
//! use std::sync::Arc;
//! use wavetank_controllers::{PodsSeen, ReplicaSetInputs, ReplicaSetWrite, reconcile_replica_set};
//! use wavetank_model::{
//!     LabelSelector, ObjectMeta, PodTemplate, Reason, Refusal, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, Reply,
//!     SetKind, StringMap, TemplateFacts,
//! };
//!
//! let labels: StringMap = [("app", "web")].into_iter().collect();
//! let template = PodTemplate {
//!     value: Default::default(),
//!     labels: labels.clone(),
//!     annotations: StringMap::default(),
//!     spelling: 0,
//!     meaning: "".into(),
//!     facts: TemplateFacts::default(),
//! };
//! let set = ReplicaSet {
//!     kind: SetKind::ReplicaSet,
//!     meta: ObjectMeta { name: "web".into(), ..ObjectMeta::default() },
//!     spec: ReplicaSetSpec {
//!         replicas: 3,
//!         min_ready_seconds: 0,
//!         selector: LabelSelector { match_labels: labels, match_expressions: Vec::new() },
//!         template: Arc::new(template),
//!     },
//!     status: ReplicaSetStatus::default(),
//! };
//! let pods = PodsSeen::default();
//! let now = Default::default();
//! let inputs = ReplicaSetInputs { now, set: &set, pods: &pods, expectations_met: true, burst: 500 };
//!
//! let plan = reconcile_replica_set(&inputs, &[]);
//! assert_eq!(plan.writes[..2], [ReplicaSetWrite::Create { count: 1 }, ReplicaSetWrite::Create { count: 2 }]);
//!
//! let quota = Reply::refused(Refusal::new(Reason::Forbidden, "exceeded quota"));
//! let plan = reconcile_replica_set(&inputs, &[quota]);
//! assert_eq!(plan.writes[0], ReplicaSetWrite::Create { count: 1 });
//! assert!(matches!(plan.writes[1], ReplicaSetWrite::Status { .. }));
//! ```

mod claim;
pub mod deployment;
pub mod disruption;
pub mod endpoint_slice;
pub mod endpoints;
pub mod horizontal;
pub mod replica_set;

pub use deployment::{
    DeploymentInputs, DeploymentWrite, SetSeen, new_set_name, reconcile_deployment, replan_deployment,
};
pub use disruption::{CoveredPods, DisruptionInputs, DisruptionWrite, reconcile_disruption};
pub use endpoint_slice::{
    EndpointSliceInputs, EndpointSliceWrite, NodeSeen, PodSeen, PodsGiven, SliceIndex, StaleSlices, TriggerTimes,
    reconcile_endpoint_slices,
};
pub use endpoints::{EndpointsSubset, endpoints_of};
pub use horizontal::{HorizontalInputs, HorizontalOutcome, HorizontalView, HorizontalWrite, reconcile_horizontal};
pub use replica_set::{
    Claim, ClaimKind, PodEvent, PodsSeen, ReplicaSetInputs, ReplicaSetWrite, Tally, reconcile_replica_set,
    replan_replica_set, surplus,
};
