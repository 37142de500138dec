//! Containers: names, images, ports, mounts, security.

use super::read::{child, is_set, list, number, text};
use super::{Faults, environment, go_shown, names, probe, resources};
use serde_json::Value;
use std::collections::BTreeSet;

/// What of the pod matters to its containers.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// Names of the pod's volumes.
    pub(crate) volumes: Vec<&'a str>,
    /// Seconds of grace of the pod.
    pub(crate) grace: i64,
    /// Whether this is a template, of which the server asks a little less.
    pub(crate) in_template: bool,
}

/// Checks the ordinary containers of a pod.
pub(crate) fn containers(faults: &mut Faults, spec: &Value, path: &str, around: &Surroundings<'_>) {
    let path = format!("{path}.containers");
    let containers = list(spec, "containers");
    if containers.is_empty() {
        faults.required(&path, "");
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let path = format!("{path}[{index}]");
        common(faults, container, &path, around);
        let name = text(container, "name");
        if !name.is_empty() && !seen.insert(name) {
            faults.duplicate(&format!("{path}.name"), name);
        }
        probe::lifecycle(faults, container, &path, around.grace);
        probe::probes(faults, container, &path);
        restart_policy(faults, container, &path);
    }
    host_ports(faults, containers, &path);
}

/// Checks the init containers of a pod; only those that restart may have probes and hooks.
pub(crate) fn init_containers(faults: &mut Faults, spec: &Value, path: &str, around: &Surroundings<'_>) {
    let ordinary: BTreeSet<&str> = list(spec, "containers").iter().map(|container| text(container, "name")).collect();
    let mut seen = BTreeSet::new();
    for (index, container) in list(spec, "initContainers").iter().enumerate() {
        let path = format!("{path}.initContainers[{index}]");
        common(faults, container, &path, around);
        let name = text(container, "name");
        if !name.is_empty() && (ordinary.contains(name) || !seen.insert(name)) {
            faults.duplicate(&format!("{path}.name"), name);
        }
        restart_policy(faults, container, &path);
        if text(container, "restartPolicy") == "Always" {
            probe::lifecycle(faults, container, &path, around.grace);
            probe::probes(faults, container, &path);
            continue;
        }
        for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if child(container, key).is_some() {
                let detail = "may not be set for init containers without restartPolicy=Always";
                faults.forbidden(&format!("{path}.{key}"), detail);
            }
        }
    }
}

fn restart_policy(faults: &mut Faults, container: &Value, path: &str) {
    if let Some(policy) = container.get("restartPolicy").and_then(Value::as_str) {
        faults.one_of(&format!("{path}.restartPolicy"), policy, &["Always", "Never", "OnFailure"]);
    }
}

fn common(faults: &mut Faults, container: &Value, path: &str, around: &Surroundings<'_>) {
    let name = text(container, "name");
    if name.is_empty() {
        faults.required(&format!("{path}.name"), "");
    } else {
        faults.invalid_texts(&format!("{path}.name"), name, &names::label(name));
    }
    let image = text(container, "image");
    if image.is_empty() {
        faults.required(&format!("{path}.image"), "");
    } else if image.trim() != image && !around.in_template {
        faults.invalid_text(&format!("{path}.image"), image, "must not have leading or trailing whitespace");
    }
    let policy = text(container, "terminationMessagePolicy");
    faults.one_of(&format!("{path}.terminationMessagePolicy"), policy, &["FallbackToLogsOnError", "File"]);
    ports(faults, container, &format!("{path}.ports"));
    environment::variables(faults, container, &format!("{path}.env"));
    environment::sources(faults, container, &format!("{path}.envFrom"));
    mounts(faults, container, &format!("{path}.volumeMounts"), around);
    let policy = text(container, "imagePullPolicy");
    faults.one_of(&format!("{path}.imagePullPolicy"), policy, &["Always", "IfNotPresent", "Never"]);
    if let Some(resources) = child(container, "resources") {
        resources::check(faults, resources, &format!("{path}.resources"));
    }
    for resize in list(container, "resizePolicy") {
        let path = format!("{path}.resizePolicy");
        faults.one_of(&path, text(resize, "resourceName"), &["cpu", "memory"]);
        faults.one_of(&path, text(resize, "restartPolicy"), &["NotRequired", "RestartContainer"]);
    }
    if let Some(context) = child(container, "securityContext") {
        security(faults, context, &format!("{path}.securityContext"));
    }
}

