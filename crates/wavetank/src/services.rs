//! What the endpoint controller has seen: Services, whom they select, and their slices.
//!
//! A change of a pod marks the pod with the Services that select it; a pass looks at marked pods only.
//! Source: the handlers of `pkg/controller/endpointslice/endpointslice_controller.go`.

pub(crate) mod passes;
pub(crate) mod serving;

use crate::cluster::Cluster;
use crate::event::{Event, WorkKey};
use core::net::Ipv4Addr;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_controllers::endpoints::{OVER_CAPACITY, endpoints_of};
use wavetank_controllers::{NodeSeen, PodSeen, SliceIndex, StaleSlices, TriggerTimes};
use wavetank_engine::Second;
use wavetank_manifest::render_endpoints;
use wavetank_model::endpoint_slice::{HEADLESS_LABEL, MANAGED_BY_LABEL, SLICE_CONTROLLER, TRIGGER_TIME};
use wavetank_model::{Document, DocumentKey, EndpointPod, EndpointSlice, Kind, ObjectMeta, PodKey, Service, Uid};
use wavetank_store::{CohortId, PodChange, PodRecord, PodState, Store};

/// How long the controller waits when somebody else changed a slice.
const SLICE_CHANGE_DELAY: Duration = Duration::from_secs(1);
/// Label of a node with its zone.
pub(crate) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// The endpoint controller's cache.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Services {
    pub(crate) records: BTreeMap<DocumentKey, ServiceRecord>,
    /// Services that select the pods of a cohort, by creation; found out on first need.
    of_cohort: BTreeMap<CohortId, Arc<[DocumentKey]>>,
}

/// A Service as seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServiceRecord {
    pub(crate) service: Arc<Service>,
    pub(crate) index: SliceIndex,
    pub(crate) stale: StaleSlices,
    pub(crate) times: TriggerTimes,
    /// Whether the next pass looks at all pods.
    pub(crate) all: bool,
    /// Pods that changed since the last pass without an error, by identity.
    pub(crate) changed: BTreeMap<Uid, PodKey>,
}

impl Services {
    /// The Services that select the pods of a cohort.
    fn selecting(&mut self, store: &Store, cohort: CohortId) -> Arc<[DocumentKey]> {
        if let Some(known) = self.of_cohort.get(&cohort) {
            return Arc::clone(known);
        }
        let identity = &store.cohort(cohort).identity;
        let mut found: Vec<_> = self
            .records
            .iter()
            .filter(|(_, record)| record.service.meta.namespace == identity.namespace)
            .filter(|(_, record)| record.service.selects(&identity.labels))
            .map(|(key, record)| (record.service.meta.uid, *key))
            .collect();
        found.sort_unstable();
        let found: Arc<[DocumentKey]> = found.into_iter().map(|(_, key)| key).collect();
        self.of_cohort.insert(cohort, Arc::clone(&found));
        found
    }
}

/// The address of a pod: out of 10.128.0.0/9, by its identity. Another pod may get it again after eight
/// million others.
#[must_use]
pub(crate) fn pod_address(pod: Uid) -> Ipv4Addr {
    let low = u32::try_from(pod.0 & 0x7f_ffff).unwrap_or_default();
    Ipv4Addr::from(0x0a80_0000 | low)
}

/// A pod has its address from when its containers run to its end.
pub(crate) const fn has_address(state: &PodState) -> bool {
    matches!(state.phase, wavetank_model::Phase::Running)
}

/// A pod as the endpoint controller has seen it; none if it has not, or the pod is gone.
pub(crate) fn pod_seen(store: &Store, key: PodKey, pod: &PodRecord) -> Option<PodSeen> {
    let view = store.pod_seen(key)?;
    let state = &view.state;
    let node = state.node.map_or(NodeSeen::None, |number| {
        let node = store.node(number);
        let name = Arc::clone(&node.name);
        let zone = node.labels.get(ZONE_LABEL).filter(|zone| !zone.is_empty()).map(Arc::from);
        if node.present { NodeSeen::Known { name, zone } } else { NodeSeen::Missing(name) }
    });
    let template = Arc::clone(store.template_of(pod));
    let spec = template.value.get("spec");
    let text = |key: &str| spec?.get(key)?.as_str().filter(|text| !text.is_empty()).map(Arc::from);
    Some(PodSeen {
        pod: EndpointPod { uid: pod.uid(), key },
        name: store.pod_name(pod),
        phase: state.phase,
        ready: state.ready,
        ready_since: state.ready_since.map(Second::time),
        terminating: state.deletion.is_some(),
        ipv4: has_address(state).then(|| pod_address(pod.uid())),
        ipv6: None,
        node,
        hostname: text("hostname").zip(text("subdomain")),
        template,
    })
}

