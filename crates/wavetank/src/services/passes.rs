//! Passes of the endpoint controller: what they are given, and their requests.

use crate::cluster::Cluster;
use crate::event::WorkKey;
use crate::history::log::{Component, ObjectRef};
use crate::services::pod_seen;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::endpoint_slice::{FIRST_BACK_OFF, LONGEST_BACK_OFF, MAX_RETRIES};
use wavetank_controllers::{
    EndpointSliceInputs, EndpointSliceWrite, PodSeen, PodsGiven, SliceIndex, reconcile_endpoint_slices,
};
use wavetank_engine::Time;
use wavetank_model::{
    Document, DocumentKey, DocumentStatus, EndpointSlice, Kind, Meaning, ObjectMeta, Plan, PodKey, Refusal, Reply,
    Service, Uid,
};
use wavetank_store::{CohortId, Precondition, pod_name};

/// A pass under way, with all that it has seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServicePass {
    service: Arc<Service>,
    /// Slices that were seen to change since the pass began, as it had seen them. Only a refusal asks for
    /// the index of then, so it is not kept but made when that happens.
    unseen: BTreeMap<Arc<str>, Option<Arc<EndpointSlice>>>,
    /// The index, once the record of the Service is gone.
    left: Option<Box<SliceIndex>>,
    all: bool,
    pods: Vec<PodSeen>,
    gone: Vec<Uid>,
    trigger_time: Option<String>,
    stale: bool,
    plan: Plan<EndpointSliceWrite>,
    replies: Vec<Reply>,
    recorded: usize,
    landing: Option<Time>,
}

impl ServicePass {
    const fn given(&self) -> PodsGiven<'_> {
        if self.all {
            PodsGiven::All(self.pods.as_slice())
        } else {
            PodsGiven::Changed(self.pods.as_slice(), self.gone.as_slice())
        }
    }

    /// The index changes at this name while the pass is under way.
    pub(crate) fn keep_unseen(&mut self, name: &Arc<str>, before: Option<&Arc<EndpointSlice>>) {
        self.unseen.entry(Arc::clone(name)).or_insert_with(|| before.map(Arc::clone));
    }

    /// The record of the Service goes while the pass is under way.
    pub(crate) fn inherit(&mut self, index: SliceIndex) {
        self.left.get_or_insert(Box::new(index));
    }

    /// The index as it was when the pass began.
    fn index_of_then(&self, now: Option<&SliceIndex>) -> SliceIndex {
        let mut index = self.left.as_deref().or(now).cloned().unwrap_or_default();
        for (name, before) in &self.unseen {
            match before {
                Some(slice) => drop(index.put(Arc::clone(slice))),
                None => drop(index.remove(name)),
            }
        }
        index
    }

    fn plan(&mut self, index: &SliceIndex) {
        let inputs = EndpointSliceInputs {
            service: &self.service,
            pods: self.given(),
            slices: index,
            trigger_time: self.trigger_time.as_deref(),
            stale: self.stale,
        };
        self.plan = reconcile_endpoint_slices(&inputs, &self.replies);
    }
}

impl Cluster {
    pub(crate) fn begin_service_pass(&mut self, key: DocumentKey) {
        self.counters.service_passes += 1;
        let Some(record) = self.services.records.get_mut(&key) else {
            self.endpoint_slices.queue.forget(key);
            return self.endpoint_slices.queue.done(key);
        };
        let (service, stale) = (Arc::clone(&record.service), record.stale.is_stale());
        if stale {
            // Nothing was looked at, so nothing is taken off the list.
            return self.end_service_pass(key, true);
        }
        let all = core::mem::take(&mut record.all);
        let changed = core::mem::take(&mut record.changed);
        let (pods, gone) =
            if all { (self.all_pods_of(&service), Vec::new()) } else { self.changed_pods(&service, &changed) };
        let mut pass = ServicePass {
            service,
            unseen: BTreeMap::new(),
            left: None,
            all,
            pods,
            gone,
            trigger_time: None,
            stale,
            plan: Plan::default(),
            replies: Vec::new(),
            recorded: 0,
            landing: None,
        };
        let edge = self.edge();
        if let Some(record) = self.services.records.get_mut(&key) {
            let earliest = record.times.note(&pass.service, pass.given());
            pass.trigger_time = earliest.map(|time| edge.spell_time_in_full(time));
            pass.plan(&record.index);
        }
        self.go_on_service_pass(key, pass);
    }

