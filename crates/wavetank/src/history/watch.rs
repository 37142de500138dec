//! Changes as a watch shows them: the whole object, at the version that the change made.

use crate::cluster::Cluster;
use serde_json::Value;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_manifest::{Kind, render_deployment, render_document, render_replica_set};
use wavetank_model::SetKind;
use wavetank_store::{Change, PodChange};

/// What happened to a watched object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchType {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the object is as it was last.
    Deleted,
}

impl WatchType {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One event of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// When.
    pub time: Time,
    /// What happened.
    pub what: WatchType,
    /// The object.
    pub object: Value,
}

/// A watch that was begun; see [`Cluster::watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchId(usize);

/// A watch, and what it has seen since it was asked last.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    of: Watched,
    namespace: Option<String>,
    seen: Vec<WatchEvent>,
}

/// What a watch is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Watched {
    /// A kind of the API server's own.
    BuiltIn(Kind),
    /// A kind of the user's own, by its word.
    Own(Arc<str>),
}

impl Cluster {
    /// Watches the objects of a kind, in one namespace or in all, until [`Self::end_watches`].
    ///
    /// Every change costs the rendering of an object while a watch is on. A fork keeps its watches; a
    /// snapshot has none. Events are not watched.
    pub fn watch(&mut self, kind: Kind, namespace: Option<&str>) -> WatchId {
        self.begin_watch(Watched::BuiltIn(kind), namespace)
    }

    /// Watches the objects of a kind of the user's own, by its word such as `Fleet`, like [`Self::watch`].
    pub fn watch_own(&mut self, kind: &str, namespace: Option<&str>) -> WatchId {
        self.begin_watch(Watched::Own(kind.into()), namespace)
    }

    fn begin_watch(&mut self, of: Watched, namespace: Option<&str>) -> WatchId {
        self.watches.push(Watch { of, namespace: namespace.map(str::to_owned), seen: Vec::new() });
        WatchId(self.watches.len() - 1)
    }

    /// What a watch has seen since this was asked last.
    pub fn watched(&mut self, watch: WatchId) -> Vec<WatchEvent> {
        self.watches.get_mut(watch.0).map(|watch| core::mem::take(&mut watch.seen)).unwrap_or_default()
    }

    /// Ends all watches.
    pub fn end_watches(&mut self) {
        self.watches.clear();
    }

    /// Shows a change to the watches.
    pub(crate) fn show(&mut self, change: &Change) {
        let Some(of) = kind_of(change).map(Watched::BuiltIn) else { return };
        if self.watches.iter().any(|watch| watch.of == of)
            && let Some((what, object)) = self.render_change(change)
        {
            self.show_to(&of, what, &object);
        }
    }

    /// Shows a change of an object of the user's own to the watches.
    pub(crate) fn show_own(&mut self, kind: &Arc<str>, what: WatchType, object: &Value) {
        if !self.watches.is_empty() {
            self.show_to(&Watched::Own(Arc::clone(kind)), what, object);
        }
    }

    fn show_to(&mut self, of: &Watched, what: WatchType, object: &Value) {
        let time = self.now;
        for watch in self.watches.iter_mut().filter(|watch| watch.of == *of) {
            let namespace = object["metadata"]["namespace"].as_str();
            if watch.namespace.is_none() || watch.namespace.as_deref() == namespace || namespace.is_none() {
                watch.seen.push(WatchEvent { time, what, object: object.clone() });
            }
        }
    }

    fn render_change(&self, change: &Change) -> Option<(WatchType, Value)> {
        let edge = self.edge();
        Some(match change {
            Change::Deployment { old, new, .. } => {
                let (what, object) = versions(old.as_ref(), new.as_ref())?;
                (what, render_deployment(object, &edge))
            }
            Change::ReplicaSet { old, new, .. } => {
                let (what, object) = versions(old.as_ref(), new.as_ref())?;
                (what, render_replica_set(object, &edge))
            }
            Change::Document { old, new, .. } => {
                let (what, object) = versions(old.as_ref(), new.as_ref())?;
                (what, render_document(object, &edge))
            }
            Change::Pod(PodChange { key, old, new, .. }) => {
                let (what, view) = versions(old.as_ref(), new.as_ref())?;
                (what, self.pod_json(*key, &self.store.render_pod_as(*key, view)?))
            }
            Change::NodeAdded { .. } | Change::NodeRemoved { .. } => return None,
        })
    }
}

fn versions<'a, T>(old: Option<&'a T>, new: Option<&'a T>) -> Option<(WatchType, &'a T)> {
    match (old, new) {
        (None, Some(new)) => Some((WatchType::Added, new)),
        (Some(_), Some(new)) => Some((WatchType::Modified, new)),
        (Some(old), None) => Some((WatchType::Deleted, old)),
        (None, None) => None,
    }
}

fn kind_of(change: &Change) -> Option<Kind> {
    Some(match change {
        Change::Deployment { .. } => Kind::Deployment,
        Change::ReplicaSet { old, new, .. } => match new.as_ref().or(old.as_ref())?.kind {
            SetKind::ReplicaSet => Kind::ReplicaSet,
            SetKind::ReplicationController => Kind::ReplicationController,
        },
        Change::Pod(_) => Kind::Pod,
        Change::Document { old, new, .. } => new.as_ref().or(old.as_ref())?.kind,
        Change::NodeAdded { .. } | Change::NodeRemoved { .. } => return None,
    })
}
