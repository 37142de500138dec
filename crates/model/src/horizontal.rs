//! HorizontalPodAutoscalers, and the Scale through which they reach their targets.

mod conditions;

pub use conditions::HorizontalConditions;

use crate::{ConditionStatus, LabelSelector, ObjectMeta, Quantity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// A HorizontalPodAutoscaler of `autoscaling/v2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalPodAutoscaler {
    /// Metadata.
    pub meta: ObjectMeta,
    /// What is wanted.
    pub spec: Arc<HorizontalSpec>,
    /// What was observed and decided.
    pub status: Arc<HorizontalStatus>,
}

/// What a HorizontalPodAutoscaler wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalSpec {
    /// What it scales.
    pub scale_target: ObjectReference,
    /// Fewest replicas; the edge defaults it to 1.
    pub min_replicas: i32,
    /// Most replicas.
    pub max_replicas: i32,
    /// What it goes by; the edge defaults it to 80 % of the processor time asked for.
    pub metrics: Vec<MetricSource>,
    /// How fast it may go. Without one, an older pair of rules holds.
    pub behavior: Option<Behavior>,
}

/// A reference to an object in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectReference {
    /// API version, such as `apps/v1`; may be empty.
    pub api_version: Arc<str>,
    /// Kind.
    pub kind: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

/// A metric and the value that is aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricSource {
    /// What whole pods use.
    Resource {
        /// Such as `cpu`.
        name: Arc<str>,
        /// Value aimed at.
        target: MetricTarget,
    },
    /// What one container of each pod uses.
    ContainerResource {
        /// Such as `cpu`.
        name: Arc<str>,
        /// Name of the container.
        container: Arc<str>,
        /// Value aimed at.
        target: MetricTarget,
    },
    /// A metric that each pod has.
    Pods {
        /// Which metric.
        metric: MetricIdentifier,
        /// Value aimed at.
        target: MetricTarget,
    },
    /// A metric of one other object.
    Object {
        /// The object.
        described_object: ObjectReference,
        /// Which metric.
        metric: MetricIdentifier,
        /// Value aimed at.
        target: MetricTarget,
    },
    /// A metric from outside of the cluster.
    External {
        /// Which metric.
        metric: MetricIdentifier,
        /// Value aimed at.
        target: MetricTarget,
    },
    /// A type that nobody knows, as spelled. Validation refuses it.
    Unknown(Arc<str>),
}

/// Which of several series a metric is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricIdentifier {
    /// Name.
    pub name: Arc<str>,
    /// Which of the series of that name; absent for all.
    pub selector: Option<LabelSelector>,
}

/// The value aimed at: one of the three, as the type says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricTarget {
    /// `Utilization`, `Value` or `AverageValue`, as spelled.
    pub kind: Arc<str>,
    /// The total.
    pub value: Option<Quantity>,
    /// The mean for each pod.
    pub average_value: Option<Quantity>,
    /// Percentage of what is asked for.
    pub average_utilization: Option<i32>,
}

/// How fast an autoscaler may go; both directions are filled in by the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behavior {
    /// Upwards.
    pub scale_up: ScalingRules,
    /// Downwards.
    pub scale_down: ScalingRules,
}

impl Default for Behavior {
    fn default() -> Self {
        Self { scale_up: ScalingRules::up(), scale_down: ScalingRules::down() }
    }
}

/// The rules of one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingRules {
    /// For how long past proposals hold the present one back. Absent only downwards, where the
    /// controller's own window then holds.
    pub stabilization_window_seconds: Option<i32>,
    /// Which of the policies decides.
    pub select_policy: SelectPolicy,
    /// Limits on the change within a period.
    pub policies: Vec<ScalingPolicy>,
    /// Ratio by which usage may miss its target and nothing is done; absent for the controller's own.
    pub tolerance: Option<Quantity>,
}

impl ScalingRules {
    /// The rules upwards that the API server fills in: four pods or as many again in 15 seconds.
    #[must_use]
    pub fn up() -> Self {
        let policy = |kind, value| ScalingPolicy { kind, value, period_seconds: 15 };
        Self {
            stabilization_window_seconds: Some(0),
            select_policy: SelectPolicy::Max,
            policies: vec![policy(PolicyKind::Pods, 4), policy(PolicyKind::Percent, 100)],
            tolerance: None,
        }
    }

    /// The rules downwards that the API server fills in: all of it in 15 seconds.
    #[must_use]
    pub fn down() -> Self {
        Self {
            stabilization_window_seconds: None,
            select_policy: SelectPolicy::Max,
            policies: vec![ScalingPolicy { kind: PolicyKind::Percent, value: 100, period_seconds: 15 }],
            tolerance: None,
        }
    }
}

/// Which of several policies decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: this direction is shut.
    Disabled,
    /// A word that nobody knows, which upstream takes for `Max`. Validation refuses it.
    Unknown(Arc<str>),
}

impl SelectPolicy {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Disabled => "Disabled",
            Self::Unknown(text) => text,
        }
    }

    /// The policy of a spelling; an absent one means [`Self::Max`].
    #[must_use]
    pub fn from_spelling(text: &str) -> Self {
        match text {
            "" | "Max" => Self::Max,
            "Min" => Self::Min,
            "Disabled" => Self::Disabled,
            other => Self::Unknown(other.into()),
        }
    }
}

