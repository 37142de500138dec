//! Autoscalers: when they have a pass, what it is given, and what becomes of its writes.
//!
//! The first pass comes one period after an autoscaler was seen, then one each period; nothing else
//! brings one. Requests of a pass take no time: against a period of 15 seconds they do not count.
//! Source: `pkg/controller/podautoscaler/horizontal.go` and `rate_limiters.go`.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::{Event, WorkKey};
use crate::horizontal_view::View;
use crate::log::{Component, ObjectRef};
use crate::scale::{Scalable, scalable_kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::horizontal::{
    AutoscalerMemory, AutoscalerName, HorizontalConfig, HorizontalInputs, HorizontalMemory, HorizontalOutcome,
    HorizontalWrite, TargetSeen, group_version, reconcile_horizontal,
};
use wavetank_manifest::horizontal::{decode_horizontal_status, render_horizontal_status};
use wavetank_model::horizontal::HorizontalSpec;
use wavetank_model::{Document, DocumentKey, HorizontalPodAutoscaler, Kind, Meaning, Refusal, Reply, Selector};
use wavetank_store::Precondition;

/// The horizontal pod autoscaler controller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Horizontal {
    pub(crate) config: HorizontalConfig,
    memory: HorizontalMemory,
    /// Autoscalers that have a pass ahead.
    records: BTreeMap<DocumentKey, Record>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    name: AutoscalerName,
    /// The autoscaler as read last, with the version that was read.
    read: Option<(u64, Arc<HorizontalPodAutoscaler>)>,
}

impl Horizontal {
    pub(crate) fn is_idle(&self) -> bool {
        self.records.is_empty()
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
        let name = document.named();
        if new.is_none() {
            return self.horizontal.memory.deleted(&name);
        }
        if self.horizontal.records.contains_key(&key) {
            return;
        }
        self.horizontal.records.insert(key, Record { name, read: None });
        self.expect_horizontal_pass(key);
        self.expect_scrape();
    }

    fn expect_horizontal_pass(&mut self, key: DocumentKey) {
        let at = self.now + self.horizontal.config.sync_period;
        self.queue.schedule(at, Event::Wake(WorkKey::Autoscaler(key)));
    }

    pub(crate) fn run_horizontal_pass(&mut self, key: DocumentKey) {
        self.counters.horizontal_passes += 1;
        self.horizontals.queue.forget(key);
        self.horizontals.queue.done(key);
        let Some(document) = self.store.document(key).and_then(|slot| slot.seen.clone()) else {
            return self.forget_autoscaler(key);
        };
        let autoscaler = self.read_autoscaler(key, &document);
        let reference = &autoscaler.spec.scale_target;
        let group = group_version(&reference.api_version).map_or("", |(group, _)| group);
        let scalable = scalable_kind(group, &reference.kind).map(|kind| Scalable {
            kind,
            namespace: Arc::clone(&autoscaler.meta.namespace),
            name: Arc::clone(&reference.name),
        });
        let target = match scalable.as_ref().map(|scalable| self.read_scale(scalable)) {
            None => TargetSeen::UnknownKind,
            Some(Err(refusal)) => TargetSeen::Refused(refusal),
            Some(Ok(scale)) => TargetSeen::Found(scale),
        };

        let name = document.named();
        // Success is presumed for writes without an answer; a refusal makes the pass think again.
        let mut outcome = self.plan_horizontal(&autoscaler, &target, &[]);
        let mut replies = Vec::new();
        while let Some(write) = outcome.plan.writes.get(replies.len()) {
            let write = write.clone();
            let refused = self.land_horizontal(key, &document, scalable.as_ref(), &write).err();
            let again = refused.is_some();
            replies.push(Reply { done: u32::from(!again), refused });
            if again {
                outcome = self.plan_horizontal(&autoscaler, &target, &replies);
            }
        }
        for (_, event) in outcome.plan.events {
            self.record(Component::HorizontalPodAutoscaler, || about(&document), event);
        }
        if let Some(selector) = &outcome.selector {
            self.horizontal.memory.selectors.put(&name, selector);
        }
        self.horizontal.memory.autoscalers.insert(name, outcome.memory);
        self.expect_horizontal_pass(key);
    }

