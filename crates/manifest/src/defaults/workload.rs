//! Deployments, ReplicaSets, ReplicationControllers, StatefulSets and DaemonSets.

use super::pod::pod_spec;
use super::{Fields, absent, below, is, items, present, zero};
use serde_json::json;

/// Fills in a Deployment.
pub(super) fn deployment(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    absent(spec, "replicas", 1);
    if let Some(strategy) = below(spec, "strategy") {
        zero(strategy, "type", "RollingUpdate");
        if is(strategy, "type", "RollingUpdate")
            && let Some(rolling) = below(strategy, "rollingUpdate")
        {
            absent(rolling, "maxUnavailable", "25%");
            absent(rolling, "maxSurge", "25%");
        }
    }
    absent(spec, "revisionHistoryLimit", 10);
    absent(spec, "progressDeadlineSeconds", 600);
    template(spec);
}

/// Fills in a ReplicaSet.
pub(super) fn replica_set(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    absent(spec, "replicas", 1);
    template(spec);
}

/// Fills in a ReplicationController, whose labels and selector follow from its template.
pub(super) fn replication_controller(object: &mut Fields) {
    let labels = object.get("spec").and_then(|spec| spec.pointer("/template/metadata/labels")).cloned();
    if let Some(labels) = labels {
        if let Some(spec) = below(object, "spec") {
            absent(spec, "selector", labels.clone());
        }
        if let Some(metadata) = below(object, "metadata") {
            absent(metadata, "labels", labels);
        }
    }
    replica_set(object);
}

/// Fills in the template of a spec.
pub(super) fn template(spec: &mut Fields) {
    if let Some(spec) = below(spec, "template").and_then(|template| below(template, "spec")) {
        pod_spec(spec);
    }
}

/// Fills in a StatefulSet.
///
/// `maxUnavailable` is behind a gate that is shut, so the server drops it.
pub(super) fn stateful_set(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    zero(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = below(spec, "updateStrategy") {
        zero(strategy, "type", "RollingUpdate");
        if is(strategy, "type", "RollingUpdate")
            && let Some(rolling) = below(strategy, "rollingUpdate")
        {
            absent(rolling, "partition", 0);
        }
        if let Some(rolling) = present(strategy, "rollingUpdate") {
            rolling.remove("maxUnavailable");
        }
    }
    if let Some(policy) = below(spec, "persistentVolumeClaimRetentionPolicy") {
        zero(policy, "whenDeleted", "Retain");
        zero(policy, "whenScaled", "Retain");
    }
    absent(spec, "replicas", 1);
    absent(spec, "revisionHistoryLimit", 10);
    for claim in items(spec, "volumeClaimTemplates") {
        zero(claim, "apiVersion", "v1");
        zero(claim, "kind", "PersistentVolumeClaim");
        if let Some(spec) = below(claim, "spec") {
            absent(spec, "volumeMode", "Filesystem");
        }
        claim.insert("status".to_owned(), json!({"phase": "Pending"}));
    }
    template(spec);
}

/// Fills in a DaemonSet, whose annotation counts the templates it had.
pub(super) fn daemon_set(object: &mut Fields) {
    if let Some(annotations) = below(object, "metadata").and_then(|metadata| below(metadata, "annotations")) {
        absent(annotations, "deprecated.daemonset.template.generation", "1");
    }
    let Some(spec) = below(object, "spec") else { return };
    if let Some(strategy) = below(spec, "updateStrategy") {
        zero(strategy, "type", "RollingUpdate");
        if is(strategy, "type", "RollingUpdate")
            && let Some(rolling) = below(strategy, "rollingUpdate")
        {
            absent(rolling, "maxUnavailable", 1);
            absent(rolling, "maxSurge", 0);
        }
    }
    absent(spec, "revisionHistoryLimit", 10);
    template(spec);
}
