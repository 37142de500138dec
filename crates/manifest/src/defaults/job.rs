//! Jobs and CronJobs.

use super::workload::template;
use super::{Fields, absent, below, present, zero};
use serde_json::Value;

/// Fills in a Job; its labels and selector are generated once its uid is known.
pub(super) fn job(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    // One pod, once, unless something is said of either.
    if spec.get("completions").is_none_or(Value::is_null) && spec.get("parallelism").is_none_or(Value::is_null) {
        absent(spec, "completions", 1);
    }
    absent(spec, "parallelism", 1);
    let limit = if spec.contains_key("backoffLimitPerIndex") { i32::MAX } else { 6 };
    absent(spec, "backoffLimit", limit);
    absent(spec, "completionMode", "NonIndexed");
    absent(spec, "suspend", false);
    absent(spec, "manualSelector", false);
    let policy = if spec.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    absent(spec, "podReplacementPolicy", policy);
    if let Some(policy) = present(spec, "podFailurePolicy") {
        for rule in super::items(policy, "rules") {
            for condition in super::items(rule, "onPodConditions") {
                zero(condition, "status", "True");
            }
        }
    }
    template(spec);
    let labels = object.get("spec").and_then(|spec| spec.pointer("/template/metadata/labels")).cloned();
    if let (Some(labels), Some(metadata)) = (labels, below(object, "metadata")) {
        absent(metadata, "labels", labels);
    }
}

/// Fills in a CronJob, whose template of Jobs is filled in only as far as its pods go.
pub(super) fn cron_job(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    zero(spec, "concurrencyPolicy", "Allow");
    absent(spec, "suspend", false);
    absent(spec, "successfulJobsHistoryLimit", 3);
    absent(spec, "failedJobsHistoryLimit", 1);
    if let Some(job) = below(spec, "jobTemplate").and_then(|jobs| below(jobs, "spec")) {
        template(job);
    }
}
