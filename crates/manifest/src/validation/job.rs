//! Jobs.

use super::read::{child, entries, is_set, list, number, text};
use super::workload::{mismatch, template, template_labels};
use super::{Faults, go_shown, names, selector};
use crate::meaning::meaning;
use crate::schema::{self, Type};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most pods at a time, and most failures, of a Job whose pods have indices.
const MOST_INDICES: i64 = 100_000;
/// Most of them where there are more completions than that and each index has a limit of its own.
const MOST_OF_MANY: i64 = 10_000;
/// The labels by which a Job knows its pods; half of them are of old.
pub(crate) const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
/// The labels that say the name of a Job.
pub(crate) const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// Checks a Job.
pub(crate) fn check(faults: &mut Faults, job: &Value) {
    let (metadata, spec) = (&job["metadata"], &job["spec"]);
    generated(faults, metadata, spec);
    self::spec(faults, spec, "spec");
    with_selector(faults, spec);
    let completions = number(spec, "completions").unwrap_or_default();
    if text(spec, "completionMode") == "Indexed" && completions > 0 {
        let name = text(metadata, "name");
        let longest = format!("{name}-{}", completions - 1);
        if !names::label(&longest).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {longest}");
            faults.invalid_text("metadata.name", name, &detail);
        }
    }
}

/// Checks that what the server generates is there as generated.
fn generated(faults: &mut Faults, metadata: &Value, spec: &Value) {
    let Some(wanted) = child(spec, "selector").filter(|_| !is_set(spec, "manualSelector")) else { return };
    let (uid, name) = (text(metadata, "uid"), text(metadata, "name"));
    if uid.is_empty() {
        faults.required("metadata.uid", "");
    }
    let expected: Vec<(&str, &str)> =
        UID_LABELS.iter().map(|key| (*key, uid)).chain(NAME_LABELS.iter().map(|key| (*key, name))).collect();
    let labels = template_labels(spec);
    let path = "spec.template.metadata.labels";
    for (key, value) in &expected {
        match labels.iter().find(|(known, _)| known == key).map(|(_, value)| value) {
            None => faults.required(&format!("{path}[{key}]"), &format!("must be '{value}'")),
            Some(other) if other != value => {
                let detail = format!("must be '{value}'");
                faults.invalid(&format!("{path}[{key}]"), &selector::shown_labels(&labels), &detail);
            }
            Some(_) => {}
        }
    }
    if !selector::matches(wanted, &expected) {
        faults.invalid("spec.selector", &selector::shown(wanted), "`selector` not auto-generated");
    }
}

fn with_selector(faults: &mut Faults, spec: &Value) {
    let wanted = child(spec, "selector");
    let sound = match wanted {
        None => {
            faults.required("spec.selector", "");
            true
        }
        Some(wanted) => selector::check(faults, wanted, "spec.selector"),
    };
    let labels = template_labels(spec);
    if sound && !wanted.is_some_and(|wanted| selector::matches(wanted, &labels)) {
        mismatch(faults, &labels);
    }
}

