//! Services, their endpoints, and Ingresses.

use super::Related;
use super::page::{Page, or_none};
use crate::Now;
use crate::field::{Field, plain};
use crate::table::{first, host_and_port, labels, load_balancer};
use serde_json::Value;

/// Endpoints that a line shows before it only counts them.
const SHOWN: usize = 3;
const SERVICE_NAME: &str = "kubernetes.io/service-name";

fn joined(items: &[Value], separator: &str) -> String {
    items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(separator)
}

pub(super) fn service(page: &mut Page, service: &Value, related: &Related<'_>, _: Now) {
    page.head(service);
    page.metadata(service);
    let text = |key| service.text(&["spec", key]);
    let list = |key| joined(service.items(&["spec", key]), ",");
    let optional = |page: &mut Page, title: &str, text: &str| {
        if !text.is_empty() {
            page.entry(0, title, text);
        }
    };
    page.entry(0, "Selector", &labels(service.at(&["spec", "selector"])));
    page.entry(0, "Type", text("type"));
    optional(page, "IP Family Policy", text("ipFamilyPolicy"));
    page.entry(0, "IP Families", or_none(&list("ipFamilies")));
    page.entry(0, "IP", text("clusterIP"));
    page.entry(0, "IPs", or_none(&list("clusterIPs")));
    optional(page, "External IPs", &list("externalIPs"));
    optional(page, "Desired LoadBalancer IP", text("loadBalancerIP"));
    optional(page, "External Name", text("externalName"));
    optional(page, "LoadBalancer Ingress", &balancer(service));
    let slices: Vec<&Value> = slices_of(service, service.name(), related);
    for port in service.items(&["spec", "ports"]) {
        service_port(page, port, &slices);
    }
    page.entry(0, "Session Affinity", text("sessionAffinity"));
    optional(page, "External Traffic Policy", text("externalTrafficPolicy"));
    optional(page, "Internal Traffic Policy", text("internalTrafficPolicy"));
    if let Some(port) = service.number(&["spec", "healthCheckNodePort"]).filter(|port| *port != 0) {
        page.entry(0, "HealthCheck NodePort", &port.to_string());
    }
    optional(page, "LoadBalancer Source Ranges", &list("loadBalancerSourceRanges"));
}

fn service_port(page: &mut Page, port: &Value, slices: &[&Value]) {
    let (number, protocol) = (port.count(&["port"]), port.text(&["protocol"]));
    let name = match port.text(&["name"]) {
        "" => "<unset>",
        name => name,
    };
    page.entry(0, "Port", &format!("{name}\t{number}/{protocol}"));
    let target = port.at(&["targetPort"]).map_or_else(|| "0".into(), |target| plain(Some(target)));
    page.entry(0, "TargetPort", &format!("{target}/{protocol}"));
    if let Some(node) = port.number(&["nodePort"]).filter(|node| *node != 0) {
        page.entry(0, "NodePort", &format!("{name}\t{node}/{protocol}"));
    }
    page.entry(0, "Endpoints", &slice_endpoints(slices, port.text(&["name"])));
}

/// The addresses of a load balancer in their own order.
fn balancer(service: &Value) -> String {
    let addresses = service.items(&["status", "loadBalancer", "ingress"]).iter().map(|ingress| {
        match (ingress.text(&["ip"]), ingress.text(&["ipMode"])) {
            ("", _) => ingress.text(&["hostname"]).to_owned(),
            (ip, "") => ip.to_owned(),
            (ip, mode) => format!("{ip} ({mode})"),
        }
    });
    addresses.collect::<Vec<_>>().join(", ")
}

/// The slices of a service, in the namespace of an object.
fn slices_of<'a>(beside: &'a Value, service: &str, related: &Related<'a>) -> Vec<&'a Value> {
    let slices = related.beside(beside, "EndpointSlice");
    slices.filter(|slice| slice.text(&["metadata", "labels", SERVICE_NAME]) == service).collect()
}

/// The ready endpoints of one named port. Unlike the others, an endpoint that is not ready can bring on the
/// count of those that are left out, as it does upstream.
fn slice_endpoints(slices: &[&Value], port_name: &str) -> String {
    if slices.is_empty() {
        return "<none>".into();
    }
    let (mut shown, mut count, mut more) = (Vec::new(), 0_usize, false);
    let mut visit = |endpoint: &Value, port: Option<&Value>| {
        more |= shown.len() == SHOWN;
        if endpoint.at(&["conditions", "ready"]).and_then(Value::as_bool) == Some(false) {
            return;
        }
        if !more {
            let address = endpoint.items(&["addresses"]).first().and_then(Value::as_str).unwrap_or_default();
            shown.push(match port {
                Some(port) => host_and_port(address, &port.count(&["port"]).to_string()),
                None => address.to_owned(),
            });
        }
        count = count.saturating_add(1);
    };
    for slice in slices {
        let (ports, endpoints) = (slice.items(&["ports"]), slice.items(&["endpoints"]));
        if ports.is_empty() {
            endpoints.iter().for_each(|endpoint| visit(endpoint, None));
        }
        for port in ports.iter().filter(|port| port.text(&["name"]) == port_name) {
            endpoints.iter().for_each(|endpoint| visit(endpoint, Some(port)));
        }
    }
    let left_out = count.saturating_sub(SHOWN);
    if more { format!("{} + {left_out} more...", shown.join(",")) } else { first(SHOWN, &shown, count) }
}

