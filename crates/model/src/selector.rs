//! Label and field selectors.

use crate::StringMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A label selector as spelled in an object: `matchLabels` and `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSelector {
    /// `matchLabels`.
    pub match_labels: StringMap,
    /// `matchExpressions`.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: Arc<str>,
    /// Operator as spelled: `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: Arc<str>,
    /// Values.
    pub values: Vec<Arc<str>>,
}

/// A selector ready to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    requirements: Vec<()>,
}
