//! An object as stored and as the controllers have seen it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One object. It stays in its arena until its deletion has been seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot<T> {
    /// As the API server has it; `None` once deleted.
    pub stored: Option<Arc<T>>,
    /// As the controllers' watch has delivered it; `None` before that, and after its deletion was seen.
    pub seen: Option<Arc<T>>,
}

impl<T> Slot<T> {
    pub(crate) const fn is_gone(&self) -> bool {
        self.stored.is_none() && self.seen.is_none()
    }
}
