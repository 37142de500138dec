//! EndpointSlices: which pods stand behind a Service.
//!
//! A pod becomes ready: its slice is written with one endpoint changed. A pod goes: its slice is written
//! without it, and a slice left empty is deleted. New pods fill the slices that are written anyway, then
//! the fullest one in which all of them find room, then new slices of at most a hundred.
//!
//! - [`EndpointSliceInputs`] is what a pass decides by. It looks at the pods that changed and at the slices
//!   they stand in ([`PodsGiven::Changed`]); that gives the same as a look at all pods
//!   ([`PodsGiven::All`]), which is the plain definition.
//! - [`SliceIndex`] is what has been seen of a Service's slices, by pod and by room.
//! - [`PodSeen`] is a pod as an endpoint.
//! - [`TriggerTimes`] finds the earliest change that a write tells of.
//! - [`StaleSlices`] knows which writes have not been seen again.
//!
//! Follows `staging/src/k8s.io/endpointslice/reconciler.go` and
//! `pkg/controller/endpointslice/endpointslice_controller.go` of Kubernetes 1.36. Where upstream takes the
//! first of an unordered set, we take the oldest pod and the first slice by name. Hints follow
//! `trafficDistribution`; those by the size of zones, which an annotation asks for, are not simulated.

mod family;
mod finish;
mod index;
mod pod;
mod stale;
#[cfg(test)]
mod tests;
mod trigger;

pub use index::{PortMap, SliceIndex};
pub use pod::{NodeSeen, PodSeen, endpoint_ports};
pub use stale::StaleSlices;
pub use trigger::TriggerTimes;

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_model::{EndpointSlice, EventRecord, Pass, PassError, Plan, Reply, Service, ServiceType, Uid};

/// Most endpoints of a slice.
pub const MAX_ENDPOINTS: usize = 100;
/// How long a Service waits after its first failed pass; doubles with each further one.
pub const FIRST_BACK_OFF: core::time::Duration = core::time::Duration::from_secs(1);
/// The longest such wait.
pub const LONGEST_BACK_OFF: core::time::Duration = core::time::Duration::from_secs(1_000);
/// How often a Service is tried again before it is left alone until something changes.
pub const MAX_RETRIES: u32 = 15;

/// What a pass for one Service decides by.
#[derive(Clone, Copy, Debug)]
pub struct EndpointSliceInputs<'a> {
    /// The Service as seen.
    pub service: &'a Service,
    /// Its pods as seen.
    pub pods: PodsGiven<'a>,
    /// Its slices as seen, those being deleted left out.
    pub slices: &'a SliceIndex,
    /// The value of the annotation that says when the change happened that a write tells of; see
    /// [`TriggerTimes`].
    pub trigger_time: Option<&'a str>,
    /// Whether a slice that was written has not been seen again; see [`StaleSlices`].
    pub stale: bool,
}

/// The pods that a pass is given.
#[derive(Clone, Copy, Debug)]
pub enum PodsGiven<'a> {
    /// All that the Service selects. Needed whenever the Service, a node's zone or somebody else's write
    /// to a slice may have changed what all pods' endpoints should be.
    All(&'a [PodSeen]),
    /// Those that changed since the last pass without an error. A pod that is gone, or no longer
    /// selected, is in the second list.
    Changed(&'a [PodSeen], &'a [Uid]),
}

/// A write of a pass for one Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointSliceWrite {
    /// Creates a slice; the server completes its name.
    Create(Box<EndpointSlice>),
    /// Replaces a slice.
    Update {
        /// Its new state, under the name of the old one.
        slice: Box<EndpointSlice>,
        /// Resource version of the old one; none if the write is to succeed whatever it is.
        version: Option<u64>,
    },
    /// Deletes a slice. A slice that is gone already is no refusal.
    Delete(Arc<str>),
}

/// One pass for a Service.
#[must_use]
pub fn reconcile_endpoint_slices(inputs: &EndpointSliceInputs<'_>, replies: &[Reply]) -> Plan<EndpointSliceWrite> {
    let mut pass = Pass::new(replies);
    let result = sync(inputs, &mut pass);
    pass.end(result)
}

fn sync(inputs: &EndpointSliceInputs<'_>, pass: &mut Pass<'_, EndpointSliceWrite>) -> Result<(), PassError> {
    let service = inputs.service;
    if service.spec.kind == ServiceType::ExternalName || service.spec.selector.is_none() {
        return Ok(());
    }
    if inputs.stale {
        return Err(PassError::Stuck("EndpointSlice informer cache is out of date".into()));
    }
    let mut faults = Vec::new();
    for family in service.address_families() {
        let (work, skipped) = family::family_work(inputs, family);
        faults.extend(skipped);
        faults.extend(finish::finish(inputs, work, pass).err());
    }
    let supported = service.address_families();
    for slice in inputs.slices.of_other_families(&supported) {
        let name = &slice.meta.name;
        if let Err(refusal) = finish::delete(pass, name) {
            faults.push(finish::fault("error deleting", name, service, &refusal));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let message = aggregate(&faults);
    let (namespace, name) = (&service.meta.namespace, &service.meta.name);
    pass.record(EventRecord::warning(
        "FailedToUpdateEndpointSlices",
        format!("Error updating Endpoint Slices for Service {namespace}/{name}: {message}"),
    ));
    Err(PassError::Stuck(message.into()))
}

/// Several errors as one: a single one as it is, more in brackets, each once.
fn aggregate(faults: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for fault in faults {
        if !distinct.contains(&fault.as_str()) {
            distinct.push(fault);
        }
    }
    match distinct[..] {
        [only] => only.to_owned(),
        _ => format!("[{}]", distinct.join(", ")),
    }
}
