//! What `-o` asks for.
//!
//! Source: `cli-runtime/pkg/genericclioptions`, `kubectl/pkg/cmd/get/get_flags.go`.

use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::resource::Resource;
use serde_json::Value;
use wavetank_printers::{CustomColumns, Template, output, to_yaml};

const ALLOWED: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,\
                       jsonpath-file,name,template,templatefile,wide,yaml";

/// Whether a format is one that can be printed.
pub(crate) fn check_format(format: &str) -> Result<(), Fault> {
    let name = format.split('=').next().unwrap_or_default();
    if ALLOWED.split(',').any(|known| known == name) {
        return Ok(());
    }
    said(format!(
        "unable to match a printer suitable for the output format {}, allowed formats are: {ALLOWED}",
        quoted(format)
    ))
}

/// An object in the format that `-o` asks for.
pub(crate) fn object(format: &str, resource: &Resource, object: &Value) -> Result<String, Fault> {
    objects(format, core::slice::from_ref(&(resource.clone(), object.clone())), true, false)
}

/// An object in a stream of objects.
pub(crate) fn in_stream(format: &str, resource: &Resource, one: &Value) -> Result<String, Fault> {
    let text = object(format, resource, one)?;
    Ok(if format == "yaml" { format!("---\n{text}") } else { text })
}

/// A value as YAML or JSON.
pub(crate) fn plain(format: &str, value: &Value) -> String {
    if format == "yaml" { to_yaml(value) } else { output::json(core::slice::from_ref(value), true) }
}

/// Objects in the format that `-o` asks for: as a list, or the only one `alone`.
pub(crate) fn objects(
    format: &str,
    objects: &[(Resource, Value)],
    alone: bool,
    no_headers: bool,
) -> Result<String, Fault> {
    check_format(format)?;
    let (name, argument) = format.split_once('=').unwrap_or((format, ""));
    let values: Vec<Value> = objects.iter().map(|(_, object)| object.clone()).collect();
    match name {
        "yaml" => Ok(output::yaml(&values, alone)),
        "json" => Ok(output::json(&values, alone)),
        "name" => {
            let label = |(resource, object): &(Resource, Value)| {
                format!("{}\n", resource.label(object["metadata"]["name"].as_str().unwrap_or_default()))
            };
            Ok(objects.iter().map(label).collect())
        }
        "jsonpath" | "jsonpath-as-json" => {
            if argument.is_empty() {
                return said("template format specified but no template given");
            }
            let whole = output::whole(&values, alone);
            let template = Template::parse(argument)
                .map_err(|error| Fault::Said(format!("error parsing jsonpath {argument}, {error}")))?;
            let text = if name == "jsonpath" { template.render(&whole) } else { template.render_json(&whole) };
            text.map_err(|error| {
                let complaint = Template::complaint(argument, &error, &whole);
                Fault::Said(format!("error executing jsonpath {}: {complaint}", quoted(argument)))
            })
        }
        "custom-columns" => {
            let columns = CustomColumns::parse(argument, no_headers).map_err(|error| Fault::Said(error.to_string()))?;
            columns.render(&values).map_err(|error| Fault::Said(error.to_string()))
        }
        other => said(format!("not simulated: -o {other}")),
    }
}

/// Rows of cells, lined up.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if index + 1 < row.len() {
                let gap = widths.get(index).copied().unwrap_or(0).saturating_sub(cell.chars().count()) + 3;
                text.push_str(&" ".repeat(gap));
            }
        }
        text.push('\n');
    }
    text
}
