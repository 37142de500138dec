//! The same recorded passes on the production path: loaded into the store, gathered from its indices,
//! driven and applied as in a running cluster.

use super::executor::{refused, request};
use super::{Opening, list, not_run, refusal, text};
use crate::Mismatch;
use core::time::Duration;
use serde_json::Value;
use std::collections::BTreeMap;
use wavetank::faults::WriteRefusal;
use wavetank::passes::audit::{PassReport, Request};
use wavetank::{Cluster, Kind, Profile};
use wavetank_manifest::{Edge, Object, decode_deployment, decode_pod, decode_replica_set, render};
use wavetank_model::{Plan, SetKind};

/// Plays one recorded pass of the Deployment controller.
///
/// # Errors
/// The first difference.
pub fn deployment_case(case: &Value) -> Result<(), Mismatch> {
    let input = &case["input"];
    if input.get("deployment").is_none() {
        return super::deployment::matches(&case["expect"], &[], &Plan::default());
    }
    let (mut cluster, edge) = loaded(case)?;
    let report = run(&mut cluster, Kind::Deployment, &input["deployment"])?;
    let log: Vec<Value> = report.requests.iter().map(|request| recorded(request, &edge)).collect();
    let events = report.events.iter().map(|event| (0, event.clone())).collect();
    let plan = Plan { events, error: report.error, look_again: report.look_again, ..Plan::default() };
    super::deployment::matches(&case["expect"], &log, &plan)
}

/// Plays one recorded pass of the ReplicaSet controller.
///
/// # Errors
/// The first difference.
pub fn replica_set_case(case: &Value) -> Result<(), Mismatch> {
    let input = &case["input"];
    if input.get("replicaSet").is_none() {
        return super::replica_set::matches(&case["expect"], &[], &BTreeMap::new(), &Plan::default());
    }
    let (mut cluster, edge) = loaded(case)?;
    let expectations = &input["expectations"];
    if !expectations.is_null() {
        let set = text(&input["replicaSet"]["metadata"]["name"]);
        let set = cluster.store().set_key(SetKind::ReplicaSet, "default", set);
        let creations = expectations["add"].as_u64().and_then(|add| u32::try_from(add).ok()).unwrap_or(0);
        let pods = list(&expectations["del"]).iter().map(|key| text(key).rsplit('/').next().unwrap_or_default());
        // A pod that is not there any more is waited for all the same.
        let pods = pods.map(|name| cluster.store().pod_key("default", name).unwrap_or_default()).collect();
        let age = Duration::from_secs(expectations["ageSeconds"].as_u64().unwrap_or(0));
        cluster.load_expectations(set.ok_or_else(|| not_run("the set was not stored"))?, creations, pods, age);
    }
    let report = run(&mut cluster, Kind::ReplicaSet, &input["replicaSet"])?;
    let log: Vec<Value> = report.requests.iter().map(|request| recorded(request, &edge)).collect();
    let mut events = BTreeMap::new();
    for event in &report.events {
        let message = match event.message.strip_prefix("Created pod: ").and_then(|name| name.rsplit_once('-')) {
            Some((owner, _)) => format!("Created pod: {owner}-{{random}}"),
            None => event.message.to_string(),
        };
        *events.entry((event.kind.to_string(), event.reason.to_string(), message)).or_insert(0) += 1;
    }
    let plan = Plan { error: report.error, look_again: report.look_again, ..Plan::default() };
    super::replica_set::matches(&case["expect"], &log, &events, &plan)
}

fn run(cluster: &mut Cluster, kind: Kind, object: &Value) -> Result<PassReport, Mismatch> {
    cluster.run_pass(kind, text(&object["metadata"]["name"])).map_err(not_run)
}

/// A cluster in the state of a case.
fn loaded(case: &Value) -> Result<(Cluster, Edge), Mismatch> {
    let Opening { mut edge, now } = Opening::of(case)?;
    let input = &case["input"];
    let mut profile = Profile::instant();
    if let Some(burst) = input["burstReplicas"].as_u64().and_then(|burst| u32::try_from(burst).ok()) {
        profile.burst_replicas = burst;
    }
    let mut cluster = Cluster::builder().profile(profile).calendar(edge.calendar()).build();
    cluster.load_time(now);
    let mut objects = Vec::new();
    if let Some(deployment) = input.get("deployment") {
        objects.push(decoded("Deployment", deployment, &mut edge)?);
    }
    for set in input.get("replicaSet").into_iter().chain(list(&input["replicaSets"])) {
        objects.push(decoded("ReplicaSet", set, &mut edge)?);
    }
    for pod in list(&input["pods"]) {
        objects.push(decoded("Pod", pod, &mut edge)?);
    }
    for object in &objects {
        cluster.load(object.clone());
    }
    for live in list(&input["live"]) {
        let (kind, name) = (text(&live["kind"]), text(&live["name"]));
        let object = Some(&live["object"]).filter(|object| !object.is_null());
        let object = object.map(|object| decoded(kind, object, &mut edge)).transpose()?;
        let seen = objects.iter().find(|seen| names(seen, kind, name)).or(object.as_ref()).cloned();
        if let Some(seen) = seen {
            cluster.load_unseen(&seen, object);
        }
    }
    for fault in list(&input["faults"]) {
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        cluster.refuse_writes(WriteRefusal {
            verb: text(&fault["verb"]).to_owned(),
            kind: text(&fault["kind"]).to_owned(),
            subresource: fault["subresource"].as_str().map(str::to_owned),
            name: fault["name"].as_str().map(str::to_owned),
            allow: number(&fault["allow"]),
            times: Some(number(&fault["times"])).filter(|times| *times > 0),
            refusal: refusal(&fault["status"]),
        });
    }
    Ok((cluster, edge))
}

fn decoded(kind: &str, value: &Value, edge: &mut Edge) -> Result<Object, Mismatch> {
    Ok(match kind {
        "Deployment" => Object::Deployment(Box::new(decode_deployment(value, edge).map_err(not_run)?)),
        "ReplicaSet" => Object::ReplicaSet(Box::new(decode_replica_set(value, edge).map_err(not_run)?)),
        "Pod" => Object::Pod(Box::new(decode_pod(value, edge).map_err(not_run)?)),
        other => return Err(Mismatch::not_run(format!("a {other} cannot be loaded"))),
    })
}

fn names(object: &Object, kind: &str, name: &str) -> bool {
    object.kind().as_str() == kind && *object.meta().name == *name
}

/// A request in the form of a recording.
fn recorded(made: &Request, edge: &Edge) -> Value {
    let object = made.object.as_ref().map(|object| render(object, edge));
    let json = request(made.verb, made.kind, &made.name, made.subresource, object);
    match &made.refused {
        Some(refusal) => refused(json, refusal),
        None => json,
    }
}
