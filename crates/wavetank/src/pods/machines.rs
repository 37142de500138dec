//! Pods that need a machine of their own on their nodes: those with more than a plain container, and
//! those that something happened to.
//!
//! A plain pod is a record of a few words (`PodRun`). Its machine can be had at any time by playing it
//! from its binding, since nothing that it depends on has changed since.

use crate::cluster::Cluster;
use crate::event::Event;
use crate::history::log::Component;
use crate::pods::life::context;
use crate::pods::resting::Resting;
use crate::pods::sights::Onlooker;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wavetank_engine::{Second, Time};
use wavetank_model::{PodCondition, PodKey};
use wavetank_node::pod::{Machine, Nobody, NodeStatus, Scene};
use wavetank_node::{Behaving, NodeModel, Stage};
use wavetank_store::PodState;

/// The machines, and the nodes whose words do not reach the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machines {
    pods: BTreeMap<PodKey, Box<Living>>,
    /// Those that were put away.
    resting: BTreeMap<PodKey, Resting>,
    /// Conditions that others than the kubelet have set.
    conditions: BTreeMap<PodKey, Vec<PodCondition>>,
    /// Whether pods of a template are plain, by its number, once that was asked.
    #[serde(skip)]
    plain: Vec<Option<bool>>,
    /// Nodes that are cut off, by number.
    pub(crate) cut_off: BTreeMap<u32, CutOff>,
}

/// A node whose words do not reach the server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CutOff {
    /// Whether its containers are gone as well.
    pub(crate) is_dead: bool,
    /// Whether the control plane has noticed.
    pub(crate) noticed: bool,
    pub(crate) since: Time,
}

/// A pod with a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Living {
    machine: Machine,
    /// When the pod came to its node, if all that it has been through follows from that.
    bound: Option<Time>,
    /// When the queue wakes it next.
    scheduled: Option<Time>,
    /// The grace period of a deletion that its node has not heard of.
    to_delete: Option<i64>,
    /// What the server was told last.
    told: NodeStatus,
}

impl Machines {
    pub(crate) fn has(&self, key: PodKey) -> bool {
        self.pods.contains_key(&key)
    }

    pub(crate) fn get(&self, key: PodKey) -> Option<&Machine> {
        self.pods.get(&key).map(|living| &living.machine)
    }

    pub(crate) fn remove(&mut self, key: PodKey) {
        if !self.pods.is_empty() {
            self.pods.remove(&key);
        }
        if !self.resting.is_empty() {
            self.resting.remove(&key);
        }
        if !self.conditions.is_empty() {
            self.conditions.remove(&key);
        }
    }

    /// The conditions of a pod that others than the kubelet have set.
    pub(crate) fn conditions(&self, key: PodKey) -> &[PodCondition] {
        self.conditions.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn conditions_mut(&mut self, key: PodKey) -> &mut Vec<PodCondition> {
        self.conditions.entry(key).or_default()
    }

    /// Behaviours changed, so that it is to be asked anew who is plain.
    pub(crate) fn ask_anew(&mut self) {
        self.plain.clear();
    }

    /// Pods with machines.
    pub(crate) fn keys(&self) -> Vec<PodKey> {
        self.pods.keys().copied().collect()
    }

    /// What is kept of a pod at rest.
    pub(crate) fn resting(&self, key: PodKey) -> Option<&Resting> {
        self.resting.get(&key)
    }

    /// Pods with machines, and those at rest.
    pub(crate) fn all_keys(&self) -> Vec<PodKey> {
        self.pods.keys().chain(self.resting.keys()).copied().collect()
    }

    /// Something befell a pod: its machine is not put away any more.
    pub(crate) fn keep(&mut self, key: PodKey) {
        if let Some(living) = self.pods.get_mut(&key) {
            living.bound = None;
        }
    }

    /// Puts a machine away that nothing befell, once nobody is to call it.
    pub(crate) fn put_away(&mut self, key: PodKey) {
        let Some(living) = self.pods.get(&key) else { return };
        let Some(bound) = living.bound.filter(|_| living.scheduled.is_none() && living.to_delete.is_none()) else {
            return;
        };
        let started = living.machine.started(0);
        self.pods.remove(&key);
        self.resting.insert(key, Resting { bound, started });
    }

    /// What the server was told last of a pod.
    pub(crate) fn told(&self, key: PodKey) -> Option<&NodeStatus> {
        self.pods.get(&key).map(|living| &living.told)
    }
}

impl Cluster {
    /// Whether a pod needs a machine from the start.
    pub(crate) fn needs_machine(&mut self, key: PodKey) -> bool {
        let NodeModel::Kubelet(kubelet) = &self.node_model else { return false };
        let Some(pod) = self.store.pod(key) else { return false };
        if pod.state().node.is_some_and(|node| self.machines.cut_off.contains_key(&node)) {
            return true;
        }
        let template = usize::try_from(pod.template()).unwrap_or(usize::MAX);
        if let Some(Some(is_plain)) = self.machines.plain.get(template) {
            return !is_plain;
        }
        let is_plain = kubelet.is_plain(&context(&self.store, &pod, self.seed));
        if self.machines.plain.len() <= template {
            self.machines.plain.resize(template.saturating_add(1), None);
        }
        self.machines.plain[template] = Some(is_plain);
        !is_plain
    }

