//! Jobs and CronJobs.

use super::page::{Page, controller, or_none, truth};
use super::{Related, template};
use crate::Now;
use crate::field::{Field, plain};
use crate::table::compiled;
use serde_json::Value;
use wavetank_model::duration::human_duration;

/// Completed indexes are cut at the first comma past so many bytes.
const INDEXES: usize = 50;

pub(super) fn job(page: &mut Page, job: &Value, _: &Related<'_>, _: Now) {
    page.head(job);
    page.entry(0, "Selector", &compiled(job.at(&["spec", "selector"])));
    page.metadata(job);
    if let Some(controller) = controller(job) {
        page.entry(0, "Controlled By", &controller);
    }
    let spec = |key| job.at(&["spec", key]).map(|value| plain(Some(value)));
    let optional = |page: &mut Page, title: &str, value: Option<String>| {
        if let Some(value) = value {
            page.entry(0, title, &value);
        }
    };
    optional(page, "Parallelism", spec("parallelism"));
    page.entry(0, "Completions", &spec("completions").unwrap_or_else(|| "<unset>".into()));
    optional(page, "Completion Mode", spec("completionMode"));
    optional(page, "Suspend", spec("suspend"));
    optional(page, "Backoff Limit", spec("backoffLimit"));
    optional(page, "TTL Seconds After Finished", spec("ttlSecondsAfterFinished"));
    let instant = |key| job.instant(&["status", key]);
    let (start, end) = (instant("startTime"), instant("completionTime"));
    optional(page, "Start Time", start.map(|start| start.rfc1123()));
    optional(page, "Completed At", end.map(|end| end.rfc1123()));
    if let (Some(start), Some(end)) = (start, end) {
        page.entry(0, "Duration", &human_duration(end.nanos_since(start)));
    }
    optional(page, "Active Deadline Seconds", spec("activeDeadlineSeconds").map(|seconds| format!("{seconds}s")));
    let count = |key| job.count(&["status", key]);
    let ready = job.number(&["status", "ready"]).map(|ready| format!(" ({ready} Ready)")).unwrap_or_default();
    let (active, succeeded, failed) = (count("active"), count("succeeded"), count("failed"));
    page.entry(0, "Pods Statuses", &format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed"));
    if job.text(&["spec", "completionMode"]) == "Indexed" {
        let indexes = job.text(&["status", "completedIndexes"]);
        page.entry(0, "Completed Indexes", or_none(&capped(indexes)));
    }
    template::section(page, job.at(&["spec", "template"]));
}

/// A list cut after a comma if it is long.
fn capped(indexes: &str) -> String {
    let rest = indexes.as_bytes().get(INDEXES..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b',') {
        Some(comma) => format!("{}...", &indexes[..=INDEXES + comma]),
        None => indexes.into(),
    }
}

pub(super) fn cron_job(page: &mut Page, cron: &Value, _: &Related<'_>, _: Now) {
    page.head(cron);
    page.metadata(cron);
    page.entry(0, "Schedule", cron.text(&["spec", "schedule"]));
    page.entry(0, "Concurrency Policy", cron.text(&["spec", "concurrencyPolicy"]));
    let suspend = cron.at(&["spec", "suspend"]).and_then(Value::as_bool);
    page.entry(0, "Suspend", suspend.map_or("<unset>", truth));
    let number = |path: &[&str], unit: &str| {
        cron.number(path).map_or_else(|| "<unset>".into(), |number| format!("{number}{unit}"))
    };
    page.entry(0, "Successful Job History Limit", &number(&["spec", "successfulJobsHistoryLimit"], ""));
    page.entry(0, "Failed Job History Limit", &number(&["spec", "failedJobsHistoryLimit"], ""));
    page.entry(0, "Starting Deadline Seconds", &number(&["spec", "startingDeadlineSeconds"], "s"));
    let job = |key| ["spec", "jobTemplate", "spec", key];
    match cron.at(&job("selector")) {
        Some(selector) => page.entry(0, "Selector", &compiled(Some(selector))),
        None => page.entry(0, "Selector", "<unset>"),
    }
    page.entry(0, "Parallelism", &number(&job("parallelism"), ""));
    page.entry(0, "Completions", &number(&job("completions"), ""));
    if cron.number(&job("activeDeadlineSeconds")).is_some() {
        page.entry(0, "Active Deadline Seconds", &number(&job("activeDeadlineSeconds"), "s"));
    }
    template::section(page, cron.at(&job("template")));
    page.entry(0, "Last Schedule Time", &Page::date(cron, &["status", "lastScheduleTime"], "<unset>"));
    let active = cron.items(&["status", "active"]).iter().map(|job| job.text(&["name"]));
    page.entry(0, "Active Jobs", or_none(&active.collect::<Vec<_>>().join(", ")));
}
