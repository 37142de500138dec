//! Who owns which fields: what users, controllers and autoscalers leave in `metadata.managedFields`.

use serde_json::{Value, json};
use wavetank::{Cluster, Error, Kind, Outcome, PatchKind, Propagation};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1.25'}]}
";

fn cluster() -> Cluster {
    Cluster::builder().build()
}

/// The owners of an object, a line for each: who, how, and how many fields.
fn owners(cluster: &Cluster, kind: Kind, name: &str) -> Vec<String> {
    let entries = cluster.managed_fields(kind, name).expect("it is there");
    let line = |entry: &wavetank_model::ManagedFieldsEntry| {
        let (manager, how, to) = (&entry.manager, entry.operation.as_str(), &entry.subresource);
        if to.is_empty() { format!("{manager} {how}") } else { format!("{manager} {how} {to}") }
    };
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    lines.sort();
    lines
}

fn fields(cluster: &Cluster, kind: Kind, name: &str, manager: &str) -> Value {
    let entries = cluster.managed_fields(kind, name).expect("it is there");
    let entry = entries.iter().find(|entry| &*entry.manager == manager).expect("it owns something");
    serde_json::from_str(&entry.fields).expect("a set of fields")
}

fn refused(result: Result<impl core::fmt::Debug, Error>) -> String {
    result.expect_err("it is refused").to_string()
}

#[test]
fn controllers_own_what_they_write_and_nobody_pays_for_it() {
    let mut cluster = cluster();
    cluster.create(WEB).unwrap();
    cluster.run_for(core::time::Duration::from_secs(60));
    let deployment = ["kube-controller-manager Update status", "kubectl-create Update"];
    assert_eq!(owners(&cluster, Kind::Deployment, "web"), deployment);
    let status = fields(&cluster, Kind::Deployment, "web", "kube-controller-manager");
    assert_eq!(status["f:metadata"]["f:annotations"], json!({".": {}, "f:deployment.kubernetes.io/revision": {}}));
    let pod = cluster.names(Kind::Pod, None).first().cloned().unwrap();
    assert_eq!(owners(&cluster, Kind::Pod, &pod), ["kube-controller-manager Update", "kubelet Update status"]);
    let made = fields(&cluster, Kind::Pod, &pod, "kube-controller-manager");
    assert!(made["f:spec"].get("f:nodeName").is_none() && made["f:spec"].get("f:tolerations").is_none(), "{made}");
    assert!(made["f:metadata"]["f:ownerReferences"].is_object());
    let store = cluster.store();
    let key = cluster.pod_key(&pod).unwrap();
    assert!(store.pod(key).is_some_and(|pod| pod.own().is_none()), "a pod of a set remembers no owners");
}

#[test]
fn two_controllers_of_a_user_share_an_object_by_applying_their_parts() {
    let mut cluster = cluster();
    let mut first = cluster.server_side_apply(WEB, "builder", false).unwrap();
    assert_eq!(first.remove(0).outcome, Outcome::Created);
    let part = |replicas: i32| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": replicas}})
            .to_string()
    };
    assert_eq!(
        refused(cluster.server_side_apply(&part(5), "scaler", false)),
        "Apply failed with 1 conflict: conflict with \"builder\": .spec.replicas"
    );
    cluster.server_side_apply(&part(5), "scaler", true).unwrap();
    assert_eq!(cluster.deployment("web").unwrap().spec.replicas, 5);
    assert_eq!(fields(&cluster, Kind::Deployment, "web", "scaler"), json!({"f:spec": {"f:replicas": {}}}));
    // What is applied once more is unchanged, and makes no version.
    let again = cluster.server_side_apply(&part(5), "scaler", false).unwrap();
    assert_eq!(again.first().map(|applied| applied.outcome), Some(Outcome::Unchanged));
}

