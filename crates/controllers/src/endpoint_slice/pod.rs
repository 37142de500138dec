//! A pod as an endpoint.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{
    AddressFamily, Endpoint, EndpointConditions, EndpointHints, EndpointPod, EndpointPort, IntOrString, Phase,
    PodTemplate, Service, TemplateFacts, TrafficDistribution,
};

/// A pod as the endpoint controller sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodSeen {
    /// Which pod.
    pub pod: EndpointPod,
    /// Its name.
    pub name: Arc<str>,
    /// Its phase.
    pub phase: Phase,
    /// Whether its Ready condition is True.
    pub ready: bool,
    /// When its Ready condition changed last; none if it has no such condition.
    pub ready_since: Option<Time>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Its IPv4 address, once it has one.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address, once it has one.
    pub ipv6: Option<Ipv6Addr>,
    /// Where it is.
    pub node: NodeSeen,
    /// `hostname` and `subdomain`, if it has both.
    pub hostname: Option<(Arc<str>, Arc<str>)>,
    /// What it was made from: its containers name ports.
    pub template: Arc<PodTemplate>,
}

/// The node of a pod, as seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeSeen {
    /// The pod is bound to none.
    #[default]
    None,
    /// The pod is bound to a node that nobody knows of.
    Missing(Arc<str>),
    /// The pod is bound to a node.
    Known {
        /// Its name.
        name: Arc<str>,
        /// Its label `topology.kubernetes.io/zone`.
        zone: Option<Arc<str>>,
    },
}

impl NodeSeen {
    /// The name, as an error about a missing node says it.
    pub(super) fn missing(&self) -> Option<&str> {
        match self {
            Self::None => Some(""),
            Self::Missing(name) => Some(name),
            Self::Known { .. } => None,
        }
    }
}

impl PodSeen {
    /// Whether the pod belongs in slices at all: it has an address and has not ended.
    #[must_use]
    pub const fn is_endpoint(&self) -> bool {
        !self.phase.has_ended() && (self.ipv4.is_some() || self.ipv6.is_some())
    }

    /// Its address of a family.
    #[must_use]
    pub fn address(&self, family: AddressFamily) -> Option<IpAddr> {
        match family {
            AddressFamily::Ipv4 => self.ipv4.map(IpAddr::V4),
            AddressFamily::Ipv6 => self.ipv6.map(IpAddr::V6),
        }
    }

    /// Its endpoint behind a Service; none without an address of the family.
    pub(super) fn endpoint(&self, service: &Service, family: AddressFamily) -> Option<Endpoint> {
        let (node, zone) = match &self.node {
            NodeSeen::None => (None, None),
            NodeSeen::Missing(name) => (Some(Arc::clone(name)), None),
            NodeSeen::Known { name, zone } => (Some(Arc::clone(name)), zone.clone()),
        };
        let hostname = self.hostname.as_ref().filter(|(_, subdomain)| *subdomain == service.meta.name);
        let publish = service.spec.publish_not_ready_addresses;
        let conditions = EndpointConditions::of(self.ready, self.terminating, publish);
        let distribution = service.traffic_distribution().filter(|_| conditions.ready);
        let hints = distribution.and_then(|distribution| hints(distribution, node.as_ref(), zone.as_ref()));
        Some(Endpoint {
            pod: Some(self.pod),
            pod_name: Arc::clone(&self.name),
            address: self.address(family)?,
            conditions,
            hostname: hostname.map(|(hostname, _)| Arc::clone(hostname)),
            node,
            zone,
            hints,
        })
    }
}

/// The hints of a ready endpoint: its own zone, and its own node if that is preferred.
///
/// Source: `staging/src/k8s.io/endpointslice/trafficdist/trafficdist.go`.
fn hints(
    distribution: TrafficDistribution,
    node: Option<&Arc<str>>,
    zone: Option<&Arc<str>>,
) -> Option<Arc<EndpointHints>> {
    let node = node.filter(|_| distribution == TrafficDistribution::PreferSameNode);
    let hints =
        EndpointHints { nodes: node.cloned().into_iter().collect(), zones: zone.cloned().into_iter().collect() };
    (hints != EndpointHints::default()).then(|| Arc::new(hints))
}

/// The ports of a pod that a Service sends to: a port that the pod does not name is left out.
///
/// Source: `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts` and `FindPort`.
#[must_use]
pub fn endpoint_ports(service: &Service, facts: &TemplateFacts) -> Vec<EndpointPort> {
    let sidecars = facts.init_containers.iter().filter(|container| container.is_restartable_init());
    let named = facts.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    service
        .spec
        .ports
        .iter()
        .filter_map(|port| {
            let number = match &port.target_port {
                IntOrString::Int(number) => *number,
                IntOrString::String(name) => {
                    let mut named = named.clone();
                    named.find(|own| own.name == *name && own.protocol == port.protocol)?.container_port
                }
            };
            Some(EndpointPort {
                name: Arc::clone(&port.name),
                protocol: port.protocol,
                port: u16::try_from(number).ok()?,
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect()
}
