//! What is to be done about the slices of one address family.

use super::index::{Group, PortMap, SliceIndex};
use super::pod::{PodSeen, endpoint_ports};
use super::{EndpointSliceInputs, MAX_ENDPOINTS, PodsGiven};
use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_model::endpoint_slice::{HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL, SLICE_CONTROLLER};
use wavetank_model::{
    AddressFamily, Endpoint, EndpointPort, EndpointSlice, ObjectMeta, OwnerReference, Service, StringMap, Uid,
};

/// Writes to be made, not yet in their final form.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) create: Vec<EndpointSlice>,
    pub(super) update: Vec<EndpointSlice>,
    pub(super) delete: Vec<Arc<EndpointSlice>>,
}

/// Endpoints that should be, by group and pod, and the ports of the group as the Service orders them.
type Desired = BTreeMap<PortMap, (Arc<[EndpointPort]>, BTreeMap<Uid, Endpoint>)>;

/// Slices by name.
type Slices<'a> = BTreeMap<&'a Arc<str>, &'a Arc<EndpointSlice>>;

/// What is to be done, and the errors about pods that were left out.
pub(super) fn family_work(inputs: &EndpointSliceInputs<'_>, family: AddressFamily) -> (Work, Vec<String>) {
    let (service, index) = (inputs.service, inputs.slices);
    let (mut desired, faults) = desired(inputs, family);
    let owned = |slice: &EndpointSlice| slice.is_owned_by(service.meta.uid);
    let mut work = Work::default();
    let all = matches!(inputs.pods, PodsGiven::All(_));
    let mut touched = touched(inputs, family);
    if all {
        work.delete.extend(index.iter().filter(|slice| slice.family == family && !owned(slice)).map(Arc::clone));
    }
    let mut count = 0;
    for (ports, group) in index.groups(family) {
        count += group.len();
        // A group without pods: all of its slices go. That a group has pods which did not change shows
        // in its endpoints.
        if !desired.contains_key(ports) && (all || group.endpoints() == 0) {
            let slices = group.names().filter_map(|name| index.get(name));
            work.delete.extend(slices.filter(|slice| owned(slice)).map(Arc::clone));
        } else if !desired.contains_key(ports) && touched.contains_key(ports) {
            // Slices of a group that only loses endpoints.
            desired.insert(ports.clone(), (first_ports(index, group), BTreeMap::new()));
        }
    }
    for (ports, (spelled, endpoints)) in desired {
        let group = index.group(family, &ports);
        let slices = touched.remove(&ports).unwrap_or_default();
        GroupWork { inputs, family, spelled, group, all }.run(endpoints, slices, &mut work);
    }
    if count == work.delete.len() && work.create.is_empty() {
        let placeholder = new_slice(service, family, Arc::from([]));
        match &work.delete[..] {
            [only] if is_placeholder(only, &placeholder) => work.delete.clear(),
            _ => work.create.push(placeholder),
        }
    }
    (work, faults)
}

fn first_ports(index: &SliceIndex, group: &Group) -> Arc<[EndpointPort]> {
    let first = group.names().next().and_then(|name| index.get(name));
    first.map_or_else(|| Arc::from([]), |slice| Arc::clone(&slice.ports))
}

fn given(pods: PodsGiven<'_>) -> &[PodSeen] {
    match pods {
        PodsGiven::All(pods) | PodsGiven::Changed(pods, _) => pods,
    }
}

