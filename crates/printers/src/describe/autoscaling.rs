//! Autoscalers and disruption budgets.

use super::Related;
use super::page::Page;
use crate::Now;
use crate::field::{Field, plain};
use crate::table::selector;
use serde_json::Value;
use wavetank_model::strconv::quote;

pub(super) fn horizontal_pod_autoscaler(page: &mut Page, hpa: &Value, _: &Related<'_>, _: Now) {
    page.head(hpa);
    page.metadata(hpa);
    page.created(hpa);
    let target = |key| hpa.text(&["spec", "scaleTargetRef", key]);
    page.entry(0, "Reference", &format!("{}/{}", target("kind"), target("name")));
    if hpa.text(&["apiVersion"]) == "autoscaling/v1" {
        processor(page, hpa);
    } else {
        page.entry(0, "Metrics", "( current / target )");
        let statuses = hpa.items(&["status", "currentMetrics"]);
        for (index, metric) in hpa.items(&["spec", "metrics"]).iter().enumerate() {
            page.line(1, &self::metric(metric, statuses.get(index)));
        }
    }
    let least = hpa.at(&["spec", "minReplicas"]);
    page.entry(0, "Min replicas", &least.map_or_else(|| "<unset>".into(), |least| plain(Some(least))));
    page.entry(0, "Max replicas", &hpa.count(&["spec", "maxReplicas"]).to_string());
    if hpa.at(&["spec", "behavior"]).is_some() {
        page.line(0, "Behavior:");
        for (title, key) in [("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")] {
            if let Some(rules) = hpa.at(&["spec", "behavior", key]) {
                direction(page, title, rules);
            }
        }
    }
    let count = |key| hpa.count(&["status", key]);
    let pods = format!("{} current / {} desired", count("currentReplicas"), count("desiredReplicas"));
    page.entry(0, &format!("{} pods", target("kind")), &pods);
    let conditions = hpa.items(&["status", "conditions"]);
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus\tReason\tMessage");
        page.line(1, "----\t------\t------\t-------");
        for condition in conditions {
            let cells = ["type", "status", "reason", "message"].map(|key| condition.text(&[key]));
            page.line(1, &cells.join("\t"));
        }
    }
}

/// Adds the one metric that version 1 knows.
fn processor(page: &mut Page, hpa: &Value) {
    if let Some(target) = hpa.number(&["spec", "targetCPUUtilizationPercentage"]) {
        page.entry(0, "Target CPU utilization", &format!("{target}%"));
        let current = hpa.number(&["status", "currentCPUUtilizationPercentage"]);
        let current = current.map_or_else(|| "<unknown>".into(), |current| current.to_string());
        page.entry(0, "Current CPU utilization", &format!("{current}%"));
    }
}

/// A metric on one line.
fn metric(metric: &Value, status: Option<&Value>) -> String {
    let kind = metric.text(&["type"]);
    let source = match kind {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return format!("<unknown metric type {}>", quote(kind)),
    };
    let status = status.filter(|status| status.at(&[source]).is_some());
    let target = |key| metric.at(&[source, "target", key]);
    let current = |key| status.and_then(|status| status.at(&[source, "current", key]));
    // A status without the value shows what Go prints for none; no status is unknown.
    let value = |key| if status.is_some() { plain(current(key)) } else { "<unknown>".into() };
    let values = |key| format!("{} / {}", value(key), plain(target(key)));
    let name = metric.text(&[source, "metric", "name"]);
    match source {
        "external" if target("averageValue").is_some() => {
            let now = current("averageValue").map_or_else(|| "<unknown>".into(), |now| plain(Some(now)));
            format!("{} (target average value):\t{now} / {}", quote(name), plain(target("averageValue")))
        }
        "external" => format!("{} (target value):\t{}", quote(name), values("value")),
        "pods" => format!("{} on pods:\t{}", quote(name), values("averageValue")),
        "object" => {
            let object = |key| metric.text(&[source, "describedObject", key]);
            let (form, key) = match metric.text(&[source, "target", "type"]) {
                "AverageValue" => ("target average value", "averageValue"),
                _ => ("target value", "value"),
            };
            format!("\"{name}\" on {}/{} ({form}):\t{}", object("kind"), object("name"), values(key))
        }
        _ => {
            let container = match metric.text(&[source, "container"]) {
                "" => String::new(),
                container => format!(" of container \"{container}\""),
            };
            let title = format!("resource {}{container} on pods", metric.text(&[source, "name"]));
            if target("averageValue").is_some() {
                return format!("{title}:\t{}", values("averageValue"));
            }
            let now = current("averageUtilization").map_or_else(
                || "<unknown>".into(),
                |percent| format!("{}% ({})", plain(Some(percent)), plain(current("averageValue"))),
            );
            let wanted = target("averageUtilization");
            let wanted = wanted.map_or_else(|| "<auto>".into(), |percent| format!("{}%", plain(Some(percent))));
            format!("{title}  (as a percentage of request):\t{now} / {wanted}")
        }
    }
}

fn direction(page: &mut Page, title: &str, rules: &Value) {
    page.line(1, &format!("{title}:"));
    if let Some(seconds) = rules.number(&["stabilizationWindowSeconds"]) {
        page.line(2, &format!("Stabilization Window: {seconds} seconds"));
    }
    let policies = rules.items(&["policies"]);
    if policies.is_empty() {
        return;
    }
    let select = rules.at(&["selectPolicy"]).map_or_else(|| "Max".into(), |select| plain(Some(select)));
    page.line(2, &format!("Select Policy: {select}"));
    page.line(2, "Policies:");
    for policy in policies {
        let (kind, value) = (policy.text(&["type"]), policy.count(&["value"]));
        let period = policy.count(&["periodSeconds"]);
        page.line(3, &format!("- Type: {kind}\tValue: {value}\tPeriod: {period} seconds"));
    }
}

pub(super) fn pod_disruption_budget(page: &mut Page, budget: &Value, _: &Related<'_>, _: Now) {
    page.head(budget);
    if let Some(least) = budget.at(&["spec", "minAvailable"]) {
        page.entry(0, "Min available", &plain(Some(least)));
    } else if let Some(most) = budget.at(&["spec", "maxUnavailable"]) {
        page.entry(0, "Max unavailable", &plain(Some(most)));
    }
    match budget.at(&["spec", "selector"]) {
        Some(own) => page.entry(0, "Selector", &selector(Some(own))),
        None => page.entry(0, "Selector", "<unset>"),
    }
    page.line(0, "Status:");
    let counts = [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ];
    for (title, key) in counts {
        page.entry(2, title, &budget.count(&["status", key]).to_string());
    }
}
