//! Autoscalers: when they have a pass, and what is known of them between passes.
//!
//! The first pass comes one period after an autoscaler was seen, then one each period; nothing else
//! brings one. The queue knows autoscalers by their names: one that is deleted and made again keeps the
//! time of its next pass, and what is remembered of it unless a pass came in between.
//! Source: `pkg/controller/podautoscaler/horizontal.go` and `rate_limiters.go`; the delaying queue of
//! `client-go/util/workqueue`, in which the earlier of two times for one key stays.

pub(crate) mod frozen;
pub(crate) mod pass;
pub(crate) mod view;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::{Event, WorkKey};
use crate::horizontal::pass::HorizontalPass;
use crate::horizontal::view::Listed;
use crate::passes::work_queue::Place;
use crate::profile::Bucket;
use crate::verbs::scale::{Spelled, Target};
use serde::{Deserialize, Serialize};
use slotmap::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_controllers::horizontal::{AutoscalerMemory, AutoscalerName, HorizontalConfig, Selectors};
use wavetank_engine::{Ticket, Time};
use wavetank_manifest::horizontal::decode_horizontal_status;
use wavetank_model::horizontal::HorizontalSpec;
use wavetank_model::{Document, DocumentKey, DocumentStatus, HorizontalPodAutoscaler, Kind, Meaning};
use wavetank_store::{CohortId, Precondition};

/// Number of a name under which autoscalers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AutoscalerId(u32);

impl Place for AutoscalerId {
    fn place(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

/// The horizontal pod autoscaler controller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Horizontal {
    pub(crate) config: HorizontalConfig,
    /// Which pods the autoscalers scale, as far as their passes have found out.
    pub(crate) selectors: Selectors,
    /// What is known under a name, until a pass finds that there is nothing.
    pub(crate) records: BTreeMap<AutoscalerId, Record>,
    ids: BTreeMap<AutoscalerName, AutoscalerId>,
    id_of: SecondaryMap<DocumentKey, AutoscalerId>,
    next_id: u32,
    /// Passes whose requests are on their way.
    pub(crate) passes: BTreeMap<AutoscalerId, HorizontalPass>,
    /// Clients of the scale subresource and of the metrics APIs, each with a rate of its own.
    pub(crate) scale_client: Bucket,
    pub(crate) metrics_client: Bucket,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: AutoscalerName,
    /// The autoscaler that has the name now.
    pub(crate) document: Option<DocumentKey>,
    pub(crate) memory: AutoscalerMemory,
    /// When its next pass is due.
    waiting: Option<(Time, Ticket)>,
    #[serde(skip)]
    pub(crate) known: Known,
}

/// What a pass found out and the next one need not, as long as nothing has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The target of a spec.
    pub(crate) target: Option<(Arc<HorizontalSpec>, Option<Target>)>,
    /// How the selector of the target is spelled.
    pub(crate) spelled: Option<Spelled>,
    /// Which pods are the target's.
    pub(crate) picked: Option<PickedPods>,
    /// The pods, and how often any of them had been seen to change.
    pub(crate) listed: Option<(u64, Arc<Listed>)>,
}

/// The pods that a selector picks, as long as no cohort and no group comes.
#[derive(Clone, Debug)]
pub(crate) struct PickedPods {
    pub(crate) spelled: Arc<str>,
    /// How many cohorts there were, and groups of the pipeline.
    pub(crate) among: (usize, usize),
    pub(crate) cohorts: Arc<BTreeSet<CohortId>>,
    /// Groups of the pipeline that have any of the pods.
    pub(crate) groups: Arc<[usize]>,
}

impl Horizontal {
    pub(crate) fn is_idle(&self) -> bool {
        self.records.is_empty()
    }

    fn id(&mut self, name: &AutoscalerName) -> AutoscalerId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = AutoscalerId(self.next_id);
        self.next_id += 1;
        self.ids.insert(name.clone(), id);
        let memory = AutoscalerMemory::default();
        let record = Record { name: name.clone(), document: None, memory, waiting: None, known: Known::default() };
        self.records.insert(id, record);
        id
    }

    /// Kinds have come or changed: targets are looked up anew.
    pub(crate) fn forget_targets(&mut self) {
        self.records.values_mut().for_each(|record| record.known.target = None);
    }

    /// A pass found nothing under a name.
    pub(crate) fn forget(&mut self, id: AutoscalerId) {
        if let Some(record) = self.records.remove(&id) {
            self.ids.remove(&record.name);
        }
    }
}

