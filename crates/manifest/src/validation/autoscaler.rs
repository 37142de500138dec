//! HorizontalPodAutoscalers, in the form of `autoscaling/v2`.

use super::read::{child, list, number, text};
use super::{Faults, names, selector};
use serde_json::Value;
use wavetank_model::Quantity;

const MAX_PERIOD_SECONDS: i64 = 1_800;
const MAX_WINDOW_SECONDS: i64 = 3_600;
/// In the order in which the server looks at them.
const SOURCES: [&str; 5] = ["object", "external", "pods", "resource", "containerResource"];
const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// Checks the spec of an autoscaler; `least` is the fewest replicas it may ask for.
pub(crate) fn spec(faults: &mut Faults, spec: &Value, least: i64) {
    let min = number(spec, "minReplicas");
    let max = number(spec, "maxReplicas").unwrap_or_default();
    if let Some(min) = min.filter(|min| *min < least) {
        let detail = format!("must be greater than or equal to {least}");
        faults.invalid("spec.minReplicas", &min.to_string(), &detail);
    }
    if max < 1 {
        faults.required("spec.maxReplicas", "must be set and greater than 0");
    }
    if min.is_some_and(|min| max < min) {
        faults.invalid("spec.maxReplicas", &max.to_string(), "must be greater than or equal to `minReplicas`");
    }
    target(faults, &spec["scaleTargetRef"]);
    let metrics = list(spec, "metrics");
    for (index, metric) in metrics.iter().enumerate() {
        self::metric(faults, metric, &format!("spec.metrics[{index}]"));
    }
    let from_outside = |metric: &Value| ["Object", "External"].contains(&text(metric, "type"));
    if min == Some(0) && !metrics.iter().any(from_outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        faults.forbidden("spec.metrics", detail);
    }
    if let Some(behavior) = child(spec, "behavior") {
        for key in ["scaleUp", "scaleDown"] {
            if let Some(rules) = child(behavior, key) {
                self::rules(faults, rules, &format!("spec.behavior.{key}"));
            }
        }
    }
}

fn target(faults: &mut Faults, target: &Value) {
    let path = "spec.scaleTargetRef";
    reference(faults, target, path);
    let version = text(target, "apiVersion");
    let path = format!("{path}.apiVersion");
    match version.split('/').collect::<Vec<_>>().as_slice() {
        ["v1"] => {}
        [_] => faults.invalid_text(&path, version, "apiVersion must specify API group"),
        [group, _] => {
            if group.is_empty() {
                faults.invalid_text(&path, version, "apiVersion must specify API group");
            }
        }
        _ => faults.invalid_text(&path, version, &format!("unexpected GroupVersion string: {version}")),
    }
}

fn reference(faults: &mut Faults, reference: &Value, path: &str) {
    for key in ["kind", "name"] {
        let path = format!("{path}.{key}");
        match text(reference, key) {
            "" => faults.required(&path, ""),
            word => faults.invalid_texts(&path, word, &names::path_segment(word)),
        }
    }
}

fn metric(faults: &mut Faults, metric: &Value, path: &str) {
    let kind = text(metric, "type");
    if kind.is_empty() {
        faults.required(&format!("{path}.type"), "must specify a metric source type");
    }
    faults.one_of(&format!("{path}.type"), kind, &TYPES);
    let present: Vec<&str> = SOURCES.into_iter().filter(|key| child(metric, key).is_some()).collect();
    if let Some((key, source)) = present.first().and_then(|key| Some((*key, child(metric, key)?))) {
        self::source(faults, source, key, &format!("{path}.{key}"));
    }
    let expected = match kind {
        "Object" => "object",
        "External" => "external",
        "Pods" => "pods",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        other => {
            // The server says this a second time.
            faults.one_of(&format!("{path}.type"), other, &TYPES);
            ""
        }
    };
    if !expected.is_empty() && !present.contains(&expected) {
        let detail = "must populate information for the given metric source";
        faults.required(&format!("{path}.{expected}"), detail);
    }
    if present.len() != 1 {
        // Upstream takes these from a map; here they come in order.
        let mut others: Vec<&str> = present.into_iter().filter(|key| *key != expected).collect();
        others.sort_unstable();
        for key in others {
            faults.forbidden(&format!("{path}.{key}"), "must populate the given metric source only");
        }
    }
}

