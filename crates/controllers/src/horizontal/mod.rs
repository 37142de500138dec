//! HorizontalPodAutoscalers: as many replicas as the metrics ask for, no faster than allowed.
//!
//! One pod at 180 % of what it asks for, with a target of 70 %, is not enough: a pass asks for 3
//! (180 / 70, rounded up). With the load gone it asks for 1 at once, but remembers for five minutes
//! that 3 were needed and keeps them for so long.
//!
//! - [`reconcile_horizontal`] is one pass; [`HorizontalInputs`] and [`HorizontalOutcome`] its border.
//! - [`HorizontalView`] is what it may look up: pods and metrics, asked for only where needed.
//! - [`replica_calculator`] says what one metric asks for.
//! - [`normalize`](mod@normalize) holds that against windows, rates and bounds.
//! - [`memory`] is what the controller remembers, plain data that goes in and comes out.
//!
//! Follows `pkg/controller/podautoscaler` of Kubernetes 1.36. Where upstream's answer hangs on the
//! order of a map or on the processor, ours is the first by name or the nearest number.

mod config;
mod float;
pub mod memory;
mod metrics;
pub mod normalize;
mod reconcile;
pub mod replica_calculator;
mod requests;
mod seen;
mod selectors;
mod weigh;
mod write;

pub use config::{HorizontalConfig, Tolerances};
pub use memory::{AutoscalerMemory, AutoscalerName, HorizontalMemory};
pub use normalize::{Normalization, Normalized, normalize};
pub use reconcile::{group_version, reconcile_horizontal};
pub use replica_calculator::{Proposal, ReplicaCalculator};
pub use seen::{HorizontalView, MetricError, PodMetrics, PodSample, SeenPod, Series};
pub use selectors::Selectors;
pub use write::{HorizontalInputs, HorizontalOutcome, HorizontalWrite, SeenAutoscaler, TargetSeen};
