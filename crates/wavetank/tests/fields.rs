//! What a cluster makes of the fields of a manifest: obeyed, refused, allocated, warned of.

use core::time::Duration;
use wavetank::{Cluster, Kind};

const MINUTE: Duration = Duration::from_secs(60);

fn web(extra: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 4
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: 'web:1'}}]
      {extra}
"
    )
}

/// The nodes of the pods, once there has been time to bind them.
fn nodes(cluster: &mut Cluster) -> Vec<String> {
    cluster.run_for(MINUTE);
    let pods = cluster.list(Kind::Pod, &wavetank::ListOptions::default()).expect("pods can be listed");
    pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_tainted_node_takes_only_pods_that_tolerate_it() {
    let tainted = || {
        let mut cluster = Cluster::builder().node("a").node("b").build();
        let node = "{apiVersion: v1, kind: Node, metadata: {name: b}, spec: {taints: [{key: x, effect: NoSchedule}]}}";
        cluster.apply(node).expect("the node is tainted");
        cluster
    };
    let mut cluster = tainted();
    cluster.apply(&web("")).expect("it is valid");
    assert_eq!(nodes(&mut cluster), ["a"; 4]);
    let mut cluster = tainted();
    cluster.apply(&web("tolerations: [{key: x, operator: Exists}]")).expect("it is valid");
    assert!(nodes(&mut cluster).contains(&"b".to_owned()));
}

#[test]
fn what_cannot_be_ignored_is_refused_by_name() {
    let mut cluster = Cluster::builder().build();
    let refused = cluster.apply(&web("schedulerName: mine")).unwrap_err();
    assert_eq!(refused.to_string(), "not simulated: spec.template.spec.schedulerName");
    assert!(cluster.json(Kind::Deployment, "web").is_err());
}

#[test]
fn services_get_addresses_and_ports_of_their_own() {
    let service = |name: &str, spec: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: 80}}]{spec}}}}}")
    };
    let mut cluster = Cluster::builder().build();
    let both = format!("{}\n---\n{}", service("a", ", type: NodePort"), service("b", ", type: NodePort"));
    cluster.apply(&both).expect("they are valid");
    let [a, b] = ["a", "b"].map(|name| cluster.json(Kind::Service, name).expect("it is there"));
    assert_ne!(a["spec"]["clusterIP"], b["spec"]["clusterIP"]);
    assert_ne!(a["spec"]["ports"][0]["nodePort"], b["spec"]["ports"][0]["nodePort"]);
    let taken = a["spec"]["clusterIP"].as_str().expect("it has an address");
    let refused = cluster.create(&service("c", &format!(", clusterIP: {taken}"))).unwrap_err();
    assert!(refused.to_string().ends_with("provided IP is already allocated"), "{refused}");
    cluster.apply(&both).expect("applying the same again is no conflict with itself");
}

#[test]
fn lists_and_files_of_old_versions_are_taken_in_and_warned_of() {
    let mut cluster = Cluster::builder().build();
    let old = web("").replace("apps/v1", "extensions/v1beta1");
    let old = old.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n-\n{old}\n");
    let applied = cluster.apply(&list).expect("it is read as the version that is served");
    assert_eq!(applied[0].object, "deployment.apps/web");
    assert_eq!(
        applied[0].warnings.iter().map(|warning| &**warning).collect::<Vec<_>>(),
        ["extensions/v1beta1 Deployment is no longer served in v1.36; it is read as apps/v1"]
    );
}
