//! Deployments, ReplicaSets and ReplicationControllers.

use super::faults::quoted;
use super::read::{child, entries, number, object, text};
use super::{Faults, metadata, names, pod, selector};
use serde_json::Value;

/// What is said of a template that its own selector does not select.
const MISMATCH: &str = "`selector` does not match template `labels`";

/// Checks the spec of a Deployment.
pub(crate) fn deployment(faults: &mut Faults, spec: &Value) {
    replica_set_like(faults, spec);
    strategy(faults, &spec["strategy"]);
    let min_ready = number(spec, "minReadySeconds").unwrap_or_default();
    faults.non_negative("spec.minReadySeconds", min_ready);
    if let Some(limit) = number(spec, "revisionHistoryLimit") {
        faults.non_negative("spec.revisionHistoryLimit", limit);
    }
    if let Some(deadline) = number(spec, "progressDeadlineSeconds") {
        faults.non_negative("spec.progressDeadlineSeconds", deadline);
        if deadline <= min_ready {
            let shown = deadline.to_string();
            faults.invalid("spec.progressDeadlineSeconds", &shown, "must be greater than minReadySeconds");
        }
    }
}

/// Checks the spec of a ReplicaSet.
pub(crate) fn replica_set(faults: &mut Faults, spec: &Value) {
    faults.non_negative("spec.replicas", number(spec, "replicas").unwrap_or_default());
    faults.non_negative("spec.minReadySeconds", number(spec, "minReadySeconds").unwrap_or_default());
    selector_and_template(faults, spec);
}

/// Checks the spec of a ReplicationController, whose selector is a plain map.
pub(crate) fn replication_controller(faults: &mut Faults, spec: &Value) {
    faults.non_negative("spec.minReadySeconds", number(spec, "minReadySeconds").unwrap_or_default());
    let wanted = entries(spec, "selector");
    if wanted.is_empty() {
        faults.required("spec.selector", "");
    }
    faults.non_negative("spec.replicas", number(spec, "replicas").unwrap_or_default());
    let labels = template_labels(spec);
    if !wanted.iter().all(|pair| labels.contains(pair)) {
        mismatch(faults, &labels);
    }
    lasting_template(faults, &spec["template"], "ReplicaSet");
}

fn replica_set_like(faults: &mut Faults, spec: &Value) {
    faults.non_negative("spec.replicas", number(spec, "replicas").unwrap_or_default());
    selector_and_template(faults, spec);
}

/// Says that a selector does not match the labels of the template.
pub(crate) fn mismatch(faults: &mut Faults, labels: &[(&str, &str)]) {
    let shown = if labels.is_empty() { "null".to_owned() } else { selector::shown_labels(labels) };
    faults.invalid("spec.template.metadata.labels", &shown, MISMATCH);
}

fn selector_and_template(faults: &mut Faults, spec: &Value) {
    let selector = child(spec, "selector");
    match selector {
        None => faults.required("spec.selector", ""),
        Some(selector) => {
            let sound = selector::check(faults, selector, "spec.selector");
            if selector::is_empty(selector) {
                let detail = "empty selector is invalid for deployment";
                faults.invalid("spec.selector", &selector::shown(selector), detail);
            }
            if !sound {
                faults.invalid("spec.selector", &selector::shown(selector), "invalid label selector");
                return;
            }
        }
    }
    let labels = template_labels(spec);
    // An absent selector matches nothing, an empty one everything.
    if !selector.is_some_and(|selector| selector::matches(selector, &labels)) {
        mismatch(faults, &labels);
    }
    lasting_template(faults, &spec["template"], "ReplicaSet");
}

/// The labels of a template.
pub(crate) fn template_labels(spec: &Value) -> Vec<(&str, &str)> {
    let metadata = spec.get("template").and_then(|template| template.get("metadata"));
    metadata.map(|metadata| entries(metadata, "labels")).unwrap_or_default()
}

