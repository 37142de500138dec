//! Owner references: what becomes of dependents when their owner goes.
//!
//! Source: `pkg/controller/garbagecollector`. In the background (the default) the owner goes at once
//! and its dependents are deleted after it; in the foreground a finalizer holds the owner until its
//! dependents are gone; orphaning takes the reference away from them first.

use crate::cluster::Cluster;
use crate::event::Event;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_model::{DeploymentKey, Document, DocumentKey, Kind, ReplicaSetKey, Uid};
use wavetank_store::Precondition;

/// How a deletion goes on to the dependents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// The owner goes first.
    #[default]
    Background,
    /// The owner goes last.
    Foreground,
    /// The dependents stay.
    Orphan,
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Propagation {
    /// The finalizer that stands for it.
    pub(crate) const fn finalizer(self) -> Option<&'static str> {
        match self {
            Self::Background => None,
            Self::Foreground => Some(FOREGROUND),
            Self::Orphan => Some(ORPHAN),
        }
    }
}

enum Owner {
    Deployment(DeploymentKey),
    Set(ReplicaSetKey),
    Document(DocumentKey),
    Gone,
}

impl Cluster {
    /// An owner is gone, or going with a finalizer.
    pub(crate) fn owner_gone(&mut self, owner: Uid) {
        let wait = self.profile.garbage_collection;
        self.queue.put(self.now + wait, Event::Collect(owner));
    }

    /// One dependent less: an owner that waits in the foreground may be free to go.
    pub(crate) fn dependent_gone(&mut self, owner: Uid) {
        if self.finalizers_of(owner).any(|finalizer| finalizer == FOREGROUND) {
            self.owner_gone(owner);
        }
    }

    fn owner(&self, uid: Uid) -> Owner {
        if let Some(key) = self.store.deployment_of_uid(uid) {
            return Owner::Deployment(key);
        }
        if let Some(key) = self.store.document_of_uid(uid) {
            return Owner::Document(key);
        }
        match self.store.set_of_uid(uid) {
            Some(key) if self.store.set(key).is_some_and(|slot| slot.stored.is_some()) => Owner::Set(key),
            _ => Owner::Gone,
        }
    }

    fn finalizers_of(&self, uid: Uid) -> impl Iterator<Item = &str> {
        let meta = match self.owner(uid) {
            Owner::Deployment(key) => {
                self.store.deployment(key).and_then(|slot| slot.stored.as_ref()).map(|owner| &owner.meta)
            }
            Owner::Set(key) => self.store.set(key).and_then(|slot| slot.stored.as_ref()).map(|owner| &owner.meta),
            Owner::Document(key) => {
                self.store.document(key).and_then(|slot| slot.stored.as_ref()).map(|owner| &owner.meta)
            }
            Owner::Gone => None,
        };
        meta.into_iter().flat_map(|meta| meta.finalizers.iter().map(AsRef::as_ref))
    }

    /// Deals with the dependents of an owner that is gone or going.
    pub(crate) fn collect(&mut self, owner: Uid) {
        let foreground = self.finalizers_of(owner).any(|finalizer| finalizer == FOREGROUND);
        let orphan = self.finalizers_of(owner).any(|finalizer| finalizer == ORPHAN);
        let gone = matches!(self.owner(owner), Owner::Gone);
        if orphan {
            self.orphan_dependents(owner);
            self.drop_finalizer(owner, ORPHAN);
        } else if foreground || gone {
            self.delete_dependents(owner, foreground);
            if foreground && !self.has_dependents(owner) {
                self.drop_finalizer(owner, FOREGROUND);
            }
        }
    }

    fn has_dependents(&self, owner: Uid) -> bool {
        self.store.sets_controlled_by(Some(owner)).next().is_some()
            || self.store.pods_controlled_by(Some(owner)).next().is_some()
            || self.store.documents_owned_by(owner).next().is_some()
    }

