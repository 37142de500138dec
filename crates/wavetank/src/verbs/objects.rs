//! Verbs on whole objects: create, apply, patch, label, annotate, delete, and looking at them.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::garbage::Propagation;
use crate::verbs::ownership::manager;
use crate::verbs::rollout::split;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_manifest::{
    Admitted, Allocated, Edge, Kind, Object, Surroundings, mount_token, render_deployment, render_document, render_pod,
    render_replica_set,
};
use wavetank_model::{Pod, PodKey, Reason, Refusal, ReplicaSet, ReplicaSetKey, SetKind, Storage};
use wavetank_store::writes::set_resource;
use wavetank_store::{NewPod, Precondition, pod_name};

/// Which of the names that follow from a pod's identity the volume with its token has.
const TOKEN: u32 = 0;

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there and differed.
    Configured,
    /// It was there and the same.
    Unchanged,
}

/// One object of an applied manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Such as `deployment.apps/web`.
    pub object: String,
    /// What was done.
    pub outcome: Outcome,
    /// What the server warned of.
    pub warnings: Vec<Arc<str>>,
}

/// How a patch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchKind {
    /// Strategic merge, the default of kubectl: lists merge by the keys of their types.
    #[default]
    Strategic,
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
}

/// Namespace and name in a document, the namespace being `default` unless given.
pub(crate) fn name_in(document: &Value) -> String {
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    format!("{}/{}", text("/metadata/namespace").unwrap_or("default"), text("/metadata/name").unwrap_or_default())
}

/// Namespace and name as the verbs take them.
pub(crate) fn full_name(object: &Object) -> String {
    format!("{}/{}", object.meta().namespace, object.meta().name)
}

/// An object of a manifest, and what is to be said of how it is written.
pub(crate) struct Given {
    pub(crate) object: Value,
    pub(crate) warnings: Vec<Arc<str>>,
}

/// What a document becomes when it is applied.
pub(crate) enum Step {
    Create(Object, Vec<Arc<str>>),
    Replace(Object, Vec<Arc<str>>),
    /// A document that defines a kind of the user's own, or is of one.
    Own(Value),
}

impl Cluster {
    pub(crate) fn edge(&self) -> Edge {
        Edge::new(self.calendar)
    }

    /// The objects of a manifest, each with what is to be said of it. Those of versions that are no longer
    /// served are read as the versions that are.
    pub(crate) fn read(manifest: &str) -> Result<Vec<Given>, Error> {
        let objects =
            wavetank_manifest::parse_objects(manifest).map_err(|error| Error::Unreadable(error.to_string()))?;
        let served = |object| match wavetank_manifest::convert_old(&object) {
            Some(converted) => Given { object: converted.object, warnings: vec![converted.warning] },
            None => Given { object, warnings: Vec::new() },
        };
        Ok(objects.into_iter().map(served).collect())
    }

    /// What of this cluster matters to the objects that it takes in.
    pub(crate) fn surroundings(&self) -> Surroundings {
        let services = self.store.documents(Kind::Service).map(|(_, service)| &*service.body);
        Surroundings {
            uid: self.store.next_identity().to_string().into(),
            services: Allocated::of(services),
            scale_to_zero: self.horizontal.config.scale_to_zero,
        }
    }

    /// Creates every object of a manifest. All documents pass the edge before the first is created.
    ///
    /// # Errors
    /// What the edge refuses, or that a name is taken; objects before that one have been created.
    pub fn create(&mut self, manifest: &str) -> Result<Vec<Applied>, Error> {
        let mut edge = self.edge();
        let mut surroundings = self.surroundings();
        let mut steps = Vec::new();
        let mut coming = Vec::new();
        for Given { object: document, mut warnings } in Self::read(manifest)? {
            if self.own_document(&document, &mut coming) {
                self.own_name_is_free(&document)?;
                steps.push(Step::Own(document));
                continue;
            }
            let admitted = wavetank_manifest::admit_into(&document, &surroundings)?;
            wavetank_manifest::refuse_what_is_not_simulated(&admitted.object)?;
            surroundings.services.take(&admitted.object);
            let mut object = wavetank_manifest::read_admitted(&admitted.object, &mut edge)?;
            object.meta_mut().managed = self.owners_at_creation((&document, &admitted.object), manager::CREATE)?;
            warnings.extend(admitted.warnings);
            steps.push(Step::Create(object, warnings));
        }
        steps.into_iter().map(|step| self.take(step)).collect()
    }

