//! `rollout status|history|undo|pause|resume|restart`.
//!
//! Source: `kubectl/pkg/cmd/rollout`, `kubectl/pkg/polymorphichelpers`.

use crate::api::{self, Address, Wanted};
use crate::command::watch;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::run::{DryRun, Found, Run};
use core::time::Duration;
use serde_json::{Value, json};
use wavetank::verbs::rollout::{RESTARTED_AT, REVISION};
use wavetank::{Cluster, PatchKind};
use wavetank_printers::rollout as words;

/// Flags of `rollout status`.
pub(super) const STATUS_FLAGS: &str =
    "filename,f:s recursive,R kustomize,k:s watch,w revision:i timeout:d selector,l:s";
/// Flags of `rollout history`.
pub(super) const HISTORY_FLAGS: &str = "filename,f:s recursive,R kustomize,k:s revision:i selector,l:s output,o:s \
                                        template:s allow-missing-template-keys show-managed-fields";
/// Flags of `rollout undo`.
pub(super) const UNDO_FLAGS: &str = "filename,f:s recursive,R kustomize,k:s to-revision:i dry-run:o selector,l:s \
                                     output,o:s template:s allow-missing-template-keys show-managed-fields";
/// Flags of the other commands.
pub(super) const CHANGE_FLAGS: &str = "filename,f:s recursive,R kustomize,k:s selector,l:s field-manager:s output,o:s \
                                       template:s allow-missing-template-keys show-managed-fields dry-run:o";

/// Longest wait for a rollout without a deadline of its own.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// The objects that a rollout command is about.
fn targets(run: &Run<'_>) -> Result<Vec<Found>, Fault> {
    if run.arguments.words.is_empty() && !run.has_files() {
        return said("required resource not specified");
    }
    let findings = run.find(&run.arguments.words)?;
    Fault::of_many(findings.faults)?;
    Ok(findings.found)
}

/// How the rollout of an object stands: a line, and whether it is done.
fn standing(object: &Value, revision: i64) -> Result<(String, bool), Fault> {
    let status = words::status(object, revision).map_err(|error| Fault::Said(error.to_string()))?;
    Ok((status.message, status.done))
}

fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

/// `rollout status`.
pub(super) fn status(run: &mut Run<'_>) -> Result<(), Fault> {
    let revision = i64::from(run.arguments.number("revision").unwrap_or(0));
    if revision < 0 {
        return said(format!("revision must be a positive integer: {revision}"));
    }
    let watches = run.arguments.switch("watch").unwrap_or(true);
    let timeout = run.arguments.span("timeout").filter(|span| !span.is_zero());
    let targets = targets(run)?;
    if targets.is_empty() {
        run.warn(&format!("No resources found in {} namespace.", run.namespace()));
    }
    for target in targets {
        follow(run, &target.at, revision, watches, timeout)?;
    }
    Ok(())
}

/// Says how a rollout stands, again with every change, until it is done.
fn follow(
    run: &mut Run<'_>,
    at: &Address,
    revision: i64,
    watches: bool,
    timeout: Option<Duration>,
) -> Result<(), Fault> {
    let ended = |object: Option<&Value>| {
        !watches || object.is_none_or(|object| standing(object, revision).map_or(true, |(_, done)| done))
    };
    let (seen, _) = watch::follow(run.cluster, at, timeout.unwrap_or(PATIENCE), ended);
    for object in seen {
        let (line, done) = standing(&object, revision)?;
        run.out.push_str(&line);
        if done || !watches {
            return Ok(());
        }
    }
    if api::get(run.cluster, at).is_err() {
        return said("object has been deleted");
    }
    said("timed out waiting for the condition")
}

/// One revision of an object.
struct Revision {
    number: i64,
    set: Value,
}

/// The revisions of a Deployment, oldest first.
fn revisions(cluster: &Cluster, at: &Address, object: &Value) -> Result<Vec<Revision>, Fault> {
    let resource = crate::run::resource_of(cluster, "replicasets")?;
    let wanted = Wanted {
        namespace: Some(at.namespace.clone()),
        labels: Some(api::selector_text(&object["spec"]["selector"])),
        fields: None,
    };
    let uid = &object["metadata"]["uid"];
    let owned = |set: &Value| {
        let owners = set["metadata"]["ownerReferences"].as_array();
        owners.into_iter().flatten().any(|owner| owner["controller"] == true && owner["uid"] == *uid)
    };
    let sets = api::list(cluster, &resource, &wanted)?.into_iter().filter(owned);
    let numbered = sets.filter_map(|set| {
        let number = annotation(&set, REVISION)?.parse().ok()?;
        Some(Revision { number, set })
    });
    let mut revisions: Vec<Revision> = numbered.collect();
    revisions.sort_by_key(|revision| revision.number);
    Ok(revisions)
}

