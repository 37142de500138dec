//! Patches: JSON patch, JSON merge patch and strategic merge patch, on stored objects as JSON.
//!
//! What comes out has yet to be admitted ([`crate::admit_update`]).

mod difference;
mod spelling;
mod strategic;
mod three_way;

pub use three_way::{
    LAST_APPLIED, MergeError, go_json, last_applied, last_applied_of, three_way_json_merge, three_way_strategic,
    two_way_json_merge, two_way_strategic, with_last_applied,
};

use crate::managed::{self, Writer};
use crate::validation::Faults;
use crate::{Edge, Kind, kind_of, strict};
use serde_json::Value;
use wavetank_engine::Time;
use wavetank_model::{Cause, Reason, Refusal};

/// What the API server says to a patch that cannot be applied.
const CANNOT_APPLY: &str = "the server rejected our request due to an error in our request";

/// Applies a patch of whichever type a request says it is. The owners of the object's fields, who matter to
/// a server-side apply, are those that it names itself; `force` takes fields from them.
///
/// # Errors
/// As the functions for the types; `UnsupportedMediaType` for what is none; `Invalid` for a server-side
/// apply without a manager.
pub fn by_content_type(
    kind: Kind,
    content_type: &str,
    (field_manager, force): (Option<&str>, bool),
    object: &Value,
    patch: &Value,
) -> Result<Value, Refusal> {
    if content_type == "application/apply-patch+yaml" {
        let manager = demand_manager(field_manager)?;
        let edge = Edge::default();
        let known = managed::read(&object["metadata"]["managedFields"], &edge);
        let writer = Writer { manager, subresource: "", time: Time::ZERO, edge: &edge };
        let done = managed::server_side_apply(kind, Some(object), Some(&known), patch, writer, force)?;
        return Ok(done.object);
    }
    patch_struct(kind.go_type(), content_type, object, patch)
}

/// The name of a manager, without which nothing is applied.
fn demand_manager(given: Option<&str>) -> Result<&str, Refusal> {
    if let Some(manager) = given.filter(|manager| !manager.is_empty()) {
        return Ok(manager);
    }
    let mut faults = Faults::default();
    faults.required("fieldManager", "is required for apply patch");
    faults.refusing("PatchOptions.meta.k8s.io", "")?;
    Ok("")
}

/// The same for any Go type that the schema knows.
pub(crate) fn patch_struct(
    name: &'static str,
    content_type: &str,
    object: &Value,
    patch: &Value,
) -> Result<Value, Refusal> {
    match content_type {
        "application/strategic-merge-patch+json" => strategic_in(name, object, patch),
        "application/merge-patch+json" => patch_merge(object, patch),
        "application/json-patch+json" => patch_json(object, patch),
        _ => {
            let reason = Reason::Other("UnsupportedMediaType".into());
            Err(Refusal::new(reason, "415: Unsupported Media Type"))
        }
    }
}

/// Applies a JSON patch (RFC 6902): a list of operations, all of them or none.
///
/// # Errors
/// `BadRequest` if the patch is no such list, `Invalid` if an operation does not apply or its result
/// cannot be decoded.
pub fn patch_json(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    let operations: json_patch::Patch = serde_json::from_value(patch.clone()).map_err(|error| {
        let detail = if patch.is_array() {
            error.to_string()
        } else {
            let found = if patch.is_object() { "object" } else { "value" };
            format!("json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp")
        };
        Refusal::new(Reason::BadRequest, format!("error decoding patch: {detail}"))
    })?;
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &operations).map_err(|_| Refusal::new(Reason::Invalid, CANNOT_APPLY))?;
    decodable(patched, || {
        let opened = spelling::opened_by(patch);
        shown(object, &opened, |whole| drop(json_patch::patch(whole, &operations)))
    })
}

/// Applies a JSON merge patch (RFC 7386): objects merge, null deletes, all else replaces.
///
/// # Errors
/// `BadRequest` if the patch is not an object, `Invalid` if its result cannot be decoded.
pub fn patch_merge(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    demand_object(patch)?;
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    decodable(patched, || shown(object, patch, |whole| json_patch::merge(whole, patch)))
}

/// Applies a strategic merge patch: as a merge patch, but lists whose items have a key merge as well.
///
/// The directives `$patch` (`replace`, `delete`, `merge`), `$retainKeys`, `$setElementOrder/FIELD`
/// and `$deleteFromPrimitiveList/FIELD` are obeyed.
///
/// # Errors
/// `BadRequest` if the patch is not an object, an error without a reason (as upstream) if an
/// item of a merging list lacks the key of that list or a directive makes no sense, `Invalid` if its result cannot be
/// decoded.
pub fn patch_strategic(kind: Kind, object: &Value, patch: &Value) -> Result<Value, Refusal> {
    strategic_in(kind.go_type(), object, patch)
}

fn strategic_in(name: &'static str, object: &Value, patch: &Value) -> Result<Value, Refusal> {
    demand_object(patch)?;
    let patched = strategic::apply(name, object, patch)
        .map_err(|strategic::Fault(message)| Refusal::new(Reason::Other("".into()), message))?;
    match strict::decode(name, &patched) {
        Ok(_) => Ok(patched),
        Err(fault) => {
            // This kind of patch is not decoded from text, so its errors are worded otherwise.
            let fault = strategic::mistyped(name, patch).unwrap_or(fault);
            Err(undecodable(&strategic::go_map(patch), &fault))
        }
    }
}

/// A patched object that is one still. What is of no known kind is left to whoever takes it in.
fn decodable(patched: Value, text: impl FnOnce() -> String) -> Result<Value, Refusal> {
    let Ok(kind) = kind_of(&patched) else { return Ok(patched) };
    match strict::decode(kind.go_type(), &patched) {
        Ok(_) => Ok(patched),
        Err(fault) => Err(undecodable(&text(), &fault)),
    }
}

/// The text of an object once it is patched.
fn shown(object: &Value, opened: &Value, patch: impl FnOnce(&mut Value)) -> String {
    let Ok(kind) = kind_of(object) else { return object.to_string() };
    let before = spelling::as_written(kind.go_type(), object);
    let mut patched = before.clone();
    patch(&mut patched);
    spelling::spelled(kind.go_type(), &before, &patched, opened)
}

/// The refusal of a patch whose result is no object of the API.
fn undecodable(shown: &str, fault: &str) -> Refusal {
    let message = format!("Invalid value: {}: {fault}", Value::from(shown));
    let cause = Cause { reason: "FieldValueInvalid".into(), message: message.as_str().into(), field: "patch".into() };
    Refusal {
        reason: Reason::Invalid,
        message: format!(" \"\" is invalid: patch: {message}").into(),
        causes: vec![cause],
    }
}

fn demand_object(patch: &Value) -> Result<(), Refusal> {
    if patch.is_object() {
        return Ok(());
    }
    Err(Refusal::new(Reason::BadRequest, "error decoding patch: a merge patch must be a JSON object"))
}

#[cfg(test)]
mod tests;
