//! Which objects the API server refuses, and in which words.
//!
//! The checks run on decoded and defaulted JSON. Sources: `pkg/apis/core/validation`,
//! `pkg/apis/apps/validation`, `apimachinery/pkg/api/validation`.

mod container;
mod environment;
mod faults;
mod metadata;
mod names;
mod placement;
mod pod;
mod probe;
mod read;
mod resources;
mod selector;
mod update;
mod volume;
mod workload;

pub(crate) use faults::Faults;

use wavetank_model::Kind;
use serde_json::Value;

/// Checks a new object.
pub(crate) fn create(kind: Kind, object: &Value) -> Faults {
    let mut faults = Faults::default();
    metadata::check(&mut faults, &object["metadata"]);
    spec(&mut faults, kind, &object["spec"]);
    faults
}

fn spec(faults: &mut Faults, kind: Kind, spec: &Value) {
    match kind {
        Kind::Deployment => workload::deployment(faults, spec),
        Kind::ReplicaSet => workload::replica_set(faults, spec),
        Kind::ReplicationController => workload::replication_controller(faults, spec),
        Kind::Pod => pod::spec(faults, spec, "spec"),
        Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => {}
    }
}

/// Checks a change of an object.
pub(crate) fn change(kind: Kind, old: &Value, new: &Value) -> Faults {
    let mut faults = Faults::default();
    update::metadata(&mut faults, &old["metadata"], &new["metadata"]);
    match kind {
        Kind::Pod => update::pod(&mut faults, old, new),
        Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController => {
            spec(&mut faults, kind, &new["spec"]);
            update::selector(&mut faults, kind, &old["spec"], &new["spec"]);
        }
        Kind::Service
        | Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob => {}
    }
    faults
}