    /// All pods that a Service selects, by creation.
    fn all_pods_of(&self, service: &Service) -> Vec<PodSeen> {
        let store = &self.store;
        let mut answers: Vec<(CohortId, bool)> = Vec::new();
        let mut selects = |cohort: CohortId| {
            if let Some((_, answer)) = answers.iter().find(|(known, _)| *known == cohort) {
                return *answer;
            }
            let identity = &store.cohort(cohort).identity;
            let answer = identity.namespace == service.meta.namespace && service.selects(&identity.labels);
            answers.push((cohort, answer));
            answer
        };
        let mut pods: Vec<PodSeen> = store
            .pods()
            .filter_map(|key| {
                let pod = store.pod(key)?;
                if selects(store.pod_seen(key)?.cohort) { pod_seen(store, key, &pod) } else { None }
            })
            .collect();
        pods.sort_unstable_by_key(|pod| pod.pod.uid);
        pods
    }

    /// Those of the changed pods that a Service still selects, and those that it does not.
    fn changed_pods(&self, service: &Service, changed: &BTreeMap<Uid, PodKey>) -> (Vec<PodSeen>, Vec<Uid>) {
        let (mut pods, mut gone) = (Vec::new(), Vec::new());
        for (uid, key) in changed {
            // Slots are used again: the pod under the key must be the one that changed.
            let pod = self.store.pod(*key).filter(|pod| pod.uid() == *uid);
            let seen = pod.and_then(|pod| {
                let identity = &self.store.cohort(self.store.pod_seen(*key)?.cohort).identity;
                if service.selects(&identity.labels) { pod_seen(&self.store, *key, &pod) } else { None }
            });
            match seen {
                Some(pod) => pods.push(pod),
                None => gone.push(*uid),
            }
        }
        (pods, gone)
    }

    pub(crate) fn continue_service_pass(&mut self, key: DocumentKey) {
        if let Some(pass) = self.service_passes.remove(&key) {
            self.go_on_service_pass(key, pass);
        }
    }

    fn go_on_service_pass(&mut self, key: DocumentKey, mut pass: ServicePass) {
        loop {
            self.record_service_events(&mut pass);
            let Some(write) = pass.plan.writes.get(pass.replies.len()) else { break };
            let landing = match pass.landing {
                Some(landing) => landing,
                None => self.endpoint_slices.client.take(self.profile.client_rate, self.now) + self.profile.api_write,
            };
            if landing > self.now {
                pass.landing = Some(landing);
                self.schedule_service_pass(landing, key);
                self.service_passes.insert(key, pass);
                return;
            }
            pass.landing = None;
            let answer = self.land_slice(key, write.clone());
            let refused = answer.err();
            let again = refused.is_some();
            pass.replies.push(Reply { done: u32::from(!again), refused });
            if again {
                let now = self.services.records.get(&key).map(|record| &record.index);
                let index = pass.index_of_then(now);
                pass.plan(&index);
            }
        }
        let failed = pass.plan.error.is_some();
        if failed && let Some(record) = self.services.records.get_mut(&key) {
            // What this pass did not bring about is looked at again.
            record.all |= pass.all;
            for pod in &pass.pods {
                record.changed.entry(pod.pod.uid).or_insert(pod.pod.key);
            }
            for uid in &pass.gone {
                record.changed.entry(*uid).or_default();
            }
        }
        self.end_service_pass(key, failed);
    }

    fn end_service_pass(&mut self, key: DocumentKey, failed: bool) {
        if failed && self.endpoint_slices.queue.failures(key) < MAX_RETRIES {
            let wait = self.endpoint_slices.queue.back_off_from(key, FIRST_BACK_OFF).min(LONGEST_BACK_OFF);
            self.wake_after(WorkKey::Service(key), wait);
        } else {
            self.endpoint_slices.queue.forget(key);
        }
        self.endpoint_slices.queue.done(key);
    }