fn desired(inputs: &EndpointSliceInputs<'_>, family: AddressFamily) -> (Desired, Vec<String>) {
    let service = inputs.service;
    let (mut desired, mut faults) = (Desired::new(), Vec::new());
    // Pods of one template have the same ports, so the last answer mostly serves again.
    let mut last: Option<(*const _, PortMap, Arc<[EndpointPort]>)> = None;
    for pod in given(inputs.pods).iter().filter(|pod| pod.is_endpoint()) {
        let template = Arc::as_ptr(&pod.template);
        let known = last.as_ref().filter(|(of, ..)| *of == template);
        let (_, ports, spelled) = match known {
            Some(known) => known.clone(),
            None => {
                let spelled = endpoint_ports(service, &pod.template.facts);
                last.insert((template, PortMap::of(&spelled), spelled.into())).clone()
            }
        };
        let (_, endpoints) = desired.entry(ports).or_insert_with(|| (spelled, BTreeMap::new()));
        if let (Some(node), false) = (pod.node.missing(), service.spec.publish_not_ready_addresses) {
            let (namespace, name) = (&service.meta.namespace, &service.meta.name);
            let pod = &pod.name;
            faults.push(format!("skipping Pod {pod} for Service {namespace}/{name}: Node {node} Not Found"));
            continue;
        }
        if let Some(endpoint) = pod.endpoint(service, family) {
            endpoints.insert(pod.pod.uid, endpoint);
        }
    }
    (desired, faults)
}

/// The slices that have to be looked at, by group.
fn touched<'a>(inputs: &EndpointSliceInputs<'a>, family: AddressFamily) -> BTreeMap<PortMap, Slices<'a>> {
    let mut slices = Slices::new();
    let mut take = |slice: &'a Arc<EndpointSlice>| {
        if slice.family == family && slice.is_owned_by(inputs.service.meta.uid) {
            slices.insert(&slice.meta.name, slice);
        }
    };
    match inputs.pods {
        PodsGiven::All(_) => inputs.slices.iter().for_each(&mut take),
        PodsGiven::Changed(changed, gone) => {
            let pods = changed.iter().map(|pod| pod.pod.uid).chain(gone.iter().copied());
            pods.flat_map(|pod| inputs.slices.slices_of(pod)).for_each(&mut take);
        }
    }
    let mut groups: BTreeMap<PortMap, Slices<'a>> = BTreeMap::new();
    for (name, slice) in slices {
        groups.entry(PortMap::of(&slice.ports)).or_default().insert(name, slice);
    }
    groups
}

/// The slices of one group.
struct GroupWork<'a> {
    inputs: &'a EndpointSliceInputs<'a>,
    family: AddressFamily,
    spelled: Arc<[EndpointPort]>,
    group: Option<&'a Group>,
    all: bool,
}

impl GroupWork<'_> {
    fn run(self, mut missing: BTreeMap<Uid, Endpoint>, slices: Slices<'_>, work: &mut Work) {
        let service = self.inputs.service;
        let mut update = Vec::new();
        let mut taken = BTreeSet::new();
        let changed: BTreeSet<Uid> = match self.inputs.pods {
            PodsGiven::All(_) => BTreeSet::new(),
            PodsGiven::Changed(pods, gone) => pods.iter().map(|pod| pod.pod.uid).chain(gone.iter().copied()).collect(),
        };
        for slice in slices.into_values() {
            let (endpoints, updated) = self.keep(slice, &changed, &mut missing);
            let (labels, relabelled) = slice_labels(slice, service);
            if updated || endpoints.len() != slice.endpoints.len() {
                taken.insert(Arc::clone(&slice.meta.name));
                if endpoints.is_empty() {
                    work.delete.push(Arc::clone(slice));
                } else {
                    update.push(edited(slice, labels, Arc::new(endpoints)));
                }
            } else if relabelled {
                taken.insert(Arc::clone(&slice.meta.name));
                update.push(edited(slice, labels, Arc::clone(&slice.endpoints)));
            }
        }
        // The fullest first, so that few slices stay half empty.
        update.sort_by_key(|slice| Reverse(slice.endpoints.len()));
        for slice in &mut update {
            fill(slice, &mut missing);
        }
        while !missing.is_empty() {
            let room = (missing.len() < MAX_ENDPOINTS)
                .then(|| self.group?.slice_with_room(missing.len(), MAX_ENDPOINTS, &taken))
                .flatten();
            let existing = room.as_ref().and_then(|name| self.inputs.slices.get(name));
            if let Some(slice) = existing {
                let mut slice = EndpointSlice::clone(slice);
                fill(&mut slice, &mut missing);
                taken.insert(Arc::clone(&slice.meta.name));
                update.push(slice);
            } else {
                let mut slice = new_slice(service, self.family, Arc::clone(&self.spelled));
                fill(&mut slice, &mut missing);
                work.create.push(slice);
            }
        }
        update.sort_unstable_by(|left, right| left.meta.name.cmp(&right.meta.name));
        work.update.append(&mut update);
    }

    /// The endpoints of a slice that stay, in their new form, and whether one of them changed. What stays
    /// is missing no longer.
    fn keep(
        &self,
        slice: &EndpointSlice,
        changed: &BTreeSet<Uid>,
        missing: &mut BTreeMap<Uid, Endpoint>,
    ) -> (Vec<Endpoint>, bool) {
        let (mut kept, mut updated) = (Vec::with_capacity(slice.endpoints.len()), false);
        for endpoint in slice.endpoints.iter() {
            let uid = endpoint.pod.map(|pod| pod.uid);
            if !self.all && uid.is_some_and(|uid| !changed.contains(&uid)) {
                kept.push(endpoint.clone());
                continue;
            }
            // An endpoint of the same pod with another address or hostname is another endpoint.
            let same = |wanted: &Endpoint| wanted.address == endpoint.address && wanted.hostname == endpoint.hostname;
            let Some(wanted) =
                uid.filter(|uid| missing.get(uid).is_some_and(same)).and_then(|uid| missing.remove(&uid))
            else {
                continue;
            };
            updated |= wanted != *endpoint;
            kept.push(wanted);
        }
        (kept, updated)
    }
}

