//! Objects of the kinds that are few: the verbs that store them, and those that are there from the start.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::garbage::Propagation;
use crate::pods::status::node_address;
use crate::verbs::objects::missing;
use serde_json::{Value, json};
use std::sync::Arc;
use wavetank_manifest::Object;
use wavetank_model::refusal::NAMESPACE_TERMINATING;
use wavetank_model::{Cause, Document, DocumentKey, Kind, Meaning, ObjectMeta, PodKey, Reason, Refusal, StringMap};
use wavetank_store::{Precondition, pod_name};

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Namespace and name of an object, the namespace being empty where the kind has none.
fn split(kind: Kind, name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((_, plain)) if !kind.is_namespaced() => ("", plain),
        Some(both) => both,
        None if kind.is_namespaced() => ("default", name),
        None => ("", name),
    }
}

fn system(kind: Kind, name: &str, labels: StringMap, body: Value, status: Value) -> Document {
    let namespace = if kind.is_namespaced() { "default" } else { "" };
    let meta = ObjectMeta { name: name.into(), namespace: namespace.into(), labels, ..ObjectMeta::default() };
    Document { kind, meta, body: Arc::new(body), status: status.into(), meaning: Meaning::Carried }
}

/// A node as its kubelet reports it. Room and versions are not simulated, and so not shown.
fn node(name: &str, labels: StringMap, address: &str, since: &str) -> Document {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "lastHeartbeatTime": since, "lastTransitionTime": since,
            "message": message, "reason": reason, "status": status, "type": kind,
        })
    };
    let status = json!({
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "conditions": [
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {"kubeletVersion": "v1.36.3"},
    });
    system(Kind::Node, name, labels, json!({"spec": {}}), status)
}

impl Cluster {
    pub(crate) fn put_system_documents(&mut self) {
        for name in NAMESPACES {
            let labels: StringMap = [("kubernetes.io/metadata.name", name)].into_iter().collect();
            let spec = json!({"spec": {"finalizers": ["kubernetes"]}});
            let namespace = system(Kind::Namespace, name, labels, spec, json!({"phase": "Active"}));
            self.store.put_system_document(namespace, self.now);
        }
    }

    /// A node joins; its object is made by its kubelet, or was made by whoever announced it.
    pub(crate) fn put_node_document(&mut self, name: &str) {
        if self.store.document_key(Kind::Node, "", name).is_some() {
            return;
        }
        let number = self.store.node_number(name);
        let labels = self.store.node(number).labels.clone();
        let since = self.edge().spell_time(self.now);
        let address = node_address(number).to_string();
        self.store.put_system_document(node(name, labels, &address, &since), self.now);
    }

    /// A node leaves.
    pub(crate) fn drop_node_document(&mut self, name: &str) {
        if let Some(key) = self.store.document_key(Kind::Node, "", name) {
            // It was looked up just now.
            let _gone = self.store.delete_document(key, None, self.now);
        }
    }

    /// Whether the server would take a new object in, apart from what is wrong with the object itself.
    pub(crate) fn may_be_created(&self, object: &Object) -> Result<(), Error> {
        let kind = object.kind();
        if !kind.is_simulated() || kind == Kind::Event {
            let reason = Reason::Other("NotSimulated".into());
            return Err(Refusal::new(reason, format!("not simulated: {kind}")).into());
        }
        if !kind.is_namespaced() {
            return Ok(());
        }
        let namespace = &object.meta().namespace;
        let Some(there) = self.store.stored_document(Kind::Namespace, "", namespace) else {
            return Err(missing(Kind::Namespace, namespace).into());
        };
        if there.meta.is_terminating() {
            return Err(namespace_terminating(object).into());
        }
        Ok(())
    }

    /// Completes a generated name, by letters that follow from the object's identity.
    pub(crate) fn complete_name(&self, object: &mut Object) {
        let next = self.store.next_identity();
        let meta = object.meta_mut();
        if meta.name.is_empty() && !meta.generate_name.is_empty() {
            meta.name = format!("{}{}", meta.generate_name, pod_name::suffix(next, 0)).into();
        }
    }

    pub(crate) fn create_document(&mut self, mut document: Document) -> Result<(), Error> {
        if document.kind == Kind::Namespace {
            document.meta.labels.set("kubernetes.io/metadata.name", &document.meta.name.clone());
            Arc::make_mut(&mut document.body)["spec"]["finalizers"] = json!(["kubernetes"]);
            document.status = json!({"phase": "Active"}).into();
        }
        if document.kind == Kind::Node {
            let labels = document.meta.labels.clone();
            let name = Arc::clone(&document.meta.name);
            self.store.create_document(document, self.now)?;
            self.store.add_node(&name, labels);
            return Ok(());
        }
        self.store.create_document(document, self.now)?;
        Ok(())
    }

