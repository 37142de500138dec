//! Pods: create, bind, change state, adopt and release, relabel, delete.

use crate::change::{Change, PodChange, PodView};
use crate::cohort::CohortIdentity;
use crate::pod_arena::{NewRecord, PodRecord};
use crate::pods::{NewPod, OwnPart, PodState};
use crate::store::{Made, Maker, Store};
use crate::writes::controller_of;
use std::sync::Arc;
use wavetank_engine::{Second, Time};
use wavetank_model::{ManagedFields, OwnerReference, PodKey, Refusal, ReplicaSet, ReplicaSetKey, StringMap, Uid};

/// The resource that refusals about pods name.
pub const PODS: &str = "pods";

impl Store {
    /// Creates one pod from a set's template.
    ///
    /// # Errors
    /// `NotFound` if the set is unknown to the store.
    pub fn create_pod_of(&mut self, key: ReplicaSetKey, now: Time) -> Result<PodKey, Refusal> {
        let slot = self.sets.get(key).ok_or_else(|| Refusal::not_found("replicasets.apps", ""))?;
        // The controller sends the template that it has seen.
        let set =
            slot.seen.as_ref().or(slot.stored.as_ref()).ok_or_else(|| Refusal::not_found("replicasets.apps", ""))?;
        let owner = set.meta.uid;
        let known = self.last_made.as_ref().filter(|made| made.by == key && Arc::ptr_eq(&made.of, &set.spec.template));
        let made = match known {
            Some(made) => made.clone(),
            None => {
                let set = Arc::clone(set);
                self.made_by(key, &set)
            }
        };
        let ordinal = self.next_ordinal(key, owner);
        let cost = made.deletion_cost;
        let own = (cost != 0).then(|| OwnPart { deletion_cost: cost, ..OwnPart::default() });
        let record = NewRecord {
            uid: self.next_uid(),
            version: self.next_version(),
            created: Second::of(now),
            ordinal,
            template: made.template,
            cohort: made.cohort,
            own,
        };
        Ok(self.insert_pod(record, None))
    }

    /// How many pods a set has created, this one included.
    fn next_ordinal(&mut self, key: ReplicaSetKey, owner: Uid) -> u32 {
        if let Some(maker) = self.makers.get_mut(&owner) {
            maker.created += 1;
            return maker.created;
        }
        let set = self.sets.get(key).and_then(|slot| slot.seen.as_ref().or(slot.stored.as_ref()));
        if let Some(set) = set {
            self.makers.insert(owner, Maker { kind: set.kind, name: set.meta.name.clone(), created: 1 });
        }
        1
    }

    fn made_by(&mut self, key: ReplicaSetKey, set: &ReplicaSet) -> Made {
        let template = &set.spec.template;
        let identity = CohortIdentity {
            namespace: set.meta.namespace.clone(),
            owner: Some(set.meta.uid),
            labels: template.labels.clone(),
        };
        let made = Made {
            by: key,
            of: Arc::clone(template),
            template: self.intern(template),
            cohort: self.cohort_of(&identity),
            deletion_cost: Self::deletion_cost_of(&template.annotations),
        };
        self.last_made = Some(made.clone());
        made
    }

