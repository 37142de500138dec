//! Autoscalers, what they scale, and disruption budgets.

use super::cells::{age, plain_or};
use super::{Column, Layout};
use crate::field::Field;
use serde_json::Value;

/// Metrics that a cell shows before it only counts them.
const SHOWN: usize = 2;

pub(super) static HORIZONTAL_POD_AUTOSCALER: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Reference"),
        Column::text("Targets"),
        Column::text("MinPods"),
        Column::text("MaxPods"),
        Column::text("Replicas"),
        Column::AGE,
    ],
    cells: |hpa, present| {
        let target = |key| hpa.text(&["spec", "scaleTargetRef", key]);
        vec![
            hpa.name().into(),
            format!("{}/{}", target("kind"), target("name")).into(),
            metrics(hpa).into(),
            plain_or(hpa.at(&["spec", "minReplicas"]), "<unset>").into(),
            hpa.count(&["spec", "maxReplicas"]).into(),
            hpa.count(&["status", "currentReplicas"]).into(),
            age(hpa, present),
        ]
    },
};

fn metrics(hpa: &Value) -> String {
    let (specs, statuses) = (hpa.items(&["spec", "metrics"]), hpa.items(&["status", "currentMetrics"]));
    if specs.is_empty() {
        // Version 1 knows one metric, and has fields of its own for it.
        let Some(target) = hpa.number(&["spec", "targetCPUUtilizationPercentage"]) else { return "<none>".into() };
        let current = hpa.number(&["status", "currentCPUUtilizationPercentage"]);
        let current = current.map_or_else(|| "<unknown>".into(), |current| format!("{current}%"));
        return format!("cpu: {current}/{target}%");
    }
    let shown = specs.iter().take(SHOWN).enumerate().map(|(index, spec)| metric(spec, statuses.get(index)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match specs.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

/// Where a metric of each type keeps its numbers.
fn source(spec: &Value) -> Option<&'static str> {
    Some(match spec.text(&["type"]) {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return None,
    })
}

/// Current and wanted value of a metric.
fn metric(spec: &Value, status: Option<&Value>) -> String {
    let Some(source) = source(spec) else { return "<unknown type>".into() };
    let wanted = |key| spec.at(&[source, "target", key]);
    let now = |key| plain_or(status.and_then(|status| status.at(&[source, "current", key])), "<unknown>");
    match source {
        "resource" | "containerResource" => {
            let name = spec.text(&[source, "name"]);
            match wanted("averageValue") {
                Some(value) => format!("{name}: {}/{}", now("averageValue"), plain_or(Some(value), "")),
                None => {
                    let percent = |text: String| if text.starts_with('<') { text } else { format!("{text}%") };
                    let wanted = percent(plain_or(wanted("averageUtilization"), "<auto>"));
                    format!("{name}: {}/{wanted}", percent(now("averageUtilization")))
                }
            }
        }
        "pods" => format!("{}/{}", now("averageValue"), plain_or(wanted("averageValue"), "<nil>")),
        _ => match wanted("averageValue") {
            Some(value) => format!("{}/{} (avg)", now("averageValue"), plain_or(Some(value), "")),
            None => format!("{}/{}", now("value"), plain_or(wanted("value"), "<nil>")),
        },
    }
}

pub(super) static SCALE: Layout = Layout {
    columns: &[Column::NAME, Column::integer("Desired"), Column::integer("Available"), Column::AGE],
    cells: |scale, present| {
        vec![
            scale.name().into(),
            scale.count(&["spec", "replicas"]).into(),
            scale.count(&["status", "replicas"]).into(),
            age(scale, present),
        ]
    },
};

pub(super) static POD_DISRUPTION_BUDGET: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Min Available"),
        Column::text("Max Unavailable"),
        Column::integer("Allowed Disruptions"),
        Column::AGE,
    ],
    cells: |budget, present| {
        vec![
            budget.name().into(),
            plain_or(budget.at(&["spec", "minAvailable"]), "N/A").into(),
            plain_or(budget.at(&["spec", "maxUnavailable"]), "N/A").into(),
            budget.count(&["status", "disruptionsAllowed"]).into(),
            age(budget, present),
        ]
    },
};
