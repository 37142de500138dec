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

/// Columns of limits: the title of each, its dashes and the member that it shows.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("Min", "---", "min"),
    ("Max", "---", "max"),
    ("Default Request", "---------------", "defaultRequest"),
    ("Default Limit", "-------------", "default"),
    ("Max Limit/Request Ratio", "-----------------------", "maxLimitRequestRatio"),
];

/// Adds the limit ranges of a namespace.
pub(super) fn limit_ranges(page: &mut Page, ranges: &[&Value]) {
    if ranges.is_empty() {
        page.line(0, "No LimitRange resource.");
        return;
    }
    page.line(0, "Resource Limits");
    limits(page, ranges, " ");
}

pub(super) fn limit_range(page: &mut Page, range: &Value, _: &Related<'_>, _: Now) {
    page.head(range);
    limits(page, &[range], "");
}

fn limits(page: &mut Page, ranges: &[&Value], indent: &str) {
    page.line(0, &format!("{indent}Type\tResource\t{}", COLUMNS.map(|(title, _, _)| title).join("\t")));
    page.line(0, &format!("{indent}----\t--------\t{}", COLUMNS.map(|(_, dashes, _)| dashes).join("\t")));
    for limit in ranges.iter().flat_map(|range| range.items(&["spec", "limits"])) {
        let names = COLUMNS.iter().flat_map(|(_, _, key)| limit.entries(&[key])).map(|(name, _)| name);
        for name in names.collect::<BTreeSet<&str>>() {
            let cells = COLUMNS.map(|(_, _, key)| match limit.at(&[key, name]) {
                None => "-".to_owned(),
                value => plain(value),
            });
            page.line(0, &format!("{indent}{}\t{name}\t{}", limit.text(&["type"]), cells.join("\t")));
        }
    }
}
