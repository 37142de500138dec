//! Tables as kubectl writes them: which columns, in which width, under which header.

use super::cells::labels;
use super::{Cell, Row, Table};
use crate::field::Field;
use crate::tab_writer::{Stops, escape_terminal};

/// What kubectl adds to a table or leaves out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Leave out the header: `--no-headers`.
    pub no_headers: bool,
    /// Begin with the namespace: `-A`.
    pub with_namespace: bool,
    /// What goes before each name, such as `deployment.apps`: shown when several kinds are asked for.
    pub kind: Option<String>,
    /// End with all labels: `--show-labels`.
    pub show_labels: bool,
    /// Labels that get a column each: `-L`.
    pub label_columns: Vec<String>,
}

/// Writes tables one below the other as `get --watch` does: one header, columns that never shrink.
#[derive(Clone, Debug)]
pub struct TableWriter {
    options: TableOptions,
    widths: Vec<usize>,
    has_header: bool,
}

impl TableWriter {
    /// A writer that has written nothing yet.
    #[must_use]
    pub const fn new(options: TableOptions) -> Self {
        let has_header = options.no_headers;
        Self { options, widths: Vec::new(), has_header }
    }

    /// The text of a table, the header included if it is the first one.
    #[must_use]
    pub fn write(&mut self, table: &Table<'_>) -> String {
        self.write_events(table, None)
    }

    /// The text of a table of which each row begins with what happened: `--output-watch-events`.
    #[must_use]
    pub fn write_events(&mut self, table: &Table<'_>, event: Option<&str>) -> String {
        let mut text = String::new();
        if !self.has_header {
            self.has_header = true;
            line(&mut text, &self.header(table, event.is_some()));
        }
        for row in &table.rows {
            line(&mut text, &self.row(table, row, event));
        }
        Stops::TABLE.align_at_least(&text, &mut self.widths)
    }

    fn header(&self, table: &Table<'_>, with_event: bool) -> Vec<String> {
        let options = &self.options;
        let before = with_event.then(|| "EVENT".to_owned()).into_iter();
        let before = before.chain(options.with_namespace.then(|| "NAMESPACE".to_owned()));
        let columns = table.columns.iter().map(|column| column.name.to_uppercase());
        let labels = options.label_columns.iter().map(|label| label_header(label));
        let all = options.show_labels.then(|| "LABELS".to_owned());
        before.chain(columns).chain(labels).chain(all).collect()
    }

    fn row(&self, table: &Table<'_>, row: &Row<'_>, event: Option<&str>) -> Vec<String> {
        let options = &self.options;
        let before = event.map(str::to_owned).into_iter();
        let before = before.chain(options.with_namespace.then(|| row.object.namespace().to_owned()));
        let cells = table.columns.iter().zip(&row.cells).enumerate().map(|(index, (column, cell))| {
            let text = shown(cell);
            // The first column names the object, except in tables that call another one its name.
            let names = column.is_name && index == 0;
            match &options.kind {
                Some(kind) if names => format!("{kind}/{text}"),
                _ => text,
            }
        });
        let object_labels = row.object.at(&["metadata", "labels"]);
        let label = |key: &String| {
            object_labels.map_or("<none>", |labels| match labels.text(&[key.as_str()]) {
                "" if labels.get(key).is_none() => "",
                value => value,
            })
        };
        let columns = options.label_columns.iter().map(|key| label(key).to_owned());
        let all = options.show_labels.then(|| labels(object_labels));
        before.chain(cells).chain(columns).chain(all).collect()
    }
}

/// The header of a label's column: what follows the last slash.
fn label_header(label: &str) -> String {
    label.rsplit('/').next().unwrap_or(label).to_uppercase()
}

/// A cell up to its first line break, without what a terminal would obey.
fn shown(cell: &Cell) -> String {
    let text = cell.to_string();
    match text.find(['\x0c', '\n', '\r']) {
        Some(end) => format!("{}...", escape_terminal(&text[..end])),
        None => escape_terminal(&text),
    }
}

fn line(out: &mut String, cells: &[String]) {
    out.push_str(&cells.join("\t"));
    out.push('\n');
}