fn ports(faults: &mut Faults, container: &Value, path: &str) {
    let mut seen = BTreeSet::new();
    for (index, port) in list(container, "ports").iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = text(port, "name");
        if !name.is_empty() {
            let wrong = names::port_name(name);
            faults.invalid_texts(&format!("{path}.name"), name, &wrong);
            if wrong.is_empty() && !seen.insert(name) {
                faults.duplicate(&format!("{path}.name"), name);
            }
        }
        let number_of = |key: &str| number(port, key).unwrap_or_default();
        match number_of("containerPort") {
            0 => faults.required(&format!("{path}.containerPort"), ""),
            other => faults.port_number(&format!("{path}.containerPort"), other),
        }
        if number_of("hostPort") != 0 {
            faults.port_number(&format!("{path}.hostPort"), number_of("hostPort"));
        }
        match text(port, "protocol") {
            "" => faults.required(&format!("{path}.protocol"), ""),
            protocol => faults.one_of(&format!("{path}.protocol"), protocol, &["SCTP", "TCP", "UDP"]),
        }
    }
}

/// A port of the host can be given to one container only.
fn host_ports(faults: &mut Faults, containers: &[Value], path: &str) {
    let mut taken = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        for (position, port) in list(container, "ports").iter().enumerate() {
            let number = number(port, "hostPort").unwrap_or_default();
            let key = format!("{}/{}/{number}", text(port, "protocol"), text(port, "hostIP"));
            if number != 0 && !taken.insert(key.clone()) {
                faults.duplicate(&format!("{path}[{index}].ports[{position}].hostPort"), &key);
            }
        }
    }
}

fn mounts(faults: &mut Faults, container: &Value, path: &str, around: &Surroundings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, mount) in list(container, "volumeMounts").iter().enumerate() {
        let item = format!("{path}[{index}]");
        let name = text(mount, "name");
        if name.is_empty() {
            faults.required(&format!("{item}.name"), "");
        } else if !around.volumes.contains(&name) {
            faults.not_found(&format!("{item}.name"), name);
        }
        let target = text(mount, "mountPath");
        if target.is_empty() {
            faults.required(&format!("{item}.mountPath"), "");
        } else if !seen.insert(target) {
            faults.invalid_text(&format!("{item}.mountPath"), target, "must be unique");
        }
        local_path(faults, text(mount, "subPath"), &format!("{path}.subPath"));
        let expression = text(mount, "subPathExpr");
        if !expression.is_empty() {
            if !text(mount, "subPath").is_empty() {
                let detail = "subPathExpr and subPath are mutually exclusive";
                faults.invalid_text(&format!("{item}.subPathExpr"), expression, detail);
            }
            local_path(faults, expression, &format!("{path}.subPathExpr"));
        }
        if let Some(propagation) = mount.get("mountPropagation").and_then(Value::as_str) {
            let path = format!("{item}.mountPropagation");
            faults.one_of(&path, propagation, &["Bidirectional", "HostToContainer", "None"]);
            let privileged = child(container, "securityContext").is_some_and(|context| is_set(context, "privileged"));
            if propagation == "Bidirectional" && !privileged {
                let detail = "Bidirectional mount propagation is available only to privileged containers";
                faults.forbidden(&path, detail);
            }
        }
    }
}

/// Checks a path that must stay below the place it starts from.
pub(crate) fn local_path(faults: &mut Faults, local: &str, path: &str) {
    if local.starts_with('/') {
        faults.invalid_text(path, local, "must be a relative path");
    }
    if local.split('/').any(|part| part == "..") {
        faults.invalid_text(path, local, "must not contain '..'");
    }
}

/// Checks the numbers of users and groups.
pub(crate) fn identities(faults: &mut Faults, context: &Value, path: &str, keys: &[&str]) {
    for key in keys {
        if let Some(id) = number(context, key).filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
            let detail = "must be between 0 and 2147483647, inclusive";
            faults.invalid(&format!("{path}.{key}"), &id.to_string(), detail);
        }
    }
}

fn security(faults: &mut Faults, context: &Value, path: &str) {
    identities(faults, context, path, &["runAsUser", "runAsGroup"]);
    seccomp(faults, context, path);
    if let Some(mount) = context.get("procMount").and_then(Value::as_str) {
        faults.one_of(&format!("{path}.procMount"), mount, &["Default", "Unmasked"]);
    }
    let escalation = context.get("allowPrivilegeEscalation").and_then(Value::as_bool);
    if escalation == Some(false) && is_set(context, "privileged") {
        let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        faults.invalid(path, &go_shown::shown("core/v1.SecurityContext", context), detail);
    }
}

/// Checks a seccomp profile, of a container or of a pod.
pub(crate) fn seccomp(faults: &mut Faults, context: &Value, path: &str) {
    let Some(profile) = child(context, "seccompProfile") else { return };
    let path = format!("{path}.seccompProfile");
    match (text(profile, "type"), text(profile, "localhostProfile")) {
        ("Localhost", "") => {
            faults.required(&format!("{path}.localhostProfile"), "must be set when seccomp type is Localhost");
        }
        ("Localhost" | "RuntimeDefault" | "Unconfined", _) => {}
        ("", _) => faults.required(&format!("{path}.type"), "type is required when seccompProfile is set"),
        (other, _) => faults.one_of(&format!("{path}.type"), other, &["Localhost", "RuntimeDefault", "Unconfined"]),
    }
}