    pub(crate) fn document_key(&self, kind: Kind, name: &str) -> Result<DocumentKey, Error> {
        let (namespace, plain) = split(kind, name);
        Ok(self.store.document_key(kind, namespace, plain).ok_or_else(|| missing(kind, plain))?)
    }

    /// The document of a name: `web`, or `namespace/web` for kinds in namespaces.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn document(&self, kind: Kind, name: &str) -> Result<&Arc<Document>, Error> {
        let (namespace, plain) = split(kind, name);
        Ok(self.store.stored_document(kind, namespace, plain).ok_or_else(|| missing(kind, plain))?)
    }

    pub(crate) fn replace_document(&mut self, document: Document) -> Result<(), Error> {
        let (namespace, name) = document.named();
        let found = self.store.document_key(document.kind, &namespace, &name);
        let key = found.ok_or_else(|| missing(document.kind, &name))?;
        if document.kind == Kind::Node {
            let unschedulable = document.body["spec"]["unschedulable"] == json!(true);
            self.store.change_node(&name, document.meta.labels.clone(), unschedulable);
        }
        self.store.update_document(key, document, Precondition::None)?;
        Ok(())
    }

    /// Writes the status of a document, as a controller does. Writing the same stores nothing.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_document_status(&mut self, kind: Kind, name: &str, status: Value) -> Result<(), Error> {
        let key = self.document_key(kind, name)?;
        self.store.update_document_status(key, status.into(), Precondition::None)?;
        self.absorb();
        Ok(())
    }

    pub(crate) fn delete_document(&mut self, kind: Kind, name: &str, how: Propagation) -> Result<(), Error> {
        let key = self.document_key(kind, name)?;
        if kind == Kind::Node {
            let plain = split(kind, name).1.to_owned();
            return self.remove_node(&plain);
        }
        if kind == Kind::Namespace {
            return self.delete_namespace(key, split(kind, name).1);
        }
        self.store.delete_document(key, how.finalizer(), self.now)?;
        Ok(())
    }

    /// A namespace goes when all that is in it has gone. Until then it is being deleted, and nothing new
    /// can be made in it.
    fn delete_namespace(&mut self, key: DocumentKey, name: &str) -> Result<(), Error> {
        if matches!(name, "default" | "kube-system" | "kube-public") {
            let message = format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
            return Err(Refusal::new(Reason::Forbidden, message).into());
        }
        self.store.delete_document(key, Some("kubernetes"), self.now)?;
        self.store.update_document_status(key, json!({"phase": "Terminating"}).into(), Precondition::None)?;
        self.absorb();
        for kind in Kind::all().filter(|kind| kind.is_namespaced() && *kind != Kind::Event) {
            for object in self.names(kind, Some(name)) {
                // What another deletion has taken along is what was wanted.
                let _gone = self.delete(kind, &object, Propagation::Background);
            }
        }
        self.ending_namespaces.insert(name.into());
        self.finish_namespaces();
        Ok(())
    }

    /// The last object of a namespace that is being deleted may have gone.
    pub(crate) fn finish_namespaces(&mut self) {
        for name in self.ending_namespaces.clone() {
            self.finish_namespace(&name);
        }
    }

    fn has_objects(&self, namespace: &str) -> bool {
        let store = self.store();
        let in_it = |pod: &PodKey| {
            store.pod(*pod).is_some_and(|pod| *store.cohort(pod.cohort()).identity.namespace == *namespace)
        };
        store.pods().any(|pod| in_it(&pod))
            || Kind::all()
                .filter(|kind| kind.is_namespaced() && *kind != Kind::Pod)
                .any(|kind| !self.names(kind, Some(namespace)).is_empty())
    }

    fn finish_namespace(&mut self, name: &str) {
        let Some(key) = self.store.document_key(Kind::Namespace, "", name) else { return };
        let Some(namespace) = self.store.stored_document(Kind::Namespace, "", name).map(Arc::clone) else { return };
        if namespace.meta.is_terminating() && !self.has_objects(name) {
            let mut freed = (*namespace).clone();
            freed.meta.finalizers.clear();
            self.ending_namespaces.remove(name);
            // It was looked up just now.
            let _version = self.store.update_document(key, freed, Precondition::None);
        }
    }
}

fn namespace_terminating(object: &Object) -> Refusal {
    let meta = object.meta();
    let namespace = &meta.namespace;
    let text = format!("namespace {namespace} is being terminated");
    let message = format!(
        "{} \"{}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
        object.kind().resource(),
        meta.name
    );
    let cause =
        Cause { reason: NAMESPACE_TERMINATING.into(), message: text.into(), field: "metadata.namespace".into() };
    Refusal { causes: vec![cause], ..Refusal::new(Reason::Forbidden, message) }
}
