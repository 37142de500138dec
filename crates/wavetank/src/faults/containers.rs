//! What can happen to a single container: it is killed, hangs, gets slow, or behaves otherwise from
//! now on.

use crate::cluster::Cluster;
use crate::error::Error;
use core::time::Duration;
use wavetank_model::{PodKey, Refusal};
use wavetank_node::pod::Fault;
use wavetank_node::{ImageBehaviour, NodeModel};

/// Exit code of a process that is killed.
const KILLED: i32 = 137;

impl Cluster {
    /// Kills the process of a container, as `kill -9` on its node does. The kubelet then does what the
    /// restart policy says.
    ///
    /// # Errors
    /// `NotFound` if there is no such pod, or no such container in it that runs; also where a script
    /// stands for the kubelet.
    pub fn kill_container(&mut self, pod: &str, container: &str) -> Result<(), Error> {
        self.strike(pod, container, Fault::Kill(KILLED))
    }

    /// The process of a container exits with a code.
    ///
    /// # Errors
    /// As [`Self::kill_container`].
    pub fn exit_container(&mut self, pod: &str, container: &str, code: i32) -> Result<(), Error> {
        self.strike(pod, container, Fault::Kill(code))
    }

    /// The process of a container goes on but answers nothing and does not hear `SIGTERM`, until it is
    /// restarted.
    ///
    /// # Errors
    /// As [`Self::kill_container`].
    pub fn hang_container(&mut self, pod: &str, container: &str) -> Result<(), Error> {
        self.strike(pod, container, Fault::Hang)
    }

    /// A container answers so much later than it would, until it is restarted.
    ///
    /// # Errors
    /// As [`Self::kill_container`].
    pub fn slow_container(&mut self, pod: &str, container: &str, by: Duration) -> Result<(), Error> {
        self.strike(pod, container, Fault::Slow(by))
    }

    /// A container that hangs or is slow is well again.
    ///
    /// # Errors
    /// As [`Self::kill_container`].
    pub fn recover_container(&mut self, pod: &str, container: &str) -> Result<(), Error> {
        self.strike(pod, container, Fault::Recover)
    }

    /// Kills the process of a pod's first container, if one runs.
    pub(crate) fn kill_container_of(&mut self, key: PodKey) {
        if let Some(number) = self.first_container(key).filter(|_| self.promote(key)) {
            self.befall(key);
            let now = self.now;
            self.drive(key, |machine, scene| {
                machine.strike(scene, now, number, Fault::OutOfMemory);
            });
        }
    }

    fn strike(&mut self, pod: &str, container: &str, fault: Fault) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        let number = self.container_number(key, container).filter(|_| self.promote(key));
        self.befall(key);
        let runs = |number: &usize| self.machines.get(key).is_some_and(|machine| machine.runs(*number));
        let number = number.filter(runs).ok_or_else(|| Refusal::not_found("containers", container))?;
        let now = self.now;
        self.drive(key, |machine, scene| {
            machine.strike(scene, now, number, fault);
        });
        self.traffic_sees_serving(key);
        self.absorb();
        Ok(())
    }

    /// Number of the first container that is no init container.
    fn first_container(&self, key: PodKey) -> Option<usize> {
        let facts = &self.store.template_facts(self.store.pod(key)?.template()).facts;
        Some(facts.init_containers.len())
    }

    /// Number of a container in its pod, the init containers first.
    pub(crate) fn container_number(&self, key: PodKey, container: &str) -> Option<usize> {
        let facts = &self.store.template_facts(self.store.pod(key)?.template()).facts;
        facts.init_containers.iter().chain(&facts.containers).position(|spec| &*spec.name == container)
    }

    /// From now on one container of one pod behaves so. What it waits for already it keeps waiting for.
    ///
    /// # Errors
    /// `NotFound` if there is no such pod or no such container in it.
    pub fn set_container_behaviour(
        &mut self,
        pod: &str,
        container: &str,
        behaviour: ImageBehaviour,
    ) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        if self.container_number(key, container).is_none() {
            return Err(Refusal::not_found("containers", container).into());
        }
        self.promote(key);
        self.befall(key);
        self.drive(key, |_, _| {});
        self.machines.ask_anew();
        let uid = self.store.pod(key).map(|pod| pod.uid());
        if let (NodeModel::Kubelet(kubelet), Some(uid)) = (&mut self.node_model, uid) {
            kubelet.set_container(uid, container, behaviour);
        }
        self.drive(key, |_, _| {});
        self.traffic_sees_serving(key);
        self.absorb();
        Ok(())
    }
}
