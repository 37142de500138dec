//! Deployments and ReplicaSets: create, update, update status, delete, as the API server does it.
//!
//! A write that changes nothing stores nothing and keeps the resource version. An update keeps the
//! stored status and raises the generation when the spec changed (for a Deployment also when the
//! annotations did); a status update keeps the stored spec, for Deployments also the labels. A write
//! names what it changes, and the next version of the object takes the place of the last but one.

use crate::change::Change;
use crate::slot::Slot;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{
    Deployment, DeploymentKey, DeploymentSpec, ObjectMeta, Refusal, ReplicaSet, ReplicaSetKey, ReplicaSetSpec,
    ReplicaSetStatus, SetEdit, SetKind, StringMap, Uid,
};

/// The version that a write expects to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    /// Whatever is stored.
    #[default]
    None,
    /// This resource version.
    Version(u64),
}

impl Precondition {
    pub(crate) fn holds(self, stored: u64) -> bool {
        match self {
            Self::None => true,
            Self::Version(version) => version == stored,
        }
    }
}

/// The resource that refusals about Deployments name.
pub const DEPLOYMENTS: &str = "deployments.apps";

/// The resource that refusals about a kind of sets name.
#[must_use]
pub const fn set_resource(kind: SetKind) -> &'static str {
    match kind {
        SetKind::ReplicaSet => "replicasets.apps",
        SetKind::ReplicationController => "replicationcontrollers",
    }
}

fn same_template(one: &Arc<wavetank_model::PodTemplate>, other: &Arc<wavetank_model::PodTemplate>) -> bool {
    Arc::ptr_eq(one, other) || one.value == other.value
}

fn same_deployment_spec(one: &DeploymentSpec, other: &DeploymentSpec) -> bool {
    one.replicas == other.replicas
        && one.selector == other.selector
        && same_template(&one.template, &other.template)
        && one.strategy == other.strategy
        && one.min_ready_seconds == other.min_ready_seconds
        && one.revision_history_limit == other.revision_history_limit
        && one.paused == other.paused
        && one.progress_deadline_seconds == other.progress_deadline_seconds
}

fn same_set_spec(one: &ReplicaSetSpec, other: &ReplicaSetSpec) -> bool {
    one.replicas == other.replicas
        && one.min_ready_seconds == other.min_ready_seconds
        && one.selector == other.selector
        && same_template(&one.template, &other.template)
}

/// Whether a finished object may go now: it is being deleted and nobody holds it.
pub(crate) fn may_go(meta: &ObjectMeta) -> bool {
    meta.is_terminating() && meta.finalizers.is_empty()
}

impl Store {
    fn stamp(&mut self, meta: &mut ObjectMeta, now: Time) {
        meta.uid = self.next_uid();
        meta.creation = Some(now.floor_second());
        meta.deletion = None;
        meta.deletion_grace_seconds = None;
        meta.generation = 1;
    }

