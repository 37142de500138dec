//! What the metrics of an autoscaler ask for, one by one and all together.

use super::replica_calculator::{
    ExternalMetric, NoProposal, ObjectMetric, Proposal, ReplicaCalculator, compiled, go_print,
};
use core::fmt;
use std::borrow::Cow;
use std::sync::Arc;
use wavetank_model::horizontal::{MetricIdentifier, MetricSource, MetricStatus, MetricTarget, MetricValue};
use wavetank_model::quantity::Format;
use wavetank_model::strconv::quote;
use wavetank_model::{Quantity, Scale};

/// What one metric asks for.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) replicas: i32,
    pub(super) name: MetricName<'a>,
    pub(super) status: MetricStatus,
}

/// What a metric is called in reasons, in pieces: most passes say of it what the one before has said.
#[derive(Clone, Debug, Default)]
pub(super) struct MetricName<'a> {
    start: &'a str,
    middle: &'a str,
    end: Cow<'a, str>,
}

impl<'a> MetricName<'a> {
    fn new(start: &'a str, middle: &'a str, end: impl Into<Cow<'a, str>>) -> Self {
        Self { start, middle, end: end.into() }
    }

    /// Whether a text is this name.
    pub(super) fn is(&self, text: &str) -> bool {
        let rest = text.strip_prefix(self.start).and_then(|rest| rest.strip_prefix(self.middle));
        rest.is_some_and(|rest| *rest == *self.end)
    }
}

impl fmt::Display for MetricName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, middle, end } = self;
        write!(f, "{start}{middle}{end}")
    }
}

/// Why one metric asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// Reason of the event and of the condition.
    pub(super) reason: &'static str,
    /// What the event and the condition say.
    pub(super) cause: String,
    /// What the pass returns.
    pub(super) error: String,
}

impl Failed {
    fn new(reason: &'static str, cause: NoProposal, error: impl Fn(&str) -> String) -> Self {
        let error = error(&cause);
        Self { reason, cause, error }
    }
}

/// What one metric asks for.
pub(super) fn ask<'a>(
    calculator: &ReplicaCalculator<'_>,
    namespace: &str,
    scale: &Scale,
    source: &'a MetricSource,
) -> Result<Asked<'a>, Failed> {
    match source {
        MetricSource::Resource { name, target } => {
            let (proposal, words) = ask_resource(calculator, scale, name, None, target).map_err(|cause| {
                let error = |cause: &str| format!("failed to get {name} resource metric value: {cause}");
                Failed::new("FailedGetResourceMetric", cause, error)
            })?;
            let status = MetricStatus::Resource { name: Arc::clone(name), current: used(name, &proposal) };
            Ok(Asked { replicas: proposal.replicas, name: words, status })
        }
        MetricSource::ContainerResource { name, container, target } => {
            let asked = ask_resource(calculator, scale, name, Some(container), target);
            let (proposal, words) = asked.map_err(|cause| {
                let error = |cause: &str| format!("failed to get {container} container metric value: {cause}");
                Failed::new("FailedGetContainerResourceMetric", cause, error)
            })?;
            let current = used(name, &proposal);
            let (name, container) = (Arc::clone(name), Arc::clone(container));
            let status = MetricStatus::ContainerResource { name, container, current };
            Ok(Asked { replicas: proposal.replicas, name: words, status })
        }
        MetricSource::Pods { metric, target } => {
            let asked = compiled(metric.selector.as_ref()).and_then(|selector| {
                calculator.metric_replicas(
                    scale.spec_replicas,
                    milli(target.average_value.as_ref()),
                    &metric.name,
                    &selector,
                )
            });
            let proposal = asked.map_err(|cause| {
                let error = |cause: &str| format!("failed to get pods metric value: {cause}");
                Failed::new("FailedGetPodsMetric", cause, error)
            })?;
            let status = MetricStatus::Pods { metric: metric.clone(), current: average(&proposal) };
            Ok(Asked { replicas: proposal.replicas, name: MetricName::new("pods metric ", &metric.name, ""), status })
        }
        MetricSource::Object { described_object, metric, target } => {
            let kind = &described_object.kind;
            let error = |cause: &str| format!("failed to get object metric value: {cause}");
            let selector = compiled(metric.selector.as_ref())
                .map_err(|cause| Failed::new("FailedGetObjectMetric", cause, error))?;
            let asked = ObjectMetric { name: &metric.name, namespace, object: described_object, selector: &selector };
            let status = |current| MetricStatus::Object {
                described_object: described_object.clone(),
                metric: metric.clone(),
                current,
            };
            match (&*target.kind, &target.value, &target.average_value) {
                ("Value", Some(value), _) => {
                    let proposal = calculator.object_metric_replicas(scale.spec_replicas, value.milli_value(), &asked);
                    let proposal = proposal.map_err(|cause| Failed::new("FailedGetObjectMetric", cause, error))?;
                    let name = MetricName::new(kind, " metric ", &*metric.name);
                    Ok(Asked { replicas: proposal.replicas, name, status: status(total(&proposal)) })
                }
                ("AverageValue", _, Some(value)) => {
                    let (replicas, milli) = (scale.status_replicas, value.milli_value());
                    let proposal =
                        calculator.object_per_pod_metric_replicas(replicas, milli, &asked).map_err(|cause| {
                            let inner =
                                |cause: &str| error(&format!("failed to get {} object metric: {cause}", metric.name));
                            Failed::new("FailedGetObjectMetric", cause, inner)
                        })?;
                    let name = external_name(metric);
                    Ok(Asked { replicas: proposal.replicas, name, status: status(average(&proposal)) })
                }
                _ => Err(Failed::new("FailedGetObjectMetric", NO_OBJECT_TARGET.to_owned(), error)),
            }
        }
        MetricSource::External { metric, target } => ask_external(calculator, namespace, scale, metric, target),
        MetricSource::Unknown(kind) => {
            let cause = format!("unknown metric source type {}", quote(kind));
            Err(Failed::new("InvalidMetricSourceType", cause, str::to_owned))
        }
    }
}