impl Cluster {
    /// The watch delivers a document.
    pub(crate) fn services_see_document(
        &mut self,
        key: DocumentKey,
        old: Option<&Arc<Document>>,
        new: Option<&Arc<Document>>,
    ) {
        match new.or(old).map(|document| document.kind) {
            Some(Kind::Service) => self.see_service(key, new),
            Some(Kind::EndpointSlice) => self.see_slice(old, new),
            _ => {}
        }
    }

    fn see_service(&mut self, key: DocumentKey, new: Option<&Arc<Document>>) {
        self.services.of_cohort.clear();
        let Some(service) = new.and_then(|document| document.service()) else {
            if let Some(record) = self.services.records.remove(&key)
                && let Some(pass) = self.service_passes.get_mut(&key)
            {
                pass.inherit(record.index);
            }
            return;
        };
        if let Some(record) = self.services.records.get_mut(&key) {
            record.service = Arc::new(service);
            record.all = true;
        } else {
            let index = self.slices_seen(&service);
            let record = ServiceRecord {
                service: Arc::new(service),
                index,
                stale: StaleSlices::default(),
                times: TriggerTimes::default(),
                all: true,
                changed: BTreeMap::new(),
            };
            self.services.records.insert(key, record);
        }
        self.endpoint_slices.queue.add(key);
    }

    /// The slices of a Service that were there before it was seen.
    fn slices_seen(&self, service: &Service) -> SliceIndex {
        let slices = self.store.documents(Kind::EndpointSlice).filter_map(|(key, _)| {
            let slice = self.store.document(key)?.seen.as_ref()?.endpoint_slice()?;
            let ours = slice.meta.namespace == service.meta.namespace
                && slice.service_name() == Some(&*service.meta.name)
                && is_ours(&slice)
                && !slice.meta.is_terminating();
            ours.then(|| Arc::new(slice))
        });
        SliceIndex::of(slices)
    }

    fn see_slice(&mut self, old: Option<&Arc<Document>>, new: Option<&Arc<Document>>) {
        let slice = |document: Option<&Arc<Document>>| document.and_then(|document| document.endpoint_slice());
        let (old, new) = (slice(old), slice(new));
        let before = old.as_ref().and_then(|slice| self.service_of(slice));
        let after = new.as_ref().and_then(|slice| self.service_of(slice));
        let managed = |slice: &Option<EndpointSlice>| slice.as_ref().is_some_and(is_ours);
        let (was_ours, is_ours) = (managed(&old), managed(&new));
        let mut wake = BTreeSet::new();
        if let (Some(old), Some(key)) = (&old, before)
            && (before != after || !is_ours)
            && let Some(record) = self.services.records.get_mut(&key)
        {
            let gone = record.index.remove(&old.meta.name);
            if let (Some(gone), Some(pass)) = (gone, self.service_passes.get_mut(&key)) {
                pass.keep_unseen(&old.meta.name, Some(&gone));
            }
            let unexpected = new.is_none() && was_ours && record.stale.saw_deletion(old.meta.uid);
            if unexpected || new.is_some() {
                record.all = true;
                wake.insert(key);
            }
        }
        if let (Some(new), Some(key)) = (new, after)
            && is_ours
            && let Some(record) = self.services.records.get_mut(&key)
        {
            let foreign = record.stale.saw(&new) || (old.is_some() && (before != after || !was_ours));
            let name = Arc::clone(&new.meta.name);
            let before =
                if new.meta.is_terminating() { record.index.remove(&name) } else { record.index.put(Arc::new(new)) };
            if let Some(pass) = self.service_passes.get_mut(&key) {
                pass.keep_unseen(&name, before.as_ref());
            }
            if foreign {
                record.all = true;
                wake.insert(key);
            }
        }
        for key in wake {
            self.wake_after(WorkKey::Service(key), SLICE_CHANGE_DELAY);
        }
    }

