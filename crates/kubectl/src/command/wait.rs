//! `wait`.
//!
//! Source: `kubectl/pkg/cmd/wait`.

use crate::api;
use crate::command::watch;
use crate::fault::{Fault, said};
use crate::run::{Found, Run};
use core::time::Duration;
use serde_json::Value;
use wavetank::Time;
use wavetank_printers::Template;

/// Flags of `wait`.
pub(super) const FLAGS: &str = "all all-namespaces,A allow-missing-template-keys field-selector:s filename,f:s for:s local \
                                output,o:s recursive,R selector,l:s show-managed-fields template:s timeout:d";

/// Default of `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
enum Goal {
    Deleted,
    Created,
    Condition { kind: String, status: String },
    Path { path: Template, value: Option<String> },
}

fn goal(text: &str) -> Result<Goal, Fault> {
    let lower = text.to_lowercase();
    if lower == "delete" {
        return Ok(Goal::Deleted);
    }
    if lower == "create" {
        return Ok(Goal::Created);
    }
    if let Some(condition) = text.strip_prefix("condition=") {
        let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(Goal::Condition { kind: kind.to_owned(), status: status.to_owned() });
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        // The path may contain `=` within its braces.
        let end = rest.rfind('}').map_or(0, |end| end + 1);
        let (path, value) = match rest[end..].split_once('=') {
            Some((tail, value)) => {
                let value = value.trim_start_matches('=').trim_matches(['\'', '"']).to_owned();
                (format!("{}{tail}", &rest[..end]), Some(value))
            }
            None => (rest.to_owned(), None),
        };
        if value.as_deref() == Some("") {
            return said(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            );
        }
        let path = Template::parse_relaxed(path.trim_matches(['\'', '"']));
        let path = path.map_err(|error| Fault::Said(error.to_string()))?;
        return Ok(Goal::Path { path, value });
    }
    said(format!("unrecognized condition: {}", crate::flags::quoted(text)))
}

impl Goal {
    fn is_reached(&self, object: Option<&Value>) -> Result<bool, Fault> {
        Ok(match (self, object) {
            (Self::Deleted, object) => object.is_none(),
            (Self::Created, object) => object.is_some(),
            (_, None) => false,
            (Self::Condition { kind, status }, Some(object)) => {
                let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
                let wanted = |condition: &&Value| {
                    condition["type"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(kind))
                };
                let current = |condition: &Value| {
                    let observed = condition["observedGeneration"].as_i64();
                    let observed = observed.or_else(|| object["status"]["observedGeneration"].as_i64());
                    let generation = object["metadata"]["generation"].as_i64();
                    observed.is_none_or(|observed| generation.is_none_or(|generation| observed >= generation))
                };
                let found = conditions.into_iter().flatten().find(wanted);
                found.is_some_and(|condition| {
                    current(condition)
                        && condition["status"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(status))
                })
            }
            (Self::Path { path, value }, Some(object)) => has_value(path, value.as_deref(), object)?,
        })
    }
}