    /// Creates a Deployment: gives uid, creation time, generation 1 and a version.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub fn create_deployment(&mut self, mut new: Deployment, now: Time) -> Result<DeploymentKey, Refusal> {
        if self.deployment_names.get(&new.meta.namespace, &new.meta.name).is_some() {
            return Err(Refusal::already_exists(DEPLOYMENTS, &new.meta.name));
        }
        self.stamp(&mut new.meta, now);
        new.status = wavetank_model::DeploymentStatus::default();
        new.meta.resource_version = self.next_version();
        Ok(self.put_deployment(new))
    }

    /// Stores a Deployment as it is, for states recorded elsewhere.
    pub fn put_deployment(&mut self, deployment: Deployment) -> DeploymentKey {
        self.last_uid = self.last_uid.max(deployment.meta.uid.0);
        self.version = self.version.max(deployment.meta.resource_version);
        let uid = deployment.meta.uid;
        let deployment = Arc::new(deployment);
        let key = self.deployments.insert(Slot::new(Some(Arc::clone(&deployment)), None));
        self.deployment_names.insert(&deployment.meta.namespace, &deployment.meta.name, key);
        self.deployment_by_uid.insert(uid, key);
        self.changes.push_back(Change::Deployment { key, old: None, new: Some(deployment) });
        key
    }

    /// The server has a Deployment otherwise than it has been seen; for states recorded elsewhere.
    pub fn put_live_deployment(&mut self, namespace: &str, name: &str, live: Option<Deployment>) {
        let Some(key) = self.deployment_key(namespace, name) else { return };
        if live.is_none() {
            self.deployment_names.remove(namespace, name);
        }
        self.version = self.version.max(live.as_ref().map_or(0, |live| live.meta.resource_version));
        self.deployments[key].stored = live.map(Arc::new);
    }

    /// The server has a set otherwise than it has been seen, or one that has not been seen; for states
    /// recorded elsewhere.
    pub fn put_live_set(&mut self, kind: SetKind, (namespace, name): (&str, &str), live: Option<ReplicaSet>) {
        match (self.set_key(kind, namespace, name), live) {
            (Some(key), Some(live)) => {
                self.version = self.version.max(live.meta.resource_version);
                self.sets[key].stored = Some(Arc::new(live));
            }
            (Some(key), None) => {
                self.set_names.remove(&(kind, namespace.into(), name.into()));
                self.sets[key].stored = None;
            }
            (None, Some(live)) => {
                self.put_set(live);
            }
            (None, None) => {}
        }
    }

    fn live_deployment(&self, key: DeploymentKey, name: &str) -> Result<&Arc<Deployment>, Refusal> {
        let live = self.deployments.get(key).and_then(|slot| slot.stored.as_ref());
        live.ok_or_else(|| Refusal::not_found(DEPLOYMENTS, name))
    }

    /// Updates a Deployment's spec, labels and annotations.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_deployment(
        &mut self,
        key: DeploymentKey,
        mut new: Deployment,
        expected: Precondition,
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_deployment(key, &new.meta.name)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(DEPLOYMENTS, &new.meta.name));
        }
        keep_identity(&mut new.meta, &live.meta);
        let same_spec = same_deployment_spec(&new.spec, &live.spec);
        if !same_spec || new.meta.annotations != live.meta.annotations {
            new.meta.generation += 1;
        }
        if same_spec && new.meta == live.meta {
            return Ok(live.meta.resource_version);
        }
        let Deployment { meta, spec, status: _ } = new;
        Ok(self.change_deployment(key, &live, |deployment| (deployment.meta, deployment.spec) = (meta, spec)))
    }

    /// Updates a Deployment's status; annotations are stored with it.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_deployment_status(
        &mut self,
        key: DeploymentKey,
        status: wavetank_model::DeploymentStatus,
        annotations: Option<&StringMap>,
        expected: Precondition,
        name: &str,
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_deployment(key, name)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(DEPLOYMENTS, name));
        }
        let annotations = annotations.filter(|annotations| **annotations != live.meta.annotations);
        if status == live.status && annotations.is_none() {
            return Ok(live.meta.resource_version);
        }
        Ok(self.change_deployment(key, &live, |deployment| {
            deployment.status = status;
            if let Some(annotations) = annotations {
                deployment.meta.annotations = annotations.clone();
            }
        }))
    }

    /// Stores the next version of a Deployment; answers its number.
    fn change_deployment(
        &mut self,
        key: DeploymentKey,
        live: &Arc<Deployment>,
        change: impl FnOnce(&mut Deployment),
    ) -> u64 {
        let version = self.next_version();
        let slot = &mut self.deployments[key];
        let new = slot.changed(live, |deployment| {
            change(deployment);
            deployment.meta.resource_version = version;
        });
        if may_go(&new.meta) {
            self.drop_deployment(key);
            return version;
        }
        let old = slot.store(Arc::clone(&new));
        self.changes.push_back(Change::Deployment { key, old, new: Some(new) });
        version
    }

    /// Deletes a Deployment: at once, or when the last finalizer is gone.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn delete_deployment(&mut self, key: DeploymentKey, finalizer: Option<&str>, now: Time) -> Result<(), Refusal> {
        let live = Arc::clone(self.live_deployment(key, "")?);
        let mut meta = live.meta.clone();
        if begin_deletion(&mut meta, finalizer, now) {
            self.change_deployment(key, &live, |deployment| deployment.meta = meta);
        }
        Ok(())
    }

    fn drop_deployment(&mut self, key: DeploymentKey) {
        let Some(slot) = self.deployments.get_mut(key) else { return };
        let Some(old) = slot.stored.take() else { return };
        self.deployment_names.remove(&old.meta.namespace, &old.meta.name);
        self.deployment_by_uid.remove(&old.meta.uid);
        self.changes.push_back(Change::Deployment { key, old: Some(old), new: None });
        if self.deployments[key].is_gone() {
            self.deployments.remove(key);
        }
    }

    /// Creates a set: gives uid, creation time, generation 1 and a version.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub fn create_set(&mut self, mut new: ReplicaSet, now: Time) -> Result<ReplicaSetKey, Refusal> {
        let name = (new.kind, new.meta.namespace.clone(), new.meta.name.clone());
        if self.set_names.contains_key(&name) {
            return Err(Refusal::already_exists(set_resource(new.kind), &new.meta.name));
        }
        self.stamp(&mut new.meta, now);
        new.status = ReplicaSetStatus::default();
        new.meta.resource_version = self.next_version();
        Ok(self.put_set(new))
    }

    /// Stores a set as it is, for states recorded elsewhere.
    pub fn put_set(&mut self, set: ReplicaSet) -> ReplicaSetKey {
        self.last_uid = self.last_uid.max(set.meta.uid.0);
        self.version = self.version.max(set.meta.resource_version);
        let name = (set.kind, set.meta.namespace.clone(), set.meta.name.clone());
        let (uid, owner) = (set.meta.uid, controller_of(&set.meta));
        let set = Arc::new(set);
        let key = self.sets.insert(Slot::new(Some(Arc::clone(&set)), None));
        self.set_names.insert(name, key);
        self.set_by_uid.insert(uid, key);
        self.latest_owner = None;
        self.sets_of.entry(owner).or_default().insert(uid, key);
        self.changes.push_back(Change::ReplicaSet { key, old: None, new: Some(set) });
        key
    }

    fn live_set(&self, key: ReplicaSetKey, kind: SetKind, name: &str) -> Result<&Arc<ReplicaSet>, Refusal> {
        let live = self.sets.get(key).and_then(|slot| slot.stored.as_ref());
        live.ok_or_else(|| Refusal::not_found(set_resource(kind), name))
    }

    /// Updates a set's spec and metadata.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_set(
        &mut self,
        key: ReplicaSetKey,
        mut new: ReplicaSet,
        expected: Precondition,
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_set(key, new.kind, &new.meta.name)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(set_resource(new.kind), &new.meta.name));
        }
        keep_identity(&mut new.meta, &live.meta);
        let same_spec = same_set_spec(&new.spec, &live.spec);
        if !same_spec {
            new.meta.generation += 1;
        }
        if same_spec && new.meta == live.meta {
            return Ok(live.meta.resource_version);
        }
        let ReplicaSet { kind: _, meta, spec, status: _ } = new;
        Ok(self.change_set(key, &live, |set| (set.meta, set.spec) = (meta, spec)))
    }

    /// Updates what its Deployment may change of a set.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn edit_set(
        &mut self,
        key: ReplicaSetKey,
        edit: SetEdit,
        expected: Precondition,
        (kind, name): (SetKind, &str),
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_set(key, kind, name)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(set_resource(kind), name));
        }
        let same_spec = edit.replicas == live.spec.replicas && edit.min_ready_seconds == live.spec.min_ready_seconds;
        if same_spec && edit.annotations == live.meta.annotations {
            return Ok(live.meta.resource_version);
        }
        Ok(self.change_set(key, &live, |set| {
            edit.apply(set);
            set.meta.generation += i64::from(!same_spec);
        }))
    }

    /// Updates a set's status.
    ///
    /// # Errors
    /// `NotFound` if it is gone, `Conflict` if the precondition does not hold.
    pub fn update_set_status(
        &mut self,
        key: ReplicaSetKey,
        status: ReplicaSetStatus,
        expected: Precondition,
        (kind, name): (SetKind, &str),
    ) -> Result<u64, Refusal> {
        let live = Arc::clone(self.live_set(key, kind, name)?);
        if !expected.holds(live.meta.resource_version) {
            return Err(Refusal::conflict(set_resource(live.kind), name));
        }
        if status == live.status {
            return Ok(live.meta.resource_version);
        }
        Ok(self.change_set(key, &live, |set| set.status = status))
    }

    /// Stores the next version of a set; answers its number.
    fn change_set(&mut self, key: ReplicaSetKey, live: &Arc<ReplicaSet>, change: impl FnOnce(&mut ReplicaSet)) -> u64 {
        let version = self.next_version();
        let slot = &mut self.sets[key];
        let new = slot.changed(live, |set| {
            change(set);
            set.meta.resource_version = version;
        });
        if may_go(&new.meta) {
            self.drop_set(key);
            return version;
        }
        let (before, after) = (controller_of(&live.meta), controller_of(&new.meta));
        if before != after {
            move_set(&mut self.sets_of, before, after, new.meta.uid, key);
        }
        let old = slot.store(Arc::clone(&new));
        self.changes.push_back(Change::ReplicaSet { key, old, new: Some(new) });
        version
    }

    /// Deletes a set: at once, or when the last finalizer is gone.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn delete_set(&mut self, key: ReplicaSetKey, finalizer: Option<&str>, now: Time) -> Result<(), Refusal> {
        let live = Arc::clone(self.live_set(key, SetKind::ReplicaSet, "")?);
        let mut meta = live.meta.clone();
        if begin_deletion(&mut meta, finalizer, now) {
            self.change_set(key, &live, |set| set.meta = meta);
        }
        Ok(())
    }

    fn drop_set(&mut self, key: ReplicaSetKey) {
        let Some(slot) = self.sets.get_mut(key) else { return };
        let Some(old) = slot.stored.take() else { return };
        self.set_names.remove(&(old.kind, old.meta.namespace.clone(), old.meta.name.clone()));
        if let Some(sets) = self.sets_of.get_mut(&controller_of(&old.meta)) {
            sets.remove(&old.meta.uid);
        }
        self.changes.push_back(Change::ReplicaSet { key, old: Some(old), new: None });
    }
}

