//! Objects of the kinds that are few: create, update, update status, delete, as the API server does it.

use crate::change::Change;
use crate::slot::Slot;
use crate::store::Store;
use crate::writes::{Precondition, begin_deletion, keep_identity, may_go};
use serde::{Deserialize, Serialize};
use slotmap::SlotMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{Document, DocumentKey, DocumentStatus, Kind, Refusal, Uid};

/// Documents and their indices.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Documents {
    slots: SlotMap<DocumentKey, Slot<Document>>,
    names: BTreeMap<(Kind, Arc<str>, Arc<str>), DocumentKey>,
    /// Number of names of each kind, by its position among kinds: at every change of a pod somebody asks for
    /// kinds that have none.
    kinds: Vec<u32>,
    by_uid: BTreeMap<Uid, DocumentKey>,
    /// Stored documents by each owner that they name, whether it controls them or not.
    dependents: BTreeMap<(Uid, Uid), DocumentKey>,
    /// Documents that exist from the start have identities of their own range, so that the numbers of
    /// all others do not depend on how many there are.
    system_uids: u64,
}

/// First identity of documents that nobody created.
const SYSTEM_UIDS: u64 = 1 << 47;

impl Documents {
    fn name(&mut self, name: (Kind, Arc<str>, Arc<str>), key: DocumentKey) {
        let kind = name.0;
        if self.names.insert(name, key).is_none() {
            let position = kind as usize;
            if self.kinds.len() <= position {
                self.kinds.resize(position + 1, 0);
            }
            self.kinds[position] += 1;
        }
    }

    fn unname(&mut self, name: &(Kind, Arc<str>, Arc<str>)) {
        if self.names.remove(name).is_some()
            && let Some(names) = self.kinds.get_mut(name.0 as usize)
        {
            *names -= 1;
        }
    }
}

impl Store {
    /// The document of a name; the namespace is empty for kinds without one.
    #[must_use]
    pub fn document_key(&self, kind: Kind, namespace: &str, name: &str) -> Option<DocumentKey> {
        self.documents.names.get(&(kind, namespace.into(), name.into())).copied()
    }

    /// A document as stored and as seen.
    #[must_use]
    pub fn document(&self, key: DocumentKey) -> Option<&Slot<Document>> {
        self.documents.slots.get(key)
    }

    /// The stored document of a name.
    #[must_use]
    pub fn stored_document(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Document>> {
        self.documents.slots.get(self.document_key(kind, namespace, name)?)?.stored.as_ref()
    }

    /// Whether there are documents of a kind.
    #[must_use]
    #[inline]
    pub fn has_documents(&self, kind: Kind) -> bool {
        self.documents.kinds.get(kind as usize).is_some_and(|names| *names > 0)
    }

    /// All stored documents of a kind, by namespace and name.
    pub fn documents(&self, kind: Kind) -> impl Iterator<Item = (DocumentKey, &Arc<Document>)> {
        let named = self.has_documents(kind).then(|| {
            let empty: Arc<str> = "".into();
            self.documents.names.range((kind, Arc::clone(&empty), empty)..)
        });
        named
            .into_iter()
            .flatten()
            .take_while(move |((of, _, _), _)| *of == kind)
            .filter_map(|(_, key)| Some((*key, self.documents.slots.get(*key)?.stored.as_ref()?)))
    }

    /// The stored document with an identity.
    #[must_use]
    pub fn document_of_uid(&self, uid: Uid) -> Option<DocumentKey> {
        self.documents.by_uid.get(&uid).copied()
    }

    /// Stored documents that name an owner, by creation.
    pub fn documents_owned_by(&self, owner: Uid) -> impl Iterator<Item = DocumentKey> {
        self.documents.dependents.range((owner, Uid(0))..=(owner, Uid(u64::MAX))).map(|(_, key)| *key)
    }

    /// Creates a document: gives uid, creation time and a version.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub fn create_document(&mut self, mut new: Document, now: Time) -> Result<DocumentKey, Refusal> {
        let (namespace, name) = new.named();
        if self.documents.names.contains_key(&(new.kind, namespace, name)) {
            return Err(Refusal::already_exists(new.kind.resource(), &new.meta.name));
        }
        new.meta.uid = self.next_uid();
        new.meta.creation = Some(now.floor_second());
        new.meta.deletion = None;
        new.meta.deletion_grace_seconds = None;
        new.meta.generation = i64::from(new.kind.has_generation());
        new.meta.resource_version = self.next_version();
        Ok(self.put_document(new))
    }

