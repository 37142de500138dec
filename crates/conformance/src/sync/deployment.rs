//! Passes of the Deployment controller.

use super::executor::{Server, adopt, confirm_owner, owner_json, owner_reference, refused, request};
use super::{Opening, compare, end, list, not_run, text};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use slotmap::SlotMap;
use std::sync::Arc;
use wavetank_controllers::{DeploymentInputs, DeploymentWrite, SetSeen, new_set_name, reconcile_deployment};
use wavetank_manifest::{
    Edge, decode_deployment, decode_pod, decode_replica_set, render_deployment, render_replica_set,
};
use wavetank_model::{
    Base, Deployment, DeploymentStatus, Plan, Pod, Refusal, ReplicaSet, ReplicaSetKey, Reply, SetEdit, StringMap, drive,
};

/// Plays one recorded pass twice: against a server that compares resource versions, and against one
/// that does not.
///
/// # Errors
/// The first difference.
pub fn deployment_case(case: &Value) -> Result<(), Mismatch> {
    play(case, true, &case["expect"])?;
    let expected = case.get("expectNoConflict").unwrap_or(&case["expect"]);
    play(case, false, expected).map_err(|mismatch| mismatch.within("without conflicts"))
}

fn play(case: &Value, checked: bool, expected: &Value) -> Result<(), Mismatch> {
    let Opening { mut edge, now } = Opening::of(case)?;
    let input = &case["input"];
    if input.get("deployment").is_none() {
        // There is no object to sync, so nothing calls the function.
        return matches(expected, &[], &Plan::default());
    }
    let deployment = decode_deployment(&input["deployment"], &mut edge).map_err(not_run)?;
    let mut sets = Vec::new();
    for set in list(&input["replicaSets"]) {
        sets.push(Arc::new(decode_replica_set(set, &mut edge).map_err(not_run)?));
    }
    let mut pods = Vec::new();
    for pod in list(&input["pods"]) {
        pods.push(decode_pod(pod, &mut edge).map_err(not_run)?);
    }
    let mut server = Server::new(checked, input);
    server.deployment = Some(deployment.clone());
    server.sets = sets.iter().map(|set| (set.meta.name.clone(), ReplicaSet::clone(set))).collect();
    for live in list(&input["live"]) {
        replace(&mut server, live, &mut edge)?;
    }

    let mut names: SlotMap<ReplicaSetKey, Arc<ReplicaSet>> = SlotMap::with_key();
    let seen: Vec<SetSeen> = sets
        .iter()
        .map(|set| SetSeen {
            key: names.insert(set.clone()),
            set: set.clone(),
            unfinished_pods: unfinished_pods(set, &pods),
        })
        .collect();
    let name = new_set_name(&deployment);
    let taken = seen.iter().find(|seen| *seen.set.meta.name == *name);
    let inputs = DeploymentInputs { now, deployment: &deployment, sets: &seen, taken };
    let mut executor =
        Executor { server, edge: &edge, seen: &deployment, names, versions: Vec::new(), log: Vec::new() };
    let plan = drive(|replies| reconcile_deployment(&inputs, replies), |_, write| executor.apply(write));
    matches(expected, &executor.log, &plan)
}

fn replace(server: &mut Server, live: &Value, edge: &mut Edge) -> Result<(), Mismatch> {
    let (name, object) = (text(&live["name"]), &live["object"]);
    match text(&live["kind"]) {
        "Deployment" if object.is_null() => server.deployment = None,
        "Deployment" => server.deployment = Some(decode_deployment(object, edge).map_err(not_run)?),
        "ReplicaSet" if object.is_null() => drop(server.sets.remove(name)),
        "ReplicaSet" => {
            let set = decode_replica_set(object, edge).map_err(not_run)?;
            server.sets.insert(name.into(), set);
        }
        other => return Err(Mismatch::not_run(format!("a live {other} cannot be stored"))),
    }
    Ok(())
}

