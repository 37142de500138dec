//! What cannot be of Services, Ingresses and sources is refused, and the field is named.

use super::scene::{self, open};
use std::sync::Arc;
use std::time::Duration;
use wavetank::{App, AppBehaviour, Cluster, ImageBehaviour, KeepAlive, Load, Rate, RateProfile, ServiceTime, Source};

fn refused(manifest: &str) -> String {
    let mut cluster = Cluster::builder().image("app:v1", ImageBehaviour::new()).build();
    cluster.create(manifest).expect_err("it cannot be").to_string()
}

fn service(name: &str, spec: &str) -> String {
    scene::service(name, &format!("selector: {{app: web}}, {spec}"))
}

#[test]
fn impossible_ports() {
    for (ports, field) in [
        ("[]", "spec.ports"),
        ("[{port: 0}]", "spec.ports[0].port"),
        ("[{port: 65536}]", "spec.ports[0].port"),
        ("[{port: -80}]", "spec.ports[0].port"),
        ("[{port: 80, targetPort: -1}]", "spec.ports[0].targetPort"),
        ("[{port: 80, targetPort: 70000}]", "spec.ports[0].targetPort"),
        ("[{port: 80, targetPort: Not_A_Name}]", "spec.ports[0].targetPort"),
        ("[{port: 80, protocol: HTTP}]", "spec.ports[0].protocol"),
        ("[{port: 80}, {port: 81}]", "spec.ports[0].name"),
        ("[{name: a, port: 80}, {name: a, port: 81}]", "spec.ports[1].name"),
        ("[{name: a, port: 80}, {name: b, port: 80}]", "spec.ports[1]"),
        ("[{port: 80, nodePort: 30080}]", "spec.ports[0].nodePort"),
        ("[{port: eighty}]", "port"),
    ] {
        let error = refused(&service("web", &format!("ports: {ports}")));
        assert!(error.contains(field), "{ports}: {error}");
    }
}

#[test]
fn overlapping_and_distant_node_ports() {
    let node_port = |name: &str, port: u32| {
        service(name, &format!("type: NodePort, ports: [{{name: a, port: 80, nodePort: {port}}}]"))
    };
    for port in [1, 29_999, 32_768, 70_000] {
        let error = refused(&node_port("web", port));
        assert!(error.contains("spec.ports[0].nodePort"), "{port}: {error}");
    }
    let twice = "type: NodePort, ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 81, nodePort: 30080}]";
    assert!(refused(&service("web", twice)).contains("spec.ports[1].nodePort"));
    let two = [node_port("web", 30_080), node_port("shop", 30_080)].concat();
    let error = refused(&two);
    assert!(error.contains("spec.ports[0].nodePort") && error.contains("already allocated"), "{error}");
}

#[test]
fn affinities_and_policies_that_cannot_be() {
    for (spec, field) in [
        ("sessionAffinity: Cookie", "spec.sessionAffinity"),
        (
            "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        ),
        ("internalTrafficPolicy: Nearby", "spec.internalTrafficPolicy"),
        ("type: NodePort, externalTrafficPolicy: Nearby", "spec.externalTrafficPolicy"),
        ("trafficDistribution: PreferFar", "spec.trafficDistribution"),
        ("clusterIP: 10.96.0.300", "spec.clusterIP"),
    ] {
        let error = refused(&service("web", &format!("ports: [{{port: 80}}], {spec}")));
        assert!(error.contains(field), "{spec}: {error}");
    }
}

#[test]
fn weights_that_do_not_add_up() {
    let ingress = |annotations: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: canary
  annotations: {{nginx.ingress.kubernetes.io/canary: 'true', {annotations}}}
spec:
  rules:
  - http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}
"
        )
    };
    for annotations in [
        "nginx.ingress.kubernetes.io/canary-weight: '101'",
        "nginx.ingress.kubernetes.io/canary-weight: '-1'",
        "nginx.ingress.kubernetes.io/canary-weight: 'half'",
        "nginx.ingress.kubernetes.io/canary-weight: '11', nginx.ingress.kubernetes.io/canary-weight-total: '10'",
        "nginx.ingress.kubernetes.io/canary-weight: '0', nginx.ingress.kubernetes.io/canary-weight-total: 'NaN'",
    ] {
        let error = refused(&ingress(annotations));
        assert!(error.contains("canary-weight"), "{annotations}: {error}");
    }
}

#[test]
fn rates_that_are_none() {
    for (rate, fault) in [(-1.0, "negative"), (f64::NAN, "number"), (f64::INFINITY, "billion"), (-0.001, "negative")] {
        let error = Rate::of(rate).expect_err("it is none").to_string();
        assert!(error.starts_with("rate: ") && error.contains(fault), "{rate}: {error}");
    }
}

#[test]
fn sources_that_cannot_be() {
    let mut cluster = Cluster::builder().image("app:v1", ImageBehaviour::new()).build();
    cluster.create(&service("web", "ports: [{port: 80}]")).expect("the manifest is valid");
    let target = cluster.service_target("web", "80").expect("the Service is there");
    let name = cluster.host_target("web", "80", "default");
    let (inside, outside) = (cluster.inside("node-1").expect("it"), cluster.outside("node-1").expect("it"));
    let fluid = Load::Fluid { rate: RateProfile::constant(Rate::per_second(1)) };
    let of = |load| Source::new("s", inside, target.clone(), load);
    let closed = |clients, think| Load::Closed { clients, requests: None, think };
    let backwards: Arc<[Duration]> = [2, 1].map(Duration::from_secs).into();
    let none = KeepAlive::connections(0);
    for (source, field) in [
        (of(open(1)).clients(0), "sources[s].clients"),
        (of(open(1)).attempts(0), "sources[s].attempts"),
        (of(open(1)).timeout(Duration::ZERO), "sources[s].timeout"),
        (of(open(1)).keep_alive(none), "sources[s].keepAlive"),
        (of(closed(0, Duration::from_secs(1))), "sources[s].load.clients"),
        (of(closed(1, Duration::ZERO)), "sources[s].load.think"),
        (of(Load::Replayed(backwards)), "sources[s].load"),
        (Source::new("s", outside, name.clone(), open(1)), "sources[s].target"),
        (Source::new("s", inside, name, fluid), "sources[s].target"),
    ] {
        let error = cluster.send(source).expect_err("it cannot be").to_string();
        assert!(error.contains(field), "{field}: {error}");
    }
    for (behaviour, field) in [
        (AppBehaviour { capacity: Some(0), ..AppBehaviour::default() }, "capacity"),
        (
            AppBehaviour {
                service_time: ServiceTime::Uniform { least: Duration::from_secs(2), most: Duration::from_secs(1) },
                ..AppBehaviour::default()
            },
            "serviceTime.least",
        ),
    ] {
        let error = cluster.set_app("app:v1", App { behaviour, listens_after: None }).expect_err("it cannot be");
        assert!(error.to_string().contains(field), "{error}");
    }
}
