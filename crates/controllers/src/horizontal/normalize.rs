//! From what the metrics ask for to what may be done now.
//!
//! Follows the two normalisers of `pkg/controller/podautoscaler/horizontal.go` of Kubernetes 1.36: the
//! one for autoscalers with `behavior` goes by windows and policies of its own, the other by the
//! controller's window and a limit on doubling.

use super::float::{ceil_i32, cut_i32};
use super::memory::{AutoscalerMemory, before, change_in_period, whole_seconds};
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::horizontal::{Behavior, PolicyKind, ScalingRules, SelectPolicy};

/// What a proposal is held against.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a> {
    /// The clock.
    pub now: Time,
    /// Replicas that the target asks for.
    pub current: i32,
    /// What the metrics ask for.
    pub desired: i32,
    /// Fewest replicas.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// Rules of the autoscaler, if it has any.
    pub behavior: Option<&'a Behavior>,
    /// The controller's own window.
    pub downscale_stabilization: Duration,
}

/// A reason and its text.
pub type Words = (&'static str, &'static str);

/// What may be done, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normalized {
    /// Replicas.
    pub replicas: i32,
    /// Reason and message of the condition AbleToScale, which is True.
    pub able_to_scale: Words,
    /// Whether the condition ScalingLimited is True.
    pub is_limited: bool,
    /// Reason and message of the condition ScalingLimited.
    pub scaling_limited: Words,
}

const READY: Words = ("ReadyForNewScale", "recommended size matches current size");
const HIGHER: Words = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const LOWER: Words = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const WITHIN: Words = ("DesiredWithinRange", "the desired count is within the acceptable range");
const TOO_FEW: Words = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const TOO_MANY: Words = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const UP_LIMIT: Words = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: Words =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");

/// Holds a proposal against windows, rates and bounds, and remembers it.
pub fn normalize(proposal: &Normalization<'_>, memory: &mut AutoscalerMemory) -> Normalized {
    let (stabilized, words) = match proposal.behavior {
        None => (proposal.stabilized_by_controller(memory), HIGHER),
        Some(behavior) => proposal.stabilized_by_rules(behavior, memory),
    };
    let (replicas, scaling_limited) = match proposal.behavior {
        None => proposal.limited_to_doubling(stabilized),
        Some(behavior) => proposal.limited_by_policies(stabilized, behavior, memory),
    };
    Normalized {
        replicas,
        able_to_scale: if stabilized == proposal.desired { READY } else { words },
        is_limited: replicas != stabilized,
        scaling_limited,
    }
}

