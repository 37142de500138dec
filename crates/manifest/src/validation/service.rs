//! Services.

use super::faults::quoted;
use super::read::{child, entries, list, number, text, texts};
use super::{Faults, metadata, names};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

const MAX_AFFINITY_SECONDS: i64 = 86_400;
/// The port of the kubelet, which no load balancer may open.
const KUBELET_PORT: i64 = 10_250;
/// The annotation by which source ranges were given before there was a field.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// A list of texts as messages show it.
fn shown(items: &[&str]) -> String {
    if items.is_empty() { "null".to_owned() } else { Value::from(items.to_vec()).to_string() }
}

fn is_headless(spec: &Value) -> bool {
    texts(spec, "clusterIPs") == ["None"] || (text(spec, "clusterIP") == "None")
}

/// Checks a Service.
pub(crate) fn check(faults: &mut Faults, service: &Value) {
    let spec = &service["spec"];
    let kind = text(spec, "type");
    let headless = is_headless(spec);
    let ports = list(spec, "ports");
    if ports.is_empty() && !headless && kind != "ExternalName" {
        faults.required("spec.ports", "");
    }
    by_type(faults, spec, kind, headless);
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        self::port(faults, port, ports.len() > 1, &mut names, &format!("spec.ports[{index}]"));
    }
    metadata::labels(faults, &entries(spec, "selector"), "spec.selector");
    affinity(faults, spec);
    addresses_and_families(faults, spec);
    external_addresses(faults, spec);
    faults.required_one_of("spec.type", kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    repeated_ports(faults, ports, kind);
    load_balancer(faults, service, kind);
    policies(faults, spec, kind);
}

fn by_type(faults: &mut Faults, spec: &Value, kind: &str, headless: bool) {
    if kind == "LoadBalancer" {
        for (index, port) in list(spec, "ports").iter().enumerate() {
            if number(port, "port") == Some(KUBELET_PORT) {
                let detail = format!("may not expose port {KUBELET_PORT} externally since it is used by kubelet");
                faults.invalid(&format!("spec.ports[{index}]"), &KUBELET_PORT.to_string(), &detail);
            }
        }
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            let detail = format!("may not be set to 'None' for {kind} services");
            faults.invalid_text("spec.clusterIPs[0]", "None", &detail);
        }
        "ExternalName" => {
            let detail = "may not be set for ExternalName services";
            if !texts(spec, "clusterIPs").is_empty() || !text(spec, "clusterIP").is_empty() {
                faults.forbidden("spec.clusterIPs", detail);
            }
            if !list(spec, "ipFamilies").is_empty() {
                faults.forbidden("spec.ipFamilies", detail);
            }
            if spec.get("ipFamilyPolicy").is_some() {
                faults.forbidden("spec.ipFamilyPolicy", detail);
            }
            let name = text(spec, "externalName");
            let name = name.strip_suffix('.').unwrap_or(name);
            if name.is_empty() {
                faults.required("spec.externalName", "");
            } else {
                faults.invalid_texts("spec.externalName", name, &names::subdomain(name));
            }
        }
        _ => {}
    }
}

fn port<'a>(faults: &mut Faults, port: &'a Value, must_be_named: bool, seen: &mut BTreeSet<&'a str>, path: &str) {
    let name = text(port, "name");
    if !name.is_empty() {
        faults.invalid_texts(&format!("{path}.name"), name, &names::label(name));
        if !seen.insert(name) {
            faults.duplicate(&format!("{path}.name"), name);
        }
    } else if must_be_named {
        faults.required(&format!("{path}.name"), "");
    }
    faults.port_number(&format!("{path}.port"), number(port, "port").unwrap_or_default());
    faults.required_one_of(&format!("{path}.protocol"), text(port, "protocol"), &["SCTP", "TCP", "UDP"]);
    port_or_name(faults, port.get("targetPort"), &format!("{path}.targetPort"));
    if let Some(protocol) = port.get("appProtocol").and_then(Value::as_str) {
        faults.invalid_texts(&format!("{path}.appProtocol"), protocol, &names::qualified(protocol));
    }
}