    /// Stores a document that is there because the cluster is: seen by all, and created by nobody.
    pub fn put_system_document(&mut self, mut new: Document, now: Time) -> DocumentKey {
        self.documents.system_uids += 1;
        new.meta.uid = Uid(SYSTEM_UIDS | self.documents.system_uids);
        new.meta.creation = Some(now.floor_second());
        new.meta.resource_version = self.version.max(1);
        let named = new.named();
        let (kind, uid, document) = (new.kind, new.meta.uid, Arc::new(new));
        let key = self.documents.slots.insert(Slot::new(Some(Arc::clone(&document)), Some(document)));
        self.documents.name((kind, named.0, named.1), key);
        self.documents.by_uid.insert(uid, key);
        key
    }

    /// Stores a document as it is, for states recorded elsewhere.
    pub fn put_document(&mut self, document: Document) -> DocumentKey {
        self.last_uid = self.last_uid.max(document.meta.uid.0);
        self.version = self.version.max(document.meta.resource_version);
        let named = document.named();
        let document = Arc::new(document);
        let key = self.documents.slots.insert(Slot::new(Some(Arc::clone(&document)), None));
        self.documents.name((document.kind, named.0, named.1), key);
        self.documents.by_uid.insert(document.meta.uid, key);
        self.index_owners(key, None, Some(&document));
        self.changes.push_back(Change::Document { key, old: None, new: Some(document) });
        key
    }

    fn live_document(&self, key: DocumentKey) -> Result<&Arc<Document>, Refusal> {
        let live = self.documents.slots.get(key).and_then(|slot| slot.stored.as_ref());
        live.ok_or_else(|| Refusal::not_found("objects", ""))
    }

