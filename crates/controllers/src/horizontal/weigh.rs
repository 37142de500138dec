//! What the samples of pods say against a target, and what absent ones could change about it.
//!
//! Sums wrap, so they do not depend on the order of the pods, and one walk over the pods is enough.

use super::float::{ceil_i32, float};
use super::replica_calculator::{NO_PODS, NoProposal, Proposal, ReplicaCalculator, count};
use super::requests::{NoRequest, request};
use super::seen::{PodMetrics, PodSample, SeenPod};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{ConditionStatus, Phase};

/// What usage is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'a> {
    /// A percentage of what each listed pod asks for of a resource, or one container of it.
    Utilization { percent: i32, resource: &'a str, container: Option<&'a str> },
    /// Thousandths for each pod.
    Mean(i64),
}

/// Which group a pod belongs to when its metrics are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Counts with what its sample says.
    Counted(i64),
    /// Should count and has no sample.
    Missing,
    /// Is not ready to be measured.
    Unready,
    /// Is on its way out or has failed.
    Ignored,
}

/// Pods taken together.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// How many.
    pods: i64,
    /// What they use.
    used: i64,
    /// What they ask for, where that matters.
    asked: i64,
}

impl Sum {
    const fn add(&mut self, used: i64, asked: i64) {
        self.pods = self.pods.wrapping_add(1);
        self.used = self.used.wrapping_add(used);
        self.asked = self.asked.wrapping_add(asked);
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            pods: self.pods.wrapping_add(other.pods),
            used: self.used.wrapping_add(other.used),
            asked: self.asked.wrapping_add(other.asked),
        }
    }

    const fn using_nothing(self) -> Self {
        Self { used: 0, ..self }
    }
}

/// The listed pods by their groups.
#[derive(Debug, Default)]
struct Groups {
    counted: Sum,
    /// Those without a sample, as if each used as much as is harmless on the way down.
    missing: Sum,
    unready: Sum,
    /// Whether it is not known what some pod asks for.
    is_lacking: bool,
}

/// Usage against its target.
#[derive(Clone, Copy, Debug)]
struct Usage {
    ratio: f64,
    utilization: Option<i32>,
    mean: i64,
}

const NO_SAMPLES: &str = "did not receive metrics for targeted pods (pods might be unready)";

