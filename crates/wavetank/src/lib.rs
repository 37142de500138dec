//! A Kubernetes cluster you can `cargo test`.
//!
//! - [`builder`]: [`Cluster::builder`]: seed, latencies, images, nodes.
//! - [`cluster`]: [`Cluster`]: time, and the loop that everything waits in.
//! - [`profile`]: how long the control plane takes.
//! - [`verbs`]: what a user does to a cluster: objects, rollouts, disruptions, listings.
//! - [`history`]: what happened: entries, events, watches, a digest.
//! - [`pods`]: what befalls a pod between its creation and its end.
//! - [`traffic`]: requests to the pods of the cluster, and what becomes of them.
//! - [`metrics`]: what pods use, and what the metrics APIs say of it.
//! - [`horizontal`]: autoscalers and their passes.
//! - [`nodes`]: nodes come and go, images change what they do.
//! - [`snapshot`]: a cluster as bytes.
//! - [`passes`]: passes under way, and the requests they make.
//! - [`garbage`]: what becomes of dependents.
//! - [`faults`]: writes that are made to fail.

pub mod builder;
pub mod cluster;
pub mod error;
pub mod faults;
pub mod garbage;
pub mod history;
pub mod horizontal;
pub mod metrics;
pub mod nodes;
pub mod passes;
pub mod pods;
pub mod profile;
pub mod snapshot;
pub mod traffic;
pub mod verbs;

mod dispatch;
mod event;
mod services;

pub use builder::ClusterBuilder;
pub use cluster::{Cluster, Counters, TimedOut};
pub use error::Error;
pub use garbage::Propagation;
pub use history::log::{Component, Entry, Happening, LogLevel, ObjectRef};
pub use history::watch::{WatchEvent, WatchId, WatchType};
pub use profile::{ClientRate, Profile};
pub use traffic::App;
pub use verbs::listing::ListOptions;
pub use verbs::objects::{Applied, Outcome, PatchKind};
pub use verbs::rollout::{Revision, RolloutStatus};
pub use wavetank_engine::{Calendar, Time};
pub use wavetank_manifest::{Kind, Object};
pub use wavetank_model::ConditionStatus;
pub use wavetank_network::{
    AppBehaviour, Balancing, Cause, Ended, FluidReport, KeepAlive, Load, Origin, Outcome as RequestOutcome, ProxyDelay,
    Rate, RateProfile, Report, ServiceTime, Source, SourceId, Spacing, StopBehaviour, Target, Window,
};
pub use wavetank_node::{Health, ImageBehaviour, OnSigterm};
pub use wavetank_store::{Change, PodChange};
