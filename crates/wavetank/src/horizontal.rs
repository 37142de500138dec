//! Autoscalers: when they have a pass, and what is known of them between passes.
//!
//! The first pass comes one period after an autoscaler was seen, then one each period; nothing else
//! brings one. The queue knows autoscalers by their names: one that is deleted and made again keeps the
//! time of its next pass, and what is remembered of it unless a pass came in between.
//! Source: `pkg/controller/podautoscaler/horizontal.go` and `rate_limiters.go`; the delaying queue of
//! `client-go/util/workqueue`, in which the earlier of two times for one key stays.

pub(crate) mod frozen;
pub(crate) mod pass;
pub(crate) mod records;
pub(crate) mod view;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::{Event, WorkKey};
use crate::horizontal::pass::HorizontalPass;
pub(crate) use crate::horizontal::records::AutoscalerId;
use crate::horizontal::records::{PickedPods, Record, Records};
use crate::profile::Bucket;
use serde::{Deserialize, Serialize};
use slotmap::SecondaryMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::horizontal::{AutoscalerName, HorizontalConfig, Selectors};
use wavetank_manifest::horizontal::decode_horizontal_status;
use wavetank_model::horizontal::{HorizontalSpec, HorizontalStatus};
use wavetank_model::{
    Document, DocumentKey, DocumentStatus, HorizontalPodAutoscaler, Kind, Meaning, ObjectMeta, Refusal, Selector,
};
use wavetank_store::{Precondition, Store};

/// The horizontal pod autoscaler controller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Horizontal {
    pub(crate) config: HorizontalConfig,
    /// Which pods the autoscalers scale, as far as their passes have found out.
    selectors: Selectors,
    /// How often that has changed.
    selector_changes: u64,
    /// What is known under a name, until a pass finds that there is nothing.
    pub(crate) records: Records,
    ids: BTreeMap<AutoscalerName, AutoscalerId>,
    id_of: SecondaryMap<DocumentKey, AutoscalerId>,
    /// Passes whose requests are on their way.
    pub(crate) passes: BTreeMap<AutoscalerId, HorizontalPass>,
    /// Clients of the scale subresource and of the metrics APIs, each with a rate of its own.
    pub(crate) scale_client: Bucket,
    pub(crate) metrics_client: Bucket,
}

impl Horizontal {
    pub(crate) fn is_idle(&self) -> bool {
        self.records.is_empty()
    }

    fn id(&mut self, name: &AutoscalerName) -> AutoscalerId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.records.add(Record::new(name));
        self.ids.insert(name.clone(), id);
        id
    }

    /// Which pods the autoscalers scale, as far as their passes have found out.
    pub(crate) const fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// A pass has found out which pods an autoscaler scales.
    pub(crate) fn learn(&mut self, name: &AutoscalerName, selector: &Selector) {
        self.selector_changes += 1;
        self.selectors.put(name, selector);
    }

    /// Whether the selector of an autoscaler is known and leaves it alone with its pods.
    pub(crate) fn is_uncontested(&self, store: &Store, name: &AutoscalerName, picked: &mut PickedPods) -> bool {
        if let Some((_, is_uncontested)) = picked.uncontested.filter(|(at, _)| *at == self.selector_changes) {
            return is_uncontested;
        }
        let label_sets = picked.cohorts.iter().map(|id| &store.cohort(*id).identity.labels);
        let is_uncontested = self.selectors.leave_alone((&name.0, &name.1), &picked.spelled, label_sets);
        picked.uncontested = Some((self.selector_changes, is_uncontested));
        is_uncontested
    }

    /// Kinds have come or changed: targets are looked up anew.
    pub(crate) fn forget_targets(&mut self) {
        self.records.iter_mut().for_each(|record| record.known.target = None);
    }

    /// A pass found nothing under a name.
    pub(crate) fn forget(&mut self, id: AutoscalerId) {
        if let Some(record) = self.records.remove(id) {
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
            self.horizontal.selector_changes += 1;
            self.horizontal.selectors.remove(&name);
            let id = self.horizontal.id_of.remove(key);
            if let Some(record) = id.and_then(|id| self.horizontal.records.get_mut(id))
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
                if let Some(record) = self.horizontal.records.get_mut(id) {
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
        let Some(record) = self.horizontal.records.get_mut(id) else { return };
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
        if let Some(record) = self.horizontal.records.get_mut(id) {
            record.waiting = None;
        }
        self.horizontals.queue.add(id);
    }

    fn typed(&self, document: &Document) -> HorizontalPodAutoscaler {
        let (spec, status) = (spec_of(document), self.status_of(document));
        HorizontalPodAutoscaler { meta: document.meta.clone(), spec, status }
    }

    /// The status of an autoscaler. What cannot be read as one counts as none; the next pass writes a good one.
    fn status_of(&self, document: &Document) -> Arc<HorizontalStatus> {
        match &document.status {
            DocumentStatus::Autoscaler(status) => Arc::clone(status),
            DocumentStatus::Json(status) => {
                Arc::new(decode_horizontal_status(status, &self.edge()).unwrap_or_default())
            }
        }
    }

    /// Writes the status of an autoscaler that was at a version.
    pub(crate) fn write_horizontal_status(
        &mut self,
        key: DocumentKey,
        meta: &ObjectMeta,
        status: &Arc<HorizontalStatus>,
    ) -> Result<(), Refusal> {
        let kind = Kind::HorizontalPodAutoscaler.as_str();
        let name = || Arc::clone(&meta.name);
        if let Some(refusal) = self.refusals.meets("update", kind, Some("status"), name) {
            return Err(refusal);
        }
        if self.store.document(key).is_none_or(|slot| slot.stored.is_none()) {
            let resource = Kind::HorizontalPodAutoscaler.resource();
            return Err(Refusal::not_found(resource, &meta.name));
        }
        let expected = Precondition::Version(meta.resource_version);
        self.store.update_document_status(key, DocumentStatus::Autoscaler(Arc::clone(status)), expected)?;
        self.absorb();
        Ok(())
    }
}

/// The spec of an autoscaler.
fn spec_of(document: &Document) -> Arc<HorizontalSpec> {
    if let Meaning::Autoscaler(spec) = &document.meaning { Arc::clone(spec) } else { Arc::default() }
}
