//! What `rollout status` and `rollout history` say.

use crate::describe;
use crate::field::Field;
use crate::tab_writer::Stops;
use serde_json::Value;
use wavetank_model::strconv::{parse_integer, quote};

const REVISION: &str = "deployment.kubernetes.io/revision";
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// How far a rollout is, as one look at the object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The line that is printed, with its line feed.
    pub message: String,
    /// Whether there is nothing left to wait for.
    pub done: bool,
}

/// Why a rollout will not end; the text is kubectl's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Another revision is running than the one asked for.
    #[error("desired revision ({desired}) is different from the running revision ({running})")]
    Revision {
        /// The revision asked for.
        desired: i64,
        /// The revision that runs.
        running: i64,
    },
    /// The object has no progress within its deadline.
    #[error("deployment {} exceeded its progress deadline", quote(.0))]
    Deadline(String),
    /// The object does not update its pods by itself.
    #[error("rollout status is only available for RollingUpdate strategy type")]
    Strategy,
    /// The kind has no rollouts.
    #[error("no status viewer has been implemented for {}", quote(.0))]
    Kind(String),
}

/// How far the rollout of a Deployment, DaemonSet or StatefulSet is. Revision 0 is any.
///
/// # Errors
/// If waiting makes no sense.
pub fn status(object: &Value, revision: i64) -> Result<Status, StatusError> {
    match object.kind() {
        "Deployment" => deployment_status(object, revision),
        "DaemonSet" => daemon_set_status(object),
        "StatefulSet" => stateful_set_status(object),
        kind => Err(StatusError::Kind(kind.into())),
    }
}

fn waiting(message: String) -> Result<Status, StatusError> {
    Ok(Status { message: message + "\n", done: false })
}

fn done(message: String) -> Result<Status, StatusError> {
    Ok(Status { message: message + "\n", done: true })
}

fn is_observed(object: &Value) -> bool {
    object.count(&["metadata", "generation"]) <= object.count(&["status", "observedGeneration"])
}

fn deployment_status(object: &Value, desired: i64) -> Result<Status, StatusError> {
    let running = revision(object);
    if desired > 0 && desired != running {
        return Err(StatusError::Revision { desired, running });
    }
    if !is_observed(object) {
        return waiting("Waiting for deployment spec update to be observed...".into());
    }
    let progressing = object.items(&["status", "conditions"]).iter();
    let mut progressing = progressing.filter(|condition| condition.text(&["type"]) == "Progressing");
    if progressing.next().is_some_and(|condition| condition.text(&["reason"]) == "ProgressDeadlineExceeded") {
        return Err(StatusError::Deadline(object.name().into()));
    }
    let prefix = format!("Waiting for deployment {} rollout to finish:", quote(object.name()));
    let count = |key| object.count(&["status", key]);
    let (replicas, updated, available) = (count("replicas"), count("updatedReplicas"), count("availableReplicas"));
    if let Some(wanted) = object.number(&["spec", "replicas"]).filter(|wanted| updated < *wanted) {
        return waiting(format!("{prefix} {updated} out of {wanted} new replicas have been updated..."));
    }
    if replicas > updated {
        let old = replicas.saturating_sub(updated);
        return waiting(format!("{prefix} {old} old replicas are pending termination..."));
    }
    if available < updated {
        return waiting(format!("{prefix} {available} of {updated} updated replicas are available..."));
    }
    done(format!("deployment {} successfully rolled out", quote(object.name())))
}

fn daemon_set_status(object: &Value) -> Result<Status, StatusError> {
    if object.text(&["spec", "updateStrategy", "type"]) != "RollingUpdate" {
        return Err(StatusError::Strategy);
    }
    if !is_observed(object) {
        return waiting("Waiting for daemon set spec update to be observed...".into());
    }
    let prefix = format!("Waiting for daemon set {} rollout to finish:", quote(object.name()));
    let count = |key| object.count(&["status", key]);
    let (desired, updated) = (count("desiredNumberScheduled"), count("updatedNumberScheduled"));
    let available = count("numberAvailable");
    if updated < desired {
        return waiting(format!("{prefix} {updated} out of {desired} new pods have been updated..."));
    }
    if available < desired {
        return waiting(format!("{prefix} {available} of {desired} updated pods are available..."));
    }
    done(format!("daemon set {} successfully rolled out", quote(object.name())))
}