#[test]
fn the_scale_belongs_to_whoever_set_it_last() {
    let mut cluster = cluster();
    cluster.apply(WEB).unwrap();
    cluster.scale("web", 4).unwrap();
    assert_eq!(owners(&cluster, Kind::Deployment, "web"), ["kubectl Update scale", "kubectl-client-side-apply Update"]);
    assert_eq!(fields(&cluster, Kind::Deployment, "web", "kubectl"), json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(
        refused(cluster.server_side_apply(WEB, "me", false)),
        "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn verbs_write_under_the_names_of_their_commands_unless_told_otherwise() {
    let mut cluster = cluster();
    cluster.create(WEB).unwrap();
    cluster.set_image("web", "web", "nginx:1.26", None).unwrap();
    cluster.label(Kind::Deployment, "web", "team", Some("a")).unwrap();
    let patch = json!({"spec": {"minReadySeconds": 3}});
    cluster
        .managed_by("my-controller", |cluster| cluster.patch(Kind::Deployment, "web", PatchKind::Merge, &patch))
        .unwrap();
    assert_eq!(
        owners(&cluster, Kind::Deployment, "web"),
        ["kubectl-create Update", "kubectl-label Update", "kubectl-set Update", "my-controller Update"]
    );
    let set = fields(&cluster, Kind::Deployment, "web", "kubectl-set");
    let image = json!({"k:{\"name\":\"web\"}": {"f:image": {}}});
    assert_eq!(set["f:spec"]["f:template"]["f:spec"]["f:containers"], image);
}

#[test]
fn a_write_that_changes_nothing_changes_no_owner() {
    let mut cluster = cluster();
    cluster.create(WEB).unwrap();
    let (version, before) = (cluster.store().version(), cluster.managed_fields(Kind::Deployment, "web").unwrap());
    cluster.run_before(wavetank::Time::from_millis(5_000));
    let version_then = cluster.store().version();
    cluster.patch(Kind::Deployment, "web", PatchKind::Merge, &json!({"spec": {"replicas": 2}})).unwrap();
    cluster.scale("web", 2).unwrap();
    cluster.apply(WEB).unwrap();
    assert_eq!(cluster.store().version(), version_then);
    assert!(version < version_then);
    let creator = |entries: &[wavetank_model::ManagedFieldsEntry]| {
        entries.iter().find(|entry| &*entry.manager == "kubectl-create").cloned()
    };
    assert_eq!(creator(&cluster.managed_fields(Kind::Deployment, "web").unwrap()), creator(&before));
}

#[test]
fn owners_survive_forks_and_snapshots_and_go_with_their_object() {
    let mut cluster = cluster();
    cluster.server_side_apply(WEB, "builder", false).unwrap();
    let bytes = cluster.snapshot().unwrap();
    let read = Cluster::restore(&bytes).unwrap();
    assert_eq!(owners(&read, Kind::Deployment, "web"), ["builder Apply"]);
    cluster.delete(Kind::Deployment, "web", Propagation::Background).unwrap();
    cluster.create(WEB).unwrap();
    assert_eq!(owners(&cluster, Kind::Deployment, "web"), ["kubectl-create Update"]);
}

#[test]
fn what_somebody_patches_into_a_configmap_and_a_pod_is_theirs() {
    let mut cluster = cluster();
    cluster.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1', b: '2'}}").unwrap();
    cluster.patch(Kind::ConfigMap, "c", PatchKind::Merge, &json!({"data": {"a": "3"}})).unwrap();
    assert_eq!(fields(&cluster, Kind::ConfigMap, "c", "kubectl-patch"), json!({"f:data": {"f:a": {}}}));
    assert_eq!(fields(&cluster, Kind::ConfigMap, "c", "kubectl-create"), json!({"f:data": {".": {}, "f:b": {}}}));
    cluster
        .create("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}")
        .unwrap();
    cluster.label(Kind::Pod, "p", "x", Some("y")).unwrap();
    let label = json!({"f:metadata": {"f:labels": {".": {}, "f:x": {}}}});
    assert_eq!(fields(&cluster, Kind::Pod, "p", "kubectl-label"), label);
}
