//! Any JSON as a patch of each kind, on one Deployment, and as what is applied to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;
use wavetank_manifest::{
    Kind, admit, admit_update, parse_yaml, patch_json, patch_merge, patch_strategic, three_way_json_merge,
    three_way_strategic,
};

static WEB: LazyLock<Value> = LazyLock::new(|| {
    let documents = parse_yaml(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {note: first}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations:
      - {key: spot, operator: Exists}
      volumes:
      - {name: scratch, emptyDir: {}}
      containers:
      - name: web
        image: nginx:1.25
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {port: 80}}
        resources: {requests: {cpu: 100m}, limits: {memory: 1Gi}}
      - {name: side, image: 'busybox:1'}
",
    );
    let web = documents.expect("the manifest is YAML").remove(0);
    admit(&web).expect("the manifest is accepted")
});

fuzz_target!(|text: &[u8]| {
    let Ok(patch) = serde_json::from_slice::<Value>(text) else { return };
    let patched =
        [patch_strategic(Kind::Deployment, &WEB, &patch), patch_merge(&WEB, &patch), patch_json(&WEB, &patch)];
    let _ = three_way_json_merge(Some(&patch), &WEB, &WEB);
    for sent in [
        three_way_strategic(Kind::Deployment, Some(&WEB), &patch, &WEB),
        three_way_strategic(Kind::Deployment, Some(&patch), &WEB, &WEB),
    ]
    .into_iter()
    .flatten()
    {
        let _ = patch_strategic(Kind::Deployment, &WEB, &sent);
    }
    for new in patched.into_iter().flatten() {
        let _ = admit_update(&WEB, &new);
    }
});
