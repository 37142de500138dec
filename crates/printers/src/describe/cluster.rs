//! Namespaces, and the kinds that hold data.

use super::page::{Page, ZERO_DATE};
use super::{Related, quota};
use crate::Now;
use crate::field::Field;
use crate::table::labels;
use serde_json::Value;

pub(super) fn namespace(page: &mut Page, namespace: &Value, related: &Related<'_>, _: Now) {
    page.entry(0, "Name", namespace.name());
    page.metadata(namespace);
    page.entry(0, "Status", namespace.text(&["status", "phase"]));
    let conditions = namespace.items(&["status", "conditions"]);
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        page.line(1, "----\t------\t------------------\t------\t-------");
        for condition in conditions {
            let text = |key| condition.text(&[key]);
            let since = Page::date(condition, &["lastTransitionTime"], ZERO_DATE);
            let (kind, status) = (text("type"), text("status"));
            page.line(1, &format!("{kind}\t{status}\t{since}\t{}\t{}", text("reason"), text("message")));
        }
    }
    let inside = |kind| related.of_kind(kind).filter(|object| object.namespace() == namespace.name());
    page.line(0, "");
    quota::resource_quotas(page, inside("ResourceQuota").collect());
    page.line(0, "");
    quota::limit_ranges(page, &inside("LimitRange").collect::<Vec<_>>());
}

pub(super) fn config_map(page: &mut Page, map: &Value, _: &Related<'_>, _: Now) {
    page.head(map);
    page.metadata(map);
    page.line(0, "");
    page.line(0, "Data");
    page.line(0, "====");
    for (key, value) in map.entries(&["data"]) {
        page.line(0, &format!("{key}:"));
        page.line(0, "----");
        page.line(0, value.as_str().unwrap_or_default());
        page.line(0, "");
    }
    page.line(0, "");
    page.line(0, "BinaryData");
    page.line(0, "====");
    for (key, value) in map.entries(&["binaryData"]) {
        page.line(0, &format!("{key}: {} bytes", decoded_length(value.as_str().unwrap_or_default())));
    }
    page.line(0, "");
}

pub(super) fn secret(page: &mut Page, secret: &Value, _: &Related<'_>, _: Now) {
    page.head(secret);
    page.metadata(secret);
    page.line(0, "");
    page.entry(0, "Type", secret.text(&["type"]));
    page.line(0, "");
    page.line(0, "Data");
    page.line(0, "====");
    for (key, value) in secret.entries(&["data"]) {
        page.entry(0, key, &format!("{} bytes", decoded_length(value.as_str().unwrap_or_default())));
    }
}

/// How many bytes a base64 text stands for.
fn decoded_length(base64: &str) -> usize {
    let digits = base64.bytes().filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r')).count();
    digits.saturating_mul(3) / 4
}

pub(super) fn service_account(page: &mut Page, account: &Value, related: &Related<'_>, _: Now) {
    page.head(account);
    page.metadata(account);
    let secrets: Vec<&Value> = related.beside(account, "Secret").collect();
    let named = |key| account.items(&[key]).iter().map(|secret| secret.text(&["name"])).collect::<Vec<_>>();
    let is_token = |secret: &&Value| {
        let of = |key| secret.text(&["metadata", "annotations", key]);
        secret.text(&["type"]) == "kubernetes.io/service-account-token"
            && of("kubernetes.io/service-account.name") == account.name()
            && of("kubernetes.io/service-account.uid") == account.text(&["metadata", "uid"])
    };
    let tokens = secrets.iter().copied().filter(is_token).map(Field::name).collect();
    let lists = [
        ("Image pull secrets:", named("imagePullSecrets")),
        ("Mountable secrets: ", named("secrets")),
        ("Tokens:            ", tokens),
    ];
    for (title, names) in lists {
        if names.is_empty() {
            page.line(0, &format!("{title}\t<none>"));
        }
        for (index, name) in names.into_iter().enumerate() {
            let title = if index == 0 { title } else { "                   " };
            let missing = if secrets.iter().any(|secret| secret.name() == name) { "" } else { " (not found)" };
            page.line(0, &format!("{title}\t{name}{missing}"));
        }
    }
}

pub(super) fn priority_class(page: &mut Page, class: &Value, _: &Related<'_>, _: Now) {
    page.entry(0, "Name", class.name());
    page.entry(0, "Value", &class.count(&["value"]).to_string());
    page.entry(0, "GlobalDefault", &class.flag(&["globalDefault"]).to_string());
    page.entry(0, "PreemptionPolicy", class.text(&["preemptionPolicy"]));
    page.entry(0, "Description", class.text(&["description"]));
    page.entry(0, "Annotations", &labels(class.at(&["metadata", "annotations"])));
}
