//! Endpoints and EndpointSlices.

use super::read::{list, number, text, texts};
use super::service::special_address;
use super::{Faults, names};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

const MOST_ENDPOINTS: usize = 1_000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;

/// Checks Endpoints.
pub(crate) fn endpoints(faults: &mut Faults, endpoints: &Value) {
    for (index, subset) in list(endpoints, "subsets").iter().enumerate() {
        let path = format!("subsets[{index}]");
        let (ready, other) = (list(subset, "addresses"), list(subset, "notReadyAddresses"));
        if ready.is_empty() && other.is_empty() {
            faults.required(&path, "must specify `addresses` or `notReadyAddresses`");
        }
        for (key, addresses) in [("addresses", ready), ("notReadyAddresses", other)] {
            for (index, address) in addresses.iter().enumerate() {
                self::address(faults, address, &format!("{path}.{key}[{index}]"));
            }
        }
        let ports = list(subset, "ports");
        for (index, port) in ports.iter().enumerate() {
            let path = format!("{path}.ports[{index}]");
            let name = text(port, "name");
            if !name.is_empty() {
                faults.invalid_texts(&format!("{path}.name"), name, &names::label(name));
            } else if ports.len() > 1 {
                faults.required(&format!("{path}.name"), "");
            }
            faults.port_number(&format!("{path}.port"), number(port, "port").unwrap_or_default());
            faults.required_one_of(&format!("{path}.protocol"), text(port, "protocol"), &["SCTP", "TCP", "UDP"]);
            app_protocol(faults, port, &path);
        }
    }
}

fn address(faults: &mut Faults, address: &Value, path: &str) {
    let ip = text(address, "ip");
    match names::address(ip) {
        Some(detail) => faults.invalid_text(&format!("{path}.ip"), ip, detail),
        None => special_address(faults, ip, &format!("{path}.ip")),
    }
    let name = text(address, "hostname");
    if !name.is_empty() {
        faults.invalid_texts(&format!("{path}.hostname"), name, &names::label(name));
    }
    if let Some(node) = address.get("nodeName").and_then(Value::as_str) {
        faults.invalid_texts(&format!("{path}.nodeName"), node, &names::subdomain(node));
    }
}

fn app_protocol(faults: &mut Faults, port: &Value, path: &str) {
    if let Some(protocol) = port.get("appProtocol").and_then(Value::as_str) {
        faults.invalid_texts(&format!("{path}.appProtocol"), protocol, &names::qualified(protocol));
    }
}

/// Checks an EndpointSlice.
pub(crate) fn slice(faults: &mut Faults, slice: &Value) {
    let kind = text(slice, "addressType");
    faults.required_one_of("addressType", kind, &["FQDN", "IPv4", "IPv6"]);
    let endpoints = list(slice, "endpoints");
    if endpoints.len() > MOST_ENDPOINTS {
        faults.too_many("endpoints", endpoints.len(), MOST_ENDPOINTS);
        return;
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        self::endpoint(faults, endpoint, kind, &format!("endpoints[{index}]"));
    }
    let ports = list(slice, "ports");
    if ports.len() > MOST_PORTS {
        faults.too_many("ports", ports.len(), MOST_PORTS);
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("ports[{index}]");
        let name = text(port, "name");
        if !name.is_empty() {
            faults.invalid_texts(&format!("{path}.name"), name, &names::label(name));
        }
        if !seen.insert(name) {
            faults.duplicate(&format!("{path}.name"), name);
        }
        faults.required_one_of(&format!("{path}.protocol"), text(port, "protocol"), &["SCTP", "TCP", "UDP"]);
        app_protocol(faults, port, &path);
    }
}

fn endpoint(faults: &mut Faults, endpoint: &Value, kind: &str, path: &str) {
    let addresses = texts(endpoint, "addresses");
    let addresses_path = format!("{path}.addresses");
    if addresses.is_empty() {
        faults.required(&addresses_path, "must contain at least 1 address");
    } else if addresses.len() > MOST_ADDRESSES {
        faults.too_many(&addresses_path, addresses.len(), MOST_ADDRESSES);
    }
    for (index, address) in addresses.into_iter().enumerate() {
        let path = format!("{addresses_path}[{index}]");
        match kind {
            "IPv4" if address.parse::<Ipv4Addr>().is_err() => {
                faults.invalid_text(&path, address, "must be a valid IPv4 address");
            }
            "IPv6" if address.parse::<Ipv6Addr>().is_err() => {
                faults.invalid_text(&path, address, "must be a valid IPv6 address");
            }
            "IPv4" | "IPv6" => special_address(faults, address, &path),
            "FQDN" => faults.invalid_texts(&path, address, &names::subdomain(address)),
            _ => {}
        }
    }
    for key in ["nodeName", "hostname"] {
        if let Some(name) = endpoint.get(key).and_then(Value::as_str) {
            let wrong = if key == "nodeName" { names::subdomain(name) } else { names::label(name) };
            faults.invalid_texts(&format!("{path}.{key}"), name, &wrong);
        }
    }
}

/// Checks what may not change of an EndpointSlice.
pub(crate) fn slice_change(faults: &mut Faults, old: &Value, new: &Value) {
    slice(faults, new);
    if text(old, "addressType") != text(new, "addressType") {
        faults.invalid_text("addressType", text(new, "addressType"), "field is immutable");
    }
}
