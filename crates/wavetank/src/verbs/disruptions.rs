//! PodDisruptionBudgets in the cluster: their controller's passes, evictions, cordons and drains.
//!
//! Source: the handlers of `pkg/controller/disruption/disruption.go`, and
//! `pkg/registry/core/pod/storage/eviction.go`.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::{Event, WorkKey};
use crate::history::log::{Component, ObjectRef};
use crate::verbs::objects::missing;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::{CoveredPods, DisruptionInputs, DisruptionWrite, reconcile_disruption};
use wavetank_engine::Time;
use wavetank_manifest::{Kind, decode_disruption_status, render_disruption_status};
use wavetank_model::disruption::{DisruptionBudget, DisruptionStatus, UnhealthyPodEvictionPolicy};
use wavetank_model::{Cause, Document, DocumentKey, LookAgain, Phase, PodKey, Reason, Refusal, StringMap, Uid};
use wavetank_store::{CohortId, PodChange, Precondition};

/// How long `drain` waits before it asks again for an eviction that was refused.
const EVICTION_RETRY: Duration = Duration::from_secs(5);
/// More evictions than this are not allowed before the controller has confirmed earlier ones.
const MAX_DISRUPTED_PODS: usize = 2_000;

/// A status on its way to the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BudgetStatus {
    key: DocumentKey,
    status: DisruptionStatus,
    /// The version that the pass had seen.
    version: u64,
}

/// What became of a node's pods when it was drained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Pods evicted, in the order in which their evictions were allowed.
    pub evicted: Vec<Arc<str>>,
    /// Evictions that were refused and asked for again: when, and which pod.
    pub refused: Vec<(Time, Arc<str>)>,
    /// Pods that are still there.
    pub left: Vec<Arc<str>>,
}

fn budget_of(document: &Document) -> Option<&Arc<DisruptionBudget>> {
    document.disruption_budget().filter(|_| !document.meta.is_terminating())
}

fn reference(document: &Document) -> ObjectRef {
    ObjectRef {
        kind: document.kind.as_str().into(),
        namespace: Arc::clone(&document.meta.namespace),
        name: Arc::clone(&document.meta.name),
        uid: document.meta.uid,
        field_path: "".into(),
    }
}

impl Cluster {
    /// Budgets as seen, with their keys.
    fn budgets_seen(&self) -> impl Iterator<Item = (DocumentKey, &Arc<Document>)> {
        self.store
            .documents(Kind::PodDisruptionBudget)
            .filter_map(|(key, _)| Some((key, self.store.document(key)?.seen.as_ref()?)))
    }

    /// The watch delivers a document.
    pub(crate) fn budgets_see_document(&mut self, key: DocumentKey, new: Option<&Arc<Document>>) {
        if new.is_some_and(|new| new.kind == Kind::PodDisruptionBudget) {
            self.disruptions.queue.add(key);
        }
    }

    /// A pod came, went or changed: the budgets that cover it have something to count.
    pub(crate) fn budgets_see_pod(&mut self, change: &PodChange) {
        let mut cohorts: Vec<CohortId> = change.old.iter().chain(&change.new).map(|view| view.cohort).collect();
        cohorts.dedup();
        let covering: Vec<DocumentKey> = self
            .budgets_seen()
            .filter(|(_, document)| cohorts.iter().any(|cohort| self.covers(document, *cohort)))
            .map(|(key, _)| key)
            .collect();
        for key in covering {
            self.disruptions.queue.add(key);
        }
    }

    /// The size of a workload of a namespace changed: percentages of it did.
    pub(crate) fn budgets_see_scale(&mut self, namespace: &str) {
        let near: Vec<DocumentKey> = self
            .budgets_seen()
            .filter(|(_, document)| *document.meta.namespace == *namespace)
            .map(|(key, _)| key)
            .collect();
        for key in near {
            self.disruptions.queue.add(key);
        }
    }

    fn covers(&self, document: &Document, cohort: CohortId) -> bool {
        let identity = &self.store.cohort(cohort).identity;
        identity.namespace == document.meta.namespace
            && budget_of(document).is_some_and(|budget| budget.selector.matches(&identity.labels))
    }

    /// One pass of the disruption controller.
    pub(crate) fn run_disruption_pass(&mut self, key: DocumentKey) {
        self.plan_disruption(key);
        self.disruptions.queue.done(key);
    }

