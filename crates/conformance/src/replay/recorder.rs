//! From the changes of a cluster to the entries of a trace.

use super::autoscaler;
use super::names::{Names, REVISION, REVISION_HISTORY};
use super::scenario::START_UNIX_SECONDS;
use crate::trace::{Details, Entry};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank::Happening;
use wavetank_engine::{Calendar, Time};
use wavetank_manifest::{Edge, render_document_status};
use wavetank_model::{
    Deployment, DeploymentStatus, Document, EndpointSlice, Kind, PodKey, ReplicaSet, ReplicaSetStatus, Uid,
};
use wavetank_store::{Change, PodChange, PodState, PodView, Store};

/// The slices of one Service.
type SlicesByName = BTreeMap<Arc<str>, EndpointSlice>;

/// Writes a trace. One write to the store can give several entries, or none.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    names: Names,
    entries: Vec<Entry>,
    /// Last content by kind, name and what; kept when the object is gone, as in the recordings.
    last: BTreeMap<String, Value>,
    created: BTreeMap<PodKey, Time>,
    /// Slices that are there, by namespace, Service and name of the slice.
    slices: BTreeMap<(Arc<str>, Arc<str>), SlicesByName>,
    /// First image of each set's template.
    images: BTreeMap<Uid, Arc<str>>,
    now: i64,
}

impl Recorder {
    /// A recorder of a cluster that is still empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The trace.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The real name behind the normalised one that a scenario uses.
    #[must_use]
    pub fn real_name<'a>(&'a self, normal: &'a str) -> &'a str {
        self.names.real(normal)
    }

    /// A command is about to be carried out.
    pub fn command(&mut self, time: Time, op: &str, target: Option<&str>) {
        self.now = time.as_millis();
        let mut details = object(json!({"op": op}));
        if let Some(target) = target {
            details.insert("target".to_owned(), target.into());
        }
        self.push("Command", "user", op, details);
    }

    /// The command was refused.
    pub fn refused(&mut self, time: Time, op: &str, error: &str) {
        self.now = time.as_millis();
        self.push("Command", "user", "refused", object(json!({"op": op, "error": error})));
    }

    /// A node came or went.
    pub fn node(&mut self, time: Time, name: &str, what: &str) {
        self.now = time.as_millis();
        self.push("Node", name, what, Details::new());
    }

    /// Takes the next entries of a cluster's history. The store tells names that changes do not carry.
    pub fn take(&mut self, entries: &[wavetank::Entry], store: &Store) {
        for instant in entries.chunk_by(|left, right| left.time == right.time) {
            // An event may stand before the change that made the object it speaks of.
            for entry in instant {
                if let Happening::Change(change) = &entry.what {
                    self.name(change, store);
                }
            }
            for entry in instant {
                self.entry(entry, store);
            }
        }
    }

    fn name(&mut self, change: &Change, store: &Store) {
        match change {
            Change::ReplicaSet { old: None, new: Some(set), .. } => self.names.add_set(set),
            Change::Pod(PodChange { key, old: None, new: Some(pod), .. }) => {
                let alone = || store.pod(*key).map_or_else(|| "".into(), |pod| store.pod_name(&pod));
                self.names.add_pod(*key, store.owner_in(pod), alone);
            }
            // Everything else keeps the name that it has.
            Change::Deployment { .. }
            | Change::ReplicaSet { .. }
            | Change::Pod(_)
            | Change::Document { .. }
            | Change::NodeAdded { .. }
            | Change::NodeRemoved { .. } => {}
        }
    }

    fn entry(&mut self, entry: &wavetank::Entry, store: &Store) {
        self.now = entry.time.as_millis();
        match &entry.what {
            Happening::Change(change) => self.change(entry.time, change, store),
            Happening::Event { about, event, .. } => {
                let name = self.names.normalise(&about.name);
                let message = self.names.normalise(&event.message);
                let details = json!({"type": event.kind.as_str(), "reason": &*event.reason, "message": message});
                self.push(&about.kind, &name, "event", object(details));
            }
            // Whatever else a history may tell has no place in a recorded trace.
            _ => {}
        }
    }

