//! Settings of the controller.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_model::Quantity;
use wavetank_model::horizontal::{Behavior, ScalingRules};

/// Flags and feature gates of the horizontal pod autoscaler controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HorizontalConfig {
    /// Time between two passes for an autoscaler.
    pub sync_period: Duration,
    /// For how long past proposals hold a scale-down back, where the autoscaler does not say.
    pub downscale_stabilization: Duration,
    /// Ratio by which usage may miss its target and nothing is done.
    pub tolerance: f64,
    /// For how long after its start the processor time of a pod is looked at with suspicion.
    pub cpu_initialization_period: Duration,
    /// For how long after its start a pod that turns unready is taken never to have been ready.
    pub initial_readiness_delay: Duration,
    /// Feature gate `HPAScaleToZero`.
    pub scale_to_zero: bool,
    /// Feature gate `HPAConfigurableTolerance`.
    pub configurable_tolerance: bool,
    /// Feature gate `PodLevelResources`.
    pub pod_level_resources: bool,
}

impl Default for HorizontalConfig {
    /// The defaults of `kube-controller-manager` 1.36.
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            downscale_stabilization: Duration::from_secs(300),
            tolerance: 0.1,
            cpu_initialization_period: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
            scale_to_zero: false,
            configurable_tolerance: true,
            pod_level_resources: true,
        }
    }
}

/// By which ratio usage may miss its target and nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerances {
    /// Above the target.
    pub scale_up: f64,
    /// Below it.
    pub scale_down: f64,
}

impl Tolerances {
    /// The tolerances of an autoscaler with these rules.
    #[must_use]
    pub fn of(config: &HorizontalConfig, behavior: Option<&Behavior>) -> Self {
        let own = |rules: fn(&Behavior) -> &ScalingRules| {
            let tolerance = behavior.and_then(|behavior| rules(behavior).tolerance.as_ref());
            tolerance.filter(|_| config.configurable_tolerance).map_or(config.tolerance, Quantity::approximate)
        };
        Self { scale_up: own(|behavior| &behavior.scale_up), scale_down: own(|behavior| &behavior.scale_down) }
    }

    /// Whether a ratio is close enough to 1; the edges are.
    #[must_use]
    pub fn contain(&self, ratio: f64) -> bool {
        (1.0 - self.scale_down..=1.0 + self.scale_up).contains(&ratio)
    }
}
