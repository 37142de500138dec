//! Endpoints, the older form of EndpointSlices: all addresses of a Service in one object, at most a thousand.
//!
//! Upstream's controller writes the object again whenever a pod changes. Here it follows from the slices,
//! and is made for whoever looks: a Service of a hundred thousand pods pays for it only then. Terminating
//! pods are left out, unless the Service publishes pods whatever they are.
//!
//! Follows `pkg/controller/endpoint/endpoints_controller.go` of Kubernetes 1.36.

use crate::endpoint_slice::PortMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_model::{Endpoint, EndpointPort, EndpointSlice, Service};

/// Most addresses of an Endpoints object.
pub const MAX_ADDRESSES: usize = 1_000;
/// Annotation of an object that leaves addresses out, with the value `truncated`.
pub const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

/// Addresses with the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsSubset {
    /// Those that get traffic, by address.
    pub ready: Vec<Endpoint>,
    /// Those that do not, by address.
    pub not_ready: Vec<Endpoint>,
    /// Their ports.
    pub ports: Arc<[EndpointPort]>,
}

/// The subsets of a Service's Endpoints, and whether addresses were left out because there are too many.
pub fn endpoints_of<'a>(
    service: &Service,
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
) -> (Vec<EndpointsSubset>, bool) {
    let family = service.spec.families.first().copied().or_else(|| service.address_families().first().copied());
    let mut subsets: BTreeMap<PortMap, EndpointsSubset> = BTreeMap::new();
    for slice in slices.into_iter().filter(|slice| Some(slice.family) == family && !slice.endpoints.is_empty()) {
        let empty = || EndpointsSubset { ready: Vec::new(), not_ready: Vec::new(), ports: Arc::clone(&slice.ports) };
        let subset = subsets.entry(PortMap::of(&slice.ports)).or_insert_with(empty);
        for endpoint in slice.endpoints.iter() {
            if endpoint.conditions.ready {
                subset.ready.push(endpoint.clone());
            } else if !endpoint.conditions.terminating {
                subset.not_ready.push(endpoint.clone());
            }
        }
    }
    let mut subsets: Vec<EndpointsSubset> = subsets.into_values().collect();
    subsets.retain(|subset| !subset.ready.is_empty() || !subset.not_ready.is_empty());
    for subset in &mut subsets {
        subset.ready.sort_by_key(|endpoint| endpoint.address);
        subset.not_ready.sort_by_key(|endpoint| endpoint.address);
    }
    let truncated = truncate(&mut subsets);
    (subsets, truncated)
}

/// Leaves out what is beyond the limit: first of those that are not ready; of each subset in proportion.
fn truncate(subsets: &mut [EndpointsSubset]) -> bool {
    let ready: usize = subsets.iter().map(|subset| subset.ready.len()).sum();
    let not_ready: usize = subsets.iter().map(|subset| subset.not_ready.len()).sum();
    if ready + not_ready <= MAX_ADDRESSES {
        return false;
    }
    let of_ready = ready > MAX_ADDRESSES;
    let (room, whole) = if of_ready { (MAX_ADDRESSES, ready) } else { (MAX_ADDRESSES - ready, not_ready) };
    let mut left = room;
    for subset in subsets {
        let list = if of_ready { &mut subset.ready } else { &mut subset.not_ready };
        let part = (list.len() * room).div_ceil(whole).min(left);
        list.truncate(part);
        left -= part;
        if of_ready {
            subset.not_ready.clear();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{IpAddr, Ipv4Addr};
    use wavetank_model::{AddressFamily, EndpointConditions, ObjectMeta, ServiceSpec};

    fn slice(addresses: core::ops::Range<u32>, conditions: EndpointConditions) -> EndpointSlice {
        let endpoint = |low: u32| Endpoint {
            pod: None,
            pod_name: "".into(),
            address: IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + low)),
            conditions,
            hostname: None,
            node: None,
            zone: None,
            hints: None,
        };
        let endpoints = Arc::new(addresses.map(endpoint).collect());
        EndpointSlice { meta: ObjectMeta::default(), family: AddressFamily::Ipv4, ports: [].into(), endpoints }
    }

    fn sizes(slices: &[EndpointSlice]) -> (Vec<(usize, usize)>, bool) {
        let spec = ServiceSpec { families: vec![AddressFamily::Ipv4], ..ServiceSpec::default() };
        let (subsets, truncated) = endpoints_of(&Service { meta: ObjectMeta::default(), spec }, slices);
        (subsets.iter().map(|subset| (subset.ready.len(), subset.not_ready.len())).collect(), truncated)
    }

    const READY: EndpointConditions = EndpointConditions::of(true, false, false);
    const NOT_READY: EndpointConditions = EndpointConditions::of(false, false, false);
    const LEAVING: EndpointConditions = EndpointConditions::of(true, true, false);

    #[test]
    fn slices_become_one_list_without_those_that_leave() {
        let slices = [slice(0..100, READY), slice(100..150, NOT_READY), slice(150..160, LEAVING)];
        assert_eq!(sizes(&slices), (vec![(100, 50)], false));
        assert_eq!(sizes(&[slice(0..3, LEAVING)]), (Vec::new(), false));
    }

    #[test]
    fn a_thousand_are_kept_the_ready_ones_first() {
        assert_eq!(sizes(&[slice(0..900, READY), slice(900..1_200, NOT_READY)]), (vec![(900, 100)], true));
        assert_eq!(sizes(&[slice(0..1_100, READY), slice(2_000..2_010, NOT_READY)]), (vec![(1_000, 0)], true));
    }
}
