//! What `kubectl describe` says of an object.
//!
//! Each kind has a function that fills a page line by line; what the kinds share (labels, pod
//! templates, volumes, events) has files of its own.

mod autoscaling;
mod batch;
mod cluster;
mod containers;
mod environment;
mod events;
mod generic;
mod network;
mod node;
mod page;
mod pod;
mod probe;
mod quota;
mod resources;
mod selected;
mod template;
mod volumes;
mod workload;

use crate::Now;
use crate::field::Field;
use page::Page;
use serde_json::Value;

/// What an object is described with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Related<'a> {
    /// Objects of the kinds that [`needs`] names. Those that have nothing to do with the object are left out.
    pub objects: &'a [Value],
    /// Events, also of other objects; none if they are not to be shown: `--show-events=false`.
    pub events: Option<&'a [Value]>,
}

impl<'a> Related<'a> {
    /// The objects of a kind.
    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.objects.iter().filter(move |object| object.kind() == kind)
    }

    /// The objects of a kind in the namespace of an object.
    fn beside(&self, object: &'a Value, kind: &'static str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.of_kind(kind).filter(|other| other.namespace() == object.namespace())
    }
}

/// The kinds of objects that a kind is described with.
#[must_use]
pub fn needs(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" => &["ReplicaSet"],
        "ReplicaSet" | "ReplicationController" | "StatefulSet" | "DaemonSet" => &["Pod"],
        "Service" => &["EndpointSlice"],
        "Ingress" => &["Service", "EndpointSlice"],
        "Node" => &["Pod", "Lease"],
        "Namespace" => &["ResourceQuota", "LimitRange"],
        "ServiceAccount" => &["Secret"],
        _ => &[],
    }
}

/// The description of an object. Kinds without one of their own are shown member by member.
#[must_use]
pub fn describe(object: &Value, related: &Related<'_>, now: Now) -> String {
    let mut page = Page::default();
    let describer = describer(object.kind());
    describer(&mut page, object, related, now);
    // These have no events of their own.
    if let (Some(all), false) =
        (related.events, matches!(object.kind(), "Namespace" | "Secret" | "ResourceQuota" | "LimitRange"))
    {
        events::section(&mut page, object, all, now);
    }
    page.finish()
}

/// A function that describes objects of a kind.
type Describer = fn(&mut Page, &Value, &Related<'_>, Now);

fn describer(kind: &str) -> Describer {
    match kind {
        "Pod" => pod::pod,
        "Deployment" => workload::deployment,
        "ReplicaSet" => workload::replica_set,
        "ReplicationController" => workload::replication_controller,
        "StatefulSet" => workload::stateful_set,
        "DaemonSet" => workload::daemon_set,
        "Job" => batch::job,
        "CronJob" => batch::cron_job,
        "HorizontalPodAutoscaler" => autoscaling::horizontal_pod_autoscaler,
        "PodDisruptionBudget" => autoscaling::pod_disruption_budget,
        "Service" => network::service,
        "Endpoints" => network::endpoints,
        "EndpointSlice" => network::endpoint_slice,
        "Ingress" => network::ingress,
        "Node" => node::node,
        "Namespace" => cluster::namespace,
        "ConfigMap" => cluster::config_map,
        "Secret" => cluster::secret,
        "ServiceAccount" => cluster::service_account,
        "PriorityClass" => cluster::priority_class,
        "ResourceQuota" => quota::resource_quota,
        "LimitRange" => quota::limit_range,
        _ => generic::any,
    }
}

/// A pod template with its tabs as they are.
pub(crate) fn pod_template(template: &Value) -> String {
    let mut page = Page::default();
    template::section(&mut page, Some(template));
    page.unaligned()
}

#[cfg(test)]
mod tests;
