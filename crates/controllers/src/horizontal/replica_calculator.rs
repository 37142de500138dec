//! How many replicas a metric asks for.
//!
//! Follows `pkg/controller/podautoscaler/replica_calculator.go` of Kubernetes 1.36, step by step in
//! whole numbers and doubles: utilization is cut to a whole percentage before it becomes a ratio, and
//! sums wrap. Where a double does not fit a count, upstream's answer depends on the processor; ours
//! is the nearest count.

use super::config::{HorizontalConfig, Tolerances};
use super::float::{ceil_i32, ceil_i64, float};
use super::requests::{NoRequest, request};
use super::seen::{HorizontalView, MetricError, PodMetrics, PodSample, SeenPod, Series};
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

/// Which group a pod belongs to when its metrics are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Counts with its sample.
    Counted,
    /// Should count and has no sample.
    Missing,
    /// Is not ready to be measured.
    Unready,
    /// Is on its way out or has failed.
    Ignored,
}

/// Usage against its target.
#[derive(Clone, Copy, Debug)]
struct Usage {
    ratio: f64,
    utilization: Option<i32>,
    mean: i64,
}

/// What usage is measured against.
#[derive(Clone, Debug)]
enum Goal {
    /// A percentage of what each listed pod asks for.
    Utilization { percent: i32, requests: Vec<i64> },
    /// Thousandths for each pod.
    Mean(i64),
}

const NO_PODS: &str = "no pods returned by selector while calculating replica count";
const NO_SAMPLES: &str = "did not receive metrics for targeted pods (pods might be unready)";

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
        let groups = self.groups(&metrics, resource)?;
        let goal = || Ok(Goal::Utilization { percent, requests: self.requests(resource, container)? });
        self.weigh(current, &metrics, &groups, goal)
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
        let groups = self.groups(&metrics, resource)?;
        self.weigh(current, &metrics, &groups, || Ok(Goal::Mean(target_milli)))
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
        let groups = self.groups(&metrics, "")?;
        self.weigh(current, &metrics, &groups, || Ok(Goal::Mean(target_milli)))
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

    fn groups(&self, metrics: &PodMetrics, resource: &str) -> Result<Vec<Group>, NoProposal> {
        let pods = self.view.pods();
        if pods.is_empty() {
            return Err(NO_PODS.to_owned());
        }
        let cpu = if resource == "cpu" { Some(self.now - self.config.cpu_initialization_period) } else { None };
        Ok(pods.iter().enumerate().map(|(position, pod)| self.group(pod, sample(metrics, position), cpu)).collect())
    }

    /// The group of a pod. Where processor time is asked for, pods that have started after `cpu` still start.
    fn group(&self, pod: &SeenPod, sample: Option<&PodSample>, cpu: Option<Time>) -> Group {
        if pod.terminating || pod.phase == Phase::Failed {
            return Group::Ignored;
        }
        if pod.phase == Phase::Pending {
            return Group::Unready;
        }
        match (sample, cpu) {
            (None, _) => Group::Missing,
            (Some(sample), Some(starting)) if self.is_unready(pod, sample, starting) => Group::Unready,
            (Some(_), _) => Group::Counted,
        }
    }

    /// Whether the processor time of a pod says nothing yet: while it starts, and if it never became ready.
    fn is_unready(&self, pod: &SeenPod, sample: &PodSample, starting: Time) -> bool {
        let (Some(ready), Some(started)) = (pod.ready, pod.started) else { return true };
        let transition = pod.ready_transition.unwrap_or(Time::from_nanos(i64::MIN));
        let is_false = ready == ConditionStatus::False;
        if started > starting {
            // The sample must begin after the pod became what it is.
            is_false || sample.timestamp < transition.offset(sample.window_nanos)
        } else {
            is_false && started + self.config.initial_readiness_delay > transition
        }
    }

    /// What every listed pod asks for, also those whose samples do not count.
    fn requests(&self, resource: &str, container: Option<&str>) -> Result<Vec<i64>, NoProposal> {
        let pods = self.view.pods();
        // Pods have few templates, and neighbours mostly the same one.
        let mut known: Vec<(u32, Result<i64, NoRequest>)> = Vec::new();
        let mut requests = Vec::with_capacity(pods.len());
        let mut lacking = Vec::new();
        for (position, pod) in pods.iter().enumerate() {
            let found = known.iter().position(|(template, _)| *template == pod.template).unwrap_or_else(|| {
                let facts = self.view.facts(pod.template);
                known.push((pod.template, request(facts, resource, container, self.config.pod_level_resources)));
                known.len() - 1
            });
            match &known[found].1 {
                Ok(request) => requests.push(*request),
                Err(_) => lacking.push((found, position)),
            }
        }
        // Upstream names the one that it meets first in a map; we name the first by name.
        let first = lacking.into_iter().map(|(found, position)| (self.view.pod_name(position), found)).min();
        match first.map(|(name, found)| (name, &known[found].1)) {
            Some((name, Err(reason))) => Err(reason.text(&name)),
            Some((_, Ok(_))) | None => Ok(requests),
        }
    }

    /// The heart of it: what the samples say, and what they would say if absent ones were as harmless as can be.
    fn weigh(
        &self,
        current: i32,
        metrics: &PodMetrics,
        groups: &[Group],
        goal: impl FnOnce() -> Result<Goal, NoProposal>,
    ) -> Result<Proposal, NoProposal> {
        let members = |wanted: Group| {
            groups.iter().enumerate().filter(move |(_, group)| **group == wanted).map(|(position, _)| position)
        };
        let mut weighed: Vec<(Option<usize>, i64)> = Vec::with_capacity(groups.len() + metrics.strangers.len());
        weighed.extend(
            members(Group::Counted)
                .filter_map(|position| sample(metrics, position).map(|sample| (Some(position), sample.milli))),
        );
        let counted = weighed.len();
        weighed.extend(metrics.strangers.iter().map(|milli| (None, *milli)));
        if weighed.is_empty() {
            return Err(NO_SAMPLES.to_owned());
        }
        let goal = goal()?;
        let first = goal.usage(&weighed)?;
        let proposal = |replicas| Proposal {
            replicas,
            utilization: first.utilization,
            usage: first.mean,
            timestamp: Some(metrics.timestamp),
        };

        let up_with_unready = members(Group::Unready).next().is_some() && first.ratio > 1.0;
        if !up_with_unready && members(Group::Missing).next().is_none() {
            if self.tolerances.contain(first.ratio) {
                return Ok(proposal(current));
            }
            return Ok(proposal(ceil_i32(first.ratio * count(counted))));
        }

        if first.ratio < 1.0 {
            weighed.extend(members(Group::Missing).map(|position| (Some(position), goal.harmless_down(position))));
        } else if first.ratio > 1.0 {
            weighed.extend(members(Group::Missing).map(|position| (Some(position), 0)));
        }
        if up_with_unready {
            weighed.extend(members(Group::Unready).map(|position| (Some(position), 0)));
        }
        let second = goal.usage(&weighed)?.ratio;
        let turned = (first.ratio < 1.0 && second > 1.0) || (first.ratio > 1.0 && second < 1.0);
        if self.tolerances.contain(second) || turned {
            return Ok(proposal(current));
        }
        let replicas = ceil_i32(second * count(weighed.len()));
        let wrong_way = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
        Ok(proposal(if wrong_way { current } else { replicas }))
    }
}

