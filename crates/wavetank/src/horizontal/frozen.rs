//! What a pass of an autoscaler has seen, kept while its requests are on their way.
//!
//! A refused request makes the pass think again, by what it knew when it began.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_controllers::HorizontalView;
use wavetank_controllers::horizontal::{MetricError, PodMetrics, SeenPod, Selectors, Series};
use wavetank_engine::Time;
use wavetank_model::horizontal::{HorizontalSpec, MetricIdentifier, MetricSource, ObjectReference};
use wavetank_model::{Selector, StringMap, TemplateFacts};

/// The answers of a view to everything that the metrics of an autoscaler ask.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pods: Vec<SeenPod>,
    names: Vec<Arc<str>>,
    facts: BTreeMap<u32, TemplateFacts>,
    /// Labels of the pods, and who else was known to select them.
    label_sets: Vec<StringMap>,
    pub(crate) selectors: Selectors,
    resources: Vec<Answer<OfResource, PodMetrics>>,
    custom: Vec<Answer<OfMetric, PodMetrics>>,
    objects: Vec<Answer<OfObject, (i64, Time)>>,
    external: Vec<Answer<OfMetric, Series>>,
}

/// A resource and, perhaps, a container.
type OfResource = (Arc<str>, Option<Arc<str>>);
/// A metric and which of its series.
type OfMetric = (Arc<str>, Selector);
/// An object, a metric of it and which of its series.
type OfObject = (ObjectReference, Arc<str>, Selector);

/// What was asked, and answered.
type Answer<Q, A> = (Q, Result<A, MetricError>);

impl Frozen {
    pub(crate) fn of(
        view: &dyn HorizontalView,
        spec: &HorizontalSpec,
        namespace: &Arc<str>,
        selectors: &Selectors,
    ) -> Self {
        let pods = view.pods().to_vec();
        let names = (0..pods.len()).map(|position| view.pod_name(position)).collect();
        let facts = pods.iter().map(|pod| (pod.template, view.facts(pod.template).clone())).collect();
        let mut frozen = Self { pods, names, facts, label_sets: view.label_sets(), ..Self::default() };
        for labels in &frozen.label_sets {
            selectors.selecting(namespace, labels, |name| {
                if let Some(selector) = selectors.of(namespace, name) {
                    frozen.selectors.put(&(Arc::clone(namespace), Arc::clone(name)), selector);
                }
            });
        }
        for source in &spec.metrics {
            frozen.ask(view, source);
        }
        frozen
    }

    fn ask(&mut self, view: &dyn HorizontalView, source: &MetricSource) {
        let selector = |metric: &MetricIdentifier| match &metric.selector {
            Some(selector) => selector.compile().ok(),
            None => Some(Selector::default()),
        };
        match source {
            MetricSource::Resource { name, .. } => {
                self.resources.push(((Arc::clone(name), None), view.resource(name, None)));
            }
            MetricSource::ContainerResource { name, container, .. } => {
                let answer = view.resource(name, Some(container));
                self.resources.push(((Arc::clone(name), Some(Arc::clone(container))), answer));
            }
            MetricSource::Pods { metric, .. } => {
                if let Some(selector) = selector(metric) {
                    let answer = view.custom(&metric.name, &selector);
                    self.custom.push(((Arc::clone(&metric.name), selector), answer));
                }
            }
            MetricSource::Object { described_object, metric, .. } => {
                if let Some(selector) = selector(metric) {
                    let answer = view.object(described_object, &metric.name, &selector);
                    self.objects.push(((described_object.clone(), Arc::clone(&metric.name), selector), answer));
                }
            }
            MetricSource::External { metric, .. } => {
                if let Some(selector) = selector(metric) {
                    let answer = view.external(&metric.name, &selector);
                    self.external.push(((Arc::clone(&metric.name), selector), answer));
                }
            }
            // Nobody can ask for what nobody knows.
            MetricSource::Unknown(_) => {}
        }
    }
}

fn answer<Q, A: Clone>(answers: &[Answer<Q, A>], is_asked: impl Fn(&Q) -> bool) -> Result<A, MetricError> {
    let found = answers.iter().find(|(question, _)| is_asked(question));
    found.map_or_else(|| Err("not asked for when the pass began".into()), |(_, answer)| answer.clone())
}

impl HorizontalView for Frozen {
    fn pods(&self) -> &[SeenPod] {
        &self.pods
    }

    fn facts(&self, template: u32) -> &TemplateFacts {
        static NONE: std::sync::LazyLock<TemplateFacts> = std::sync::LazyLock::new(TemplateFacts::default);
        self.facts.get(&template).unwrap_or(&NONE)
    }

    fn pod_name(&self, position: usize) -> Arc<str> {
        self.names.get(position).map_or_else(|| "".into(), Arc::clone)
    }

    fn label_sets(&self) -> Vec<StringMap> {
        self.label_sets.clone()
    }

    fn resource(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, MetricError> {
        answer(&self.resources, |(name, own)| **name == *resource && own.as_deref() == container)
    }

    fn custom(&self, metric: &str, selector: &Selector) -> Result<PodMetrics, MetricError> {
        answer(&self.custom, |(name, own)| **name == *metric && own == selector)
    }

    fn object(&self, object: &ObjectReference, metric: &str, selector: &Selector) -> Result<(i64, Time), MetricError> {
        answer(&self.objects, |(own_object, name, own)| own_object == object && **name == *metric && own == selector)
    }

    fn external(&self, metric: &str, selector: &Selector) -> Result<Series, MetricError> {
        answer(&self.external, |(name, own)| **name == *metric && own == selector)
    }
}
