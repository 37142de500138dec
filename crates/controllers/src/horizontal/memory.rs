//! What the controller remembers between its passes: plain data, in the hand of whoever calls it.

use super::selectors::Selectors;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::horizontal::{Behavior, ScalingRules};

/// Namespace and name of an autoscaler.
pub type AutoscalerName = (Arc<str>, Arc<str>);

/// Everything that the controller remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HorizontalMemory {
    /// Of each autoscaler that had a pass.
    pub autoscalers: BTreeMap<AutoscalerName, AutoscalerMemory>,
    /// Which pods the autoscalers scale, as far as their passes have found out.
    pub selectors: Selectors,
}

impl HorizontalMemory {
    /// An autoscaler was deleted: others may have its pods, at once.
    pub fn deleted(&mut self, name: &AutoscalerName) {
        self.selectors.remove(name);
    }

    /// A pass found its autoscaler gone. One that was made again before that keeps its memory.
    pub fn forget(&mut self, name: &AutoscalerName) {
        self.autoscalers.remove(name);
    }
}

/// What is remembered of one autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoscalerMemory {
    /// Proposals as the metrics made them.
    pub recommendations: Vec<Recommendation>,
    /// Additions that were carried out.
    pub scale_up_events: Vec<ScaleEvent>,
    /// Removals that were carried out.
    pub scale_down_events: Vec<ScaleEvent>,
}

/// A proposal as the metrics made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Replicas.
    pub replicas: i32,
    /// When.
    pub time: Time,
}

/// A change that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// By how many replicas; positive in both directions.
    pub change: i32,
    /// When.
    pub time: Time,
    /// Whether it was once too old for every policy: its place is then taken, even if periods grow.
    pub outdated: bool,
}

impl AutoscalerMemory {
    /// The first pass that finds the target takes its replicas for a proposal, so that a new
    /// autoscaler does not shrink an idle target at once.
    pub fn record_initial(&mut self, replicas: i32, now: Time) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation { replicas, time: now });
        }
    }

    /// Keeps a proposal, in the place of the last one that is too old.
    pub(super) fn record(&mut self, replicas: i32, now: Time, is_old: impl Fn(&Recommendation) -> bool) {
        let new = Recommendation { replicas, time: now };
        match self.recommendations.iter().rposition(is_old) {
            Some(position) => self.recommendations[position] = new,
            None => self.recommendations.push(new),
        }
    }

    /// Keeps a change that was carried out; without rules nobody will ask for it.
    pub fn store_scale_event(&mut self, behavior: Option<&Behavior>, previous: i32, new: i32, now: Time) {
        let Some(behavior) = behavior else { return };
        if new > previous {
            store(&mut self.scale_up_events, &behavior.scale_up, new.saturating_sub(previous), now);
        } else {
            store(&mut self.scale_down_events, &behavior.scale_down, previous.saturating_sub(new), now);
        }
    }
}

fn store(events: &mut Vec<ScaleEvent>, rules: &ScalingRules, change: i32, now: Time) {
    let longest = rules.policies.iter().map(|policy| policy.period_seconds).max().unwrap_or_default().max(0);
    let cutoff = before(now, longest);
    for event in events.iter_mut().filter(|event| event.time < cutoff) {
        event.outdated = true;
    }
    let new = ScaleEvent { change, time: now, outdated: false };
    match events.iter().rposition(|event| event.outdated) {
        Some(position) => events[position] = new,
        None => events.push(new),
    }
}

/// The change within a period; an event exactly one period old does not count.
pub(super) fn change_in_period(events: &[ScaleEvent], period_seconds: i32, now: Time) -> i32 {
    let cutoff = before(now, period_seconds);
    events.iter().filter(|event| event.time > cutoff).fold(0_i32, |sum, event| sum.saturating_add(event.change))
}

/// The time a number of seconds ago.
pub(super) fn before(now: Time, seconds: i32) -> Time {
    now.offset(i64::from(seconds).saturating_mul(-1_000_000_000))
}

/// A span as whole seconds, as upstream writes it into the rules of an autoscaler.
pub(super) fn whole_seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}
