//! Probes and lifecycle hooks.

use super::read::{child, list, number, text};
use super::{Faults, names};
use serde_json::Value;

/// Checks the probes of a container.
pub(crate) fn probes(faults: &mut Faults, container: &Value, path: &str) {
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = child(container, key) {
            self::probe(faults, probe, &format!("{path}.{key}"), key);
        }
    }
}

fn probe(faults: &mut Faults, probe: &Value, path: &str, key: &str) {
    handler(faults, probe, path);
    let keys = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    for key in keys {
        faults.non_negative(&format!("{path}.{key}"), number(probe, key).unwrap_or_default());
    }
    if let Some(grace) = number(probe, "terminationGracePeriodSeconds") {
        let path = format!("{path}.terminationGracePeriodSeconds");
        if key == "readinessProbe" {
            faults.invalid(&path, &grace.to_string(), "must not be set for readinessProbes");
        } else if grace <= 0 {
            faults.invalid(&path, &grace.to_string(), "must be greater than 0");
        }
    }
    let successes = number(probe, "successThreshold").unwrap_or_default();
    if key != "readinessProbe" && successes != 1 {
        faults.invalid(&format!("{path}.successThreshold"), &successes.to_string(), "must be 1");
    }
}

/// Checks the hooks of a container.
pub(crate) fn lifecycle(faults: &mut Faults, container: &Value, path: &str, grace: i64) {
    let Some(lifecycle) = child(container, "lifecycle") else { return };
    for key in ["postStart", "preStop"] {
        let Some(hook) = child(lifecycle, key) else { continue };
        let path = format!("{path}.lifecycle.{key}");
        if let Some(sleep) = child(hook, "sleep") {
            let seconds = number(sleep, "seconds").unwrap_or_default();
            if !(0..=grace).contains(&seconds) {
                let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                faults.invalid(&format!("{path}.sleep"), &seconds.to_string(), &detail);
            }
        } else {
            handler(faults, hook, &path);
        }
    }
}

fn handler(faults: &mut Faults, handler: &Value, path: &str) {
    let mut kinds = 0;
    let mut another = |faults: &mut Faults, key: &str| {
        kinds += 1;
        if kinds > 1 {
            faults.forbidden(&format!("{path}.{key}"), "may not specify more than 1 handler type");
        }
        kinds == 1
    };
    if let Some(exec) = child(handler, "exec")
        && another(faults, "exec")
        && list(exec, "command").is_empty()
    {
        faults.required(&format!("{path}.exec.command"), "");
    }
    if let Some(get) = child(handler, "httpGet")
        && another(faults, "httpGet")
    {
        let path = format!("{path}.httpGet");
        if text(get, "path").is_empty() {
            faults.required(&format!("{path}.path"), "");
        }
        port(faults, get, &format!("{path}.port"));
        faults.one_of(&format!("{path}.scheme"), text(get, "scheme"), &["HTTP", "HTTPS"]);
        for header in list(get, "httpHeaders") {
            let name = text(header, "name");
            faults.invalid_texts(&format!("{path}.httpHeaders"), name, &names::header(name));
        }
    }
    if let Some(socket) = child(handler, "tcpSocket")
        && another(faults, "tcpSocket")
    {
        port(faults, socket, &format!("{path}.tcpSocket.port"));
    }
    if let Some(grpc) = child(handler, "grpc")
        && another(faults, "grpc")
    {
        faults.port_number(&format!("{path}.grpc.port"), number(grpc, "port").unwrap_or_default());
    }
    if kinds == 0 {
        faults.required(path, "must specify a handler type");
    }
}

/// Checks a port that may be a number or a name.
fn port(faults: &mut Faults, action: &Value, path: &str) {
    match action.get("port") {
        Some(Value::String(name)) => faults.invalid_texts(path, name, &names::port_name(name)),
        other => faults.port_number(path, other.and_then(Value::as_i64).unwrap_or_default()),
    }
}