    /// The pod as its kubelet writes it.
    fn kubelet_name(&self, key: PodKey) -> String {
        let Some(pod) = self.store.pod(key) else { return String::new() };
        let (namespace, name) = (self.store.pod_namespace(&pod), self.store.pod_name(&pod));
        format!("{name}_{namespace}({})", self.edge().spell(pod.uid()))
    }

    /// A pod with a machine reaches its node.
    pub(crate) fn begin_machine(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key) else { return };
        let facts = &self.store.template_facts(pod.template()).facts;
        let machine = Machine::new(&self.kubelet_name(key), facts, self.now);
        let is_cut_off = pod.state().node.is_some_and(|node| self.machines.cut_off.contains_key(&node));
        let bound = (!is_cut_off).then_some(self.now);
        self.add_machine(key, machine, bound);
        self.drive(key, |_, _| {});
    }

    fn add_machine(&mut self, key: PodKey, machine: Machine, bound: Option<Time>) {
        let told = machine.status().clone();
        self.machines.pods.insert(key, Box::new(Living { machine, bound, scheduled: None, to_delete: None, told }));
    }

    /// From when on a pod can be played again, if all that it has been through follows from that.
    fn played_from(&self, key: PodKey) -> Option<Time> {
        let resting = self.machines.resting(key).map(|resting| resting.bound);
        resting.or_else(|| self.pod_run(key)?.bound())
    }

    /// The machine that a plain pod would have by now, if it is on a node and not being stopped.
    pub(crate) fn replayed(&self, key: PodKey) -> Option<Machine> {
        let NodeModel::Kubelet(kubelet) = &self.node_model else { return None };
        let pod = self.store.pod(key)?;
        let bound = self.played_from(key)?;
        let pod = context(&self.store, &pod, self.seed);
        let application = Behaving { kubelet, pod };
        let mut machine = Machine::new(&self.kubelet_name(key), pod.facts, bound);
        let mut nobody = Nobody;
        let mut scene = Scene {
            facts: pod.facts,
            settings: kubelet.settings(),
            application: &application,
            conditions: &[],
            witness: &mut nobody,
        };
        machine.advance(&mut scene, self.now);
        Some(machine)
    }

    /// Gives a pod its machine, because something is about to happen to it that a record cannot hold.
    /// Answers whether it has one now.
    pub(crate) fn promote(&mut self, key: PodKey) -> bool {
        if self.machines.has(key) {
            return true;
        }
        let is_stopping = self.machines.resting(key).is_none()
            && self
                .pod_run(key)
                .is_none_or(|run| matches!(run.stage(), Stage::Stopping { .. } | Stage::Ended { .. } | Stage::Unbound));
        let Some(machine) = Some(key).filter(|_| !is_stopping).and_then(|key| self.replayed(key)) else { return false };
        let bound = self.played_from(key);
        self.runs.clear(key);
        self.machines.resting.remove(&key);
        // Who asked for it has something in mind: it is not put away again on the spot.
        self.add_machine(key, machine, None);
        self.drive(key, |_, _| {});
        if let Some(living) = self.machines.pods.get_mut(&key) {
            living.bound = bound;
        }
        true
    }

    /// A pod's turn has come: its node hears of its deletion, or carries out what is due.
    pub(crate) fn step_machine(&mut self, key: PodKey) {
        let now = self.now;
        let Some(living) = self.machines.pods.get_mut(&key) else { return };
        if living.scheduled.is_some_and(|at| at <= now) {
            living.scheduled = None;
        }
        let node = self.store.pod(key).and_then(|pod| pod.state().node);
        let is_cut_off = node.is_some_and(|node| self.machines.cut_off.contains_key(&node));
        match living.to_delete.take_if(|_| !is_cut_off) {
            Some(grace) => self.drive(key, |machine, scene| {
                machine.delete(scene, now, grace);
            }),
            None => self.drive(key, |_, _| {}),
        }
    }

