//! A pod's way from its creation to its end: the scheduler's and the kubelet's writes.

use crate::cluster::Cluster;
use crate::event::Event;
use crate::pods::machines::Machines;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use wavetank_engine::{Second, Time};
use wavetank_model::{Kind, Phase, PodKey, Refusal, TemplateFacts};
use wavetank_node::{PodContext, PodRun, RoundRobin, Stage, fits};
use wavetank_store::{Change, PodChange, PodColumn, PodRecord, Store};

/// Which node the next pod takes: nodes that fit take turns, in order of their names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Placement {
    turns: RoundRobin,
    /// Numbers of the nodes that are there, by name, for pods without a node selector.
    nodes: Vec<u32>,
    /// Whether a node keeps pods away by taints.
    tainted: bool,
    /// Numbers of the nodes that fit the pods of a template, by name, where that is not all of them.
    #[serde(skip)]
    fitting: BTreeMap<u32, Vec<u32>>,
    /// Whether all of that has to be looked up again before the next pod is bound.
    is_stale: bool,
}

pub(crate) fn context<'a>(store: &'a Store, pod: &PodRecord, seed: u64) -> PodContext<'a> {
    PodContext {
        uid: pod.uid(),
        ordinal: pod.ordinal().max(1),
        completion_index: None,
        facts: &store.template_facts(pod.template()).facts,
        seed,
    }
}

/// Since when the process of a pod's first container runs, if it does and the pod is not being stopped.
pub(crate) fn process_since(store: &Store, runs: &PodColumn<PodRun>, machines: &Machines, key: PodKey) -> Option<Time> {
    if let Some(machine) = machines.get(key) {
        return machine.started(0).filter(|_| !machine.is_asked_to_stop(0));
    }
    if let Some(resting) = machines.resting(key) {
        return resting.started;
    }
    match runs.get(store, key)?.stage() {
        Stage::Running { started, .. } => Some(started),
        Stage::Unbound
        | Stage::Pulling { .. }
        | Stage::Unpullable
        | Stage::PullFailed { .. }
        | Stage::PullHeldBack { .. }
        | Stage::Starting { .. }
        | Stage::HeldBack { .. }
        | Stage::Restarting { .. }
        | Stage::Stopping { .. }
        | Stage::Ended { .. } => None,
    }
}

impl Cluster {
    /// What a stored change of an object that is no pod sets off outside the controllers.
    pub(crate) fn react_to_object(&mut self, change: &Change) {
        match change {
            Change::Pod(_) => {}
            Change::ReplicaSet { old, new, .. } => {
                let owner = |set: &std::sync::Arc<wavetank_model::ReplicaSet>| set.meta.controller().map(|of| of.uid);
                match (old, new) {
                    (Some(old), None) => {
                        self.owner_gone(old.meta.uid);
                        if let Some(owner) = owner(old) {
                            self.dependent_gone(owner);
                        }
                    }
                    (_, Some(new)) => {
                        if new.meta.is_terminating() {
                            self.owner_gone(new.meta.uid);
                        }
                        if old.is_none()
                            && let Some(owner) =
                                owner(new).filter(|owner| self.store.deployment_of_uid(*owner).is_none())
                        {
                            self.owner_gone(owner);
                        }
                    }
                    (None, None) => {}
                }
            }
            Change::Deployment { old, new, .. } => match (old, new) {
                (Some(old), None) => self.owner_gone(old.meta.uid),
                (_, Some(new)) if new.meta.is_terminating() => self.owner_gone(new.meta.uid),
                _ => {}
            },
            Change::Document { old, new, .. } => self.react_to_document(old.as_ref(), new.as_ref()),
            Change::NodeAdded { node } => {
                self.refresh_placement();
                self.nodes_changed(Some(*node));
            }
            Change::NodeRemoved { .. } => {
                self.refresh_placement();
                self.nodes_changed(None);
            }
        }
    }

