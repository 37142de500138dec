//! Pods that the scheduler finds no node for: what it says of them, and when it tries again.
//!
//! Pods of one template fit the same nodes, so they wait together, with one verdict: a pod that joins
//! them costs no look at the nodes, and a change of a node costs one question for each template that
//! waits. When a node comes or changes that would take them, all that wait are tried again at once, as a
//! scheduler does that has nothing else to do. Where a change makes only the words stale, they are put
//! right after five minutes, when a scheduler tries again whatever nobody has moved.
//!
//! Sources: `pkg/scheduler/schedule_one.go`, `pkg/scheduler/framework/types.go` (`FitError`), the plugins
//! `nodeunschedulable`, `tainttoleration` and `nodeaffinity`;
//! `pkg/scheduler/backend/queue/scheduling_queue.go`. Attempts that come to nothing new are not repeated
//! here, so that an event is counted once for each verdict.

use crate::cluster::Cluster;
use crate::event::Event;
use crate::history::log::Component;
use crate::pods::life::context;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{ConditionStatus, EventRecord, PodCondition, PodKey, TemplateFacts, Uid};
use wavetank_node::fits;
use wavetank_store::{Node, PodState};

/// How long a pod may wait before it is tried again without cause.
const LEFTOVER: Duration = Duration::from_secs(300);

/// The pods that wait for a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unschedulable {
    /// By number of the template.
    waiting: BTreeMap<u32, Waiting>,
    pods: BTreeMap<PodKey, Place>,
    /// Counts the changes of nodes.
    changes: u64,
    /// Whether stale words will be put right.
    is_flush_planned: bool,
}

/// The pods of one template.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    message: Arc<str>,
    /// After which change of nodes that was said.
    said_after: u64,
    pods: BTreeMap<Uid, PodKey>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Place {
    template: u32,
    uid: Uid,
    /// Since when it is known that it fits nowhere, a whole second.
    since: Time,
}

impl Unschedulable {
    /// The condition of a pod that waits for a node.
    pub(crate) fn condition(&self, key: PodKey) -> Option<PodCondition> {
        let place = self.pods.get(&key)?;
        let waiting = self.waiting.get(&place.template)?;
        Some(PodCondition {
            kind: "PodScheduled".into(),
            status: ConditionStatus::False,
            last_transition: Some(place.since),
            reason: "Unschedulable".into(),
            message: Arc::clone(&waiting.message),
        })
    }

    /// Whether it is known already that the pods of a template fit nowhere.
    pub(crate) fn fits_nowhere(&self, template: u32) -> bool {
        !self.waiting.is_empty()
            && self.waiting.get(&template).is_some_and(|waiting| waiting.said_after == self.changes)
    }

    /// A pod is bound, or gone.
    #[inline]
    pub(crate) fn forget(&mut self, key: PodKey) {
        if !self.pods.is_empty() {
            self.take_out(key);
        }
    }

    fn take_out(&mut self, key: PodKey) {
        let Some(place) = self.pods.remove(&key) else { return };
        if let Some(waiting) = self.waiting.get_mut(&place.template) {
            waiting.pods.remove(&place.uid);
            if waiting.pods.is_empty() {
                self.waiting.remove(&place.template);
            }
        }
    }
}

impl Cluster {
    /// The scheduler found no node for a pod.
    pub(crate) fn note_unschedulable(&mut self, key: PodKey) {
        let Some((template, uid)) = self.store.pod(key).map(|pod| (pod.template(), pod.uid())) else { return };
        if !self.has_kubelets() {
            return;
        }
        let message = match self.unschedulable.waiting.get(&template) {
            Some(waiting) if waiting.said_after == self.unschedulable.changes => Arc::clone(&waiting.message),
            _ => self.verdict(&self.store.template_facts(template).facts).into(),
        };
        let changes = self.unschedulable.changes;
        let waiting = self.unschedulable.waiting.entry(template).or_insert_with(|| Waiting {
            message: Arc::clone(&message),
            said_after: changes,
            pods: BTreeMap::new(),
        });
        let is_stale = waiting.message != message;
        waiting.message = Arc::clone(&message);
        waiting.said_after = changes;
        let is_new = waiting.pods.insert(uid, key).is_none();
        let told: Vec<PodKey> = if is_stale { waiting.pods.values().copied().collect() } else { vec![key] };
        if is_new {
            let since = self.now.floor_second();
            self.unschedulable.pods.insert(key, Place { template, uid, since });
        }
        if is_stale || is_new {
            for key in told {
                self.tell_unschedulable(key, &message);
            }
        }
    }

