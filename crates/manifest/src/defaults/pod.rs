//! Pods.

use super::{Fields, absent, below, items, present, zero};
use crate::facts::quality_of_service;
use serde_json::{Map, Value, json};
use wavetank_model::QosClass;

/// Fills in a Pod.
pub(super) fn pod(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    let on_host = spec.get("hostNetwork").and_then(Value::as_bool) == Some(true);
    for kind in ["initContainers", "containers"] {
        for container in items(spec, kind) {
            requests_from_limits(container);
            for port in items(container, "ports").filter(|_| on_host) {
                if let Some(number) = port.get("containerPort").cloned() {
                    zero(port, "hostPort", number);
                }
            }
        }
    }
    absent(spec, "enableServiceLinks", true);
    pod_spec(spec);
    admitted_pod_spec(spec);
    // Amounts that are none are refused before anything is filled in.
    let class = object.get("spec").and_then(|spec| quality_of_service(spec).ok()).unwrap_or(QosClass::BestEffort);
    object.insert("status".to_owned(), json!({"phase": "Pending", "qosClass": class.as_str()}));
}

/// What the default admission plugins add.
fn admitted_pod_spec(spec: &mut Fields) {
    let account = spec.get("serviceAccountName").and_then(Value::as_str).filter(|name| !name.is_empty());
    let account = account.unwrap_or("default").to_owned();
    zero(spec, "serviceAccountName", account.clone());
    zero(spec, "serviceAccount", account);
    absent(spec, "priority", 0);
    absent(spec, "preemptionPolicy", "PreemptLowerPriority");
    absent(spec, "tolerations", Vec::<Value>::new());
    let Some(Value::Array(tolerations)) = spec.get_mut("tolerations") else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|toleration| {
            let text = |field: &str| toleration.get(field).and_then(Value::as_str).unwrap_or_default();
            (text("key") == key || (text("key").is_empty() && text("operator") == "Exists"))
                && (text("effect") == "NoExecute" || text("effect").is_empty())
        });
        if !tolerated {
            tolerations
                .push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
}

/// A limit without a request is a request as well.
fn requests_from_limits(container: &mut Fields) {
    let Some(resources) = present(container, "resources") else { return };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return };
    if let Some(requests) = below(resources, "requests") {
        for (name, quantity) in limits {
            requests.entry(name).or_insert(quantity);
        }
    }
}

/// Fills in the spec of a pod, or of a template.
pub(super) fn pod_spec(spec: &mut Fields) {
    zero(spec, "dnsPolicy", "ClusterFirst");
    zero(spec, "restartPolicy", "Always");
    zero(spec, "schedulerName", "default-scheduler");
    absent(spec, "terminationGracePeriodSeconds", 30);
    absent(spec, "securityContext", Map::new());
    for kind in ["initContainers", "containers", "ephemeralContainers"] {
        items(spec, kind).for_each(container);
    }
    items(spec, "volumes").for_each(volume);
}

fn container(container: &mut Fields) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
    zero(container, "imagePullPolicy", policy);
    zero(container, "terminationMessagePath", "/dev/termination-log");
    zero(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        zero(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(source) = present(variable, "valueFrom") {
            field_reference(source);
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = present(container, key) {
            zero(probe, "timeoutSeconds", 1);
            zero(probe, "periodSeconds", 10);
            zero(probe, "successThreshold", 1);
            zero(probe, "failureThreshold", 3);
            handler(probe);
        }
    }
    if let Some(lifecycle) = present(container, "lifecycle") {
        for key in ["postStart", "preStop"] {
            if let Some(hook) = present(lifecycle, key) {
                handler(hook);
            }
        }
    }
}

/// Whether an image names the tag `latest`, or neither tag nor digest, which means the same.
pub(crate) fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn handler(handler: &mut Fields) {
    if let Some(get) = present(handler, "httpGet") {
        zero(get, "path", "/");
        zero(get, "scheme", "HTTP");
    }
    if let Some(grpc) = present(handler, "grpc") {
        absent(grpc, "service", "");
    }
}

fn field_reference(source: &mut Fields) {
    if let Some(field) = present(source, "fieldRef") {
        zero(field, "apiVersion", "v1");
    }
}

fn volume(volume: &mut Fields) {
    if volume.len() == 1 && volume.contains_key("name") {
        volume.insert("emptyDir".to_owned(), Value::Object(Map::new()));
    }
    if let Some(path) = present(volume, "hostPath") {
        absent(path, "type", "");
    }
    for key in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = present(volume, key) {
            absent(source, "defaultMode", 420);
            items(source, "items").for_each(field_reference);
        }
    }
    if let Some(projected) = present(volume, "projected") {
        for source in items(projected, "sources") {
            if let Some(token) = present(source, "serviceAccountToken") {
                absent(token, "expirationSeconds", 3600);
            }
            if let Some(downward) = present(source, "downwardAPI") {
                items(downward, "items").for_each(field_reference);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_tag_and_digest_is_the_latest() {
        assert!(is_latest("nginx"));
        assert!(is_latest("registry:5000/nginx"));
        assert!(is_latest("nginx:latest"));
        assert!(!is_latest("nginx:1.25"));
        assert!(!is_latest("nginx@sha256:0000"));
    }
}
