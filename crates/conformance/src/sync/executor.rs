//! The small API server of a recorded case: it stores, counts versions, and refuses where the case says so.

use super::{list, refusal, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_manifest::{Edge, render_deployment, render_replica_set};
use wavetank_model::{Deployment, ObjectMeta, OwnerReference, Refusal, ReplicaSet, Uid};

/// Requests that the case makes fail.
#[derive(Clone, Debug)]
struct Fault {
    verb: String,
    kind: String,
    subresource: Option<String>,
    name: Option<String>,
    /// Requests that go through before it begins.
    allow: u64,
    /// Requests that fail then; 0 means all.
    times: u64,
    refusal: Refusal,
    met: u64,
}

/// All faults of a case.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn of(input: &Value) -> Self {
        let optional = |value: &Value| value.as_str().map(str::to_owned);
        let faults = list(&input["faults"]).iter().map(|fault| Fault {
            verb: text(&fault["verb"]).to_owned(),
            kind: text(&fault["kind"]).to_owned(),
            subresource: optional(&fault["subresource"]),
            name: optional(&fault["name"]),
            allow: fault["allow"].as_u64().unwrap_or_default(),
            times: fault["times"].as_u64().unwrap_or_default(),
            refusal: refusal(&fault["status"]),
            met: 0,
        });
        Self(faults.collect())
    }

    /// Whether a request fails by a fault.
    pub(super) fn meet(
        &mut self,
        verb: &str,
        kind: &str,
        subresource: Option<&str>,
        name: &str,
    ) -> Result<(), Refusal> {
        for fault in &mut self.0 {
            let meant = fault.verb == verb
                && fault.kind == kind
                && fault.subresource.as_deref() == subresource
                && fault.name.as_deref().is_none_or(|wanted| wanted == name);
            if !meant {
                continue;
            }
            fault.met += 1;
            if fault.met > fault.allow && (fault.times == 0 || fault.met <= fault.allow + fault.times) {
                return Err(fault.refusal.clone());
            }
        }
        Ok(())
    }
}

/// The objects that a case's API server holds.
pub(super) struct Server {
    /// Whether resource versions are compared.
    pub(super) checked: bool,
    pub(super) deployment: Option<Deployment>,
    pub(super) sets: BTreeMap<Arc<str>, ReplicaSet>,
    pub(super) faults: Faults,
    last_version: u64,
}

impl Server {
    pub(super) fn new(checked: bool, input: &Value) -> Self {
        let (sets, faults) = (BTreeMap::new(), Faults::of(input));
        Self { checked, deployment: None, sets, faults, last_version: 1_000_000 }
    }

    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }

    fn check(&self, stored: &ObjectMeta, sent: u64, resource: &str) -> Result<(), Refusal> {
        if self.checked && stored.resource_version != sent {
            return Err(Refusal::conflict(resource, &stored.name));
        }
        Ok(())
    }

    /// Replaces the stored Deployment by what `change` makes of it; answers the version after that.
    pub(super) fn update_deployment(
        &mut self,
        edge: &Edge,
        name: &str,
        version: u64,
        change: impl FnOnce(&mut Deployment),
    ) -> Result<u64, Refusal> {
        let stored = self.deployment.clone().ok_or_else(|| Refusal::not_found("deployments.apps", name))?;
        self.check(&stored.meta, version, "deployments.apps")?;
        let mut changed = stored.clone();
        change(&mut changed);
        if render_deployment(&changed, edge) == render_deployment(&stored, edge) {
            return Ok(stored.meta.resource_version);
        }
        let version = self.next_version();
        changed.meta.resource_version = version;
        self.deployment = Some(changed);
        Ok(version)
    }

    /// Replaces a stored set by what `change` makes of it; answers the version after that. Without a
    /// version nothing is compared, as for a patch.
    pub(super) fn update_set(
        &mut self,
        edge: &Edge,
        name: &str,
        version: Option<u64>,
        change: impl FnOnce(&mut ReplicaSet),
    ) -> Result<u64, Refusal> {
        let stored = self.sets.get(name).cloned().ok_or_else(|| Refusal::not_found("replicasets.apps", name))?;
        if let Some(version) = version {
            self.check(&stored.meta, version, "replicasets.apps")?;
        }
        let mut changed = stored.clone();
        change(&mut changed);
        if render_replica_set(&changed, edge) == render_replica_set(&stored, edge) {
            return Ok(stored.meta.resource_version);
        }
        let version = self.next_version();
        changed.meta.resource_version = version;
        self.sets.insert(name.into(), changed);
        Ok(version)
    }

    /// Stores a new set; answers its version.
    pub(super) fn create_set(&mut self, mut set: ReplicaSet) -> Result<u64, Refusal> {
        let name = set.meta.name.clone();
        if self.sets.contains_key(&name) {
            return Err(Refusal::already_exists("replicasets.apps", &name));
        }
        let version = self.next_version();
        set.meta.resource_version = version;
        set.meta.generation = 1;
        set.meta.uid = Uid(u64::MAX - version);
        self.sets.insert(name, set);
        Ok(version)
    }
}