    fn tell_unschedulable(&mut self, key: PodKey, message: &str) {
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored()) else { return };
        let state = PodState { detail: pod.state().detail.wrapping_add(1), ..pod.state() };
        self.store.edit_pod_state(key, |old| *old = state);
        let record = EventRecord::warning("FailedScheduling", message.to_owned());
        self.record_of_pod(key, Component::Scheduler, "", self.now, record);
    }

    /// A node came or changed, or one went: pods that wait may fit now.
    pub(crate) fn nodes_changed(&mut self, node: Option<u32>) {
        self.unschedulable.changes += 1;
        if self.unschedulable.waiting.is_empty() {
            return;
        }
        let node = node.map(|number| (number, self.store.node(number))).filter(|(_, node)| node.present);
        let mut woken: Vec<(Uid, PodKey)> = Vec::new();
        for (template, waiting) in &self.unschedulable.waiting {
            let facts = &self.store.template_facts(*template).facts;
            if node.is_some_and(|(number, node)| self.rejection(facts, number, node).is_none()) {
                woken.extend(waiting.pods.iter().map(|(uid, key)| (*uid, *key)));
            }
        }
        woken.sort_unstable();
        for (_, key) in woken {
            let Some(pod) = self.store.pod(key) else { continue };
            let delay = self.node_model.bind_delay(&context(&self.store, &pod, self.seed)).max(self.profile.scheduling);
            self.queue.put(self.now + delay, Event::PodBinds(key));
        }
        if !self.unschedulable.is_flush_planned {
            self.unschedulable.is_flush_planned = true;
            self.queue.put(self.now + LEFTOVER, Event::Unscheduled);
        }
    }

    /// Pods that have waited for long are tried again, and what is said of them is put right.
    pub(crate) fn try_leftovers(&mut self) {
        self.unschedulable.is_flush_planned = false;
        let first = |waiting: &Waiting| waiting.pods.values().next().copied();
        let changes = self.unschedulable.changes;
        let stale = self.unschedulable.waiting.values().filter(|waiting| waiting.said_after != changes);
        for key in stale.filter_map(first).collect::<Vec<_>>() {
            self.bind_pod(key);
        }
    }

    /// What a scheduler says of a pod that fits nowhere.
    fn verdict(&self, facts: &TemplateFacts) -> String {
        let mut nodes: u32 = 0;
        let mut reasons: BTreeMap<&'static str, u32> = BTreeMap::new();
        for (number, node) in self.store.nodes() {
            nodes += 1;
            if let Some(reason) = self.rejection(facts, number, node) {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        if nodes == 0 {
            return "no nodes available to schedule pods".into();
        }
        let mut told: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        told.sort_unstable();
        let none = format!("0/{nodes} nodes are available:");
        format!(
            "{none} {}. no new claims to deallocate, preemption: {none} {nodes} Preemption is not helpful for scheduling.",
            told.join(", ")
        )
    }

    /// Why a node does not take a pod, by the first filter that turns it away.
    fn rejection(&self, facts: &TemplateFacts, number: u32, node: &Node) -> Option<&'static str> {
        if node.unschedulable {
            return Some("node(s) were unschedulable");
        }
        let is_silent = self.machines.cut_off.get(&number).is_some_and(|cut| cut.noticed);
        if is_silent || !self.tolerates_taints(facts, &node.name) {
            return Some("node(s) had untolerated taint(s)");
        }
        (!fits(&facts.node_selector, &node.labels)).then_some("node(s) didn't match Pod's node affinity/selector")
    }
}