    fn plan_disruption(&mut self, key: DocumentKey) {
        let Some(document) = self.store.document(key).and_then(|slot| slot.seen.clone()) else { return };
        let Some(budget) = budget_of(&document) else { return };
        let edge = self.edge();
        // What no controller could have written is as good as no status.
        let status = decode_disruption_status(document.status.json(), &edge).unwrap_or_default();
        let pods = self.covered_pods(&document, &status);
        let generation = document.meta.generation;
        let inputs = DisruptionInputs { now: self.now, budget, generation, status: &status, pods: &pods };
        let plan = reconcile_disruption(&inputs, &[]);
        for (_, event) in plan.events {
            self.record(Component::DisruptionController, || reference(&document), event);
        }
        if let LookAgain::After(wait) = plan.look_again {
            self.wake_after(WorkKey::Budget(key), wait);
        }
        for DisruptionWrite::Status(status) in plan.writes {
            let write = BudgetStatus { key, status, version: document.meta.resource_version };
            if self.profile.api_write.is_zero() {
                self.write_budget_status(&write);
            } else {
                let landing = self.now + self.profile.api_write;
                self.queue.schedule(landing, Event::BudgetStatus(Box::new(write)));
            }
        }
    }

    /// The controller's write reaches the server; one that comes too late is made again.
    pub(crate) fn write_budget_status(&mut self, write: &BudgetStatus) {
        let status = render_disruption_status(&write.status, &self.edge());
        let expected = Precondition::Version(write.version);
        match self.store.update_document_status(write.key, status.into(), expected) {
            Ok(_) => self.disruptions.queue.forget(write.key),
            Err(refusal) if refusal.reason == Reason::Conflict => {
                let wait = self.disruptions.queue.back_off(write.key);
                self.wake_after(WorkKey::Budget(write.key), wait);
            }
            Err(_) => self.disruptions.queue.forget(write.key),
        }
    }

    fn covered_pods(&self, document: &Document, status: &DisruptionStatus) -> CoveredPods {
        let mut pods = CoveredPods::default();
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        for cohort in self.store.cohorts() {
            let identity = &cohort.identity;
            let near = cohort.present > 0 && identity.namespace == document.meta.namespace;
            if !near || !budget_of(document).is_some_and(|budget| budget.selector.matches(&identity.labels)) {
                continue;
            }
            pods.count = pods.count.saturating_add(number(cohort.present));
            pods.healthy = pods.healthy.saturating_add(number(cohort.ready));
            match identity.owner.map(|owner| self.scale_behind(owner)) {
                None => pods.unmanaged = true,
                Some(Some((controller, scale))) => drop(pods.scales.insert(controller, scale)),
                Some(None) => {
                    let first = self.store.pods_controlled_by(identity.owner).next();
                    let pod = first.and_then(|key| self.store.pod(key)).map(|pod| self.store.pod_name(&pod));
                    pods.unknown_controller = pods.unknown_controller.or(pod);
                }
            }
        }
        for name in status.disrupted_pods.keys() {
            let key = self.store.pod_key(&document.meta.namespace, name);
            let seen = key.and_then(|key| self.store.pod_seen(key));
            if let Some(view) = seen.filter(|view| view.state.deletion.is_none()) {
                pods.disrupted.insert(Arc::clone(name), view.state.ready);
            }
        }
        pods
    }

    /// The workload that decides how many pods a set has, and how many those are.
    fn scale_behind(&self, owner: Uid) -> Option<(Uid, i32)> {
        let set = self.store.set(self.store.set_of_uid(owner)?)?.seen.as_ref()?;
        let deployment = set.meta.controller().and_then(|owner| {
            let key = self.store.deployment_of_uid(owner.uid)?;
            self.store.deployment(key)?.seen.as_ref()
        });
        Some(
            deployment.map_or((set.meta.uid, set.spec.replicas), |deployment| {
                (deployment.meta.uid, deployment.spec.replicas)
            }),
        )
    }

