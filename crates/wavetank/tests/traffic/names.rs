//! Names, zones and nodes: where requests go that are sent to a host, and which endpoints are preferred.

use super::scene::{MINUTE, PLAIN, SECOND, causes, deployment, open, service};
use std::time::Duration;
use wavetank::{Cause, Cluster, ImageBehaviour, Kind, Load, ProxyDelay, Source, SourceId};

fn cluster(nodes: &[(&str, &str)], manifests: &[String]) -> Cluster {
    let mut builder = Cluster::builder().image("app:v1", ImageBehaviour::new().start(SECOND));
    for (name, zone) in nodes {
        builder = builder.labelled_node(name, [("topology.kubernetes.io/zone", *zone)].into_iter().collect());
    }
    let mut cluster = builder.build();
    cluster.set_propagation(ProxyDelay::fixed(SECOND / 5));
    for manifest in manifests {
        cluster.apply(manifest).expect("the manifest is valid");
    }
    cluster.run_for(30 * SECOND);
    cluster
}

fn ask(cluster: &mut Cluster, name: &str, host: &str, change: impl Fn(Source) -> Source) -> SourceId {
    let target = cluster.host_target(host, "80", "default");
    let origin = cluster.inside("node-1").expect("the node is there");
    let load = open(20);
    cluster.send(change(Source::new(name, origin, target, load))).expect("such a source can be")
}

const ONE_NODE: [(&str, &str); 1] = [("node-1", "a")];

#[test]
fn a_name_finds_its_service_in_every_spelling_and_a_wrong_one_nobody() {
    let web = service("web", "selector: {app: web}, ports: [{port: 80}]");
    let mut cluster = cluster(&ONE_NODE, &[deployment(2, "{}", PLAIN), web]);
    let right =
        ["web", "web.default", "web.default.svc", "web.default.svc.cluster.local", "web.default.svc.cluster.local."];
    for host in right {
        let source = ask(&mut cluster, host, host, |source| source);
        cluster.run_for(5 * SECOND);
        cluster.traffic_report_of(source).expect_no_request_lost();
        cluster.stop_sending(source);
    }
    for host in ["webb", "web.shop", "web.default.svc.cluster.lokal"] {
        let source = ask(&mut cluster, host, host, |source| source);
        cluster.run_for(5 * SECOND);
        let report = cluster.traffic_report_of(source);
        assert_eq!((causes(&report), report.answered()), (vec![Cause::NoSuchHost], 0), "{host}");
        cluster.stop_sending(source);
    }
    let target = cluster.host_target("web", "81", "default");
    let origin = cluster.inside("node-1").expect("the node is there");
    let source = cluster.send(Source::new("no port", origin, target, Load::curl_loop(SECOND))).expect("it can be");
    cluster.run_for(5 * SECOND);
    assert_eq!(causes(&cluster.traffic_report_of(source)), [Cause::NoRoute]);
}

#[test]
fn a_name_is_there_once_the_dns_has_learned_of_its_service() {
    let mut cluster = cluster(&ONE_NODE, &[deployment(2, "{}", PLAIN)]);
    cluster.set_dns_delay(3 * SECOND);
    let source = ask(&mut cluster, "early", "web", |source| source);
    cluster.run_for(5 * SECOND);
    cluster.apply(&service("web", "selector: {app: web}, ports: [{port: 80}]")).expect("it is valid");
    cluster.run_for(10 * SECOND);
    let report = cluster.traffic_report_of(source);
    assert_eq!(causes(&report), [Cause::NoSuchHost]);
    // Five seconds before it is there, three until the DNS knows, twenty requests in each.
    assert!(report.lost().abs_diff(160) <= 1, "{report}");
}

#[test]
fn clients_of_a_headless_service_ask_pods_that_are_gone_until_they_look_again() {
    let web = service("web", "clusterIP: None, selector: {app: web}, ports: [{port: 80}]");
    let mut cluster = cluster(&ONE_NODE, &[deployment(2, "{}", PLAIN), web]);
    let fresh = ask(&mut cluster, "asks each time", "web", |source| source.dns_ttl(Duration::ZERO));
    let stale = ask(&mut cluster, "believes for 30 s", "web", |source| source);
    cluster.run_for(5 * SECOND);
    for pod in cluster.names(Kind::Pod, None) {
        cluster.delete_pod(pod.trim_start_matches("default/"), None).expect("the pod is there");
    }
    cluster.run_for(MINUTE);
    let (fresh, stale) = (cluster.traffic_report_of(fresh), cluster.traffic_report_of(stale));
    // Until others are ready there is no address, which is no such host; then the fresh one is served at once.
    assert!(fresh.lost() <= 25, "{fresh}");
    assert!(stale.lost_by_cause()[&Cause::RefusedStopped] > 20 * 20, "{stale}");
    let last = stale.losses().map(|(.., losses)| losses.last.as_seconds()).max();
    assert!(last < Some(30 + 5 + 30 + 2), "{stale}");
}

