//! The store: arenas, names, versions, and what can be read from them.

use crate::change::{Change, PodView};
use crate::cohort::{Cohort, CohortId, CohortIdentity};
use crate::documents::Documents;
use crate::names::Names;
use crate::pod_arena::{PodArena, PodRecord};
use crate::pod_name;
use crate::pods::PodState;
use crate::roll::Roll;
use crate::slot::Slot;
use crate::victims::{Ranking, VictimOrder, first_victims};
use serde::{Deserialize, Serialize};
use slotmap::SlotMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_engine::{Second, Time};
use wavetank_model::pod::POD_DELETION_COST;
use wavetank_model::{
    ConditionStatus, Deployment, DeploymentKey, ObjectMeta, OwnerReference, Pod, PodCondition, PodKey, PodStatus,
    PodTemplate, ReplicaSet, ReplicaSetKey, SetKind, StringMap, Uid,
};

/// Namespace and name.
pub(crate) type Named = (Arc<str>, Arc<str>);

/// A node, as far as pods are placed on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub name: Arc<str>,
    /// Labels, `kubernetes.io/hostname` among them.
    pub labels: StringMap,
    /// Whether it is there.
    pub present: bool,
    /// Whether it takes no new pods.
    pub unschedulable: bool,
}

/// A set that has created pods.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Maker {
    pub(crate) kind: SetKind,
    pub(crate) name: Arc<str>,
    pub(crate) created: u32,
}

/// A pod that the controllers have seen otherwise than it is stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Behind {
    pub(crate) seen: Option<PodView>,
    /// Changes on their way.
    pub(crate) changes: u32,
}

/// What the pods that a set makes of one template have in common.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) by: ReplicaSetKey,
    pub(crate) of: Arc<PodTemplate>,
    pub(crate) template: u32,
    pub(crate) cohort: CohortId,
    pub(crate) deletion_cost: i32,
}

/// How much the controllers have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sights {
    /// Changes of ReplicaSets and ReplicationControllers.
    pub sets: u64,
    /// Changes of pods.
    pub pods: u64,
}