const NO_OBJECT_TARGET: &str =
    "invalid object metric source: neither a value target nor an average value target was set";
const NO_EXTERNAL_TARGET: &str =
    "invalid external metric source: neither a value target nor an average value target was set";
const NO_RESOURCE_TARGET: &str =
    "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set";

fn ask_resource<'a>(
    calculator: &ReplicaCalculator<'_>,
    scale: &Scale,
    name: &'a str,
    container: Option<&str>,
    target: &MetricTarget,
) -> Result<(Proposal, MetricName<'a>), NoProposal> {
    let current = scale.spec_replicas;
    if let Some(value) = &target.average_value {
        let proposal = calculator.raw_resource_replicas(current, value.milli_value(), name, container);
        let proposal = proposal.map_err(|cause| format!("failed to get {name} usage: {cause}"))?;
        return Ok((proposal, MetricName::new(name, " resource", "")));
    }
    let percent = target.average_utilization.ok_or(NO_RESOURCE_TARGET)?;
    let proposal = calculator.resource_replicas(current, percent, name, container);
    let proposal = proposal.map_err(|cause| format!("failed to get {name} utilization: {cause}"))?;
    let of_container = if container.is_some() { " container" } else { "" };
    Ok((proposal, MetricName::new(name, of_container, " resource utilization (percentage of request)")))
}

fn ask_external<'a>(
    calculator: &ReplicaCalculator<'_>,
    namespace: &str,
    scale: &Scale,
    metric: &'a MetricIdentifier,
    target: &MetricTarget,
) -> Result<Asked<'a>, Failed> {
    let name = &metric.name;
    let asked = ExternalMetric { name, namespace, selector: metric.selector.as_ref() };
    let failed = |cause: NoProposal, inner: &dyn Fn(&str) -> String| {
        let error = |cause: &str| format!("failed to get {name} external metric value: {}", inner(cause));
        Failed::new("FailedGetExternalMetric", cause, error)
    };
    let answered = |proposal: &Proposal, current| Asked {
        replicas: proposal.replicas,
        name: external_name(metric),
        status: MetricStatus::External { metric: metric.clone(), current },
    };
    if let Some(value) = &target.average_value {
        let proposal = calculator.external_per_pod_metric_replicas(scale.status_replicas, value.milli_value(), &asked);
        let proposal = proposal
            .map_err(|cause| failed(cause, &|cause| format!("failed to get {name} external metric: {cause}")))?;
        return Ok(answered(&proposal, average(&proposal)));
    }
    if let Some(value) = &target.value {
        let proposal = calculator.external_metric_replicas(scale.spec_replicas, value.milli_value(), &asked);
        let proposal = proposal
            .map_err(|cause| failed(cause, &|cause| format!("failed to get external metric {name}: {cause}")))?;
        return Ok(answered(&proposal, total(&proposal)));
    }
    Err(failed(NO_EXTERNAL_TARGET.to_owned(), &str::to_owned))
}

fn external_name(metric: &MetricIdentifier) -> MetricName<'_> {
    let selector = format!("({})", go_print(metric.selector.as_ref()));
    MetricName::new("external metric ", &metric.name, selector)
}

fn milli(quantity: Option<&Quantity>) -> i64 {
    quantity.map_or(0, Quantity::milli_value)
}

/// Usage of a resource: memory is shown in binary units.
fn used(resource: &str, proposal: &Proposal) -> MetricValue {
    let format = if resource == "memory" { Format::BinarySi } else { Format::DecimalSi };
    MetricValue {
        value: None,
        average_value: Some(Quantity::from_milli(proposal.usage, format)),
        average_utilization: proposal.utilization,
    }
}

fn average(proposal: &Proposal) -> MetricValue {
    let average_value = Some(Quantity::from_milli(proposal.usage, Format::DecimalSi));
    MetricValue { average_value, ..MetricValue::default() }
}

fn total(proposal: &Proposal) -> MetricValue {
    MetricValue { value: Some(Quantity::from_milli(proposal.usage, Format::DecimalSi)), ..MetricValue::default() }
}
