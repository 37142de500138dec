//! The border of an autoscaler's pass: what goes in, and what comes out.

use super::config::HorizontalConfig;
use super::memory::AutoscalerMemory;
use super::seen::HorizontalView;
use super::selectors::Selectors;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::horizontal::{HorizontalSpec, HorizontalStatus};
use wavetank_model::{Base, HorizontalPodAutoscaler, ObjectMeta, Plan, Refusal, Scale, Selector};

/// What was found where the autoscaler points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetSeen {
    /// No API serves the kind.
    UnknownKind,
    /// Its scale could not be read.
    Refused(Refusal),
    /// Its scale.
    Found(Scale),
}

/// An autoscaler as seen.
#[derive(Clone, Copy, Debug)]
pub struct SeenAutoscaler<'a> {
    /// Metadata.
    pub meta: &'a ObjectMeta,
    /// What is wanted.
    pub spec: &'a HorizontalSpec,
    /// What was observed and decided.
    pub status: &'a HorizontalStatus,
}

impl<'a> From<&'a HorizontalPodAutoscaler> for SeenAutoscaler<'a> {
    fn from(autoscaler: &'a HorizontalPodAutoscaler) -> Self {
        Self { meta: &autoscaler.meta, spec: &autoscaler.spec, status: &autoscaler.status }
    }
}

/// What a pass for one autoscaler decides by.
#[derive(Clone, Copy)]
pub struct HorizontalInputs<'a> {
    /// The clock.
    pub now: Time,
    /// Settings of the controller.
    pub config: &'a HorizontalConfig,
    /// The autoscaler as seen.
    pub autoscaler: SeenAutoscaler<'a>,
    /// Its target.
    pub target: &'a TargetSeen,
    /// What is remembered of it.
    pub memory: &'a AutoscalerMemory,
    /// Selectors of all autoscalers.
    pub selectors: &'a Selectors,
    /// Pods and metrics.
    pub view: &'a dyn HorizontalView,
}

impl fmt::Debug for HorizontalInputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HorizontalInputs")
            .field("now", &self.now)
            .field("autoscaler", &self.autoscaler)
            .field("target", &self.target)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// A write of a pass for an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HorizontalWrite {
    /// Sets the replicas of the target through its scale. A base of [`Base::Fresh`] is a read of the
    /// scale before the write; should that read fail, its refusal is the reply.
    Scale {
        /// What the write starts from.
        base: Base,
        /// Replicas wanted.
        replicas: i32,
    },
    /// Writes the status of the autoscaler.
    Status(Arc<HorizontalStatus>),
}

/// What a pass decided, and what is to be remembered of it.
#[derive(Clone, Debug, PartialEq)]
pub struct HorizontalOutcome {
    /// Writes, events and the error.
    pub plan: Plan<HorizontalWrite>,
    /// What is remembered of the autoscaler from now on.
    pub memory: AutoscalerMemory,
    /// The selector that the pass has learned anew, to be put among those of all autoscalers.
    pub selector: Option<Selector>,
}