fn source(faults: &mut Faults, source: &Value, key: &str, path: &str) {
    let target = &source["target"];
    let at = format!("{path}.target");
    let has = |key: &str| target.get(key).is_some_and(|value| !value.is_null());
    match key {
        "object" => {
            reference(faults, &source["describedObject"], &format!("{path}.describedObject"));
            identifier(faults, &source["metric"], &format!("{path}.metric"));
            metric_target(faults, target, &at);
            if !has("value") && !has("averageValue") {
                faults.required(&format!("{at}.averageValue"), "must set either a target value or averageValue");
            }
        }
        "external" => {
            identifier(faults, &source["metric"], &format!("{path}.metric"));
            metric_target(faults, target, &at);
            if !has("value") && !has("averageValue") {
                let detail = "must set either a target value for metric or a per-pod target";
                faults.required(&format!("{at}.averageValue"), detail);
            }
            if has("value") && has("averageValue") {
                let detail = "may not set both a target value for metric and a per-pod target";
                faults.forbidden(&format!("{at}.value"), detail);
            }
        }
        "pods" => {
            identifier(faults, &source["metric"], &format!("{path}.metric"));
            metric_target(faults, target, &at);
            if sign(target, "averageValue").is_none_or(|sign| sign <= 0) {
                faults.required(&format!("{at}.averageValue"), "must specify a positive target averageValue");
            }
        }
        _ => {
            if text(source, "name").is_empty() {
                faults.required(&format!("{path}.name"), "must specify a resource name");
            }
            if key == "containerResource" && text(source, "container").is_empty() {
                faults.required(&format!("{path}.container"), "must specify a container");
            }
            metric_target(faults, target, &at);
            match (has("averageUtilization"), has("averageValue")) {
                (false, false) => {
                    let detail = "must set either a target raw value or a target utilization";
                    faults.required(&format!("{at}.averageUtilization"), detail);
                }
                (true, true) => {
                    let detail = "may not set both a target raw value and a target utilization";
                    faults.forbidden(&format!("{at}.averageValue"), detail);
                }
                (true, false) | (false, true) => {}
            }
        }
    }
}

fn identifier(faults: &mut Faults, metric: &Value, path: &str) {
    let name = text(metric, "name");
    if name.is_empty() {
        faults.required(&format!("{path}.name"), "must specify a metric name");
    } else {
        faults.invalid_texts(&format!("{path}.name"), name, &names::path_segment(name));
    }
    if let Some(labels) = child(metric, "selector") {
        selector::check(faults, labels, &format!("{path}.selector"));
    }
}

/// The sign of a quantity, if there is one.
fn sign(target: &Value, key: &str) -> Option<i32> {
    Quantity::parse(target.get(key)?.as_str()?).ok().map(|quantity| quantity.signum())
}

fn metric_target(faults: &mut Faults, target: &Value, path: &str) {
    let kind = text(target, "type");
    if kind.is_empty() {
        faults.required(&format!("{path}.type"), "must specify a metric target type");
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind) {
        faults.invalid_text(&format!("{path}.type"), kind, "must be either Utilization, Value, or AverageValue");
    }
    for key in ["value", "averageValue"] {
        if sign(target, key).is_some_and(|sign| sign <= 0) {
            faults.invalid_text(&format!("{path}.{key}"), text(target, key), "must be positive");
        }
        if key == "value"
            && let Some(percent) = number(target, "averageUtilization").filter(|percent| *percent < 1)
        {
            faults.invalid(&format!("{path}.averageUtilization"), &percent.to_string(), "must be greater than 0");
        }
    }
}

fn rules(faults: &mut Faults, rules: &Value, path: &str) {
    if let Some(window) = number(rules, "stabilizationWindowSeconds") {
        let path = format!("{path}.stabilizationWindowSeconds");
        if window < 0 {
            faults.invalid(&path, &window.to_string(), "must be greater than or equal to zero");
        }
        if window > MAX_WINDOW_SECONDS {
            let detail = format!("must be less than or equal to {MAX_WINDOW_SECONDS}");
            faults.invalid(&path, &window.to_string(), &detail);
        }
    }
    if let Some(select) = rules.get("selectPolicy").and_then(Value::as_str) {
        faults.one_of(&format!("{path}.selectPolicy"), select, &["Disabled", "Max", "Min"]);
    }
    let policies = list(rules, "policies");
    if policies.is_empty() {
        faults.required(&format!("{path}.policies"), "must specify at least one Policy");
    }
    for (index, policy) in policies.iter().enumerate() {
        self::policy(faults, policy, &format!("{path}.policies[{index}]"));
    }
    if sign(rules, "tolerance").is_some_and(|sign| sign < 0) {
        let detail = "must be greater than or equal to 0";
        faults.invalid_text(&format!("{path}.tolerance"), text(rules, "tolerance"), detail);
    }
}

fn policy(faults: &mut Faults, policy: &Value, path: &str) {
    faults.one_of(&format!("{path}.type"), text(policy, "type"), &["Percent", "Pods"]);
    for key in ["value", "periodSeconds"] {
        let number = number(policy, key).unwrap_or_default();
        let path = format!("{path}.{key}");
        if number <= 0 {
            faults.invalid(&path, &number.to_string(), "must be greater than zero");
        }
        if key == "periodSeconds" && number > MAX_PERIOD_SECONDS {
            let detail = format!("must be less than or equal to {MAX_PERIOD_SECONDS}");
            faults.invalid(&path, &number.to_string(), &detail);
        }
    }
}
