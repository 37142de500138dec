//! Quotas and limits of a namespace.

use super::Related;
use super::page::Page;
use super::resources::amounts;
use crate::Now;
use crate::field::{Field, plain};
use serde_json::Value;
use std::collections::BTreeSet;

/// Adds the quotas of a namespace by name.
pub(super) fn resource_quotas(page: &mut Page, mut quotas: Vec<&Value>) {
    if quotas.is_empty() {
        page.line(0, "No resource quota.");
        return;
    }
    quotas.sort_by_key(|quota| quota.name());
    page.line(0, "Resource Quotas");
    for quota in quotas {
        page.entry(1, "Name", quota.name());
        scopes(page, quota, 1, "* ");
        page.line(1, "Resource\tUsed\tHard");
        page.line(1, "--------\t---\t---");
        usage(page, quota, 1);
    }
}

pub(super) fn resource_quota(page: &mut Page, quota: &Value, _: &Related<'_>, _: Now) {
    page.head(quota);
    scopes(page, quota, 0, " * ");
    page.line(0, "Resource\tUsed\tHard");
    page.line(0, "--------\t----\t----");
    usage(page, quota, 0);
}

fn usage(page: &mut Page, quota: &Value, level: usize) {
    let used = amounts(quota.at(&["status", "used"]));
    for (name, hard) in amounts(quota.at(&["status", "hard"])) {
        let used = used.get(&name).cloned().unwrap_or_default();
        page.line(level, &format!("{name}\t{used}\t{hard}"));
    }
}

fn scopes(page: &mut Page, quota: &Value, level: usize, bullet: &str) {
    let mut scopes: Vec<&str> = quota.items(&["spec", "scopes"]).iter().filter_map(Value::as_str).collect();
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    page.entry(level, "Scopes", &scopes.join(", "));
    for meaning in scopes.into_iter().filter_map(meaning) {
        page.line(level, &format!("{bullet}{meaning}"));
    }
}

/// What a scope matches, in kubectl's words.
fn meaning(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "Terminating" => {
            "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being \
             actively terminated by the system."
        }
        "NotTerminating" => {
            "Matches all pods that do not have an active deadline. These pods usually include long running pods whose \
             container command is not expected to terminate."
        }
        "BestEffort" => {
            "Matches all pods that do not have resource requirements set. These pods have a best effort quality of \
             service."
        }
        "NotBestEffort" => {
            "Matches all pods that have at least one resource requirement set. These pods have a burstable or \
             guaranteed quality of service."
        }
        _ => return None,
    })
}

/// Adds the limit ranges of a namespace.
pub(super) fn limit_ranges(page: &mut Page, ranges: &[&Value]) {
    if ranges.is_empty() {
        page.line(0, "No LimitRange resource.");
        return;
    }
    page.line(0, "Resource Limits");
    page.line(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    page.line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    const COLUMNS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for limit in ranges.iter().flat_map(|range| range.items(&["spec", "limits"])) {
        let names: BTreeSet<&str> =
            COLUMNS.iter().flat_map(|column| limit.entries(&[column])).map(|(name, _)| name).collect();
        for name in names {
            let cells = COLUMNS.map(|column| match limit.at(&[column, name]) {
                None => "-".to_owned(),
                value => plain(value),
            });
            page.line(0, &format!(" {}\t{name}\t{}", limit.text(&["type"]), cells.join("\t")));
        }
    }
}