    /// Creates a pod given as a whole object.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    pub fn create_pod(&mut self, new: NewPod, now: Time) -> Result<PodKey, Refusal> {
        let NewPod { pod, keep_identity } = new;
        let meta = pod.meta;
        if self.pod_key(&meta.namespace, &meta.name).is_some() {
            return Err(Refusal::already_exists(PODS, &meta.name));
        }
        let identity = CohortIdentity {
            namespace: meta.namespace.clone(),
            owner: controller_of(&meta),
            labels: meta.labels.clone(),
        };
        let node = pod.node.as_ref().map(|name| self.node_number(name));
        let ready = pod.status.conditions.iter().find(|condition| &*condition.kind == "Ready");
        let state = PodState {
            phase: pod.status.phase,
            detail: 0,
            ready: ready.is_some_and(|ready| ready.status == wavetank_model::ConditionStatus::True),
            ready_since: ready.and_then(|ready| ready.last_transition).map(Second::of),
            restarts: pod.status.restarts,
            sidecar_restarts: pod.status.sidecar_restarts,
            node,
            deletion: meta.deletion.map(Second::of),
        };
        let own = OwnPart {
            name: Some(meta.name.clone()),
            deletion_cost: Self::deletion_cost_of(&meta.annotations),
            sidecar_restarts: 0,
            annotations: (meta.annotations != pod.template.annotations).then(|| meta.annotations.clone()),
            finalizers: meta.finalizers.clone(),
            owners: (!meta.owners.is_empty()).then(|| meta.owners.clone()),
            managed: meta.managed.clone(),
            made_by: None,
        };
        let fresh = !keep_identity;
        self.last_uid = self.last_uid.max(if fresh { 0 } else { meta.uid.0 });
        self.version = self.version.max(if fresh { 0 } else { meta.resource_version });
        let state = if fresh { PodState { node, ..PodState::default() } } else { state };
        let record = NewRecord {
            uid: if fresh { self.next_uid() } else { meta.uid },
            version: if fresh { self.next_version() } else { meta.resource_version },
            created: Second::of(meta.creation.filter(|_| !fresh).unwrap_or(now)),
            ordinal: 0,
            template: self.intern(&pod.template),
            cohort: self.cohort_of(&identity),
            own: Some(own),
        };
        let key = self.insert_pod(record, Some(&state));
        self.pod_names.insert((meta.namespace, meta.name), key);
        Ok(key)
    }

    fn insert_pod(&mut self, record: NewRecord, state: Option<&PodState>) -> PodKey {
        let deletion_cost = record.own.as_ref().map_or(0, |own| own.deletion_cost);
        let (uid, view) =
            (record.uid, PodView { cohort: record.cohort, state: state.copied().unwrap_or_default(), deletion_cost });
        let key = self.pods.insert(record, state);
        self.pods_of.entry(self.owner_in(&view)).or_default().insert(uid, key);
        self.changes.push_back(Change::Pod(PodChange { key, uid, old: None, new: Some(view) }));
        key
    }

    /// A stored pod's record.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    fn live_pod(&self, key: PodKey) -> Result<PodRecord<'_>, Refusal> {
        self.pods.get(key).filter(|pod| pod.is_stored()).ok_or_else(|| Refusal::not_found(PODS, ""))
    }

    /// Writes what a pod's node observed, or the scheduler decided. Writing the same stores nothing.
    ///
    /// Answers whether there is such a pod; one that is gone takes no more writes.
    #[inline]
    pub fn edit_pod_state(&mut self, key: PodKey, edit: impl FnOnce(&mut PodState)) -> bool {
        let Some((uid, old, state)) = self.pods.edit_state(key, self.version + 1, edit) else { return false };
        if old.state != state {
            self.version += 1;
            self.changes.push_back(Change::Pod(PodChange {
                key,
                uid,
                old: Some(old),
                new: Some(PodView { state, ..old }),
            }));
        }
        true
    }

    /// Gives a pod other labels, annotations or owners, and says who owns which of its fields.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn edit_pod_meta(
        &mut self,
        key: PodKey,
        labels: StringMap,
        annotations: StringMap,
        owners: Vec<OwnerReference>,
        managed: Option<Arc<ManagedFields>>,
    ) -> Result<(), Refusal> {
        let pod = self.live_pod(key)?;
        let old = self.view(&pod);
        let before = self.cohort(pod.cohort()).identity.clone();
        let owner = owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid);
        let identity = CohortIdentity { namespace: before.namespace.clone(), owner, labels };
        let mut own = pod.own().cloned().unwrap_or_default();
        if own.made_by.is_none() && pod.ordinal() > 0 {
            own.made_by = before.owner;
        }
        own.deletion_cost = Self::deletion_cost_of(&annotations);
        own.annotations = (annotations != self.template_of(&pod).annotations).then_some(annotations);
        own.owners = Some(owners);
        own.managed = managed;
        let (uid, is_same) = (pod.uid(), pod.own() == Some(&own));
        let cohort = self.cohort_of(&identity);
        if is_same && cohort == old.cohort {
            return Ok(());
        }
        let version = self.next_version();
        let view = PodView { cohort, state: old.state, deletion_cost: own.deletion_cost };
        self.pods.set_own(key, own);
        if let Some(pod) = self.pods.packed_mut(key) {
            pod.cohort = cohort;
            pod.version = version;
        }
        if before.owner != owner {
            self.forget_owned(before.owner, uid);
            self.pods_of.entry(owner).or_default().insert(uid, key);
        }
        self.changes.push_back(Change::Pod(PodChange { key, uid, old: Some(old), new: Some(view) }));
        Ok(())
    }

    /// Labels, annotations and owners of a stored pod.
    #[must_use]
    pub fn pod_meta(&self, key: PodKey) -> Option<(StringMap, StringMap, Vec<OwnerReference>)> {
        let pod = self.live_pod(key).ok()?;
        let identity = &self.cohort(pod.cohort()).identity;
        let own = pod.own();
        let annotations = own.and_then(|own| own.annotations.clone());
        let owners = own.and_then(|own| own.owners.clone());
        Some((
            identity.labels.clone(),
            annotations.unwrap_or_else(|| self.template_of(&pod).annotations.clone()),
            owners.unwrap_or_else(|| identity.owner.and_then(|uid| self.set_reference(uid)).into_iter().collect()),
        ))
    }

    /// A set takes a pod as its own.
    ///
    /// # Errors
    /// `NotFound` if the pod is gone.
    pub fn adopt_pod(&mut self, key: PodKey, set: Uid) -> Result<(), Refusal> {
        let (labels, annotations, mut owners) = self.pod_meta(key).ok_or_else(|| Refusal::not_found(PODS, ""))?;
        owners.retain(|owner| owner.uid != set);
        owners.extend(self.set_reference(set));
        let managed = self.live_pod(key)?.own().and_then(|own| own.managed.clone());
        self.edit_pod_meta(key, labels, annotations, owners, managed)
    }

    /// A set lets a pod go.
    ///
    /// # Errors
    /// `NotFound` if the pod is gone.
    pub fn release_pod(&mut self, key: PodKey, set: Uid) -> Result<(), Refusal> {
        let (labels, annotations, mut owners) = self.pod_meta(key).ok_or_else(|| Refusal::not_found(PODS, ""))?;
        owners.retain(|owner| owner.uid != set);
        let managed = self.live_pod(key)?.own().and_then(|own| own.managed.clone());
        self.edit_pod_meta(key, labels, annotations, owners, managed)
    }

    /// Begins the graceful deletion of a pod; answers whether it was not being deleted before.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn begin_pod_deletion(&mut self, key: PodKey, grace_seconds: i64, now: Time) -> Result<bool, Refusal> {
        let ends = Second::of(now.offset(grace_seconds.saturating_mul(1_000_000_000)));
        let mut begins = false;
        let is_there = self.edit_pod_state(key, |state| {
            begins = state.deletion.is_none();
            state.deletion = state.deletion.or(Some(ends));
        });
        if is_there { Ok(begins) } else { Err(Refusal::not_found(PODS, "")) }
    }

    /// Takes a pod away for good, unless finalizers hold it.
    pub fn remove_pod(&mut self, key: PodKey) {
        let Some(pod) = self.pods.get(key).filter(|pod| pod.is_stored()) else { return };
        if pod.own().is_some_and(|own| !own.finalizers.is_empty()) {
            return;
        }
        let old = self.view(&pod);
        let uid = pod.uid();
        let name = pod.own().and_then(|own| own.name.clone());
        if let Some(name) = name {
            let namespace = self.cohort(old.cohort).identity.namespace.clone();
            self.pod_names.remove(&(namespace, name));
        }
        self.next_version();
        self.pods.unstore(key);
        self.forget_owned(self.owner_in(&old), uid);
        self.changes.push_back(Change::Pod(PodChange { key, uid, old: Some(old), new: None }));
    }

    fn forget_owned(&mut self, owner: Option<Uid>, pod: Uid) {
        if let Some(pods) = self.pods_of.get_mut(&owner) {
            pods.remove(pod);
            if pods.is_empty() {
                self.pods_of.remove(&owner);
            }
        }
    }
}
