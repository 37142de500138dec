//! Jobs and CronJobs.

use super::cells::{age, containers, has_condition, plain_or, selector};
use super::{Column, Layout};
use crate::Now;
use crate::field::Field;
use serde_json::Value;
use wavetank_model::duration::human_duration;

pub(super) static JOB: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Status"),
        Column::text("Completions"),
        Column::text("Duration"),
        Column::AGE,
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    cells: |object, present| {
        let [names, images] = containers(object.at(&["spec", "template", "spec"]));
        vec![
            object.name().into(),
            status(object).into(),
            completions(object).into(),
            span(object, present.now).into(),
            age(object, present),
            names,
            images,
            selector(object.at(&["spec", "selector"])).into(),
        ]
    },
};

/// The state of a Job: that of the first condition in this order that holds.
fn status(object: &Value) -> &'static str {
    let conditions = object.items(&["status", "conditions"]);
    let holds = |kind| has_condition(conditions, kind, "True");
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if object.at(&["metadata", "deletionTimestamp"]).is_some() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn completions(object: &Value) -> String {
    let succeeded = object.count(&["status", "succeeded"]);
    let parallelism = object.count(&["spec", "parallelism"]);
    match object.number(&["spec", "completions"]) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

/// How long a Job has run, or ran.
fn span(object: &Value, now: Now) -> String {
    let instant = |key| object.instant(&["status", key]);
    match (instant("startTime"), instant("completionTime")) {
        (None, _) => String::new(),
        (Some(start), None) => human_duration(now.nanos_since(start)),
        (Some(start), Some(end)) => human_duration(end.nanos_since(start)),
    }
}

pub(super) static CRON_JOB: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Schedule"),
        Column::text("Timezone"),
        Column::boolean("Suspend"),
        Column::integer("Active"),
        Column::text("Last Schedule"),
        Column::AGE,
        Column::wide("Containers"),
        Column::wide("Images"),
        Column::wide("Selector"),
    ],
    cells: |object, present| {
        let [names, images] = containers(object.at(&["spec", "jobTemplate", "spec", "template", "spec"]));
        let suspend = match object.at(&["spec", "suspend"]).and_then(Value::as_bool) {
            Some(true) => "True",
            Some(false) => "False",
            None => "<unset>",
        };
        let active = i64::try_from(object.items(&["status", "active"]).len()).unwrap_or(i64::MAX);
        let last = object.instant(&["status", "lastScheduleTime"]);
        vec![
            object.name().into(),
            object.text(&["spec", "schedule"]).into(),
            plain_or(object.at(&["spec", "timeZone"]), "<none>").into(),
            suspend.into(),
            active.into(),
            last.map_or_else(|| "<none>".into(), |last| present.now.age(Some(last))).into(),
            age(object, present),
            names,
            images,
            selector(object.at(&["spec", "jobTemplate", "spec", "selector"])).into(),
        ]
    },
};
