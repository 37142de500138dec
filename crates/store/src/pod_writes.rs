//! Pods: create, bind, change state, adopt and release, relabel, delete.

use crate::change::{Change, PodView};
use crate::cohort::CohortIdentity;
use crate::pods::{NewPod, OwnPart, PodRecord, PodState};
use crate::store::{Made, Maker, Store};
use crate::writes::controller_of;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{OwnerReference, PodKey, Refusal, ReplicaSet, ReplicaSetKey, StringMap, Uid};

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
        let (kind, name, owner) = (set.kind, set.meta.name.clone(), set.meta.uid);
        let known = self.last_made.as_ref().filter(|made| made.by == key && Arc::ptr_eq(&made.of, &set.spec.template));
        let made = match known {
            Some(made) => made.clone(),
            None => {
                let set = Arc::clone(set);
                self.made_by(key, &set)
            }
        };
        let maker = self.makers.entry(owner).or_insert_with(|| Maker { kind, name, created: 0 });
        maker.created += 1;
        let ordinal = maker.created;
        let cost = made.deletion_cost;
        let own = (cost != 0).then(|| Box::new(OwnPart { deletion_cost: cost, ..OwnPart::default() }));
        let record = PodRecord {
            uid: self.next_uid(),
            version: self.next_version(),
            created: now.floor_second(),
            ordinal,
            template: made.template,
            cohort: made.cohort,
            state: PodState::default(),
            own,
            place: 0,
            stored: true,
        };
        Ok(self.insert_pod(record))
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
            ready_since: ready.and_then(|ready| ready.last_transition),
            restarts: pod.status.restarts,
            sidecar_restarts: pod.status.sidecar_restarts,
            node,
            deletion: meta.deletion,
        };
        let own = OwnPart {
            name: Some(meta.name.clone()),
            deletion_cost: Self::deletion_cost_of(&meta.annotations),
            annotations: (meta.annotations != pod.template.annotations).then(|| meta.annotations.clone()),
            finalizers: meta.finalizers.clone(),
            owners: (!meta.owners.is_empty()).then(|| meta.owners.clone()),
            made_by: None,
        };
        let fresh = !keep_identity;
        self.last_uid = self.last_uid.max(if fresh { 0 } else { meta.uid.0 });
        self.version = self.version.max(if fresh { 0 } else { meta.resource_version });
        let record = PodRecord {
            uid: if fresh { self.next_uid() } else { meta.uid },
            version: if fresh { self.next_version() } else { meta.resource_version },
            created: if fresh { now.floor_second() } else { meta.creation.unwrap_or(now.floor_second()) },
            ordinal: 0,
            template: self.intern(&pod.template),
            cohort: self.cohort_of(&identity),
            state: if fresh { PodState { node, ..PodState::default() } } else { state },
            own: Some(Box::new(own)),
            place: 0,
            stored: true,
        };
        let key = self.insert_pod(record);
        self.pod_names.insert((meta.namespace, meta.name), key);
        Ok(key)
    }

    fn insert_pod(&mut self, record: PodRecord) -> PodKey {
        let (uid, view) = (record.uid, self.view(&record));
        let key = self.pods.insert(record);
        self.pods_of.entry(self.owner_in(&view)).or_default().insert(uid, key);
        self.changes.push(Change::Pod { key, old: None, new: Some(view) });
        key
    }

    /// A stored pod's record.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    fn live_pod(&self, key: PodKey) -> Result<&PodRecord, Refusal> {
        self.pods.get(key).filter(|pod| pod.stored).ok_or_else(|| Refusal::not_found(PODS, ""))
    }

    /// Writes what a pod's node observed, or the scheduler decided. Writing the same stores nothing.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn set_pod_state(&mut self, key: PodKey, state: PodState) -> Result<(), Refusal> {
        let pod = self.live_pod(key)?;
        if pod.state == state {
            return Ok(());
        }
        let old = self.view(pod);
        let version = self.next_version();
        let pod = &mut self.pods[key];
        pod.state = state;
        pod.version = version;
        self.changes.push(Change::Pod { key, old: Some(old), new: Some(PodView { state, ..old }) });
        Ok(())
    }

    /// Gives a pod other labels, annotations or owners.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn edit_pod_meta(
        &mut self,
        key: PodKey,
        labels: StringMap,
        annotations: StringMap,
        owners: Vec<OwnerReference>,
    ) -> Result<(), Refusal> {
        let pod = self.live_pod(key)?;
        let old = self.view(pod);
        let before = self.cohort(pod.cohort).identity.clone();
        let owner = owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid);
        let identity = CohortIdentity { namespace: before.namespace.clone(), owner, labels };
        let mut own = pod.own.clone().unwrap_or_default();
        if own.made_by.is_none() && pod.ordinal > 0 {
            own.made_by = before.owner;
        }
        own.deletion_cost = Self::deletion_cost_of(&annotations);
        own.annotations = (annotations != self.template_of(pod).annotations).then_some(annotations);
        own.owners = Some(owners);
        let uid = pod.uid;
        let cohort = self.cohort_of(&identity);
        let same = self.pods[key].own.as_ref().is_some_and(|kept| **kept == *own) && cohort == old.cohort;
        if same {
            return Ok(());
        }
        let version = self.next_version();
        let pod = &mut self.pods[key];
        pod.cohort = cohort;
        pod.own = Some(own);
        pod.version = version;
        let view = self.view(&self.pods[key]);
        if before.owner != owner {
            self.forget_owned(before.owner, uid);
            self.pods_of.entry(owner).or_default().insert(uid, key);
        }
        self.changes.push(Change::Pod { key, old: Some(old), new: Some(view) });
        Ok(())
    }

    /// Labels, annotations and owners of a stored pod.
    #[must_use]
    pub fn pod_meta(&self, key: PodKey) -> Option<(StringMap, StringMap, Vec<OwnerReference>)> {
        let pod = self.live_pod(key).ok()?;
        let identity = &self.cohort(pod.cohort).identity;
        let own = pod.own.as_deref();
        let annotations = own.and_then(|own| own.annotations.clone());
        let owners = own.and_then(|own| own.owners.clone());
        Some((
            identity.labels.clone(),
            annotations.unwrap_or_else(|| self.template_of(pod).annotations.clone()),
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
        self.edit_pod_meta(key, labels, annotations, owners)
    }

    /// A set lets a pod go.
    ///
    /// # Errors
    /// `NotFound` if the pod is gone.
    pub fn release_pod(&mut self, key: PodKey, set: Uid) -> Result<(), Refusal> {
        let (labels, annotations, mut owners) = self.pod_meta(key).ok_or_else(|| Refusal::not_found(PODS, ""))?;
        owners.retain(|owner| owner.uid != set);
        self.edit_pod_meta(key, labels, annotations, owners)
    }

    /// Begins the graceful deletion of a pod; answers whether it was not being deleted before.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub fn begin_pod_deletion(&mut self, key: PodKey, grace_seconds: i64, now: Time) -> Result<bool, Refusal> {
        let pod = self.live_pod(key)?;
        if pod.state.deletion.is_some() {
            return Ok(false);
        }
        let ends = now.offset(grace_seconds.saturating_mul(1_000_000_000)).floor_second();
        let state = PodState { deletion: Some(ends), ..pod.state };
        self.set_pod_state(key, state)?;
        Ok(true)
    }

    /// Takes a pod away for good, unless finalizers hold it.
    pub fn remove_pod(&mut self, key: PodKey) {
        let Some(pod) = self.pods.get(key).filter(|pod| pod.stored) else { return };
        if pod.own.as_ref().is_some_and(|own| !own.finalizers.is_empty()) {
            return;
        }
        let old = self.view(pod);
        let uid = pod.uid;
        let name = pod.own.as_ref().and_then(|own| own.name.clone());
        if let Some(name) = name {
            let namespace = self.cohort(old.cohort).identity.namespace.clone();
            self.pod_names.remove(&(namespace, name));
        }
        self.next_version();
        self.pods[key].stored = false;
        self.forget_owned(self.owner_in(&old), uid);
        self.changes.push(Change::Pod { key, old: Some(old), new: None });
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
