//! Manifests taken in and given back, as a user of the crate sees it.

use proptest::prelude::*;
use serde_json::{Value, json};
use wavetank_manifest::{
    Edge, Kind, Object, admit, admit_update, decode, parse_yaml, patch_json, patch_merge, patch_strategic, render,
};
use wavetank_model::{Reason, Refusal, Strategy as UpdateStrategy};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        readinessProbe:
          httpGet: {port: 80}
          periodSeconds: 5
---
apiVersion: v1
kind: ReplicationController
metadata:
  name: old
spec:
  template:
    metadata:
      labels: {app: old}
    spec:
      containers:
      - {name: c, image: busybox}
---
apiVersion: v1
kind: Pod
metadata:
  name: alone
spec:
  nodeName: node-0
  containers:
  - {name: c, image: 'busybox:1'}
";

fn documents() -> Vec<Value> {
    parse_yaml(WEB).expect("the manifest is YAML")
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value)) -> Refusal {
    let mut manifest = documents().remove(0);
    change(&mut manifest);
    admit(&manifest).expect_err("the change is refused")
}

#[test]
fn a_deployment_is_filled_in() {
    let mut edge = Edge::default();
    let Ok(Object::Deployment(web)) = decode(&documents()[0], &mut edge) else { panic!("a Deployment is read") };
    assert_eq!(&*web.meta.namespace, "default");
    assert_eq!(web.spec.revision_history_limit, Some(10));
    assert_eq!(web.spec.progress_deadline_seconds, Some(600));
    assert!(matches!(web.spec.strategy, UpdateStrategy::RollingUpdate(Some(_))));
    let readiness = web.spec.template.facts.readiness.expect("the probe is read");
    assert_eq!((readiness.period_seconds, readiness.failure_threshold), (5, 3));
}

#[test]
fn what_is_rendered_reads_back_as_the_same() {
    let mut edge = Edge::default();
    for document in documents() {
        let admitted = admit(&document).expect("the manifest is accepted");
        let rendered = render(&decode(&document, &mut edge).expect("the manifest is accepted"), &edge);
        assert_eq!(rendered["spec"], admitted["spec"]);
        assert_eq!(rendered["metadata"], admitted["metadata"]);
    }
}

#[test]
fn a_replication_controller_takes_selector_and_labels_from_its_template() {
    let admitted = admit(&documents()[1]).expect("the manifest is accepted");
    assert_eq!(admitted["spec"]["selector"], json!({"app": "old"}));
    assert_eq!(admitted["metadata"]["labels"], json!({"app": "old"}));
}

#[test]
fn each_field_at_fault_is_a_cause() {
    let refusal = refused(|manifest| {
        manifest["spec"]["replicas"] = json!(-1);
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("");
    });
    assert_eq!(refusal.reason, Reason::Invalid);
    let fields: Vec<&str> = refusal.causes.iter().map(|cause| &*cause.field).collect();
    assert_eq!(fields, ["spec.replicas", "spec.template.spec.containers[0].image"]);
    assert_eq!(
        &*refusal.message,
        "Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, \
         spec.template.spec.containers[0].image: Required value]"
    );
}

#[test]
fn a_selector_cannot_change() {
    let old = admit(&documents()[0]).expect("the manifest is accepted");
    let mut new = old.clone();
    new["spec"]["selector"] = json!({"matchLabels": {"app": "other"}});
    new["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let refusal = admit_update(&old, &new).expect_err("the change is refused");
    assert_eq!(
        &*refusal.message,
        "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: \
         field is immutable"
    );
}

#[test]
fn a_patched_deployment_is_admitted() {
    let old = admit(&documents()[0]).expect("the manifest is accepted");
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.26"}]}}}});
    let patched = patch_strategic(Kind::Deployment, &old, &patch).expect("the patch applies");
    let new = admit_update(&old, &patched).expect("the change is accepted");
    let container = &new["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], json!("nginx:1.26"));
    assert_eq!(container["readinessProbe"]["periodSeconds"], json!(5));
}

/// JSON whose keys are often those of the API, so that it gets deep into the decoder.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..200).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9:/%._é-]{0,12}".prop_map(Value::from),
        "[+-]?[0-9.]{0,45}(|m|k|Ki|Ei|e9|E-9|e999)".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop_oneof![
            Just("metadata"),
            Just("labels"),
            Just("annotations"),
            Just("name"),
            Just("spec"),
            Just("selector"),
            Just("matchLabels"),
            Just("matchExpressions"),
            Just("values"),
            Just("template"),
            Just("containers"),
            Just("image"),
            Just("resources"),
            Just("limits"),
            Just("requests"),
            Just("cpu"),
            Just("memory"),
            Just("strategy"),
            Just("rollingUpdate"),
            Just("maxSurge"),
            Just("maxUnavailable"),
            Just("replicas"),
            Just("readinessProbe"),
            Just("httpGet"),
            Just("port"),
            Just("ports"),
            Just("env"),
            Just("valueFrom"),
            Just("volumes"),
            Just("tolerations"),
            Just("creationTimestamp"),
            Just("ownerReferences"),
            Just("uid"),
            Just("$patch"),
            Just("$retainKeys"),
            Just("$setElementOrder/containers"),
            Just("hugepages-2Mi"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_manifest_panics(spec in any_json(), metadata in any_json(), which in 0_usize..3) {
        let mut manifest = documents().remove(which);
        let old = admit(&manifest).expect("the manifest is accepted");
        manifest["spec"] = spec;
        let _ = admit(&manifest);
        let _ = admit_update(&old, &manifest);
        manifest["metadata"] = metadata;
        let _ = admit(&manifest);
        let mut edge = Edge::default();
        let _ = wavetank_manifest::decode_deployment(&manifest, &mut edge);
        let _ = wavetank_manifest::decode_replica_set(&manifest, &mut edge);
        let _ = wavetank_manifest::decode_pod(&manifest, &mut edge);
    }

    #[test]
    fn no_template_panics(template in any_json()) {
        let _ = wavetank_manifest::pod_template(&template);
    }

    #[test]
    fn no_patch_panics(patch in any_json()) {
        let old = admit(&documents()[0]).expect("the manifest is accepted");
        for patched in [
            patch_strategic(Kind::Deployment, &old, &patch),
            patch_merge(&old, &patch),
            patch_json(&old, &patch),
        ].into_iter().flatten() {
            let _ = admit_update(&old, &patched);
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = parse_yaml(&text);
    }

    #[test]
    fn admission_is_idempotent(replicas in 0_i32..50, cpu in "[0-9]{1,3}(|m|k)", surge in 1_i32..5) {
        let mut manifest = documents().remove(0);
        manifest["spec"]["replicas"] = json!(replicas);
        manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": surge}});
        manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
        let once = admit(&manifest).expect("the manifest is accepted");
        prop_assert_eq!(admit(&once).expect("what was accepted is accepted again"), once);
    }
}
