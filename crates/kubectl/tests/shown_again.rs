//! Whatever is admitted, of whichever kind, is shown as a manifest that is admitted again and shown alike.

#[path = "../../manifest/tests/places/mod.rs"]
mod places;

use places::pointers;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wavetank::Cluster;
use wavetank_kubectl::{Output, kubectl};
use wavetank_manifest::parse_yaml;

const KINDS: &str = include_str!("../../manifest/tests/kinds.yaml");
const EXAMPLES: [&str; 5] = [
    include_str!("../../../examples/manifests/canary.yaml"),
    include_str!("../../../examples/manifests/demo-rollout.yaml"),
    include_str!("../../../examples/manifests/deployment-demo.yaml"),
    include_str!("../../../examples/manifests/hpa-demo.yaml"),
    include_str!("../../../examples/manifests/nginx-deployment.yaml"),
];

const WORKLOADS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {a: b}, annotations: {note: '1'}}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 5
  tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 7}]
  volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]
  initContainers: [{name: i, image: i, restartPolicy: Always}]
  containers:
  - name: c
    image: i
    command: [sh, -c, 'yes']
    args: ['1', 'on', '~']
    env: [{name: A, value: 'no'}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    ports: [{name: http, containerPort: 80}]
    resources: {requests: {cpu: 0.1, memory: 1024Ki}, limits: {cpu: '1.50'}}
    readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 5}
    lifecycle: {preStop: {exec: {command: [sleep, '5']}}}
    volumeMounts: [{name: v, mountPath: /v}]
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: s}
spec:
  replicas: 2
  minReadySeconds: 1
  selector: {matchExpressions: [{key: a, operator: In, values: [b, 'true']}]}
  template: {metadata: {labels: {a: 'true'}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: r}
spec: {replicas: 0, template: {metadata: {labels: {a: '0'}}, spec: {containers: [{name: c, image: i}]}}}
";

fn run(cluster: &mut Cluster, file: &str, line: &str) -> Output {
    let files: BTreeMap<String, String> = [("it.yaml".to_owned(), file.to_owned())].into();
    kubectl(cluster, &files, line)
}

/// Where a created object is, as kubectl said it: `service/web`.
fn created(cluster: &mut Cluster, manifest: &str) -> Result<String, String> {
    let made = run(cluster, manifest, "create -f it.yaml");
    let name = made.stdout.strip_suffix(" created\n").map(str::to_owned);
    name.ok_or(made.stderr)
}

fn yaml(cluster: &mut Cluster, object: &str) -> String {
    run(cluster, "", &format!("get {object} -o yaml")).stdout
}

/// Without what only the server may set, so that the object can be created.
fn anew(shown: &str) -> Value {
    let mut object = parse_yaml(shown).expect("what is shown is YAML").remove(0);
    for field in ["resourceVersion", "uid"] {
        object["metadata"].as_object_mut().and_then(|metadata| metadata.remove(field));
    }
    object
}

/// Creates an object, if it is admitted; then creates it from what is shown of it, and puts that in its place.
/// Answers whether it was admitted.
fn is_shown_alike(manifest: &Value) -> bool {
    let (mut first, mut second) = (Cluster::builder().build(), Cluster::builder().build());
    let Ok(object) = created(&mut first, &manifest.to_string()) else { return false };
    let shown = yaml(&mut first, &object);
    let again = anew(&shown);
    if let Err(why) = created(&mut second, &again.to_string()) {
        panic!("what is shown is not admitted: {why}\n{shown}");
    }
    assert_eq!(anew(&yaml(&mut second, &object)), again, "{manifest}");
    let replaced = run(&mut first, &shown, "replace -f it.yaml");
    assert_eq!(replaced.stdout, format!("{object} replaced\n"), "{}", replaced.stderr);
    assert_eq!(yaml(&mut first, &object), shown);
    true
}

fn manifests() -> Vec<Value> {
    let texts = EXAMPLES.into_iter().chain([KINDS, WORKLOADS]);
    texts.flat_map(|text| parse_yaml(text).expect("they are YAML")).filter(|object| !object.is_null()).collect()
}

#[test]
fn manifests_of_every_kind_are_shown_as_manifests() {
    let admitted: Vec<Value> = manifests().into_iter().filter(is_shown_alike).collect();
    let kinds: BTreeSet<&str> = admitted.iter().filter_map(|object| object["kind"].as_str()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            "ConfigMap",
            "Deployment",
            "EndpointSlice",
            "Endpoints",
            "HorizontalPodAutoscaler",
            "Ingress",
            "Namespace",
            "Node",
            "Pod",
            "PodDisruptionBudget",
            "ReplicaSet",
            "ReplicationController",
            "Service"
        ]
    );
}

const TEXTS: &str =
    "(yes|1|007|1e3|0x1F|null|~|a: b|- a|#a|é|50%|100m|1Gi|0.5|1.50|None|two\nlines|tab\t|a|b|http|10.0.0.9|)";

/// Takes a value away, or puts one of its own type in its place, in a spelling that YAML or the API may read in
/// their own way.
fn changed(before: &Value, text: &str, number: i64) -> Value {
    match before {
        Value::Null | Value::Array(_) | Value::Object(_) => Value::Null,
        Value::Bool(flag) => Value::from(!flag),
        Value::Number(_) => Value::from(number),
        Value::String(_) => Value::from(text),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_admitted_with_anything_in_it_is_shown_as_a_manifest(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), TEXTS, 0..100_i64), 1..3),
    ) {
        let mut manifest = which.get(&manifests()).clone();
        for (draw, text, number) in changes {
            let places = pointers(&manifest);
            let place: &String = draw.get(&places);
            if let Some(place) = manifest.pointer_mut(place) {
                *place = changed(place, &text, number);
            }
        }
        is_shown_alike(&manifest);
    }
}
