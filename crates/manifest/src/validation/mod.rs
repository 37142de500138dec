//! Which objects the API server refuses, and in which words.
//!
//! The checks run on decoded and defaulted JSON. Sources: the `validation` folders of `pkg/apis`,
//! `apimachinery/pkg/api/validation`.

mod autoscaler;
mod budget;
mod config;
mod container;
mod cron_job;
mod daemon_set;
mod endpoints;
mod environment;
mod faults;
mod go_shown;
mod ingress;
mod job;
mod metadata;
pub(crate) mod names;
mod node;
mod placement;
mod pod;
mod probe;
pub(crate) mod read;
mod resources;
mod schedule;
mod selector;
mod service;
mod stateful_set;
mod update;
mod volume;
mod workload;

pub(crate) use faults::Faults;
pub(crate) use job::{NAME_LABELS, UID_LABELS};
pub(crate) use service::{addresses_and_families, needs_health_check};

use serde_json::Value;
use wavetank_model::Kind;

/// Checks a new object. With `scale_to_zero` autoscalers may ask for no replica at all.
pub(crate) fn create(kind: Kind, object: &Value, scale_to_zero: bool) -> Faults {
    let mut faults = Faults::default();
    metadata::check(&mut faults, kind, &object["metadata"]);
    match kind {
        Kind::Job => job::check(&mut faults, object),
        Kind::CronJob => cron_job::check(&mut faults, object),
        Kind::Ingress => ingress::check(&mut faults, object, true),
        Kind::HorizontalPodAutoscaler => {
            autoscaler::spec(&mut faults, &object["spec"], i64::from(!scale_to_zero));
        }
        Kind::Pod => {
            whole(&mut faults, kind, object);
            if !read::list(&object["spec"], "ephemeralContainers").is_empty() {
                faults.forbidden("spec.ephemeralContainers", "cannot be set on create");
            }
        }
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet => whole(&mut faults, kind, object),
    }
    faults
}

/// What is checked of an object whether it is new or changed.
fn whole(faults: &mut Faults, kind: Kind, object: &Value) {
    let spec = &object["spec"];
    match kind {
        Kind::Deployment => workload::deployment(faults, spec),
        Kind::ReplicaSet => workload::replica_set(faults, spec),
        Kind::ReplicationController => workload::replication_controller(faults, spec),
        Kind::Pod => pod::spec(faults, spec, "spec"),
        Kind::Service => service::check(faults, object),
        Kind::ConfigMap => config::config_map(faults, object),
        Kind::Namespace => config::namespace(faults, object),
        Kind::Node => node::spec(faults, spec),
        Kind::Endpoints => endpoints::endpoints(faults, object),
        Kind::EndpointSlice => endpoints::slice(faults, object),
        Kind::HorizontalPodAutoscaler => autoscaler::spec(faults, spec, 1),
        Kind::Ingress => ingress::check(faults, object, false),
        Kind::PodDisruptionBudget => budget::spec(faults, spec),
        Kind::StatefulSet => stateful_set::spec(faults, spec),
        Kind::DaemonSet => daemon_set::spec(faults, spec),
        Kind::Job => job::spec(faults, spec, "spec"),
        Kind::CronJob => cron_job::spec(faults, spec),
        Kind::Event => {}
    }
}

/// Checks a change of an object, like [`create`].
pub(crate) fn change(kind: Kind, old: &Value, new: &Value, scale_to_zero: bool) -> Faults {
    let mut faults = Faults::default();
    update::metadata(&mut faults, &old["metadata"], &new["metadata"]);
    let (was, is) = (&old["spec"], &new["spec"]);
    match kind {
        Kind::Pod => {
            // The server checks all this twice, and tells all causes.
            metadata::check(&mut faults, kind, &new["metadata"]);
            whole(&mut faults, kind, new);
            update::metadata(&mut faults, &old["metadata"], &new["metadata"]);
            metadata::check(&mut faults, kind, &new["metadata"]);
            update::pod(&mut faults, old, new);
        }
        Kind::Deployment | Kind::ReplicaSet => {
            whole(&mut faults, kind, new);
            update::selector(&mut faults, kind, was, is);
        }
        Kind::ReplicationController | Kind::DaemonSet => {
            metadata::check(&mut faults, kind, &new["metadata"]);
            whole(&mut faults, kind, new);
            whole(&mut faults, kind, new);
            update::selector(&mut faults, kind, was, is);
        }
        Kind::Service => service::change(&mut faults, old, new),
        Kind::ConfigMap => {
            metadata::check(&mut faults, kind, &new["metadata"]);
            config::config_map_change(&mut faults, old, new);
        }
        Kind::EndpointSlice => endpoints::slice_change(&mut faults, old, new),
        Kind::StatefulSet => stateful_set::change(&mut faults, was, is),
        Kind::Job => {
            metadata::check(&mut faults, kind, &new["metadata"]);
            job::check(&mut faults, new);
            job::change(&mut faults, old, new);
        }
        Kind::HorizontalPodAutoscaler => {
            // What sleeps at zero already may go on doing so.
            let least = i64::from(!scale_to_zero && read::number(was, "minReplicas") != Some(0));
            autoscaler::spec(&mut faults, is, least);
        }
        Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::CronJob => whole(&mut faults, kind, new),
    }
    faults
}
