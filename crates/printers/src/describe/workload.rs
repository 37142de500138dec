//! Deployments and what else keeps pods running.

use super::page::{Page, controller};
use super::selected::{pods_status, selector};
use super::{Related, template, volumes};
use crate::Now;
use crate::field::{Field, plain};
use crate::table::{compiled, labels, selector as shown_selector, string_map};
use serde_json::Value;
use wavetank_model::Selector;

const HASH: &str = "pod-template-hash";

pub(super) fn deployment(page: &mut Page, object: &Value, related: &Related<'_>, _: Now) {
    page.head(object);
    page.created(object);
    page.metadata(object);
    page.entry(0, "Selector", &compiled(object.at(&["spec", "selector"])));
    let count = |key| object.count(&["status", key]);
    let replicas = format!(
        "{} desired | {} updated | {} total | {} available | {} unavailable",
        object.count(&["spec", "replicas"]),
        count("updatedReplicas"),
        count("replicas"),
        count("availableReplicas"),
        count("unavailableReplicas"),
    );
    page.entry(0, "Replicas", &replicas);
    page.entry(0, "StrategyType", object.text(&["spec", "strategy", "type"]));
    page.entry(0, "MinReadySeconds", &object.count(&["spec", "minReadySeconds"]).to_string());
    if let Some(rolling) = object.at(&["spec", "strategy", "rollingUpdate"]) {
        let bound = |key| plain(rolling.at(&[key]));
        let bounds = format!("{} max unavailable, {} max surge", bound("maxUnavailable"), bound("maxSurge"));
        page.entry(0, "RollingUpdateStrategy", &bounds);
    }
    template::section(page, object.at(&["spec", "template"]));
    page.conditions(object);
    let (old, new) = replica_sets(object, related);
    if !old.is_empty() || new.is_some() {
        page.entry(0, "OldReplicaSets", &created(&old));
        page.entry(0, "NewReplicaSet", &created(new.as_slice()));
    }
}

/// The ReplicaSets of a Deployment, oldest first: those of other templates, and the first of its own.
fn replica_sets<'a>(object: &'a Value, related: &Related<'a>) -> (Vec<&'a Value>, Option<&'a Value>) {
    let (uid, selector) = (object.text(&["metadata", "uid"]), selector(object));
    let is_own = |set: &&Value| {
        let mut owners = set.items(&["metadata", "ownerReferences"]).iter();
        owners.any(|owner| owner.flag(&["controller"]) && owner.text(&["uid"]) == uid)
            && selector.matches(&string_map(set.at(&["metadata", "labels"])))
    };
    let mut sets: Vec<&Value> = related.beside(object, "ReplicaSet").filter(is_own).collect();
    sets.sort_by_key(|set| (set.instant(&["metadata", "creationTimestamp"]), set.name()));
    let template = object.at(&["spec", "template"]);
    let new = sets.iter().copied().find(|set| same_template(template, set.at(&["spec", "template"])));
    sets.retain(|set| new.is_none_or(|new| !core::ptr::eq(*set, new)));
    (sets, new)
}

/// Whether two pod templates are equal but for the label of the hash.
fn same_template(wanted: Option<&Value>, found: Option<&Value>) -> bool {
    let without_hash = |template: Option<&Value>| {
        let mut template = template.cloned().unwrap_or_default();
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(HASH);
        }
        template
    };
    same(&without_hash(wanted), &without_hash(found))
}

/// Whether two values are equal where nothing, null and an empty object or list are the same.
fn same(a: &Value, b: &Value) -> bool {
    let is_empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    };
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let agrees = |key: &String| match (left.get(key), right.get(key)) {
                (Some(a), Some(b)) => same(a, b),
                (a, b) => is_empty(a) && is_empty(b),
            };
            left.keys().chain(right.keys()).all(agrees)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b))
        }
        (a, b) => a == b || (is_empty(Some(a)) && is_empty(Some(b))),
    }
}

/// ReplicaSets with how many of their pods there are.
fn created(sets: &[&Value]) -> String {
    let sets = sets.iter().map(|set| {
        let (found, wanted) = (set.count(&["status", "replicas"]), set.count(&["spec", "replicas"]));
        format!("{} ({found}/{wanted} replicas created)", set.name())
    });
    match sets.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "<none>".into(),
        sets => sets,
    }
}

fn current_of_desired(object: &Value) -> String {
    let (current, desired) = (object.count(&["status", "replicas"]), object.count(&["spec", "replicas"]));
    format!("{current} current / {desired} desired")
}

pub(super) fn replica_set(page: &mut Page, object: &Value, related: &Related<'_>, _: Now) {
    page.head(object);
    page.entry(0, "Selector", &shown_selector(object.at(&["spec", "selector"])));
    page.metadata(object);
    if let Some(controller) = controller(object) {
        page.entry(0, "Controlled By", &controller);
    }
    page.entry(0, "Replicas", &current_of_desired(object));
    pods_status(page, object, &selector(object), related);
    template::section(page, object.at(&["spec", "template"]));
    page.conditions(object);
}

pub(super) fn replication_controller(page: &mut Page, object: &Value, related: &Related<'_>, _: Now) {
    page.head(object);
    page.entry(0, "Selector", &labels(object.at(&["spec", "selector"])));
    page.metadata(object);
    page.entry(0, "Replicas", &current_of_desired(object));
    let selector = Selector::from_labels(&string_map(object.at(&["spec", "selector"])));
    pods_status(page, object, &selector, related);
    template::section(page, object.at(&["spec", "template"]));
    page.conditions(object);
}

pub(super) fn stateful_set(page: &mut Page, object: &Value, related: &Related<'_>, _: Now) {
    page.head(object);
    page.created(object);
    page.entry(0, "Selector", &compiled(object.at(&["spec", "selector"])));
    page.metadata(object);
    let (desired, total) = (object.count(&["spec", "replicas"]), object.count(&["status", "replicas"]));
    page.entry(0, "Replicas", &format!("{desired} desired | {total} total"));
    let strategy = |key| object.at(&["spec", "updateStrategy", "rollingUpdate", key]);
    page.entry(0, "Update Strategy", object.text(&["spec", "updateStrategy", "type"]));
    if let Some(partition) = strategy("partition") {
        page.entry(1, "Partition", &plain(Some(partition)));
        if let Some(unavailable) = strategy("maxUnavailable") {
            page.entry(1, "MaxUnavailable", &plain(Some(unavailable)));
        }
    }
    pods_status(page, object, &selector(object), related);
    template::section(page, object.at(&["spec", "template"]));
    volumes::claim_templates(page, object.items(&["spec", "volumeClaimTemplates"]));
}

pub(super) fn daemon_set(page: &mut Page, object: &Value, related: &Related<'_>, _: Now) {
    page.head(object);
    page.entry(0, "Selector", &compiled(object.at(&["spec", "selector"])));
    page.entry(0, "Node-Selector", &labels(object.at(&["spec", "template", "spec", "nodeSelector"])));
    page.metadata(object);
    let counts = [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ];
    for (title, key) in counts {
        page.line(0, &format!("{title}: {}", object.count(&["status", key])));
    }
    pods_status(page, object, &selector(object), related);
    template::section(page, object.at(&["spec", "template"]));
}