/// Checks the spec of a Job, of a CronJob's template too.
pub(crate) fn spec(faults: &mut Faults, spec: &Value, path: &str) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    for key in counts {
        faults.non_negative(&format!("{path}.{key}"), number(spec, key).unwrap_or_default());
    }
    if number(spec, "maxFailedIndexes").is_some() && number(spec, "backoffLimitPerIndex").is_none() {
        faults.required(&format!("{path}.backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
    if let Some(manager) = spec.get("managedBy").and_then(Value::as_str) {
        managed_by(faults, manager, &format!("{path}.managedBy"));
    }
    let mode = spec.get("completionMode").and_then(Value::as_str);
    if let Some(mode) = mode {
        faults.one_of(&format!("{path}.completionMode"), mode, &["NonIndexed", "Indexed"]);
    }
    if mode == Some("Indexed") {
        indexed(faults, spec, path);
    } else if mode.is_none_or(|mode| mode == "NonIndexed") {
        for key in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if let Some(limit) = number(spec, key) {
                faults.invalid(&format!("{path}.{key}"), &limit.to_string(), "requires indexed completion mode");
            }
        }
    }
    if let Some(policy) = child(spec, "podFailurePolicy") {
        failure_policy(faults, policy, spec, &format!("{path}.podFailurePolicy"));
    }
    if let Some(policy) = child(spec, "successPolicy") {
        success_policy(faults, policy, spec, &format!("{path}.successPolicy"));
    }
    replacement(faults, spec, path);
    template(faults, &spec["template"], &format!("{path}.template"));
    let path = format!("{path}.template.spec.restartPolicy");
    match text(&spec["template"]["spec"], "restartPolicy") {
        "" | "Always" => faults.required(&path, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if child(spec, "podFailurePolicy").is_some() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            faults.invalid_text(&path, "OnFailure", detail);
        }
        policy => faults.one_of(&path, policy, &["OnFailure", "Never"]),
    }
}

fn managed_by(faults: &mut Faults, manager: &str, path: &str) {
    match manager.split_once('/') {
        _ if manager.is_empty() => faults.required(path, ""),
        Some((domain, rest)) if !domain.is_empty() && !rest.is_empty() => {
            faults.invalid_texts(path, domain, &names::subdomain(domain));
        }
        Some(_) | None => {
            faults.invalid_text(path, manager, "must be a domain-prefixed path (such as \"acme.io/foo\")");
        }
    }
    if manager.len() > 63 {
        faults.too_long(path, 63);
    }
}

fn indexed(faults: &mut Faults, spec: &Value, path: &str) {
    let completions = number(spec, "completions");
    if completions.is_none() {
        faults.required(&format!("{path}.completions"), "when completion mode is Indexed");
    }
    let parallelism = number(spec, "parallelism").unwrap_or_default();
    let failures = number(spec, "maxFailedIndexes");
    let too_many = |faults: &mut Faults, key: &str, number: i64, detail: &str| {
        faults.invalid(
            &format!("{path}.{key}"),
            &number.to_string(),
            &format!("must be less than or equal to {detail}"),
        );
    };
    if parallelism > MOST_INDICES {
        too_many(faults, "parallelism", parallelism, "100000 when completion mode is Indexed");
    }
    if let (Some(failures), Some(completions)) = (failures, completions)
        && failures > completions
    {
        too_many(faults, "maxFailedIndexes", failures, "completions");
    }
    if let Some(failures) = failures.filter(|failures| *failures > MOST_INDICES) {
        too_many(faults, "maxFailedIndexes", failures, "100000");
    }
    let many = completions.is_some_and(|completions| completions > MOST_INDICES);
    if !many || number(spec, "backoffLimitPerIndex").is_none() {
        return;
    }
    let detail = "10000 when completions are above 100000 and used with backoff limit per index";
    if failures.is_none() {
        faults.required(&format!("{path}.maxFailedIndexes"), "must be specified when completions is above 100000");
    }
    if parallelism > MOST_OF_MANY {
        too_many(faults, "parallelism", parallelism, detail);
    }
    if let Some(failures) = failures.filter(|failures| *failures > MOST_OF_MANY) {
        too_many(faults, "maxFailedIndexes", failures, detail);
    }
}

fn replacement(faults: &mut Faults, spec: &Value, path: &str) {
    let Some(policy) = spec.get("podReplacementPolicy").and_then(Value::as_str) else { return };
    let path = format!("{path}.podReplacementPolicy");
    // With a policy for failures, pods are replaced only when they have failed.
    let known: &[&str] =
        if child(spec, "podFailurePolicy").is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    faults.one_of(&path, policy, known);
}

fn failure_policy(faults: &mut Faults, policy: &Value, spec: &Value, path: &str) {
    let rules = list(policy, "rules");
    if rules.len() > 20 {
        faults.too_many(&format!("{path}.rules"), rules.len(), 20);
        return;
    }
    let template = &spec["template"]["spec"];
    let containers: BTreeSet<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|key| list(template, key))
        .map(|container| text(container, "name"))
        .collect();
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}.rules[{index}]");
        failure_action(faults, text(rule, "action"), spec, &format!("{path}.action"));
        let codes = child(rule, "onExitCodes");
        let conditions = list(rule, "onPodConditions");
        if let Some(codes) = codes {
            exit_codes(faults, codes, &containers, &format!("{path}.onExitCodes"));
        }
        if conditions.len() > 20 {
            faults.too_many(&format!("{path}.onPodConditions"), conditions.len(), 20);
        } else {
            for (index, condition) in conditions.iter().enumerate() {
                pod_condition(faults, condition, &format!("{path}.onPodConditions[{index}]"));
            }
        }
        match (codes.is_some(), !conditions.is_empty()) {
            (true, true) => {
                faults.unfit(&path, "specifying both OnExitCodes and OnPodConditions is not supported");
            }
            (false, false) => {
                faults.unfit(&path, "specifying one of OnExitCodes and OnPodConditions is required");
            }
            (true, false) | (false, true) => {}
        }
    }
}

