//! What happens to a pod between its creation and its end: binding and the kubelet.
//!
//! Pure state machines: the present time is an argument, a pod's state is a small [`PodRun`] that the
//! caller keeps, and nothing here sees the store. A step never allocates.
//!
//! - [`binding`]: which node a pod takes.
//! - [`run`]: [`PodRun`], the state of one pod on its node, and [`Change`], what a step shows.
//! - [`scripted`]: the model of the recorded traces, every time given in a script.
//! - [`behaviour`]: what an image does, as the machine of a pod asks for it.
//! - [`pod`]: one pod in full: probes, back-offs, init containers, hooks, statuses.
//! - [`image`]: [`ImageBehaviour`], how a user says what an image does.
//! - [`kubelet`]: the real kubelet's restarts, image pulls and graceful stops.
//! - [`serving`]: how well a container serves, as probes and clients find it.
//! - [`back_off`]: waits that double.
//! - [`readiness`]: when probes see a container that answers.
//! - `draw`: numbers drawn for one pod, without state and without order.
//!
//! ```
//! use std::time::Duration;
//! use wavetank_engine::Time;
//! use wavetank_model::{Phase, TemplateFacts, Uid};
//! use wavetank_node::{ImageBehaviour, Kubelet, NodeModel, PodContext};
//!
//! let behaviour = ImageBehaviour::new().pull(Duration::from_secs(2)).start(Duration::from_secs(1));
//! let node = NodeModel::Kubelet(Kubelet::new().image("web:1", behaviour));
//! let facts = TemplateFacts { images: vec!["web:1".into()], grace_seconds: 30, ..TemplateFacts::default() };
//! let pod = PodContext { uid: Uid(1), ordinal: 1, completion_index: None, facts: &facts, seed: 0 };
//!
//! let (mut run, pulled) = node.bound(&pod, Time::ZERO);
//! let (_, started) = node.due(&pod, &mut run, pulled.unwrap());
//! let (change, _) = node.due(&pod, &mut run, started.unwrap());
//! assert_eq!(started, Some(Time::from_seconds(3)));
//! assert_eq!(change.map(|change| (change.phase, change.ready)), Some((Phase::Running, true)));
//! ```

pub mod back_off;
pub mod behaviour;
pub mod binding;
mod draw;
pub mod image;
pub mod kubelet;
pub mod pod;
pub mod readiness;
pub mod run;
pub mod scripted;
pub mod serving;

pub use behaviour::Behaving;
pub use binding::{RoundRobin, fits};
pub use image::{Health, ImageBehaviour, OnSigterm};
pub use kubelet::Kubelet;
pub use run::{Change, PodRun, Stage, WaitingReason};
pub use scripted::{Behaviour, ReadyAt, Scripted};
pub use serving::Serving;

use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Time;
use wavetank_model::{Phase, TemplateFacts, Uid};

/// What a node model may know of a pod.
#[derive(Clone, Copy, Debug)]
pub struct PodContext<'a> {
    /// Identity of the pod; draws are keyed by it.
    pub uid: Uid,
    /// Which of its owner's pods it is, counting creations from 1.
    pub ordinal: u32,
    /// Its completion index, if it belongs to an indexed Job.
    pub completion_index: Option<u32>,
    /// Images, restart policy and probes.
    pub facts: &'a TemplateFacts,
    /// Seed of the simulation.
    pub seed: u64,
}

impl PodContext<'_> {
    /// The image that decides the pod's behaviour: the first container's, or nothing.
    #[must_use]
    pub fn image(&self) -> &str {
        self.facts.images.first().map_or("", AsRef::as_ref)
    }
}

/// How nodes treat their pods.
#[expect(clippy::large_enum_variant, reason = "there is one in a cluster")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeModel {
    /// By a script, as in the recorded traces.
    Scripted(Scripted),
    /// As a kubelet does.
    Kubelet(Kubelet),
}

impl NodeModel {
    /// Time from the creation of a pod to its binding.
    #[must_use]
    pub const fn bind_delay(&self, _pod: &PodContext<'_>) -> Duration {
        match self {
            Self::Scripted(model) => model.bind_delay(),
            Self::Kubelet(model) => model.bind_delay(),
        }
    }

    /// A pod reaches its node. The second value is when to call [`Self::due`]; none: nothing will
    /// happen by itself.
    #[must_use]
    pub fn bound(&self, pod: &PodContext<'_>, now: Time) -> (PodRun, Option<Time>) {
        match self {
            Self::Scripted(model) => model.bound(pod, now),
            Self::Kubelet(model) => model.bound(pod, now),
        }
    }

    /// Carries out what is due by now. A call that comes too early changes nothing and names the
    /// time again, so a timer that was overtaken does no harm.
    pub fn due(&self, pod: &PodContext<'_>, run: &mut PodRun, now: Time) -> (Option<Change>, Option<Time>) {
        match self {
            Self::Scripted(model) => model.due(pod, run, now),
            Self::Kubelet(model) => model.due(pod, run, now),
        }
    }

    /// Time from the start of a run that is under way to its first answer, probes apart; none: it never
    /// answers. A script with times of readiness says nothing of answers: there it is at once.
    #[must_use]
    pub fn answers_after(&self, pod: &PodContext<'_>, run: &PodRun) -> Option<Duration> {
        match self {
            Self::Scripted(model) => model.answers_after(pod),
            Self::Kubelet(model) => model.answers_after(pod, run),
        }
    }

    /// The same for the first container of a pod with a machine.
    #[must_use]
    pub fn first_answer(&self, pod: &PodContext<'_>, machine: &pod::Machine) -> Option<Duration> {
        let Self::Kubelet(kubelet) = self else { return None };
        let container = pod.facts.containers.first()?;
        let run = pod::RunOf {
            container: pod.facts.init_containers.len(),
            name: &container.name,
            image: &container.image,
            run: machine.current_run(0)?,
            started: machine.started(0)?,
        };
        Behaving { kubelet, pod: *pod }.answers_after(run)
    }

    /// Graceful deletion begins, or is asked for again with another grace period. Answers when the
    /// pod has left the node; none: at once, because it is not bound, has ended or has no grace.
    ///
    /// A pod being deleted takes no other step and keeps its readiness until it is gone.
    pub fn delete(&self, pod: &PodContext<'_>, run: &mut PodRun, now: Time, grace_seconds: i64) -> Option<Time> {
        let Ok(grace) = u64::try_from(grace_seconds) else { return None };
        // The API server removes a pod at once when there is no grace; the node is not asked.
        if grace == 0 || !run.is_on_node() {
            return None;
        }
        let grace = Duration::from_secs(grace);
        let (gone, ends) = match self {
            Self::Scripted(model) => (now + model.stop_time(pod, run, grace), self.stopped(pod, run)),
            Self::Kubelet(model) => {
                let (takes, ends) = model.stop(pod, run, grace);
                (now + takes, ends)
            }
        };
        Some(run.begin_stop(gone, ends))
    }

    /// The phase in which a pod ends that is stopped from where it stands.
    #[must_use]
    pub fn stopped(&self, pod: &PodContext<'_>, run: &PodRun) -> Phase {
        if let Some(phase) = run.ending() {
            return phase;
        }
        match self {
            Self::Scripted(_) => scripted::phase_when_stopped(pod, run),
            Self::Kubelet(model) => {
                let grace = Duration::from_secs(u64::try_from(pod.facts.grace_seconds).unwrap_or(0));
                model.stop(pod, run, grace).1
            }
        }
    }
}
