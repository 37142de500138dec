//! The kind of object that a case is about, for figures by kind.

use serde_json::Value;

/// Resources in paths and their kinds.
const KINDS: [(&str, &str); 16] = [
    ("configmaps", "ConfigMap"),
    ("cronjobs", "CronJob"),
    ("daemonsets", "DaemonSet"),
    ("deployments", "Deployment"),
    ("endpoints", "Endpoints"),
    ("endpointslices", "EndpointSlice"),
    ("horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("ingresses", "Ingress"),
    ("jobs", "Job"),
    ("namespaces", "Namespace"),
    ("nodes", "Node"),
    ("pods", "Pod"),
    ("replicasets", "ReplicaSet"),
    ("replicationcontrollers", "ReplicationController"),
    ("services", "Service"),
    ("statefulsets", "StatefulSet"),
];

/// The kind that a case is about: that of the request's path, or else that of the object given.
pub(super) fn subject(case: &Value) -> Option<String> {
    let addressed = case.get("path").and_then(Value::as_str).and_then(|path| {
        let known = |segment| KINDS.iter().find(|(resource, _)| *resource == segment).map(|(_, kind)| *kind);
        // A namespace that leads to something else is no subject.
        let mut found = path.split('/').filter_map(known);
        let first = found.next()?;
        Some(if first == "Namespace" { found.next().unwrap_or(first) } else { first })
    });
    let given = ["/in/object/kind", "/in/objects/0/kind", "/manifest/kind"];
    let given = || given.iter().find_map(|pointer| case.pointer(pointer)?.as_str());
    addressed.or_else(given).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::subject;
    use serde_json::json;

    #[test]
    fn the_path_counts_before_the_object() {
        let path = "/api/v1/namespaces/default/pods/web/binding";
        assert_eq!(subject(&json!({"path": path, "manifest": {"kind": "Binding"}})).as_deref(), Some("Pod"));
        assert_eq!(subject(&json!({"path": "/api/v1/namespaces/a"})).as_deref(), Some("Namespace"));
        assert_eq!(subject(&json!({"in": {"objects": [{"kind": "Node"}]}})).as_deref(), Some("Node"));
        assert_eq!(subject(&json!({"in": {}})), None);
    }
}
