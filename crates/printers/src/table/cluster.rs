//! Nodes, namespaces, and the kinds that hold data.

use super::cells::{age, text_or};
use super::{Cell, Column, Layout};
use crate::field::Field;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) static NODE: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Status"),
        Column::text("Roles"),
        Column::AGE,
        Column::text("Version"),
        Column::wide("Internal-IP"),
        Column::wide("External-IP"),
        Column::wide("OS-Image"),
        Column::wide("Kernel-Version"),
        Column::wide("Container-Runtime"),
    ],
    cells: |node, present| {
        let info = |key| node.text(&["status", "nodeInfo", key]);
        let kernel = text_or(info("kernelVersion"), "<unknown>");
        let kernel = match info("architecture") {
            "" => kernel.to_owned(),
            architecture => format!("{kernel} ({architecture})"),
        };
        vec![
            node.name().into(),
            node_status(node).into(),
            node_roles(node).into(),
            age(node, present),
            info("kubeletVersion").into(),
            node_address(node, "InternalIP").into(),
            node_address(node, "ExternalIP").into(),
            text_or(info("osImage"), "<unknown>").into(),
            kernel.into(),
            text_or(info("containerRuntimeVersion"), "<unknown>").into(),
        ]
    },
};

fn node_status(node: &Value) -> String {
    let conditions = node.items(&["status", "conditions"]);
    let ready = conditions.iter().rfind(|condition| condition.text(&["type"]) == "Ready");
    let ready = match ready {
        None => "Unknown",
        Some(condition) if condition.text(&["status"]) == "True" => "Ready",
        Some(_) => "NotReady",
    };
    if node.flag(&["spec", "unschedulable"]) { format!("{ready},SchedulingDisabled") } else { ready.into() }
}

/// Roles that labels of either form give a node.
pub(crate) fn node_roles(node: &Value) -> String {
    let labels = node.entries(&["metadata", "labels"]);
    let roles: BTreeSet<&str> = labels
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None if *key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    text_or(&super::cells::join(roles), "<none>").into()
}

fn node_address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let addresses = node.items(&["status", "addresses"]);
    addresses.iter().find(|address| address.text(&["type"]) == kind).map_or("<none>", |found| found.text(&["address"]))
}

pub(super) static NAMESPACE: Layout = Layout {
    columns: &[Column::NAME, Column::text("Status"), Column::AGE],
    cells: |namespace, present| {
        vec![namespace.name().into(), namespace.text(&["status", "phase"]).into(), age(namespace, present)]
    },
};

pub(super) static CONFIG_MAP: Layout = Layout {
    columns: &[Column::NAME, Column::text("Data"), Column::AGE],
    cells: |map, present| {
        let entries = members(map, "data").saturating_add(members(map, "binaryData"));
        vec![map.name().into(), entries.into(), age(map, present)]
    },
};

pub(super) static SECRET: Layout = Layout {
    columns: &[Column::NAME, Column::text("Type"), Column::text("Data"), Column::AGE],
    cells: |secret, present| {
        vec![secret.name().into(), secret.text(&["type"]).into(), members(secret, "data").into(), age(secret, present)]
    },
};

fn members(object: &Value, key: &str) -> i64 {
    let count = object.at(&[key]).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) static SERVICE_ACCOUNT: Layout = Layout {
    columns: &[Column::NAME, Column::text("Age")],
    cells: |account, present| vec![account.name().into(), age(account, present)],
};

pub(super) static LEASE: Layout = Layout {
    columns: &[Column::NAME, Column::text("Holder"), Column::AGE],
    cells: |lease, present| {
        vec![lease.name().into(), lease.text(&["spec", "holderIdentity"]).into(), age(lease, present)]
    },
};

pub(super) static PRIORITY_CLASS: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Value"),
        Column::boolean("Global-Default"),
        Column::AGE,
        Column::text("PreemptionPolicy"),
    ],
    cells: |class, present| {
        vec![
            class.name().into(),
            class.count(&["value"]).into(),
            class.flag(&["globalDefault"]).into(),
            age(class, present),
            class.text(&["preemptionPolicy"]).into(),
        ]
    },
};

pub(super) static ANY: Layout = Layout {
    columns: &[Column::NAME, Column::AGE],
    cells: |object, present| vec![Cell::from(object.name()), age(object, present)],
};
