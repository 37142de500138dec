//! Pods, and what is in their specs beside containers.

use super::container::{self, Surroundings};
use super::read::{child, entries, is_set, list, number, text, texts};
use super::{Faults, metadata, names, placement, volume};
use serde_json::Value;
use std::net::IpAddr;

/// Checks the spec of a pod or of a template.
pub(crate) fn spec(faults: &mut Faults, spec: &Value, path: &str) {
    let around = Surroundings {
        volumes: list(spec, "volumes").iter().map(|volume| text(volume, "name")).collect(),
        grace: number(spec, "terminationGracePeriodSeconds").unwrap_or(30),
        in_template: path != "spec",
    };
    volume::volumes(faults, spec, path);
    container::containers(faults, spec, path, &around);
    container::init_containers(faults, spec, path, &around);
    if !text(spec, "restartPolicy").is_empty() {
        let known = ["Always", "Never", "OnFailure"];
        faults.one_of(&format!("{path}.restartPolicy"), text(spec, "restartPolicy"), &known);
    }
    dns(faults, spec, path);
    let node_selector = format!("{path}.nodeSelector");
    metadata::labels(faults, &entries(spec, "nodeSelector"), &node_selector);
    security(faults, spec, path);
    placement::affinity(faults, spec, path);
    placement::gates(faults, spec, path);
    placement::spreading(faults, spec, path);
    for key in ["serviceAccountName", "nodeName"] {
        let name = text(spec, key);
        if !name.is_empty() {
            faults.invalid_texts(&format!("{path}.{key}"), name, &names::subdomain(name));
        }
    }
    if let Some(deadline) = number(spec, "activeDeadlineSeconds")
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        faults.invalid(&format!("{path}.activeDeadlineSeconds"), &deadline.to_string(), detail);
    }
    for key in ["hostname", "subdomain"] {
        host_name(faults, text(spec, key), &format!("{path}.{key}"));
    }
    placement::tolerations(faults, spec, path);
    host_aliases(faults, spec, path);
    for (index, gate) in list(spec, "readinessGates").iter().enumerate() {
        let kind = text(gate, "conditionType");
        faults.invalid_texts(&format!("{path}.readinessGates[{index}].conditionType"), kind, &names::qualified(kind));
    }
    let class = text(spec, "priorityClassName");
    if !class.is_empty() {
        faults.invalid_texts(&format!("{path}.priorityClassName"), class, &names::subdomain(class));
    }
    if is_set(spec, "hostNetwork") {
        ports_of_host(faults, spec, path);
    }
}

/// On the network of the node a container has no ports of its own.
fn ports_of_host(faults: &mut Faults, spec: &Value, path: &str) {
    for (index, container) in list(spec, "containers").iter().enumerate() {
        for (position, port) in list(container, "ports").iter().enumerate() {
            let given = number(port, "containerPort").unwrap_or_default();
            if number(port, "hostPort").unwrap_or_default() != given {
                let path = format!("{path}.containers[{index}].ports[{position}].containerPort");
                faults.invalid(&path, &given.to_string(), "must match `hostPort` when `hostNetwork` is true");
            }
        }
    }
}

fn host_name(faults: &mut Faults, name: &str, path: &str) {
    if name.is_empty() {
        return;
    }
    if name.contains('.') {
        faults.invalid_text(path, name, "must not contain dots");
    } else if name.len() > 63 {
        faults.invalid_text(path, name, "must be no more than 63 characters");
    } else {
        faults.invalid_texts(path, name, &names::label(name));
    }
}

