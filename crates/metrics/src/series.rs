//! Metrics that belong to no pod.

use crate::curve::Curve;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_model::StringMap;
use wavetank_model::horizontal::ObjectReference;

/// A metric of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSeries {
    /// Namespace of the object.
    pub namespace: Arc<str>,
    /// The object. That of a Namespace is found by [`Self::namespace`], whatever its name.
    pub object: ObjectReference,
    /// Name of the metric.
    pub metric: Arc<str>,
    /// Labels of the series.
    pub labels: StringMap,
    /// Its values.
    pub curve: Curve,
}

/// A metric from outside of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalSeries {
    /// Name of the metric.
    pub metric: Arc<str>,
    /// Labels of the series.
    pub labels: StringMap,
    /// Its values.
    pub curve: Curve,
}