    fn service_of(&self, slice: &EndpointSlice) -> Option<DocumentKey> {
        self.store.document_key(Kind::Service, &slice.meta.namespace, slice.service_name()?)
    }

    /// Whether the controllers have seen a Service.
    pub(crate) fn has_services(&self) -> bool {
        !self.services.records.is_empty()
    }

    /// The watch delivers a pod.
    pub(crate) fn services_see_pod(&mut self, change: &PodChange) {
        let PodChange { key, uid, old, new } = change;
        if !old.iter().chain(new).any(|view| has_address(&view.state)) {
            return;
        }
        let (before, after) = (old.map(|view| view.cohort), new.map(|view| view.cohort));
        for cohort in [before, after.filter(|after| before != Some(*after))].into_iter().flatten() {
            for service in self.services.selecting(&self.store, cohort).iter() {
                if let Some(record) = self.services.records.get_mut(service) {
                    record.changed.insert(*uid, *key);
                    self.endpoint_slices.queue.add(*service);
                }
            }
        }
    }

    /// Namespaces and names of the Endpoints there are: those of Services with selectors, and those that a user
    /// made.
    pub(crate) fn endpoints_names(&self) -> BTreeSet<(Arc<str>, Arc<str>)> {
        let services = self
            .store
            .documents(Kind::Service)
            .filter(|(_, document)| document.service().is_some_and(|service| service.selector().is_some()));
        let own = self.store.documents(Kind::Endpoints);
        services.chain(own).map(|(_, document)| document.named()).collect()
    }

    /// The Endpoints of a Service, made of its slices; none if it has no selector.
    pub(crate) fn endpoints_json(&self, name: &str) -> Option<Value> {
        let service = self.document(Kind::Service, name).ok()?.service()?;
        service.selector()?;
        let slices: Vec<EndpointSlice> = self
            .store
            .documents(Kind::EndpointSlice)
            .filter(|(_, document)| document.meta.namespace == service.meta.namespace)
            .filter_map(|(_, document)| document.endpoint_slice())
            .filter(|slice| slice.service_name() == Some(&*service.meta.name))
            .collect();
        let (subsets, truncated) = endpoints_of(&service, &slices);
        let mut labels = service.meta.labels.clone();
        labels.set("endpoints.kubernetes.io/managed-by", "endpoint-controller");
        if !service.has_cluster_ip() {
            labels.set(HEADLESS_LABEL, "");
        }
        let mut meta = ObjectMeta {
            name: Arc::clone(&service.meta.name),
            namespace: Arc::clone(&service.meta.namespace),
            resource_version: slices.iter().map(|slice| slice.meta.resource_version).max().unwrap_or_default(),
            creation: service.meta.creation,
            labels,
            ..ObjectMeta::default()
        };
        if let Some(time) = slices.iter().filter_map(|slice| slice.meta.annotations.get(TRIGGER_TIME)).max() {
            meta.annotations.set(TRIGGER_TIME, time);
        }
        if truncated {
            meta.annotations.set(OVER_CAPACITY, "truncated");
        }
        let subsets = subsets.iter().map(|subset| (&subset.ready[..], &subset.not_ready[..], &subset.ports[..]));
        Some(render_endpoints(&meta, subsets, &self.edge()))
    }

    /// A pass of the endpoint controller makes its next request.
    pub(crate) fn schedule_service_pass(&mut self, at: wavetank_engine::Time, key: DocumentKey) {
        self.queue.put(at, Event::ServicePassGoesOn(key));
    }
}

fn is_ours(slice: &EndpointSlice) -> bool {
    slice.meta.labels.get(MANAGED_BY_LABEL) == Some(SLICE_CONTROLLER)
}
