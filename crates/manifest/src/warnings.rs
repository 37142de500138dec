//! What the server takes but warns of.
//!
//! Sources: `pkg/api/pod/warnings.go`, `pkg/api/service/warnings.go` and the strategies of the kinds.

use crate::validation::names;
use crate::validation::read::{child, entries, list, number, text, texts};
use serde_json::Value;
use std::collections::BTreeSet;
use wavetank_model::{Kind, Quantity};

/// The warnings that a write of an object calls forth; `new` says that it makes the object.
pub(crate) fn warnings(kind: Kind, object: &Value, new: bool) -> Vec<String> {
    let mut out = Vec::new();
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    match kind {
        Kind::Pod => {
            if new {
                host_name(&mut out, metadata, "the Pod's hostname");
            }
            pod(&mut out, metadata, spec, "");
        }
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job => {
            if new && kind != Kind::StatefulSet {
                host_name(&mut out, metadata, "Pod names and hostnames");
            }
            let template = &spec["template"];
            pod(&mut out, &template["metadata"], &template["spec"], "spec.template.");
            if kind == Kind::StatefulSet && number(spec, "revisionHistoryLimit").is_some_and(|limit| limit < 0) {
                out.push(
                    "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is \
                     recommended"
                        .to_owned(),
                );
            }
        }
        Kind::CronJob => {
            if new {
                host_name(&mut out, metadata, "Pod names and hostnames");
            }
            let template = &spec["jobTemplate"]["spec"]["template"];
            pod(&mut out, &template["metadata"], &template["spec"], "spec.jobTemplate.spec.template.");
        }
        Kind::Service => service(&mut out, metadata, spec),
        Kind::Endpoints => {
            out.push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned())
        }
        Kind::Ingress => {
            let annotated =
                entries(metadata, "annotations").iter().any(|(key, _)| *key == "kubernetes.io/ingress.class");
            if new && annotated {
                out.push(
                    "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' \
                     instead"
                        .to_owned(),
                );
            }
        }
        Kind::ConfigMap
        | Kind::Namespace
        | Kind::Node
        | Kind::Event
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::PodDisruptionBudget => {}
    }
    out
}

fn host_name(out: &mut Vec<String>, metadata: &Value, used_in: &str) {
    let name = text(metadata, "name");
    let wrong = names::label(name);
    if !name.is_empty() && !wrong.is_empty() {
        out.push(format!(
            "metadata.name: this is used in {used_in}, which can result in surprising behavior; a DNS label is \
             recommended: [{}]",
            wrong.join(" ")
        ));
    }
}

