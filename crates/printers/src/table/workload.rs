//! Deployments and what else keeps pods running.

use super::cells::{age, compiled, containers, labels, selector};
use super::{Cell, Column, Layout};
use crate::field::Field;
use serde_json::Value;

const TEMPLATE: &[&str] = &["spec", "template", "spec"];
const CONTAINERS: Column = Column::wide("Containers");
const IMAGES: Column = Column::wide("Images");
const SELECTOR: Column = Column::wide("Selector");

pub(super) static DEPLOYMENT: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Ready"),
        Column::text("Up-to-date"),
        Column::text("Available"),
        Column::AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |object, present| {
        let [names, images] = containers(object.at(TEMPLATE));
        vec![
            object.name().into(),
            ready(object),
            object.count(&["status", "updatedReplicas"]).into(),
            object.count(&["status", "availableReplicas"]).into(),
            age(object, present),
            names,
            images,
            // Unlike elsewhere, a selector without requirements is shown as nothing.
            compiled(object.at(&["spec", "selector"])).into(),
        ]
    },
};

const SET_COLUMNS: &[Column] = &[
    Column::NAME,
    Column::integer("Desired"),
    Column::integer("Current"),
    Column::integer("Ready"),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

pub(super) static REPLICA_SET: Layout = Layout {
    columns: SET_COLUMNS,
    cells: |object, present| set(object, age(object, present), selector(object.at(&["spec", "selector"]))),
};

pub(super) static REPLICATION_CONTROLLER: Layout = Layout {
    columns: SET_COLUMNS,
    cells: |object, present| set(object, age(object, present), labels(object.at(&["spec", "selector"]))),
};

fn set(object: &Value, age: Cell, selector: String) -> Vec<Cell> {
    let [names, images] = containers(object.at(TEMPLATE));
    vec![
        object.name().into(),
        object.count(&["spec", "replicas"]).into(),
        object.count(&["status", "replicas"]).into(),
        object.count(&["status", "readyReplicas"]).into(),
        age,
        names,
        images,
        selector.into(),
    ]
}

pub(super) static STATEFUL_SET: Layout = Layout {
    columns: &[Column::NAME, Column::text("Ready"), Column::AGE, CONTAINERS, IMAGES],
    cells: |object, present| {
        let [names, images] = containers(object.at(TEMPLATE));
        vec![object.name().into(), ready(object), age(object, present), names, images]
    },
};

pub(super) static DAEMON_SET: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::integer("Desired"),
        Column::integer("Current"),
        Column::integer("Ready"),
        Column::integer("Up-to-date"),
        Column::integer("Available"),
        Column::text("Node Selector"),
        Column::AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |object, present| {
        let [names, images] = containers(object.at(TEMPLATE));
        let count = |key| Cell::Integer(object.count(&["status", key]));
        vec![
            object.name().into(),
            count("desiredNumberScheduled"),
            count("currentNumberScheduled"),
            count("numberReady"),
            count("updatedNumberScheduled"),
            count("numberAvailable"),
            labels(object.at(&["spec", "template", "spec", "nodeSelector"])).into(),
            age(object, present),
            names,
            images,
            selector(object.at(&["spec", "selector"])).into(),
        ]
    },
};

pub(super) static CONTROLLER_REVISION: Layout = Layout {
    columns: &[Column::NAME, Column::text("Controller"), Column::text("Revision"), Column::AGE],
    cells: |object, present| {
        let owners = object.items(&["metadata", "ownerReferences"]);
        let controller = owners.iter().find(|owner| owner.flag(&["controller"])).map(|owner| {
            let group = owner.text(&["apiVersion"]).rsplit_once('/').map(|(group, _)| format!(".{group}"));
            let kind = owner.kind().to_lowercase();
            format!("{kind}{}/{}", group.unwrap_or_default(), owner.text(&["name"]))
        });
        vec![
            object.name().into(),
            controller.unwrap_or_else(|| "<none>".into()).into(),
            object.count(&["revision"]).into(),
            age(object, present),
        ]
    },
};

/// Ready of wanted replicas.
fn ready(object: &Value) -> Cell {
    format!("{}/{}", object.count(&["status", "readyReplicas"]), object.count(&["spec", "replicas"])).into()
}
