//! What is done to a running container from outside.

use crate::cluster::Cluster;
use crate::error::Error;
use wavetank_model::PodKey;

/// Exit code of a process that was killed.
const KILLED: i32 = 137;

impl Cluster {
    /// Kills the process of a pod's container, as `kill -9` on its node does. Its kubelet starts it again,
    /// as the restart policy and the back-off allow. Nothing happens if none runs.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn kill_container(&mut self, pod: &str) -> Result<(), Error> {
        let key = self.pod_key(pod)?;
        self.kill_container_of(key);
        self.absorb();
        Ok(())
    }

    /// Kills the process of a pod's container, if one runs.
    pub(crate) fn kill_container_of(&mut self, key: PodKey) {
        self.step_pod_by(key, |model, context, run, now| model.kill(context, run, now, KILLED));
    }
}
