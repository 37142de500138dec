//! Nodes that are cut off or lost: what the control plane makes of their silence.
//!
//! A node that says nothing for 50 seconds becomes unreachable: its `Ready` condition is `Unknown`, it
//! is tainted, and its pods are no longer ready. Pods that do not tolerate the taint are deleted, after
//! 300 seconds unless they say otherwise; they stay `Terminating` until the node can be asked again.
//!
//! Sources: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`;
//! `pkg/controller/tainteviction/taint_eviction.go`;
//! `plugin/pkg/admission/defaulttolerationseconds`.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::Event;
use crate::history::log::Component;
use crate::pods::machines::CutOff;
use core::time::Duration;
use serde_json::{Value, json};
use std::sync::Arc;
use wavetank_engine::Second;
use wavetank_manifest::Kind;
use wavetank_model::{EventRecord, PodKey, Refusal};
use wavetank_node::pod::Fault;
use wavetank_store::PodState;

/// From the last word of a node to its being taken for unreachable, `--node-monitor-grace-period`.
const GRACE: Duration = Duration::from_secs(50);

/// How long a pod tolerates an unreachable node that says nothing of it.
const TOLERATED: i64 = 300;

/// The taint of a node that cannot be reached.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

impl Cluster {
    /// Cuts a node off: its containers go on, but nothing that its kubelet says reaches the server, and
    /// nothing that the server wants reaches the kubelet.
    ///
    /// # Errors
    /// `NotFound`; `MethodNotSupported` where a script stands for the kubelet.
    pub fn partition_node(&mut self, name: &str) -> Result<(), Error> {
        self.cut_off(name, false)
    }

    /// A node loses power: its containers are gone, and nobody says so.
    ///
    /// # Errors
    /// As [`Self::partition_node`].
    pub fn lose_node(&mut self, name: &str) -> Result<(), Error> {
        self.cut_off(name, true)
    }

    /// A node that was cut off or lost is back. The containers of a lost one start anew.
    ///
    /// # Errors
    /// As [`Self::partition_node`].
    pub fn restore_node(&mut self, name: &str) -> Result<(), Error> {
        let node = self.node_of(name)?;
        let Some(cut) = self.machines.cut_off.get(&node).copied() else { return Ok(()) };
        if cut.noticed {
            let since = self.edge().spell_time(self.now);
            self.show_node(name, "True", "KubeletReady", "kubelet is posting ready status", &since, &json!([]));
        }
        self.machines.cut_off.remove(&node);
        self.traffic_sees_node(node, false);
        for key in self.machines.keys() {
            if self.store.pod(key).is_none_or(|pod| pod.state().node != Some(node)) {
                continue;
            }
            if cut.is_dead {
                let now = self.now;
                let runs = |number: &usize| self.machines.get(key).is_some_and(|machine| machine.runs(*number));
                let running: Vec<usize> = (0..self.container_count(key)).filter(runs).collect();
                for number in running {
                    self.drive(key, |machine, scene| {
                        machine.strike(scene, now, number, Fault::Kill(255));
                    });
                }
            }
            self.step_machine(key);
            self.tell_again(key);
        }
        self.refresh_placement();
        self.nodes_changed(Some(node));
        self.absorb();
        Ok(())
    }

    fn container_count(&self, key: PodKey) -> usize {
        let facts = self.store.pod(key).map(|pod| &self.store.template_facts(pod.template()).facts);
        facts.map_or(0, |facts| facts.init_containers.len() + facts.containers.len())
    }

    fn node_of(&mut self, name: &str) -> Result<u32, Error> {
        let found = self.store.nodes().find(|(_, node)| *node.name == *name).map(|(number, _)| number);
        let node = found.ok_or_else(|| Refusal::not_found("nodes", name))?;
        if self.has_kubelets() {
            return Ok(node);
        }
        let message = "a script stands for the kubelets, which cannot be cut off";
        Err(Refusal::new(wavetank_model::Reason::BadRequest, message).into())
    }

