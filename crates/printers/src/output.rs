//! The formats of `-o` that show objects whole, or only their names.

use crate::field::Field;
use crate::{go_json, yaml};
use serde_json::{Value, json};

/// Objects as `-o yaml` writes them. One that was asked for by name stands alone; others go into a List.
#[must_use]
pub fn yaml(objects: &[Value], alone: bool) -> String {
    yaml::to_yaml(&whole(objects, alone))
}

/// Objects as `-o json` writes them, see [`yaml()`].
#[must_use]
pub fn json(objects: &[Value], alone: bool) -> String {
    let mut text = go_json::indented(&whole(objects, alone));
    text.push('\n');
    text
}

/// What is printed, and what templates see: an object that stands alone, or else a List.
#[must_use]
pub fn whole(objects: &[Value], alone: bool) -> Value {
    match objects {
        [object] if alone => object.clone(),
        objects => json!({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}),
    }
}

/// An object without what only the server needs, unless it is asked for: `--show-managed-fields`.
#[must_use]
pub fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// An object as `-o name` and the messages of verbs call it: `deployment.apps/web`.
#[must_use]
pub fn name(object: &Value) -> String {
    format!("{}/{}", kind(object), object.name())
}

/// The kind of an object with its group: `deployment.apps`, `pod`.
#[must_use]
pub fn kind(object: &Value) -> String {
    let kind = object.kind().to_lowercase();
    match object.text(&["apiVersion"]).split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_objects_make_a_list_and_one_may_stand_alone() {
        let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
        let alone = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n";
        assert_eq!(yaml(core::slice::from_ref(&web), true), alone);
        assert_eq!(yaml(&[], false), "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n");
        assert!(
            json(&[web.clone(), web], false)
                .starts_with("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n")
        );
    }

    #[test]
    fn names_have_the_group_of_the_kind() {
        assert_eq!(
            name(&json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "w"}})),
            "replicaset.apps/w"
        );
        assert_eq!(name(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w"}})), "pod/w");
    }
}
