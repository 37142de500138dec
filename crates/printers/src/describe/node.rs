//! Nodes, and what the pods on them take.

use super::Related;
use super::page::{Page, ZERO_DATE};
use super::resources::{Amounts, add, amounts, of_pod};
use crate::Now;
use crate::field::Field;
use crate::table::node_roles;
use serde_json::Value;
use wavetank_model::Quantity;

pub(super) fn node(page: &mut Page, node: &Value, related: &Related<'_>, now: Now) {
    page.entry(0, "Name", node.name());
    page.entry(0, "Roles", &node_roles(node));
    page.metadata(node);
    page.created(node);
    taints(page, node);
    page.entry(0, "Unschedulable", &node.flag(&["spec", "unschedulable"]).to_string());
    lease(page, node, related);
    conditions(page, node);
    page.line(0, "Addresses:");
    for address in node.items(&["status", "addresses"]) {
        page.entry(1, address.text(&["type"]), address.text(&["address"]));
    }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        let list = amounts(node.at(&["status", key]));
        if !list.is_empty() {
            page.line(0, &format!("{title}:"));
            list.iter().for_each(|(name, amount)| page.entry(1, name, &amount.to_string()));
        }
    }
    system(page, node);
    pods(page, node, related, now);
}

fn taints(page: &mut Page, node: &Value) {
    let mut taints: Vec<&Value> = node.items(&["spec", "taints"]).iter().collect();
    taints.sort_by_key(|taint| (taint.text(&["effect"]), taint.text(&["key"])));
    let lines = taints.into_iter().map(|taint| {
        let (key, value, effect) = (taint.text(&["key"]), taint.text(&["value"]), taint.text(&["effect"]));
        match (value, effect) {
            ("", "") => key.into(),
            ("", effect) => format!("{key}:{effect}"),
            (value, "") => format!("{key}={value}:"),
            (value, effect) => format!("{key}={value}:{effect}"),
        }
    });
    page.list("Taints", &lines.collect::<Vec<String>>());
}

/// Adds by what the node shows that it lives.
fn lease(page: &mut Page, node: &Value, related: &Related<'_>) {
    let mut leases = related.of_kind("Lease");
    let lease = leases.find(|lease| lease.namespace() == "kube-node-lease" && lease.name() == node.name());
    let Some(lease) = lease else {
        let name = node.name();
        let why = format!("Failed to get lease: leases.coordination.k8s.io \"{name}\" not found");
        page.entry(0, "Lease", &why);
        return;
    };
    page.line(0, "Lease:");
    let holder = match lease.text(&["spec", "holderIdentity"]) {
        "" => "<unset>",
        holder => holder,
    };
    page.entry(1, "HolderIdentity", holder);
    page.entry(1, "AcquireTime", &Page::date(lease, &["spec", "acquireTime"], "<unset>"));
    page.entry(1, "RenewTime", &Page::date(lease, &["spec", "renewTime"], "<unset>"));
}

fn conditions(page: &mut Page, node: &Value) {
    let conditions = node.items(&["status", "conditions"]);
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    page.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for condition in conditions {
        let text = |key| condition.text(&[key]);
        let date = |key| Page::date(condition, &[key], ZERO_DATE);
        let cells = [
            text("type").to_owned(),
            text("status").to_owned(),
            date("lastHeartbeatTime"),
            date("lastTransitionTime"),
            text("reason").to_owned(),
            text("message").to_owned(),
        ];
        page.line(1, &cells.join(" \t"));
    }
}

fn system(page: &mut Page, node: &Value) {
    page.line(0, "System Info:");
    let info = [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ];
    for (title, key) in info {
        page.entry(1, title, node.text(&["status", "nodeInfo", key]));
    }
    let ranges = node.items(&["spec", "podCIDRs"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    let rest = [
        ("PodCIDR", node.text(&["spec", "podCIDR"])),
        ("PodCIDRs", &ranges),
        ("ProviderID", node.text(&["spec", "providerID"])),
    ];
    for (title, text) in rest.into_iter().filter(|(_, text)| !text.is_empty()) {
        page.entry(0, title, text);
    }
}

/// Adds the pods that have not ended, and what they take together.
fn pods(page: &mut Page, node: &Value, related: &Related<'_>, now: Now) {
    let lives = |pod: &&Value| {
        pod.text(&["spec", "nodeName"]) == node.name()
            && !matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed")
    };
    let mut own: Vec<&Value> = related.of_kind("Pod").filter(lives).collect();
    own.sort_by_key(|pod| (pod.namespace(), pod.name()));
    page.entry(0, "Non-terminated Pods", &format!("({} in total)", own.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let given = amounts(node.at(&["status", "allocatable"]));
    let given = if given.is_empty() { amounts(node.at(&["status", "capacity"])) } else { given };
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for pod in own {
        let (asked, allowed) = (of_pod(pod, "requests"), of_pod(pod, "limits"));
        add(&mut requests, &asked);
        add(&mut limits, &allowed);
        let cells =
            ["cpu", "memory"].map(|name| format!("{}\t{}", share(&asked, &given, name), share(&allowed, &given, name)));
        let age = now.age(pod.instant(&["metadata", "creationTimestamp"]));
        page.line(1, &format!("{}\t{}\t\t{}\t{age}", pod.namespace(), pod.name(), cells.join("\t")));
    }
    page.line(0, "Allocated resources:");
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    let huge = given.keys().map(AsRef::as_ref).filter(|name| name.starts_with("hugepages-"));
    for name in ["cpu", "memory", "ephemeral-storage"].into_iter().chain(huge) {
        page.line(1, &format!("{name}\t{}\t{}", share(&requests, &given, name), share(&limits, &given, name)));
    }
    for name in given.keys().filter(|name| is_extended(name)) {
        page.line(1, &format!("{name}\t{}\t{}", amount(&requests, name), amount(&limits, name)));
    }
}

fn is_extended(name: &str) -> bool {
    !matches!(name, "cpu" | "memory" | "ephemeral-storage" | "pods") && !name.starts_with("hugepages-")
}

fn amount(amounts: &Amounts, name: &str) -> Quantity {
    amounts.get(name).cloned().unwrap_or_default()
}

/// An amount and the share of what the node has that it is.
fn share(used: &Amounts, given: &Amounts, name: &str) -> String {
    let (used, given) = (amount(used, name), amount(given, name));
    let (part, whole) = match name {
        "cpu" => (used.milli_value(), given.milli_value()),
        _ => (used.value(), given.value()),
    };
    // Upstream goes by floating point and cuts; whole numbers cut the same.
    let percent = i128::from(part).saturating_mul(100).checked_div(i128::from(whole)).unwrap_or_default();
    format!("{used} ({percent}%)")
}