fn unfinished_pods(set: &ReplicaSet, pods: &[Pod]) -> u32 {
    let of_set = |pod: &&Pod| pod.meta.controller().is_some_and(|owner| owner.uid == set.meta.uid);
    let count = pods.iter().filter(of_set).filter(|pod| !pod.status.phase.has_ended()).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn matches(expected: &Value, log: &[Value], plan: &Plan<DeploymentWrite>) -> Result<(), Mismatch> {
    let events: Vec<Value> = plan
        .events
        .iter()
        .map(|(_, event)| json!({"type": event.kind.as_str(), "reason": &*event.reason, "message": &*event.message}))
        .collect();
    let recorded: Vec<Value> = list(&expected["events"])
        .iter()
        .map(|event| json!({"type": event["type"], "reason": event["reason"], "message": event["message"]}))
        .collect();
    let wanted: Vec<Value> = list(&expected["writes"]).iter().map(compare::write).collect();
    let made: Vec<Value> = log.iter().map(compare::write).collect();
    same(&wanted.into(), &made.into()).map_err(|mismatch| mismatch.within("writes"))?;
    same(&recorded.into(), &events.into()).map_err(|mismatch| mismatch.within("events"))?;
    end(expected, plan.error.as_ref(), plan.look_again)
}

/// Carries out the writes of a pass.
struct Executor<'a> {
    server: Server,
    edge: &'a Edge,
    seen: &'a Deployment,
    names: SlotMap<ReplicaSetKey, Arc<ReplicaSet>>,
    /// Resource version after each write; 0 after a refused one.
    versions: Vec<u64>,
    log: Vec<Value>,
}

