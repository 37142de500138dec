//! Pieces of cells that several kinds share.

use super::{Cell, Present};
use crate::field::{Field, plain};
use serde_json::Value;
use wavetank_model::selector::LabelSelectorRequirement;
use wavetank_model::{LabelSelector, StringMap, go_text};

/// The age of an object.
pub(super) fn age(object: &Value, present: &Present) -> Cell {
    present.now.age(object.instant(&["metadata", "creationTimestamp"])).into()
}

/// Names and images of the containers of a pod template.
pub(super) fn containers(spec: Option<&Value>) -> [Cell; 2] {
    let containers = spec.map_or(&[][..], |spec| spec.items(&["containers"]));
    ["name", "image"].map(|key| join(containers.iter().map(|container| container.text(&[key]))).into())
}

pub(super) fn join<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(",")
}

/// Labels as `key=value` by key; `<none>` without any.
pub(crate) fn labels(labels: Option<&Value>) -> String {
    let entries = labels.map(go_text::sorted).unwrap_or_default();
    if entries.is_empty() {
        return "<none>".into();
    }
    let pairs = entries.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join(",")
}

/// A label selector as objects spell it; nothing where there is none.
pub(crate) fn label_selector(selector: Option<&Value>) -> Option<LabelSelector> {
    let selector = selector.filter(|selector| !selector.is_null())?;
    let requirement = |item: &Value| LabelSelectorRequirement {
        key: item.text(&["key"]).into(),
        operator: item.text(&["operator"]).into(),
        values: item.items(&["values"]).iter().map(|value| value.as_str().unwrap_or_default().into()).collect(),
    };
    Some(LabelSelector {
        match_labels: string_map(selector.at(&["matchLabels"])),
        match_expressions: selector.items(&["matchExpressions"]).iter().map(requirement).collect(),
    })
}

/// A map of texts.
pub(crate) fn string_map(map: Option<&Value>) -> StringMap {
    let entries = map.map(go_text::sorted).unwrap_or_default();
    entries.into_iter().map(|(key, value)| (key, value.as_str().unwrap_or_default())).collect()
}

/// A label selector as tables show it; `<none>` where there is none.
pub(crate) fn selector(selector: Option<&Value>) -> String {
    label_selector(selector).map_or_else(|| "<none>".into(), |selector| selector.format())
}

/// A label selector as it matches; nothing is left of one without requirements or one that is not valid.
pub(crate) fn compiled(selector: Option<&Value>) -> String {
    let compiled = label_selector(selector).and_then(|selector| selector.compile().ok());
    compiled.map(|selector| selector.to_string()).unwrap_or_default()
}

/// A text, or what stands for its absence.
pub(super) fn text_or<'a>(text: &'a str, absent: &'a str) -> &'a str {
    if text.is_empty() { absent } else { text }
}

/// A value as it is printed, or what stands for its absence.
pub(super) fn plain_or(value: Option<&Value>, absent: &str) -> String {
    value.map_or_else(|| absent.into(), |value| plain(Some(value)))
}

/// The first few texts, and how many more of `count` there are.
pub(crate) fn first(most: usize, texts: &[String], count: usize) -> String {
    let shown = texts.iter().take(most).map(String::as_str);
    let shown = join(shown);
    if count > most { format!("{shown} + {} more...", count - most) } else { shown }
}

/// Whether a condition of a type has a status.
pub(crate) fn has_condition(conditions: &[Value], kind: &str, status: &str) -> bool {
    conditions.iter().any(|condition| condition.text(&["type"]) == kind && condition.text(&["status"]) == status)
}
