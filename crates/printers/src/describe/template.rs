//! Pod templates, and what they share with pods: node selectors, tolerations, spread.

use super::containers::{Shift, containers};
use super::page::Page;
use super::volumes::volumes;
use crate::field::Field;
use crate::table::selector;
use serde_json::Value;

/// Adds a pod template.
pub(super) fn section(page: &mut Page, template: Option<&Value>) {
    page.line(0, "Pod Template:");
    let Some(template) = template else {
        page.line(1, "<unset>");
        return;
    };
    page.labels("  Labels", template.at(&["metadata", "labels"]));
    if template.at(&["metadata", "annotations"]).and_then(Value::as_object).is_some_and(|map| !map.is_empty()) {
        page.annotations("  Annotations", template.at(&["metadata", "annotations"]));
    }
    let account = template.text(&["spec", "serviceAccountName"]);
    if !account.is_empty() {
        page.entry(1, "Service Account", account);
    }
    let items = |key| template.items(&["spec", key]);
    if !items("initContainers").is_empty() {
        containers(page, "Init Containers", items("initContainers"), Shift::Template);
    }
    containers(page, "Containers", items("containers"), Shift::Template);
    volumes(page, items("volumes"), "  ");
    topology_spread(page, items("topologySpreadConstraints"), "  ");
    let priority = template.text(&["spec", "priorityClassName"]);
    if !priority.is_empty() {
        page.entry(1, "Priority Class Name", priority);
    }
    page.labels("  Node-Selectors", template.at(&["spec", "nodeSelector"]));
    tolerations(page, "  Tolerations", items("tolerations"));
}

/// Adds tolerations by key.
pub(super) fn tolerations(page: &mut Page, title: &str, tolerations: &[Value]) {
    let mut sorted: Vec<&Value> = tolerations.iter().collect();
    sorted.sort_by_key(|toleration| toleration.text(&["key"]));
    let lines: Vec<String> = sorted.into_iter().map(toleration).collect();
    page.list(title, &lines);
}

fn toleration(toleration: &Value) -> String {
    let text = |key| toleration.text(&[key]);
    let (key, value, effect) = (text("key"), text("value"), text("effect"));
    let mut line = key.to_owned();
    if !value.is_empty() {
        line.push_str(&format!("={value}"));
    }
    if !effect.is_empty() {
        line.push_str(&format!(":{effect}"));
    }
    if text("operator") == "Exists" && value.is_empty() {
        line.push_str(if line.is_empty() { "op=Exists" } else { " op=Exists" });
    }
    if let Some(seconds) = toleration.number(&["tolerationSeconds"]) {
        line.push_str(&format!(" for {seconds}s"));
    }
    line
}

/// Adds topology spread constraints by key, if there are any.
pub(super) fn topology_spread(page: &mut Page, constraints: &[Value], indent: &str) {
    let mut sorted: Vec<&Value> = constraints.iter().collect();
    sorted.sort_by_key(|constraint| constraint.text(&["topologyKey"]));
    for (index, constraint) in sorted.into_iter().enumerate() {
        let text = |key| constraint.text(&[key]);
        let skew = constraint.count(&["maxSkew"]);
        let title = if index == 0 { "Topology Spread Constraints:" } else { "" };
        let own = constraint.at(&["labelSelector"]);
        let own = own.map(|own| format!(" for selector {}", selector(Some(own)))).unwrap_or_default();
        let (key, when) = (text("topologyKey"), text("whenUnsatisfiable"));
        page.line(0, &format!("{indent}{title}\t{key}:{when} when max skew {skew} is exceeded{own}"));
    }
}
