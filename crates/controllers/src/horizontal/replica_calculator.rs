//! How many replicas a metric asks for.
//!
//! Follows `pkg/controller/podautoscaler/replica_calculator.go` of Kubernetes 1.36, step by step in
//! whole numbers and doubles: utilization is cut to a whole percentage before it becomes a ratio, and
//! sums wrap. Where a double does not fit a count, upstream's answer depends on the processor; ours
//! is the nearest count.

use super::config::{HorizontalConfig, Tolerances};
use super::float::{ceil_i32, ceil_i64, float};
use super::seen::{HorizontalView, MetricError, PodMetrics, SeenPod, Series};
use super::weigh::Goal;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{ConditionStatus, LabelSelector, Phase, Selector};

/// What a metric asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// Mean usage in percent of what is asked for, if the target is such a percentage.
    pub utilization: Option<i32>,
    /// Thousandths: the mean for each pod, or the total for a target that is a total.
    pub usage: i64,
    /// Time of the metrics, unless upstream drops it.
    pub timestamp: Option<Time>,
}

/// Why a metric asks for nothing, in upstream's words.
pub type NoProposal = String;

/// Everything that proposals are calculated with.
#[derive(Clone, Copy)]
pub struct ReplicaCalculator<'a> {
    /// The clock.
    pub now: Time,
    /// Settings of the controller.
    pub config: &'a HorizontalConfig,
    /// By how much usage may miss the target.
    pub tolerances: Tolerances,
    /// Pods and metrics.
    pub view: &'a dyn HorizontalView,
}

impl core::fmt::Debug for ReplicaCalculator<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReplicaCalculator")
            .field("now", &self.now)
            .field("tolerances", &self.tolerances)
            .finish_non_exhaustive()
    }
}

pub(super) const NO_PODS: &str = "no pods returned by selector while calculating replica count";

