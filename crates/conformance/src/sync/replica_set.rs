//! Passes of the ReplicaSet controller.

use super::executor::{Server, adopt, confirm_owner, new_pod, owner_json, owner_reference, refused, request};
use super::{Opening, compare, end, list, not_run, text};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use slotmap::SlotMap;
use std::collections::{BTreeMap, BTreeSet};
use wavetank_controllers::{PodEvent, PodsSeen, ReplicaSetInputs, ReplicaSetWrite, reconcile_replica_set};
use wavetank_manifest::{Edge, decode_pod, decode_replica_set, render_replica_set};
use wavetank_model::{
    Base, EventRecord, Plan, Pod, PodKey, Reason, Refusal, ReplicaSet, ReplicaSetStatus, Reply, drive,
};

/// Upstream's limit of pods created or deleted in one pass.
const BURST: u32 = 500;

/// Seconds after which expectations are given up.
const EXPECTATIONS_TIMEOUT: u64 = 300;

/// Plays one recorded pass.
///
/// # Errors
/// The first difference.
pub fn replica_set_case(case: &Value) -> Result<(), Mismatch> {
    let Opening { mut edge, now } = Opening::of(case)?;
    let (input, expected) = (&case["input"], &case["expect"]);
    if input.get("replicaSet").is_none() {
        // There is no object to sync, so nothing calls the function.
        return matches(expected, &[], &BTreeMap::new(), &Plan::default());
    }
    let set = decode_replica_set(&input["replicaSet"], &mut edge).map_err(not_run)?;
    let mut siblings = Vec::new();
    for sibling in list(&input["replicaSets"]) {
        siblings.push(decode_replica_set(sibling, &mut edge).map_err(not_run)?);
    }
    let mut pods: SlotMap<PodKey, Pod> = SlotMap::with_key();
    for pod in list(&input["pods"]) {
        pods.insert(decode_pod(pod, &mut edge).map_err(not_run)?);
    }
    let mut server = Server::new(true, input);
    server.sets.insert(set.meta.name.clone(), set.clone());
    for live in list(&input["live"]) {
        let name = text(&live["name"]);
        match (text(&live["kind"]), &live["object"]) {
            ("ReplicaSet", Value::Null) => drop(server.sets.remove(name)),
            ("ReplicaSet", object) => {
                let set = decode_replica_set(object, &mut edge).map_err(not_run)?;
                server.sets.insert(name.into(), set);
            }
            (other, _) => return Err(Mismatch::not_run(format!("a live {other} cannot be stored"))),
        }
    }

    let burst = input["burstReplicas"].as_u64().and_then(|burst| u32::try_from(burst).ok()).unwrap_or(BURST);
    let listed: Vec<(PodKey, &Pod)> = pods.iter().collect();
    let siblings: Vec<&ReplicaSet> = siblings.iter().collect();
    let seen = PodsSeen::from_pods(&set, &listed, &siblings, burst, now);
    let expectations_met = expectations_met(&input["expectations"]);
    let inputs = ReplicaSetInputs { now, set: &set, pods: &seen, expectations_met, burst };
    let mut executor =
        Executor { server, edge: &edge, set: &set, pods: &pods, log: Vec::new(), events: BTreeMap::new() };
    let plan = drive(|replies| reconcile_replica_set(&inputs, replies), |_, write| executor.apply(write));
    matches(expected, &executor.log, &executor.events, &plan)
}

fn expectations_met(expectations: &Value) -> bool {
    let waiting = expectations["add"].as_u64().unwrap_or_default() > 0 || !list(&expectations["del"]).is_empty();
    !waiting || expectations["ageSeconds"].as_u64().unwrap_or_default() > EXPECTATIONS_TIMEOUT
}

/// Events by type, reason and message, with how often each was recorded.
pub(super) type Events = BTreeMap<(String, String, String), u64>;

fn note(events: &mut Events, event: &EventRecord) {
    let key = (event.kind.to_string(), event.reason.to_string(), event.message.to_string());
    *events.entry(key).or_default() += 1;
}

/// Carries out the writes of a pass.
struct Executor<'a> {
    server: Server,
    edge: &'a Edge,
    set: &'a ReplicaSet,
    pods: &'a SlotMap<PodKey, Pod>,
    log: Vec<Value>,
    events: Events,
}

