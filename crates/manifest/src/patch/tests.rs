use super::*;
use serde_json::json;

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "finalizers": ["a/x", "b/y"]},
        "spec": {"replicas": 3, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "template": {
            "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}, {"name": "log", "image": "log:1"}]}}}
    })
}

#[track_caller]
fn strategic(patch: &Value, pointer: &str, expected: &Value) {
    let patched = patch_strategic(Kind::Deployment, &deployment(), patch).expect("the patch applies");
    assert_eq!(patched.pointer(pointer), Some(expected));
}

const CONTAINERS: &str = "/spec/template/spec/containers";

fn containers(items: &Value) -> Value {
    json!({"spec": {"template": {"spec": {"containers": items}}}})
}

#[test]
fn containers_merge_by_name() {
    strategic(
        &containers(&json!([{"name": "log", "image": "log:2"}])),
        CONTAINERS,
        &json!([{"name": "web", "image": "nginx:1.25"}, {"name": "log", "image": "log:2"}]),
    );
}

#[test]
fn a_new_container_comes_first_unless_an_order_is_given() {
    let item = json!({"name": "new", "image": "n"});
    strategic(
        &containers(&json!([item])),
        CONTAINERS,
        &json!([item, {"name": "web", "image": "nginx:1.25"}, {"name": "log", "image": "log:1"}]),
    );
    let ordered = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "log"}, {"name": "web"}, {"name": "new"}],
        "containers": [item],
    }}}});
    strategic(
        &ordered,
        CONTAINERS,
        &json!([{"name": "log", "image": "log:1"}, {"name": "web", "image": "nginx:1.25"}, item]),
    );
}

#[test]
fn an_item_is_deleted_and_a_list_replaced_by_directive() {
    strategic(
        &containers(&json!([{"name": "web", "$patch": "delete"}])),
        CONTAINERS,
        &json!([{"name": "log", "image": "log:1"}]),
    );
    strategic(
        &containers(&json!([{"$patch": "replace"}, {"name": "only", "image": "o"}])),
        CONTAINERS,
        &json!([{"name": "only", "image": "o"}]),
    );
}

#[test]
fn keys_are_retained_by_directive() {
    strategic(
        &json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        "/spec/strategy",
        &json!({"type": "Recreate"}),
    );
}

#[test]
fn plain_values_merge_and_are_deleted_by_directive() {
    strategic(&json!({"metadata": {"finalizers": ["c/z"]}}), "/metadata/finalizers", &json!(["c/z", "a/x", "b/y"]));
    strategic(
        &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}}),
        "/metadata/finalizers",
        &json!(["b/y"]),
    );
}

#[test]
fn null_deletes() {
    let patched = patch_strategic(Kind::Deployment, &deployment(), &json!({"spec": {"replicas": null}})).unwrap();
    assert_eq!(patched.pointer("/spec/replicas"), None);
}

#[test]
fn an_item_without_its_key_is_refused_as_upstream_does() {
    let patch = containers(&json!([{"image": "x"}]));
    let refusal = patch_strategic(Kind::Deployment, &deployment(), &patch).unwrap_err();
    assert_eq!(&*refusal.message, "map: map[image:x] does not contain declared merge key: name");
    assert_eq!(refusal.reason, Reason::Other("".into()));
}

#[test]
fn a_result_that_is_no_object_is_refused() {
    let patch = json!({"spec": {"replicas": "many"}});
    let refusal = patch_strategic(Kind::Deployment, &deployment(), &patch).unwrap_err();
    assert_eq!(
        &*refusal.message,
        " \"\" is invalid: patch: Invalid value: \"map[spec:map[replicas:many]]\": unrecognized type: int32"
    );
    let refusal = patch_merge(&deployment(), &json!({"spec": {"replicaz": 1}})).unwrap_err();
    assert_eq!(refusal.reason, Reason::Invalid);
    assert!(refusal.message.ends_with("strict decoding error: unknown field \"spec.replicaz\""));
}

#[test]
fn operations_apply_together_or_not_at_all() {
    let good = json!([{"op": "replace", "path": "/spec/replicas", "value": 5}]);
    assert_eq!(patch_json(&deployment(), &good).unwrap()["spec"]["replicas"], json!(5));
    let bad = json!([{"op": "remove", "path": "/spec/paused"}]);
    assert_eq!(patch_json(&deployment(), &bad).unwrap_err().reason, Reason::Invalid);
    let none = json!({"op": "replace"});
    let refusal = patch_json(&deployment(), &none).unwrap_err();
    assert_eq!(
        &*refusal.message,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    );
}

#[test]
fn a_merge_patch_replaces_lists() {
    let patched = patch_merge(&deployment(), &containers(&json!([{"name": "a"}]))).unwrap();
    assert_eq!(patched.pointer(CONTAINERS), Some(&json!([{"name": "a"}])));
}
