//! The kinds of objects, and what the API says of each.

use crate::{Reason, Refusal, SetKind};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A kind of object that the API server knows here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `v1` ReplicationController.
    ReplicationController,
    /// `v1` Pod.
    Pod,
    /// `v1` Service.
    Service,
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` Namespace.
    Namespace,
    /// `v1` Node.
    Node,
    /// `v1` Event.
    Event,
    /// `v1` Endpoints.
    Endpoints,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `autoscaling/v2` HorizontalPodAutoscaler.
    HorizontalPodAutoscaler,
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `batch/v1` Job.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
}

/// How objects of a kind are kept: those that are simulated in number each in their own way, all others
/// as documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// As Deployments.
    Deployment,
    /// As sets.
    Set(SetKind),
    /// As pods.
    Pod,
    /// As documents.
    Document,
}

/// What there is to know of a kind.
struct Facts {
    kind: Kind,
    word: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
    go_type: &'static str,
    /// Whether its objects live in namespaces.
    namespaced: bool,
    /// Whether the server counts the changes of its spec.
    generation: bool,
    /// Whether `all` names it.
    in_all: bool,
}

const fn facts(
    kind: Kind,
    (word, plural, singular): (&'static str, &'static str, &'static str),
    (group, version): (&'static str, &'static str),
    go_type: &'static str,
    short_names: &'static [&'static str],
) -> Facts {
    Facts {
        kind,
        word,
        group,
        version,
        plural,
        singular,
        short_names,
        go_type,
        namespaced: !matches!(kind, Kind::Namespace | Kind::Node),
        generation: matches!(
            kind,
            Kind::Deployment
                | Kind::ReplicaSet
                | Kind::ReplicationController
                | Kind::Pod
                | Kind::EndpointSlice
                | Kind::Ingress
                | Kind::PodDisruptionBudget
                | Kind::StatefulSet
                | Kind::DaemonSet
                | Kind::Job
                | Kind::CronJob
        ),
        in_all: matches!(
            kind,
            Kind::Pod
                | Kind::ReplicationController
                | Kind::Service
                | Kind::DaemonSet
                | Kind::Deployment
                | Kind::ReplicaSet
                | Kind::StatefulSet
                | Kind::HorizontalPodAutoscaler
                | Kind::CronJob
                | Kind::Job
        ),
    }
}

/// In the order of the kinds.
static TABLE: [Facts; 18] = [
    facts(
        Kind::Deployment,
        ("Deployment", "deployments", "deployment"),
        ("apps", "v1"),
        "apps/v1.Deployment",
        &["deploy"],
    ),
    facts(Kind::ReplicaSet, ("ReplicaSet", "replicasets", "replicaset"), ("apps", "v1"), "apps/v1.ReplicaSet", &["rs"]),
    facts(
        Kind::ReplicationController,
        ("ReplicationController", "replicationcontrollers", "replicationcontroller"),
        ("", "v1"),
        "core/v1.ReplicationController",
        &["rc"],
    ),
    facts(Kind::Pod, ("Pod", "pods", "pod"), ("", "v1"), "core/v1.Pod", &["po"]),
    facts(Kind::Service, ("Service", "services", "service"), ("", "v1"), "core/v1.Service", &["svc"]),
    facts(Kind::ConfigMap, ("ConfigMap", "configmaps", "configmap"), ("", "v1"), "core/v1.ConfigMap", &["cm"]),
    facts(Kind::Namespace, ("Namespace", "namespaces", "namespace"), ("", "v1"), "core/v1.Namespace", &["ns"]),
    facts(Kind::Node, ("Node", "nodes", "node"), ("", "v1"), "core/v1.Node", &["no"]),
    facts(Kind::Event, ("Event", "events", "event"), ("", "v1"), "core/v1.Event", &["ev"]),
    facts(Kind::Endpoints, ("Endpoints", "endpoints", "endpoints"), ("", "v1"), "core/v1.Endpoints", &["ep"]),
    facts(
        Kind::EndpointSlice,
        ("EndpointSlice", "endpointslices", "endpointslice"),
        ("discovery.k8s.io", "v1"),
        "discovery/v1.EndpointSlice",
        &[],
    ),
    facts(
        Kind::HorizontalPodAutoscaler,
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler"),
        ("autoscaling", "v2"),
        "autoscaling/v2.HorizontalPodAutoscaler",
        &["hpa"],
    ),
    facts(
        Kind::Ingress,
        ("Ingress", "ingresses", "ingress"),
        ("networking.k8s.io", "v1"),
        "networking/v1.Ingress",
        &["ing"],
    ),
    facts(
        Kind::PodDisruptionBudget,
        ("PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget"),
        ("policy", "v1"),
        "policy/v1.PodDisruptionBudget",
        &["pdb"],
    ),
    facts(
        Kind::StatefulSet,
        ("StatefulSet", "statefulsets", "statefulset"),
        ("apps", "v1"),
        "apps/v1.StatefulSet",
        &["sts"],
    ),
    facts(Kind::DaemonSet, ("DaemonSet", "daemonsets", "daemonset"), ("apps", "v1"), "apps/v1.DaemonSet", &["ds"]),
    facts(Kind::Job, ("Job", "jobs", "job"), ("batch", "v1"), "batch/v1.Job", &[]),
    facts(Kind::CronJob, ("CronJob", "cronjobs", "cronjob"), ("batch", "v1"), "batch/v1.CronJob", &["cj"]),
];

impl Kind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|facts| facts.kind)
    }

    const fn facts(self) -> &'static Facts {
        &TABLE[self as usize]
    }

    /// The API's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().word
    }

    /// Its group; empty for the core group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        self.facts().group
    }

    /// Its version within the group.
    #[must_use]
    pub const fn version(self) -> &'static str {
        self.facts().version
    }

    /// The API version it is served under, such as `apps/v1`.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet | Self::DaemonSet => "apps/v1",
            Self::ReplicationController
            | Self::Pod
            | Self::Service
            | Self::ConfigMap
            | Self::Namespace
            | Self::Node
            | Self::Event
            | Self::Endpoints => "v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::HorizontalPodAutoscaler => "autoscaling/v2",
            Self::Ingress => "networking.k8s.io/v1",
            Self::PodDisruptionBudget => "policy/v1",
            Self::Job | Self::CronJob => "batch/v1",
        }
    }

    /// Its resource without the group: `deployments`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        self.facts().plural
    }

    /// The singular of its resource: `deployment`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        self.facts().singular
    }

    /// Its short names: `deploy`.
    #[must_use]
    pub const fn short_names(self) -> &'static [&'static str] {
        self.facts().short_names
    }

    /// Its resource, with the group: `deployments.apps`.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments.apps",
            Self::ReplicaSet => "replicasets.apps",
            Self::StatefulSet => "statefulsets.apps",
            Self::DaemonSet => "daemonsets.apps",
            Self::EndpointSlice => "endpointslices.discovery.k8s.io",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscalers.autoscaling",
            Self::Ingress => "ingresses.networking.k8s.io",
            Self::PodDisruptionBudget => "poddisruptionbudgets.policy",
            Self::Job => "jobs.batch",
            Self::CronJob => "cronjobs.batch",
            Self::ReplicationController
            | Self::Pod
            | Self::Service
            | Self::ConfigMap
            | Self::Namespace
            | Self::Node
            | Self::Event
            | Self::Endpoints => self.facts().plural,
        }
    }

    /// The kind with its group, as refusals name it: `Deployment.apps`.
    #[must_use]
    pub fn qualified(self) -> String {
        self.with_group(self.as_str())
    }

    /// An object of it as kubectl names it: `deployment.apps/web`.
    #[must_use]
    pub fn label(self, name: &str) -> String {
        format!("{}/{name}", self.with_group(self.singular()))
    }

    fn with_group(self, word: &str) -> String {
        if self.group().is_empty() { word.to_owned() } else { format!("{word}.{}", self.group()) }
    }

    /// The Go type behind it.
    #[must_use]
    pub const fn go_type(self) -> &'static str {
        self.facts().go_type
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        self.facts().namespaced
    }

    /// Whether the server counts the changes of its spec in `metadata.generation`.
    #[must_use]
    pub const fn has_generation(self) -> bool {
        self.facts().generation
    }

    /// Whether kubectl's word `all` includes it.
    #[must_use]
    pub const fn is_in_all(self) -> bool {
        self.facts().in_all
    }

    /// How its objects are kept.
    #[must_use]
    pub const fn storage(self) -> Storage {
        match self {
            Self::Deployment => Storage::Deployment,
            Self::ReplicaSet => Storage::Set(SetKind::ReplicaSet),
            Self::ReplicationController => Storage::Set(SetKind::ReplicationController),
            Self::Pod => Storage::Pod,
            Self::Service
            | Self::ConfigMap
            | Self::Namespace
            | Self::Node
            | Self::Event
            | Self::Endpoints
            | Self::EndpointSlice
            | Self::HorizontalPodAutoscaler
            | Self::Ingress
            | Self::PodDisruptionBudget
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::Job
            | Self::CronJob => Storage::Document,
        }
    }

    /// Whether its objects can be created. Objects of the other kinds are decoded, checked and shown, but
    /// nothing would act on them.
    #[must_use]
    pub const fn is_simulated(self) -> bool {
        !matches!(self, Self::StatefulSet | Self::DaemonSet | Self::Job | Self::CronJob)
    }

    /// The kind of an API version and a word.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(api_version: &str, kind: &str) -> Result<Self, Refusal> {
        Self::all().find(|known| known.as_str() == kind && known.api_version() == api_version).ok_or_else(|| {
            let message = if kind.is_empty() {
                "Object 'Kind' is missing".to_owned()
            } else {
                format!("no matches for kind \"{kind}\" in version \"{api_version}\"")
            };
            Refusal::new(Reason::BadRequest, message)
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_kinds_and_its_words_agree() {
        for (index, kind) in Kind::all().enumerate() {
            assert_eq!(kind as usize, index);
            let version = kind.version();
            let api_version =
                if kind.group().is_empty() { version.to_owned() } else { format!("{}/{version}", kind.group()) };
            assert_eq!(kind.api_version(), api_version);
            assert_eq!(kind.resource(), kind.with_group(kind.plural()));
            assert_eq!(Kind::of(kind.api_version(), kind.as_str()), Ok(kind));
        }
    }
}