/// All objects of a cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Store {
    pub(crate) version: u64,
    pub(crate) last_uid: u64,
    pub(crate) deployments: SlotMap<DeploymentKey, Slot<Deployment>>,
    pub(crate) sets: SlotMap<ReplicaSetKey, Slot<ReplicaSet>>,
    pub(crate) pods: PodArena,
    pub(crate) deployment_names: Names<DeploymentKey>,
    pub(crate) set_names: BTreeMap<(SetKind, Arc<str>, Arc<str>), ReplicaSetKey>,
    /// Pods whose name does not follow from owner and ordinal.
    pub(crate) pod_names: BTreeMap<Named, PodKey>,
    pub(crate) set_by_uid: BTreeMap<Uid, ReplicaSetKey>,
    pub(crate) deployment_by_uid: BTreeMap<Uid, DeploymentKey>,
    /// Stored sets by controlling owner.
    pub(crate) sets_of: BTreeMap<Option<Uid>, BTreeMap<Uid, ReplicaSetKey>>,
    /// Sets as seen, by controlling owner.
    pub(crate) seen_sets_of: BTreeMap<Option<Uid>, BTreeMap<Uid, ReplicaSetKey>>,
    /// Stored pods by controlling owner and creation.
    pub(crate) pods_of: BTreeMap<Option<Uid>, Roll>,
    /// Sets that have created pods: names of pods follow from them even after they are gone.
    pub(crate) makers: BTreeMap<Uid, Maker>,
    pub(crate) cohorts: Vec<Cohort>,
    pub(crate) cohort_ids: BTreeMap<CohortIdentity, CohortId>,
    pub(crate) cohorts_of: BTreeMap<Option<Uid>, Vec<CohortId>>,
    pub(crate) templates: Vec<Arc<PodTemplate>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) node_numbers: BTreeMap<Arc<str>, u32>,
    pub(crate) documents: Documents,
    /// Pods with changes on their way to the controllers.
    pub(crate) behind: BTreeMap<PodKey, Behind>,
    #[serde(default)]
    pub(crate) sights: Sights,
    #[serde(skip)]
    pub(crate) changes: VecDeque<Change>,
    /// What the last pod that a set made shares with the next one.
    #[serde(skip)]
    pub(crate) last_made: Option<Made>,
    /// The set that owns the cohort which was asked for last.
    #[serde(skip)]
    pub(crate) latest_owner: Option<(CohortId, ReplicaSetKey)>,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What changed since this was asked last.
    pub fn take_changes(&mut self) -> Vec<Change> {
        core::mem::take(&mut self.changes).into()
    }

    /// The first change that has not been asked for yet.
    #[inline]
    pub fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// How much the controllers have seen: while that stays, so does all that they have seen.
    #[must_use]
    pub const fn sights(&self) -> Sights {
        self.sights
    }

    /// The version of the last write.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The identity that the next created object gets.
    #[must_use]
    pub const fn next_identity(&self) -> Uid {
        Uid(self.last_uid + 1)
    }

    pub(crate) const fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(crate) const fn next_uid(&mut self) -> Uid {
        self.last_uid += 1;
        Uid(self.last_uid)
    }

    // Deployments.

    /// The Deployment of a name.
    #[must_use]
    pub fn deployment_key(&self, namespace: &str, name: &str) -> Option<DeploymentKey> {
        self.deployment_names.get(namespace, name)
    }

    /// A Deployment as stored and as seen.
    #[must_use]
    pub fn deployment(&self, key: DeploymentKey) -> Option<&Slot<Deployment>> {
        self.deployments.get(key)
    }

    /// Names and keys of all stored Deployments, by namespace and name.
    pub fn deployments(&self) -> impl Iterator<Item = (DeploymentKey, &Arc<Deployment>)> {
        self.deployment_names.keys().filter_map(|key| Some((key, self.deployments.get(key)?.stored.as_ref()?)))
    }

    /// The Deployment with an identity.
    #[must_use]
    pub fn deployment_of_uid(&self, uid: Uid) -> Option<DeploymentKey> {
        self.deployment_by_uid.get(&uid).copied()
    }

    // ReplicaSets.

    /// The set of a name.
    #[must_use]
    pub fn set_key(&self, kind: SetKind, namespace: &str, name: &str) -> Option<ReplicaSetKey> {
        self.set_names.get(&(kind, namespace.into(), name.into())).copied()
    }

    /// A set as stored and as seen.
    #[must_use]
    pub fn set(&self, key: ReplicaSetKey) -> Option<&Slot<ReplicaSet>> {
        self.sets.get(key)
    }

    /// All stored sets of a kind, by namespace and name.
    pub fn sets(&self, kind: SetKind) -> impl Iterator<Item = (ReplicaSetKey, &Arc<ReplicaSet>)> {
        self.set_names
            .iter()
            .filter(move |((of, _, _), _)| *of == kind)
            .filter_map(|(_, key)| Some((*key, self.sets.get(*key)?.stored.as_ref()?)))
    }

    /// The set with an identity.
    #[must_use]
    pub fn set_of_uid(&self, uid: Uid) -> Option<ReplicaSetKey> {
        self.set_by_uid.get(&uid).copied()
    }

    /// The set that owns the pods of a cohort. Thousands of changes in a row ask for the same one.
    #[inline]
    pub fn set_owning(&mut self, cohort: CohortId) -> Option<ReplicaSetKey> {
        if let Some((known, set)) = self.latest_owner
            && known == cohort
        {
            return Some(set);
        }
        let set = self.set_of_uid(self.cohort(cohort).identity.owner?)?;
        self.latest_owner = Some((cohort, set));
        Some(set)
    }

    /// Stored sets controlled by an owner (or by none), by creation.
    pub fn sets_controlled_by(&self, owner: Option<Uid>) -> impl Iterator<Item = ReplicaSetKey> {
        self.sets_of.get(&owner).into_iter().flat_map(|sets| sets.values().copied())
    }

    /// Sets seen as controlled by an owner (or by none), by creation.
    pub fn sets_seen_with(&self, owner: Option<Uid>) -> impl Iterator<Item = ReplicaSetKey> {
        self.seen_sets_of.get(&owner).into_iter().flat_map(|sets| sets.values().copied())
    }

    /// All Deployments as seen, by identity.
    pub fn deployments_seen(&self) -> impl Iterator<Item = (DeploymentKey, &Arc<Deployment>)> {
        self.deployment_by_uid.values().filter_map(|key| Some((*key, self.deployments.get(*key)?.seen.as_ref()?)))
    }

    /// All sets as seen, by identity.
    pub fn sets_seen(&self) -> impl Iterator<Item = (ReplicaSetKey, &Arc<ReplicaSet>)> {
        self.set_by_uid.values().filter_map(|key| Some((*key, self.sets.get(*key)?.seen.as_ref()?)))
    }

    // Pods.

    /// The record of a pod, whether stored or only still seen.
    #[must_use]
    #[inline]
    pub fn pod(&self, key: PodKey) -> Option<PodRecord<'_>> {
        self.pods.get(key)
    }

    /// Number of stored pods.
    #[must_use]
    pub fn pod_count(&self) -> usize {
        self.pods_of.values().map(Roll::len).sum()
    }

    /// Stored pods, by controlling owner and creation.
    pub fn pods(&self) -> impl Iterator<Item = PodKey> {
        self.pods_of.values().flat_map(Roll::iter).map(|(_, key)| key)
    }

    /// Stored pods controlled by an owner (or by none), by creation.
    pub fn pods_controlled_by(&self, owner: Option<Uid>) -> impl Iterator<Item = PodKey> {
        self.pods_of.get(&owner).into_iter().flat_map(Roll::iter).map(|(_, key)| key)
    }

    /// The interned template of a pod.
    #[must_use]
    pub fn template_of(&self, pod: &PodRecord<'_>) -> &Arc<PodTemplate> {
        &self.templates[usize::try_from(pod.template()).unwrap_or(0)]
    }

    /// An interned template by its number.
    #[must_use]
    pub fn template_facts(&self, template: u32) -> &PodTemplate {
        &self.templates[usize::try_from(template).unwrap_or(usize::MAX)]
    }

    /// A cohort.
    #[must_use]
    pub fn cohort(&self, id: CohortId) -> &Cohort {
        &self.cohorts[id.index()]
    }

    /// All cohorts.
    pub fn cohorts(&self) -> impl ExactSizeIterator<Item = &Cohort> {
        self.cohorts.iter()
    }

    /// Cohorts from a position on, in the order in which they came to be. Their number only grows.
    pub fn cohorts_from(&self, position: usize) -> impl Iterator<Item = (CohortId, &Cohort)> {
        let numbered = self.cohorts.iter().enumerate().skip(position);
        numbered.filter_map(|(number, cohort)| Some((CohortId(u32::try_from(number).ok()?), cohort)))
    }

    /// Cohorts of an owner's pods, or of pods without one.
    pub fn cohorts_with(&self, owner: Option<Uid>) -> impl Iterator<Item = CohortId> {
        self.cohorts_of.get(&owner).into_iter().flatten().copied()
    }

    /// Pods of a cohort that have been ready for long enough; moves the cohort's cursor.
    pub fn cohort_available(&mut self, id: CohortId, min_ready_seconds: i32, now: Time) -> u32 {
        if min_ready_seconds > 0 {
            self.place_pods(id);
        }
        self.cohorts[id.index()].available(min_ready_seconds, now)
    }

    /// The first victims among the pods of some cohorts and a few extra ones, see [`first_victims`].
    pub fn first_victims(
        &mut self,
        cohorts: &[CohortId],
        extra: VictimOrder,
        count: usize,
        crowding: impl Fn(Option<u32>) -> u32,
        ranking: Ranking<'_>,
    ) -> Vec<PodKey> {
        if let ([cohort], 1) = (cohorts, count)
            && extra.is_empty()
            && let Some(victim) = self.cohorts[cohort.index()].victims.first_in_turn(ranking)
        {
            return vec![victim];
        }
        let taken = cohorts.iter().map(|id| core::mem::take(&mut self.cohorts[id.index()].victims));
        let mut orders: Vec<VictimOrder> = taken.chain([extra]).collect();
        let victims = first_victims(&mut orders, count, crowding, ranking);
        for (id, order) in cohorts.iter().zip(orders) {
            self.cohorts[id.index()].victims = order;
        }
        victims
    }

    /// Namespace of a pod.
    #[must_use]
    pub fn pod_namespace(&self, pod: &PodRecord<'_>) -> Arc<str> {
        Arc::clone(&self.cohort(pod.cohort()).identity.namespace)
    }

    /// The name of a pod.
    #[must_use]
    pub fn pod_name(&self, pod: &PodRecord<'_>) -> Arc<str> {
        if let Some(name) = pod.own().and_then(|own| own.name.clone()) {
            return name;
        }
        let maker = self.maker_of(pod).unwrap_or_default();
        let prefix = self.makers.get(&maker).map_or("", |set| &*set.name);
        format!("{prefix}-{}", pod_name::suffix(maker, pod.ordinal())).into()
    }

    /// The set that created a pod, whoever owns it now.
    #[must_use]
    pub fn maker_of(&self, pod: &PodRecord<'_>) -> Option<Uid> {
        let made_by = pod.own().and_then(|own| own.made_by);
        made_by.or_else(|| self.cohort(pod.cohort()).identity.owner).filter(|_| pod.ordinal() > 0)
    }

    /// The pod of a name. Names that follow from an owner are searched among the pods of that owner.
    #[must_use]
    pub fn pod_key(&self, namespace: &str, name: &str) -> Option<PodKey> {
        if let Some(key) = self.pod_names.get(&(namespace.into(), name.into())) {
            return Some(*key);
        }
        let (prefix, _) = name.rsplit_once('-')?;
        let makers = self.makers.iter().filter(|(_, maker)| &*maker.name == prefix).map(|(uid, _)| *uid);
        makers.into_iter().find_map(|uid| {
            self.pods_controlled_by(Some(uid)).chain(self.pods_controlled_by(None)).find(|key| {
                self.pods.get(*key).is_some_and(|pod| {
                    *self.cohort(pod.cohort()).identity.namespace == *namespace && &*self.pod_name(&pod) == name
                })
            })
        })
    }

    /// What of a pod can change, as the controllers have seen it; none if they have not, or have seen it go.
    #[must_use]
    pub fn pod_seen(&self, key: PodKey) -> Option<PodView> {
        let pod = self.pods.get(key)?;
        match self.behind.get(&key) {
            Some(behind) => behind.seen,
            None => pod.is_stored().then(|| self.view(&pod)),
        }
    }

    /// What of a pod can change, at its stored version.
    #[must_use]
    #[inline]
    pub fn view(&self, pod: &PodRecord<'_>) -> PodView {
        PodView {
            cohort: pod.cohort(),
            state: pod.state(),
            deletion_cost: pod.own().map_or(0, |own| own.deletion_cost),
        }
    }

    /// The controlling owner of a pod at one version.
    #[must_use]
    pub fn owner_in(&self, view: &PodView) -> Option<Uid> {
        self.cohort(view.cohort).identity.owner
    }

    /// The whole object, built now because somebody looks.
    #[must_use]
    pub fn render_pod(&self, key: PodKey) -> Option<Pod> {
        let pod = self.pods.get(key).filter(PodRecord::is_stored)?;
        self.render(&pod, &pod.state(), pod.cohort())
    }

    /// The whole object as it was when a change showed this of it.
    #[must_use]
    pub fn render_pod_as(&self, key: PodKey, view: &PodView) -> Option<Pod> {
        self.render(&self.pods.get(key)?, &view.state, view.cohort)
    }

    fn render(&self, pod: &PodRecord<'_>, state: &PodState, cohort: CohortId) -> Option<Pod> {
        let cohort = &self.cohort(cohort).identity;
        let template = Arc::clone(self.template_of(pod));
        let own = pod.own();
        let maker = self.maker_of(pod).and_then(|uid| self.makers.get(&uid));
        let generate_name = maker.map_or_else(|| "".into(), |set| format!("{}-", set.name).into());
        let owners = own
            .and_then(|own| own.owners.clone())
            .unwrap_or_else(|| cohort.owner.and_then(|uid| self.set_reference(uid)).into_iter().collect());
        let condition = |kind: &str, holds: bool, since: Option<Time>| PodCondition {
            kind: kind.into(),
            status: if holds { ConditionStatus::True } else { ConditionStatus::False },
            last_transition: since,
            reason: "".into(),
            message: "".into(),
        };
        let mut conditions = Vec::new();
        if state.ready_since.is_some() || state.ready {
            conditions.push(condition("Ready", state.ready, state.ready_since.map(Second::time)));
        }
        if state.node.is_some() {
            conditions.push(condition("PodScheduled", true, None));
        }
        let mut annotations = template.annotations.clone();
        if let Some(kept) = own.and_then(|own| own.annotations.clone()) {
            annotations = kept;
        }
        Some(Pod {
            meta: ObjectMeta {
                name: self.pod_name(pod),
                namespace: cohort.namespace.clone(),
                generate_name,
                uid: pod.uid(),
                resource_version: pod.version(),
                generation: 1,
                creation: Some(pod.created()),
                deletion: state.deletion.map(Second::time),
                deletion_grace_seconds: state.deletion.map(|_| template.facts.grace_seconds),
                labels: cohort.labels.clone(),
                annotations,
                owners,
                finalizers: own.map(|own| own.finalizers.clone()).unwrap_or_default(),
                managed: own.and_then(|own| own.managed.clone()),
            },
            node: state.node.map(|node| self.node(node).name.clone()),
            template,
            status: PodStatus {
                phase: state.phase,
                conditions,
                restarts: state.restarts,
                sidecar_restarts: state.sidecar_restarts,
                reason: "".into(),
                message: "".into(),
            },
        })
    }

    /// The reference by which a set owns its pods.
    #[must_use]
    pub fn set_reference(&self, uid: Uid) -> Option<OwnerReference> {
        let known = self.set_of_uid(uid).and_then(|key| self.sets.get(key));
        let set = known.and_then(|slot| slot.stored.as_ref().or(slot.seen.as_ref()));
        let (kind, name) = match set {
            Some(set) => (set.kind, set.meta.name.clone()),
            None => self.makers.get(&uid).map(|maker| (maker.kind, maker.name.clone()))?,
        };
        Some(OwnerReference {
            api_version: kind.api_version().into(),
            kind: kind.as_str().into(),
            name,
            uid,
            controller: Some(true),
            block_owner_deletion: Some(true),
        })
    }

    // Nodes.

    /// The number of a node's name; numbers are given in order of first mention and kept.
    pub fn node_number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.node_numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.nodes.push(Node {
            name: name.clone(),
            labels: StringMap::default(),
            present: false,
            unschedulable: false,
        });
        self.node_numbers.insert(name, number);
        number
    }

    /// A node by its number.
    #[must_use]
    pub fn node(&self, number: u32) -> &Node {
        &self.nodes[usize::try_from(number).unwrap_or(usize::MAX)]
    }

    /// Nodes that take new pods, by name.
    pub fn schedulable_nodes(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.nodes().filter(|(_, node)| !node.unschedulable)
    }

    /// Nodes that are there, by name.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.node_numbers.values().map(|number| (*number, self.node(*number))).filter(|(_, node)| node.present)
    }

    /// Adds a node, with its hostname label.
    pub fn add_node(&mut self, name: &str, mut labels: StringMap) {
        labels.set("kubernetes.io/hostname", name);
        let number = self.node_number(name);
        let node = &mut self.nodes[usize::try_from(number).unwrap_or(usize::MAX)];
        node.labels = labels;
        node.present = true;
        self.next_version();
        self.changes.push_back(Change::NodeAdded { node: number });
    }

    /// Gives a node other labels, its hostname label apart, and says whether it takes pods.
    pub fn change_node(&mut self, name: &str, mut labels: StringMap, unschedulable: bool) {
        labels.set("kubernetes.io/hostname", name);
        let number = self.node_number(name);
        let node = &mut self.nodes[usize::try_from(number).unwrap_or(usize::MAX)];
        node.labels = labels;
        node.unschedulable = unschedulable;
    }

    /// Takes a node away; answers whether it was there. Its pods stay.
    pub fn remove_node(&mut self, name: &str) -> bool {
        let Some(number) = self.node_numbers.get(name).copied() else { return false };
        let node = &mut self.nodes[usize::try_from(number).unwrap_or(usize::MAX)];
        if !core::mem::take(&mut node.present) {
            return false;
        }
        self.next_version();
        self.changes.push_back(Change::NodeRemoved { node: number });
        true
    }

    // Shared parts.

    pub(crate) fn intern(&mut self, template: &Arc<PodTemplate>) -> u32 {
        // New pods nearly always follow one of the latest templates.
        let found = self.templates.iter().rposition(|known| Arc::ptr_eq(known, template)).or_else(|| {
            self.templates.iter().rposition(|known| {
                known.spelling == template.spelling
                    && known.meaning == template.meaning
                    && known.value == template.value
            })
        });
        let number = found.unwrap_or_else(|| {
            self.templates.push(Arc::clone(template));
            self.templates.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(crate) fn cohort_of(&mut self, identity: &CohortIdentity) -> CohortId {
        if let Some(id) = self.cohort_ids.get(identity) {
            return *id;
        }
        let id = CohortId(u32::try_from(self.cohorts.len()).unwrap_or(u32::MAX));
        self.cohorts.push(Cohort::new(identity.clone()));
        self.cohort_ids.insert(identity.clone(), id);
        self.cohorts_of.entry(identity.owner).or_default().push(id);
        id
    }

    pub(crate) fn deletion_cost_of(annotations: &StringMap) -> i32 {
        wavetank_model::pod::deletion_cost(annotations.get(POD_DELETION_COST))
    }
}