    fn change(&mut self, time: Time, change: &Change, store: &Store) {
        match change {
            Change::Deployment { old, new, .. } => self.deployment(old.as_deref(), new.as_deref()),
            Change::ReplicaSet { old, new, .. } => self.set(old.as_deref(), new.as_deref()),
            Change::Pod(PodChange { key, old, new, .. }) => self.pod(time, *key, old.as_ref(), new.as_ref(), store),
            Change::Document { old, new, .. } => self.document(old.as_deref(), new.as_deref()),
            Change::NodeAdded { node } => self.node(time, &store.node(*node).name, "created"),
            Change::NodeRemoved { node } => self.node(time, &store.node(*node).name, "deleted"),
        }
    }

    fn deployment(&mut self, old: Option<&Deployment>, new: Option<&Deployment>) {
        const KIND: &str = "Deployment";
        let Some(new) = new else {
            let name = old.map_or("", |old| &*old.meta.name);
            return self.push(KIND, name, "deleted", Details::new());
        };
        let name = &*new.meta.name;
        match old {
            None => {
                let zero = DeploymentStatus { terminating_replicas: Some(0), ..DeploymentStatus::default() };
                self.push(KIND, name, "created", object(json!({"replicas": new.spec.replicas})));
                self.remember(KIND, name, "status", deployment_status(&zero));
            }
            Some(old) => self.size(KIND, name, old.spec.replicas, new.spec.replicas),
        }
        self.if_new(KIND, name, "status", deployment_status(&new.status));
        let conditions = new.status.conditions.iter();
        let old_conditions = old.map_or(&[][..], |old| &old.status.conditions).iter();
        self.conditions(
            KIND,
            name,
            &old_conditions.map(|condition| &*condition.kind).collect::<Vec<_>>(),
            &conditions.map(|c| (&*c.kind, c.status.as_str(), &*c.reason)).collect::<Vec<_>>(),
        );
    }

    fn set(&mut self, old: Option<&ReplicaSet>, new: Option<&ReplicaSet>) {
        let Some(new) = new else {
            if let Some(old) = old {
                let name = self.set_name(old);
                self.push(old.kind.as_str(), &name, "deleted", Details::new());
            }
            return;
        };
        let kind = new.kind.as_str();
        let image = new.spec.template.facts.images.first().cloned().unwrap_or_default();
        self.images.insert(new.meta.uid, Arc::clone(&image));
        let name = self.set_name(new);
        match old {
            None => {
                let details = json!({"replicas": new.spec.replicas, "image": &*image});
                self.push(kind, &name, "created", object(details));
                let zero = ReplicaSetStatus { terminating_replicas: Some(0), ..ReplicaSetStatus::default() };
                self.remember(kind, &name, "status", set_status(&zero));
            }
            Some(old) => self.set_meta(kind, &name, old, new),
        }
        self.if_new(kind, &name, "status", set_status(&new.status));
        let old_conditions = old.map_or(&[][..], |old| &old.status.conditions).iter();
        self.conditions(
            kind,
            &name,
            &old_conditions.map(|condition| &*condition.kind).collect::<Vec<_>>(),
            &new.status.conditions.iter().map(|c| (&*c.kind, c.status.as_str(), &*c.reason)).collect::<Vec<_>>(),
        );
    }

    fn set_meta(&mut self, kind: &str, name: &str, old: &ReplicaSet, new: &ReplicaSet) {
        let owner = |set: &ReplicaSet| set.meta.controller().map(|owner| Arc::clone(&owner.name));
        match (owner(old), owner(new)) {
            (before, Some(after)) if before.as_ref() != Some(&after) => {
                self.push(kind, name, "adopted", object(json!({"by": &*after})));
            }
            (Some(_), None) => self.push(kind, name, "released", Details::new()),
            _ => {}
        }
        self.size(kind, name, old.spec.replicas, new.spec.replicas);
        let revision = |set: &ReplicaSet| set.meta.annotations.get(REVISION).unwrap_or_default().to_owned();
        if revision(old) != revision(new) {
            let history = new.meta.annotations.get(REVISION_HISTORY).unwrap_or_default();
            self.push(kind, name, "revision", object(json!({"to": revision(new), "history": history})));
        }
    }

