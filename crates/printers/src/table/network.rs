//! Services, their endpoints, and Ingresses.

use super::cells::{age, first, join, labels, text_or};
use super::{Column, Layout};
use crate::field::Field;
use serde_json::Value;
use std::collections::BTreeSet;

/// Endpoints, ports and hosts that a cell shows before it only counts them.
const SHOWN: usize = 3;
/// Longest list of load balancer addresses that is shown whole, in bytes.
const LOAD_BALANCER_WIDTH: usize = 16;

pub(super) static SERVICE: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Type"),
        Column::text("Cluster-IP"),
        Column::text("External-IP"),
        Column::text("Port(s)"),
        Column::AGE,
        Column::wide("Selector"),
    ],
    cells: |service, present| {
        let ip = service.items(&["spec", "clusterIPs"]).first().and_then(Value::as_str);
        let ip = ip.unwrap_or_else(|| service.text(&["spec", "clusterIP"]));
        let ports: Vec<String> = service.items(&["spec", "ports"]).iter().map(port).collect();
        vec![
            service.name().into(),
            service.text(&["spec", "type"]).into(),
            text_or(ip, "<none>").into(),
            external_ip(service, present.wide).into(),
            text_or(&ports.join(","), "<none>").into(),
            age(service, present),
            labels(service.at(&["spec", "selector"])).into(),
        ]
    },
};

fn port(port: &Value) -> String {
    let (number, protocol) = (port.count(&["port"]), port.text(&["protocol"]));
    match port.count(&["nodePort"]) {
        node if node > 0 => format!("{number}:{node}/{protocol}"),
        _ => format!("{number}/{protocol}"),
    }
}

/// The addresses from outside, whose words for none differ by the type of the service.
fn external_ip(service: &Value, wide: bool) -> String {
    let own = join(service.items(&["spec", "externalIPs"]).iter().filter_map(Value::as_str));
    match service.text(&["spec", "type"]) {
        "ClusterIP" | "NodePort" => text_or(&own, "<none>").into(),
        "LoadBalancer" => {
            let balancer = load_balancer(service, wide);
            match (balancer.is_empty(), own.is_empty()) {
                (true, true) => "<pending>".into(),
                (true, false) => own,
                (false, true) => balancer,
                (false, false) => format!("{balancer},{own}"),
            }
        }
        "ExternalName" => service.text(&["spec", "externalName"]).into(),
        _ => "<unknown>".into(),
    }
}

/// The addresses of a load balancer in order, cut off unless there is room.
pub(crate) fn load_balancer(object: &Value, wide: bool) -> String {
    let ingress = object.items(&["status", "loadBalancer", "ingress"]).iter();
    let addresses: BTreeSet<&str> =
        ingress.map(|ingress| text_or(ingress.text(&["ip"]), ingress.text(&["hostname"]))).collect();
    let joined = join(addresses.into_iter().filter(|address| !address.is_empty()));
    if wide || joined.len() <= LOAD_BALANCER_WIDTH {
        return joined;
    }
    // Addresses are ASCII; where one is not, the cut moves back to where a letter begins.
    let end = (0..LOAD_BALANCER_WIDTH - 2).rev().find(|end| joined.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &joined[..end])
}

pub(super) static ENDPOINTS: Layout = Layout {
    columns: &[Column::NAME, Column::text("Endpoints"), Column::AGE],
    cells: |object, present| vec![object.name().into(), endpoints(object).into(), age(object, present)],
};

/// Each ready address with each port.
fn endpoints(object: &Value) -> String {
    let subsets = object.items(&["subsets"]);
    if subsets.is_empty() {
        return "<none>".into();
    }
    let (mut shown, mut count) = (Vec::new(), 0_usize);
    for subset in subsets {
        let (addresses, ports) = (subset.items(&["addresses"]), subset.items(&["ports"]));
        count = count.saturating_add(addresses.len().saturating_mul(ports.len().max(1)));
        let room = |shown: &Vec<String>| SHOWN.saturating_sub(shown.len());
        if ports.is_empty() {
            shown.extend(addresses.iter().take(room(&shown)).map(|address| address.text(&["ip"]).to_owned()));
        }
        for port in ports {
            let number = port.count(&["port"]);
            let pairs = addresses.iter().take(room(&shown));
            shown.extend(pairs.map(|address| host_and_port(address.text(&["ip"]), &number.to_string())));
        }
    }
    first(SHOWN, &shown, count)
}

/// An address with a port, in brackets if it has colons itself.
pub(crate) fn host_and_port(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

pub(super) static ENDPOINT_SLICE: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("AddressType"),
        Column::text("Ports"),
        Column::text("Endpoints"),
        Column::AGE,
    ],
    cells: |slice, present| {
        let ports: Vec<String> = slice.items(&["ports"]).iter().map(slice_port).collect();
        let addresses: Vec<String> = slice
            .items(&["endpoints"])
            .iter()
            .flat_map(|endpoint| endpoint.items(&["addresses"]))
            .map(|address| address.as_str().unwrap_or_default().to_owned())
            .collect();
        let shown = |texts: &[String]| match texts {
            [] => "<unset>".to_owned(),
            texts => first(SHOWN, texts, texts.len()),
        };
        vec![
            slice.name().into(),
            slice.text(&["addressType"]).into(),
            shown(&ports).into(),
            shown(&addresses).into(),
            age(slice, present),
        ]
    },
};

/// The number of a port, or its name, or a star for all.
fn slice_port(port: &Value) -> String {
    match (port.number(&["port"]), port.at(&["name"]).and_then(Value::as_str)) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.into(),
        (None, None) => "*".into(),
    }
}

pub(super) static INGRESS: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Class"),
        Column::text("Hosts"),
        Column::text("Address"),
        Column::text("Ports"),
        Column::AGE,
    ],
    cells: |ingress, present| {
        let class = ingress.text(&["spec", "ingressClassName"]);
        let ports = if ingress.items(&["spec", "tls"]).is_empty() { "80" } else { "80, 443" };
        vec![
            ingress.name().into(),
            text_or(class, "<none>").into(),
            hosts(ingress.items(&["spec", "rules"])).into(),
            load_balancer(ingress, present.wide).into(),
            ports.into(),
            age(ingress, present),
        ]
    },
};

/// Hosts of rules. Rules without a host are counted among those left out, as upstream does.
fn hosts(rules: &[Value]) -> String {
    let (mut shown, mut more) = (Vec::new(), false);
    for rule in rules {
        let host = rule.text(&["host"]);
        more |= shown.len() == SHOWN;
        if !more && !host.is_empty() {
            shown.push(host.to_owned());
        }
    }
    match shown.as_slice() {
        [] => "*".into(),
        shown if more => first(SHOWN, shown, rules.len()),
        shown => shown.join(","),
    }
}