    /// The node of a pod is to hear of its deletion, as a step of its own.
    pub(crate) fn delete_on_machine(&mut self, key: PodKey, grace: i64) {
        let Some(living) = self.machines.pods.get_mut(&key) else { return };
        living.to_delete = Some(living.to_delete.map_or(grace, |before| before.min(grace)));
        self.queue.schedule(self.now, Event::PodDue(key));
    }

    /// Does something with a machine at the present time, and tells the server what came of it.
    pub(crate) fn drive(&mut self, key: PodKey, act: impl FnOnce(&mut Machine, &mut Scene<'_>)) {
        let NodeModel::Kubelet(kubelet) = &self.node_model else { return };
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored()) else { return };
        let node = pod.state().node;
        let cut = node.and_then(|node| self.machines.cut_off.get(&node).copied());
        if cut.is_some_and(|cut| cut.is_dead) {
            return;
        }
        let conditions = self.machines.conditions.get(&key).map(Vec::as_slice).unwrap_or_default();
        let Some(living) = self.machines.pods.get_mut(&key) else { return };
        let wants_events = !kubelet.is_faked()
            && (self.history.level >= crate::history::log::LogLevel::Objects || self.audit.is_some());
        let pod = context(&self.store, &pod, self.seed);
        let application = Behaving { kubelet, pod };
        let mut onlooker = Onlooker::new(wants_events, pod.facts);
        let mut scene = Scene {
            facts: pod.facts,
            settings: kubelet.settings(),
            application: &application,
            conditions,
            witness: &mut onlooker,
        };
        living.machine.advance(&mut scene, self.now);
        act(&mut living.machine, &mut scene);
        let due = living.machine.advance(&mut scene, self.now).filter(|due| *due < Time::MAX);
        if let Some(due) = due.filter(|due| living.scheduled.is_none_or(|scheduled| *due < scheduled)) {
            living.scheduled = Some(due);
            self.queue.schedule(due, Event::PodDue(key));
        }
        let (moves, events) = (onlooker.moves, onlooker.events);
        if self.traffic.is_on() {
            for (at, what) in moves {
                self.traffic_sees_move(key, at, what);
            }
        }
        if cut.is_some() {
            return;
        }
        let Some(living) = self.machines.pods.get_mut(&key) else { return };
        let is_news = living.machine.status() != &living.told;
        if is_news {
            living.told = living.machine.status().clone();
        }
        if is_news {
            self.tell(key);
        }
        for (time, about, event) in events {
            self.record_of_pod(key, Component::Kubelet(node.unwrap_or_default()), &about, time, event);
        }
        self.leave_if_gone(key);
        self.let_rest(key, due.is_some());
    }

    /// The server hears of a pod's status.
    fn tell(&mut self, key: PodKey) {
        let (Some(pod), Some(living)) = (self.store.pod(key), self.machines.pods.get(&key)) else { return };
        let facts = &self.store.template_facts(pod.template()).facts;
        let (status, before) = (&living.told, pod.state());
        let ready = status.condition("Ready");
        let restarts = |is_sidecar: bool| {
            let init = status.init_containers.iter().zip(&facts.init_containers);
            let init = init.filter(|(_, spec)| is_sidecar && spec.is_restartable_init()).map(|(status, _)| status);
            let regular = status.containers.iter().filter(|_| !is_sidecar);
            init.chain(regular).map(|status| status.restart_count).max().unwrap_or(0)
        };
        // As long as containers run, the kubelet tells the server of no end.
        let is_ending = status.phase.has_ended() && !living.machine.is_gone();
        let state = PodState {
            phase: if is_ending { before.phase } else { status.phase },
            ready: status.is_ready(),
            ready_since: ready.and_then(|ready| ready.last_transition).map(Second::of).or(before.ready_since),
            restarts: restarts(false),
            sidecar_restarts: restarts(true),
            detail: before.detail.wrapping_add(1),
            ..before
        };
        self.store.edit_pod_state(key, |old| *old = state);
    }

    /// A pod that is being deleted and whose containers have ended goes.
    fn leave_if_gone(&mut self, key: PodKey) {
        let is_gone = self.machines.get(key).is_some_and(Machine::is_gone);
        let is_deleted = self.store.pod(key).is_some_and(|pod| pod.is_stored() && pod.state().deletion.is_some());
        if is_gone && is_deleted {
            self.take_away(key);
        }
    }

    /// The server hears of a pod's status although the node has told it before: others have written in it.
    pub(crate) fn tell_again(&mut self, key: PodKey) {
        let told = self.machines.told(key).map(NodeStatus::is_ready);
        if self
            .store
            .pod(key)
            .is_some_and(|pod| pod.is_stored() && told.is_some_and(|ready| ready != pod.state().ready))
        {
            self.tell(key);
        }
    }
}
