//! What an autoscaler's pass may look up, read off the store and the metrics pipeline.

use crate::metrics::{Metrics, pods_of};
use core::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_controllers::HorizontalView;
use wavetank_controllers::horizontal::{MetricError, PodMetrics, PodSample, SeenPod, Series};
use wavetank_engine::{Second, Time};
use wavetank_metrics::{Sample, Unavailable};
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{ConditionStatus, PodKey, Selector, StringMap, TemplateFacts, Uid};
use wavetank_store::{CohortId, Store};

/// A pass's view of the pods of some cohorts.
pub(crate) struct View<'a> {
    pub(crate) store: &'a Store,
    pub(crate) metrics: &'a Metrics,
    pub(crate) now: Time,
    pub(crate) namespace: &'a Arc<str>,
    pub(crate) cohorts: &'a BTreeSet<CohortId>,
    /// Groups of the pipeline that have any of these pods.
    pub(crate) groups: &'a [usize],
    /// Whether the pods are known to be nobody else's.
    pub(crate) is_uncontested: bool,
    /// Collected when a metric first asks for them, unless they are known.
    pub(crate) pods: OnceCell<Arc<Listed>>,
}

/// The listed pods; equal positions are the same pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    keys: Vec<PodKey>,
    uids: Vec<Uid>,
    seen: Vec<SeenPod>,
}

impl View<'_> {
    fn listed(&self) -> &Listed {
        self.pods.get_or_init(|| {
            let mut listed = Listed::default();
            for key in pods_of(self.store, self.cohorts) {
                let Some(pod) = self.store.pod(key) else { continue };
                let Some(seen) = self.store.pod_seen(key) else { continue };
                let state = &seen.state;
                let ready = if state.ready { ConditionStatus::True } else { ConditionStatus::False };
                listed.keys.push(key);
                listed.uids.push(pod.uid());
                listed.seen.push(SeenPod {
                    phase: state.phase,
                    terminating: state.deletion.is_some(),
                    ready: state.ready_since.map(|_| ready),
                    ready_transition: state.ready_since.map(Second::time),
                    started: state.node.map(|_| self.metrics.started(key, pod.created())),
                    template: pod.template(),
                });
            }
            Arc::new(listed)
        })
    }

    /// What the APIs say of a pod, as an autoscaler reads it, and the time of the latest of it.
    fn reading<'a>(&self, latest: &'a Cell<Option<Time>>) -> impl Fn(Sample) -> PodSample + use<'a> {
        let window = self.metrics.pipeline.settings().window.as_nanos();
        let window_nanos = i64::try_from(window).unwrap_or(i64::MAX);
        move |sample| {
            latest.set(latest.get().max(Some(sample.timestamp)));
            PodSample { milli: sample.milli, timestamp: sample.timestamp, window_nanos }
        }
    }

    /// The APIs list only pods that are there, so there are no strangers among the samples.
    fn answer(&self, samples: Vec<Option<PodSample>>, latest: &Cell<Option<Time>>) -> PodMetrics {
        PodMetrics { samples, strangers: Vec::new(), timestamp: latest.get().unwrap_or(self.now) }
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
        pod.map_or_else(|| "".into(), |pod| self.store.pod_name(&pod))
    }

    fn label_sets(&self) -> Vec<StringMap> {
        let present = self.cohorts.iter().map(|id| self.store.cohort(*id)).filter(|cohort| cohort.present > 0);
        present.map(|cohort| cohort.identity.labels.clone()).collect()
    }

    fn is_uncontested(&self) -> bool {
        self.is_uncontested
    }

    fn resource(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, MetricError> {
        let (pipeline, uids) = (&self.metrics.pipeline, &self.listed().uids);
        let latest = Cell::default();
        let reading = self.reading(&latest);
        let samples = pipeline.resource_of(self.now, self.groups, uids, (resource, container), reading);
        Ok(self.answer(samples.map_err(words)?, &latest))
    }

    fn custom(&self, metric: &str, selector: &Selector) -> Result<PodMetrics, MetricError> {
        let (pipeline, uids) = (&self.metrics.pipeline, &self.listed().uids);
        let latest = Cell::default();
        let reading = self.reading(&latest);
        let samples = pipeline.custom_of(self.now, self.groups, uids, (metric, selector), reading);
        Ok(self.answer(samples.map_err(words)?, &latest))
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