    fn plan_horizontal(
        &mut self,
        autoscaler: &HorizontalPodAutoscaler,
        target: &TargetSeen,
        replies: &[Reply],
    ) -> HorizontalOutcome {
        let meta = &autoscaler.meta;
        let cohorts = match target {
            TargetSeen::Found(scale) => Selector::parse(&scale.selector).map_or_else(
                |_| Arc::default(),
                |selector| self.metrics.picked.cohorts(&self.store, &meta.namespace, &scale.selector, &selector),
            ),
            TargetSeen::UnknownKind | TargetSeen::Refused(_) => Arc::default(),
        };
        let view = View::new(&self.store, &self.metrics, self.now, &meta.namespace, &cohorts);
        let (memory, fresh) = (&self.horizontal.memory, AutoscalerMemory::default());
        let own = memory.autoscalers.get(&(Arc::clone(&meta.namespace), Arc::clone(&meta.name)));
        let inputs = HorizontalInputs {
            now: self.now,
            config: &self.horizontal.config,
            autoscaler,
            target,
            memory: own.unwrap_or(&fresh),
            selectors: &memory.selectors,
            view: &view,
        };
        reconcile_horizontal(&inputs, replies)
    }

    /// One request reaches the server.
    fn land_horizontal(
        &mut self,
        key: DocumentKey,
        seen: &Document,
        scalable: Option<&Scalable>,
        write: &HorizontalWrite,
    ) -> Result<(), Refusal> {
        match write {
            HorizontalWrite::Scale { replicas, .. } => {
                scalable.map_or(Ok(()), |scalable| self.write_scale(scalable, *replicas))
            }
            HorizontalWrite::Status(status) => {
                let kind = Kind::HorizontalPodAutoscaler.as_str();
                let name = || Arc::clone(&seen.meta.name);
                if let Some(refusal) = self.refusals.meets("update", kind, Some("status"), name) {
                    return Err(refusal);
                }
                let body = render_horizontal_status(status, &self.edge());
                let expected = Precondition::Version(seen.meta.resource_version);
                let version = self.store.update_document_status(key, body, expected)?;
                if let Some((known, read)) =
                    self.horizontal.records.get_mut(&key).and_then(|record| record.read.as_mut())
                {
                    *known = version;
                    let read = Arc::make_mut(read);
                    read.meta.resource_version = version;
                    read.status = (**status).clone();
                }
                self.absorb();
                Ok(())
            }
        }
    }

    /// The autoscaler as typed; it is read again only if somebody else changed it.
    fn read_autoscaler(&mut self, key: DocumentKey, document: &Document) -> Arc<HorizontalPodAutoscaler> {
        let version = document.meta.resource_version;
        if let Some(record) = self.horizontal.records.get(&key)
            && let Some((known, read)) = &record.read
            && *known == version
        {
            return Arc::clone(read);
        }
        let read = Arc::new(self.typed(document));
        if let Some(record) = self.horizontal.records.get_mut(&key) {
            record.read = Some((version, Arc::clone(&read)));
        }
        read
    }

    fn typed(&self, document: &Document) -> HorizontalPodAutoscaler {
        let spec = if let Meaning::Autoscaler(spec) = &document.meaning {
            HorizontalSpec::clone(spec)
        } else {
            HorizontalSpec::default()
        };
        // What cannot be read as a status counts as none; the next pass writes a good one.
        let status = decode_horizontal_status(&document.status, &self.edge()).unwrap_or_default();
        HorizontalPodAutoscaler { meta: document.meta.clone(), spec, status }
    }

    fn forget_autoscaler(&mut self, key: DocumentKey) {
        let Some(record) = self.horizontal.records.remove(&key) else { return };
        let (namespace, name) = &record.name;
        // One that was made again before this pass keeps the memory.
        if self.store.document_key(Kind::HorizontalPodAutoscaler, namespace, name).is_none() {
            self.horizontal.memory.forget(&record.name);
        }
    }
}

fn about(document: &Document) -> ObjectRef {
    ObjectRef {
        kind: document.kind.as_str().into(),
        namespace: Arc::clone(&document.meta.namespace),
        name: Arc::clone(&document.meta.name),
        uid: document.meta.uid,
        field_path: "".into(),
    }
}