/// Checks a port that may be a number or a name.
pub(crate) fn port_or_name(faults: &mut Faults, port: Option<&Value>, path: &str) {
    match port {
        Some(Value::String(name)) => faults.invalid_texts(path, name, &names::port_name(name)),
        other => faults.port_number(path, other.and_then(Value::as_i64).unwrap_or_default()),
    }
}

fn affinity(faults: &mut Faults, spec: &Value) {
    let affinity = text(spec, "sessionAffinity");
    faults.required_one_of("spec.sessionAffinity", affinity, &["ClientIP", "None"]);
    let path = "spec.sessionAffinityConfig";
    let config = child(spec, "sessionAffinityConfig");
    if affinity == "None" && config.is_some() {
        faults.forbidden(path, "must not be set when session affinity is None");
    }
    if affinity != "ClientIP" {
        return;
    }
    let detail = "when session affinity type is ClientIP";
    let client = config.and_then(|config| child(config, "clientIP"));
    match (config, client, client.and_then(|client| number(client, "timeoutSeconds"))) {
        (None, _, _) => faults.required(path, detail),
        (Some(_), None, _) => faults.required(&format!("{path}.clientIP"), detail),
        (Some(_), Some(_), None) => faults.required(&format!("{path}.clientIP.timeoutSeconds"), detail),
        (Some(_), Some(_), Some(seconds)) => {
            if !(1..=MAX_AFFINITY_SECONDS).contains(&seconds) {
                let detail = format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
                faults.invalid(&format!("{path}.clientIP.timeoutSeconds"), &seconds.to_string(), &detail);
            }
        }
    }
}

/// Checks addresses and families against each other; allocation asks the same before it begins.
pub(crate) fn addresses_and_families(faults: &mut Faults, spec: &Value) {
    if text(spec, "type") == "ExternalName" {
        return;
    }
    let (first, all) = (text(spec, "clusterIP"), texts(spec, "clusterIPs"));
    let path = "spec.clusterIPs";
    match all.first() {
        None if !first.is_empty() => faults.required(path, ""),
        Some(_) if first.is_empty() => {
            faults.invalid(path, &shown(&all), "must be empty when `clusterIP` is not specified");
        }
        Some(other) if *other != first => faults.invalid(path, &shown(&all), "first value must match `clusterIP`"),
        Some(_) | None => {}
    }
    let families = texts(spec, "ipFamilies");
    let mut seen = BTreeSet::new();
    for (index, family) in families.iter().enumerate() {
        let path = format!("spec.ipFamilies[{index}]");
        faults.one_of(&path, family, &["IPv4", "IPv6"]);
        if !seen.insert(family) {
            faults.duplicate(&path, family);
        }
    }
    if let Some(policy) = spec.get("ipFamilyPolicy").and_then(Value::as_str) {
        let known = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        faults.one_of("spec.ipFamilyPolicy", policy, &known);
    }
    let mut wrong = false;
    for (index, address) in all.iter().enumerate() {
        if index == 0 && *address == "None" {
            if all.len() > 1 {
                wrong = true;
                faults.invalid(path, &shown(&all), "'None' must be the first and only value");
            }
        } else if let Some(detail) = names::address(address) {
            wrong = true;
            faults.invalid_text(&format!("{path}[{index}]"), address, detail);
        }
    }
    if all.len() > 2 {
        faults.invalid(path, &shown(&all), "may only hold up to 2 values");
    }
    if wrong {
        return;
    }
    let is_v6 = |address: &&str| address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
    let of_one_family = !all.iter().any(is_v6) || all.iter().all(is_v6);
    if all.len() > 1 && of_one_family {
        faults.invalid(path, &shown(&all), "may specify no more than one IP for each IP family");
    }
    if is_headless(spec) {
        return;
    }
    for (index, (address, family)) in all.iter().zip(&families).enumerate() {
        let fits = if is_v6(address) { "IPv6" } else { "IPv4" };
        if *family != fits && ["IPv4", "IPv6"].contains(family) {
            let detail = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            faults.invalid_text(&format!("{path}[{index}]"), address, &detail);
        }
    }
}

