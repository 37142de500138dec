//! kubectl's JSONPath templates: text with paths in braces.
//!
//! Besides paths (`{.items[*].metadata.name}`) a template has loops (`{range …}…{end}`), filters
//! (`[?(@.type=="Ready")]`), unions (`['a','b']`), slices (`[-1:]`), descent (`..name`) and quoted text
//! (`{"\n"}`). Upstream visits the members of an object in random order where it visits all of them; here
//! they go by name.
//!
//! Time and memory are bounded: a template that would visit too many values is an error.

mod compare;
mod evaluate;
mod parse;
mod unquote;

use crate::go_json;
use evaluate::Found;
use serde_json::Value;
use wavetank_model::go_text;

/// A template, ready to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
}

/// Why a text is no template, or why a template cannot be filled in; the text is kubectl's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonPathError(String);

impl JsonPathError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A step of a template.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// What stands in one pair of braces.
    List(Vec<Self>),
    Text(String),
    /// `.name`
    Field(String),
    /// `[1:3:2]`
    Slice(Slice),
    Filter {
        left: Vec<Self>,
        operator: String,
        right: Vec<Self>,
    },
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// `.*`
    Wildcard,
    /// `..`
    Recursive,
    Union(Vec<Vec<Self>>),
    /// `range` or `end`, or a word that means nothing.
    Identifier(String),
}

/// Which items of a list are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slice {
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
    /// Whether the end follows from the start: a single index.
    single: bool,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If the text is no template, in kubectl's words.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::template(text).map(|nodes| Self { nodes })
    }

    /// Reads a path as `--sort-by`, `custom-columns` and `wait` take it: with or without braces and the first dot.
    ///
    /// # Errors
    /// If the text is no path, in kubectl's words.
    pub fn parse_relaxed(text: &str) -> Result<Self, JsonPathError> {
        Self::parse(&relaxed(text)?)
    }

    /// Fills in the template. Fields that are missing give nothing.
    ///
    /// # Errors
    /// If a value does not suit what is asked of it, in kubectl's words.
    pub fn render(&self, value: &Value) -> Result<String, JsonPathError> {
        self.rendered(value, true)
    }

    /// Fills in the template; a field that is missing is an error: `--allow-missing-template-keys=false`.
    ///
    /// # Errors
    /// If a field is missing or a value does not suit what is asked of it, in kubectl's words.
    pub fn render_strictly(&self, value: &Value) -> Result<String, JsonPathError> {
        self.rendered(value, false)
    }

    fn rendered(&self, value: &Value, allow_missing: bool) -> Result<String, JsonPathError> {
        let mut out = String::new();
        for results in evaluate::results(&self.nodes, value, allow_missing)? {
            let texts: Vec<String> = results.iter().map(shown).collect();
            out.push_str(&texts.join(" "));
            evaluate::check_length(out.len())?;
        }
        Ok(out)
    }

    /// What each part of the template finds, as `-o jsonpath-as-json` writes it.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_json(&self, value: &Value) -> Result<String, JsonPathError> {
        let mut out = String::new();
        for results in evaluate::results(&self.nodes, value, true)? {
            let list = Value::Array(results.iter().map(|found| found.value().clone()).collect());
            out.push_str(&go_json::indented(&list));
            out.push('\n');
            evaluate::check_length(out.len())?;
        }
        Ok(out)
    }

    /// The values that the template finds, part by part.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn find(&self, value: &Value) -> Result<Vec<Vec<Value>>, JsonPathError> {
        let results = evaluate::results(&self.nodes, value, true)?;
        Ok(results.iter().map(|part| part.iter().map(|found| found.value().clone()).collect()).collect())
    }

    /// What kubectl says behind `error executing jsonpath "TEMPLATE": `: the error, and all that it was given.
    #[must_use]
    pub fn complaint(text: &str, error: &JsonPathError, value: &Value) -> String {
        let given = go_text::syntax(value);
        format!(
            "Error executing template: {error}. Printing more information for debugging the template:\n\ttemplate \
             was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{given}\n\n\n"
        )
    }
}

/// A found value as text: lists and objects as JSON, others as they are.
fn shown(found: &Found<'_>) -> String {
    match found.value() {
        value @ (Value::Array(_) | Value::Object(_)) => go_json::line(value),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => go_text::plain(value),
    }
}

/// A path in braces and with its first dot, however it was given.
///
/// # Errors
/// If there are braces elsewhere than around the path.
pub(crate) fn relaxed(path: &str) -> Result<String, JsonPathError> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let inner = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(path);
    let inner = match inner.strip_prefix('.') {
        Some("") | None => inner,
        Some(rest) => rest,
    };
    if inner.is_empty() || inner.contains(['{', '}']) {
        let forms = "'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'";
        return Err(JsonPathError::new(format!("unexpected path string, expected a {forms}")));
    }
    Ok(format!("{{.{inner}}}"))
}

#[cfg(test)]
mod tests;
