//! Services: a stable name and address in front of a changing set of pods.

use crate::container::Protocol;
use crate::{IntOrString, ObjectMeta, Selector, StringMap};
use core::net::IpAddr;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Annotations that ask for hints by the size of zones; the first one decides.
const TOPOLOGY_ANNOTATIONS: [&str; 2] =
    ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];

/// Which endpoints clients are sent to if there is a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TrafficDistribution {
    /// Those in the client's zone.
    PreferSameZone,
    /// Those on the client's node, else those in its zone.
    PreferSameNode,
}

/// Longest time for which a Service may send a client to the same pod: a day.
pub const MAX_AFFINITY: Duration = Duration::from_secs(86_400);

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Metadata.
    pub meta: ObjectMeta,
    /// What is wanted.
    pub spec: ServiceSpec,
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceType {
    /// By an address inside of the cluster.
    #[default]
    ClusterIp,
    /// Besides, by a port of every node.
    NodePort,
    /// Besides, by a load balancer outside of the cluster.
    LoadBalancer,
    /// By another DNS name only: it has no address and no endpoints.
    ExternalName,
}

/// Which endpoints a node's proxy may send to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficPolicy {
    /// All of the cluster.
    #[default]
    Cluster,
    /// Those on its own node; without any, the traffic is dropped.
    Local,
}

/// The family of an address; an EndpointSlice holds addresses of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AddressFamily {
    /// IPv4.
    #[default]
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name; may be empty in a Service with one port.
    pub name: Arc<str>,
    /// Transport.
    pub protocol: Protocol,
    /// The port by which clients ask for it.
    pub port: u16,
    /// The port of the pods: a number, or the name of a container port.
    pub target_port: IntOrString,
    /// The port of every node, if the type gives it one.
    pub node_port: Option<u16>,
    /// Protocol above the transport, a hint for implementations.
    pub app_protocol: Option<Arc<str>>,
}

/// What is wanted of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// How it is reached.
    pub kind: ServiceType,
    /// Its addresses inside of the cluster; none for headless ones and external names.
    pub cluster_ips: Vec<IpAddr>,
    /// Whether it was asked for without an address (`clusterIP: None`).
    pub headless: bool,
    /// Families of its addresses, in order; empty if the server did not say.
    pub families: Vec<AddressFamily>,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Labels of its pods; without a selector somebody else keeps its endpoints.
    pub selector: Option<StringMap>,
    /// Whether pods count as ready whatever they are.
    pub publish_not_ready_addresses: bool,
    /// For how long a client is sent to the same pod (`sessionAffinity: ClientIP`).
    pub session_affinity: Option<Duration>,
    /// Policy for clients inside of the cluster.
    pub internal_traffic_policy: TrafficPolicy,
    /// Policy for clients that come by a node port or a load balancer.
    pub external_traffic_policy: TrafficPolicy,
    /// The DNS name that an external name stands for.
    pub external_name: Option<Arc<str>>,
    /// `trafficDistribution`, as spelled.
    pub traffic_distribution: Option<Arc<str>>,
}

impl ServiceType {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }

    /// The type of a word; an empty one means a cluster address.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "" | "ClusterIP" => Some(Self::ClusterIp),
            "NodePort" => Some(Self::NodePort),
            "LoadBalancer" => Some(Self::LoadBalancer),
            "ExternalName" => Some(Self::ExternalName),
            _ => None,
        }
    }
}

