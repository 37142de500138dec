//! Objects of the kinds that are few: from JSON and back.

use crate::fields::Fields;
use crate::{Edge, Error, metadata};
use serde_json::{Map, Value};
use wavetank_model::{Document, Kind, Meaning};

/// Reads an object of a kind as it stands.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_document(kind: Kind, value: &Value, edge: &mut Edge) -> Result<Document, Error> {
    let object = Fields::of(Some(value), kind.as_str())?;
    let meta = metadata::decode(object, edge)?;
    let mut body = Map::new();
    let mut status = Value::Null;
    for (key, value) in value.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" | "metadata" => {}
            "status" => status = value.clone(),
            _ => drop(body.insert(key.clone(), value.clone())),
        }
    }
    Ok(Document { kind, meta, body: Value::Object(body), status, meaning: Meaning::Carried })
}

/// An object of one of these kinds as JSON.
#[must_use]
pub fn render_document(document: &Document, edge: &Edge) -> Value {
    let mut fields = Map::new();
    fields.insert("apiVersion".to_owned(), Value::from(document.kind.api_version()));
    fields.insert("kind".to_owned(), Value::from(document.kind.as_str()));
    fields.insert("metadata".to_owned(), metadata::render(&document.meta, edge));
    for (key, value) in document.body.as_object().into_iter().flatten() {
        fields.insert(key.clone(), value.clone());
    }
    if !document.status.is_null() {
        fields.insert("status".to_owned(), document.status.clone());
    }
    Value::Object(fields)
}