    /// The same for a pod.
    #[inline]
    pub(crate) fn react_to_pod(&mut self, change: &PodChange) {
        let PodChange { key, old, new, .. } = change;
        let key = *key;
        if self.metrics.counts_pods() {
            old.iter().chain(new).for_each(|pod| self.metrics.pod_changed(pod.cohort));
        }
        match (old, new) {
            (None, Some(_)) => self.expect_binding(key),
            (Some(old), None) => {
                self.metrics.gone(key);
                self.machines.remove(key);
                self.unschedulable.forget(key);
                // Mostly its owner is a set that waits for nothing.
                let set = self.store.set_owning(old.cohort).and_then(|set| self.store.set(set)?.stored.as_ref());
                if set.is_none_or(|set| !set.meta.finalizers.is_empty())
                    && let Some(owner) = self.store.owner_in(old)
                {
                    self.dependent_gone(owner);
                }
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn expect_binding(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key) else { return };
        if pod.state().node.is_some() {
            return self.start_on_node(key);
        }
        // A pod whose template names its node never meets the scheduler; recorded scripts bind it as any other.
        let named = self.has_kubelets() && self.store.template_facts(pod.template()).facts.node_name.is_some();
        let delay = if named {
            Duration::ZERO
        } else {
            self.node_model.bind_delay(&context(&self.store, &pod, self.seed)).max(self.profile.scheduling)
        };
        self.queue.put(self.now + delay, Event::PodBinds(key));
    }

    /// The scheduler binds a pod to the next node that fits; a pod that none fits stays pending.
    pub(crate) fn bind_pod(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored() && pod.state().node.is_none()) else { return };
        if self.unschedulable.fits_nowhere(pod.template()) {
            return self.note_unschedulable(key);
        }
        let template = pod.template();
        if self.placement.is_stale {
            self.look_at_nodes();
        }
        let facts = &self.store.template_facts(template).facts;
        let named = facts.node_name.is_some();
        let node = match &facts.node_name {
            Some(name) => self.store.nodes().find(|(_, node)| node.name == *name).map(|(number, _)| number),
            None if facts.node_selector.is_empty() && !self.placement.tainted => self
                .placement
                .turns
                .pick(self.placement.nodes.len())
                .and_then(|turn| self.placement.nodes.get(turn))
                .copied(),
            None => {
                if !self.placement.fitting.contains_key(&template) {
                    let fitting = self.fitting(facts);
                    self.placement.fitting.insert(template, fitting);
                }
                let Placement { turns, fitting, .. } = &mut self.placement;
                let fitting = fitting.get(&template).map(Vec::as_slice).unwrap_or_default();
                turns.pick(fitting.len()).and_then(|turn| fitting.get(turn)).copied()
            }
        };
        if let Some(node) = node {
            self.unschedulable.forget(key);
            self.store.edit_pod_state(key, |state| state.node = Some(node));
            if !named {
                self.record_binding(key, node);
            }
            self.start_on_node(key);
        } else if !named {
            self.note_unschedulable(key);
        }
    }

    /// Nodes came, went or changed.
    pub(crate) const fn refresh_placement(&mut self) {
        // Thousands of nodes may come before the next pod does.
        self.placement.is_stale = true;
    }

    fn look_at_nodes(&mut self) {
        self.placement.is_stale = false;
        let reachable = |number: &u32| self.machines.cut_off.get(number).is_none_or(|cut| !cut.noticed);
        self.placement.fitting.clear();
        self.placement.nodes = self.store.schedulable_nodes().map(|(number, _)| number).filter(reachable).collect();
        self.placement.tainted = self.store.schedulable_nodes().any(|(_, node)| !self.taints(&node.name).is_empty());
    }

    fn fitting(&self, facts: &TemplateFacts) -> Vec<u32> {
        self.store
            .schedulable_nodes()
            .filter(|(_, node)| fits(&facts.node_selector, &node.labels))
            .filter(|(_, node)| self.tolerates_taints(facts, &node.name))
            .map(|(number, _)| number)
            .filter(|number| self.machines.cut_off.get(number).is_none_or(|cut| !cut.noticed))
            .collect()
    }

    /// Whether a pod tolerates all that keeps pods away from a node.
    pub(crate) fn tolerates_taints(&self, facts: &TemplateFacts, node: &str) -> bool {
        self.taints(node).iter().all(|taint| {
            let text = |key: &str| taint[key].as_str().unwrap_or_default();
            let mut tolerations = facts.tolerations.iter();
            text("effect") == "PreferNoSchedule"
                || tolerations.any(|toleration| toleration.tolerates(text("key"), text("value"), text("effect")))
        })
    }

    /// What keeps pods away from a node.
    fn taints(&self, node: &str) -> &[Value] {
        let node = self.store.stored_document(Kind::Node, "", node);
        let taints = node.and_then(|node| node.body.get("spec")?.get("taints")?.as_array());
        taints.map(Vec::as_slice).unwrap_or_default()
    }

    fn start_on_node(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key) else { return };
        if pod.state().phase.has_ended() {
            return;
        }
        self.metrics.bound(key, pod.created(), self.now);
        if self.needs_machine(key) {
            return self.begin_machine(key);
        }
        let Some(pod) = self.store.pod(key) else { return };
        let (run, due) = self.node_model.bound(&context(&self.store, &pod, self.seed), self.now);
        self.runs.set(key, run);
        self.record_stage(key, Stage::Unbound, run.stage());
        if let Some(due) = due {
            self.queue.put(due, Event::PodDue(key));
        }
    }

