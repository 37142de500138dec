use super::*;
use crate::patch_strategic;
use serde_json::json;

fn web(image: &str, extra: Value) -> Value {
    let mut containers = vec![json!({"name": "web", "image": image, "ports": [{"containerPort": 80}]})];
    if !extra.is_null() {
        containers.push(extra);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}
    })
}

/// As the server would have it: with fields of its own, and one item that somebody else added.
fn live(applied: &Value) -> Value {
    let mut live = with_last_applied(applied);
    live["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}});
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
    live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("TCP");
    live["status"] = json!({"replicas": 3});
    live
}

#[track_caller]
fn patch(original: &Value, modified: &Value) -> Value {
    let current = live(original);
    let original = last_applied_of(&current).unwrap();
    let mut patch =
        three_way_strategic(Kind::Deployment, original.as_ref(), &with_last_applied(modified), &current).unwrap();
    if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("annotations");
    }
    patch
}

#[test]
fn the_same_again_needs_no_patch() {
    let applied = web("nginx:1.25", Value::Null);
    let current = live(&applied);
    let original = last_applied_of(&current).unwrap();
    let patch = three_way_strategic(Kind::Deployment, original.as_ref(), &with_last_applied(&applied), &current);
    assert_eq!(patch, Ok(json!({})));
}

#[test]
fn a_changed_container_is_named_and_the_order_of_all_is_told() {
    let spec = |items: Value| json!({"metadata": {}, "spec": {"template": {"spec": items}}});
    assert_eq!(
        patch(&web("nginx:1.25", Value::Null), &web("nginx:1.26", Value::Null)),
        spec(json!({
            "$setElementOrder/containers": [{"name": "web"}],
            "containers": [{"name": "web", "image": "nginx:1.26"}],
        })),
    );
    let log = json!({"name": "log", "image": "log:1"});
    assert_eq!(
        patch(&web("nginx:1.25", Value::Null), &web("nginx:1.25", log.clone())),
        spec(json!({"$setElementOrder/containers": [{"name": "web"}, {"name": "log"}], "containers": [log]})),
    );
    assert_eq!(
        patch(&web("nginx:1.25", log), &web("nginx:1.26", Value::Null)),
        spec(json!({
            "$setElementOrder/containers": [{"name": "web"}],
            "containers": [{"name": "web", "image": "nginx:1.26"}, {"$patch": "delete", "name": "log"}],
        })),
    );
}

#[test]
fn what_was_applied_and_is_no_more_is_deleted_and_what_others_wrote_stays() {
    let before = web("nginx:1.25", Value::Null);
    let mut after = before.clone();
    after["spec"].as_object_mut().unwrap().remove("replicas");
    assert_eq!(patch(&before, &after), json!({"metadata": {}, "spec": {"replicas": null}}));
}

#[test]
fn a_struct_of_exclusive_fields_says_which_keys_it_retains() {
    let before = web("nginx:1.25", Value::Null);
    let mut after = before.clone();
    after["spec"]["strategy"] = json!({"type": "Recreate"});
    let current = live(&before);
    let sent = patch(&before, &after);
    assert_eq!(sent["spec"]["strategy"], json!({"$retainKeys": ["type"], "type": "Recreate"}));
    let patched = patch_strategic(Kind::Deployment, &current, &sent).unwrap();
    assert_eq!(patched["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[test]
fn a_patch_makes_of_the_servers_object_what_was_asked_for() {
    let log = json!({"name": "log", "image": "log:1", "env": [{"name": "A", "value": "1"}]});
    let (before, after) = (web("nginx:1.25", log), web("nginx:1.26", json!({"name": "new", "image": "n"})));
    let current = live(&before);
    let original = last_applied_of(&current).unwrap();
    let sent = three_way_strategic(Kind::Deployment, original.as_ref(), &with_last_applied(&after), &current).unwrap();
    let patched = patch_strategic(Kind::Deployment, &current, &sent).unwrap();
    let names: Vec<&Value> = patched["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| &container["name"])
        .collect();
    assert_eq!(names, ["web", "new"]);
    assert_eq!(last_applied_of(&patched).unwrap(), last_applied_of(&with_last_applied(&after)).unwrap());
}

#[test]
fn the_annotation_is_gos_compact_json_with_a_line_end() {
    let text = last_applied(&json!({"metadata": {"name": "a"}, "kind": "ConfigMap", "data": {"x": "<&>", "n": 1.0}}));
    assert_eq!(
        text,
        "{\"data\":{\"n\":1,\"x\":\"\\u003c\\u0026\\u003e\"},\"kind\":\"ConfigMap\",\
         \"metadata\":{\"annotations\":{},\"name\":\"a\"}}\n"
    );
}

#[test]
fn kinds_without_a_schema_are_merged_as_plain_json() {
    let original = json!({"spec": {"a": 1, "gone": {"x": 1}, "list": [1]}});
    let modified = json!({"spec": {"a": 2, "list": [1, 2], "new": {}}});
    let current = json!({"spec": {"a": 1, "gone": {"x": 1}, "list": [1], "theirs": true}, "status": {}});
    let patch = three_way_json_merge(Some(&original), &modified, &current).unwrap();
    assert_eq!(patch, json!({"spec": {"a": 2, "gone": null, "list": [1, 2], "new": {}}}));
    let nothing = three_way_json_merge(None, &json!({"a": 1.0}), &json!({"a": 1, "b": 2})).unwrap();
    assert_eq!(nothing, json!({}));
}

#[test]
fn a_patch_may_not_change_which_object_it_is_for() {
    let before = web("nginx:1.25", Value::Null);
    let mut after = before.clone();
    after["kind"] = json!("Pod");
    assert!(three_way_strategic(Kind::Deployment, None, &after, &before).is_err());
}

#[test]
fn items_without_their_key_are_told() {
    let before = web("nginx:1.25", Value::Null);
    let after = web("nginx:1.25", json!({"image": "x"}));
    let error = three_way_strategic(Kind::Deployment, None, &after, &before).unwrap_err();
    assert_eq!(&*error.message, "map: map[image:x] does not contain declared merge key: name");
}

#[test]
fn long_lists_take_no_longer_than_they_must() {
    let variables = |count: usize, value: &str| -> Vec<Value> {
        (0..count).map(|number| json!({"name": format!("V{number}"), "value": value})).collect()
    };
    let with = |items: Vec<Value>| {
        let mut web = web("nginx:1.25", Value::Null);
        web["spec"]["template"]["spec"]["containers"][0]["env"] = Value::Array(items);
        web["metadata"]["finalizers"] = (0..20_000).map(|number| Value::from(format!("a/f{number}"))).collect();
        web
    };
    let (before, mut after) = (with(variables(20_000, "a")), with(variables(19_999, "b")));
    after["metadata"]["finalizers"] = json!(["a/f7"]);
    let current = live(&before);
    let sent = three_way_strategic(Kind::Deployment, Some(&before), &with_last_applied(&after), &current).unwrap();
    let patched = patch_strategic(Kind::Deployment, &current, &sent).unwrap();
    let container = &patched["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"], Value::Array(variables(19_999, "b")));
    assert_eq!(patched["metadata"]["finalizers"], json!(["a/f7"]));
}
