//! The writes of a Deployment's pass, carried out.

use crate::cluster::Cluster;
use crate::history::log::ObjectRef;
use crate::passes::{ActivePass, Work};
use std::sync::Arc;
use wavetank_controllers::DeploymentWrite;
use wavetank_model::{Base, Deployment, OwnerReference, Reason, Refusal, ReplicaSetKey, SetKind, Uid};
use wavetank_store::Precondition;

/// How events name a Deployment.
pub(crate) fn reference(deployment: &Deployment) -> ObjectRef {
    ObjectRef {
        kind: "Deployment".into(),
        namespace: deployment.meta.namespace.clone(),
        name: deployment.meta.name.clone(),
        uid: deployment.meta.uid,
        field_path: "".into(),
    }
}

/// The version that a write on a base expects to find.
pub(crate) fn expected(base: Base, cached: u64, versions: &[u64]) -> Precondition {
    match base {
        Base::Cached => Precondition::Version(cached),
        Base::Written(write) => {
            versions.get(write).map_or(Precondition::None, |version| Precondition::Version(*version))
        }
        Base::Fresh => Precondition::None,
    }
}

/// The one request of the write under way reaches the server.
pub(crate) fn land(cluster: &mut Cluster, pass: &mut ActivePass) -> Result<(), Refusal> {
    let Work::Deployment { key, seen, plan } = &pass.work else { return Ok(()) };
    let Some(write) = plan.writes.get(pass.replies.len()) else { return Ok(()) };
    let deployment = &seen.deployment;
    let name = &deployment.meta.name;
    let met = |cluster: &mut Cluster, verb, kind, sub, name: &Arc<str>| {
        cluster.refusals.meets(verb, kind, sub, || Arc::clone(name)).map_or(Ok(()), Err)
    };
    let version = match write {
        DeploymentWrite::ConfirmOwner => confirm(cluster, deployment)?,
        DeploymentWrite::Adopt(set) => {
            met(cluster, "patch", "ReplicaSet", None, &set_name(cluster, *set))?;
            let owner = OwnerReference {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: name.clone(),
                uid: deployment.meta.uid,
                controller: Some(true),
                block_owner_deletion: Some(true),
            };
            edit_owners(cluster, *set, deployment.meta.uid, Some(owner))?
        }
        DeploymentWrite::Release(set) => {
            met(cluster, "patch", "ReplicaSet", None, &set_name(cluster, *set))?;
            edit_owners(cluster, *set, deployment.meta.uid, None)?
        }
        DeploymentWrite::Create(set) => {
            met(cluster, "create", "ReplicaSet", None, &set.meta.name)?;
            cluster.store.create_set((**set).clone(), cluster.now)?;
            cluster.store.version()
        }
        DeploymentWrite::Edit { key, base, edit } => {
            let Some(set) = seen.set(*key) else { return Ok(()) };
            met(cluster, "update", "ReplicaSet", None, &set.meta.name)?;
            let expected = expected(*base, set.meta.resource_version, &pass.versions);
            cluster.store.edit_set(*key, edit.clone(), expected, (set.kind, &set.meta.name))?
        }
        DeploymentWrite::Delete(set) => {
            met(cluster, "delete", "ReplicaSet", None, &set_name(cluster, *set))?;
            cluster.store.delete_set(*set, None, cluster.now)?;
            cluster.store.version()
        }
        DeploymentWrite::UpdateDeployment { base, deployment } => {
            met(cluster, "update", "Deployment", None, name)?;
            let expected = expected(*base, deployment.meta.resource_version, &pass.versions);
            cluster.store.update_deployment(*key, (**deployment).clone(), expected)?
        }
        DeploymentWrite::Status { base, annotations, status } => {
            met(cluster, "update", "Deployment", Some("status"), name)?;
            let expected = expected(*base, deployment.meta.resource_version, &pass.versions);
            cluster.store.update_deployment_status(*key, status.clone(), Some(annotations), expected, name)?
        }
    };
    pass.versions.push(version);
    Ok(())
}

fn set_name(cluster: &Cluster, set: ReplicaSetKey) -> Arc<str> {
    let slot = cluster.store.set(set);
    slot.and_then(|slot| slot.stored.as_ref().or(slot.seen.as_ref()))
        .map_or_else(|| "".into(), |set| set.meta.name.clone())
}

/// A live read before the first adoption.
fn confirm(cluster: &Cluster, seen: &Deployment) -> Result<u64, Refusal> {
    let (namespace, name) = (&seen.meta.namespace, &seen.meta.name);
    let live = cluster
        .store
        .deployment_key(namespace, name)
        .and_then(|key| cluster.store.deployment(key)?.stored.as_ref())
        .ok_or_else(|| Refusal::not_found(wavetank_store::writes::DEPLOYMENTS, name))?;
    live_is_same("Deployment", namespace, name, (live.meta.uid, seen.meta.uid), live.meta.deletion.is_some())?;
    Ok(live.meta.resource_version)
}

/// Whether a live read found the object itself, and not on its way out.
pub(crate) fn live_is_same(
    kind: &str,
    namespace: &str,
    name: &str,
    (live, seen): (Uid, Uid),
    terminating: bool,
) -> Result<(), Refusal> {
    if live != seen {
        let message = format!("original {kind} {namespace}/{name} is gone: got uid {live}, wanted {seen}");
        return Err(Refusal::new(Reason::Other("Gone".into()), message));
    }
    if terminating {
        let message = format!("{namespace}/{name} has just been deleted");
        return Err(Refusal::new(Reason::Other("Deleted".into()), message));
    }
    Ok(())
}

fn edit_owners(
    cluster: &mut Cluster,
    set: ReplicaSetKey,
    owner: Uid,
    reference: Option<OwnerReference>,
) -> Result<u64, Refusal> {
    let resource = wavetank_store::writes::set_resource(SetKind::ReplicaSet);
    let live = cluster.store.set(set).and_then(|slot| slot.stored.clone());
    let mut new = (*live.ok_or_else(|| Refusal::not_found(resource, ""))?).clone();
    new.meta.owners.retain(|held| held.uid != owner);
    new.meta.owners.extend(reference);
    cluster.store.update_set(set, new, Precondition::None)
}