/// Whether there is one value at a path, and the one that is wanted.
fn has_value(path: &Template, wanted: Option<&str>, object: &Value) -> Result<bool, Fault> {
    let found = path.find(object).map_err(|error| Fault::Said(error.to_string()))?;
    let [first, rest @ ..] = found.as_slice() else { return Ok(false) };
    let Some(value) = first.first() else { return Ok(false) };
    if !rest.is_empty() {
        return said("given jsonpath expression matches more than one list");
    }
    if first.len() > 1 {
        return said("given jsonpath expression matches more than one value");
    }
    let Some(wanted) = wanted else { return Ok(true) };
    let text = match value {
        Value::Object(_) | Value::Array(_) => {
            return said("jsonpath leads to a nested object or list which is not supported");
        }
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    Ok(text.trim() == wanted.trim())
}

/// `wait`.
pub(super) fn wait(run: &mut Run<'_>) -> Result<(), Fault> {
    let goal = goal(run.arguments.text("for").unwrap_or_default())?;
    let timeout = run.arguments.span("timeout").unwrap_or(TIMEOUT);
    let words = run.arguments.words.clone();
    let end = run.cluster.now() + timeout;
    if goal == Goal::Created {
        wait_for_creation(run, &words, end)?;
    }
    let mut findings = run.find_some(&words)?;
    if goal == Goal::Deleted {
        findings.faults.retain(|fault| !fault.is_not_found());
    }
    Fault::of_many(findings.faults)?;
    if findings.found.is_empty() && goal != Goal::Deleted {
        return said("no matching resources found");
    }
    let mut faults = Vec::new();
    for found in findings.found {
        if let Err(fault) = wait_for(run, &found, &goal, end) {
            faults.push(fault);
        }
    }
    Fault::of_many(faults)
}

/// Until something that the arguments speak of is there.
fn wait_for_creation(run: &mut Run<'_>, words: &[String], end: Time) -> Result<(), Fault> {
    loop {
        let there = run.find(words).is_ok_and(|findings| !findings.found.is_empty());
        if there {
            return Ok(());
        }
        let left = end.since(run.cluster.now());
        let before = run.cluster.counters().changes;
        let changed = run.cluster.run_until(|cluster| cluster.counters().changes != before, left);
        if changed.is_err() {
            return said("timed out waiting for the condition");
        }
    }
}

fn wait_for(run: &mut Run<'_>, found: &Found, goal: &Goal, end: Time) -> Result<(), Fault> {
    let mut fault = None;
    let uid = found.object["metadata"]["uid"].clone();
    let left = end.since(run.cluster.now());
    let (_, reached) = watch::follow(run.cluster, &found.at, left, |object| {
        // Another object of the same name does not count.
        let object = object.filter(|object| object["metadata"]["uid"] == uid);
        match goal.is_reached(object) {
            Ok(reached) => reached,
            Err(why) => {
                fault = Some(why);
                true
            }
        }
    });
    if let Some(fault) = fault {
        return Err(fault);
    }
    if !reached {
        let at = &found.at;
        return said(format!("timed out waiting for the condition on {}/{}", at.resource.name, at.name));
    }
    let object = api::get(run.cluster, &found.at).unwrap_or_else(|_| found.object.clone());
    run.report(&found.at, &object, "condition met", crate::run::DryRun::No)
}

#[cfg(test)]
mod tests {
    use crate::kubectl::kubectl;
    use wavetank::Cluster;

    #[track_caller]
    fn said(goal: &str) -> String {
        let mut cluster = Cluster::builder().build();
        assert_eq!(kubectl(&mut cluster, &(), "create deployment web --image=nginx --replicas=2").code, 0);
        let output = kubectl(&mut cluster, &(), &format!("wait deploy/web --for={goal} --timeout=20s"));
        format!("{}{}", output.stdout, output.stderr)
    }

    #[test]
    fn one_plain_value_can_be_waited_for() {
        let met = "deployment.apps/web condition met\n";
        assert_eq!(said("jsonpath='{.status.readyReplicas}'=2"), met);
        assert_eq!(said("jsonpath='{.spec.replicas}'='\"2\"'"), met);
        assert_eq!(said("jsonpath='{.status.readyReplicas}'"), met);
        assert_eq!(
            said("jsonpath='{.spec.template}'=2"),
            "error: jsonpath leads to a nested object or list which is not supported\n"
        );
        assert_eq!(
            said("jsonpath='{.status.conditions[*].type}'=Available"),
            "error: given jsonpath expression matches more than one value\n"
        );
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let mut cluster = Cluster::builder().build();
        let mut run = |line: &str| {
            let output = kubectl(&mut cluster, &(), line);
            format!("{}{}", output.stdout, output.stderr)
        };
        run("create deployment web --image=nginx");
        run("wait deploy/web --for=condition=available");
        run("set image deploy/web nginx=nginx:2");
        let known = "get deploy web -o jsonpath='{.metadata.generation} {.status.observedGeneration}'";
        assert_eq!(run(known), "2 1");
        run("wait deploy/web --for=condition=available");
        assert_eq!(run(known), "2 2");
    }
}
