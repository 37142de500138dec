//! What users and controllers do with objects of a user's own kinds.

use super::objects::{Defined, OwnName, set_at_path, version};
use super::{OwnController, OwnKind};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::history::watch::WatchType;
use crate::verbs::objects::{Applied, Outcome, PatchKind};
use serde_json::{Value, json};
use std::sync::Arc;
use wavetank_model::{Cause, Reason, Refusal, Scale};
use wavetank_store::Precondition;

impl Cluster {
    /// Defines a kind, or defines it anew, with what keeps its objects as they should be.
    pub fn define_kind(&mut self, kind: OwnKind, controller: Option<OwnController>) {
        self.horizontal.forget_targets();
        let word = Arc::clone(&kind.kind);
        // A definition without a controller leaves the one that is there.
        let known = self.own.kinds.remove(&word).and_then(|defined| defined.controller);
        self.own.kinds.insert(word, Defined { kind, controller: controller.or(known) });
    }

    /// The kinds that were defined, by their words.
    pub fn own_kinds(&self) -> impl Iterator<Item = &OwnKind> {
        self.own.kinds.values().map(|defined| &defined.kind)
    }

    /// An object of a defined kind as JSON; the name may have a namespace in front.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn own_object(&self, kind: &str, name: &str) -> Result<&Value, Error> {
        let kind = self.own_kind(kind)?;
        let (namespace, name) = kind.split(name);
        Ok(self.own.object(kind, namespace, name)?.1)
    }

    /// All objects of a defined kind, by namespace and name.
    pub fn own_objects(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.own.objects.iter().filter(move |((word, ..), _)| **word == *kind).map(|(_, object)| object)
    }

    fn own_kind(&self, word: &str) -> Result<&OwnKind, Refusal> {
        let missing = || Refusal::new(Reason::NotFound, format!("no matches for kind \"{word}\""));
        self.own.kind(word).ok_or_else(missing)
    }

    /// Writes the status of an object of a defined kind, as its controller does. Its controller is not called
    /// for that.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_own_status(&mut self, kind: &str, name: &str, status: Value) -> Result<(), Error> {
        let kind = self.own_kind(kind)?;
        let (namespace, name) = kind.split(name);
        let (key, object) = self.own.object(kind, namespace, name)?;
        if object["status"] != status {
            let mut new = object.clone();
            new["status"] = status;
            self.put_own(key, new);
        }
        Ok(())
    }

    /// Scales an object of a defined kind.
    ///
    /// # Errors
    /// `NotFound`, also if the kind has no scale.
    pub fn scale_own(&mut self, kind: &str, name: &str, replicas: i32) -> Result<(), Error> {
        let (namespace, name) = self.own_kind(kind)?.split(name);
        Ok(self.write_own_scale(kind, namespace, name, replicas, Precondition::None)?)
    }

    /// The scale of an object of a defined kind.
    ///
    /// # Errors
    /// `NotFound`, also if the kind has no scale.
    pub fn own_scale(&self, kind: &str, name: &str) -> Result<Scale, Error> {
        let (namespace, name) = self.own_kind(kind)?.split(name);
        Ok(self.own.read_scale(kind, namespace, name)?.0)
    }

    /// Patches an object of a defined kind; its status stays, since its controller alone writes that.
    ///
    /// # Errors
    /// `NotFound`; `BadRequest` for a patch that does not fit or gives another name; `UnsupportedMediaType` for a
    /// strategic merge, since the server knows the fields of such kinds too little for that.
    pub fn patch_own(&mut self, kind: &str, name: &str, how: PatchKind, patch: &Value) -> Result<(), Error> {
        let kind = self.own_kind(kind)?;
        let (namespace, name) = kind.split(name);
        let (key, live) = self.own.object(kind, namespace, name)?;
        let mut new = match how {
            PatchKind::Json => wavetank_manifest::patch_json(live, patch)?,
            PatchKind::Merge => wavetank_manifest::patch_merge(live, patch)?,
            PatchKind::Strategic => {
                let message = "the body of the request was in an unknown format - accepted media types include: \
                               application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
                return Err(Refusal::new(Reason::Other("UnsupportedMediaType".into()), message).into());
            }
        };
        for field in ["name", "namespace"] {
            let (said, expected) = (&new["metadata"][field], &live["metadata"][field]);
            if said != expected {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let message = format!(
                    "the {field} of the object ({}) does not match the {field} on the URL ({})",
                    text(said),
                    text(expected)
                );
                return Err(Refusal::new(Reason::BadRequest, message).into());
            }
        }
        for field in ["creationTimestamp", "generation", "resourceVersion"] {
            new["metadata"][field] = live["metadata"][field].clone();
        }
        match (live.get("status"), new.as_object_mut()) {
            (Some(status), Some(fields)) => {
                fields.insert("status".to_owned(), status.clone());
            }
            (None, Some(fields)) => {
                fields.remove("status");
            }
            (_, None) => {}
        }
        if new != *live {
            self.change_own(key, new);
        }
        Ok(())
    }

    pub(crate) fn write_own_scale(
        &mut self,
        word: &str,
        namespace: &str,
        name: &str,
        replicas: i32,
        expected: Precondition,
    ) -> Result<(), Refusal> {
        let (kind, paths) = self.own.scaled(word)?;
        let (key, object) = self.own.object(kind, namespace, name)?;
        if let Precondition::Version(expected) = expected
            && expected != version(object)
        {
            return Err(Refusal::conflict(&kind.resource(), name));
        }
        let mut new = object.clone();
        set_at_path(&mut new, &paths.wanted, replicas.into());
        self.change_own(key, new);
        Ok(())
    }

    /// Deletes an object of a defined kind. What its controller made of it stays; with a
    /// CustomResourceDefinition, the kind goes and all objects of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_own(&mut self, kind: &str, name: &str) -> Result<(), Error> {
        let kind = self.own_kind(kind)?;
        let (namespace, name) = kind.split(name);
        let (key, object) = self.own.object(kind, namespace, name)?;
        let defined = OwnKind::of_definition(object);
        self.drop_own(&key);
        if let Some(defined) = defined {
            let of_kind = |key: &&OwnName| key.0 == defined.kind;
            for key in self.own.objects.keys().filter(of_kind).cloned().collect::<Vec<_>>() {
                self.drop_own(&key);
            }
            self.own.kinds.remove(&defined.kind);
            self.horizontal.forget_targets();
        }
        Ok(())
    }

    fn drop_own(&mut self, key: &OwnName) {
        if let Some(gone) = self.own.objects.remove(key) {
            self.digest.bytes(format!("{}/{}/{} deleted", key.0, key.1, key.2).as_bytes());
            self.show_own(&key.0, WatchType::Deleted, &gone);
        }
    }

    /// Whether a document of a manifest defines a kind or is of a defined one; `coming` are kinds that earlier
    /// documents define.
    pub(crate) fn own_document(&self, document: &Value, coming: &mut Vec<OwnKind>) -> bool {
        if let Some(kind) = OwnKind::of_definition(document) {
            coming.push(kind);
            return true;
        }
        let is_of = |kind: &OwnKind| document["kind"] == *kind.kind && document["apiVersion"] == kind.api_version();
        self.own.kind_of(document).is_some() || coming.iter().any(is_of)
    }

    /// Whether a document that is to be created has a name of its own.
    pub(crate) fn own_name_is_free(&self, document: &Value) -> Result<(), Refusal> {
        let Some(kind) = self.own.kind_of(document) else { return Ok(()) };
        let text = |field: &str| document["metadata"][field].as_str();
        let namespace = if kind.is_namespaced { text("namespace").unwrap_or("default") } else { "" };
        let name = text("name").unwrap_or_default();
        match self.own.object(kind, namespace, name) {
            Ok(_) => Err(Refusal::already_exists(&kind.resource(), name)),
            Err(_) => Ok(()),
        }
    }

    /// Applies a document that [`Self::own_document`] knows.
    pub(crate) fn take_own(&mut self, document: Value) -> Result<Applied, Error> {
        let warnings = Vec::new();
        let missing = |what: &str| Refusal::new(Reason::BadRequest, format!("{what} is required"));
        let kind = self.own.kind_of(&document).ok_or_else(|| missing("kind"))?.clone();
        let name = document["metadata"]["name"].as_str().filter(|name| !name.is_empty());
        let name: Arc<str> = name.ok_or_else(|| missing("metadata.name"))?.into();
        if kind == OwnKind::definitions() {
            self.define_kind(defined(&document, &name)?, None);
        }
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or("default");
        let namespace: Arc<str> = if kind.is_namespaced { namespace.into() } else { "".into() };
        let key = (Arc::clone(&kind.kind), Arc::clone(&namespace), Arc::clone(&name));
        let object = kind.label(&name);
        let Some(live) = self.own.objects.get(&key) else {
            let mut new = document;
            if kind.is_namespaced {
                new["metadata"]["namespace"] = (*namespace).into();
            }
            new["metadata"]["creationTimestamp"] = self.edge().spell_time(self.now).into();
            new["metadata"]["generation"] = 0.into();
            self.change_own(key, new);
            return Ok(Applied { object, outcome: Outcome::Created, warnings });
        };
        let mut new = live.clone();
        for (field, value) in document.as_object().into_iter().flatten() {
            match field.as_str() {
                "metadata" => {
                    for (field, value) in value.as_object().into_iter().flatten() {
                        new["metadata"][field] = value.clone();
                    }
                }
                // It is written by the controller alone.
                "status" => {}
                _ => new[field] = value.clone(),
            }
        }
        if new == *live {
            return Ok(Applied { object, outcome: Outcome::Unchanged, warnings });
        }
        self.change_own(key, new);
        Ok(Applied { object, outcome: Outcome::Configured, warnings })
    }

    /// Stores an object whose spec may have changed; its controller is to look at it.
    fn change_own(&mut self, key: OwnName, mut new: Value) {
        if self.own.objects.get(&key).is_none_or(|live| live["spec"] != new["spec"]) {
            new["metadata"]["generation"] = json!(new["metadata"]["generation"].as_i64().unwrap_or_default() + 1);
        }
        self.own.changed.push_back(key.clone());
        self.put_own(key, new);
    }

    fn put_own(&mut self, key: OwnName, mut new: Value) {
        let before = self.own.objects.get(&key).map_or(0, version);
        new["metadata"]["resourceVersion"] = (before + 1).to_string().into();
        self.digest.word(self.now.as_nanos().cast_unsigned());
        self.digest.bytes(new.to_string().as_bytes());
        let what = if before == 0 { WatchType::Added } else { WatchType::Modified };
        self.show_own(&key.0, what, &new);
        self.own.objects.insert(key, new);
    }

    /// Calls the controller of the next object that changed; false if there is none.
    pub(crate) fn run_own_controller(&mut self) -> bool {
        let Some(key) = self.own.changed.pop_front() else { return false };
        let controller = self.own.kinds.get(&key.0).and_then(|defined| defined.controller);
        if let (Some(controller), Some(object)) = (controller, self.own.objects.get(&key).cloned()) {
            // What it could not do it will be asked for again at the next change, as any other.
            let _failed = controller(self, &object);
        }
        true
    }
}

/// The kind that a CustomResourceDefinition of a name defines.
fn defined(definition: &Value, name: &str) -> Result<OwnKind, Refusal> {
    let kind = OwnKind::of_definition(definition);
    if let Some(kind) = kind.filter(|kind| kind.resource() == name) {
        return Ok(kind);
    }
    let detail = format!("Invalid value: \"{name}\": must be spec.names.plural+\".\"+spec.group");
    let definitions = OwnKind::definitions();
    let (word, group, field) = (&definitions.kind, &definitions.group, "metadata.name");
    let mut refusal = Refusal::new(Reason::Invalid, format!("{word}.{group} \"{name}\" is invalid: {field}: {detail}"));
    refusal.causes.push(Cause { reason: "FieldValueInvalid".into(), message: detail.into(), field: field.into() });
    Err(refusal)
}
