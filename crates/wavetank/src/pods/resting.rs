//! Pods at rest: a machine to which nothing will happen by itself, and whose whole history follows from
//! how it began, is put away. What is left of it takes a few words, as a plain pod does.
//!
//! Whoever looks at such a pod, or does something to it, gets its machine by playing it again from its
//! binding. A pod that something befell (a fault, another behaviour, a node cut off, a condition set by
//! others) cannot be had that way and keeps its machine. While anybody sends requests no machine is put
//! away, since the network asks running pods how well they serve.

use crate::cluster::Cluster;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;
use wavetank_model::PodKey;

/// What is kept of a machine that was put away.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Resting {
    /// When the pod came to its node.
    pub(crate) bound: Time,
    /// Since when its first container runs, if it does.
    pub(crate) started: Option<Time>,
}

impl Cluster {
    /// Puts a machine away, if it can be had again. `is_due`: whether something will happen to it by itself.
    pub(crate) fn let_rest(&mut self, key: PodKey, is_due: bool) {
        if is_due || self.traffic.is_on() {
            return;
        }
        let Some(pod) = self.store.pod(key).filter(|pod| pod.is_stored() && pod.state().deletion.is_none()) else {
            return;
        };
        let has_gates = !self.store.template_facts(pod.template()).facts.readiness_gates.is_empty();
        let is_cut_off = pod.state().node.is_some_and(|node| self.machines.cut_off.contains_key(&node));
        if !has_gates && !is_cut_off {
            self.machines.put_away(key);
        }
    }

    /// Gives a pod at rest its machine back.
    pub(crate) fn rouse(&mut self, key: PodKey) {
        if self.machines.resting(key).is_some() {
            self.promote(key);
        }
    }

    /// Something befalls a pod that does not follow from how it began.
    pub(crate) fn befall(&mut self, key: PodKey) {
        self.rouse(key);
        self.machines.keep(key);
    }

    /// The behaviour of an image is about to change: what its pods have done so far, up to now, cannot be
    /// played again. Answers which pods with machines those are; each is to be driven after the change.
    pub(crate) fn befall_users_of(&mut self, image: &str) -> Vec<PodKey> {
        let uses = |key: &PodKey| {
            let facts = self.store.pod(*key).map(|pod| &self.store.template_facts(pod.template()).facts);
            let mut all = facts.into_iter().flat_map(|facts| facts.init_containers.iter().chain(&facts.containers));
            all.any(|container| *container.image == *image)
        };
        let keys: Vec<PodKey> = self.machines.all_keys().into_iter().filter(uses).collect();
        for key in &keys {
            self.befall(*key);
            self.drive(*key, |_, _| {});
        }
        keys
    }

    /// How many pods have machines: those with more to them than a plain pod to which something is still to
    /// happen, and those that something befell.
    #[must_use]
    pub fn machine_count(&self) -> usize {
        self.machines.keys().len()
    }
}

const _: () = assert!(size_of::<Resting>() <= 24, "a pod at rest takes a few words");

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use serde_json::Value;
    use wavetank_model::Kind;
    use wavetank_node::ImageBehaviour;

    const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - {name: init, image: 'init:1'}
      - {name: side, image: 'side:1', restartPolicy: Always}
      containers:
      - name: web
        image: 'web:1'
        livenessProbe: {httpGet: {path: /, port: 80}}
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 3}
        startupProbe: {httpGet: {path: /, port: 80}, failureThreshold: 30}
";

    fn cluster(behaviour: ImageBehaviour) -> Cluster {
        let mut cluster = Cluster::builder().image("web:1", behaviour).build();
        cluster.create(PODS).expect("the manifest is well");
        cluster
    }

    fn run(cluster: &mut Cluster, seconds: u64) {
        cluster.run_for(Duration::from_secs(seconds));
    }

    fn pods(cluster: &Cluster) -> Vec<Value> {
        cluster.names(Kind::Pod, None).iter().filter_map(|name| cluster.json(Kind::Pod, name).ok()).collect()
    }

    #[test]
    fn machines_of_steady_pods_are_put_away_and_say_the_same_when_they_are_played_again() {
        // One crash, so that there is something to remember.
        let behaviour = ImageBehaviour::new()
            .pull(Duration::from_millis(1_300))
            .ready_after(Duration::from_secs(7))
            .exits_between(Duration::from_secs(20), Duration::from_secs(50), 3)
            .times(1);
        let mut cluster = cluster(behaviour);
        run(&mut cluster, 40);
        assert!(cluster.machine_count() > 0);
        run(&mut cluster, 400);
        assert_eq!(cluster.machine_count(), 0);
        let before = pods(&cluster);
        assert!(before.iter().all(|pod| pod["status"]["containerStatuses"][0]["restartCount"] == 1), "{before:?}");
        let keys: Vec<PodKey> = cluster.store().pods().collect();
        let mut roused = cluster.clone();
        for key in keys {
            roused.befall(key);
        }
        assert_eq!(roused.machine_count(), 5);
        assert_eq!(pods(&roused), before);
        // Neither differs from the other from here on.
        for cluster in [&mut cluster, &mut roused] {
            cluster.set_image("web", "web", "web:2", None).expect("the Deployment is there");
            run(cluster, 300);
        }
        assert_eq!(pods(&roused), pods(&cluster));
        assert_eq!(roused.digest(), cluster.digest());
        assert_eq!((roused.machine_count(), cluster.machine_count()), (0, 0));
    }

    #[test]
    fn a_pod_at_rest_hears_of_its_deletion_of_faults_and_of_other_behaviour() {
        let mut cluster = cluster(ImageBehaviour::new().shutdown(Duration::from_secs(4)));
        run(&mut cluster, 300);
        assert_eq!(cluster.machine_count(), 0);
        let names = cluster.names(Kind::Pod, None);
        cluster.kill_container(&names[0], "web").expect("it runs");
        run(&mut cluster, 60);
        let pod = cluster.json(Kind::Pod, &names[0]).expect("the pod is there");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 1);
        assert_eq!(cluster.machine_count(), 1, "what befell it cannot be played again");
        cluster.delete_pod(&names[1], None).expect("the pod is there");
        run(&mut cluster, 3);
        assert!(cluster.json(Kind::Pod, &names[1]).is_ok(), "it takes its time to stop");
        run(&mut cluster, 60);
        assert!(cluster.json(Kind::Pod, &names[1]).is_err());
        cluster.set_image_behaviour("web:1", ImageBehaviour::new().never_ready());
        assert_eq!(cluster.machine_count(), 5);
        run(&mut cluster, 60);
        let ready = |pod: &Value| pod["status"]["containerStatuses"][0]["ready"] == true;
        assert!(pods(&cluster).iter().all(|pod| !ready(pod)));
    }

    #[test]
    fn a_snapshot_of_pods_at_rest_goes_on_alike() {
        let mut cluster = cluster(ImageBehaviour::new());
        run(&mut cluster, 300);
        let mut copy = Cluster::restore(&cluster.snapshot().expect("it can be written")).expect("it can be read");
        assert_eq!(copy.machine_count(), 0);
        for cluster in [&mut cluster, &mut copy] {
            cluster.scale("web", 2).expect("the Deployment is there");
            run(cluster, 100);
        }
        assert_eq!(copy.digest(), cluster.digest());
        assert_eq!(pods(&copy), pods(&cluster));
    }
}