/// Whether an owner may adopt: the live one is there, is the same, and is not being deleted.
pub(super) fn confirm_owner(
    live: Option<&ObjectMeta>,
    seen: &ObjectMeta,
    kind: &str,
    resource: &str,
) -> Result<(), Refusal> {
    let trouble = |text: String| {
        Err(Refusal::new(wavetank_model::Reason::Conflict, format!("can't recheck DeletionTimestamp: {text}")))
    };
    let (namespace, name) = (&seen.namespace, &seen.name);
    match live {
        None => trouble(Refusal::not_found(resource, name).to_string()),
        Some(live) if live.uid != seen.uid => {
            trouble(format!("original {kind} {namespace}/{name} is gone: got uid {}, wanted {}", live.uid, seen.uid))
        }
        Some(live) if live.is_terminating() => trouble(format!("{namespace}/{name} has just been deleted")),
        Some(_) => Ok(()),
    }
}

/// The reference by which an object names its controller.
pub(super) fn owner_reference(api_version: &str, kind: &str, owner: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: api_version.into(),
        kind: kind.into(),
        name: owner.name.clone(),
        uid: owner.uid,
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Adds an owner, as the strategic merge patch of an adoption does.
pub(super) fn adopt(owners: &mut Vec<OwnerReference>, owner: OwnerReference) {
    match owners.iter_mut().find(|known| known.uid == owner.uid) {
        Some(known) => *known = owner,
        None => owners.push(owner),
    }
}

/// One request in the form of a recording.
pub(super) fn request(verb: &str, kind: &str, name: &str, subresource: Option<&str>, object: Option<Value>) -> Value {
    let mut request = json!({"verb": verb, "kind": kind});
    if !name.is_empty() {
        request["name"] = name.into();
    }
    if let Some(subresource) = subresource {
        request["subresource"] = subresource.into();
    }
    if let Some(object) = object {
        request["object"] = object;
    }
    request
}

/// A request that was refused.
pub(super) fn refused(mut request: Value, refusal: &Refusal) -> Value {
    request["failed"] = json!({"reason": refusal.reason.as_str(), "message": &*refusal.message});
    request
}

/// The pod that a set asks for, as it is sent.
pub(super) fn new_pod(set: &ReplicaSet, edge: &Edge) -> Value {
    let template = &set.spec.template.value;
    let owner = owner_reference(set.kind.api_version(), set.kind.as_str(), &set.meta);
    json!({
        "metadata": {
            "generateName": format!("{}-", set.meta.name),
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [owner_json(&owner, edge)],
        },
        "spec": template["spec"],
    })
}

/// An owner reference as JSON.
pub(super) fn owner_json(owner: &OwnerReference, edge: &Edge) -> Value {
    let mut json = json!({
        "apiVersion": &*owner.api_version,
        "kind": &*owner.kind,
        "name": &*owner.name,
        "uid": edge.spell(owner.uid),
    });
    if let Some(controller) = owner.controller {
        json["controller"] = controller.into();
    }
    if let Some(block) = owner.block_owner_deletion {
        json["blockOwnerDeletion"] = block.into();
    }
    json
}
