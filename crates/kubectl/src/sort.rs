//! `--sort-by`.

use crate::fault::Fault;
use crate::run::Found;
use serde_json::Value;
use std::collections::BTreeMap;

/// Sorts objects by the value of a field, given as a JSONPath with or without braces.
pub(crate) fn by(key: &str, found: &mut Vec<Found>) -> Result<(), Fault> {
    let mut rest: BTreeMap<(String, String, String), Found> = BTreeMap::new();
    let mut objects: Vec<Value> = Vec::new();
    for each in found.drain(..) {
        objects.push(each.object.clone());
        rest.insert(identity(&each.object), each);
    }
    let sorted = wavetank_printers::sort_by(objects, key).map_err(|error| Fault::Said(error.to_string()))?;
    found.extend(sorted.iter().filter_map(|object| rest.remove(&identity(object))));
    Ok(())
}

/// Kind, namespace and name.
fn identity(object: &Value) -> (String, String, String) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}