fn external_addresses(faults: &mut Faults, spec: &Value) {
    for (index, address) in texts(spec, "externalIPs").into_iter().enumerate() {
        let path = format!("spec.externalIPs[{index}]");
        match names::address(address) {
            Some(detail) => faults.invalid_text(&path, address, detail),
            None => special_address(faults, address, &path),
        }
    }
}

/// Checks that an address is none that means something of its own to a host.
pub(crate) fn special_address(faults: &mut Faults, address: &str, path: &str) {
    let Ok(parsed) = address.parse::<IpAddr>() else { return };
    let (link_local, link_local_multicast) = match parsed {
        IpAddr::V4(parsed) => (parsed.is_link_local(), parsed.octets().starts_with(&[224, 0, 0])),
        IpAddr::V6(parsed) => {
            let head = parsed.segments()[0];
            (head & 0xffc0 == 0xfe80, head & 0xff0f == 0xff02)
        }
    };
    let rules = [
        (parsed.is_unspecified(), "may not be unspecified (0.0.0.0 or ::)"),
        (parsed.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (link_local_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ];
    for (_, detail) in rules.iter().filter(|(broken, _)| *broken) {
        faults.invalid_text(path, address, detail);
    }
}

fn repeated_ports(faults: &mut Faults, ports: &[Value], kind: &str) {
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}].nodePort");
        let node_port = number(port, "nodePort").unwrap_or_default();
        if kind == "ClusterIP" && node_port != 0 {
            faults.forbidden(&path, "may not be used when `type` is 'ClusterIP'");
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let node_port = number(port, "nodePort").unwrap_or_default();
        if node_port != 0 && !seen.insert((text(port, "protocol"), node_port)) {
            faults.duplicate_value(&format!("spec.ports[{index}].nodePort"), &node_port.to_string());
        }
    }
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let (protocol, number) = (text(port, "protocol"), number(port, "port").unwrap_or_default());
        if !seen.insert((protocol, number)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\
                 \"NodePort\":0}}",
                quoted(protocol),
            );
            faults.duplicate_value(&format!("spec.ports[{index}]"), &shown);
        }
    }
}

fn load_balancer(faults: &mut Faults, service: &Value, kind: &str) {
    let spec = &service["spec"];
    let only = "may only be used when `type` is 'LoadBalancer'";
    let ranges = texts(spec, "loadBalancerSourceRanges");
    let annotation = service.pointer("/metadata/annotations").and_then(|annotations| annotations.get(SOURCE_RANGES));
    if !ranges.is_empty() {
        // The field's path has a capital letter in the server's messages.
        let path = "spec.LoadBalancerSourceRanges";
        if kind != "LoadBalancer" {
            faults.forbidden(path, only);
        }
        for (index, range) in ranges.into_iter().enumerate() {
            if let Some(detail) = names::range(range.trim()) {
                faults.invalid_text(&format!("{path}[{index}]"), range.trim(), detail);
            }
        }
    } else if let Some(annotation) = annotation.and_then(Value::as_str) {
        let path = format!("metadata.annotations[{SOURCE_RANGES}]");
        if kind != "LoadBalancer" {
            faults.forbidden(&path, only);
        }
        for range in annotation.trim().split(',').map(str::trim).filter(|_| !annotation.trim().is_empty()) {
            if let Some(detail) = names::range(range) {
                faults.invalid_text(&path, range, detail);
            }
        }
    }
    let allocates = spec.get("allocateLoadBalancerNodePorts").is_some();
    match (kind == "LoadBalancer", allocates) {
        (false, true) => faults.forbidden("spec.allocateLoadBalancerNodePorts", only),
        (true, false) => faults.required("spec.allocateLoadBalancerNodePorts", ""),
        (true, true) | (false, false) => {}
    }
    if let Some(class) = spec.get("loadBalancerClass").and_then(Value::as_str) {
        if kind == "LoadBalancer" {
            faults.invalid_texts("spec.loadBalancerClass", class, &names::qualified(class));
        } else {
            faults.forbidden("spec.loadBalancerClass", only);
        }
    }
}

