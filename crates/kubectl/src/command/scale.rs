//! `scale`.
//!
//! Source: `kubectl/pkg/cmd/scale`, `kubectl/pkg/scale`.

use crate::api;
use crate::fault::{Fault, said};
use crate::run::{DryRun, Run};
use core::time::Duration;
use wavetank::PatchKind;
use wavetank_model::{Reason, Refusal};

/// Flags of `scale`.
pub(super) const FLAGS: &str = "all allow-missing-template-keys current-replicas:i dry-run:o filename,f:s kustomize,k:s \
                                output,o:s record recursive,R replicas:i resource-version:s selector,l:s \
                                show-managed-fields template:s timeout:d";

/// `scale`.
pub(super) fn scale(run: &mut Run<'_>) -> Result<(), Fault> {
    let replicas = run.arguments.number("replicas").ok_or_else(|| Fault::Required("replicas".to_owned()))?;
    if replicas < 0 {
        return said("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    let current = run.arguments.number("current-replicas").filter(|current| *current >= 0);
    let version = run.arguments.text("resource-version").map(str::to_owned).filter(|version| !version.is_empty());
    let dry_run = run.dry_run()?;
    let words = run.arguments.words.clone();
    let findings = run.find_some(&words)?;
    if findings.found.is_empty() {
        let why: Vec<String> = findings
            .faults
            .iter()
            .map(|fault| match fault.refusal() {
                Some(refusal) => refusal.message.to_string(),
                None => fault.words().trim_end().to_owned(),
            })
            .collect();
        return match findings.faults.as_slice() {
            [] => said("no objects passed to scale"),
            [Fault::Said(only)] => said(only.clone()),
            _ => said(format!("no objects passed to scale {}", why.join(", "))),
        };
    }
    let mut faults = findings.faults;
    for found in findings.found {
        let at = &found.at;
        if !at.resource.scales() {
            let reason = Refusal::new(Reason::NotFound, "the server could not find the requested resource");
            faults.push(reason.into());
            continue;
        }
        let now = api::scale(run.cluster, at, &found.object)["spec"]["replicas"].as_i64().unwrap_or(0);
        if let Some(expected) = current.filter(|expected| i64::from(*expected) != now) {
            faults.push(Fault::Said(format!("Expected replicas to be {expected}, was {now}")));
            continue;
        }
        let live = found.object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if let Some(expected) = version.as_deref().filter(|expected| *expected != live) {
            faults.push(Fault::Said(format!("Expected resource version to be {expected}, was {live}")));
            continue;
        }
        let result = match dry_run {
            DryRun::Client => Ok(found.object.clone()),
            DryRun::No | DryRun::Server => run.request(dry_run, |cluster| api::set_scale(cluster, at, replicas)),
        };
        match result {
            Err(refusal) => faults.push(refusal.into()),
            Ok(after) => {
                if let Some(cause) = run.change_cause() {
                    let note = serde_json::json!({"metadata": {"annotations": {wavetank::verbs::rollout::CHANGE_CAUSE: cause}}});
                    run.request(dry_run, |cluster| api::patch(cluster, at, PatchKind::Merge, &note))?;
                }
                if dry_run == DryRun::No {
                    wait(run, at, replicas);
                }
                run.report(at, &after, "scaled", dry_run)?;
            }
        }
    }
    Fault::of_many(faults)
}

/// With `--timeout`, waits until the object has so many replicas; too late is no error of `scale`.
fn wait(run: &mut Run<'_>, at: &api::Address, replicas: i32) {
    let Some(timeout) = run.arguments.span("timeout").filter(|span| *span > Duration::ZERO) else { return };
    let reached = |cluster: &wavetank::Cluster| {
        api::get(cluster, at).is_ok_and(|object| {
            // Kinds of a user's own need not say of which generation their status is.
            let observed = &object["status"]["observedGeneration"];
            (*observed == object["metadata"]["generation"] || (at.resource.own_scale && observed.is_null()))
                && api::scale(cluster, at, &object)["status"]["replicas"].as_i64().unwrap_or(0) == i64::from(replicas)
        })
    };
    let _reached = run.cluster.run_until(reached, timeout);
}