pub(super) fn endpoints(page: &mut Page, object: &Value, _: &Related<'_>, _: Now) {
    page.head(object);
    page.metadata(object);
    page.line(0, "Subsets:");
    for subset in object.items(&["subsets"]) {
        for (title, key) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let addresses = subset.items(&[key]).iter().map(|address| address.text(&["ip"]));
            page.entry(1, title, or_none(&addresses.collect::<Vec<_>>().join(",")));
        }
        let ports = subset.items(&["ports"]);
        if !ports.is_empty() {
            page.line(1, "Ports:");
            page.line(2, "Name\tPort\tProtocol");
            page.line(2, "----\t----\t--------");
            for port in ports {
                let number = port.count(&["port"]).to_string();
                page.line(2, &format!("{}\t{number}\t{}", unset(port, &["name"]), port.text(&["protocol"])));
            }
        }
        page.line(0, "");
    }
}

/// A value, or `<unset>`.
fn unset(value: &Value, path: &[&str]) -> String {
    match value.at(path) {
        None => "<unset>".into(),
        Some(Value::String(text)) if text.is_empty() => "<unset>".into(),
        found => plain(found),
    }
}

pub(super) fn endpoint_slice(page: &mut Page, slice: &Value, _: &Related<'_>, _: Now) {
    page.head(slice);
    page.metadata(slice);
    page.entry(0, "AddressType", slice.text(&["addressType"]));
    let ports = slice.items(&["ports"]);
    if ports.is_empty() {
        page.line(0, "Ports: <unset>");
    } else {
        page.line(0, "Ports:");
        page.line(1, "Name\tPort\tProtocol");
        page.line(1, "----\t----\t--------");
        for port in ports {
            let (name, number) = (unset(port, &["name"]), unset(port, &["port"]));
            page.line(1, &format!("{name}\t{number}\t{}", port.text(&["protocol"])));
        }
    }
    let endpoints = slice.items(&["endpoints"]);
    if endpoints.is_empty() {
        page.line(0, "Endpoints: <none>");
        return;
    }
    page.line(0, "Endpoints:");
    for endpoint in endpoints {
        page.line(1, &format!("- Addresses:\t{}", or_none(&joined(endpoint.items(&["addresses"]), ", "))));
        page.line(2, "Conditions:");
        page.entry(3, "Ready", &unset(endpoint, &["conditions", "ready"]));
        page.entry(2, "Hostname", &unset(endpoint, &["hostname"]));
        if let Some(target) = endpoint.at(&["targetRef"]) {
            page.entry(2, "TargetRef", &format!("{}/{}", target.kind(), target.text(&["name"])));
        }
        page.entry(2, "NodeName", &unset(endpoint, &["nodeName"]));
        page.entry(2, "Zone", &unset(endpoint, &["zone"]));
    }
}

pub(super) fn ingress(page: &mut Page, ingress: &Value, related: &Related<'_>, _: Now) {
    page.entry(0, "Name", ingress.name());
    page.labels("Labels", ingress.at(&["metadata", "labels"]));
    page.entry(0, "Namespace", ingress.namespace());
    page.entry(0, "Address", &load_balancer(ingress, true));
    page.entry(0, "Ingress Class", or_none(ingress.text(&["spec", "ingressClassName"])));
    let default = ingress.at(&["spec", "defaultBackend"]);
    let default = default.map_or_else(|| "<default>".into(), |default| backend(ingress, default, related));
    page.entry(0, "Default backend", &default);
    let certificates = ingress.items(&["spec", "tls"]);
    if !certificates.is_empty() {
        page.line(0, "TLS:");
        for certificate in certificates {
            let hosts = joined(certificate.items(&["hosts"]), ",");
            let line = match certificate.text(&["secretName"]) {
                "" => format!("SNI routes {hosts}"),
                secret => format!("{secret} terminates {hosts}"),
            };
            page.line(1, &line);
        }
    }
    page.line(0, "Rules:");
    page.line(1, "Host\tPath\tBackends");
    page.line(1, "----\t----\t--------");
    let mut rules = ingress.items(&["spec", "rules"]).iter().filter(|rule| rule.at(&["http"]).is_some()).peekable();
    if rules.peek().is_none() {
        page.line(1, &format!("*\t*\t{default}"));
    }
    for rule in rules {
        let host = rule.text(&["host"]);
        page.line(1, &format!("{}\t", if host.is_empty() { "*" } else { host }));
        for path in rule.items(&["http", "paths"]) {
            let target = path.at(&["backend"]).map(|target| backend(ingress, target, related)).unwrap_or_default();
            page.line(2, &format!("\t{} \t{target}", path.text(&["path"])));
        }
    }
    page.annotations("Annotations", ingress.at(&["metadata", "annotations"]));
}

/// Where an Ingress sends requests, with the endpoints behind it.
fn backend(ingress: &Value, backend: &Value, related: &Related<'_>) -> String {
    if let Some(resource) = backend.at(&["resource"]) {
        let group = resource.at(&["apiGroup"]).map_or_else(|| "<none>".into(), |group| plain(Some(group)));
        return format!("APIGroup: {group}, Kind: {}, Name: {}", resource.kind(), resource.text(&["name"]));
    }
    let Some(target) = backend.at(&["service"]) else { return String::new() };
    let (name, port_name) = (target.text(&["name"]), target.text(&["port", "name"]));
    let number = target.count(&["port", "number"]);
    let shown = if number == 0 { format!("{name}:{port_name}") } else { format!("{name}:{number}") };
    let Some(service) = related.beside(ingress, "Service").find(|service| service.name() == name) else {
        return format!("{shown} (<error: services \"{name}\" not found>)");
    };
    let mut ports = service.items(&["spec", "ports"]).iter().rev();
    let port = ports.find(|port| match number {
        0 => !port_name.is_empty() && port.text(&["name"]) == port_name,
        number => port.count(&["port"]) == number,
    });
    let port = port.map_or("", |port| port.text(&["name"]));
    format!("{shown} ({})", slice_endpoints(&slices_of(ingress, name, related), port))
}