/// Whether a Service is reached from outside the cluster.
pub(crate) fn is_external(spec: &Value) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !list(spec, "externalIPs").is_empty(),
        _ => false,
    }
}

/// Whether a load balancer must ask the nodes which of them has pods.
pub(crate) fn needs_health_check(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn policies(faults: &mut Faults, spec: &Value, kind: &str) {
    let policy = text(spec, "externalTrafficPolicy");
    let path = "spec.externalTrafficPolicy";
    if is_external(spec) {
        faults.required_one_of(path, policy, &["Cluster", "Local"]);
    } else if !policy.is_empty() {
        faults.invalid_text(path, policy, "may only be set for externally-accessible services");
    }
    let path = "spec.healthCheckNodePort";
    let port = number(spec, "healthCheckNodePort").unwrap_or_default();
    if needs_health_check(spec) {
        if port == 0 {
            faults.required(path, "");
        } else {
            faults.port_number(path, port);
        }
    } else if port != 0 {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        faults.invalid(path, &port.to_string(), detail);
    }
    let path = "spec.internalTrafficPolicy";
    match spec.get("internalTrafficPolicy").and_then(Value::as_str) {
        Some(policy) => faults.one_of(path, policy, &["Cluster", "Local"]),
        None if ["ClusterIP", "NodePort", "LoadBalancer"].contains(&kind) => faults.required(path, ""),
        None => {}
    }
    if let Some(distribution) = spec.get("trafficDistribution").and_then(Value::as_str) {
        let known = ["PreferClose", "PreferSameNode", "PreferSameZone"];
        faults.one_of("spec.trafficDistribution", distribution, &known);
    }
}

/// Checks what may not change.
pub(crate) fn change(faults: &mut Faults, old: &Value, new: &Value) {
    let (was, is) = (&old["spec"], &new["spec"]);
    let external = |spec: &Value| text(spec, "type") == "ExternalName";
    if !external(was) && !external(is) {
        if !(is_headless(was) && is_headless(is)) {
            kept(faults, was, is, "clusterIPs", "primary clusterIP can not be unset");
        }
        kept(faults, was, is, "ipFamilies", "primary ipFamily can not be unset");
    }
    let balanced = |spec: &Value| text(spec, "type") == "LoadBalancer";
    if balanced(was) && balanced(is) && was.get("loadBalancerClass") != is.get("loadBalancerClass") {
        let shown = is.get("loadBalancerClass").unwrap_or(&Value::Null).to_string();
        faults.invalid("spec.loadBalancerClass", &shown, "may not change once set");
    }
    check(faults, new);
}

/// The first item of a list stays, the second may come and go.
fn kept(faults: &mut Faults, was: &Value, is: &Value, key: &str, unset: &str) {
    let (was, now) = (texts(was, key), texts(is, key));
    let path = |index: usize| format!("spec.{key}[{index}]");
    if now.is_empty() && !was.is_empty() {
        faults.invalid(&path(0), &shown(&now), unset);
        return;
    }
    let compared = if was.len() == now.len() { was.len() } else { 1 };
    for (index, (old, new)) in was.iter().zip(&now).take(compared).enumerate() {
        if old != new {
            faults.invalid(&path(index), &shown(&now), "may not change once set");
        }
    }
    if was.len() > now.len() && now.len() == 1 && text(is, "ipFamilyPolicy") != "SingleStack" {
        let shown = is.get("ipFamilyPolicy").unwrap_or(&Value::Null).to_string();
        let released = if key == "clusterIPs" { "clusterIP" } else { "ipFamily" };
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {released}");
        faults.invalid("spec.ipFamilyPolicy", &shown, &detail);
    }
}
