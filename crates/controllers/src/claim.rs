//! What adoption has in common for pods and ReplicaSets.

use std::sync::Arc;
use wavetank_model::PassError;

/// One error out of many, as upstream aggregates them: equal texts once, several in brackets.
pub(crate) fn claim_error(errors: Vec<Arc<str>>) -> Option<PassError> {
    if errors.is_empty() {
        return None;
    }
    let mut told: Vec<Arc<str>> = Vec::new();
    for error in errors {
        if !told.contains(&error) {
            told.push(error);
        }
    }
    match told.as_slice() {
        [] => None,
        [error] => Some(PassError::Stuck(error.clone())),
        several => Some(PassError::Stuck(format!("[{}]", several.join(", ")).into())),
    }
}