    /// Evicts a pod as the API server's eviction does: if its PodDisruptionBudget allows it, the pod is
    /// deleted with the grace that it asks for.
    ///
    /// # Errors
    /// `NotFound`; `TooManyRequests` if the budget does not allow it now; `InternalError` if more than one
    /// budget covers the pod.
    pub fn evict(&mut self, pod: &str) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        if let Some(budget) = self.budget_to_ask(key)? {
            self.check_and_decrement(key, budget)?;
        }
        self.delete_pod_gracefully(key, None)?;
        self.absorb();
        Ok(())
    }

    /// The budget that must allow the eviction of a pod, if any must.
    fn budget_to_ask(&self, key: PodKey) -> Result<Option<DocumentKey>, Refusal> {
        let Some(pod) = self.store.pod(key) else { return Ok(None) };
        let unneeded = matches!(pod.state().phase, Phase::Succeeded | Phase::Failed | Phase::Pending);
        if unneeded || pod.state().deletion.is_some() {
            return Ok(None);
        }
        let labels: &StringMap = &self.store.cohort(pod.cohort()).identity.labels;
        let namespace = &self.store.cohort(pod.cohort()).identity.namespace;
        let covering: Vec<(DocumentKey, &Arc<Document>)> = self
            .store
            .documents(Kind::PodDisruptionBudget)
            .filter(|(_, document)| document.meta.namespace == *namespace)
            .filter(|(_, document)| {
                // On eviction an empty selector covers nothing.
                document
                    .disruption_budget()
                    .is_some_and(|budget| !budget.selector.is_empty() && budget.selector.matches(labels))
            })
            .collect();
        match covering.as_slice() {
            [] => Ok(None),
            [(key, document)] => {
                let status = decode_disruption_status(document.status.json(), &self.edge()).unwrap_or_default();
                let always = document
                    .disruption_budget()
                    .is_some_and(|budget| budget.unhealthy_pods == UnhealthyPodEvictionPolicy::AlwaysAllow);
                let enough = status.current_healthy >= status.desired_healthy && status.desired_healthy > 0;
                let unasked = !pod.state().ready && (always || enough);
                Ok((!unasked).then_some(*key))
            }
            _ => {
                let text =
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                Err(Refusal::new(Reason::InternalError, text))
            }
        }
    }

    fn check_and_decrement(&mut self, pod: PodKey, budget: DocumentKey) -> Result<(), Error> {
        let missing = || missing(Kind::PodDisruptionBudget, "");
        let document = self.store.document(budget).and_then(|slot| slot.stored.clone()).ok_or_else(missing)?;
        let edge = self.edge();
        let mut status = decode_disruption_status(document.status.json(), &edge).unwrap_or_default();
        let name = &document.meta.name;
        if status.observed_generation < document.meta.generation {
            return Err(
                too_many(format!("The disruption budget {name} is still being processed by the server.")).into()
            );
        }
        if status.disrupted_pods.len() > MAX_DISRUPTED_PODS {
            let message = format!(
                "poddisruptionbudgets.policy \"{name}\" is forbidden: DisruptedPods map too big - too many evictions \
                 not confirmed by PDB controller"
            );
            return Err(Refusal::new(Reason::Forbidden, message).into());
        }
        if status.disruptions_allowed <= 0 {
            let (desired, current) = (status.desired_healthy, status.current_healthy);
            return Err(too_many(format!(
                "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
            ))
            .into());
        }
        status.disruptions_allowed -= 1;
        if status.disruptions_allowed == 0 {
            status.tell_allowed(self.now);
        }
        if let Some(pod) = self.store.pod(pod) {
            status.disrupted_pods.insert(self.store.pod_name(&pod), self.now.floor_second());
        }
        let status = render_disruption_status(&status, &edge);
        self.store.update_document_status(budget, status.into(), Precondition::None)?;
        self.absorb();
        Ok(())
    }

    /// Lets no more pods be scheduled to a node, or lets them again.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn cordon(&mut self, node: &str, unschedulable: bool) -> Result<(), Error> {
        let value = if unschedulable { json!(true) } else { Value::Null };
        self.patch(Kind::Node, node, crate::PatchKind::Merge, &json!({"spec": {"unschedulable": value}})).map(drop)
    }

    /// Drains a node as `kubectl drain` does: cordons it, evicts its pods, asks every five seconds again
    /// for those whose budget refuses, and waits until they are gone or `deadline` has passed.
    ///
    /// # Errors
    /// `NotFound`, or what else the server says to an eviction.
    pub fn drain(&mut self, node: &str, deadline: Duration) -> Result<Drained, Error> {
        self.cordon(node, true)?;
        let end = self.now() + deadline;
        let number = self.store.node_number(node);
        let mut waiting: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
        for key in self.store.pods() {
            if let Some(pod) = self.store.pod(key).filter(|pod| pod.state().node == Some(number)) {
                let namespace = &self.store.cohort(pod.cohort()).identity.namespace;
                let name = self.store.pod_name(&pod);
                waiting.insert(format!("{namespace}/{name}").into(), name);
            }
        }
        let mut drained = Drained::default();
        let mut leaving: Vec<Arc<str>> = Vec::new();
        loop {
            for (full, name) in waiting.clone() {
                match self.evict(&full) {
                    Ok(()) => {
                        waiting.remove(&full);
                        drained.evicted.push(name);
                        leaving.push(full);
                    }
                    Err(Error::Refused(refusal)) if refusal.reason == Reason::NotFound => {
                        waiting.remove(&full);
                    }
                    Err(Error::Refused(refusal)) if refusal.reason == Reason::TooManyRequests => {
                        drained.refused.push((self.now(), name));
                    }
                    Err(other) => return Err(other),
                }
            }
            leaving.retain(|full| self.pod_key(full).is_ok());
            if (waiting.is_empty() && leaving.is_empty()) || self.now() >= end {
                break;
            }
            let pause = if waiting.is_empty() { Duration::from_secs(1) } else { EVICTION_RETRY };
            self.run_for(pause.min(end.since(self.now())));
        }
        let name = |full: &Arc<str>| full.rsplit('/').next().unwrap_or_default().into();
        drained.left = waiting.keys().chain(&leaving).map(name).collect();
        Ok(drained)
    }
}

fn too_many(cause: String) -> Refusal {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let cause = Cause { reason: "DisruptionBudget".into(), message: cause.into(), field: "".into() };
    Refusal { causes: vec![cause], ..Refusal::new(Reason::TooManyRequests, message) }
}
