//! Objects from files: what `-f` leads to, and kubectl's complaints on the way.
//!
//! Source: `cli-runtime/pkg/resource`, `visitor.go` and `mapper.go`.

use crate::api::Address;
use crate::fault::Fault;
use crate::files::Files;
use crate::flags::quoted;
use crate::resource;
use serde_json::Value;
use wavetank::Cluster;

/// An object in a file.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) at: Address,
    pub(crate) object: Value,
    /// The file, as it was named.
    pub(crate) source: String,
}

/// How files are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// What serves the objects.
    pub(crate) cluster: &'a Cluster,
    /// The namespace of objects that name none.
    pub(crate) namespace: &'a str,
    /// Whether objects must not name another one.
    pub(crate) enforced: bool,
    /// Whether folders within folders count.
    pub(crate) recursive: bool,
    /// Whether objects are validated before anything else.
    pub(crate) validated: bool,
}

/// Endings of the files in a folder that are read.
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

/// Reads files and folders; what cannot be read does not keep the rest from being read.
pub(crate) fn read(files: &dyn Files, paths: &[&str], scope: &Scope<'_>) -> (Vec<Info>, Vec<Fault>) {
    let (mut infos, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        match texts(files, path, scope.recursive) {
            Ok(texts) => {
                for (source, text) in texts {
                    read_text(&source, &text, scope, &mut infos, &mut faults);
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    (infos, faults)
}

/// Names and texts of the files behind a path.
pub(crate) fn texts(files: &dyn Files, path: &str, recursive: bool) -> Result<Vec<(String, String)>, Fault> {
    if path == "-" {
        return Ok(vec![("STDIN".to_owned(), files.read("-").unwrap_or_default())]);
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return Err(Fault::Said(format!("unable to read URL {}, there is no network here", quoted(path))));
    }
    if let Some(text) = files.read(path) {
        return Ok(vec![(path.to_owned(), text)]);
    }
    let missing = || Fault::Said(format!("the path {} does not exist", quoted(path)));
    let listed = files.list(path, recursive).ok_or_else(missing)?;
    let wanted = listed.into_iter().filter(|name| ENDINGS.iter().any(|ending| name.ends_with(ending)));
    let texts: Vec<(String, String)> = wanted.filter_map(|name| files.read(&name).map(|text| (name, text))).collect();
    if texts.is_empty() {
        let text = format!("error reading [{path}]: recognized file extensions are [.json .yaml .yml]");
        return Err(Fault::Said(text));
    }
    Ok(texts)
}

fn read_text(source: &str, text: &str, scope: &Scope<'_>, infos: &mut Vec<Info>, faults: &mut Vec<Fault>) {
    let documents = match wavetank_manifest::parse_yaml(text) {
        Ok(documents) => documents,
        Err(error) => {
            let why = crate::yaml_fault::words(text, &error.message);
            return faults.push(Fault::Said(format!("error parsing {source}: error converting YAML to JSON: {why}")));
        }
    };
    for document in documents {
        if document.is_null() {
            continue;
        }
        if let Err(fault) = read_document(source, document, scope, infos) {
            faults.push(fault);
        }
    }
}

fn read_document(source: &str, document: Value, scope: &Scope<'_>, infos: &mut Vec<Info>) -> Result<(), Fault> {
    if scope.validated {
        validate(source, &document)?;
    }
    let undecodable = |why: &str| Fault::Said(format!("unable to decode {}: {why}", quoted(source)));
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind.is_empty() {
        return Err(undecodable(&format!("Object 'Kind' is missing in '{document}'")));
    }
    if api_version.is_empty() {
        return Err(undecodable(&format!("Object 'apiVersion' is missing in '{document}'")));
    }
    if kind.ends_with("List") && document.get("items").is_some_and(Value::is_array) {
        let Value::Object(mut fields) = document else { return Ok(()) };
        let Some(Value::Array(items)) = fields.remove("items") else { return Ok(()) };
        return items.into_iter().try_for_each(|item| read_document(source, item, scope, infos));
    }
    if let Some(why) = mistyped_metadata(&document) {
        return Err(undecodable(&why));
    }
    let given = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (name, own) = (given("/metadata/name"), given("/metadata/namespace"));
    let Some((resource, document)) = served(scope.cluster, &api_version, &kind, &document) else {
        let text = format!(
            "resource mapping not found for name: {} namespace: {} from {}: no matches for kind {} in version {}\n\
             ensure CRDs are installed first",
            quoted(name),
            quoted(own),
            quoted(source),
            quoted(&kind),
            quoted(&api_version)
        );
        return Err(Fault::Said(text));
    };
    if scope.enforced && resource.namespaced && !own.is_empty() && own != scope.namespace {
        let text = format!(
            "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={own}' to \
             perform this operation.",
            quoted(own),
            quoted(scope.namespace)
        );
        return Err(Fault::Said(text));
    }
    let at = Address::new(resource, if own.is_empty() { scope.namespace } else { own }, name);
    infos.push(Info { at, object: document, source: source.to_owned() });
    Ok(())
}

/// The resource of an object, and the object in the version in which it is served.
fn served(cluster: &Cluster, api_version: &str, kind: &str, document: &Value) -> Option<(resource::Resource, Value)> {
    if let Some(resource) = resource::of_kind(cluster, api_version, kind) {
        return Some((resource, document.clone()));
    }
    // Some kinds are served in another version as well, which is read as the one that is stored. What cannot
    // be read is for the server to refuse.
    let stored = wavetank_manifest::kind_of(document).ok()?;
    let resource = resource::of_kind(cluster, stored.api_version(), kind)?;
    let read = wavetank_manifest::decode_strictly(document);
    Some((resource, read.unwrap_or_else(|_| document.clone())))
}

/// What kubectl itself checks where the server does the rest.
fn validate(source: &str, document: &Value) -> Result<(), Fault> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let why = if !document.is_object() {
        "invalid object to validate"
    } else {
        match (text("apiVersion").is_empty(), text("kind").is_empty()) {
            (false, false) => return Ok(()),
            (true, false) => "apiVersion not set",
            (false, true) => "kind not set",
            (true, true) => "[apiVersion not set, kind not set]",
        }
    };
    Err(Fault::Said(format!(
        "error validating {}: error validating data: {why}; if you choose to ignore these errors, turn validation off \
         with --validate=false",
        quoted(source)
    )))
}

/// Labels and annotations are texts, or the object cannot be read at all.
fn mistyped_metadata(document: &Value) -> Option<String> {
    let metadata = document.get("metadata").filter(|metadata| !metadata.is_null() && !metadata.is_object());
    if let Some(metadata) = metadata {
        let found = match metadata {
            Value::Array(_) => "array",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) | Value::Null | Value::Object(_) => "string",
        };
        return Some(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"));
    }
    ["annotations", "labels"].into_iter().find_map(|field| {
        let values = document.pointer(&format!("/metadata/{field}"))?.as_object()?;
        let wrong = values.values().find_map(|value| match value {
            Value::String(_) | Value::Null => None,
            Value::Number(_) => Some("number"),
            Value::Bool(_) => Some("bool"),
            Value::Array(_) => Some("array"),
            Value::Object(_) => Some("object"),
        })?;
        Some(format!("json: cannot unmarshal {wrong} into Go struct field ObjectMeta.metadata.{field} of type string"))
    })
}
