//! What an autoscaler's pass may look up, read off the store and the metrics pipeline.

use crate::metrics::{Metrics, pods_of};
use core::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_controllers::HorizontalView;
use wavetank_controllers::horizontal::{MetricError, PodMetrics, PodSample, SeenPod, Series};
use wavetank_engine::Time;
use wavetank_metrics::{Answer, Unavailable};
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{ConditionStatus, PodKey, Selector, StringMap, TemplateFacts, Uid};
use wavetank_store::{CohortId, Store};

/// A pass's view of the pods of some cohorts.
pub(crate) struct View<'a> {
    store: &'a Store,
    metrics: &'a Metrics,
    now: Time,
    namespace: &'a Arc<str>,
    cohorts: &'a BTreeSet<CohortId>,
    /// Collected when a metric first asks for them.
    pods: OnceCell<Listed>,
}

/// The listed pods; equal positions are the same pod.
#[derive(Default)]
struct Listed {
    keys: Vec<PodKey>,
    uids: Vec<Uid>,
    seen: Vec<SeenPod>,
}

impl<'a> View<'a> {
    pub(crate) const fn new(
        store: &'a Store,
        metrics: &'a Metrics,
        now: Time,
        namespace: &'a Arc<str>,
        cohorts: &'a BTreeSet<CohortId>,
    ) -> Self {
        Self { store, metrics, now, namespace, cohorts, pods: OnceCell::new() }
    }

    fn listed(&self) -> &Listed {
        self.pods.get_or_init(|| {
            let mut listed = Listed::default();
            for key in pods_of(self.store, self.cohorts) {
                let Some(pod) = self.store.pod(key) else { continue };
                let Some(seen) = self.store.pod_seen(key) else { continue };
                let state = &seen.state;
                let ready = if state.ready { ConditionStatus::True } else { ConditionStatus::False };
                listed.keys.push(key);
                listed.uids.push(pod.uid);
                listed.seen.push(SeenPod {
                    phase: state.phase,
                    terminating: state.deletion.is_some(),
                    ready: state.ready_since.map(|_| ready),
                    ready_transition: state.ready_since,
                    started: state.node.map(|_| self.metrics.started(key, pod.created)),
                    template: pod.template,
                });
            }
            listed
        })
    }

    /// Samples by position. The metrics APIs list only pods that are there, so there are no strangers.
    fn placed(&self, answer: &Answer) -> PodMetrics {
        let timestamp = answer.samples.values().map(|sample| sample.timestamp).max().unwrap_or(self.now);
        let samples = self.listed().uids.iter().map(|uid| {
            answer.of_pod(*uid).map(|sample| PodSample {
                milli: sample.milli,
                timestamp: sample.timestamp,
                window_nanos: i64::try_from(sample.window.as_nanos()).unwrap_or(i64::MAX),
            })
        });
        PodMetrics { samples: samples.collect(), strangers: Vec::new(), timestamp }
    }
}

fn words(unavailable: Unavailable) -> MetricError {
    unavailable.0
}

impl HorizontalView for View<'_> {
    fn pods(&self) -> &[SeenPod] {
        &self.listed().seen
    }

    fn facts(&self, template: u32) -> &TemplateFacts {
        &self.store.template_facts(template).facts
    }

    fn pod_name(&self, position: usize) -> Arc<str> {
        let pod = self.listed().keys.get(position).and_then(|key| self.store.pod(*key));
        pod.map_or_else(|| "".into(), |pod| self.store.pod_name(pod))
    }

    fn label_sets(&self) -> Vec<StringMap> {
        let present = self.cohorts.iter().map(|id| self.store.cohort(*id)).filter(|cohort| cohort.present > 0);
        let sets: BTreeMap<&StringMap, ()> = present.map(|cohort| (&cohort.identity.labels, ())).collect();
        sets.into_keys().cloned().collect()
    }

    fn resource(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, MetricError> {
        let answer =
            self.metrics.pipeline.resource_of(self.now, &self.listed().uids, resource, container).map_err(words)?;
        Ok(self.placed(&answer))
    }

    fn custom(&self, metric: &str, selector: &Selector) -> Result<PodMetrics, MetricError> {
        let answer = self.metrics.pipeline.custom_of(self.now, &self.listed().uids, metric, selector).map_err(words)?;
        Ok(self.placed(&answer))
    }

    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError> {
        let value = self.metrics.pipeline.object(self.now, self.namespace, object, metric, selector).map_err(words)?;
        Ok((value, self.now))
    }

    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError> {
        let milli = self.metrics.pipeline.external(self.now, metric, selector).map_err(words)?;
        Ok(Series { milli, timestamp: self.now })
    }
}
