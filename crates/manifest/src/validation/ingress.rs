//! Ingresses.

use super::read::{child, entries, list, number, text, texts};
use super::{Faults, names};
use serde_json::Value;
use std::net::IpAddr;

/// The annotation by which a class was named before there was a field.
const CLASS: &str = "kubernetes.io/ingress.class";

/// Checks an Ingress; `new` says that it is about to be made.
pub(crate) fn check(faults: &mut Faults, ingress: &Value, new: bool) {
    let spec = &ingress["spec"];
    let class = spec.get("ingressClassName").and_then(Value::as_str);
    let annotation = entries(&ingress["metadata"], "annotations").into_iter().find(|(key, _)| *key == CLASS);
    let default = child(spec, "defaultBackend");
    let rules = list(spec, "rules");
    if rules.is_empty() && default.is_none() {
        faults.invalid("spec", "null", "either `defaultBackend` or `rules` must be specified");
    }
    if let Some(default) = default {
        backend(faults, default, "spec.defaultBackend");
    }
    for (index, rule) in rules.iter().enumerate() {
        self::rule(faults, rule, &format!("spec.rules[{index}]"));
    }
    for (index, tls) in list(spec, "tls").iter().enumerate() {
        for (position, host) in texts(tls, "hosts").into_iter().enumerate() {
            host_name(faults, host, &format!("spec.tls[{index}].hosts[{position}]"));
        }
        let secret = text(tls, "secretName");
        if !secret.is_empty() {
            faults.invalid_texts(&format!("spec.tls[{index}].secretName"), secret, &names::subdomain(secret));
        }
    }
    if let Some(class) = class {
        faults.invalid_texts("spec.ingressClassName", class, &names::subdomain(class));
    }
    if let (true, Some((_, annotated)), Some(class)) = (new, annotation, class)
        && annotated != class
    {
        let detail = "must match `ingressClassName` when both are specified";
        faults.invalid_text(&format!("metadata.annotations[{CLASS}]"), annotated, detail);
    }
}

fn host_name(faults: &mut Faults, host: &str, path: &str) {
    let Some(rest) = host.strip_prefix("*.").filter(|_| host.contains('*')) else {
        if host.contains('*') {
            let detail = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which \
                          must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric \
                          character (e.g. '*.example.com', regex used for validation is \
                          '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
            faults.invalid_text(path, host, detail);
        } else {
            faults.invalid_texts(path, host, &names::subdomain(host));
        }
        return;
    };
    if !names::subdomain(rest).is_empty() {
        faults.invalid_texts(path, host, &names::subdomain(rest));
    }
}

fn rule(faults: &mut Faults, rule: &Value, path: &str) {
    let host = text(rule, "host");
    if !host.is_empty() {
        if host.parse::<IpAddr>().is_ok() {
            faults.invalid_text(&format!("{path}.host"), host, "must be a DNS name, not an IP address");
        }
        host_name(faults, host, &format!("{path}.host"));
    }
    let Some(http) = child(rule, "http") else { return };
    let paths = list(http, "paths");
    if paths.is_empty() {
        faults.required(&format!("{path}.http.paths"), "");
    }
    for (index, item) in paths.iter().enumerate() {
        let path = format!("{path}.http.paths[{index}]");
        http_path(faults, item, &path);
        backend(faults, &item["backend"], &format!("{path}.backend"));
    }
}

fn http_path(faults: &mut Faults, item: &Value, path: &str) {
    let Some(kind) = item.get("pathType").and_then(Value::as_str) else {
        faults.required(&format!("{path}.pathType"), "pathType must be specified");
        return;
    };
    let local = text(item, "path");
    let at = format!("{path}.path");
    match kind {
        "Exact" | "Prefix" => {
            if !local.starts_with('/') {
                faults.invalid_text(&at, local, "must be an absolute path");
            }
            if local.is_empty() {
                return;
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|part| local.contains(part)) {
                faults.invalid_text(&at, local, &format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."].into_iter().filter(|end| local.ends_with(end)) {
                faults.invalid_text(&at, local, &format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !local.is_empty() && !local.starts_with('/') {
                faults.invalid_text(&at, local, "must be an absolute path");
            }
        }
        other => {
            faults.one_of(&format!("{path}.pathType"), other, &["Exact", "ImplementationSpecific", "Prefix"]);
        }
    }
}

fn backend(faults: &mut Faults, backend: &Value, path: &str) {
    let (service, resource) = (child(backend, "service"), child(backend, "resource"));
    if resource.is_some() && service.is_some() {
        faults.unfit(path, "cannot set both resource and service backends");
        return;
    }
    if let Some(resource) = resource {
        for key in ["kind", "name"] {
            if text(resource, key).is_empty() {
                faults.required(&format!("{path}.resource.{key}"), "");
            }
        }
        return;
    }
    let Some(service) = service else {
        faults.required(path, "must specify either a service or a resource backend");
        return;
    };
    let path = format!("{path}.service");
    match text(service, "name") {
        "" => faults.required(&format!("{path}.name"), ""),
        name => faults.invalid_texts(&format!("{path}.name"), name, &names::label(name)),
    }
    let port = &service["port"];
    let (name, number) = (text(port, "name"), number(port, "number").unwrap_or_default());
    match (name.is_empty(), number == 0) {
        (true, true) => faults.required(&path, "port name or number is required"),
        (false, false) => faults.unfit(&path, "cannot set both port name & port number"),
        (false, true) => faults.invalid_texts(&format!("{path}.port.name"), name, &names::port_name(name)),
        (true, false) => faults.port_number(&format!("{path}.port.number"), number),
    }
}
