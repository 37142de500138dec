//! DaemonSets.

use super::faults::quoted;
use super::read::{child, number, text};
use super::workload::{at_most_all, count_of, count_or_percentage, lasting_template, mismatch, template_labels};
use super::{Faults, selector};
use serde_json::Value;

/// Checks the spec of a DaemonSet.
pub(crate) fn spec(faults: &mut Faults, spec: &Value) {
    let wanted = child(spec, "selector");
    let sound = wanted.is_none_or(|wanted| selector::check(faults, wanted, "spec.selector"));
    let labels = template_labels(spec);
    // An absent selector matches nothing.
    if sound && !wanted.is_some_and(|wanted| selector::matches(wanted, &labels)) {
        mismatch(faults, &labels);
    }
    if let Some(wanted) = wanted.filter(|wanted| selector::is_empty(wanted)) {
        let detail = "empty selector is invalid for daemonset";
        faults.invalid("spec.selector", &selector::shown(wanted), detail);
    }
    lasting_template(faults, &spec["template"], "DaemonSet");
    faults.non_negative("spec.minReadySeconds", number(spec, "minReadySeconds").unwrap_or_default());
    strategy(faults, &spec["updateStrategy"]);
    faults.non_negative("spec.revisionHistoryLimit", number(spec, "revisionHistoryLimit").unwrap_or_default());
}

fn strategy(faults: &mut Faults, strategy: &Value) {
    let path = "spec.updateStrategy";
    let rolling = child(strategy, "rollingUpdate");
    match text(strategy, "type") {
        "OnDelete" => {}
        "RollingUpdate" => match rolling {
            None => faults.required(&format!("{path}.rollingUpdate"), ""),
            Some(rolling) => rolling_update(faults, rolling, &format!("{path}.rollingUpdate")),
        },
        other => {
            let parameters = rolling.map_or_else(
                || "null".to_owned(),
                |rolling| {
                    let part = |key: &str| rolling.get(key).cloned().unwrap_or_else(|| Value::from(0));
                    format!("{{\"MaxUnavailable\":{},\"MaxSurge\":{}}}", part("maxUnavailable"), part("maxSurge"))
                },
            );
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":{parameters}}}", quoted(other));
            faults.unsupported(path, &shown, &["RollingUpdate", "OnDelete"]);
        }
    }
}

fn rolling_update(faults: &mut Faults, rolling: &Value, path: &str) {
    let zero = Value::from(0);
    let parts = ["maxUnavailable", "maxSurge"].map(|key| (rolling.get(key).unwrap_or(&zero), format!("{path}.{key}")));
    for (value, path) in &parts {
        count_or_percentage(faults, value, path);
    }
    for (value, path) in &parts {
        at_most_all(faults, value, path);
    }
    let [(unavailable, unavailable_path), (surge, surge_path)] = &parts;
    match (count_of(unavailable) != 0, count_of(surge) != 0) {
        (true, true) => {
            faults.invalid(surge_path, &surge.to_string(), "may not be set when maxUnavailable is non-zero");
        }
        (false, false) => faults.required(unavailable_path, "cannot be 0 when maxSurge is 0"),
        (true, false) | (false, true) => {}
    }
}
