//! The scale subresource: how many replicas an object has and should have, whatever its kind.

use crate::cluster::Cluster;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_manifest::managed::CONTROLLERS;
use wavetank_model::{
    Deployment, DeploymentKey, Document, Kind, LabelSelector, ObjectMeta, Refusal, ReplicaSet, Scale, SetKind,
    StringMap,
};
use wavetank_store::{Precondition, Store};

/// An object that can be scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scalable {
    pub(crate) kind: Kind,
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// What an autoscaler scales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// An object of a kind of the API server's own.
    BuiltIn(Scalable),
    /// An object of a kind of the user's own, by its word, namespace and name.
    Own(Arc<str>, Arc<str>, Arc<str>),
}

/// The kind of a name that has a scale.
fn scalable_kind(group: &str, word: &str) -> Option<Kind> {
    let kind = Kind::all().find(|kind| kind.as_str() == word)?;
    let has_scale =
        matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController | Kind::StatefulSet);
    let own_group = kind.api_version().split_once('/').map_or("", |(group, _)| group);
    (has_scale && own_group == group).then_some(kind)
}

impl Scalable {
    const fn set_kind(&self) -> Option<SetKind> {
        if matches!(self.kind, Kind::ReplicaSet) {
            Some(SetKind::ReplicaSet)
        } else if matches!(self.kind, Kind::ReplicationController) {
            Some(SetKind::ReplicationController)
        } else {
            None
        }
    }

    fn missing(&self) -> Refusal {
        let group = self.kind.api_version().split_once('/').map_or("", |(group, _)| group);
        let plural = self.kind.resource();
        let resource =
            if group.is_empty() || plural.contains('.') { plural.to_owned() } else { format!("{plural}.{group}") };
        Refusal::not_found(&resource, &self.name)
    }
}

impl Cluster {
    /// What a group, a word, a namespace and a name stand for, if the API serves a scale of that kind.
    pub(crate) fn scale_target(
        &self,
        group: &str,
        word: &str,
        namespace: &Arc<str>,
        name: &Arc<str>,
    ) -> Option<Target> {
        let (namespace, name) = (Arc::clone(namespace), Arc::clone(name));
        if self.own.scalable(group, word).is_some() {
            return Some(Target::Own(word.into(), namespace, name));
        }
        scalable_kind(group, word).map(|kind| Target::BuiltIn(Scalable { kind, namespace, name }))
    }

    /// Reads the scale of a target, and its version.
    pub(crate) fn read_target(&self, of: &Target, found: &mut Found) -> Result<(Scale, u64), Refusal> {
        match of {
            Target::BuiltIn(scalable) => read_scale(&self.store, scalable, found),
            Target::Own(kind, namespace, name) => self.own.read_scale(kind, namespace, name),
        }
    }

    /// Sets the replicas of a target, if it is at the version that is expected.
    pub(crate) fn write_target(&mut self, of: &Target, replicas: i32, expected: Precondition) -> Result<(), Refusal> {
        match of {
            Target::BuiltIn(scalable) => self.write_scale(scalable, replicas, expected),
            Target::Own(kind, namespace, name) => {
                if let Some(refusal) = self.refusals.meets("update", kind, Some("scale"), || Arc::clone(name)) {
                    return Err(refusal);
                }
                self.write_own_scale(kind, namespace, name, replicas, expected)
            }
        }
    }