    fn delete_dependents(&mut self, owner: Uid, foreground: bool) {
        let sets: Vec<ReplicaSetKey> = self.store.sets_controlled_by(Some(owner)).collect();
        for set in sets {
            let finalizer = foreground.then_some(FOREGROUND);
            // A set that went in the meantime is what was wanted.
            let _gone = self.store.delete_set(set, finalizer, self.now);
        }
        let documents: Vec<DocumentKey> = self.store.documents_owned_by(owner).collect();
        for key in documents {
            let Some(document) = self.store.document(key).and_then(|slot| slot.stored.clone()) else { continue };
            // An object stays for as long as one of its owners does.
            let kept =
                document.meta.owners.iter().any(|of| of.uid != owner && !matches!(self.owner(of.uid), Owner::Gone));
            if !kept {
                let finalizer = foreground.then_some(FOREGROUND);
                // Likewise.
                let _gone = self.store.delete_document(key, finalizer, self.now);
            }
        }
        let pods: Vec<_> = self.store.pods_controlled_by(Some(owner)).collect();
        for pod in pods {
            if self.store.pod(pod).is_some_and(|pod| pod.state().deletion.is_none()) {
                // Likewise.
                let _gone = self.delete_pod_gracefully(pod, None);
            }
        }
    }

    fn orphan_dependents(&mut self, owner: Uid) {
        let sets: Vec<ReplicaSetKey> = self.store.sets_controlled_by(Some(owner)).collect();
        for key in sets {
            let Some(set) = self.store.set(key).and_then(|slot| slot.stored.clone()) else { continue };
            let mut set = (*set).clone();
            set.meta.owners.retain(|held| held.uid != owner);
            // Without a precondition only a set that is gone refuses, and that needs no orphaning.
            let _gone = self.store.update_set(key, set, Precondition::None);
        }
        let documents: Vec<DocumentKey> = self.store.documents_owned_by(owner).collect();
        for key in documents {
            let Some(document) = self.store.document(key).and_then(|slot| slot.stored.clone()) else { continue };
            let mut document = (*document).clone();
            document.meta.owners.retain(|held| held.uid != owner);
            // Likewise.
            let _gone = self.store.update_document(key, document, Precondition::None);
        }
        let pods: Vec<_> = self.store.pods_controlled_by(Some(owner)).collect();
        for pod in pods {
            // Likewise.
            let _gone = self.store.release_pod(pod, owner);
        }
    }

    fn drop_finalizer(&mut self, uid: Uid, finalizer: &str) {
        match self.owner(uid) {
            Owner::Deployment(key) => {
                let Some(owner) = self.store.deployment(key).and_then(|slot| slot.stored.clone()) else { return };
                let mut owner = (*owner).clone();
                owner.meta.finalizers.retain(|held| &**held != finalizer);
                // It was looked up just now.
                let _version = self.store.update_deployment(key, owner, Precondition::None);
            }
            Owner::Set(key) => {
                let Some(owner) = self.store.set(key).and_then(|slot| slot.stored.clone()) else { return };
                let mut owner = (*owner).clone();
                owner.meta.finalizers.retain(|held| &**held != finalizer);
                // It was looked up just now.
                let _version = self.store.update_set(key, owner, Precondition::None);
            }
            Owner::Document(key) => {
                let Some(owner) = self.store.document(key).and_then(|slot| slot.stored.clone()) else { return };
                let mut owner = (*owner).clone();
                owner.meta.finalizers.retain(|held| &**held != finalizer);
                // It was looked up just now.
                let _version = self.store.update_document(key, owner, Precondition::None);
            }
            Owner::Gone => {}
        }
    }

    /// What a change of a document means to its owners and dependents.
    pub(crate) fn react_to_document(&mut self, old: Option<&Arc<Document>>, new: Option<&Arc<Document>>) {
        if let Some(node) = new.filter(|new| new.kind == Kind::Node) {
            self.refresh_placement();
            let number = self.store.node_number(&node.meta.name);
            self.nodes_changed(Some(number));
        }
        match (old, new) {
            (Some(old), None) => {
                self.owner_gone(old.meta.uid);
                for owner in &old.meta.owners {
                    self.dependent_gone(owner.uid);
                }
            }
            (_, Some(new)) => {
                if new.meta.is_terminating() {
                    self.owner_gone(new.meta.uid);
                }
                for owner in &new.meta.owners {
                    if old.is_none() && matches!(self.owner(owner.uid), Owner::Gone) {
                        self.owner_gone(owner.uid);
                    }
                }
            }
            (None, None) => {}
        }
    }
}