impl TrafficPolicy {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

impl AddressFamily {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }

    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl Service {
    /// Its selector, ready to match; none if somebody else keeps its endpoints, or it has none by type.
    #[must_use]
    pub fn selector(&self) -> Option<Selector> {
        if self.spec.kind == ServiceType::ExternalName {
            return None;
        }
        self.spec.selector.as_ref().map(Selector::from_labels)
    }

    /// Whether it selects pods with these labels. An empty selector selects none that a user meant.
    ///
    /// Upstream's list of a Service's pods goes by the selector alone, so an empty one selects all pods
    /// of the namespace; only the look-up of a pod's Services leaves such Services out.
    #[must_use]
    pub fn selects(&self, labels: &StringMap) -> bool {
        self.selector().is_some_and(|selector| selector.matches(labels))
    }

    /// Which endpoints clients are sent to if there is a choice (`trafficDistribution`); none: any of them.
    ///
    /// Whoever asks for hints by annotation gets none of these.
    ///
    /// Source: `staging/src/k8s.io/endpointslice/trafficdist/trafficdist.go` and
    /// `staging/src/k8s.io/endpointslice/reconciler.go`.
    #[must_use]
    pub fn traffic_distribution(&self) -> Option<TrafficDistribution> {
        let asked = TOPOLOGY_ANNOTATIONS.iter().find_map(|key| self.meta.annotations.get(key));
        if matches!(asked, Some("Auto" | "auto")) {
            return None;
        }
        match self.spec.traffic_distribution.as_deref()? {
            "PreferClose" | "PreferSameZone" => Some(TrafficDistribution::PreferSameZone),
            "PreferSameNode" => Some(TrafficDistribution::PreferSameNode),
            _ => None,
        }
    }

    /// Whether it has an address inside of the cluster.
    #[must_use]
    pub const fn has_cluster_ip(&self) -> bool {
        !self.spec.headless && !self.spec.cluster_ips.is_empty()
    }

    /// The families whose endpoints are kept, in order.
    ///
    /// Source: `staging/src/k8s.io/endpointslice/utils.go`, `getAddressTypesForService`.
    #[must_use]
    pub fn address_families(&self) -> Vec<AddressFamily> {
        let mut families: Vec<_> = if !self.spec.families.is_empty() {
            self.spec.families.clone()
        } else if let (false, Some(first)) = (self.spec.headless, self.spec.cluster_ips.first()) {
            vec![AddressFamily::of(*first)]
        } else {
            vec![AddressFamily::Ipv4, AddressFamily::Ipv6]
        };
        families.sort_unstable();
        families.dedup();
        families
    }

    /// The port of a name, or of a number spelled out.
    #[must_use]
    pub fn port(&self, name_or_number: &str) -> Option<&ServicePort> {
        let by_name = self.spec.ports.iter().find(|port| &*port.name == name_or_number);
        by_name.or_else(|| {
            let number: u16 = name_or_number.parse().ok()?;
            self.spec.ports.iter().find(|port| port.port == number)
        })
    }

    /// The name by which the cluster's DNS knows it: `NAME.NAMESPACE.svc.DOMAIN`.
    #[must_use]
    pub fn dns_name(&self, cluster_domain: &str) -> String {
        format!("{}.{}.svc.{cluster_domain}", self.meta.name, self.meta.namespace)
    }

    /// The name of one of its pods, which has it by its `hostname` and `subdomain`, as pods of a
    /// StatefulSet under a headless Service do.
    #[must_use]
    pub fn pod_dns_name(&self, hostname: &str, cluster_domain: &str) -> String {
        format!("{hostname}.{}", self.dns_name(cluster_domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: ServiceSpec) -> Service {
        let meta = ObjectMeta { name: "web".into(), namespace: "shop".into(), ..ObjectMeta::default() };
        Service { meta, spec }
    }

    #[test]
    fn an_external_name_has_no_pods_even_with_a_selector() {
        let labels = StringMap::from_iter([("app", "web")]);
        let spec = ServiceSpec { selector: Some(labels.clone()), ..ServiceSpec::default() };
        assert!(service(spec.clone()).selects(&labels));
        assert!(!service(ServiceSpec { kind: ServiceType::ExternalName, ..spec }).selects(&labels));
    }

    #[test]
    fn families_follow_the_address_if_the_server_named_none() {
        let spec = ServiceSpec { cluster_ips: vec![IpAddr::from([10, 96, 0, 1])], ..ServiceSpec::default() };
        assert_eq!(service(spec).address_families(), [AddressFamily::Ipv4]);
        let headless = ServiceSpec { headless: true, ..ServiceSpec::default() };
        assert_eq!(service(headless).address_families(), [AddressFamily::Ipv4, AddressFamily::Ipv6]);
    }

    #[test]
    fn a_pod_of_a_stateful_set_has_a_name_under_its_service() {
        let service = service(ServiceSpec::default());
        assert_eq!(service.pod_dns_name("db-0", "cluster.local"), "db-0.web.shop.svc.cluster.local");
    }

    #[test]
    fn a_port_is_found_by_name_before_number() {
        let port = |name: &str, port| ServicePort {
            name: name.into(),
            protocol: Protocol::Tcp,
            port,
            target_port: IntOrString::Int(8080),
            node_port: None,
            app_protocol: None,
        };
        let spec = ServiceSpec { ports: vec![port("http", 80), port("443", 80)], ..ServiceSpec::default() };
        let service = service(spec);
        assert_eq!(service.port("443").map(|port| &*port.name), Some("443"));
        assert_eq!(service.port("80").map(|port| &*port.name), Some("http"));
        assert_eq!(service.port("81"), None);
    }
}
