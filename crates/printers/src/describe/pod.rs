//! Pods.

use super::Related;
use super::containers::{Shift, containers};
use super::page::{Page, controller};
use super::resources::{amounts, requirements};
use super::template::{tolerations, topology_spread};
use super::volumes::volumes;
use crate::Now;
use crate::field::Field;
use serde_json::Value;
use wavetank_model::QosClass;
use wavetank_model::container::{ResourceList, Resources};

pub(super) fn pod(page: &mut Page, pod: &Value, _: &Related<'_>, now: Now) {
    page.head(pod);
    placement(page, pod);
    page.metadata(pod);
    status(page, pod, now);
    addresses(page, pod);
    if let Some(controller) = controller(pod) {
        page.entry(0, "Controlled By", &controller);
    }
    optional(page, "NominatedNodeName", pod.text(&["status", "nominatedNodeName"]));
    if pod.at(&["spec", "resources"]).is_some() {
        page.line(0, "Resources:");
        requirements(page, pod.at(&["spec", "resources"]), 1);
    }
    let kinds = [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ];
    for (title, key, statuses) in kinds {
        let items = pod.items(&["spec", key]);
        if !items.is_empty() || key == "containers" {
            containers(page, title, items, Shift::Pod { pod, statuses: pod.items(&["status", statuses]) });
        }
    }
    conditions(page, pod);
    volumes(page, pod.items(&["spec", "volumes"]), "");
    page.entry(0, "QoS Class", quality_of_service(pod));
    page.labels("Node-Selectors", pod.at(&["spec", "nodeSelector"]));
    tolerations(page, "Tolerations", pod.items(&["spec", "tolerations"]));
    topology_spread(page, pod.items(&["spec", "topologySpreadConstraints"]), "");
}

fn optional(page: &mut Page, title: &str, text: &str) {
    if !text.is_empty() {
        page.entry(0, title, text);
    }
}

/// Adds priority, account, node and start.
fn placement(page: &mut Page, pod: &Value) {
    if let Some(priority) = pod.number(&["spec", "priority"]) {
        page.entry(0, "Priority", &priority.to_string());
    }
    optional(page, "Priority Class Name", pod.text(&["spec", "priorityClassName"]));
    optional(page, "Runtime Class Name", pod.text(&["spec", "runtimeClassName"]));
    optional(page, "Service Account", pod.text(&["spec", "serviceAccountName"]));
    let node = match pod.text(&["spec", "nodeName"]) {
        "" => "<none>".into(),
        node => format!("{node}/{}", pod.text(&["status", "hostIP"])),
    };
    page.entry(0, "Node", &node);
    optional(page, "Start Time", &Page::date(pod, &["status", "startTime"], ""));
}

fn status(page: &mut Page, pod: &Value, now: Now) {
    let phase = pod.text(&["status", "phase"]);
    match pod.instant(&["metadata", "deletionTimestamp"]) {
        Some(deleted) if !matches!(phase, "Failed" | "Succeeded") => {
            page.entry(0, "Status", &format!("Terminating (lasts {})", now.age(Some(deleted))));
            let grace = pod.count(&["metadata", "deletionGracePeriodSeconds"]);
            page.entry(0, "Termination Grace Period", &format!("{grace}s"));
        }
        _ => page.entry(0, "Status", phase),
    }
    optional(page, "Reason", pod.text(&["status", "reason"]));
    optional(page, "Message", pod.text(&["status", "message"]));
    if let Some(profile) = pod.at(&["spec", "securityContext", "seccompProfile"]) {
        page.entry(0, "SeccompProfile", profile.text(&["type"]));
        if profile.text(&["type"]) == "Localhost" {
            page.entry(0, "LocalhostProfile", profile.text(&["localhostProfile"]));
        }
    }
}

fn addresses(page: &mut Page, pod: &Value) {
    page.entry(0, "IP", pod.text(&["status", "podIP"]));
    let all = pod.items(&["status", "podIPs"]);
    if all.is_empty() {
        page.entry(0, "IPs", "<none>");
        return;
    }
    page.line(0, "IPs:");
    for address in all {
        page.entry(1, "IP", address.text(&["ip"]));
    }
}

fn conditions(page: &mut Page, pod: &Value) {
    let conditions = pod.items(&["status", "conditions"]);
    let gates = pod.items(&["spec", "readinessGates"]);
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:");
        page.line(1, "Type\tStatus");
        for gate in gates {
            let kind = gate.text(&["conditionType"]);
            let condition = conditions.iter().find(|condition| condition.text(&["type"]) == kind);
            let status = condition.map_or("<none>", |condition| condition.text(&["status"]));
            page.line(1, &format!("{kind} \t{status} "));
        }
    }
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus");
        for condition in conditions {
            page.line(1, &format!("{} \t{} ", condition.text(&["type"]), condition.text(&["status"])));
        }
    }
}

/// The class that the status names, or else the one that requests and limits make.
fn quality_of_service(pod: &Value) -> &str {
    let named = pod.text(&["status", "qosClass"]);
    if !named.is_empty() {
        return named;
    }
    let resources = |holder: &Value| {
        let list = |key| ResourceList(amounts(holder.at(&["resources", key])));
        Resources::new(list("requests"), list("limits"))
    };
    let containers = pod.items(&["spec", "initContainers"]).iter().chain(pod.items(&["spec", "containers"]));
    QosClass::of(&Resources::default(), &containers.map(resources).collect::<Vec<_>>()).as_str()
}
