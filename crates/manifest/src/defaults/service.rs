//! Services.

use super::{Fields, absent, below, is, items, present, zero};
use serde_json::Value;

/// How long a client sticks to a pod unless told otherwise, in seconds.
const AFFINITY_SECONDS: i64 = 10_800;

/// Fills in a Service; addresses and ports of the node are allocated afterwards.
pub(super) fn service(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    zero(spec, "sessionAffinity", "None");
    if is(spec, "sessionAffinity", "None") {
        spec.remove("sessionAffinityConfig");
    }
    if is(spec, "sessionAffinity", "ClientIP")
        && let Some(client) = below(spec, "sessionAffinityConfig").and_then(|config| below(config, "clientIP"))
    {
        absent(client, "timeoutSeconds", AFFINITY_SECONDS);
    }
    zero(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        zero(port, "protocol", "TCP");
        if let Some(number) = port.get("port").cloned() {
            zero(port, "targetPort", number);
        }
    }
    let balanced = is(spec, "type", "LoadBalancer");
    let on_nodes = balanced || is(spec, "type", "NodePort");
    let from_outside = spec.get("externalIPs").and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    if on_nodes || (is(spec, "type", "ClusterIP") && from_outside) {
        zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if on_nodes || is(spec, "type", "ClusterIP") {
        absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if balanced {
        absent(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// Makes an updated Service keep what was allocated to it, and lets go of what its new type has no use
/// for, unless the update says otherwise.
///
/// Source: `pkg/registry/core/service` (`patchAllocatedValues`, `dropTypeDependentFields`).
pub(crate) fn keep_what_was_given(old: &Value, object: &mut Fields) {
    let Some(was) = old.get("spec").and_then(Value::as_object) else { return };
    let Some(spec) = present(object, "spec") else { return };
    let external = |spec: &Fields| is(spec, "type", "ExternalName");
    let on_nodes = |spec: &Fields| is(spec, "type", "NodePort") || is(spec, "type", "LoadBalancer");
    let checked = |spec: &Fields| is(spec, "type", "LoadBalancer") && is(spec, "externalTrafficPolicy", "Local");
    if !external(was) && !external(spec) {
        // One of the two fields of addresses speaks for both.
        let (first, all) = (spec.contains_key("clusterIP"), spec.contains_key("clusterIPs"));
        match (first, all) {
            (false, false) => ["clusterIP", "clusterIPs"].into_iter().for_each(|key| keep(was, spec, key)),
            (true, false) => {
                let same = spec.get("clusterIP") == was.get("clusterIP");
                let kept = was.get("clusterIPs").cloned().filter(|_| same);
                let given = spec.get("clusterIP").cloned().into_iter().collect::<Vec<_>>();
                spec.insert("clusterIPs".to_owned(), kept.unwrap_or(Value::Array(given)));
            }
            (false | true, true) => {}
        }
        ["ipFamilies", "ipFamilyPolicy"].into_iter().for_each(|key| keep(was, spec, key));
    }
    if on_nodes(was) && on_nodes(spec) {
        keep_node_ports(was, spec);
    }
    if checked(was) && checked(spec) {
        keep(was, spec, "healthCheckNodePort");
    }
    let drops: [(bool, &[&str]); 4] = [
        (!external(was) && external(spec), &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]),
        (checked(was) && !checked(spec), &["healthCheckNodePort"]),
        (
            is(was, "type", "LoadBalancer") && !is(spec, "type", "LoadBalancer"),
            &["allocateLoadBalancerNodePorts", "loadBalancerClass"],
        ),
        (on_nodes(was) && !on_nodes(spec), &["externalTrafficPolicy"]),
    ];
    for key in drops.into_iter().filter(|(drops, _)| *drops).flat_map(|(_, keys)| keys) {
        if spec.get(*key) == was.get(*key) {
            spec.remove(*key);
        }
    }
    if on_nodes(was) && !on_nodes(spec) {
        let given: Vec<Value> = node_ports(was).collect();
        for port in items(spec, "ports") {
            if port.get("nodePort").is_some_and(|port| given.contains(port)) {
                port.remove("nodePort");
            }
        }
    }
}

fn keep(was: &Fields, spec: &mut Fields, key: &str) {
    if let (Some(value), false) = (was.get(key), spec.contains_key(key)) {
        spec.insert(key.to_owned(), value.clone());
    }
}

fn node_ports(spec: &Fields) -> impl Iterator<Item = Value> {
    let ports = spec.get("ports").and_then(Value::as_array).into_iter().flatten();
    ports.filter_map(|port| port.get("nodePort")).filter(|port| port.as_i64() != Some(0)).cloned()
}

/// A port keeps the port of the node that a port of the same protocol and number had, unless that is
/// given to another.
fn keep_node_ports(was: &Fields, spec: &mut Fields) {
    let mut taken: Vec<Value> = node_ports(spec).collect();
    let before: Vec<Value> = was.get("ports").and_then(Value::as_array).cloned().unwrap_or_default();
    for port in items(spec, "ports").filter(|port| port.get("nodePort").is_none_or(|port| port.as_i64() == Some(0))) {
        let alike = before.iter().find(|old| ["protocol", "port"].iter().all(|key| old.get(*key) == port.get(*key)));
        if let Some(node_port) = alike.and_then(|old| old.get("nodePort"))
            && !taken.contains(node_port)
        {
            taken.push(node_port.clone());
            port.insert("nodePort".to_owned(), node_port.clone());
        }
    }
}