fn failure_action(faults: &mut Faults, action: &str, spec: &Value, path: &str) {
    match action {
        "" => faults.required(path, "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"),
        "FailIndex" => {
            if number(spec, "backoffLimitPerIndex").is_none() {
                faults.invalid_text(path, action, "requires the backoffLimitPerIndex to be set");
            }
        }
        _ => faults.one_of(path, action, &["Count", "FailIndex", "FailJob", "Ignore"]),
    }
}

fn exit_codes(faults: &mut Faults, codes: &Value, containers: &BTreeSet<&str>, path: &str) {
    let operator = text(codes, "operator");
    if operator.is_empty() {
        faults.required(&format!("{path}.operator"), "valid values: [\"In\" \"NotIn\"]");
    } else {
        faults.one_of(&format!("{path}.operator"), operator, &["In", "NotIn"]);
    }
    if let Some(name) = codes.get("containerName").and_then(Value::as_str).filter(|name| !containers.contains(name)) {
        let detail = "must be one of the container or initContainer names in the pod template";
        faults.invalid_text(&format!("{path}.containerName"), name, detail);
    }
    let values: Vec<i64> = list(codes, "values").iter().filter_map(Value::as_i64).collect();
    let path = format!("{path}.values");
    if values.is_empty() {
        faults.invalid(&path, "[]", "at least one value is required");
    } else if values.len() > 255 {
        faults.too_many(&path, values.len(), 255);
    }
    let mut seen = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        if operator == "In" && *value == 0 {
            faults.invalid(&format!("{path}[{index}]"), "0", "must not be 0 for the In operator");
        }
        if !seen.insert(value) {
            faults.duplicate_value(&format!("{path}[{index}]"), &value.to_string());
        }
    }
    if !values.is_sorted() {
        faults.invalid(&path, &Value::from(values).to_string(), "must be ordered");
    }
}

fn pod_condition(faults: &mut Faults, condition: &Value, path: &str) {
    let kind = text(condition, "type");
    faults.invalid_texts(&format!("{path}.type"), kind, &names::qualified(kind));
    match text(condition, "status") {
        "" => faults.required(&format!("{path}.status"), "valid values: [\"False\" \"True\" \"Unknown\"]"),
        status => faults.one_of(&format!("{path}.status"), status, &["False", "True", "Unknown"]),
    }
}