    fn cut_off(&mut self, name: &str, is_dead: bool) -> Result<(), Error> {
        let node = self.node_of(name)?;
        for key in self.pods_on(node) {
            self.promote(key);
            self.befall(key);
        }
        let cut = self.machines.cut_off.entry(node).or_insert(CutOff { is_dead, noticed: false, since: self.now });
        cut.is_dead |= is_dead;
        let since = cut.since;
        self.traffic_sees_node(node, true);
        if since == self.now {
            self.queue.schedule(self.now + GRACE, Event::NodeSilent(node));
        }
        Ok(())
    }

    fn pods_on(&self, node: u32) -> Vec<PodKey> {
        let on_node =
            |key: &PodKey| self.store.pod(*key).is_some_and(|pod| pod.is_stored() && pod.state().node == Some(node));
        self.store.pods().filter(on_node).collect()
    }

    /// Nothing has been heard of a node for a while.
    pub(crate) fn notice_silence(&mut self, node: u32) {
        let now = self.now;
        let Some(cut) = self.machines.cut_off.get_mut(&node) else { return };
        if cut.noticed || now < cut.since + GRACE {
            return;
        }
        cut.noticed = true;
        let name = self.store.node(node).name.to_string();
        let since = self.edge().spell_time(now);
        let taints = json!([
            {"key": UNREACHABLE, "effect": "NoSchedule", "timeAdded": since},
            {"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": since},
        ]);
        self.show_node(&name, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", &since, &taints);
        self.refresh_placement();
        self.nodes_changed(None);
        for key in self.pods_on(node) {
            let Some(pod) = self.store.pod(key) else { continue };
            if pod.state().ready {
                let state = PodState { ready: false, ready_since: Some(Second::of(now)), ..pod.state() };
                self.store.edit_pod_state(key, |old| *old = state);
                let record = EventRecord::warning("NodeNotReady", "Node is not ready");
                self.record_of_pod(key, Component::NodeController, "", now, record);
            }
            if let Some(seconds) = self.tolerates(key) {
                let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
                self.queue.schedule(now + wait, Event::TaintEvicts(key));
            }
        }
    }

    /// How many seconds a pod tolerates an unreachable node; none: for ever.
    fn tolerates(&self, key: PodKey) -> Option<i64> {
        let pod = self.store.pod(key)?;
        let facts = &self.store.template_facts(pod.template()).facts;
        let mut told = facts.tolerations.iter().filter(|one| one.tolerates(UNREACHABLE, "", "NoExecute")).peekable();
        if told.peek().is_none() {
            return Some(TOLERATED);
        }
        told.filter_map(|one| one.toleration_seconds).min()
    }

    /// A pod has tolerated the taint of its node for as long as it would.
    pub(crate) fn evict_by_taint(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored() && pod.state().deletion.is_none()) else {
            return;
        };
        let is_unreachable =
            pod.state().node.is_some_and(|node| self.machines.cut_off.get(&node).is_some_and(|cut| cut.noticed));
        if !is_unreachable {
            return;
        }
        let name = format!("{}/{}", self.store.pod_namespace(&pod), self.store.pod_name(&pod));
        let record = EventRecord::normal("TaintManagerEviction", format!("Marking for deletion Pod {name}"));
        self.record_of_pod(key, Component::TaintEvictionController, "", self.now, record);
        // It was looked up just now.
        let _gone = self.delete_pod_gracefully(key, None);
    }

    /// The node's object says how the node is.
    fn show_node(&mut self, name: &str, status: &str, reason: &str, message: &str, since: &str, taints: &Value) {
        // A node without an object of its own has nowhere to show it.
        let Ok(document) = self.document(Kind::Node, name) else { return };
        let mut tainted = (**document).clone();
        if let Some(Value::Object(spec)) = Arc::make_mut(&mut tainted.body).get_mut("spec") {
            spec.remove("taints");
            if taints.as_array().is_some_and(|taints| !taints.is_empty()) {
                spec.insert("taints".into(), taints.clone());
            }
        }
        let mut shown = document.status.json().clone();
        let conditions = shown.get_mut("conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten().filter(|condition| condition["type"] == "Ready") {
            condition["status"] = json!(status);
            condition["reason"] = json!(reason);
            condition["message"] = json!(message);
            condition["lastTransitionTime"] = json!(since);
        }
        // Both were looked up just now.
        let _shown = self.replace_document(tainted);
        let _shown = self.set_document_status(Kind::Node, name, shown);
    }
}