impl Executor<'_> {
    fn apply(&mut self, write: &ReplicaSetWrite) -> Reply {
        match write {
            ReplicaSetWrite::ConfirmOwner => {
                let live = self.server.sets.get(&self.set.meta.name).map(|live| &live.meta);
                reply(confirm_owner(live, &self.set.meta, self.set.kind.as_str(), "replicasets.apps"))
            }
            ReplicaSetWrite::Adopt(key) => reply(self.patch(*key, true)),
            ReplicaSetWrite::Release(key) => reply(self.patch(*key, false)),
            ReplicaSetWrite::Create { count } => self.create(*count),
            ReplicaSetWrite::Delete(keys) => self.delete(keys),
            ReplicaSetWrite::Status { base, status } => reply(self.status(*base, status)),
        }
    }

    fn record(&mut self, request: Value, result: Result<(), Refusal>) -> Result<(), Refusal> {
        self.log.push(match &result {
            Ok(()) => request,
            Err(refusal) => refused(request, refusal),
        });
        result
    }

    fn patch(&mut self, key: PodKey, adopts: bool) -> Result<(), Refusal> {
        let Some(pod) = self.pods.get(key) else {
            return Err(Refusal::not_found("pods", ""));
        };
        let mut owners = pod.meta.owners.clone();
        let owner = owner_reference(self.set.kind.api_version(), self.set.kind.as_str(), &self.set.meta);
        if adopts {
            adopt(&mut owners, owner);
        } else {
            owners.retain(|known| known.uid != owner.uid);
        }
        let owners: Vec<Value> = owners.iter().map(|owner| owner_json(owner, self.edge)).collect();
        let object = json!({"metadata": {"ownerReferences": owners}});
        let result = self.server.faults.meet("patch", "Pod", None, &pod.meta.name);
        self.record(request("patch", "Pod", &pod.meta.name, None, Some(object)), result)
    }

    fn create(&mut self, count: u32) -> Reply {
        let mut answer = Reply::done(0);
        for _ in 0..count {
            let sent = request("create", "Pod", "", None, Some(new_pod(self.set, self.edge)));
            let result = self.server.faults.meet("create", "Pod", None, "");
            let name = format!("{}-{{random}}", self.set.meta.name);
            match self.record(sent, result) {
                Ok(()) => {
                    answer.done += 1;
                    self.note(PodEvent::Created(&name));
                }
                Err(refusal) => {
                    self.note(PodEvent::CreateFailed(&refusal));
                    answer.refused = Some(refusal);
                }
            }
        }
        answer
    }

    fn delete(&mut self, keys: &[PodKey]) -> Reply {
        let mut answer = Reply::done(0);
        for pod in keys.iter().filter_map(|key| self.pods.get(*key)) {
            let name = &pod.meta.name;
            let result = self.server.faults.meet("delete", "Pod", None, name);
            match self.record(request("delete", "Pod", name, None, None), result) {
                Ok(()) => {
                    answer.done += 1;
                    self.note(PodEvent::Deleted(name));
                }
                Err(refusal) => {
                    self.note(PodEvent::DeleteFailed(&refusal));
                    let known = answer.refused.as_ref().is_some_and(|known| known.reason != Reason::NotFound);
                    if !known {
                        answer.refused = Some(refusal);
                    }
                }
            }
        }
        answer
    }

    fn note(&mut self, event: PodEvent<'_>) {
        if let Some(event) = event.record() {
            note(&mut self.events, &event);
        }
    }

    fn status(&mut self, base: Base, status: &ReplicaSetStatus) -> Result<(), Refusal> {
        let name = &self.set.meta.name;
        let live = self.server.sets.get(name).map(|live| live.meta.resource_version);
        let version = match base {
            Base::Cached | Base::Written(_) => self.set.meta.resource_version,
            // A read that fails ends the pass without a request to write.
            Base::Fresh => live.ok_or_else(|| Refusal::not_found("replicasets.apps", name))?,
        };
        let sent = ReplicaSet { status: status.clone(), ..self.set.clone() };
        let result = self.server.faults.meet("update", "ReplicaSet", Some("status"), name).and_then(|()| {
            self.server.update_set(self.edge, name, Some(version), |stored| stored.status = status.clone())
        });
        let object = render_replica_set(&sent, self.edge);
        self.record(request("update", "ReplicaSet", name, Some("status"), Some(object)), result.map(|_| ()))
    }
}

fn reply(result: Result<(), Refusal>) -> Reply {
    match result {
        Ok(()) => Reply::done(1),
        Err(refusal) => Reply::refused(refusal),
    }
}

