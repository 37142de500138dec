//! What a pass sees of the pods and their metrics, gathered only as far as the pass asks.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{ConditionStatus, Phase, Selector, StringMap, TemplateFacts};

/// A pod as the autoscaler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPod {
    /// Phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Status of its Ready condition, if it has one.
    pub ready: Option<ConditionStatus>,
    /// When that status changed last; absent sorts before every time.
    pub ready_transition: Option<Time>,
    /// When the kubelet took it on.
    pub started: Option<Time>,
    /// Which of the templates it is made from, a position that [`HorizontalView::facts`] knows.
    pub template: u32,
}

/// A sample of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSample {
    /// Thousandths of the unit.
    pub milli: i64,
    /// When the window of the sample ended.
    pub timestamp: Time,
    /// Length of the window in nanoseconds.
    pub window_nanos: i64,
}

/// What a metrics API answers for the pods of a selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodMetrics {
    /// Samples of the listed pods, by their position; none beyond the end.
    pub samples: Vec<Option<PodSample>>,
    /// Values of pods that are not listed, such as ones that have gone since.
    pub strangers: Vec<i64>,
    /// The time of the whole answer.
    pub timestamp: Time,
}

/// The values of a metric that belongs to no pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Thousandths of the unit.
    pub milli: Vec<i64>,
    /// The time of the answer.
    pub timestamp: Time,
}

/// Why a metric could not be had, in the words of the metrics client.
pub type MetricError = Arc<str>;

/// What the autoscaler can look up. A pass asks only for what its metrics need.
///
/// The pods are those in the autoscaler's namespace that the selector of the scale picks, in an
/// order that stays the same during the pass.
pub trait HorizontalView {
    /// The pods.
    fn pods(&self) -> &[SeenPod];

    /// What a template asks for.
    fn facts(&self, template: u32) -> &TemplateFacts;

    /// The name of the pod at a position; asked only for texts.
    fn pod_name(&self, position: usize) -> Arc<str>;

    /// The labels of the pods, equal ones once.
    fn label_sets(&self) -> Vec<StringMap>;

    /// Whether it is known from an earlier pass that the selector of the target has been learned and that no
    /// other autoscaler's picks any of the pods. A view that remembers nothing says no.
    fn is_uncontested(&self) -> bool {
        false
    }

    /// What each pod uses of a resource, or one container of it.
    ///
    /// # Errors
    /// If the resource metrics API has no answer.
    fn resource(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, MetricError>;

    /// A custom metric of each pod.
    ///
    /// # Errors
    /// If the custom metrics API has no answer.
    fn custom(&self, metric: &str, selector: &Selector) -> Result<PodMetrics, MetricError>;

    /// A metric of an object: one value.
    ///
    /// # Errors
    /// If the custom metrics API has no answer.
    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError>;

    /// A metric from outside of the cluster: the values of all series that match.
    ///
    /// # Errors
    /// If the external metrics API has no answer.
    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError>;
}
