//! Volumes of pods and pod templates, and claims of StatefulSets.

use super::page::{Page, or_none};
use crate::field::{Field, plain};
use serde_json::Value;
use wavetank_model::Quantity;

/// Adds volumes; in a template they begin further in.
pub(super) fn volumes(page: &mut Page, volumes: &[Value], indent: &str) {
    if volumes.is_empty() {
        page.entry(0, &format!("{indent}Volumes"), "<none>");
        return;
    }
    page.line(0, &format!("{indent}Volumes:"));
    let name_indent = if indent.is_empty() { "" } else { " " };
    for volume in volumes {
        page.line(1, &format!("{name_indent}{}:", volume.text(&["name"])));
        if !source(page, volume) {
            page.line(1, "<unknown>");
        }
    }
}

/// Adds where a volume comes from; answers whether that is known here.
fn source(page: &mut Page, volume: &Value) -> bool {
    let of = |key| volume.at(&[key]);
    let kind = |page: &mut Page, text: &str| page.entry(2, "Type", text);
    if let Some(path) = of("hostPath") {
        kind(page, "HostPath (bare host directory volume)");
        page.entry(2, "Path", path.text(&["path"]));
        page.entry(2, "HostPathType", &path.at(&["type"]).map_or_else(|| "<none>".into(), |kind| plain(Some(kind))));
    } else if let Some(directory) = of("emptyDir") {
        kind(page, "EmptyDir (a temporary directory that shares a pod's lifetime)");
        page.entry(2, "Medium", directory.text(&["medium"]));
        let limit = directory.at(&["sizeLimit"]).and_then(|limit| Quantity::parse(&plain(Some(limit))).ok());
        let limit = limit.filter(|limit| limit.signum() > 0);
        page.entry(2, "SizeLimit", &limit.map_or_else(|| "<unset>".into(), |limit| limit.to_string()));
    } else if let Some(secret) = of("secret") {
        kind(page, "Secret (a volume populated by a Secret)");
        page.entry(2, "SecretName", secret.text(&["secretName"]));
        page.entry(2, "Optional", &secret.flag(&["optional"]).to_string());
    } else if let Some(map) = of("configMap") {
        kind(page, "ConfigMap (a volume populated by a ConfigMap)");
        page.entry(2, "Name", map.text(&["name"]));
        page.entry(2, "Optional", &map.flag(&["optional"]).to_string());
    } else if let Some(nfs) = of("nfs") {
        kind(page, "NFS (an NFS mount that lasts the lifetime of a pod)");
        page.entry(2, "Server", nfs.text(&["server"]));
        page.entry(2, "Path", nfs.text(&["path"]));
        page.entry(2, "ReadOnly", &nfs.flag(&["readOnly"]).to_string());
    } else if let Some(claim) = of("persistentVolumeClaim") {
        kind(page, "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)");
        page.entry(2, "ClaimName", claim.text(&["claimName"]));
        page.entry(2, "ReadOnly", &claim.flag(&["readOnly"]).to_string());
    } else if let Some(downward) = of("downwardAPI") {
        kind(page, "DownwardAPI (a volume populated by information about the pod)");
        page.line(2, "Items:");
        for item in downward.items(&["items"]) {
            for path in [&["fieldRef", "fieldPath"], &["resourceFieldRef", "resource"]] {
                if item.at(path).is_some() {
                    page.line(3, &format!("{} -> {}", item.text(path), item.text(&["path"])));
                }
            }
        }
    } else if let Some(projected) = of("projected") {
        kind(page, "Projected (a volume that contains injected data from multiple sources)");
        for source in projected.items(&["sources"]) {
            projection(page, source);
        }
    } else {
        return false;
    }
    true
}

fn projection(page: &mut Page, source: &Value) {
    let of = |key| source.at(&[key]);
    let optional = |from: &Value| plain(from.at(&["optional"]));
    if let Some(secret) = of("secret") {
        page.entry(2, "SecretName", secret.text(&["name"]));
        page.entry(2, "SecretOptionalName", &optional(secret));
    } else if of("downwardAPI").is_some() {
        page.entry(2, "DownwardAPI", "true");
    } else if let Some(map) = of("configMap") {
        page.entry(2, "ConfigMapName", map.text(&["name"]));
        page.entry(2, "ConfigMapOptional", &optional(map));
    } else if let Some(token) = of("serviceAccountToken") {
        page.entry(2, "TokenExpirationSeconds", &token.count(&["expirationSeconds"]).to_string());
    }
}

/// Adds the claims that a StatefulSet makes for each of its pods.
pub(super) fn claim_templates(page: &mut Page, claims: &[Value]) {
    if claims.is_empty() {
        page.entry(0, "Volume Claims", "<none>");
        return;
    }
    page.line(0, "Volume Claims:");
    for claim in claims {
        page.entry(1, "Name", claim.name());
        page.entry(1, "StorageClass", claim.text(&["spec", "storageClassName"]));
        for (title, key) in [("  Labels", "labels"), ("  Annotations", "annotations")] {
            let pairs = claim.entries(&["metadata", key]);
            let pairs = pairs.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
            for (index, pair) in
                pairs.chain(claim.entries(&["metadata", key]).is_empty().then(|| "<none>".into())).enumerate()
            {
                page.line(0, &if index == 0 { format!("{title}:\t{pair}") } else { format!("  \t{pair}") });
            }
        }
        let capacity = plain(claim.at(&["spec", "resources", "requests", "storage"]));
        page.entry(1, "Capacity", if capacity == "<nil>" { "<default>" } else { or_none(&capacity) });
        let modes = claim.items(&["spec", "accessModes"]).iter().map(|mode| mode.as_str().unwrap_or_default());
        page.entry(1, "Access Modes", &format!("[{}]", modes.collect::<Vec<_>>().join(" ")));
    }
}