fn success_policy(faults: &mut Faults, policy: &Value, spec: &Value, path: &str) {
    if text(spec, "completionMode") != "Indexed" {
        let shown = go_shown::shown("batch/v1.SuccessPolicy", policy);
        faults.invalid(path, &shown, "requires indexed completion mode");
        return;
    }
    let rules = list(policy, "rules");
    let rules_path = format!("{path}.rules");
    if rules.is_empty() {
        faults.required(&rules_path, "at least one rules must be specified when the successPolicy is specified");
    }
    if rules.len() > 20 {
        faults.too_many(&rules_path, rules.len(), 20);
    }
    let completions = number(spec, "completions").unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{rules_path}[{index}]");
        let (indices, count) = (rule.get("succeededIndexes").and_then(Value::as_str), number(rule, "succeededCount"));
        if indices.is_none() && count.is_none() {
            faults.required(&path, "at least one of succeededCount or succeededIndexes must be specified");
        }
        let Some(count) = count else { continue };
        let path = format!("{path}.succeededCount");
        faults.non_negative(&path, count);
        if count > completions {
            let detail = format!("must be less than or equal to {completions} (the number of specified completions)");
            faults.invalid(&path, &count.to_string(), &detail);
        }
    }
}

/// Checks what may not change.
pub(crate) fn change(faults: &mut Faults, old: &Value, new: &Value) {
    let (was, is) = (&old["spec"], &new["spec"]);
    spec(faults, is, "spec");
    with_selector(faults, is);
    // Of an indexed Job both counts may change together.
    let elastic = text(is, "completionMode") == "Indexed"
        && number(is, "completions").is_some()
        && number(is, "completions") == number(is, "parallelism")
        && number(was, "completions").is_some();
    let fixed = [
        "completions",
        "selector",
        "template",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ];
    for key in fixed {
        if key == "completions" && elastic {
            continue;
        }
        // Of a Job that waits to start, the template may still change where its pods would be placed.
        let waits = key == "template" && is_set(was, "suspend") && old.pointer("/status/startTime").is_none();
        let Some(kind) = schema::field("batch/v1.JobSpec", key).map(|field| &field.kind) else { continue };
        let means = |spec: &Value| {
            let mut value = spec.get(key).cloned().unwrap_or(Value::Null);
            if waits {
                placed_anywhere(&mut value);
            }
            meaning(kind, &value)
        };
        if means(was) != means(is) {
            let shown = shown(kind, key, is);
            faults.invalid(&format!("spec.{key}"), &shown, "field is immutable");
        }
    }
}

/// Takes from a template what decides where its pods run.
fn placed_anywhere(template: &mut Value) {
    if let Some(Value::Object(metadata)) = template.get_mut("metadata") {
        metadata.clear();
    }
    if let Some(Value::Object(spec)) = template.get_mut("spec") {
        for key in ["affinity", "nodeSelector", "tolerations", "schedulingGates"] {
            spec.remove(key);
        }
    }
}

fn shown(kind: &Type, key: &str, spec: &Value) -> String {
    let value = spec.get(key).unwrap_or(&Value::Null);
    match (kind, value) {
        (_, Value::Null) => "null".to_owned(),
        (_, value) if key == "selector" => selector::shown(value),
        (Type::Named(name), value) => go_shown::shown(name, value),
        (Type::Pointer(inner), value) => match &**inner {
            Type::Named(name) => go_shown::shown(name, value),
            Type::Basic(_) | Type::Pointer(_) | Type::Slice(_) | Type::Map(..) => value.to_string(),
        },
        (Type::Basic(_) | Type::Slice(_) | Type::Map(..), value) => value.to_string(),
    }
}

/// Checks a template of Jobs.
pub(crate) fn in_cron_job(faults: &mut Faults, template: &Value, path: &str) {
    let spec = &template["spec"];
    super::metadata::labels(faults, &entries(&template["metadata"], "labels"), &format!("{path}.metadata.labels"));
    self::spec(faults, spec, &format!("{path}.spec"));
    if let Some(wanted) = child(spec, "selector") {
        let detail = "`selector` will be auto-generated";
        faults.invalid(&format!("{path}.spec.selector"), &selector::shown(wanted), detail);
    }
    if is_set(spec, "manualSelector") {
        faults.unsupported(&format!("{path}.spec.manualSelector"), "true", &["nil", "false"]);
    }
}
