//! PodDisruptionBudgets: how many pods may be evicted at once.

use crate::{ConditionStatus, IntOrString, Selector};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;

/// What a budget asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// `minAvailable`.
    pub min_available: Option<IntOrString>,
    /// `maxUnavailable`; it counts if both are given.
    pub max_unavailable: Option<IntOrString>,
    /// Pods that it covers. A budget without selector, or with an empty one, covers none on eviction.
    pub selector: Selector,
    /// The selector as Go prints it, which one event quotes.
    pub selector_text: Arc<str>,
    /// `unhealthyPodEvictionPolicy`.
    pub unhealthy_pods: UnhealthyPodEvictionPolicy,
}

/// When pods that are not ready may be evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnhealthyPodEvictionPolicy {
    /// While enough others are healthy.
    #[default]
    IfHealthyBudget,
    /// Always.
    AlwaysAllow,
}

/// What a budget allows now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionStatus {
    /// Generation that the controller has seen.
    pub observed_generation: i64,
    /// Evictions that are allowed.
    pub disruptions_allowed: i32,
    /// Healthy pods.
    pub current_healthy: i32,
    /// Healthy pods that must stay.
    pub desired_healthy: i32,
    /// Pods that there should be.
    pub expected_pods: i32,
    /// Pods whose eviction was allowed and has not been seen yet, and when.
    pub disrupted_pods: BTreeMap<Arc<str>, Time>,
    /// The condition `DisruptionAllowed`.
    pub condition: Option<DisruptionCondition>,
}

/// The condition `DisruptionAllowed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionCondition {
    /// Whether evictions are allowed.
    pub status: ConditionStatus,
    /// `SufficientPods`, `InsufficientPods` or `SyncFailed`.
    pub reason: Arc<str>,
    /// Text for people.
    pub message: Arc<str>,
    /// Generation that it speaks of.
    pub observed_generation: i64,
    /// When its status changed last.
    pub last_transition: Option<Time>,
}

impl DisruptionStatus {
    /// Sets the condition; the time of transition moves only with the status.
    pub fn set_condition(&mut self, status: ConditionStatus, reason: &str, message: &str, now: Time) {
        let known = self.condition.as_ref().filter(|known| known.status == status);
        let last_transition = known.map_or(Some(now.floor_second()), |known| known.last_transition);
        self.condition = Some(DisruptionCondition {
            status,
            reason: reason.into(),
            message: message.into(),
            observed_generation: self.observed_generation,
            last_transition,
        });
    }

    /// Makes the condition say what the number of allowed evictions says.
    pub fn tell_allowed(&mut self, now: Time) {
        if self.disruptions_allowed > 0 {
            self.set_condition(ConditionStatus::True, "SufficientPods", "", now);
        } else {
            self.set_condition(ConditionStatus::False, "InsufficientPods", "", now);
        }
    }

    /// Whether the condition says what the number of allowed evictions says, for the generation seen.
    #[must_use]
    pub fn condition_is_current(&self, generation: i64) -> bool {
        let wanted = if self.disruptions_allowed > 0 { ConditionStatus::True } else { ConditionStatus::False };
        self.condition.as_ref().is_some_and(|known| {
            known.observed_generation == generation && known.status == wanted && &*known.reason != "SyncFailed"
        })
    }
}