impl Normalization<'_> {
    /// The highest proposal of the controller's window; one exactly as old counts.
    fn stabilized_by_controller(&self, memory: &mut AutoscalerMemory) -> i32 {
        let cutoff = self.now - self.downscale_stabilization;
        let recent = memory.recommendations.iter().filter(|past| past.time >= cutoff).map(|past| past.replicas);
        let highest = recent.fold(self.desired, i32::max);
        memory.record(self.desired, self.now, |past| past.time < cutoff);
        highest
    }

    /// Current, moved no further than all proposals of the window agree; one exactly as old does not count.
    fn stabilized_by_rules(&self, behavior: &Behavior, memory: &mut AutoscalerMemory) -> (i32, Words) {
        let up_window = behavior.scale_up.stabilization_window_seconds.unwrap_or_default();
        let down_window = behavior.scale_down.stabilization_window_seconds;
        let down_window = down_window.unwrap_or_else(|| whole_seconds(self.downscale_stabilization));
        let (up_cutoff, down_cutoff) = (before(self.now, up_window), before(self.now, down_window));
        let (mut lowest, mut highest) = (self.desired, self.desired);
        for past in &memory.recommendations {
            if past.time > up_cutoff {
                lowest = lowest.min(past.replicas);
            }
            if past.time > down_cutoff {
                highest = highest.max(past.replicas);
            }
        }
        memory.record(self.desired, self.now, |past| past.time < up_cutoff && past.time < down_cutoff);
        let words = if self.desired >= self.current { LOWER } else { HIGHER };
        (self.current.max(lowest).min(highest), words)
    }

    /// At most twice as many, or four.
    fn limited_to_doubling(&self, stabilized: i32) -> (i32, Words) {
        let rate = self.current.saturating_mul(2).max(4);
        let (most, words) = if self.max > rate { (rate, UP_LIMIT) } else { (self.max, TOO_MANY) };
        if stabilized < self.min {
            (self.min, TOO_FEW)
        } else if stabilized > most {
            (most, words)
        } else {
            (stabilized, WITHIN)
        }
    }

    /// On the way up only the maximum and the rate hold, on the way down only the minimum and the rate.
    fn limited_by_policies(&self, stabilized: i32, behavior: &Behavior, memory: &AutoscalerMemory) -> (i32, Words) {
        if stabilized > self.current {
            let rate = self.most_allowed(&behavior.scale_up, memory).max(self.current);
            let (most, words) = if self.max > rate { (rate, UP_LIMIT) } else { (self.max, TOO_MANY) };
            if stabilized > most {
                return (most, words);
            }
        } else if stabilized < self.current {
            let rate = self.fewest_allowed(&behavior.scale_down, memory).min(self.current);
            let (fewest, words) = if self.min < rate { (rate, DOWN_LIMIT) } else { (self.min, TOO_FEW) };
            if stabilized < fewest {
                return (fewest, words);
            }
        }
        (stabilized, WITHIN)
    }

    fn most_allowed(&self, rules: &ScalingRules, memory: &AutoscalerMemory) -> i32 {
        let allowed =
            self.allowed(rules, memory, |start, value| ceil_i32(f64::from(start) * (1.0 + f64::from(value) / 100.0)));
        match rules.select_policy {
            SelectPolicy::Disabled => self.current,
            SelectPolicy::Min => allowed.min().unwrap_or(i32::MAX),
            SelectPolicy::Max | SelectPolicy::Unknown(_) => allowed.max().unwrap_or(i32::MIN),
        }
    }

    fn fewest_allowed(&self, rules: &ScalingRules, memory: &AutoscalerMemory) -> i32 {
        let negated = |value: i32| value.saturating_neg();
        let allowed = self.allowed_with(rules, memory, negated, |start, value| {
            cut_i32(f64::from(start) * (1.0 - f64::from(value) / 100.0))
        });
        match rules.select_policy {
            SelectPolicy::Disabled => self.current,
            SelectPolicy::Min => allowed.max().unwrap_or(i32::MIN),
            SelectPolicy::Max | SelectPolicy::Unknown(_) => allowed.min().unwrap_or(i32::MAX),
        }
    }

    fn allowed(
        &self,
        rules: &ScalingRules,
        memory: &AutoscalerMemory,
        percent: impl Fn(i32, i32) -> i32,
    ) -> impl Iterator<Item = i32> {
        self.allowed_with(rules, memory, |value| value, percent)
    }

    /// What each policy allows, from what there was when its period began.
    fn allowed_with(
        &self,
        rules: &ScalingRules,
        memory: &AutoscalerMemory,
        pods: impl Fn(i32) -> i32,
        percent: impl Fn(i32, i32) -> i32,
    ) -> impl Iterator<Item = i32> {
        // Upstream carries the figure of the policy before over to one that it does not know.
        let mut allowed = 0;
        let figures: Vec<i32> = rules
            .policies
            .iter()
            .map(|policy| {
                let added = change_in_period(&memory.scale_up_events, policy.period_seconds, self.now);
                let removed = change_in_period(&memory.scale_down_events, policy.period_seconds, self.now);
                let start = self.current.saturating_sub(added).saturating_add(removed);
                match policy.kind {
                    PolicyKind::Pods => allowed = start.saturating_add(pods(policy.value)),
                    PolicyKind::Percent => allowed = percent(start, policy.value),
                    PolicyKind::Unknown(_) => {}
                }
                allowed
            })
            .collect();
        figures.into_iter()
    }
}