fn dns(faults: &mut Faults, spec: &Value, path: &str) {
    let policy = text(spec, "dnsPolicy");
    if !policy.is_empty() {
        let known = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
        faults.one_of(&format!("{path}.dnsPolicy"), policy, &known);
    }
    let config = child(spec, "dnsConfig");
    let path = format!("{path}.dnsConfig");
    if policy == "None" {
        match config {
            None => faults.required(&path, "must provide `dnsConfig` when `dnsPolicy` is None"),
            Some(config) if texts(config, "nameservers").is_empty() => {
                let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
                faults.required(&format!("{path}.nameservers"), detail);
            }
            Some(_) => {}
        }
    }
    let Some(config) = config else { return };
    let servers = texts(config, "nameservers");
    if servers.len() > 3 {
        let shown = Value::from(servers.clone()).to_string();
        faults.invalid(&format!("{path}.nameservers"), &shown, "must not have more than 3 nameservers");
    }
    for (index, server) in servers.into_iter().enumerate() {
        address(faults, server, &format!("{path}.nameservers[{index}]"));
    }
    let searches = texts(config, "searches");
    let path_of_searches = format!("{path}.searches");
    if searches.len() > 32 {
        let shown = Value::from(searches.clone()).to_string();
        faults.invalid(&path_of_searches, &shown, "must not have more than 32 search paths");
    }
    if searches.join(" ").len() > 2_048 {
        let shown = Value::from(searches.clone()).to_string();
        let detail = "must not have more than 2048 characters (including spaces) in the search list";
        faults.invalid(&path_of_searches, &shown, detail);
    }
    for (index, search) in searches.into_iter().enumerate().filter(|(_, search)| *search != ".") {
        let name = search.strip_suffix('.').unwrap_or(search);
        // Underscores are let pass here, though they are none of a name's letters.
        faults.invalid_texts(
            &format!("{path_of_searches}[{index}]"),
            search,
            &names::subdomain(&name.replace('_', "a")),
        );
    }
    for (index, option) in list(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            faults.required(&format!("{path}.options[{index}]"), "must not be empty");
        }
    }
}

fn address(faults: &mut Faults, text: &str, path: &str) {
    if text.parse::<IpAddr>().is_err() {
        faults.invalid_text(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}

fn host_aliases(faults: &mut Faults, spec: &Value, path: &str) {
    for (index, alias) in list(spec, "hostAliases").iter().enumerate() {
        let path = format!("{path}.hostAliases[{index}]");
        address(faults, text(alias, "ip"), &format!("{path}.ip"));
        for (index, name) in texts(alias, "hostnames").into_iter().enumerate() {
            faults.invalid_texts(&format!("{path}.hostnames[{index}]"), name, &names::subdomain(name));
        }
    }
}

fn security(faults: &mut Faults, spec: &Value, path: &str) {
    let path = format!("{path}.securityContext");
    if is_set(spec, "hostPID") && is_set(spec, "shareProcessNamespace") {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        faults.invalid(&format!("{path}.shareProcessNamespace"), "true", detail);
    }
    let Some(context) = child(spec, "securityContext") else { return };
    for (index, sysctl) in list(context, "sysctls").iter().enumerate() {
        let name = text(sysctl, "name");
        let path = format!("{path}.sysctls[{index}].name");
        if name.is_empty() {
            faults.required(&path, "");
        } else if !is_sysctl(name) {
            let detail = "must have at most 253 characters and match regex \
                          ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            faults.invalid_text(&path, name, detail);
        }
    }
    container::identities(faults, context, &path, &["runAsUser", "runAsGroup", "fsGroup"]);
    for (index, group) in list(context, "supplementalGroups").iter().enumerate() {
        if let Some(id) = group.as_i64().filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
            let detail = "must be between 0 and 2147483647, inclusive";
            faults.invalid(&format!("{path}.supplementalGroups[{index}]"), &id.to_string(), detail);
        }
    }
    if let Some(policy) = context.get("fsGroupChangePolicy").and_then(Value::as_str) {
        faults.one_of(&format!("{path}.fsGroupChangePolicy"), policy, &["Always", "OnRootMismatch"]);
    }
    container::seccomp(faults, context, &path);
}

fn is_sysctl(name: &str) -> bool {
    let outer = |letter: &u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(outer)
                && bytes.last().is_some_and(outer)
                && bytes.iter().all(|letter| outer(letter) || b"-_".contains(letter))
        })
}
