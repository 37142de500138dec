//! The writes of a ReplicaSet's pass, carried out request by request.

use crate::cluster::Cluster;
use crate::history::log::{Component, ObjectRef};
use crate::passes::apply_deployment::{expected, live_is_same};
use crate::passes::{ActivePass, Work};
use std::sync::Arc;
use wavetank_controllers::{PodEvent, ReplicaSetWrite};
use wavetank_model::{PodKey, Refusal, ReplicaSet, ReplicaSetKey, SetKind};
use wavetank_store::writes::set_resource;

/// How events name a set.
pub(crate) fn reference(set: &ReplicaSet) -> ObjectRef {
    ObjectRef {
        kind: set.kind.as_str().into(),
        namespace: set.meta.namespace.clone(),
        name: set.meta.name.clone(),
        uid: set.meta.uid,
        field_path: "".into(),
    }
}

/// Who records events about sets of a kind.
pub(crate) const fn component(kind: SetKind) -> Component {
    match kind {
        SetKind::ReplicaSet => Component::ReplicaSetController,
        SetKind::ReplicationController => Component::ReplicationController,
    }
}

/// Requests that a write stands for.
pub(crate) fn requests(write: &ReplicaSetWrite) -> u32 {
    match write {
        ReplicaSetWrite::Create { count } => *count,
        ReplicaSetWrite::Delete(pods) => u32::try_from(pods.len()).unwrap_or(u32::MAX),
        ReplicaSetWrite::ConfirmOwner
        | ReplicaSetWrite::Adopt(_)
        | ReplicaSetWrite::Release(_)
        | ReplicaSetWrite::Status { .. } => 1,
    }
}

/// One request of the write under way reaches the server.
pub(crate) fn land(cluster: &mut Cluster, pass: &mut ActivePass) -> Result<(), Refusal> {
    let Work::Set { key, set, plan, .. } = &pass.work else { return Ok(()) };
    let (key, set) = (*key, Arc::clone(set));
    let Some(write) = plan.writes.get(pass.replies.len()) else { return Ok(()) };
    match write {
        ReplicaSetWrite::ConfirmOwner => confirm(cluster, &set),
        ReplicaSetWrite::Adopt(pod) => {
            let pod = *pod;
            refuse(cluster, "patch", "Pod", pod)?;
            cluster.store.adopt_pod(pod, set.meta.uid)
        }
        ReplicaSetWrite::Release(pod) => {
            let pod = *pod;
            refuse(cluster, "patch", "Pod", pod)?;
            cluster.store.release_pod(pod, set.meta.uid)
        }
        ReplicaSetWrite::Create { count } => {
            if pass.answered == 0 {
                cluster.expect(key, *count, []);
            }
            create(cluster, key, &set)
        }
        ReplicaSetWrite::Delete(pods) => {
            if pass.answered == 0 {
                cluster.expect(key, 0, pods.iter().copied());
            }
            let victim = usize::try_from(pass.answered).ok().and_then(|next| pods.get(next)).copied();
            victim.map_or(Ok(()), |pod| delete(cluster, key, &set, pod))
        }
        ReplicaSetWrite::Status { base, status } => {
            let name = set.meta.name.clone();
            let kind = set.kind.as_str();
            if let Some(refusal) = cluster.refusals.meets("update", kind, Some("status"), || name.clone()) {
                return Err(refusal);
            }
            let expected = expected(*base, set.meta.resource_version, &pass.versions);
            let version = cluster.store.update_set_status(key, status.clone(), expected, (set.kind, &name))?;
            if !cluster.profile.watch_delivery.is_zero() {
                cluster.written.insert(key, version);
            }
            Ok(())
        }
    }
}

fn refuse(cluster: &mut Cluster, verb: &str, kind: &str, pod: PodKey) -> Result<(), Refusal> {
    let store = &cluster.store;
    let name = || store.pod(pod).map_or_else(|| "".into(), |record| store.pod_name(&record));
    cluster.refusals.meets(verb, kind, None, name).map_or(Ok(()), Err)
}

fn create(cluster: &mut Cluster, key: ReplicaSetKey, set: &ReplicaSet) -> Result<(), Refusal> {
    let refused = cluster.refusals.meets("create", "Pod", None, || "".into());
    let made = refused.map_or_else(|| cluster.store.create_pod_of(key, cluster.now), Err);
    match made {
        Ok(pod) => {
            if cluster.keeps_pod_events() {
                let name = cluster.store.pod(pod).map(|pod| cluster.store.pod_name(&pod)).unwrap_or_default();
                cluster.record_pod_event(component(set.kind), || reference(set), &PodEvent::Created(&name));
            }
            Ok(())
        }
        Err(refusal) => {
            cluster.expect_less(key, 1, None);
            cluster.record_pod_event(component(set.kind), || reference(set), &PodEvent::CreateFailed(&refusal));
            Err(refusal)
        }
    }
}

fn delete(cluster: &mut Cluster, key: ReplicaSetKey, set: &ReplicaSet, pod: PodKey) -> Result<(), Refusal> {
    let name = if cluster.keeps_pod_events() {
        cluster.store.pod(pod).map(|record| cluster.store.pod_name(&record)).unwrap_or_default()
    } else {
        "".into()
    };
    let deleted = refuse(cluster, "delete", "Pod", pod).and_then(|()| cluster.delete_pod_gracefully(pod, None));
    match deleted {
        Ok(()) => {
            cluster.record_pod_event(component(set.kind), || reference(set), &PodEvent::Deleted(&name));
            Ok(())
        }
        Err(refusal) => {
            cluster.expect_less(key, 0, Some(pod));
            cluster.record_pod_event(component(set.kind), || reference(set), &PodEvent::DeleteFailed(&refusal));
            Err(refusal)
        }
    }
}

/// A live read before the first adoption.
fn confirm(cluster: &Cluster, seen: &ReplicaSet) -> Result<(), Refusal> {
    let (namespace, name) = (&seen.meta.namespace, &seen.meta.name);
    let live = cluster
        .store
        .set_key(seen.kind, namespace, name)
        .and_then(|key| cluster.store.set(key)?.stored.as_ref())
        .ok_or_else(|| Refusal::not_found(set_resource(seen.kind), name))?;
    let uids = (live.meta.uid, seen.meta.uid);
    live_is_same(seen.kind.as_str(), namespace, name, uids, live.meta.deletion.is_some())
}
