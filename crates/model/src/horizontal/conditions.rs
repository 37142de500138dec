//! The conditions of a HorizontalPodAutoscaler, shared by the versions between which none changed.

use super::HorizontalCondition;
use core::ops::Deref;
use core::slice;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Conditions in the order in which they were set first.
///
/// Most passes of an autoscaler change what its metrics said and no condition, so versions of its status
/// have their conditions in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HorizontalConditions(Arc<Vec<HorizontalCondition>>);

impl HorizontalConditions {
    /// Puts a condition at a position, or behind the last one.
    pub(super) fn put(&mut self, position: Option<usize>, condition: HorizontalCondition) {
        let conditions = Arc::make_mut(&mut self.0);
        match position.and_then(|position| conditions.get_mut(position)) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }
}

impl Deref for HorizontalConditions {
    type Target = [HorizontalCondition];

    fn deref(&self) -> &[HorizontalCondition] {
        &self.0
    }
}

impl FromIterator<HorizontalCondition> for HorizontalConditions {
    fn from_iter<I: IntoIterator<Item = HorizontalCondition>>(conditions: I) -> Self {
        Self(Arc::new(conditions.into_iter().collect()))
    }
}

impl<'a> IntoIterator for &'a HorizontalConditions {
    type Item = &'a HorizontalCondition;
    type IntoIter = slice::Iter<'a, HorizontalCondition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
