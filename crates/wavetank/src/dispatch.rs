//! The controllers' watch handlers: what was delivered, and whose keys it marks.
//!
//! Source: `pkg/controller/deployment/deployment_controller.go` and
//! `pkg/controller/replicaset/replica_set.go`, the `add…`, `update…` and `delete…` handlers.

use crate::cluster::Cluster;
use std::sync::Arc;
use wavetank_model::{Kind, ReplicaSet, ReplicaSetKey, SetKind, Strategy, Uid};
use wavetank_store::{Change, PodChange, PodView, Store};

/// A change reaches the controllers' caches.
pub(crate) fn see(cluster: &mut Cluster, change: &Change) {
    if let Change::Pod(pod) = change {
        see_pod(cluster, pod);
    } else {
        cluster.store.deliver(change);
        see_object(cluster, change);
    }
}

fn see_object(cluster: &mut Cluster, change: &Change) {
    match change {
        Change::Deployment { key, old, new } => {
            cluster.deployments.queue.add(*key);
            if let Some(new) =
                new.as_ref().filter(|new| old.as_ref().is_none_or(|old| old.spec.replicas != new.spec.replicas))
            {
                cluster.budgets_see_scale(&new.meta.namespace);
            }
        }
        Change::ReplicaSet { key, old, new } => see_set(cluster, *key, old.as_ref(), new.as_ref()),
        Change::Document { key, old, new } => {
            cluster.services_see_document(*key, old.as_ref(), new.as_ref());
            cluster.budgets_see_document(*key, new.as_ref());
            cluster.horizontal_sees_document(*key, old.as_ref(), new.as_ref());
        }
        Change::Pod(_) | Change::NodeAdded { .. } | Change::NodeRemoved { .. } => {}
    }
}

/// The same for a pod. Ten times for each pod of a rollout: a call by itself costs a tenth of what it does.
#[inline(always)]
pub(crate) fn see_pod(cluster: &mut Cluster, change: &PodChange) {
    cluster.store.deliver_pod(change);
    if cluster.metrics.counts_pods() {
        change.old.iter().chain(&change.new).for_each(|pod| cluster.metrics.pod_change_seen(pod.cohort));
    }
    if !cluster.expectations.is_empty() {
        cluster.settle_expectations(change);
    }
    mark_owner(cluster, change);
    if cluster.has_services() {
        cluster.services_see_pod(change);
    }
    if cluster.store.has_documents(Kind::PodDisruptionBudget) {
        cluster.budgets_see_pod(change);
    }
}

fn see_set(cluster: &mut Cluster, key: ReplicaSetKey, old: Option<&Arc<ReplicaSet>>, new: Option<&Arc<ReplicaSet>>) {
    cluster.sets.queue.add(key);
    if new.is_none() {
        cluster.expectations.remove(&key);
        cluster.written.remove(&key);
    }
    let owner = |set: &Arc<ReplicaSet>| set.meta.controller().map(|owner| owner.uid);
    let (before, after) = (old.and_then(owner), new.and_then(owner));
    for uid in [before, after.filter(|after| before != Some(*after))].into_iter().flatten() {
        mark_deployment(cluster, uid);
    }
    // An orphan wakes every Deployment that might want it.
    if let Some(set) = new.filter(|set| after.is_none() && set.kind == SetKind::ReplicaSet) {
        let relabelled = old.is_none_or(|old| old.meta.labels != set.meta.labels || before != after);
        if relabelled {
            let wanting: Vec<_> = cluster
                .store
                .deployments_seen()
                .filter(|(_, deployment)| deployment.meta.namespace == set.meta.namespace)
                .filter(|(_, deployment)| {
                    deployment.spec.selector.compile().is_ok_and(|selector| selector.matches(&set.meta.labels))
                })
                .map(|(key, _)| key)
                .collect();
            for key in wanting {
                cluster.deployments.queue.add(key);
            }
        }
    }
}

fn mark_deployment(cluster: &mut Cluster, uid: Uid) {
    if let Some(key) = cluster.store.deployment_of_uid(uid) {
        cluster.deployments.queue.add(key);
    }
}

#[inline(always)]
fn mark_owner(cluster: &mut Cluster, change: &PodChange) {
    // Most changes leave a pod with its owner.
    if let (Some(old), Some(new)) = (&change.old, &change.new)
        && old.cohort == new.cohort
    {
        if let Some(set) = cluster.store.set_owning(new.cohort) {
            cluster.sets.queue.add(set);
        }
        return;
    }
    mark_owners(cluster, change.old.as_ref(), change.new.as_ref());
}

/// A pod came, went or changed its owner or its labels.
#[inline(never)]
fn mark_owners(cluster: &mut Cluster, old: Option<&PodView>, new: Option<&PodView>) {
    let owner = |view: Option<&PodView>| view.and_then(|view| cluster.store.owner_in(view));
    let (before, after) = (owner(old), owner(new));
    for uid in [before, after.filter(|after| before != Some(*after))].into_iter().flatten() {
        if let Some(key) = cluster.store.set_of_uid(uid) {
            cluster.sets.queue.add(key);
        }
    }
    if let Some(pod) = new.filter(|_| after.is_none()) {
        let changed = old.is_none_or(|old| old.cohort != pod.cohort);
        if changed {
            for key in sets_wanting(&cluster.store, pod) {
                cluster.sets.queue.add(key);
            }
        }
    }
    if let (Some(owner), Some(old), None) = (before, old, new)
        // As long as there are others the Deployment waits.
        && cluster.store.cohort(old.cohort).present == 0
    {
        wake_recreating_deployment(cluster, owner);
    }
}

fn sets_wanting(store: &Store, pod: &PodView) -> Vec<ReplicaSetKey> {
    let identity = &store.cohort(pod.cohort).identity;
    store
        .sets_seen()
        .filter(|(_, set)| set.meta.namespace == identity.namespace)
        .filter(|(_, set)| set.spec.selector.compile().is_ok_and(|selector| selector.matches(&identity.labels)))
        .map(|(key, _)| key)
        .collect()
}

/// The last pod of a Deployment that recreates has gone: now it may make new ones.
fn wake_recreating_deployment(cluster: &mut Cluster, set: Uid) {
    let store = &cluster.store;
    let owner = store
        .set_of_uid(set)
        .and_then(|key| store.set(key)?.seen.as_ref())
        .and_then(|set| set.meta.controller())
        .map(|owner| owner.uid);
    let Some((uid, key)) = owner.and_then(|uid| Some((uid, store.deployment_of_uid(uid)?))) else { return };
    let recreates = store
        .deployment(key)
        .and_then(|slot| slot.seen.as_ref())
        .is_some_and(|deployment| deployment.spec.strategy == Strategy::Recreate);
    if !recreates {
        return;
    }
    let pods: u32 = store
        .sets_seen_with(Some(uid))
        .filter_map(|key| Some(store.set(key)?.seen.as_ref()?.meta.uid))
        .flat_map(|set| store.cohorts_with(Some(set)))
        .map(|id| store.cohort(id).present)
        .sum();
    if pods == 0 {
        cluster.deployments.queue.add(key);
    }
}