    /// Creates one object that has passed the edge.
    ///
    /// # Errors
    /// `AlreadyExists`; `NotFound` or `Forbidden` if its namespace is not there or going; kinds that are
    /// not simulated.
    pub fn create_object(&mut self, mut object: Object) -> Result<Applied, Error> {
        self.may_be_created(&object)?;
        self.complete_name(&mut object);
        let label = object.kind().label(&object.meta().name);
        match object {
            Object::Document(document) => self.create_document(*document)?,
            Object::Deployment(deployment) => {
                self.store.create_deployment(*deployment, self.now)?;
            }
            Object::ReplicaSet(set) | Object::ReplicationController(set) => {
                self.store.create_set(*set, self.now)?;
            }
            Object::Pod(pod) => {
                self.store.create_pod(NewPod { pod: *pod, keep_identity: false }, self.now)?;
            }
        }
        self.absorb();
        Ok(Applied::plain(label, Outcome::Created))
    }

    /// Creates or changes every object of a manifest: YAML or JSON, one document or many.
    ///
    /// An object that is there gets the manifest's spec, labels and annotations; annotations that the
    /// manifest does not speak of, owners and finalizers stay. All documents pass the edge before the
    /// first is applied.
    ///
    /// # Errors
    /// What the edge refuses; then nothing has changed.
    pub fn apply(&mut self, manifest: &str) -> Result<Vec<Applied>, Error> {
        let mut steps = Vec::new();
        let mut surroundings = self.surroundings();
        // What the earlier documents will have made, since a later one may name the same object again.
        let mut pending: BTreeMap<(Kind, String), Value> = BTreeMap::new();
        let mut coming = Vec::new();
        for Given { object: document, mut warnings } in Self::read(manifest)? {
            if self.own_document(&document, &mut coming) {
                steps.push(Step::Own(document));
                continue;
            }
            let kind = wavetank_manifest::kind_of(&document)?;
            let name = name_in(&document);
            let live = match pending.remove(&(kind, name.clone())) {
                Some(made) => Some(made),
                None => self.json(kind, &name).ok(),
            };
            let (admitted, owners) = match &live {
                Some(live) => {
                    let admitted = Self::admitted(live, &keeping_what_is_not_said(live, document), &surroundings)?;
                    let known = self.known_owners(kind, &name);
                    let owners = self.owners_after((live, &admitted.object), known.as_ref(), (manager::APPLY, ""))?;
                    (admitted, owners)
                }
                None => {
                    let admitted = wavetank_manifest::admit_into(&document, &surroundings)?;
                    let owners = self.owners_at_creation((&document, &admitted.object), manager::APPLY)?;
                    (admitted, owners)
                }
            };
            let made = admitted.object;
            warnings.extend(admitted.warnings);
            wavetank_manifest::refuse_what_is_not_simulated(&made)?;
            if kind == Kind::Service {
                live.iter().for_each(|live| surroundings.services.release(live));
                surroundings.services.take(&made);
            }
            let mut object = wavetank_manifest::read_admitted(&made, &mut self.edge())?;
            object.meta_mut().managed = owners;
            let there = live.is_some();
            steps.push(if there { Step::Replace(object, warnings) } else { Step::Create(object, warnings) });
            pending.insert((kind, name), made);
        }
        steps.into_iter().map(|step| self.take(step)).collect()
    }

    pub(crate) fn take(&mut self, step: Step) -> Result<Applied, Error> {
        match step {
            Step::Own(document) => self.take_own(document),
            Step::Create(object, warnings) => self.create_object(object).map(|applied| Applied { warnings, ..applied }),
            Step::Replace(object, warnings) => {
                let label = object.kind().label(&object.meta().name);
                let before = self.store.version();
                self.replace(object)?;
                let outcome = if self.store.version() == before { Outcome::Unchanged } else { Outcome::Configured };
                Ok(Applied { object: label, outcome, warnings })
            }
        }
    }

    /// Applies one object that has passed the edge; a typed object replaces the stored one's spec and
    /// metadata whole.
    ///
    /// # Errors
    /// `NotFound` if the object goes away in between, never else.
    pub fn apply_object(&mut self, object: Object) -> Result<Applied, Error> {
        let name = full_name(&object);
        let there = self.object(object.kind(), &name).is_ok();
        let none = Vec::new();
        if there {
            let object = self.with_owners(object, manager::APPLY)?;
            return self.take(Step::Replace(object, none));
        }
        self.take(Step::Create(object, none))
    }

    /// A changed object, once it has passed the edge.
    pub(crate) fn admitted(live: &Value, new: &Value, surroundings: &Surroundings) -> Result<Admitted, Error> {
        let admitted = wavetank_manifest::admit_update_into(live, new, surroundings)?;
        // A running container keeps its image here; saying otherwise would be a wrong answer.
        if wavetank_manifest::kind_of(&admitted.object)? == Kind::Pod && live["spec"] != admitted.object["spec"] {
            let reason = Reason::Other("NotSimulated".into());
            return Err(Refusal::new(reason, "not simulated: a change of a pod's spec").into());
        }
        Ok(admitted)
    }

