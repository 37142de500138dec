//! The token of a service account, which admission mounts in every pod.
//!
//! Nothing in a simulation reads it. It is there because whoever looks at a pod expects it.
//!
//! Source: `plugin/pkg/admission/serviceaccount/admission.go`.

use serde_json::{Map, Value, json};

/// Where containers find the token.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How its volume is named, up to five random letters.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// Mounts the token in every container of a pod's spec that has nothing else in its place; `letters` end
/// the name of the volume.
pub fn mount_token(spec: &mut Map<String, Value>, letters: &str) {
    if spec.get("automountServiceAccountToken").and_then(Value::as_bool) == Some(false) {
        return;
    }
    let name_of = |volume: &Value| volume.get("name").and_then(Value::as_str).map(str::to_owned);
    let volumes = spec.get("volumes").and_then(Value::as_array);
    let there = volumes.into_iter().flatten().filter_map(name_of).find(|name| name.starts_with(TOKEN_VOLUME));
    let name = there.clone().unwrap_or_else(|| format!("{TOKEN_VOLUME}{letters}"));
    let mut is_mounted = false;
    for kind in ["initContainers", "containers"] {
        let containers = spec.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten();
        for container in containers.filter_map(Value::as_object_mut) {
            let mounts = container.entry("volumeMounts").or_insert_with(|| json!([]));
            let Value::Array(mounts) = mounts else { continue };
            if !mounts.iter().any(|mount| mount.get("mountPath").and_then(Value::as_str) == Some(TOKEN_PATH)) {
                mounts.push(json!({"mountPath": TOKEN_PATH, "name": name, "readOnly": true}));
                is_mounted = true;
            }
        }
    }
    if !is_mounted || there.is_some() {
        return;
    }
    if let Value::Array(volumes) = spec.entry("volumes").or_insert_with(|| json!([])) {
        volumes.push(volume(&name));
    }
}

/// The token, the certificate of the server and the namespace of the pod, in one volume.
fn volume(name: &str) -> Value {
    json!({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{
            "path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
        }]}},
    ]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn mounted(mut spec: Value) -> Value {
        mount_token(spec.as_object_mut().expect("a spec is an object"), "abcde");
        spec
    }

    #[test]
    fn every_container_gets_the_token_unless_something_is_in_its_place() {
        let own = json!([{"mountPath": TOKEN_PATH, "name": "mine"}]);
        let spec = mounted(json!({
            "initContainers": [{"name": "init"}],
            "containers": [{"name": "web"}, {"name": "own", "volumeMounts": own}],
        }));
        let mount = json!([{"mountPath": TOKEN_PATH, "name": "kube-api-access-abcde", "readOnly": true}]);
        assert_eq!(spec["initContainers"][0]["volumeMounts"], mount);
        assert_eq!(spec["containers"][0]["volumeMounts"], mount);
        assert_eq!(spec["containers"][1]["volumeMounts"], own);
        assert_eq!(spec["volumes"], json!([volume("kube-api-access-abcde")]));
        assert_eq!(mounted(spec.clone()), spec);
    }

    #[test]
    fn a_pod_that_wants_no_token_gets_none() {
        let spec = json!({"automountServiceAccountToken": false, "containers": [{"name": "web"}]});
        assert_eq!(mounted(spec.clone()), spec);
        let own = json!({"containers": [{"name": "web", "volumeMounts": [{"mountPath": TOKEN_PATH, "name": "x"}]}]});
        assert_eq!(mounted(own.clone()), own);
    }
}
