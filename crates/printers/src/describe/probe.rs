//! Probes on one line.

use crate::field::{Field, plain};
use crate::table::host_and_port;
use core::fmt::Write;
use serde_json::Value;

/// What a probe does and how often.
pub(super) fn probe(probe: &Value) -> String {
    let count = |key| probe.count(&[key]);
    let timing = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        count("initialDelaySeconds"),
        count("timeoutSeconds"),
        count("periodSeconds"),
        count("successThreshold"),
        count("failureThreshold"),
    );
    if let Some(exec) = probe.at(&["exec"]) {
        let words = exec.items(&["command"]).iter().map(|word| word.as_str().unwrap_or_default());
        return format!("exec [{}] {timing}", words.collect::<Vec<_>>().join(" "));
    }
    let port = |action: &Value| plain(action.at(&["port"]).or(Some(&Value::from(0))));
    if let Some(http) = probe.at(&["httpGet"]) {
        let scheme = match http.text(&["scheme"]) {
            "" => String::new(),
            scheme => format!("{}:", scheme.to_lowercase()),
        };
        let host = host_and_port(http.text(&["host"]), &port(http));
        let path = http.text(&["path"]);
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        return format!("http-get {scheme}//{host}{slash}{} {timing}", escaped_path(path));
    }
    if let Some(tcp) = probe.at(&["tcpSocket"]) {
        return format!("tcp-socket {}:{} {timing}", tcp.text(&["host"]), port(tcp));
    }
    if let Some(grpc) = probe.at(&["grpc"]) {
        return format!("grpc <pod>:{} {} {timing}", port(grpc), grpc.text(&["service"]));
    }
    format!("unknown {timing}")
}

/// A path as URLs spell it.
fn escaped_path(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                out.push(char::from(byte));
            }
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::probe;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(action: &Value, expected: &str) {
        let timing = "delay=0s timeout=1s period=5s #success=1 #failure=3";
        let mut given = json!({"timeoutSeconds": 1, "periodSeconds": 5, "successThreshold": 1, "failureThreshold": 3});
        for (key, value) in action.as_object().into_iter().flatten() {
            given[key] = value.clone();
        }
        assert_eq!(probe(&given), format!("{expected} {timing}"));
    }

    #[test]
    fn each_action_has_its_form() {
        check(&json!({"exec": {"command": ["cat", "/ready"]}}), "exec [cat /ready]");
        check(&json!({"httpGet": {"path": "/a?b", "port": "http", "scheme": "HTTPS"}}), "http-get https://:http/a%3Fb");
        check(&json!({"tcpSocket": {"port": 80}}), "tcp-socket :80");
        check(&json!({"grpc": {"port": 9090, "service": "s"}}), "grpc <pod>:9090 s");
        check(&json!({}), "unknown");
    }
}