    /// Puts an object that has passed the edge in the place of the stored one.
    fn replace(&mut self, object: Object) -> Result<(), Error> {
        let name = full_name(&object);
        match object {
            Object::Document(document) => self.replace_document(*document)?,
            Object::Deployment(deployment) => {
                let key = self.deployment_key(&name)?;
                self.store.update_deployment(key, *deployment, Precondition::None)?;
            }
            Object::ReplicaSet(set) | Object::ReplicationController(set) => {
                let key = self.set_key(set.kind, &name)?;
                self.store.update_set(key, *set, Precondition::None)?;
            }
            Object::Pod(pod) => {
                let key = self.pod_key(&name)?;
                let managed = self.store.pod(key).and_then(|pod| pod.own().and_then(|own| own.managed.clone()));
                let meta = (pod.meta.labels, pod.meta.annotations, pod.meta.owners);
                // The store takes no notice of whether a pod says for itself what it has from others anyway.
                if managed != pod.meta.managed || self.store.pod_meta(key).as_ref() != Some(&meta) {
                    self.store.edit_pod_meta(key, meta.0, meta.1, meta.2, pod.meta.managed)?;
                }
            }
        }
        self.absorb();
        Ok(())
    }

    fn set_key(&self, kind: SetKind, name: &str) -> Result<ReplicaSetKey, Error> {
        let (namespace, plain) = split(name);
        let missing = || Refusal::not_found(set_resource(kind), plain);
        Ok(self.store.set_key(kind, namespace, plain).ok_or_else(missing)?)
    }