fn service(out: &mut Vec<String>, metadata: &Value, spec: &Value) {
    let annotations = entries(metadata, "annotations");
    if annotations.iter().any(|(key, _)| *key == "service.kubernetes.io/topology-aware-hints") {
        out.push(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
             service.kubernetes.io/topology-mode instead"
                .to_owned(),
        );
    }
    if annotations.iter().any(|(key, _)| *key == "service.kubernetes.io/topology-mode") {
        out.push(
            "annotation service.kubernetes.io/topology-mode is deprecated, please use spec.trafficDistribution instead"
                .to_owned(),
        );
    }
    if !texts(spec, "externalIPs").is_empty() {
        out.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    let headless = text(spec, "clusterIP") == "None";
    let kind = text(spec, "type");
    if headless {
        if text(spec, "sessionAffinity") != "None" && !text(spec, "sessionAffinity").is_empty() {
            out.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
        if !texts(spec, "externalIPs").is_empty() {
            out.push("spec.externalIPs is ignored when spec.clusterIP is \"None\"".to_owned());
        }
    }
    if kind != "ExternalName" && !text(spec, "externalName").is_empty() {
        out.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if text(spec, "trafficDistribution") == "PreferClose" {
        out.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
}

/// Labels of nodes that were renamed.
const OLD_NODE_LABELS: [(&str, &str); 6] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("failure-domain.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
];

const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];

const OLD_VOLUMES: [(&str, &str); 9] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

fn pod(out: &mut Vec<String>, metadata: &Value, spec: &Value, path: &str) {
    let old_label = |key: &str| OLD_NODE_LABELS.iter().find(|(known, _)| *known == key).map(|(_, detail)| *detail);
    for (key, _) in entries(spec, "nodeSelector") {
        if let Some(detail) = old_label(key) {
            out.push(format!("{path}spec.nodeSelector[{key}]: {detail}"));
        }
    }
    for (index, constraint) in list(spec, "topologySpreadConstraints").iter().enumerate() {
        let at = format!("{path}spec.topologySpreadConstraints[{index}]");
        let key = text(constraint, "topologyKey");
        if let Some(detail) = old_label(key) {
            out.push(format!("{at}.topologyKey: {key} is {detail}"));
        }
        if child(constraint, "labelSelector").is_none() {
            out.push(format!("{at}.labelSelector: a null labelSelector results in matching no pod"));
        }
    }
    let annotations = entries(metadata, "annotations");
    for (key, detail) in OLD_ANNOTATIONS {
        if annotations.iter().any(|(known, _)| *known == key) {
            out.push(format!("{path}metadata.annotations[{key}]: {detail}"));
        }
    }
    for (index, volume) in list(spec, "volumes").iter().enumerate() {
        for (key, detail) in OLD_VOLUMES.iter().filter(|(key, _)| child(volume, key).is_some()) {
            out.push(format!("{path}spec.volumes[{index}].{key}: {detail}"));
        }
    }
    repeated(out, spec, path, ("hostAliases", "ip"));
    repeated(out, spec, path, ("imagePullSecrets", "name"));
    for (index, secret) in list(spec, "imagePullSecrets").iter().enumerate() {
        if text(secret, "name").is_empty() {
            out.push(format!("{path}spec.imagePullSecrets[{index}].name: invalid empty name \"\""));
        }
    }
    for (key, container) in containers(spec, path) {
        fractions(out, container, &key);
        hidden_variables(out, container, &key);
    }
    ports(out, spec, path);
    if number(spec, "terminationGracePeriodSeconds").is_some_and(|grace| grace < 0) {
        out.push(format!(
            "{path}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated \
             as 1"
        ));
    }
}

/// All containers with their paths, in the order in which the server walks over them.
fn containers<'a>(spec: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|key| list(spec, key).iter().enumerate().map(move |(index, container)| (key, index, container)))
        .map(|(key, index, container)| (format!("{path}spec.{key}[{index}]"), container))
        .collect()
}

fn repeated(out: &mut Vec<String>, spec: &Value, path: &str, (key, field): (&str, &str)) {
    let mut seen = BTreeSet::new();
    for (index, item) in list(spec, key).iter().enumerate() {
        let value = text(item, field);
        if !seen.insert(value) {
            out.push(format!("{path}spec.{key}[{index}].{field}: duplicate {field} {}", Value::from(value)));
        }
    }
}

fn fractions(out: &mut Vec<String>, container: &Value, path: &str) {
    for resource in ["memory", "ephemeral-storage"] {
        for bound in ["limits", "requests"] {
            let amount = container.pointer(&format!("/resources/{bound}/{resource}")).and_then(Value::as_str);
            let broken = amount.filter(|amount| Quantity::parse(amount).is_ok_and(|amount| !amount.rounded_up(0).1));
            if let Some(amount) = broken {
                out.push(format!(
                    "{path}.resources.{bound}[{resource}]: fractional byte value {} is invalid, must be an integer",
                    Value::from(amount)
                ));
            }
        }
    }
}

fn hidden_variables(out: &mut Vec<String>, container: &Value, path: &str) {
    let mut seen = BTreeSet::new();
    for (index, variable) in list(container, "env").iter().enumerate() {
        let name = text(variable, "name");
        if seen.insert(name) {
            continue;
        }
        let reference = format!("$({name})");
        let value = text(variable, "value");
        if child(variable, "valueFrom").is_some() || value == reference || !value.contains(&reference) {
            out.push(format!(
                "{path}.env[{index}]: hides previous definition of {}, which may be dropped when using apply",
                Value::from(name)
            ));
        }
    }
}

fn ports(out: &mut Vec<String>, spec: &Value, path: &str) {
    let mut seen: Vec<(String, &Value)> = Vec::new();
    for (at, container) in containers(spec, path) {
        for (index, port) in list(container, "ports").iter().enumerate() {
            let at = format!("{at}.ports[{index}]");
            let host = |port: &Value| number(port, "hostPort").unwrap_or_default();
            for (other_at, other) in &seen {
                let alike = number(port, "containerPort") == number(other, "containerPort")
                    && text(port, "protocol") == text(other, "protocol");
                if !alike {
                    continue;
                }
                let address = |port| text(port, "hostIP");
                if address(port) == address(other) && host(port) == host(other) {
                    out.push(format!("{at}: duplicate port definition with {other_at}"));
                } else if host(port) == 0 || host(other) == 0 {
                    out.push(format!("{at}: overlapping port definition with {other_at}"));
                } else if host(port) == host(other) && (address(port).is_empty() || address(other).is_empty()) {
                    out.push(format!("{at}: dangerously ambiguous port definition with {other_at}"));
                }
            }
            seen.push((at, port));
        }
    }
}
