//! Literal pods and recorded answers of metrics APIs, as a pass of the autoscaler sees them.

use super::{not_run, text};
use crate::Mismatch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::horizontal::{HorizontalView, MetricError, PodMetrics, PodSample, SeenPod, Series};
use wavetank_engine::Time;
use wavetank_manifest::{Edge, decode_pod};
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{Pod, Selector, StringMap, TemplateFacts};

/// Samples by the name of their pod.
pub(super) type Samples = BTreeMap<String, PodSample>;

/// What the metrics APIs answer.
pub(super) trait Answers {
    fn resource(&self, resource: &str, container: Option<&str>) -> Result<(Samples, Time), MetricError>;
    fn custom(&self, metric: &str, selector: &Selector) -> Result<(Samples, Time), MetricError>;
    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError>;
    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError>;
}

/// Pods that a selector picks, and the answers.
pub(super) struct View<'a, A> {
    pods: Vec<Listed>,
    seen: Vec<SeenPod>,
    answers: &'a A,
}

/// A pod as literally given, with what the model leaves out.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pod: Pod,
    started: Option<Time>,
}

impl Listed {
    pub(super) fn decode(value: &Value, edge: &mut Edge) -> Result<Self, Mismatch> {
        let started = value.pointer("/status/startTime").map(|time| edge.time(text(time))).transpose();
        Ok(Self { pod: decode_pod(value, edge).map_err(not_run)?, started: started.map_err(not_run)? })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.pod.meta.name
    }

    pub(super) fn is_picked(&self, namespace: &str, selector: &Selector) -> bool {
        *self.pod.meta.namespace == *namespace && selector.matches(&self.pod.meta.labels)
    }
}

impl<'a, A: Answers> View<'a, A> {
    pub(super) fn new(pods: Vec<Listed>, answers: &'a A) -> Self {
        let seen = pods.iter().enumerate().map(|(position, listed)| {
            let ready = listed.pod.status.conditions.iter().find(|condition| &*condition.kind == "Ready");
            SeenPod {
                phase: listed.pod.status.phase,
                terminating: listed.pod.meta.is_terminating(),
                ready: ready.map(|ready| ready.status),
                ready_transition: ready.and_then(|ready| ready.last_transition),
                started: listed.started,
                template: u32::try_from(position).unwrap_or(u32::MAX),
            }
        });
        Self { seen: seen.collect(), pods, answers }
    }

    /// Samples by position; what belongs to no listed pod is a stranger's.
    fn placed(&self, (mut samples, timestamp): (Samples, Time)) -> PodMetrics {
        let placed = self.pods.iter().map(|listed| samples.remove(&**listed.name())).collect();
        PodMetrics { samples: placed, strangers: samples.into_values().map(|sample| sample.milli).collect(), timestamp }
    }
}

impl<A: Answers> HorizontalView for View<'_, A> {
    fn pods(&self) -> &[SeenPod] {
        &self.seen
    }

    fn facts(&self, template: u32) -> &TemplateFacts {
        &self.pods[usize::try_from(template).unwrap_or_default()].pod.template.facts
    }

    fn pod_name(&self, position: usize) -> Arc<str> {
        Arc::clone(self.pods[position].name())
    }

    fn label_sets(&self) -> Vec<StringMap> {
        self.pods.iter().map(|listed| listed.pod.meta.labels.clone()).collect()
    }

    fn resource(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, MetricError> {
        Ok(self.placed(self.answers.resource(resource, container)?))
    }

    fn custom(&self, metric: &str, selector: &Selector) -> Result<PodMetrics, MetricError> {
        Ok(self.placed(self.answers.custom(metric, selector)?))
    }

    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError> {
        self.answers.object(object, metric, selector)
    }

    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError> {
        self.answers.external(metric, selector)
    }
}
