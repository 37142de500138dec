//! The pods of a controller, counted by phase.

use super::Related;
use super::page::Page;
use crate::field::Field;
use crate::table::{label_selector, string_map};
use serde_json::Value;
use wavetank_model::Selector;

/// Adds how many pods of a controller are in which phase.
pub(super) fn pods_status(page: &mut Page, object: &Value, selector: &Selector, related: &Related<'_>) {
    let uid = object.text(&["metadata", "uid"]);
    let is_owned = |pod: &Value| {
        let mut owners = pod.items(&["metadata", "ownerReferences"]).iter();
        owners.any(|owner| owner.flag(&["controller"]) && owner.text(&["uid"]) == uid)
    };
    let own: Vec<&Value> = related
        .of_kind("Pod")
        .filter(|pod| pod.namespace() == object.namespace())
        .filter(|pod| selector.matches(&string_map(pod.at(&["metadata", "labels"]))) && is_owned(pod))
        .collect();
    let count = |phase| own.iter().filter(|pod| pod.text(&["status", "phase"]) == phase).count();
    let (running, waiting) = (count("Running"), count("Pending"));
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    let counts = format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed");
    page.entry(0, "Pods Status", &counts);
}

/// The label selector of an object; none matches nothing.
pub(super) fn selector(object: &Value) -> Selector {
    let selector = label_selector(object.at(&["spec", "selector"])).and_then(|selector| selector.compile().ok());
    selector.unwrap_or_else(Selector::nothing)
}