    fn set_name(&self, set: &ReplicaSet) -> String {
        self.names.set(set.meta.uid).unwrap_or(&set.meta.name).to_owned()
    }

    fn pod(&mut self, time: Time, key: PodKey, old: Option<&PodView>, new: Option<&PodView>, store: &Store) {
        let Some(new) = new else {
            let name = self.names.pod(key).to_owned();
            return self.push("Pod", &name, "deleted", Details::new());
        };
        let Some(old) = old else {
            let name = self.names.pod(key).to_owned();
            // A pod that is gone by now had the template of its set.
            let own = store.pod(key).and_then(|pod| store.template_of(&pod).facts.images.first().cloned());
            let image = own.or_else(|| self.images.get(&store.owner_in(new)?).cloned()).unwrap_or_default();
            self.created.insert(key, time.floor_second());
            return self.push("Pod", &name, "created", object(json!({"image": &*image})));
        };
        let name = self.names.pod(key).to_owned();
        let by = |names: &Names, uid| names.set(uid).unwrap_or_default().to_owned();
        match (store.owner_in(old), store.owner_in(new)) {
            (before, Some(after)) if before != Some(after) => {
                self.push("Pod", &name, "adopted", object(json!({"by": by(&self.names, after)})));
            }
            (Some(before), None) => {
                self.push("Pod", &name, "released", object(json!({"by": by(&self.names, before)})));
            }
            _ => {}
        }
        let (before, after) = (&old.state, &new.state);
        let node = |state: &PodState| state.node.map_or("", |node| &*store.node(node).name);
        if before.node != after.node {
            self.push("Pod", &name, "scheduled", object(json!({"node": node(after)})));
        }
        if before.deletion.is_none() && after.deletion.is_some() {
            let mut details = object(json!({
                "phase": before.phase.as_str(),
                "ready": before.ready,
                "node": node(before),
                "createdAt": self.created.get(&key).map(|at| at.as_millis()),
            }));
            if old.deletion_cost != 0 {
                details.insert("deletionCost".to_owned(), old.deletion_cost.to_string().into());
            }
            self.push("Pod", &name, "terminating", details);
        }
        if before.phase != after.phase {
            self.push("Pod", &name, "phase", object(json!({"to": after.phase.as_str()})));
        }
        if before.ready != after.ready {
            self.push("Pod", &name, "ready", object(json!({"to": after.ready})));
        }
        if before.restarts < after.restarts {
            self.push("Pod", &name, "containerExit", object(json!({"restarts": after.restarts})));
        }
    }

    fn autoscaler(&mut self, old: Option<&Document>, new: Option<&Document>) {
        const KIND: &str = "HorizontalPodAutoscaler";
        let Some(new) = new else {
            let name = old.map_or("", |old| &*old.meta.name);
            return self.push(KIND, name, "deleted", Details::new());
        };
        let name = &*new.meta.name;
        if old.is_none() {
            self.push(KIND, name, "created", object(autoscaler::created(new)));
        }
        let edge = Edge::new(Calendar::from_unix_seconds(START_UNIX_SECONDS));
        let millis = |text: &str| edge.time(text).ok().map(Time::as_millis);
        let before = old.map(|old| render_document_status(old, &edge)).unwrap_or_default();
        let after = render_document_status(new, &edge);
        if let Some(status) = autoscaler::status(&after, millis) {
            self.if_new(KIND, name, "status", object(status));
        }
        let before: Vec<&str> = autoscaler::conditions(&before).into_iter().map(|(condition, ..)| condition).collect();
        self.conditions(KIND, name, &before, &autoscaler::conditions(&after));
    }