/// `rollout history`.
pub(super) fn history(run: &mut Run<'_>) -> Result<(), Fault> {
    let wanted = i64::from(run.arguments.number("revision").unwrap_or(0));
    if wanted < 0 {
        return said(format!("revision must be a positive integer: {wanted}"));
    }
    for Found { at, object, .. } in targets(run)? {
        if !at.resource.rolls_out() {
            return said(format!("no history viewer has been implemented for {}", quoted(&at.resource.kind)));
        }
        let revisions = revisions(run.cluster, &at, &object)?;
        if let Some(format) = run.arguments.text("output").map(str::to_owned) {
            for revision in revisions.iter().filter(|revision| wanted == 0 || revision.number == wanted) {
                let resource = crate::run::resource_of(run.cluster, "replicasets")?;
                let text = output::object(&format, &resource, &revision.set)?;
                run.out.push_str(&text);
            }
            continue;
        }
        let label = at.label();
        if wanted > 0 {
            let found = revisions.iter().find(|revision| revision.number == wanted);
            let found = found.ok_or_else(|| Fault::Said("unable to find the specified revision".to_owned()))?;
            run.say(&format!("{label} with revision #{wanted}\n{}", words::history_revision(&found.set)));
            continue;
        }
        let table = words::history(revisions.iter().map(|revision| &revision.set));
        run.say(&format!("{label} \n{table}"));
    }
    Ok(())
}

/// `rollout undo`.
pub(super) fn undo(run: &mut Run<'_>) -> Result<(), Fault> {
    let to_revision = i64::from(run.arguments.number("to-revision").unwrap_or(0));
    let dry_run = run.dry_run()?;
    let mut faults = Vec::new();
    for found in targets(run)? {
        match undo_one(run, &found, to_revision, dry_run) {
            Ok(done) => report_undo(run, &found, &done, dry_run)?,
            Err(fault) => faults.push(fault),
        }
    }
    Fault::of_many(faults)
}

fn report_undo(run: &mut Run<'_>, found: &Found, done: &str, dry_run: DryRun) -> Result<(), Fault> {
    if run.arguments.given("output") {
        let object = api::get(run.cluster, &found.at)?;
        return run.report(&found.at, &object, done, dry_run);
    }
    run.report(&found.at, &found.object, done, dry_run)
}

/// What was done about one object.
fn undo_one(run: &mut Run<'_>, found: &Found, to_revision: i64, dry_run: DryRun) -> Result<String, Fault> {
    let at = &found.at;
    if !at.resource.rolls_out() {
        return said(format!("no rollbacker has been implemented for {}", quoted(&at.resource.kind)));
    }
    let path = format!("{}/{}", at.namespace, at.name);
    if dry_run == DryRun::Client {
        if to_revision < 0 {
            return Err(wavetank::Error::NoRevision(to_revision).into());
        }
        let revisions = revisions(run.cluster, at, &found.object)?;
        let named = |revision: &&Revision| revision.number == to_revision;
        let wanted = match to_revision {
            0 => revisions.iter().rev().nth(1).ok_or_else(|| wavetank::Error::NoHistory(at.name.clone()))?,
            _ => revisions.iter().find(named).ok_or(wavetank::Error::NoRevision(to_revision))?,
        };
        return Ok(words::pod_template(&wanted.set["spec"]["template"]));
    }
    match run.request(dry_run, |cluster| cluster.undo(&path, to_revision)) {
        Ok(_) => Ok("rolled back".to_owned()),
        Err(skipped @ wavetank::Error::SameTemplate(_)) => Ok(skipped.to_string()),
        Err(error) => Err(error.into()),
    }
}

/// A change of one object: patches it, or says why not.
type Change = fn(&Found, &Cluster) -> Result<Value, String>;

/// `rollout pause`.
pub(super) fn pause(run: &mut Run<'_>) -> Result<(), Fault> {
    change(run, "paused", |found, _| match found.object["spec"]["paused"].as_bool() {
        _ if found.at.resource.kind != "Deployment" => Err("pausing is not supported".to_owned()),
        Some(true) => Err("is already paused".to_owned()),
        _ => Ok(json!({"spec": {"paused": true}})),
    })
}

/// `rollout resume`.
pub(super) fn resume(run: &mut Run<'_>) -> Result<(), Fault> {
    change(run, "resumed", |found, _| match found.object["spec"]["paused"].as_bool() {
        _ if found.at.resource.kind != "Deployment" => Err("resuming is not supported".to_owned()),
        Some(true) => Ok(json!({"spec": {"paused": null}})),
        _ => Err("is not paused".to_owned()),
    })
}

/// `rollout restart`.
pub(super) fn restart(run: &mut Run<'_>) -> Result<(), Fault> {
    change(run, "restarted", |found, cluster| {
        if !found.at.resource.rolls_out() {
            return Err("restarting is not supported".to_owned());
        }
        if found.object["spec"]["paused"] == true {
            return Err("can't restart paused deployment (run rollout resume first)".to_owned());
        }
        let at = wavetank_manifest::Edge::new(cluster.calendar()).spell_time(cluster.now());
        Ok(json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}))
    })
}

fn change(run: &mut Run<'_>, done: &str, change: Change) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let mut faults = Vec::new();
    for found in targets(run)? {
        let patch = match change(&found, run.cluster) {
            Ok(patch) => patch,
            Err(why) => {
                faults.push(Fault::Said(format!("{} {} {why}", found.at.resource, quoted(&found.at.name))));
                continue;
            }
        };
        match run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Strategic, &patch)) {
            Ok((before, after)) if before == after && done == "restarted" => {
                let text = "if restart has already been triggered within the past second, please wait before attempting \
                            to trigger another";
                faults.push(Fault::Said(format!("failed to patch: {text}")));
            }
            Ok((_, after)) => run.report(&found.at, &after, done, dry_run)?,
            Err(refusal) => faults.push(refusal.into()),
        }
    }
    Fault::of_many(faults)
}