    /// The node carries out what is due for a pod.
    pub(crate) fn step_pod(&mut self, key: PodKey) {
        if self.machines.has(key) {
            return self.step_machine(key);
        }
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored() && pod.state().deletion.is_none()) else {
            return;
        };
        let Some(run) = self.runs.of_mut(&pod) else { return };
        let context = context(&self.store, &pod, self.seed);
        let before = run.stage();
        let (change, due) = self.node_model.due(&context, run, self.now);
        let after = run.stage();
        if self.metrics.counts_pods() {
            self.metrics.pod_changed(pod.cohort());
        }
        if let Some(due) = due {
            self.queue.put(due, Event::PodDue(key));
        }
        if self.traffic.is_on() {
            self.traffic_sees_step(key, change.is_some_and(|change| change.exit.is_some()));
        }
        if let Some(change) = change {
            let now = self.now;
            self.store.edit_pod_state(key, |state| {
                if change.ready != state.ready || state.ready_since.is_none() {
                    (state.ready, state.ready_since) = (change.ready, Some(Second::of(now)));
                }
                (state.phase, state.restarts) = (change.phase, change.restarts);
            });
        }
        self.record_stage(key, before, after);
    }

    /// A graceful deletion begins, of `grace_seconds` or as the pod's spec says.
    pub(crate) fn delete_pod_gracefully(&mut self, key: PodKey, grace_seconds: Option<i64>) -> Result<(), Refusal> {
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored()) else {
            return Err(Refusal::not_found("pods", ""));
        };
        let grace = grace_seconds.unwrap_or(self.store.template_facts(pod.template()).facts.grace_seconds);
        // The API server removes at once what no kubelet has to stop.
        let at_once = pod.state().node.is_none() || pod.state().phase.has_ended();
        let held = pod.own().as_ref().is_some_and(|own| !own.finalizers.is_empty());
        if at_once && !held {
            self.take_away(key);
            return Ok(());
        }
        let grace = if at_once { 0 } else { grace };
        if !self.store.begin_pod_deletion(key, grace, self.now)? && grace > 0 {
            return Ok(());
        }
        if grace > 0 {
            self.rouse(key);
        }
        if grace > 0 && self.machines.has(key) {
            self.delete_on_machine(key, grace);
            return Ok(());
        }
        let pod = self.store.pod(key);
        let on_node = pod.and_then(|pod| Some((pod, self.runs.of_mut(&pod)?)));
        let Some((pod, run)) = on_node else {
            self.take_away(key);
            return Ok(());
        };
        let before = run.stage();
        let gone = self.node_model.delete(&context(&self.store, &pod, self.seed), run, self.now, grace);
        let after = run.stage();
        match gone {
            // A node that stops it in no time still takes its turn as a step of its own.
            Some(at) => {
                if self.traffic.is_on() {
                    self.traffic_sees_deletion(key, grace);
                }
                self.record_stage(key, before, after);
                self.queue.put(at, Event::PodGone(key));
            }
            None => self.take_away(key),
        }
        Ok(())
    }

    /// A pod has left its node: it ends and goes in the same instant.
    pub(crate) fn finish_pod(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored()) else { return };
        let run = self.pod_run(key).copied().unwrap_or_default();
        let phase = self.node_model.stopped(&context(&self.store, &pod, self.seed), &run);
        let now = self.now;
        self.store.edit_pod_state(key, |state| {
            state.phase = phase;
            if state.ready {
                (state.ready, state.ready_since) = (false, Some(Second::of(now)));
            }
        });
        self.take_away(key);
    }

    pub(crate) fn take_away(&mut self, key: PodKey) {
        if self.traffic.is_on() {
            self.traffic_sees_end(key);
        }
        self.store.remove_pod(key);
        if self.store.pod(key).is_none_or(|pod| !pod.is_stored()) {
            self.runs.clear(key);
        }
    }

    /// How a pod stands on its node.
    #[must_use]
    pub fn pod_run(&self, key: PodKey) -> Option<&PodRun> {
        self.runs.get(&self.store, key).filter(|run| **run != PodRun::default())
    }

    /// Phase of a stored pod.
    #[must_use]
    pub fn phase(&self, key: PodKey) -> Option<Phase> {
        self.store.pod(key).filter(|pod| pod.is_stored()).map(|pod| pod.state().phase)
    }
}