impl ReplicaCalculator<'_> {
    /// The heart of it: what the samples say, and what they would say if absent ones were as harmless as
    /// can be. `resource` is what is measured, if it is a resource.
    pub(super) fn weigh(
        &self,
        current: i32,
        metrics: &PodMetrics,
        resource: &str,
        goal: &Goal<'_>,
    ) -> Result<Proposal, NoProposal> {
        let pods = self.view.pods();
        if pods.is_empty() {
            return Err(NO_PODS.to_owned());
        }
        let groups = self.groups(pods, metrics, resource, goal);
        // Samples of pods that are not listed have a say in a mean, but nobody knows what these ask for.
        let strangers = match goal {
            Goal::Utilization { .. } => Sum::default(),
            Goal::Mean(_) => metrics.strangers.iter().fold(Sum::default(), |mut sum, milli| {
                sum.add(*milli, 0);
                sum
            }),
        };
        if groups.counted.pods == 0 && metrics.strangers.is_empty() {
            return Err(NO_SAMPLES.to_owned());
        }
        if groups.is_lacking {
            return Err(self.first_without_request(goal));
        }
        let sampled = groups.counted.plus(strangers);
        let first = goal.usage(sampled)?;
        let proposal = |replicas| Proposal {
            replicas,
            utilization: first.utilization,
            usage: first.mean,
            timestamp: Some(metrics.timestamp),
        };

        let up_with_unready = groups.unready.pods > 0 && first.ratio > 1.0;
        if !up_with_unready && groups.missing.pods == 0 {
            if self.tolerances.contain(first.ratio) {
                return Ok(proposal(current));
            }
            return Ok(proposal(ceil_i32(first.ratio * float(groups.counted.pods))));
        }

        let mut weighed = sampled;
        let mut pods = float(groups.counted.pods) + count(metrics.strangers.len());
        if first.ratio < 1.0 {
            weighed = weighed.plus(groups.missing);
            pods += float(groups.missing.pods);
        } else if first.ratio > 1.0 {
            weighed = weighed.plus(groups.missing.using_nothing());
            pods += float(groups.missing.pods);
        }
        if up_with_unready {
            weighed = weighed.plus(groups.unready);
            pods += float(groups.unready.pods);
        }
        let second = goal.usage(weighed)?.ratio;
        let turned = (first.ratio < 1.0 && second > 1.0) || (first.ratio > 1.0 && second < 1.0);
        if self.tolerances.contain(second) || turned {
            return Ok(proposal(current));
        }
        let replicas = ceil_i32(second * pods);
        let wrong_way = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
        Ok(proposal(if wrong_way { current } else { replicas }))
    }

    fn groups(&self, pods: &[SeenPod], metrics: &PodMetrics, resource: &str, goal: &Goal<'_>) -> Groups {
        let starting = (resource == "cpu").then(|| self.now - self.config.cpu_initialization_period);
        let mut groups = Groups::default();
        // Pods have few templates, and neighbours mostly the same one.
        let mut last: Option<(u32, i64)> = None;
        let mut samples = metrics.samples.iter();
        for pod in pods {
            let sample = samples.next().and_then(Option::as_ref);
            let asked = match last {
                Some((template, asked)) if template == pod.template => asked,
                Some(_) | None => {
                    let asked = self.request(pod.template, goal).unwrap_or_else(|_| {
                        groups.is_lacking = true;
                        0
                    });
                    last = Some((pod.template, asked));
                    asked
                }
            };
            match self.group(pod, sample, starting) {
                Group::Counted(milli) => groups.counted.add(milli, asked),
                Group::Missing => groups.missing.add(goal.harmless_down(asked), asked),
                Group::Unready => groups.unready.add(0, asked),
                Group::Ignored => {}
            }
        }
        groups
    }

    /// The group of a pod. Where processor time is asked for, pods that started after `starting` still do.
    fn group(&self, pod: &SeenPod, sample: Option<&PodSample>, starting: Option<Time>) -> Group {
        if pod.terminating || pod.phase == Phase::Failed {
            return Group::Ignored;
        }
        if pod.phase == Phase::Pending {
            return Group::Unready;
        }
        match (sample, starting) {
            (None, _) => Group::Missing,
            (Some(sample), Some(starting)) if self.is_unready(pod, sample, starting) => Group::Unready,
            (Some(sample), _) => Group::Counted(sample.milli),
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

    /// What a pod of a template asks for; nothing where nobody wants to know.
    fn request(&self, template: u32, goal: &Goal<'_>) -> Result<i64, NoRequest> {
        match goal {
            Goal::Utilization { percent: _, resource, container } => {
                request(self.view.facts(template), resource, *container, self.config.pod_level_resources)
            }
            Goal::Mean(_) => Ok(0),
        }
    }

    /// Which pod does not say what it asks for, also if its sample does not count. Upstream names the one
    /// that it meets first in a map; we name the first by name.
    fn first_without_request(&self, goal: &Goal<'_>) -> NoProposal {
        let lacking = self.view.pods().iter().enumerate().filter_map(|(position, pod)| {
            let reason = self.request(pod.template, goal).err()?;
            Some((self.view.pod_name(position), reason))
        });
        let first = lacking.min_by(|(one, _), (other, _): &(Arc<str>, _)| one.cmp(other));
        first.map_or_else(String::new, |(name, reason)| reason.text(&name))
    }
}

impl Goal<'_> {
    fn usage(&self, weighed: Sum) -> Result<Usage, NoProposal> {
        let Sum { pods, used, asked } = weighed;
        match self {
            Self::Utilization { percent, .. } => {
                if asked == 0 || pods == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let utilization = low_32_bits(used.wrapping_mul(100).wrapping_div(asked));
                let ratio = f64::from(utilization) / f64::from(*percent);
                Ok(Usage { ratio, utilization: Some(utilization), mean: used.wrapping_div(pods) })
            }
            Self::Mean(target) => {
                let mean = used.wrapping_div(pods.max(1));
                Ok(Usage { ratio: float(mean) / float(*target), utilization: None, mean })
            }
        }
    }

    /// What a pod without a sample is taken to use on the way down.
    fn harmless_down(&self, request: i64) -> i64 {
        match self {
            Self::Utilization { percent, .. } => request.wrapping_mul(i64::from((*percent).max(100))).wrapping_div(100),
            Self::Mean(target) => *target,
        }
    }
}

/// Go's conversion to 32 bits drops the upper ones.
fn low_32_bits(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
