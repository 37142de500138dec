//! Tables: the cells of one object, and the text of a list of them.

use super::answer::{member, text};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use wavetank_printers::Now;
use wavetank_printers::table::{Row, TableOptions, table};

/// A case of `printer-tables`.
///
/// The last timestamps of recorded events had fractions of a second that their JSON lost: ages taken from
/// them are up to a second shorter than what is left says. So a case also passes if it does with every
/// last timestamp at the end of its second.
pub(super) fn case(notes: &Value, case: &Value) -> Result<(), Mismatch> {
    let as_recorded = as_given(notes, case);
    let mut later = case.clone();
    if as_recorded.is_err() && end_the_seconds(&mut later) { as_given(notes, &later) } else { as_recorded }
}

/// Moves last timestamps to the end of their second; answers whether there are any.
fn end_the_seconds(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => members.iter_mut().fold(false, |moved, (key, value)| {
            if key != "lastTimestamp" {
                return end_the_seconds(value) | moved;
            }
            let ended = value.as_str().map(|text| text.replace('Z', ".999999999Z"));
            let is_text = ended.is_some();
            *value = ended.map_or_else(|| value.take(), Value::from);
            is_text | moved
        }),
        Value::Array(items) => items.iter_mut().fold(false, |moved, item| end_the_seconds(item) | moved),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn as_given(notes: &Value, case: &Value) -> Result<(), Mismatch> {
    let now = Now::parse(text(notes, "now")?).ok_or_else(|| Mismatch::not_run("now is no time"))?;
    let (input, out) = (member(case, "in")?, member(case, "out")?);
    match text(case, "op")? {
        "text" => list(input, out, now),
        kind => {
            let object = member(input, "object")?;
            for (form, wide) in [("plain", false), ("wide", true)] {
                columns(notes, kind, wide, now).map_err(|mismatch| mismatch.within("columns"))?;
                let made = table(kind, [object], wide, now);
                let cells = made.rows.into_iter().flat_map(|row| row.cells).map(Value::from).collect();
                same(member(out, form)?, &Value::Array(cells)).map_err(|mismatch| mismatch.within(form))?;
            }
            let made = table(kind, [object], false, now);
            let conditions: Vec<Value> = made.rows.iter().filter_map(Row::condition).collect();
            let expected = out.get("rowConditions").cloned().unwrap_or_else(|| json!([]));
            same(&expected, &Value::Array(conditions)).map_err(|mismatch| mismatch.within("rowConditions"))
        }
    }
}

/// The columns of a kind, as the API server defines them.
fn columns(notes: &Value, kind: &str, wide: bool, now: Now) -> Result<(), Mismatch> {
    let ours = table(kind, [], wide, now).columns;
    let ours = ours.iter().map(|column| {
        json!({"name": column.name, "type": column.cell_type, "format": column.format(), "priority": column.priority()})
    });
    let recorded = member(member(notes, "columns")?, kind)?.as_array().cloned().unwrap_or_default();
    let recorded = recorded.into_iter().filter(|column| wide || column["priority"] == json!(0));
    same(&Value::Array(recorded.collect()), &Value::Array(ours.collect()))
}

/// The text of a list of objects of one kind.
fn list(input: &Value, out: &Value, now: Now) -> Result<(), Mismatch> {
    let objects = member(input, "objects")?.as_array().ok_or_else(|| Mismatch::not_run("objects are no list"))?;
    let given = member(input, "options")?;
    let flag = |key| given.get(key).and_then(Value::as_bool).unwrap_or_default();
    let word = |key| given.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let kind = match word("group").as_str() {
        "" => word("kind"),
        group => format!("{}.{group}", word("kind")),
    };
    let labels = given.get("labelColumns").and_then(Value::as_array).into_iter().flatten();
    let options = TableOptions {
        no_headers: flag("noHeaders"),
        with_namespace: flag("allNamespaces"),
        kind: flag("showKind").then_some(kind),
        show_labels: flag("showLabels"),
        label_columns: labels.filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    let first = objects.first().and_then(|object| object.get("kind")).and_then(Value::as_str);
    let text = table(first.unwrap_or_default(), objects, flag("wide"), now).render(&options);
    same(member(out, "text")?, &Value::String(text)).map_err(|mismatch| mismatch.within("text"))
}