pub(super) fn matches(
    expected: &Value,
    log: &[Value],
    events: &Events,
    plan: &Plan<ReplicaSetWrite>,
) -> Result<(), Mismatch> {
    let made: Vec<Value> = merged(log).iter().map(compare::write).collect();
    let wanted: Vec<Value> = list(&expected["writes"]).iter().map(compare::write).collect();
    let is_delete = |write: &Value| write["verb"] == "delete";
    let (wanted_deletes, wanted): (Vec<Value>, Vec<Value>) = wanted.into_iter().partition(is_delete);
    let (deletes, made): (Vec<Value>, Vec<Value>) = made.into_iter().partition(is_delete);
    same(&wanted.into(), &made.into()).map_err(|mismatch| mismatch.within("writes"))?;

    let mut events = events.clone();
    for (_, event) in &plan.events {
        note(&mut events, event);
    }
    let open = match text(&expected["podDeletes"]["order"]) {
        "ambiguous" => ambiguous_deletes(&wanted_deletes, &deletes)?,
        order => {
            let sorted = |deletes: Vec<Value>| if order == "set" { by_name(deletes) } else { deletes };
            let (wanted, made) = (sorted(wanted_deletes), sorted(deletes));
            same(&wanted.into(), &made.into()).map_err(|mismatch| mismatch.within("deletes"))?;
            BTreeSet::new()
        }
    };
    let made = events_of(&events, &open);
    let wanted: Vec<Value> = list(&expected["events"]).iter().map(compare::event).collect();
    same(&wanted.into(), &made.into()).map_err(|mismatch| mismatch.within("events"))?;
    end(expected, plan.error.as_ref(), plan.look_again)
}

/// Equal creations become one entry with a count, successes first, as recordings have them.
fn merged(log: &[Value]) -> Vec<Value> {
    let is_create = |write: &&Value| write["verb"] == "create";
    let mut out: Vec<Value> = Vec::new();
    for failed in [false, true] {
        let alike: Vec<&Value> =
            log.iter().filter(is_create).filter(|write| write.get("failed").is_some() == failed).collect();
        if let Some(first) = alike.first() {
            let mut one = Value::clone(first);
            one["count"] = alike.len().into();
            out.push(one);
        }
    }
    let before = log.iter().filter(|write| write["verb"] == "patch").cloned();
    let after = log.iter().filter(|write| write["verb"] != "patch" && write["verb"] != "create").cloned();
    before.chain(out).chain(after).collect()
}

fn by_name(mut deletes: Vec<Value>) -> Vec<Value> {
    deletes.sort_by(|a, b| text(&a["name"]).cmp(text(&b["name"])));
    deletes
}

/// Checks deletions that upstream leaves open; answers the names of those that were free to choose.
fn ambiguous_deletes(wanted: &[Value], made: &[Value]) -> Result<BTreeSet<String>, Mismatch> {
    let mut left: BTreeSet<String> = made.iter().map(|delete| text(&delete["name"]).to_owned()).collect();
    for delete in wanted.iter().filter(|delete| delete.get("name").is_some()) {
        let name = text(&delete["name"]);
        if !left.remove(name) {
            return Err(Mismatch::differs("deletes", name, "(nothing)"));
        }
    }
    for choice in wanted.iter().filter(|delete| delete.get("anyOf").is_some()) {
        let allowed: BTreeSet<&str> = list(&choice["anyOf"]).iter().map(text).collect();
        let count = choice["count"].as_u64().unwrap_or_default();
        let fits = left.iter().all(|name| allowed.contains(name.as_str()));
        if !fits || u64::try_from(left.len()).ok() != Some(count) {
            return Err(Mismatch::differs("deletes", choice, json!(left)));
        }
    }
    Ok(left)
}

/// Events as recordings have them: merged, sorted, and without the names of pods that were free to choose.
fn events_of(events: &Events, open: &BTreeSet<String>) -> Vec<Value> {
    let mut renamed = Events::new();
    for ((kind, reason, message), count) in events {
        let is_open = message.strip_prefix("Deleted pod: ").is_some_and(|name| open.contains(name));
        let message = if is_open { "Deleted pod: {anyOf}" } else { message };
        *renamed.entry((kind.clone(), reason.clone(), message.to_owned())).or_default() += count;
    }
    let json = renamed.iter().map(
        |((kind, reason, message), count)| json!({"type": kind, "reason": reason, "message": message, "count": count}),
    );
    json.collect()
}