impl Executor<'_> {
    fn apply(&mut self, write: &DeploymentWrite) -> Reply {
        let result = match write {
            DeploymentWrite::ConfirmOwner => {
                let live = self.server.deployment.as_ref().map(|live| &live.meta);
                confirm_owner(live, &self.seen.meta, "Deployment", "deployments.apps").map(|()| 0)
            }
            DeploymentWrite::Adopt(key) => self.patch(*key, true),
            DeploymentWrite::Release(key) => self.patch(*key, false),
            DeploymentWrite::Create(set) => self.create(set),
            DeploymentWrite::Edit { key, base, edit } => self.update(*key, *base, edit),
            DeploymentWrite::Delete(key) => self.delete(*key),
            DeploymentWrite::UpdateDeployment { base, deployment } => self.update_deployment(*base, deployment),
            DeploymentWrite::Status { base, annotations, status } => self.status(*base, annotations, status),
        };
        self.versions.push(result.as_ref().copied().unwrap_or_default());
        match result {
            Ok(_) => Reply::done(1),
            Err(refusal) => Reply::refused(refusal),
        }
    }

    fn record(&mut self, request: Value, result: Result<u64, Refusal>) -> Result<u64, Refusal> {
        self.log.push(match &result {
            Ok(_) => request,
            Err(refusal) => refused(request, refusal),
        });
        result
    }

    /// The version that a write of an object starts from.
    fn version(&self, base: Base, cached: u64, live: u64) -> u64 {
        match base {
            Base::Cached => cached,
            Base::Written(write) => self.versions.get(write).copied().unwrap_or_default(),
            Base::Fresh => live,
        }
    }

    fn name(&self, key: ReplicaSetKey) -> Arc<str> {
        self.names.get(key).map(|set| set.meta.name.clone()).unwrap_or_default()
    }

    fn patch(&mut self, key: ReplicaSetKey, adopts: bool) -> Result<u64, Refusal> {
        let name = self.name(key);
        let owner = owner_reference("apps/v1", "Deployment", &self.seen.meta);
        let mut after = Vec::new();
        let result = self.server.faults.meet("patch", "ReplicaSet", None, &name).and_then(|()| {
            self.server.update_set(self.edge, &name, None, |set| {
                if adopts {
                    adopt(&mut set.meta.owners, owner);
                } else {
                    set.meta.owners.retain(|known| known.uid != owner.uid);
                }
                after.clone_from(&set.meta.owners);
            })
        });
        let owners: Vec<Value> = after.iter().map(|owner| owner_json(owner, self.edge)).collect();
        let object = json!({"metadata": {"ownerReferences": owners}});
        self.record(request("patch", "ReplicaSet", &name, None, Some(object)), result)
    }

    fn create(&mut self, set: &ReplicaSet) -> Result<u64, Refusal> {
        let name = &set.meta.name;
        let result = self.server.faults.meet("create", "ReplicaSet", None, name);
        let result = result.and_then(|()| self.server.create_set(set.clone()));
        let object = render_replica_set(set, self.edge);
        self.record(request("create", "ReplicaSet", name, None, Some(object)), result)
    }

    fn update(&mut self, key: ReplicaSetKey, base: Base, edit: &SetEdit) -> Result<u64, Refusal> {
        let Some(seen) = self.names.get(key) else { return Err(Refusal::not_found("replicasets.apps", "")) };
        let (name, cached) = (seen.meta.name.clone(), seen.meta.resource_version);
        let set = edit.of(seen);
        let live = self.server.sets.get(&name).map_or(0, |set| set.meta.resource_version);
        let version = self.version(base, cached, live);
        let edge = self.edge;
        let result = self.server.faults.meet("update", "ReplicaSet", None, &name).and_then(|()| {
            self.server.update_set(edge, &name, Some(version), |stored| {
                stored.meta.annotations = set.meta.annotations.clone();
                stored.meta.labels = set.meta.labels.clone();
                stored.meta.owners.clone_from(&set.meta.owners);
                stored.spec = set.spec.clone();
            })
        });
        let object = render_replica_set(&set, edge);
        self.record(request("update", "ReplicaSet", &name, None, Some(object)), result)
    }

    fn delete(&mut self, key: ReplicaSetKey) -> Result<u64, Refusal> {
        let name = self.name(key);
        let result = self.server.faults.meet("delete", "ReplicaSet", None, &name).and_then(|()| {
            let gone = self.server.sets.remove(&name);
            gone.map(|_| 0).ok_or_else(|| Refusal::not_found("replicasets.apps", &name))
        });
        self.record(request("delete", "ReplicaSet", &name, None, None), result)
    }

    fn update_deployment(&mut self, base: Base, deployment: &Deployment) -> Result<u64, Refusal> {
        let name = &deployment.meta.name;
        let version = self.deployment_version(base);
        let result = self.server.faults.meet("update", "Deployment", None, name).and_then(|()| {
            self.server.update_deployment(self.edge, name, version, |stored| {
                stored.meta.annotations = deployment.meta.annotations.clone();
                stored.meta.labels = deployment.meta.labels.clone();
                stored.spec = deployment.spec.clone();
            })
        });
        let object = render_deployment(deployment, self.edge);
        self.record(request("update", "Deployment", name, None, Some(object)), result)
    }

    fn status(&mut self, base: Base, annotations: &StringMap, status: &DeploymentStatus) -> Result<u64, Refusal> {
        let version = self.deployment_version(base);
        let mut sent = self.seen.clone();
        sent.meta.annotations = annotations.clone();
        sent.status = status.clone();
        let name = &self.seen.meta.name;
        let result = self.server.faults.meet("update", "Deployment", Some("status"), name).and_then(|()| {
            self.server.update_deployment(self.edge, name, version, |stored| {
                stored.meta.annotations = annotations.clone();
                stored.status = status.clone();
            })
        });
        let object = render_deployment(&sent, self.edge);
        self.record(request("update", "Deployment", name, Some("status"), Some(object)), result)
    }

    fn deployment_version(&self, base: Base) -> u64 {
        let live = self.server.deployment.as_ref().map_or(0, |live| live.meta.resource_version);
        self.version(base, self.seen.meta.resource_version, live)
    }
}