fn edited(slice: &EndpointSlice, labels: StringMap, endpoints: Arc<Vec<Endpoint>>) -> EndpointSlice {
    let meta = ObjectMeta { labels, ..slice.meta.clone() };
    EndpointSlice { meta, family: slice.family, ports: Arc::clone(&slice.ports), endpoints }
}

/// Moves the oldest of the missing endpoints into a slice, as long as there is room.
fn fill(slice: &mut EndpointSlice, missing: &mut BTreeMap<Uid, Endpoint>) {
    while slice.endpoints.len() < MAX_ENDPOINTS {
        let Some((_, endpoint)) = missing.pop_first() else { return };
        Arc::make_mut(&mut slice.endpoints).push(endpoint);
    }
}

/// An empty slice of a Service, not yet named.
fn new_slice(service: &Service, family: AddressFamily, ports: Arc<[EndpointPort]>) -> EndpointSlice {
    let owner = OwnerReference {
        api_version: "v1".into(),
        kind: "Service".into(),
        name: Arc::clone(&service.meta.name),
        uid: service.meta.uid,
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let mut slice = EndpointSlice {
        meta: ObjectMeta {
            generate_name: format!("{}-", service.meta.name).into(),
            namespace: Arc::clone(&service.meta.namespace),
            owners: vec![owner],
            ..ObjectMeta::default()
        },
        family,
        ports,
        endpoints: Arc::default(),
    };
    slice.meta.labels = slice_labels(&slice, service).0;
    slice
}

/// The labels that a slice should have, and whether those that it shares with its Service differ.
///
/// Its own three say which Service it belongs to and who keeps it; a change of those alone moves nothing.
fn slice_labels(slice: &EndpointSlice, service: &Service) -> (StringMap, bool) {
    let reserved = |key: &str| matches!(key, SERVICE_NAME_LABEL | MANAGED_BY_LABEL | HEADLESS_LABEL);
    let shared = |labels: &StringMap| -> StringMap { labels.iter().filter(|(key, _)| !reserved(key)).collect() };
    let mut labels = shared(&service.meta.labels);
    let differ = shared(&slice.meta.labels) != labels;
    if !service.has_cluster_ip() {
        labels.set(HEADLESS_LABEL, "");
    }
    labels.set(SERVICE_NAME_LABEL, &service.meta.name);
    labels.set(MANAGED_BY_LABEL, SLICE_CONTROLLER);
    (labels, differ)
}

/// Whether a slice is what a Service without pods should have already.
fn is_placeholder(slice: &EndpointSlice, placeholder: &EndpointSlice) -> bool {
    slice.endpoints.is_empty()
        && slice.ports.is_empty()
        && slice.meta.namespace == placeholder.meta.namespace
        && slice.meta.labels == placeholder.meta.labels
}
