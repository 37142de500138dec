//! How well a container serves at an instant: what its probes find, and its clients too.

use crate::image::Health;
use crate::pod::Machine;
use crate::{ImageBehaviour, NodeModel, PodContext};
use core::time::Duration;
use wavetank_engine::Time;

/// How well the first container of a pod serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Its health.
    pub health: Health,
    /// How much later it answers than it did at its start.
    pub slower_by: Duration,
    /// When that changes by itself; none: never.
    pub until: Option<Time>,
}

impl NodeModel {
    /// What an image says of the first container of a pod; none where a script stands for the kubelet.
    #[must_use]
    pub fn behaviour_of(&self, pod: &PodContext<'_>) -> Option<&ImageBehaviour> {
        let Self::Kubelet(kubelet) = self else { return None };
        let container = pod.facts.containers.first()?;
        Some(kubelet.behaviour_of(pod.uid, &container.name, &container.image))
    }

    /// How well the first container of a pod serves, by its image and by what befell it; none if it does not run.
    #[must_use]
    pub fn serving(&self, pod: &PodContext<'_>, machine: &Machine, at: Time) -> Option<Serving> {
        let behaviour = self.behaviour_of(pod)?;
        let started = machine.started(0)?;
        let (is_hung, afflicted_by) = machine.affliction(0);
        let (health, until) = behaviour.health_at(started, at);
        let (slower_by, slower_until) = behaviour.slower_at(started, at);
        Some(Serving {
            health: if is_hung { Health::Hung } else { health },
            slower_by: slower_by.saturating_add(afflicted_by),
            until: until.into_iter().chain(slower_until).min(),
        })
    }
}
