//! `delete`.
//!
//! Source: `kubectl/pkg/cmd/delete`.

use crate::api::{self, Address};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::{DryRun, Found, Run};
use core::time::Duration;
use serde_json::Value;
use wavetank::{Cluster, Propagation};

/// Flags of `delete`.
pub(super) const FLAGS: &str = "all all-namespaces,A cascade:o dry-run:o field-selector:s filename,f:s force \
                                grace-period:i ignore-not-found interactive,i kustomize,k:s now output,o:s raw:s \
                                recursive,R selector,l:s timeout:d wait";

/// Longest wait for objects to go.
pub(super) const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What happens to dependents.
pub(super) fn propagation(run: &Run<'_>) -> Result<Propagation, Fault> {
    match run.arguments.text("cascade") {
        None | Some("background" | "unchanged" | "true") => Ok(Propagation::Background),
        Some("foreground") => Ok(Propagation::Foreground),
        Some("orphan" | "false") => Ok(Propagation::Orphan),
        Some(other) => {
            said(format!("invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\"",))
        }
    }
}

/// `delete`.
pub(super) fn delete(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let how = propagation(run)?;
    if let Some(format) = run.arguments.text("output").filter(|format| *format != "name") {
        return said(format!("unexpected -o output mode: {format}. We only support '-o name'"));
    }
    let grace = grace(run)?;
    let words = run.arguments.words.clone();
    let findings = if run.has_files() { named_by_files(run) } else { run.find_some(&words)? };
    let mut faults = findings.faults;
    let ignores = run.arguments.on("ignore-not-found") || run.arguments.on("all") || run.arguments.given("selector");
    if ignores {
        faults.retain(|fault| !fault.is_not_found());
    }
    let mut gone: Vec<(Address, Value)> = Vec::new();
    for found in findings.found {
        let result = match dry_run {
            DryRun::Client => Ok(()),
            DryRun::No | DryRun::Server => run.request(dry_run, |cluster| api::delete(cluster, &found.at, how, grace)),
        };
        match result {
            Err(refusal) => {
                let fault = with_source(&found, refusal.into());
                if !(ignores && fault.is_not_found()) {
                    faults.push(fault);
                }
            }
            Ok(()) => {
                say_deleted(run, &found.at, dry_run);
                gone.push((found.at, found.object["metadata"]["uid"].clone()));
            }
        }
    }
    if gone.is_empty() && faults.is_empty() {
        // An object that need not be there is not missed.
        if !run.arguments.on("ignore-not-found") {
            run.say("No resources found");
        }
    }
    if dry_run == DryRun::No && run.arguments.switch("wait").unwrap_or(true) {
        let timeout = run.arguments.span("timeout").filter(|span| !span.is_zero()).unwrap_or(PATIENCE);
        if !wait_until_gone(run.cluster, &gone, timeout) {
            let left = gone.iter().find(|(at, uid)| is_there(run.cluster, at, uid));
            let name = left.map(|(at, _)| format!(" on {}/{}", at.resource.name, at.name)).unwrap_or_default();
            faults.push(Fault::Said(format!("timed out waiting for the condition{name}")));
        }
    }
    Fault::of_many(faults)
}

/// Seconds that pods get to stop, if something else than their own wish is asked for.
fn grace(run: &mut Run<'_>) -> Result<Option<i64>, Fault> {
    let given = run.arguments.number("grace-period").filter(|seconds| *seconds >= 0).map(i64::from);
    if run.arguments.on("now") {
        return if given.is_some() {
            said("--now and --grace-period cannot be specified together")
        } else {
            Ok(Some(1))
        };
    }
    if run.arguments.on("force") {
        run.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. \
             The resource may continue to run on the cluster indefinitely.",
        );
        return match given {
            Some(seconds) if seconds > 0 => {
                said("--force and --grace-period greater than 0 cannot be specified together")
            }
            _ => Ok(Some(0)),
        };
    }
    // Without force an object is only deleted at once if it may be, so the least grace is a second.
    Ok(given.map(|seconds| seconds.max(1)))
}

fn named_by_files(run: &Run<'_>) -> crate::run::Findings {
    let (infos, faults) = run.infos(false);
    let mut findings = crate::run::Findings { faults, ..crate::run::Findings::default() };
    for info in infos {
        let object = api::get(run.cluster, &info.at).unwrap_or(Value::Null);
        findings.found.push(Found { at: info.at, object, source: Some(info.source) });
    }
    findings
}

/// What was being done to the object of a file.
fn with_source(found: &Found, fault: Fault) -> Fault {
    match &found.source {
        Some(source) => fault.while_doing(&format!("error when deleting {}", quoted(source))),
        None => fault,
    }
}

fn say_deleted(run: &mut Run<'_>, at: &Address, dry_run: DryRun) {
    if run.arguments.given("output") {
        let label = at.label();
        return run.say(&label);
    }
    let word = if run.arguments.on("force") { "force deleted" } else { "deleted" };
    let line = format!("{} {} {word}{}", at.resource.singular(), quoted(&at.name), dry_run.suffix());
    run.say(&line);
}

fn is_there(cluster: &Cluster, at: &Address, uid: &Value) -> bool {
    api::get(cluster, at).is_ok_and(|object| object["metadata"]["uid"] == *uid)
}

/// Lets time pass until all objects have gone; answers whether they have.
pub(super) fn wait_until_gone(cluster: &mut Cluster, objects: &[(Address, Value)], limit: Duration) -> bool {
    let all_gone = |cluster: &Cluster| !objects.iter().any(|(at, uid)| is_there(cluster, at, uid));
    all_gone(cluster) || cluster.run_until(all_gone, limit).is_ok()
}
