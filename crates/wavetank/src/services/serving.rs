//! How well pods serve, as their images say and as it befell them: told to the network, so that clients find
//! what probes find.

use crate::cluster::Cluster;
use crate::event::Event;
use crate::pods::life::context;
use crate::traffic::App;
use core::time::Duration;
use std::sync::Arc;
use wavetank_model::PodKey;
use wavetank_network::{AppBehaviour, Node, ServiceTime, StopBehaviour};
use wavetank_node::{Health, ImageBehaviour, OnSigterm};
use wavetank_store::PodRecord;

/// An application that serves as its image answers probes, and stops as it does.
fn of_image(behaviour: &ImageBehaviour) -> App {
    let stop = match behaviour.sigterm() {
        OnSigterm::Drains => StopBehaviour::Drains,
        OnSigterm::Accepts => StopBehaviour::AcceptsUntilKilled,
        OnSigterm::Drops => StopBehaviour::ExitsAtOnce,
    };
    let service_time = ServiceTime::Fixed(behaviour.latency());
    App { behaviour: AppBehaviour { service_time, stop, ..AppBehaviour::default() }, listens_after: None }
}

impl Cluster {
    /// How the first container of a pod takes requests.
    pub(crate) fn app_of(&self, pod: &PodRecord, image: &Arc<str>) -> App {
        let said = self.traffic.pod_apps.get(&pod.uid()).or_else(|| self.traffic.apps.get(image));
        let by_image = || {
            let behaviour = self.node_model.behaviour_of(&context(&self.store, pod, self.seed))?;
            Some(of_image(behaviour))
        };
        said.cloned().or_else(by_image).unwrap_or_default()
    }

    /// How well a pod serves may have changed just now, or does.
    pub(crate) fn traffic_sees_serving(&mut self, key: PodKey) {
        let Some(pod) = self.store.pod(key).filter(|pod| self.traffic.pods.contains(&pod.uid())) else { return };
        let (uid, now) = (pod.uid(), self.now);
        let is_dead = pod.state().node.is_some_and(|node| self.is_lost(node));
        let Some(machine) = self.machines.get(key) else { return };
        let serving = self.node_model.serving(&context(&self.store, &pod, self.seed), machine, now);
        let Some(serving) = serving else { return };
        let network = self.network();
        network.pod_hangs(now, uid, is_dead || serving.health == Health::Hung);
        network.pod_fails(now, uid, matches!(serving.health, Health::Unready | Health::Failing));
        network.pod_slows(now, uid, serving.slower_by);
        let known = self.traffic.turns.get(&uid).copied().filter(|at| *at > now);
        if let Some(until) = serving.until.filter(|until| known.is_none_or(|known| *until < known)) {
            self.traffic.turns.insert(uid, until);
            self.queue.schedule(until, Event::ServingTurns(key));
        }
    }

    /// Whether the containers of a node are gone and nobody has said so.
    fn is_lost(&self, node: u32) -> bool {
        self.machines.cut_off.get(&node).is_some_and(|cut| cut.is_dead)
    }

    /// A node is cut off or back: its proxy learns nothing meanwhile, and nothing answers on a lost one.
    pub(crate) fn traffic_sees_node(&mut self, node: u32, is_cut: bool) {
        if !self.traffic.is_on() {
            return;
        }
        let now = self.now;
        self.network().cut_proxy(now, Node(node), is_cut);
        for key in self.machines.keys() {
            if self.store.pod(key).is_some_and(|pod| pod.state().node == Some(node)) {
                self.traffic_sees_serving(key);
            }
        }
    }

    /// The behaviours of images changed: all pods that anybody sends to are looked at again.
    pub(crate) fn traffic_sees_behaviours(&mut self) {
        if self.traffic.is_on() {
            for key in self.machines.keys() {
                self.traffic_sees_serving(key);
            }
        }
    }

    /// How long the cluster's DNS takes to learn of a change; unless said, as long as any watch. Only before the
    /// first source.
    pub const fn set_dns_delay(&mut self, delay: Duration) {
        self.traffic.dns_delay = Some(delay);
    }
}