    /// Updates a document's body and metadata; the status stays.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_document(
        &mut self,
        key: DocumentKey,
        mut new: Document,
        expected: Precondition,
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_document(key)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(live.kind.resource(), &live.meta.name));
        }
        keep_identity(&mut new.meta, &live.meta);
        new.status = live.status.clone();
        let same_body = new.body == live.body && new.meaning == live.meaning;
        if !same_body && live.kind.has_generation() {
            new.meta.generation += 1;
        }
        if same_body && new.meta == live.meta {
            return Ok(live.meta.resource_version);
        }
        Ok(self.replace_document(key, &live, new))
    }

    /// Updates a document's status.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_document_status(
        &mut self,
        key: DocumentKey,
        status: DocumentStatus,
        expected: Precondition,
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_document(key)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(live.kind.resource(), &live.meta.name));
        }
        if status == live.status {
            return Ok(live.meta.resource_version);
        }
        let new = Document { status, ..(*live).clone() };
        Ok(self.replace_document(key, &live, new))
    }

    fn replace_document(&mut self, key: DocumentKey, live: &Arc<Document>, mut new: Document) -> u64 {
        new.meta.resource_version = self.next_version();
        let version = new.meta.resource_version;
        if may_go(&new.meta) {
            self.drop_document(key);
            return version;
        }
        let new = Arc::new(new);
        if new.meta.owners != live.meta.owners {
            self.index_owners(key, Some(live), Some(&new));
        }
        self.documents.slots[key].stored = Some(Arc::clone(&new));
        self.changes.push_back(Change::Document { key, old: Some(Arc::clone(live)), new: Some(new) });
        version
    }

    /// Deletes a document: at once, or when the last finalizer is gone.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn delete_document(&mut self, key: DocumentKey, finalizer: Option<&str>, now: Time) -> Result<(), Refusal> {
        let live = Arc::clone(self.live_document(key)?);
        let mut new = (*live).clone();
        if begin_deletion(&mut new.meta, finalizer, now) {
            if !live.kind.has_generation() {
                new.meta.generation = 0;
            }
            self.replace_document(key, &live, new);
        }
        Ok(())
    }

    fn drop_document(&mut self, key: DocumentKey) {
        let Some(slot) = self.documents.slots.get_mut(key) else { return };
        let Some(old) = slot.stored.take() else { return };
        let (namespace, name) = old.named();
        self.documents.unname(&(old.kind, namespace, name));
        self.documents.by_uid.remove(&old.meta.uid);
        self.index_owners(key, Some(&old), None);
        self.changes.push_back(Change::Document { key, old: Some(old), new: None });
    }

    fn index_owners(&mut self, key: DocumentKey, old: Option<&Arc<Document>>, new: Option<&Arc<Document>>) {
        if let Some(document) = old {
            for owner in &document.meta.owners {
                self.documents.dependents.remove(&(owner.uid, document.meta.uid));
            }
        }
        if let Some(document) = new {
            for owner in &document.meta.owners {
                self.documents.dependents.insert((owner.uid, document.meta.uid), key);
            }
        }
    }

    pub(crate) fn see_document(&mut self, key: DocumentKey, new: Option<&Arc<Document>>) {
        let Some(slot) = self.documents.slots.get_mut(key) else { return };
        slot.seen = new.cloned();
        if slot.is_gone() {
            self.documents.slots.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wavetank_model::{Meaning, ObjectMeta, OwnerReference};

    fn config(name: &str, owners: Vec<OwnerReference>) -> Document {
        let meta = ObjectMeta { name: name.into(), namespace: "default".into(), owners, ..ObjectMeta::default() };
        let body = Arc::new(json!({"data": {"a": "1"}}));
        Document { kind: Kind::ConfigMap, meta, body, status: DocumentStatus::NONE, meaning: Meaning::Carried }
    }

    #[test]
    fn a_write_that_changes_nothing_keeps_the_version_and_a_taken_name_is_refused() {
        let mut store = Store::new();
        let key = store.create_document(config("a", Vec::new()), Time::ZERO).expect("the name is free");
        let version = store.version();
        assert_eq!(store.update_document(key, config("a", Vec::new()), Precondition::None), Ok(version));
        let refusal = store.create_document(config("a", Vec::new()), Time::ZERO).unwrap_err();
        assert_eq!(&*refusal.message, "configmaps \"a\" already exists");
        assert_eq!(store.take_changes().len(), 1);
    }

    #[test]
    fn dependents_are_found_by_each_of_their_owners_until_they_are_gone() {
        let mut store = Store::new();
        let owner = OwnerReference {
            api_version: "v1".into(),
            kind: "Service".into(),
            name: "web".into(),
            uid: Uid(7),
            controller: None,
            block_owner_deletion: None,
        };
        let key = store.create_document(config("a", vec![owner]), Time::ZERO).expect("the name is free");
        assert_eq!(store.documents_owned_by(Uid(7)).collect::<Vec<_>>(), [key]);
        store.delete_document(key, None, Time::ZERO).expect("it is there");
        assert_eq!(store.documents_owned_by(Uid(7)).next(), None);
        assert_eq!(store.documents(Kind::ConfigMap).count(), 0);
        // It stays in its arena until its deletion has been seen.
        assert!(store.document(key).is_some());
        for change in store.take_changes() {
            store.deliver(&change);
        }
        assert!(store.document(key).is_none());
    }
}
