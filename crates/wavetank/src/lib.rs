//! A Kubernetes cluster you can `cargo test`.
//!
//! - [`builder`]: [`Cluster::builder`]: seed, latencies, images, nodes.
//! - [`cluster`]: [`Cluster`]: time, and the loop that everything waits in.
//! - [`profile`]: how long the control plane takes.
//! - [`objects`]: verbs on whole objects: create, apply, patch, label, delete.
//! - [`documents`]: objects of the kinds that are few, namespaces and nodes among them.
//! - [`disruptions`]: budgets of evictions; evictions, cordons and drains.
//! - [`listing`]: objects by kind, namespace and selector.
//! - [`recorded_events`]: the history's events as the API server would show them.
//! - [`traffic`]: requests to the pods of the cluster, and what becomes of them.
//! - [`watch`]: changes as a watch shows them.
//! - [`rollout`]: verbs of a rollout: set image, scale, history, undo, pause, restart.
//! - [`metrics`]: what pods use, and what the metrics APIs say of it.
//! - [`ownership`]: field managers and server-side apply.
//! - [`horizontal`]: autoscalers and their passes.
//! - [`own_kinds`]: kinds of a user's own, which autoscalers can scale.
//! - [`nodes`]: nodes come and go, images change what they do.
//! - [`snapshot`]: a cluster as bytes.
//! - [`log`]: the history and how much of it is kept.
//! - [`gather`]: inputs of passes, read off the store's indices.
//! - [`passes`]: passes under way, and the requests they make.
//! - [`pod_conditions`]: conditions of pods that others than the kubelet set.
//! - [`pod_deletion`]: deleting a pod with a grace of one's own.
//! - [`garbage`]: what becomes of dependents.
//! - [`audit`]: single passes run by hand, and their requests.
//! - [`load`]: states recorded elsewhere.
//! - [`faults`]: writes that are made to fail.

pub mod audit;
pub mod builder;
pub mod cluster;
pub mod disruptions;
pub mod documents;
pub mod error;
pub mod faults;
pub mod garbage;
pub mod gather;
pub mod horizontal;
mod horizontal_frozen;
mod horizontal_pass;
pub mod listing;
pub mod load;
pub mod log;
pub mod metrics;
pub mod nodes;
pub mod objects;
pub mod own_kinds;
pub mod ownership;
pub mod passes;
pub mod pod_conditions;
pub mod pod_deletion;
pub mod profile;
pub mod recorded_events;
pub mod rollout;
pub mod snapshot;
pub mod traffic;
pub mod traffic_names;
pub mod watch;

mod apply_deployment;
mod apply_set;
mod dispatch;
mod event;
mod history_digest;
mod horizontal_view;
mod pod_life;
mod pod_machines;
mod pod_resting;
mod pod_sights;
pub mod pod_status;
mod rank;
mod scale;
mod service_passes;
mod services;
mod serving;
mod traffic_sights;
mod unschedulable;
mod work_queue;

pub use builder::ClusterBuilder;
pub use cluster::{Cluster, Counters, TimedOut};
pub use error::Error;
pub use garbage::Propagation;
pub use listing::ListOptions;
pub use log::{Component, Entry, Happening, LogLevel, ObjectRef};
pub use objects::{Applied, Outcome, PatchKind};
pub use profile::{ClientRate, Profile};
pub use rollout::{Revision, RolloutStatus};
pub use traffic::App;
pub use watch::{WatchEvent, WatchId, WatchType};
pub use wavetank_engine::{Calendar, Time};
pub use wavetank_manifest::{Kind, Object};
pub use wavetank_model::ConditionStatus;
pub use wavetank_network::{
    AppBehaviour, Balancing, Cause, Ended, FluidReport, KeepAlive, Load, Origin, Outcome as RequestOutcome, ProxyDelay,
    Rate, RateProfile, Report, ServiceTime, Source, SourceId, Spacing, StopBehaviour, Target, Window,
};
pub use wavetank_node::{Health, ImageBehaviour, OnSigterm};
pub use wavetank_store::Change;