impl Cluster {
    /// Settings of the horizontal pod autoscaler controller.
    #[must_use]
    pub const fn horizontal_config(&self) -> &HorizontalConfig {
        &self.horizontal.config
    }

    /// Changes settings of the horizontal pod autoscaler controller, from the next passes on.
    pub fn configure_horizontal(&mut self, config: HorizontalConfig) {
        self.horizontal.config = config;
    }

    /// The autoscaler of a name: `web` or `namespace/web`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn horizontal_pod_autoscaler(&self, name: &str) -> Result<HorizontalPodAutoscaler, Error> {
        let document = self.document(Kind::HorizontalPodAutoscaler, name)?;
        Ok(self.typed(document))
    }

    /// The watch delivers an autoscaler.
    pub(crate) fn horizontal_sees_document(
        &mut self,
        key: DocumentKey,
        old: Option<&Arc<Document>>,
        new: Option<&Arc<Document>>,
    ) {
        let Some(document) = new.or(old).filter(|document| document.kind == Kind::HorizontalPodAutoscaler) else {
            return;
        };
        if new.is_none() {
            let name = document.named();
            self.horizontal.selectors.remove(&name);
            let id = self.horizontal.id_of.remove(key);
            if let Some(record) = id.and_then(|id| self.horizontal.records.get_mut(&id))
                && record.document == Some(key)
            {
                record.document = None;
            }
            return;
        }
        let id = match self.horizontal.id_of.get(key) {
            Some(id) => *id,
            None => {
                let id = self.horizontal.id(&document.named());
                self.horizontal.id_of.insert(key, id);
                if let Some(record) = self.horizontal.records.get_mut(&id) {
                    record.document = Some(key);
                }
                self.metrics.watch_pods();
                self.expect_scrape();
                id
            }
        };
        self.expect_horizontal_pass(id);
    }

    /// Puts an autoscaler into the queue, one period from now. A time that it is to come at stays.
    pub(crate) fn expect_horizontal_pass(&mut self, id: AutoscalerId) {
        let Some(record) = self.horizontal.records.get_mut(&id) else { return };
        let at = self.now + self.horizontal.config.sync_period;
        if let Some((waiting, ticket)) = record.waiting {
            if waiting <= at {
                return;
            }
            self.queue.cancel(ticket);
        }
        record.waiting = Some((at, self.queue.schedule(at, Event::Wake(WorkKey::Autoscaler(id)))));
    }

    /// The time of an autoscaler has come.
    pub(crate) fn wake_autoscaler(&mut self, id: AutoscalerId) {
        if let Some(record) = self.horizontal.records.get_mut(&id) {
            record.waiting = None;
        }
        self.horizontals.queue.add(id);
    }

    pub(crate) fn typed(&self, document: &Document) -> HorizontalPodAutoscaler {
        let spec = if let Meaning::Autoscaler(spec) = &document.meaning { Arc::clone(spec) } else { Arc::default() };
        let status = match &document.status {
            DocumentStatus::Autoscaler(status) => Arc::clone(status),
            // What cannot be read as a status counts as none; the next pass writes a good one.
            DocumentStatus::Json(status) => {
                Arc::new(decode_horizontal_status(status, &self.edge()).unwrap_or_default())
            }
        };
        HorizontalPodAutoscaler { meta: document.meta.clone(), spec, status }
    }

    /// Writes the status of an autoscaler that was at a version.
    pub(crate) fn write_horizontal_status(
        &mut self,
        key: DocumentKey,
        autoscaler: &HorizontalPodAutoscaler,
        status: &Arc<wavetank_model::horizontal::HorizontalStatus>,
    ) -> Result<(), wavetank_model::Refusal> {
        let kind = Kind::HorizontalPodAutoscaler.as_str();
        let name = || Arc::clone(&autoscaler.meta.name);
        if let Some(refusal) = self.refusals.meets("update", kind, Some("status"), name) {
            return Err(refusal);
        }
        if self.store.document(key).is_none_or(|slot| slot.stored.is_none()) {
            let resource = Kind::HorizontalPodAutoscaler.resource();
            return Err(wavetank_model::Refusal::not_found(resource, &autoscaler.meta.name));
        }
        let expected = Precondition::Version(autoscaler.meta.resource_version);
        self.store.update_document_status(key, DocumentStatus::Autoscaler(Arc::clone(status)), expected)?;
        self.absorb();
        Ok(())
    }
}
