//! Nodes come and go, images change what they do.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::event::Event;
use core::time::Duration;
use wavetank_model::{PodKey, Refusal, StringMap};
use wavetank_node::{ImageBehaviour, NodeModel, scripted};

/// From the loss of a node to the removal of its pods, without grace, by the pod garbage collector.
const POD_COLLECTION: Duration = Duration::from_secs(1);

impl Cluster {
    /// Adds a node, without a limit of pods. Pods that found no node before are tried again if it takes them.
    pub fn add_node(&mut self, name: &str, labels: StringMap) {
        self.store.add_node(name, labels);
        self.put_node_document(name);
        self.absorb();
    }

    /// Takes a node away, and its pods a second later, without grace.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn remove_node(&mut self, name: &str) -> Result<(), Error> {
        if !self.store.remove_node(name) {
            return Err(Refusal::not_found("nodes", name).into());
        }
        self.drop_node_document(name);
        let node = self.store.node_number(name);
        self.queue.put(self.now + POD_COLLECTION, Event::NodeLost(node));
        self.absorb();
        Ok(())
    }

    /// The pods of a lost node go.
    pub(crate) fn collect_pods_of_node(&mut self, node: u32) {
        let lost: Vec<PodKey> = self
            .store
            .pods()
            .filter(|key| self.store.pod(*key).is_some_and(|pod| pod.state().node == Some(node)))
            .collect();
        for pod in lost {
            // A pod that went in the meantime is what was wanted.
            let _gone = self.delete_pod_gracefully(pod, Some(0));
        }
    }

    /// From now on containers of an image behave so. Ignored where a script stands for the kubelet.
    ///
    /// Pods keep what they wait for already; probes are answered the new way from now on.
    pub fn set_image_behaviour(&mut self, image: &str, behaviour: ImageBehaviour) {
        let uses = |key: &PodKey| {
            let facts = self.store.pod(*key).map(|pod| &self.store.template_facts(pod.template()).facts);
            facts.is_some_and(|facts| facts.images.iter().any(|used| **used == *image))
        };
        // What a record stands for follows from the behaviour that it began with.
        for key in self.store.pods().filter(uses).collect::<Vec<PodKey>>() {
            self.promote(key);
        }
        let users = self.befall_users_of(image);
        self.machines.ask_anew();
        if let NodeModel::Kubelet(kubelet) = &mut self.node_model {
            kubelet.set_image(image, behaviour);
        }
        // A probe that was not to be asked again for as long as its answers stayed the same may be now.
        for key in users {
            self.drive(key, |_, _| {});
        }
        self.traffic_sees_behaviours();
    }

    /// From now on a script's containers of an image behave so. Ignored where there is no script.
    pub fn set_scripted_behaviour(&mut self, image: &str, behaviour: scripted::Behaviour) {
        if let NodeModel::Scripted(script) = &mut self.node_model {
            script.set_behaviour(image, behaviour);
        }
    }
}