fn stateful_set_status(object: &Value) -> Result<Status, StatusError> {
    if object.text(&["spec", "updateStrategy", "type"]) != "RollingUpdate" {
        return Err(StatusError::Strategy);
    }
    let count = |key| object.count(&["status", key]);
    if count("observedGeneration") == 0 || !is_observed(object) {
        return waiting("Waiting for statefulset spec update to be observed...".into());
    }
    let replicas = object.number(&["spec", "replicas"]);
    if let Some(missing) = replicas.map(|wanted| wanted.saturating_sub(count("readyReplicas"))).filter(|left| *left > 0)
    {
        return waiting(format!("Waiting for {missing} pods to be ready..."));
    }
    let updated = count("updatedReplicas");
    let partition = object.number(&["spec", "updateStrategy", "rollingUpdate", "partition"]);
    if let (Some(replicas), Some(partition)) = (replicas, partition) {
        let wanted = replicas.saturating_sub(partition);
        if updated < wanted {
            return waiting(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
            ));
        }
        return done(format!("partitioned roll out complete: {updated} new pods have been updated..."));
    }
    let (update, current) = (object.text(&["status", "updateRevision"]), object.text(&["status", "currentRevision"]));
    if update != current {
        return waiting(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ));
    }
    let at_current = count("currentReplicas");
    done(format!("statefulset rolling update complete {at_current} pods at revision {current}..."))
}

/// The revision of a Deployment, ReplicaSet or ControllerRevision; 0 if it has none.
#[must_use]
pub fn revision(object: &Value) -> i64 {
    match object.kind() {
        "ControllerRevision" => object.count(&["revision"]),
        _ => parse_integer(object.text(&["metadata", "annotations", REVISION])).unwrap_or_default(),
    }
}

/// The table of `rollout history` for ReplicaSets or ControllerRevisions, oldest revision first.
///
/// It is what follows the line with the object's name.
#[must_use]
pub fn history<'a>(revisions: impl IntoIterator<Item = &'a Value>) -> String {
    let mut rows: Vec<(i64, &str)> = revisions
        .into_iter()
        .map(|object| (revision(object), object.text(&["metadata", "annotations", CHANGE_CAUSE])))
        .filter(|(revision, _)| *revision > 0)
        .collect();
    if rows.is_empty() {
        return "No rollout history found.".into();
    }
    rows.sort_by_key(|(revision, _)| *revision);
    let mut text = String::from("REVISION\tCHANGE-CAUSE\n");
    for (revision, cause) in rows {
        let cause = if cause.is_empty() { "<none>" } else { cause };
        text.push_str(&format!("{revision}\t{cause}\n"));
    }
    Stops::DESCRIBE.align(&text)
}

/// The pod template of one revision, as `rollout history --revision` shows it: its ReplicaSet's template,
/// with the cause of the change among the annotations. Tabs are left as they are.
#[must_use]
pub fn history_revision(replica_set: &Value) -> String {
    let mut template = replica_set.at(&["spec", "template"]).cloned().unwrap_or_default();
    let cause = replica_set.text(&["metadata", "annotations", CHANGE_CAUSE]);
    if let (false, Some(template)) = (cause.is_empty(), template.as_object_mut()) {
        let metadata = template.entry("metadata").or_insert_with(|| serde_json::json!({}));
        if metadata["annotations"].is_null() {
            metadata["annotations"] = serde_json::json!({});
        }
        metadata["annotations"][CHANGE_CAUSE] = cause.into();
    }
    pod_template(&template)
}

/// A pod template with tabs as they are, as the dry run of `rollout undo` shows it.
#[must_use]
pub fn pod_template(template: &Value) -> String {
    describe::pod_template(template)
}

#[cfg(test)]
mod tests;