    /// A slice changed: all slices of its Service are put together.
    fn document(&mut self, old: Option<&Document>, new: Option<&Document>) {
        if let Some(Kind::HorizontalPodAutoscaler) = new.or(old).map(|document| document.kind) {
            return self.autoscaler(old, new);
        }
        let slice = |document: Option<&Document>| document.and_then(Document::endpoint_slice);
        let (old, new) = (slice(old), slice(new));
        let key =
            |slice: &EndpointSlice| Some((Arc::clone(&slice.meta.namespace), Arc::<str>::from(slice.service_name()?)));
        let Some(service) = new.as_ref().or(old.as_ref()).and_then(key) else { return };
        let slices = self.slices.entry(service.clone()).or_default();
        match (old, new) {
            (_, Some(new)) => drop(slices.insert(Arc::clone(&new.meta.name), new)),
            (Some(old), None) => drop(slices.remove(&old.meta.name)),
            (None, None) => {}
        }
        let (mut ready, mut not_ready, mut terminating) = (Vec::new(), Vec::new(), Vec::new());
        for endpoint in slices.values().flat_map(|slice| slice.endpoints.iter()) {
            let name = endpoint.pod.map_or("", |pod| self.names.pod(pod.key)).to_owned();
            let conditions = endpoint.conditions;
            match (conditions.ready, conditions.terminating, conditions.serving) {
                (true, ..) => ready.push(name),
                (false, true, true) => terminating.push(format!("{name} (serving)")),
                (false, true, false) => terminating.push(name),
                (false, false, _) => not_ready.push(name),
            }
        }
        [&mut ready, &mut not_ready, &mut terminating].into_iter().for_each(|names| names.sort_unstable());
        let content = json!({"ready": ready, "notReady": not_ready, "terminating": terminating});
        self.if_new("Endpoints", &service.1, "endpoints", object(content));
    }

    fn size(&mut self, kind: &str, name: &str, from: i32, to: i32) {
        if from != to {
            self.push(kind, name, "spec.replicas", object(json!({"from": from, "to": to})));
        }
    }

    /// Conditions, each as kind, status and reason, in the order in which the object lists them.
    fn conditions(&mut self, kind: &str, name: &str, before: &[&str], after: &[(&str, &str, &str)]) {
        for (condition, status, reason) in after {
            let details = object(json!({"type": condition, "status": status, "reason": reason}));
            self.if_new_of(kind, name, "condition", condition, details);
        }
        for gone in before.iter().filter(|gone| !after.iter().any(|(condition, ..)| condition == *gone)) {
            let details = object(json!({"type": gone, "status": "removed"}));
            self.if_new_of(kind, name, "condition", gone, details);
        }
    }

    fn remember(&mut self, kind: &str, name: &str, what: &str, details: Details) {
        self.last.insert(format!("{kind} {name} {what} "), Value::Object(details));
    }

    fn if_new(&mut self, kind: &str, name: &str, what: &str, details: Details) {
        self.if_new_of(kind, name, what, "", details);
    }

    /// An entry that is listed only if it differs from the last one of its name.
    fn if_new_of(&mut self, kind: &str, name: &str, what: &str, part: &str, details: Details) {
        let key = format!("{kind} {name} {what} {part}");
        let value = Value::Object(details.clone());
        if self.last.get(&key) != Some(&value) {
            self.last.insert(key, value);
            self.push(kind, name, what, details);
        }
    }

    fn push(&mut self, kind: &str, name: &str, what: &str, d: Details) {
        let (kind, name, what) = (kind.to_owned(), name.to_owned(), what.to_owned());
        self.entries.push(Entry { t: self.now, kind, name, what, d });
    }
}

fn object(value: Value) -> Details {
    match value {
        Value::Object(details) => details,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Details::new(),
    }
}

fn deployment_status(status: &DeploymentStatus) -> Details {
    object(json!({
        "replicas": status.replicas,
        "updated": status.updated_replicas,
        "ready": status.ready_replicas,
        "available": status.available_replicas,
        "unavailable": status.unavailable_replicas,
        "terminating": status.terminating_replicas,
        "observedGeneration": status.observed_generation,
    }))
}

fn set_status(status: &ReplicaSetStatus) -> Details {
    object(json!({
        "replicas": status.replicas,
        "fullyLabeled": status.fully_labeled_replicas,
        "ready": status.ready_replicas,
        "available": status.available_replicas,
        "terminating": status.terminating_replicas,
        "observedGeneration": status.observed_generation,
    }))
}