impl Goal {
    fn usage(&self, weighed: &[(Option<usize>, i64)]) -> Result<Usage, NoProposal> {
        match self {
            Self::Utilization { percent, requests } => {
                let (mut used, mut asked, mut entries) = (0_i64, 0_i64, 0_i64);
                for (position, milli) in weighed {
                    let Some(request) = position.and_then(|position| requests.get(position)) else { continue };
                    used = used.wrapping_add(*milli);
                    asked = asked.wrapping_add(*request);
                    entries = entries.wrapping_add(1);
                }
                if asked == 0 || entries == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let utilization = low_32_bits(used.wrapping_mul(100).wrapping_div(asked));
                let ratio = f64::from(utilization) / f64::from(*percent);
                Ok(Usage { ratio, utilization: Some(utilization), mean: used.wrapping_div(entries) })
            }
            Self::Mean(target) => {
                let sum = weighed.iter().fold(0_i64, |sum, (_, milli)| sum.wrapping_add(*milli));
                let entries = i64::try_from(weighed.len()).unwrap_or(i64::MAX).max(1);
                let mean = sum.wrapping_div(entries);
                Ok(Usage { ratio: float(mean) / float(*target), utilization: None, mean })
            }
        }
    }

    /// What a pod without a sample is taken to use on the way down.
    fn harmless_down(&self, position: usize) -> i64 {
        match self {
            Self::Utilization { percent, requests } => {
                let request = requests.get(position).copied().unwrap_or_default();
                request.wrapping_mul(i64::from((*percent).max(100))).wrapping_div(100)
            }
            Self::Mean(target) => *target,
        }
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

fn sample(metrics: &PodMetrics, position: usize) -> Option<&PodSample> {
    metrics.samples.get(position)?.as_ref()
}

fn count(number: usize) -> f64 {
    float(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Go's conversion to 32 bits drops the upper ones.
fn low_32_bits(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