/// An update cannot change who an object is, nor take back its deletion. Names stay shared with others'.
pub(crate) fn keep_identity(new: &mut ObjectMeta, live: &ObjectMeta) {
    (new.name, new.namespace) = (live.name.clone(), live.namespace.clone());
    new.uid = live.uid;
    new.creation = live.creation;
    new.generation = live.generation;
    new.resource_version = live.resource_version;
    new.deletion = live.deletion;
    new.deletion_grace_seconds = live.deletion_grace_seconds;
    new.generate_name = live.generate_name.clone();
}

/// Marks an object as being deleted; answers whether anything changed.
pub(crate) fn begin_deletion(meta: &mut ObjectMeta, finalizer: Option<&str>, now: Time) -> bool {
    let mut changed = false;
    if let Some(finalizer) = finalizer
        && !meta.finalizers.iter().any(|held| &**held == finalizer)
    {
        meta.finalizers.push(finalizer.into());
        changed = true;
    }
    if !meta.is_terminating() {
        meta.deletion = Some(now.floor_second());
        meta.deletion_grace_seconds = Some(0);
        meta.generation += 1;
        changed = true;
    }
    changed
}

pub(crate) fn controller_of(meta: &ObjectMeta) -> Option<Uid> {
    meta.controller().map(|owner| owner.uid)
}

pub(crate) fn move_set(
    index: &mut std::collections::BTreeMap<Option<Uid>, std::collections::BTreeMap<Uid, ReplicaSetKey>>,
    before: Option<Uid>,
    after: Option<Uid>,
    uid: Uid,
    key: ReplicaSetKey,
) {
    if let Some(sets) = index.get_mut(&before) {
        sets.remove(&uid);
        if sets.is_empty() {
            index.remove(&before);
        }
    }
    index.entry(after).or_default().insert(uid, key);
}
