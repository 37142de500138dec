//! Tables as the API server makes them: columns and cells of a kind's objects.
//!
//! Each kind has a function from an object to its cells, in files by what the kinds are about. What the
//! server calls priority 1 is a *wide* column here: it is shown only by `-o wide`.

mod autoscaling;
mod batch;
mod cells;
mod cluster;
mod event;
mod network;
mod pod;
mod print;
mod workload;

pub(crate) use cells::{compiled, first, label_selector, labels, selector, string_map};
pub(crate) use cluster::node_roles;
pub(crate) use network::{host_and_port, load_balancer};
pub use print::{TableOptions, TableWriter};

use crate::Now;
use crate::field::Field;
use core::fmt;
use serde_json::{Value, json};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, which the header shows in capitals.
    pub name: &'static str,
    /// The type of its cells in the words of the API: `string`, `integer`, `boolean`.
    pub cell_type: &'static str,
    /// Whether the column names the object.
    pub is_name: bool,
    /// Whether only wide output shows it.
    pub wide: bool,
}

impl Column {
    /// The column that names the object.
    const NAME: Self = Self { is_name: true, ..Self::text("Name") };
    /// The column of the object's age.
    const AGE: Self = Self::text("Age");

    const fn text(name: &'static str) -> Self {
        Self { name, cell_type: "string", is_name: false, wide: false }
    }

    const fn integer(name: &'static str) -> Self {
        Self { cell_type: "integer", ..Self::text(name) }
    }

    const fn boolean(name: &'static str) -> Self {
        Self { cell_type: "boolean", ..Self::text(name) }
    }

    const fn wide(name: &'static str) -> Self {
        Self { wide: true, ..Self::text(name) }
    }

    /// Where the API places the column: 0, or 1 if only wide output shows it.
    #[must_use]
    pub const fn priority(&self) -> i32 {
        if self.wide { 1 } else { 0 }
    }

    /// The format that the API gives the column: `name` or none.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        if self.is_name { "name" } else { "" }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number.
    Integer(i64),
    /// A flag.
    Boolean(bool),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(flag) => write!(f, "{flag}"),
        }
    }
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Text(text) => text.into(),
            Cell::Integer(number) => number.into(),
            Cell::Boolean(flag) => flag.into(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// A cell for each column of the table.
    pub cells: Vec<Cell>,
    /// The object that the row shows.
    pub object: &'a Value,
}

impl Row<'_> {
    /// What the API says of a row beside its cells: that a pod has run to its end.
    #[must_use]
    pub fn condition(&self) -> Option<Value> {
        let pod = (self.object.kind() == "Pod").then_some(self.object)?;
        let (reason, message) = match pod.text(&["status", "phase"]) {
            "Succeeded" => ("Succeeded", "The pod has completed successfully."),
            "Failed" => ("Failed", "The pod failed."),
            _ => return None,
        };
        Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
    }
}

/// Objects of one kind as rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<'a> {
    /// The columns, wide ones only if asked for.
    pub columns: Vec<Column>,
    /// The rows in the order of the objects.
    pub rows: Vec<Row<'a>>,
}

/// How objects of a kind become rows.
struct Layout {
    columns: &'static [Column],
    /// The cells of an object, those of wide columns included.
    cells: fn(&Value, &Present) -> Vec<Cell>,
}

/// What cells depend on besides the object.
struct Present {
    now: Now,
    /// Whether cells may be as long as they are.
    wide: bool,
}

/// The table of objects of a kind such as `Pod`, with wide columns if asked for.
///
/// Kinds that the API server has no columns for show name and age.
#[must_use]
pub fn table<'a>(kind: &str, objects: impl IntoIterator<Item = &'a Value>, wide: bool, now: Now) -> Table<'a> {
    let layout = layout(kind);
    let present = Present { now, wide };
    let shown = |column: &Column| wide || !column.wide;
    let rows = objects.into_iter().map(|object| {
        let cells = (layout.cells)(object, &present).into_iter().zip(layout.columns);
        Row { cells: cells.filter(|(_, column)| shown(column)).map(|(cell, _)| cell).collect(), object }
    });
    let columns = layout.columns.iter().filter(|column| shown(column)).copied().collect();
    Table { columns, rows: rows.collect() }
}

impl Table<'_> {
    /// The table as kubectl writes it.
    #[must_use]
    pub fn render(&self, options: &TableOptions) -> String {
        TableWriter::new(options.clone()).write(self)
    }
}

fn layout(kind: &str) -> &'static Layout {
    match kind {
        "Pod" => &pod::POD,
        "Deployment" => &workload::DEPLOYMENT,
        "ReplicaSet" => &workload::REPLICA_SET,
        "ReplicationController" => &workload::REPLICATION_CONTROLLER,
        "StatefulSet" => &workload::STATEFUL_SET,
        "DaemonSet" => &workload::DAEMON_SET,
        "ControllerRevision" => &workload::CONTROLLER_REVISION,
        "Job" => &batch::JOB,
        "CronJob" => &batch::CRON_JOB,
        "HorizontalPodAutoscaler" => &autoscaling::HORIZONTAL_POD_AUTOSCALER,
        "Scale" => &autoscaling::SCALE,
        "PodDisruptionBudget" => &autoscaling::POD_DISRUPTION_BUDGET,
        "Service" => &network::SERVICE,
        "Endpoints" => &network::ENDPOINTS,
        "EndpointSlice" => &network::ENDPOINT_SLICE,
        "Ingress" => &network::INGRESS,
        "Node" => &cluster::NODE,
        "Namespace" => &cluster::NAMESPACE,
        "ConfigMap" => &cluster::CONFIG_MAP,
        "Secret" => &cluster::SECRET,
        "ServiceAccount" => &cluster::SERVICE_ACCOUNT,
        "Lease" => &cluster::LEASE,
        "PriorityClass" => &cluster::PRIORITY_CLASS,
        "Event" => &event::EVENT,
        _ => &cluster::ANY,
    }
}

#[cfg(test)]
mod tests;
