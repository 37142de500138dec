//! Patches: JSON patch, JSON merge patch and strategic merge patch, on stored objects as JSON.
//!
//! What comes out has yet to be admitted ([`crate::admit_update`]).

mod strategic;

use crate::Kind;
use serde_json::Value;
use wavetank_model::{Reason, Refusal};

/// What the API server says to a patch that cannot be applied.
const CANNOT_APPLY: &str = "the server rejected our request due to an error in our request";

/// Applies a JSON patch (RFC 6902): a list of operations, all of them or none.
///
/// # Errors
/// `BadRequest` if the patch is no such list, `Invalid` if an operation does not apply.
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
    Ok(patched)
}

/// Applies a JSON merge patch (RFC 7386): objects merge, null deletes, all else replaces.
///
/// # Errors
/// `BadRequest` if the patch is not an object.
pub fn patch_merge(object: &Value, patch: &Value) -> Result<Value, Refusal> {
    demand_object(patch)?;
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    Ok(patched)
}

/// Applies a strategic merge patch: as a merge patch, but lists whose items have a key merge as well.
///
/// The directives `$patch` (`replace`, `delete`, `merge`), `$retainKeys`, `$setElementOrder/FIELD`
/// and `$deleteFromPrimitiveList/FIELD` are obeyed.
///
/// # Errors
/// `BadRequest` if the patch is not an object, `InternalError` (as upstream) if an item of a merging
/// list lacks the key of that list or a directive makes no sense.
pub fn patch_strategic(kind: Kind, object: &Value, patch: &Value) -> Result<Value, Refusal> {
    demand_object(patch)?;
    strategic::apply(kind.go_type(), object, patch)
        .map_err(|strategic::Fault(message)| Refusal::new(Reason::InternalError, message))
}

fn demand_object(patch: &Value) -> Result<(), Refusal> {
    if patch.is_object() {
        return Ok(());
    }
    Err(Refusal::new(Reason::BadRequest, "error decoding patch: a merge patch must be a JSON object"))
}

#[cfg(test)]
mod tests;