    /// Sets the replicas of the stored object, if it is the one that is expected.
    fn write_scale(&mut self, of: &Scalable, replicas: i32, expected: Precondition) -> Result<(), Refusal> {
        let refused = self.refusals.meets("update", of.kind.as_str(), Some("scale"), || Arc::clone(&of.name));
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let (namespace, name) = (&of.namespace, &of.name);
        if let Some(set) = of.set_kind() {
            let key = self.store.set_key(set, namespace, name).ok_or_else(|| of.missing())?;
            let stored = self.store.set(key).and_then(|slot| slot.stored.as_ref()).ok_or_else(|| of.missing())?;
            let mut new = (**stored).clone();
            if new.spec.replicas != replicas {
                new.meta.managed = self.owners_after_scale(of.kind, &new.meta, CONTROLLERS);
            }
            new.spec.replicas = replicas;
            self.store.update_set(key, new, expected)?;
        } else if of.kind == Kind::Deployment {
            let key = self.store.deployment_key(namespace, name).ok_or_else(|| of.missing())?;
            let stored = self.store.deployment(key).and_then(|slot| slot.stored.as_ref());
            let mut new = (**stored.ok_or_else(|| of.missing())?).clone();
            if new.spec.replicas != replicas {
                new.meta.managed = self.owners_after_scale(of.kind, &new.meta, CONTROLLERS);
            }
            new.spec.replicas = replicas;
            self.store.update_deployment(key, new, expected)?;
        } else {
            let key = self.store.document_key(of.kind, namespace, name).ok_or_else(|| of.missing())?;
            let stored = self.store.document(key).and_then(|slot| slot.stored.as_ref());
            let mut new = (**stored.ok_or_else(|| of.missing())?).clone();
            if new.body["spec"]["replicas"] != replicas {
                new.meta.managed = self.owners_after_scale(of.kind, &new.meta, CONTROLLERS);
            }
            Arc::make_mut(&mut new.body)["spec"]["replicas"] = replicas.into();
            self.store.update_document(key, new, expected)?;
        }
        self.absorb();
        Ok(())
    }
}

/// Reads the scale of a stored object, and the version of the object. Where it is and how its selector is
/// spelled is looked up and kept in `found`.
fn read_scale(store: &Store, of: &Scalable, found: &mut Found) -> Result<(Scale, u64), Refusal> {
    let (namespace, name) = (&of.namespace, &of.name);
    let Found { deployment, spelled } = found;
    let mut scale = |spec_replicas, status_replicas, selector, meta: &ObjectMeta| {
        let selector = Spelled::of(selector, spelled);
        (Scale { spec_replicas, status_replicas, selector }, meta.resource_version)
    };
    if let Some(set) = of.set_kind() {
        let stored = store.set_key(set, namespace, name).and_then(|key| store.set(key)?.stored.as_ref());
        let ReplicaSet { meta, spec, status, .. } = &**stored.ok_or_else(|| of.missing())?;
        return Ok(scale(spec.replicas, status.replicas, &spec.selector, meta));
    }
    if of.kind == Kind::Deployment {
        let stored = known_deployment(store, of, deployment);
        let Deployment { meta, spec, status } = &**stored.ok_or_else(|| of.missing())?;
        return Ok(scale(spec.replicas, status.replicas, &spec.selector, meta));
    }
    let stored = store.stored_document(of.kind, namespace, name).ok_or_else(|| of.missing())?;
    Ok((scale_of(stored), stored.meta.resource_version))
}

/// What was found out about a target and holds for long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    deployment: Option<DeploymentKey>,
    spelled: Option<Spelled>,
}

/// A stored Deployment. The object under a key keeps its name, so it need not be looked up by it.
fn known_deployment<'a>(
    store: &'a Store,
    of: &Scalable,
    known: &mut Option<DeploymentKey>,
) -> Option<&'a Arc<Deployment>> {
    let stored = |key| store.deployment(key)?.stored.as_ref();
    known.and_then(stored).or_else(|| {
        *known = store.deployment_key(&of.namespace, &of.name);
        known.and_then(stored)
    })
}

/// A selector and its form on command lines.
#[derive(Clone, Debug)]
struct Spelled {
    selector: LabelSelector,
    text: Arc<str>,
}

impl Spelled {
    fn of(selector: &LabelSelector, known: &mut Option<Self>) -> Arc<str> {
        if let Some(known) = known.as_ref().filter(|known| known.selector == *selector) {
            return Arc::clone(&known.text);
        }
        let text = spelled(selector);
        *known = Some(Self { selector: selector.clone(), text: Arc::clone(&text) });
        text
    }
}

/// A selector in the form of command lines; empty if it is not valid.
fn spelled(selector: &LabelSelector) -> Arc<str> {
    selector.compile().map_or_else(|_| "".into(), |selector| selector.to_string().into())
}

/// The scale of an object of a kind that is few.
fn scale_of(document: &Document) -> Scale {
    let count = |part: &serde_json::Value| {
        part["replicas"].as_i64().and_then(|replicas| i32::try_from(replicas).ok()).unwrap_or_default()
    };
    let labels = document.body["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let match_labels: StringMap = labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    Scale {
        spec_replicas: count(&document.body["spec"]),
        status_replicas: count(document.status.json()),
        selector: spelled(&LabelSelector { match_labels, match_expressions: Vec::new() }),
    }
}
