//! States recorded elsewhere, taken over as they are.

use crate::cluster::Cluster;
use crate::dispatch;
use crate::passes::Expectation;
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_manifest::Object;
use wavetank_model::{PodKey, ReplicaSetKey};
use wavetank_store::NewPod;

impl Cluster {
    /// Stores an object as it is, identity and status included, and lets the controllers see it.
    ///
    /// For recorded states: nothing is defaulted, validated or started. Names and uids must be free.
    pub fn load(&mut self, object: Object) {
        match object {
            Object::Deployment(deployment) => {
                self.store.put_deployment(*deployment);
            }
            Object::ReplicaSet(set) | Object::ReplicationController(set) => {
                self.store.put_set(*set);
            }
            Object::Document(document) => {
                self.store.put_document(*document);
            }
            Object::Pod(pod) => {
                // A taken name means that the recording names a pod twice; the first one stands.
                let _taken = self.store.create_pod(NewPod { pod: *pod, keep_identity: true }, self.now);
            }
        }
        for change in self.store.take_changes() {
            dispatch::see(self, &change);
        }
    }

    /// The API server has an object otherwise than the controllers see it; `None`: not at all.
    pub fn load_unseen(&mut self, seen: &Object, live: Option<Object>) {
        match (seen, live) {
            (Object::Deployment(seen), live) => {
                let live = live.and_then(|live| if let Object::Deployment(live) = live { Some(*live) } else { None });
                self.store.put_live_deployment(&seen.meta.namespace, &seen.meta.name, live);
            }
            (Object::ReplicaSet(seen) | Object::ReplicationController(seen), live) => {
                let live = live.and_then(|live| if let Object::ReplicaSet(live) = live { Some(*live) } else { None });
                self.store.put_live_set(seen.kind, (&seen.meta.namespace, &seen.meta.name), live);
            }
            (Object::Pod(_) | Object::Document(_), _) => {}
        }
        self.store.take_changes();
    }

    /// The instant that a recorded pass happened at.
    pub fn load_time(&mut self, now: Time) {
        self.now = now;
    }

    /// A set waits for creations and deletions of pods, since `age` ago.
    pub fn load_expectations(&mut self, set: ReplicaSetKey, creations: u32, deletions: Vec<PodKey>, age: Duration) {
        let expected = Expectation { creations, deletions: deletions.into_iter().collect(), since: self.now - age };
        self.expectations.insert(set, expected);
    }
}
