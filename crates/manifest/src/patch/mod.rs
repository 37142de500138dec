//! Patches: JSON patch, JSON merge patch and strategic merge patch, on stored objects as JSON.
//!
//! What comes out has yet to be admitted ([`crate::admit_update`]).

mod difference;
mod strategic;
mod three_way;

pub use three_way::{
    LAST_APPLIED, MergeError, go_json, last_applied, last_applied_of, three_way_json_merge, three_way_strategic,
    two_way_json_merge, two_way_strategic, with_last_applied,
};

use crate::validation::Faults;
use crate::{Kind, kind_of, strict};
use serde_json::Value;
use wavetank_model::{Cause, Reason, Refusal};

/// What the API server says to a patch that cannot be applied.
const CANNOT_APPLY: &str = "the server rejected our request due to an error in our request";

/// Applies a patch of whichever type a request says it is.
///
/// # Errors
/// As the functions for the types; `UnsupportedMediaType` for what is none; server-side apply is refused:
/// without a manager as the server does, with one because it is not simulated.
pub fn by_content_type(
    kind: Kind,
    content_type: &str,
    field_manager: Option<&str>,
    object: &Value,
    patch: &Value,
) -> Result<Value, Refusal> {
    if content_type == "application/apply-patch+yaml" {
        return Err(server_side_apply(field_manager));
    }
    patch_struct(kind.go_type(), content_type, object, patch)
}

fn server_side_apply(field_manager: Option<&str>) -> Refusal {
    if field_manager.is_some_and(|manager| !manager.is_empty()) {
        return Refusal::new(Reason::Other("NotSimulated".into()), "not simulated: server-side apply");
    }
    let mut faults = Faults::default();
    faults.required("fieldManager", "is required for apply patch");
    match faults.refusing("PatchOptions.meta.k8s.io", "") {
        Err(refusal) => refusal,
        Ok(()) => Refusal::new(Reason::Invalid, CANNOT_APPLY),
    }
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
    decodable(patched)
}

/// Applies a JSON merge patch (RFC 7386): objects merge, null deletes, all else replaces.
///
/// # Errors
/// `BadRequest` if the patch is not an object, `Invalid` if its result cannot be decoded.
pub fn patch_merge(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    demand_object(patch)?;
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    decodable(patched)
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
fn decodable(patched: Value) -> Result<Value, Refusal> {
    let Ok(kind) = kind_of(&patched) else { return Ok(patched) };
    match strict::decode(kind.go_type(), &patched) {
        Ok(_) => Ok(patched),
        Err(fault) => Err(undecodable(&patched.to_string(), &fault)),
    }
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