impl ReplicaCalculator<'_> {
    /// From the share of the requested resource that pods use, against a target in percent.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn resource_replicas(
        &self,
        current: i32,
        percent: i32,
        resource: &str,
        container: Option<&str>,
    ) -> Result<Proposal, NoProposal> {
        let metrics = self.resource_metrics(resource, container)?;
        self.weigh(current, &metrics, resource, &Goal::Utilization { percent, resource, container })
    }

    /// From the amount of a resource that pods use, against a mean in thousandths.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn raw_resource_replicas(
        &self,
        current: i32,
        target_milli: i64,
        resource: &str,
        container: Option<&str>,
    ) -> Result<Proposal, NoProposal> {
        let metrics = self.resource_metrics(resource, container)?;
        self.weigh(current, &metrics, resource, &Goal::Mean(target_milli))
    }

    /// From a custom metric of the pods, against a mean in thousandths.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn metric_replicas(
        &self,
        current: i32,
        target_milli: i64,
        metric: &str,
        selector: &Selector,
    ) -> Result<Proposal, NoProposal> {
        let answer = self.view.custom(metric, selector);
        let metrics = answer.map_err(|error| format!("unable to get metric {metric}: {error}"))?;
        self.weigh(current, &metrics, "", &Goal::Mean(target_milli))
    }

    /// From the value of an object's metric, against a total in thousandths.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn object_metric_replicas(
        &self,
        current: i32,
        target_milli: i64,
        metric: &ObjectMetric<'_>,
    ) -> Result<Proposal, NoProposal> {
        let (usage, _) = self.object_metric(metric)?;
        let replicas = self.ratio_replicas(current, float(usage) / float(target_milli))?;
        Ok(Proposal { replicas, utilization: None, usage, timestamp: None })
    }

    /// From the value of an object's metric, against a share of it for each pod.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn object_per_pod_metric_replicas(
        &self,
        status_replicas: i32,
        target_milli: i64,
        metric: &ObjectMetric<'_>,
    ) -> Result<Proposal, NoProposal> {
        let (usage, timestamp) = self.object_metric(metric)?;
        Ok(self.per_pod(status_replicas, target_milli, usage, timestamp))
    }

    /// From the sum of external series, against a total in thousandths.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn external_metric_replicas(
        &self,
        current: i32,
        target_milli: i64,
        metric: &ExternalMetric<'_>,
    ) -> Result<Proposal, NoProposal> {
        let (usage, _) = self.external_metric(metric)?;
        let replicas = self.ratio_replicas(current, float(usage) / float(target_milli))?;
        Ok(Proposal { replicas, utilization: None, usage, timestamp: None })
    }

    /// From the sum of external series, against a share of it for each pod.
    ///
    /// # Errors
    /// Upstream's text.
    pub fn external_per_pod_metric_replicas(
        &self,
        status_replicas: i32,
        target_milli: i64,
        metric: &ExternalMetric<'_>,
    ) -> Result<Proposal, NoProposal> {
        let (usage, timestamp) = self.external_metric(metric)?;
        Ok(self.per_pod(status_replicas, target_milli, usage, timestamp))
    }

    fn resource_metrics(&self, resource: &str, container: Option<&str>) -> Result<PodMetrics, NoProposal> {
        let answer = self.view.resource(resource, container);
        answer.map_err(|error| format!("unable to get metrics for resource {resource}: {error}"))
    }

    fn object_metric(&self, metric: &ObjectMetric<'_>) -> Result<(i64, Time), NoProposal> {
        self.view.object(metric.object, metric.name, metric.selector).map_err(|error: MetricError| {
            let ObjectMetric { name, object, namespace, .. } = metric;
            format!("unable to get metric {name}: {} on {namespace} {}/{error}", object.kind, object.name)
        })
    }

    fn external_metric(&self, metric: &ExternalMetric<'_>) -> Result<(i64, Time), NoProposal> {
        let selector = compiled(metric.selector)?;
        let answer = self.view.external(metric.name, &selector);
        let Series { milli, timestamp } = answer.map_err(|error| {
            let (name, namespace, selector) = (metric.name, metric.namespace, go_print(metric.selector));
            format!("unable to get external metric {namespace}/{name}/{selector}: {error}")
        })?;
        // A sum below zero can only mean to upstream that it has overflown.
        let sum = milli.iter().fold(0_i64, |sum, value| match sum.wrapping_add(*value) {
            negative if negative < 0 => i64::MAX,
            sum => sum,
        });
        Ok((sum, timestamp))
    }

    fn per_pod(&self, status_replicas: i32, target_milli: i64, usage: i64, timestamp: Time) -> Proposal {
        let ratio = float(usage) / (float(target_milli) * f64::from(status_replicas));
        let replicas =
            if self.tolerances.contain(ratio) { status_replicas } else { ceil_i32(float(usage) / float(target_milli)) };
        let usage = ceil_i64(float(usage) / f64::from(status_replicas));
        Proposal { replicas, utilization: None, usage, timestamp: Some(timestamp) }
    }

    /// Against a total: the ratio times the ready pods; from nothing, the ratio itself.
    fn ratio_replicas(&self, current: i32, ratio: f64) -> Result<i32, NoProposal> {
        if current == 0 {
            return Ok(ceil_i32(ratio));
        }
        if self.tolerances.contain(ratio) {
            return Ok(current);
        }
        let pods = self.view.pods();
        if pods.is_empty() {
            return Err(format!("unable to calculate ready pods: {NO_PODS}"));
        }
        let is_ready = |pod: &&SeenPod| pod.phase == Phase::Running && pod.ready == Some(ConditionStatus::True);
        Ok(ceil_i32(ratio * count(pods.iter().filter(is_ready).count())))
    }
}

/// A metric of an object.
#[derive(Clone, Copy, Debug)]
pub struct ObjectMetric<'a> {
    /// Its name.
    pub name: &'a str,
    /// Namespace of the autoscaler.
    pub namespace: &'a str,
    /// The object.
    pub object: &'a ObjectReference,
    /// Which series.
    pub selector: &'a Selector,
}

/// A metric from outside of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct ExternalMetric<'a> {
    /// Its name.
    pub name: &'a str,
    /// Namespace of the autoscaler.
    pub namespace: &'a str,
    /// Which series, as spelled: it shows in texts.
    pub selector: Option<&'a LabelSelector>,
}

/// The selector of a metric; an absent one picks everything.
pub(super) fn compiled(selector: Option<&LabelSelector>) -> Result<Selector, NoProposal> {
    selector.map_or_else(|| Ok(Selector::default()), |selector| selector.compile().map_err(|error| error.to_string()))
}

/// A selector as Go prints the API type.
pub(super) fn go_print(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "nil".to_owned() };
    let labels: String = selector.match_labels.iter().map(|(key, value)| format!("{key}: {value},")).collect();
    let expressions: String = selector
        .match_expressions
        .iter()
        .map(|one| {
            let values: Vec<&str> = one.values.iter().map(Arc::as_ref).collect();
            let (key, operator) = (&one.key, &one.operator);
            format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

pub(super) fn count(number: usize) -> f64 {
    float(i64::try_from(number).unwrap_or(i64::MAX))
}