/// Checks a template of pods.
pub(crate) fn template(faults: &mut Faults, template: &Value, path: &str) {
    let meta = &template["metadata"];
    // The server leaves `metadata` out of these two paths.
    metadata::labels(faults, &entries(meta, "labels"), &format!("{path}.labels"));
    metadata::annotations(faults, &entries(meta, "annotations"), &format!("{path}.annotations"));
    pod::spec(faults, &template["spec"], &format!("{path}.spec"));
}

/// Checks a template whose pods are to be replaced when they end; `owner` is what makes them.
pub(crate) fn lasting_template(faults: &mut Faults, template: &Value, owner: &str) {
    let path = "spec.template";
    self::template(faults, template, path);
    let spec = &template["spec"];
    let policy = text(spec, "restartPolicy");
    if policy != "Always" && !policy.is_empty() {
        faults.unsupported(&format!("{path}.spec.restartPolicy"), &quoted(policy), &["Always"]);
    }
    if number(spec, "activeDeadlineSeconds").is_some() {
        let detail = format!("activeDeadlineSeconds in {owner} is not Supported");
        faults.forbidden(&format!("{path}.spec.activeDeadlineSeconds"), &detail);
    }
}

fn strategy(faults: &mut Faults, strategy: &Value) {
    let path = "spec.strategy";
    let rolling = child(strategy, "rollingUpdate");
    match text(strategy, "type") {
        "Recreate" => {
            if rolling.is_some() {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                faults.forbidden(&format!("{path}.rollingUpdate"), detail);
            }
        }
        "RollingUpdate" => match rolling {
            None => faults.required(&format!("{path}.rollingUpdate"), "this should be defaulted and never be nil"),
            Some(rolling) => rolling_update(faults, rolling, &format!("{path}.rollingUpdate")),
        },
        other => {
            let parameters = match rolling.and_then(Value::as_object) {
                None => "null".to_owned(),
                Some(_) => {
                    let part = |key: &str| object(strategy, "rollingUpdate").and_then(|map| map.get(key)).cloned();
                    let part = |key: &str| part(key).unwrap_or_else(|| Value::from(0));
                    format!("{{\"MaxUnavailable\":{},\"MaxSurge\":{}}}", part("maxUnavailable"), part("maxSurge"))
                }
            };
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":{parameters}}}", quoted(other));
            faults.unsupported(path, &shown, &["Recreate", "RollingUpdate"]);
        }
    }
}

fn rolling_update(faults: &mut Faults, rolling: &Value, path: &str) {
    let zero = Value::from(0);
    let unavailable = rolling.get("maxUnavailable").unwrap_or(&zero);
    let surge = rolling.get("maxSurge").unwrap_or(&zero);
    count_or_percentage(faults, unavailable, &format!("{path}.maxUnavailable"));
    count_or_percentage(faults, surge, &format!("{path}.maxSurge"));
    if count_of(unavailable) == 0 && count_of(surge) == 0 {
        let detail = "may not be 0 when `maxSurge` is 0";
        faults.invalid(&format!("{path}.maxUnavailable"), &unavailable.to_string(), detail);
    }
    at_most_all(faults, unavailable, &format!("{path}.maxUnavailable"));
}

/// Says so if a value is a percentage above the whole.
pub(crate) fn at_most_all(faults: &mut Faults, value: &Value, path: &str) {
    if percentage(value).is_some_and(|percent| percent > 100) {
        faults.invalid(path, &value.to_string(), "must not be greater than 100%");
    }
}

/// The digits of a percentage.
fn percentage(value: &Value) -> Option<i64> {
    let digits = value.as_str()?.strip_suffix('%')?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// A number, or the digits of a percentage; what is neither counts as none.
pub(crate) fn count_of(value: &Value) -> i64 {
    value.as_i64().or_else(|| percentage(value)).unwrap_or_default()
}

/// Checks a value that is a count or a percentage.
pub(crate) fn count_or_percentage(faults: &mut Faults, value: &Value, path: &str) {
    let Some(text) = value.as_str() else {
        faults.non_negative(path, value.as_i64().unwrap_or_default());
        return;
    };
    if let Some(detail) = names::percentage(text) {
        faults.invalid_text(path, text, detail);
    }
}
