//! EndpointSlices: who stands behind a Service, at most a hundred to a slice.

use crate::container::Protocol;
use crate::service::AddressFamily;
use crate::{ObjectMeta, PodKey, Uid};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Label that names the Service of a slice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
/// Label that says who keeps a slice.
pub const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
/// Label of the slices of a Service without an address.
pub const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";
/// Who keeps the slices of Services with selectors, as [`MANAGED_BY_LABEL`] says it.
pub const SLICE_CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// Annotation with the time of the earliest change that a write of a slice tells of.
pub const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// An EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSlice {
    /// Metadata.
    pub meta: ObjectMeta,
    /// Family of all addresses in it; never changes.
    pub family: AddressFamily,
    /// Ports of all endpoints in it, shared by the slices of a Service.
    pub ports: Arc<[EndpointPort]>,
    /// Endpoints, in the order in which they are shown.
    pub endpoints: Arc<Vec<Endpoint>>,
}

/// A port of the endpoints of a slice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointPort {
    /// Name of the Service's port.
    pub name: Arc<str>,
    /// Transport.
    pub protocol: Protocol,
    /// Port of the pods.
    pub port: u16,
    /// Protocol above the transport.
    pub app_protocol: Option<Arc<str>>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its pod; none if the endpoint was written by somebody else than the controller.
    pub pod: Option<EndpointPod>,
    /// The name of its pod, or empty.
    pub pod_name: Arc<str>,
    /// Its address.
    pub address: IpAddr,
    /// Its conditions.
    pub conditions: EndpointConditions,
    /// `hostname`, for pods that have a DNS name of their own.
    pub hostname: Option<Arc<str>>,
    /// Name of its node.
    pub node: Option<Arc<str>>,
    /// Zone of its node.
    pub zone: Option<Arc<str>>,
    /// Whose clients it is meant for; none: anybody's.
    pub hints: Option<Arc<EndpointHints>>,
}

/// Whose clients an endpoint is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointHints {
    /// Those on these nodes (`forNodes`).
    pub nodes: Vec<Arc<str>>,
    /// Those in these zones (`forZones`).
    pub zones: Vec<Arc<str>>,
}

/// The pod behind an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointPod {
    /// Identity, by which endpoints are told apart and ordered.
    pub uid: Uid,
    /// Where its record is.
    pub key: PodKey,
}

/// Conditions of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointConditions {
    /// Gets traffic: serving and not terminating, or published whatever it is.
    pub ready: bool,
    /// Its pod is ready, terminating or not.
    pub serving: bool,
    /// Its pod is being deleted.
    pub terminating: bool,
}

impl EndpointConditions {
    /// The conditions of a pod.
    ///
    /// Source: `staging/src/k8s.io/endpointslice/utils.go`, `podToEndpoint`.
    #[must_use]
    pub const fn of(pod_ready: bool, terminating: bool, publish_not_ready: bool) -> Self {
        Self { ready: publish_not_ready || (pod_ready && !terminating), serving: pod_ready, terminating }
    }
}

impl EndpointSlice {
    /// The Service that it belongs to, by label.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.meta.labels.get(SERVICE_NAME_LABEL).filter(|name| !name.is_empty())
    }

    /// Whether its owner is this Service.
    #[must_use]
    pub fn is_owned_by(&self, service: Uid) -> bool {
        self.meta
            .owners
            .iter()
            .any(|owner| owner.uid == service && &*owner.kind == "Service" && &*owner.api_version == "v1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminating_pod_is_never_ready_unless_published_whatever_it_is() {
        let leaving = EndpointConditions::of(true, true, false);
        assert_eq!(leaving, EndpointConditions { ready: false, serving: true, terminating: true });
        assert!(EndpointConditions::of(false, true, true).ready);
    }
}