/// A limit on the change within a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// What the value counts.
    pub kind: PolicyKind,
    /// Pods, or percent of what there was when the period began.
    pub value: i32,
    /// Length of the period.
    pub period_seconds: i32,
}

/// What the value of a policy counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the replicas.
    Percent,
    /// A word that nobody knows. Validation refuses it.
    Unknown(Arc<str>),
}

impl PolicyKind {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pods => "Pods",
            Self::Percent => "Percent",
            Self::Unknown(text) => text,
        }
    }

    /// The kind of a spelling.
    #[must_use]
    pub fn from_spelling(text: &str) -> Self {
        match text {
            "Pods" => Self::Pods,
            "Percent" => Self::Percent,
            other => Self::Unknown(other.into()),
        }
    }
}

/// What a HorizontalPodAutoscaler observed and decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalStatus {
    /// Generation that this status speaks of; the controller never sets it.
    pub observed_generation: Option<i64>,
    /// When it changed the replicas last, a whole second.
    pub last_scale_time: Option<Time>,
    /// Replicas that the target asked for before the pass.
    pub current_replicas: i32,
    /// Replicas that it asks for after the pass.
    pub desired_replicas: i32,
    /// What the metrics said, in the order of the spec; empty if they were not read.
    pub current_metrics: Vec<MetricStatus>,
    /// Conditions in the order in which they were set first.
    pub conditions: HorizontalConditions,
}

/// What a metric said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricStatus {
    /// It could not be had: an entry with an empty type.
    Failed,
    /// See [`MetricSource::Resource`].
    Resource {
        /// Such as `cpu`.
        name: Arc<str>,
        /// Its value.
        current: MetricValue,
    },
    /// See [`MetricSource::ContainerResource`].
    ContainerResource {
        /// Such as `cpu`.
        name: Arc<str>,
        /// Name of the container.
        container: Arc<str>,
        /// Its value.
        current: MetricValue,
    },
    /// See [`MetricSource::Pods`].
    Pods {
        /// Which metric.
        metric: MetricIdentifier,
        /// Its value.
        current: MetricValue,
    },
    /// See [`MetricSource::Object`].
    Object {
        /// The object.
        described_object: ObjectReference,
        /// Which metric.
        metric: MetricIdentifier,
        /// Its value.
        current: MetricValue,
    },
    /// See [`MetricSource::External`].
    External {
        /// Which metric.
        metric: MetricIdentifier,
        /// Its value.
        current: MetricValue,
    },
}

/// The value of a metric, in the forms that its target asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricValue {
    /// The total.
    pub value: Option<Quantity>,
    /// The mean for each pod.
    pub average_value: Option<Quantity>,
    /// Percentage of what is asked for.
    pub average_utilization: Option<i32>,
}

/// A condition of a HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalCondition {
    /// `AbleToScale`, `ScalingActive`, `ScalingLimited` or `ScaledToZero`.
    pub kind: Arc<str>,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When its status changed last, a whole second.
    pub last_transition: Option<Time>,
    /// CamelCase word.
    pub reason: Arc<str>,
    /// Text for people.
    pub message: Arc<str>,
}

impl HorizontalStatus {
    /// The condition of a type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&HorizontalCondition> {
        self.conditions.iter().find(|condition| &*condition.kind == kind)
    }

    /// Sets a condition; its transition time moves only if its status does.
    pub fn set_condition(&mut self, kind: &str, status: ConditionStatus, reason: &str, message: &str, now: Time) {
        let position = self.conditions.iter().position(|condition| &*condition.kind == kind);
        let kept = position.map(|position| &self.conditions[position]).filter(|condition| condition.status == status);
        let last_transition = kept.map_or(Some(now.floor_second()), |condition| condition.last_transition);
        let unchanged = kept.is_some_and(|condition| &*condition.reason == reason && &*condition.message == message);
        if unchanged {
            return;
        }
        let condition = HorizontalCondition {
            kind: kind.into(),
            status,
            last_transition,
            reason: reason.into(),
            message: message.into(),
        };
        self.conditions.put(position, condition);
    }
}

/// The scale subresource: how many replicas an object has and should have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Replicas wanted.
    pub spec_replicas: i32,
    /// Replicas observed.
    pub status_replicas: i32,
    /// The selector of its pods, in the form of command lines.
    pub selector: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stays() {
        let mut status = HorizontalStatus::default();
        status.set_condition("AbleToScale", ConditionStatus::True, "A", "a", Time::from_millis(1_500));
        status.set_condition("AbleToScale", ConditionStatus::True, "B", "b", Time::from_seconds(5));
        let able = status.condition("AbleToScale").unwrap();
        assert_eq!((&*able.reason, able.last_transition), ("B", Some(Time::from_seconds(1))));
        status.set_condition("AbleToScale", ConditionStatus::False, "C", "c", Time::from_seconds(9));
        assert_eq!(status.condition("AbleToScale").unwrap().last_transition, Some(Time::from_seconds(9)));
        assert_eq!(status.conditions.len(), 1);
    }
}