#[test]
fn pods_of_a_headless_service_have_names_of_their_own() {
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: db-0, labels: {app: db}}
spec: {hostname: db-0, subdomain: db, containers: [{name: app, image: 'app:v1'}]}
---
"
    .to_owned();
    let db = service("db", "clusterIP: None, selector: {app: db}");
    let mut cluster = cluster(&ONE_NODE, &[db, pod]);
    let source = ask(&mut cluster, "client", "db-0.db", |source| source);
    cluster.run_for(5 * SECOND);
    let report = cluster.traffic_report_of(source);
    report.expect_no_request_lost();
    assert_eq!(report.answered_by_pod().len(), 1);
}

#[test]
fn an_external_name_leads_to_another_service_or_out_of_the_cluster() {
    let web = service("web", "selector: {app: web}, ports: [{port: 80}]");
    let inside = service("shop", "type: ExternalName, externalName: web.default.svc.cluster.local");
    let outside = service("bank", "type: ExternalName, externalName: bank.example.org");
    let mut cluster = cluster(&ONE_NODE, &[deployment(1, "{}", PLAIN), web, inside, outside]);
    let (shop, bank) = (ask(&mut cluster, "shop", "shop", |it| it), ask(&mut cluster, "bank", "bank", |it| it));
    cluster.run_for(5 * SECOND);
    cluster.traffic_report_of(shop).expect_no_request_lost();
    assert_eq!(causes(&cluster.traffic_report_of(bank)), [Cause::LeftCluster]);
}

const NODES: [(&str, &str); 4] = [("node-1", "a"), ("node-2", "a"), ("node-3", "b"), ("node-4", "b")];

/// Nodes whose pods answer clients on `node-1`.
fn answering(cluster: &mut Cluster, name: &str) -> Vec<String> {
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let origin = cluster.inside("node-1").expect("the node is there");
    let load = open(100);
    let source = cluster.send(Source::new(name, origin, target, load)).expect("such a source can be");
    cluster.run_for(10 * SECOND);
    cluster.stop_sending(source);
    let report = cluster.traffic_report_of(source);
    report.expect_no_request_lost();
    let pods = cluster.list(Kind::Pod, &Default::default()).expect("pods can be listed");
    let mut nodes: Vec<String> = pods
        .iter()
        .filter(|pod| {
            let name = pod["metadata"]["name"].as_str().expect("a pod has a name");
            let key = cluster.pod_key(name).expect("the pod is there");
            cluster.requests_of(key).1 > 0
        })
        .map(|pod| pod["spec"]["nodeName"].as_str().expect("it is bound").to_owned())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

fn distributed(distribution: &str) -> (Cluster, serde_json::Value) {
    let spec = format!("selector: {{app: web}}, ports: [{{port: 80}}]{distribution}");
    let cluster = cluster(&NODES, &[deployment(4, "{}", PLAIN), service("web", &spec)]);
    let slices = cluster.list(Kind::EndpointSlice, &Default::default()).expect("slices can be listed");
    let endpoint = slices[0]["endpoints"][0].clone();
    (cluster, endpoint)
}

#[test]
fn traffic_stays_in_the_zone_or_on_the_node_as_the_service_prefers() {
    let (mut anywhere, endpoint) = distributed("");
    assert_eq!(endpoint.get("hints"), None);
    assert_eq!(answering(&mut anywhere, "client").len(), 4);
    for word in ["PreferClose", "PreferSameZone"] {
        let (mut close, endpoint) = distributed(&format!(", trafficDistribution: {word}"));
        assert_eq!(endpoint["hints"], serde_json::json!({"forZones": [{"name": endpoint["zone"]}]}));
        assert_eq!(answering(&mut close, "client"), ["node-1", "node-2"]);
    }
    let (mut here, endpoint) = distributed(", trafficDistribution: PreferSameNode");
    assert_eq!(endpoint["hints"]["forNodes"], serde_json::json!([{"name": endpoint["nodeName"]}]));
    assert_eq!(answering(&mut here, "client"), ["node-1"]);
}

#[test]
fn a_preference_that_nobody_can_meet_is_none() {
    let (mut cluster, _) = distributed(", trafficDistribution: PreferSameZone");
    for pod in cluster.list(Kind::Pod, &Default::default()).expect("pods can be listed") {
        if ["node-1", "node-2"].contains(&pod["spec"]["nodeName"].as_str().expect("it is bound")) {
            cluster.cordon(pod["spec"]["nodeName"].as_str().expect("it is bound"), true).expect("the node is there");
            cluster.delete_pod(pod["metadata"]["name"].as_str().expect("a name"), None).expect("it is there");
        }
    }
    cluster.run_for(MINUTE);
    assert_eq!(answering(&mut cluster, "client"), ["node-3", "node-4"]);
}

#[test]
fn hints_go_when_the_preference_goes() {
    let (mut cluster, _) = distributed(", trafficDistribution: PreferSameZone");
    cluster
        .patch(
            Kind::Service,
            "web",
            wavetank::PatchKind::Merge,
            &serde_json::json!({"spec": {"trafficDistribution": null}}),
        )
        .expect("the field may go");
    cluster.run_for(10 * SECOND);
    assert_eq!(answering(&mut cluster, "client").len(), 4);
}