    fn record_service_events(&mut self, pass: &mut ServicePass) {
        let reached = pass.replies.len();
        while let Some((_, event)) = pass.plan.events.get(pass.recorded).filter(|(after, _)| *after <= reached).cloned()
        {
            pass.recorded += 1;
            let service = Arc::clone(&pass.service);
            self.record(Component::EndpointSliceController, || reference(&service.meta), event);
        }
    }

    /// One request reaches the server.
    fn land_slice(&mut self, service: DocumentKey, write: EndpointSliceWrite) -> Result<(), Refusal> {
        let refuse = |cluster: &mut Self, verb: &str, name: &Arc<str>| {
            cluster.refusals.meets(verb, "EndpointSlice", None, || Arc::clone(name)).map_or(Ok(()), Err)
        };
        let written = match write {
            EndpointSliceWrite::Create(slice) => {
                let mut document = document_of(*slice);
                refuse(self, "create", &document.meta.generate_name.clone())?;
                let suffix = pod_name::suffix(self.store.next_identity(), 0);
                document.meta.name = format!("{}{suffix}", document.meta.generate_name).into();
                self.store.create_document(document, self.now)?
            }
            EndpointSliceWrite::Update { slice, version } => {
                refuse(self, "update", &slice.meta.name)?;
                let key = self.slice_key(&slice.meta.namespace, &slice.meta.name)?;
                let mut document = document_of(*slice);
                if version.is_none()
                    && let Some(live) = self.store.document(key).and_then(|slot| slot.stored.as_ref())
                {
                    // Sent without a version it replaces what is there, whose generated name stays.
                    document.meta.generate_name = Arc::clone(&live.meta.generate_name);
                }
                let expected = version.map_or(Precondition::None, Precondition::Version);
                self.store.update_document(key, document, expected)?;
                key
            }
            EndpointSliceWrite::Delete(name) => {
                refuse(self, "delete", &name)?;
                let Some(namespace) =
                    self.services.records.get(&service).map(|record| Arc::clone(&record.service.meta.namespace))
                else {
                    return Ok(());
                };
                let key = self.slice_key(&namespace, &name)?;
                let uid = self.store.document(key).and_then(|slot| slot.stored.as_ref()).map(|slice| slice.meta.uid);
                self.store.delete_document(key, None, self.now)?;
                if let (Some(uid), Some(record)) = (uid, self.services.records.get_mut(&service)) {
                    record.stale.deleted(uid);
                }
                return Ok(());
            }
        };
        let stored = self.store.document(written).and_then(|slot| slot.stored.as_ref());
        if let (Some(slice), Some(record)) =
            (stored.and_then(|document| document.endpoint_slice()), self.services.records.get_mut(&service))
        {
            record.stale.wrote(&slice);
        }
        Ok(())
    }

    fn slice_key(&self, namespace: &str, name: &str) -> Result<DocumentKey, Refusal> {
        let key = self.store.document_key(Kind::EndpointSlice, namespace, name);
        key.ok_or_else(|| Refusal::not_found(Kind::EndpointSlice.resource(), name))
    }
}

fn document_of(slice: EndpointSlice) -> Document {
    let EndpointSlice { meta, family, ports, endpoints } = slice;
    let content = EndpointSlice { meta: ObjectMeta::default(), family, ports, endpoints };
    Document {
        kind: Kind::EndpointSlice,
        meta,
        body: Arc::new(Value::Null),
        status: DocumentStatus::NONE,
        meaning: Meaning::EndpointSlice(Box::new(content)),
    }
}

fn reference(meta: &ObjectMeta) -> ObjectRef {
    ObjectRef {
        kind: Kind::Service.as_str().into(),
        namespace: Arc::clone(&meta.namespace),
        name: Arc::clone(&meta.name),
        uid: meta.uid,
        field_path: "".into(),
    }
}