    /// The ReplicaSet of a name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn replica_set(&self, name: &str) -> Result<&Arc<ReplicaSet>, Error> {
        let key = self.set_key(SetKind::ReplicaSet, name)?;
        let stored = self.store.set(key).and_then(|slot| slot.stored.as_ref());
        stored.ok_or_else(|| missing(Kind::ReplicaSet, name).into())
    }

    /// The key of the pod of a name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn pod_key(&self, name: &str) -> Result<PodKey, Error> {
        let (namespace, plain) = split(name);
        self.store.pod_key(namespace, plain).ok_or_else(|| missing(Kind::Pod, name).into())
    }

    /// An object of the model, built now because somebody looks.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn object(&self, kind: Kind, name: &str) -> Result<Object, Error> {
        Ok(match kind.storage() {
            Storage::Deployment => Object::Deployment(Box::new((**self.deployment(name)?).clone())),
            Storage::Set(set) => {
                let stored = self.store.set(self.set_key(set, name)?).and_then(|slot| slot.stored.as_ref());
                let object = Box::new((**stored.ok_or_else(|| missing(kind, name))?).clone());
                match set {
                    SetKind::ReplicaSet => Object::ReplicaSet(object),
                    SetKind::ReplicationController => Object::ReplicationController(object),
                }
            }
            Storage::Pod => {
                let pod = self.store.render_pod(self.pod_key(name)?);
                Object::Pod(Box::new(pod.ok_or_else(|| missing(kind, name))?))
            }
            Storage::Document => Object::Document(Box::new((**self.document(kind, name)?).clone())),
        })
    }

    /// An object as the API server shows it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn json(&self, kind: Kind, name: &str) -> Result<Value, Error> {
        if kind == Kind::Endpoints
            && let Some(endpoints) = self.endpoints_json(name)
        {
            return Ok(endpoints);
        }
        let edge = self.edge();
        Ok(match self.object(kind, name)? {
            Object::Deployment(deployment) => render_deployment(&deployment, &edge),
            Object::ReplicaSet(set) | Object::ReplicationController(set) => render_replica_set(&set, &edge),
            Object::Pod(pod) => self.pod_json(self.pod_key(name)?, &pod),
            Object::Document(document) => render_document(&document, &edge),
        })
    }

    pub(crate) fn pod_json(&self, key: PodKey, pod: &Pod) -> Value {
        let mut shown = with_admitted_spec(render_pod(pod, &self.edge()));
        if let Some(Value::Object(spec)) = shown.get_mut("spec") {
            mount_token(spec, &pod_name::suffix(pod.meta.uid, TOKEN));
        }
        self.show_status(key, &mut shown);
        shown
    }

    /// Patches an object; answers what the server warns of. The result must pass the edge as any update.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` if the patch does not fit, `Invalid` if the result does not.
    pub fn patch(
        &mut self,
        kind: Kind,
        name: &str,
        patch_kind: PatchKind,
        patch: &Value,
    ) -> Result<Vec<Arc<str>>, Error> {
        self.patch_as((kind, name), patch_kind, patch, (manager::PATCH, ""))
    }

    /// Sets the replicas of an object of any kind that has some, by its subresource `scale`.
    ///
    /// # Errors
    /// As [`Self::patch`].
    pub fn patch_scale(&mut self, kind: Kind, name: &str, replicas: i32) -> Result<Vec<Arc<str>>, Error> {
        let patch = json!({"spec": {"replicas": replicas}});
        self.patch_as((kind, name), PatchKind::Merge, &patch, (manager::KUBECTL, "scale"))
    }

    fn patch_as(
        &mut self,
        (kind, name): (Kind, &str),
        patch_kind: PatchKind,
        patch: &Value,
        writer: (&str, &str),
    ) -> Result<Vec<Arc<str>>, Error> {
        let patched_from = |live: &Value| match patch_kind {
            PatchKind::Json => wavetank_manifest::patch_json(live, patch),
            PatchKind::Merge => wavetank_manifest::patch_merge(live, patch),
            PatchKind::Strategic => wavetank_manifest::patch_strategic(kind, live, patch),
        };
        let mut live = self.json(kind, name)?;
        let mut patched = patched_from(&live);
        // Owners are looked at only if the patch speaks of them, or a refusal shows the whole object.
        if patched.is_err() || patch.to_string().contains("managedFields") {
            live = self.json_with_managed_fields(kind, name)?;
            patched = patched_from(&live);
        }
        let patched = patched?;
        if name_in(&patched) != name_in(&live) {
            let named = patched["metadata"]["name"].as_str().unwrap_or_default();
            let plain = split(name).1;
            let message = format!("the name of the object ({named}) does not match the name on the URL ({plain})");
            return Err(Refusal::new(Reason::BadRequest, message).into());
        }
        let admitted = Self::admitted(&live, &patched, &self.surroundings())?;
        wavetank_manifest::refuse_what_is_not_simulated(&admitted.object)?;
        let mut new = wavetank_manifest::read_admitted(&admitted.object, &mut self.edge())?;
        let known = self.known_owners(kind, name);
        new.meta_mut().managed = self.owners_after((&live, &admitted.object), known.as_ref(), writer)?;
        self.replace(new)?;
        Ok(admitted.warnings)
    }

    /// Sets or, with `None`, removes a label.
    ///
    /// # Errors
    /// As [`Self::patch`].
    pub fn label(&mut self, kind: Kind, name: &str, key: &str, value: Option<&str>) -> Result<(), Error> {
        let patch = json!({"metadata": {"labels": {key: value}}});
        self.patch_as((kind, name), PatchKind::Merge, &patch, (manager::LABEL, "")).map(drop)
    }

    /// Sets or, with `None`, removes an annotation.
    ///
    /// # Errors
    /// As [`Self::patch`].
    pub fn annotate(&mut self, kind: Kind, name: &str, key: &str, value: Option<&str>) -> Result<(), Error> {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        self.patch_as((kind, name), PatchKind::Merge, &patch, (manager::ANNOTATE, "")).map(drop)
    }

    /// Deletes an object; pods gracefully, owners as `propagation` says.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, kind: Kind, name: &str, propagation: Propagation) -> Result<(), Error> {
        match kind.storage() {
            Storage::Set(set) => {
                let key = self.set_key(set, name)?;
                self.store.delete_set(key, propagation.finalizer(), self.now)?;
            }
            Storage::Deployment => {
                let key = self.deployment_key(name)?;
                self.store.delete_deployment(key, propagation.finalizer(), self.now)?;
            }
            Storage::Pod => self.delete_pod_gracefully(self.pod_key(name)?, None)?,
            Storage::Document => self.delete_document(kind, name, propagation)?,
        }
        self.absorb();
        Ok(())
    }
}

pub(crate) fn missing(kind: Kind, name: &str) -> Refusal {
    Refusal::not_found(kind.resource(), split(name).1)
}

/// A document with the annotations, owners and finalizers of the live object that it does not speak of.
fn keeping_what_is_not_said(live: &Value, mut document: Value) -> Value {
    let (Some(was), Some(metadata)) =
        (live["metadata"].as_object(), document.get_mut("metadata").and_then(Value::as_object_mut))
    else {
        return document;
    };
    for key in ["ownerReferences", "finalizers"] {
        if let Some(value) = was.get(key).filter(|_| !metadata.contains_key(key)) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(kept)) = was.get("annotations") {
        let said = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Value::Object(said) = said {
            for (key, value) in kept {
                said.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    document
}

/// A pod as the server would have stored it: a set's template lacks what admission fills in for pods.
fn with_admitted_spec(mut pod: Value) -> Value {
    let bare = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]},
        "spec": pod["spec"],
    });
    // A recorded pod may be one that no server would take in; it is shown as it is.
    if let Ok(mut admitted) = wavetank_manifest::admit(&bare) {
        pod["spec"] = admitted["spec"].take();
    }
    pod
}
