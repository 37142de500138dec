//! The state of one pod on its node, and what a step of it shows.

use serde::{Deserialize, Serialize};
use wavetank_engine::Time;
use wavetank_model::Phase;

/// Why a container waits, as a container status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WaitingReason {
    /// Its image is being fetched, or it is being made.
    ContainerCreating,
    /// Its image could not be fetched just now.
    ErrImagePull,
    /// Its image could not be fetched, the next try is held back.
    ImagePullBackOff,
    /// It ended, its next start is held back.
    CrashLoopBackOff,
}

impl WaitingReason {
    /// As the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContainerCreating => "ContainerCreating",
            Self::ErrImagePull => "ErrImagePull",
            Self::ImagePullBackOff => "ImagePullBackOff",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
        }
    }
}

/// What is to be seen of a pod after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its phase.
    pub phase: Phase,
    /// Whether it is ready.
    pub ready: bool,
    /// Restarts of its container.
    pub restarts: u32,
    /// Why its container waits, if it does.
    pub waiting: Option<WaitingReason>,
    /// Exit code of the container, if it ended in this step.
    pub exit: Option<i32>,
}

/// Where a pod stands; every stage owns its deadline.
///
/// The fields are the variants' own, so that the tag fits beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// On no node.
    #[default]
    Unbound,
    /// The image is being fetched.
    Pulling {
        /// When that ends, well or not.
        due: Time,
    },
    /// The image is not to be had, and nobody tries again.
    Unpullable,
    /// A fetch failed; the failure itself is shown until the pod is looked at again.
    PullFailed {
        /// When it is looked at again.
        due: Time,
    },
    /// A fetch failed and the next one is held back.
    PullHeldBack {
        /// When the next one begins.
        due: Time,
    },
    /// The container is being made for the first time.
    Starting {
        /// When it runs.
        due: Time,
    },
    /// The container runs.
    Running {
        /// Since when; all that happens in this run is counted from here.
        started: Time,
        /// Whether the pod is ready.
        ready: bool,
    },
    /// The container ended and its next start is held back.
    HeldBack {
        /// When it is started again.
        due: Time,
    },
    /// The container is being made again.
    Restarting {
        /// When it runs.
        due: Time,
    },
    /// The pod is being stopped.
    Stopping {
        /// When it is gone from the node.
        due: Time,
        /// Its phase from then on.
        ends: Phase,
        /// Its phase until then.
        phase: Phase,
        /// Whether it stays ready until then.
        ready: bool,
    },
    /// Ended for good.
    Ended {
        /// In this phase.
        phase: Phase,
    },
}

/// The state of one pod on its node: three words to copy, one for each of millions of pods.
///
/// The default is a pod that is on no node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodRun {
    /// The time of the stage, and the stage without it.
    at: Time,
    /// When the back-off in force was last used; while nothing has failed, when the pod was bound.
    pub(crate) backed_off: Time,
    pub(crate) restarts: u32,
    /// How far the back-off in force has grown: failed pulls until the image is there, after that
    /// restarts since the last reset. It stops growing after 65,535, most of a year of failures.
    pub(crate) step: u16,
    kind: Kind,
    /// Of stages that have them: phase, phase at the end, readiness.
    traits: Traits,
}

/// A stage without its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[default]
    Unbound,
    Pulling,
    Unpullable,
    PullFailed,
    PullHeldBack,
    Starting,
    Running,
    HeldBack,
    Restarting,
    Stopping,
    Ended,
}

/// Two phases and readiness in the bits of a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Traits(u8);

const PHASES: [Phase; 5] = [Phase::Pending, Phase::Unknown, Phase::Running, Phase::Succeeded, Phase::Failed];

impl Traits {
    const fn of(phase: Phase, ends: Phase, ready: bool) -> Self {
        Self(phase as u8 | (ends as u8) << 3 | (ready as u8) << 6)
    }

    const fn is_ready(self) -> bool {
        self.0 & 1 << 6 != 0
    }

    fn phase(self) -> Phase {
        PHASES.get(usize::from(self.0 & 7)).copied().unwrap_or_default()
    }

    fn ends(self) -> Phase {
        PHASES.get(usize::from(self.0 >> 3 & 7)).copied().unwrap_or_default()
    }
}

impl PodRun {
    pub(crate) fn at(stage: Stage) -> Self {
        let mut run = Self::default();
        run.enter(stage);
        run
    }

    /// Puts the pod into a stage.
    #[inline]
    pub(crate) fn enter(&mut self, stage: Stage) {
        let none = Traits::default();
        (self.kind, self.at, self.traits) = match stage {
            Stage::Unbound => (Kind::Unbound, Time::ZERO, none),
            Stage::Pulling { due } => (Kind::Pulling, due, none),
            Stage::Unpullable => (Kind::Unpullable, Time::ZERO, none),
            Stage::PullFailed { due } => (Kind::PullFailed, due, none),
            Stage::PullHeldBack { due } => (Kind::PullHeldBack, due, none),
            Stage::Starting { due } => (Kind::Starting, due, none),
            Stage::Running { started, ready } => {
                (Kind::Running, started, Traits::of(Phase::Running, Phase::Running, ready))
            }
            Stage::HeldBack { due } => (Kind::HeldBack, due, none),
            Stage::Restarting { due } => (Kind::Restarting, due, none),
            Stage::Stopping { due, ends, phase, ready } => (Kind::Stopping, due, Traits::of(phase, ends, ready)),
            Stage::Ended { phase } => (Kind::Ended, Time::ZERO, Traits::of(phase, phase, false)),
        };
    }

    /// Where the pod stands.
    #[must_use]
    #[inline]
    pub fn stage(&self) -> Stage {
        let due = self.at;
        match self.kind {
            Kind::Unbound => Stage::Unbound,
            Kind::Pulling => Stage::Pulling { due },
            Kind::Unpullable => Stage::Unpullable,
            Kind::PullFailed => Stage::PullFailed { due },
            Kind::PullHeldBack => Stage::PullHeldBack { due },
            Kind::Starting => Stage::Starting { due },
            Kind::Running => Stage::Running { started: due, ready: self.traits.is_ready() },
            Kind::HeldBack => Stage::HeldBack { due },
            Kind::Restarting => Stage::Restarting { due },
            Kind::Stopping => Stage::Stopping {
                due,
                ends: self.traits.ends(),
                phase: self.traits.phase(),
                ready: self.traits.is_ready(),
            },
            Kind::Ended => Stage::Ended { phase: self.traits.phase() },
        }
    }

    /// When the pod came to its node, as long as nothing has failed since.
    #[must_use]
    pub const fn bound(&self) -> Option<Time> {
        if self.step == 0 && self.restarts == 0 { Some(self.backed_off) } else { None }
    }

    /// Restarts of the container.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The pod's phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.stage() {
            Stage::Unbound
            | Stage::Pulling { .. }
            | Stage::Unpullable
            | Stage::PullFailed { .. }
            | Stage::PullHeldBack { .. }
            | Stage::Starting { .. } => Phase::Pending,
            // A container that is to be started again counts as running.
            Stage::Running { .. } | Stage::HeldBack { .. } | Stage::Restarting { .. } => Phase::Running,
            Stage::Stopping { phase, .. } | Stage::Ended { phase } => phase,
        }
    }

    /// Whether the pod is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self.stage() {
            Stage::Running { ready, .. } | Stage::Stopping { ready, .. } => ready,
            Stage::Unbound
            | Stage::Pulling { .. }
            | Stage::Unpullable
            | Stage::PullFailed { .. }
            | Stage::PullHeldBack { .. }
            | Stage::Starting { .. }
            | Stage::HeldBack { .. }
            | Stage::Restarting { .. }
            | Stage::Ended { .. } => false,
        }
    }

    /// Whether a node still has work with the pod.
    #[must_use]
    pub fn is_on_node(&self) -> bool {
        !matches!(self.stage(), Stage::Unbound | Stage::Ended { .. })
    }

    /// The phase in which the pod ends, once that is settled.
    pub(crate) fn ending(&self) -> Option<Phase> {
        match self.stage() {
            Stage::Stopping { ends, .. } => Some(ends),
            Stage::Ended { phase } => Some(phase),
            Stage::Unbound
            | Stage::Pulling { .. }
            | Stage::Unpullable
            | Stage::PullFailed { .. }
            | Stage::PullHeldBack { .. }
            | Stage::Starting { .. }
            | Stage::Running { .. }
            | Stage::HeldBack { .. }
            | Stage::Restarting { .. } => None,
        }
    }

    /// Enters the stop, or hastens one that is under way; answers when it ends.
    pub(crate) fn begin_stop(&mut self, gone: Time, ends: Phase) -> Time {
        let due = if let Stage::Stopping { due, .. } = self.stage() { due.min(gone) } else { gone };
        self.enter(Stage::Stopping { due, ends, phase: self.phase(), ready: self.is_ready() });
        due
    }

    /// Ends the stop if it is due: the last step of a pod.
    pub(crate) fn end_stop(&mut self, due: Time, ends: Phase, now: Time) -> (Option<Change>, Option<Time>) {
        if now < due {
            return (None, Some(due));
        }
        self.enter(Stage::Ended { phase: ends });
        (Some(self.show(None, None)), None)
    }

    /// What is to be seen of the pod now.
    pub(crate) fn show(&self, waiting: Option<WaitingReason>, exit: Option<i32>) -> Change {
        Change { phase: self.phase(), ready: self.is_ready(), restarts: self.restarts, waiting, exit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_pod_fits_in_three_words() {
        assert!(size_of::<PodRun>() <= 24, "{}", size_of::<PodRun>());
    }

    #[test]
    fn every_stage_reads_as_it_was_entered() {
        let due = Time::from_nanos(1_234_567_890);
        let mut stages = vec![
            Stage::Unbound,
            Stage::Pulling { due },
            Stage::Unpullable,
            Stage::PullFailed { due },
            Stage::PullHeldBack { due },
            Stage::Starting { due },
            Stage::HeldBack { due },
            Stage::Restarting { due },
        ];
        for ready in [false, true] {
            stages.push(Stage::Running { started: due, ready });
            for phase in PHASES {
                stages.push(Stage::Ended { phase });
                stages.extend(PHASES.map(|ends| Stage::Stopping { due, ends, phase, ready }));
            }
        }
        for stage in stages {
            assert_eq!(PodRun::at(stage).stage(), stage);
        }
    }

    #[test]
    fn a_second_deletion_hastens_the_stop_and_never_delays_it() {
        let mut run = PodRun::at(Stage::Running { started: Time::ZERO, ready: true });
        assert_eq!(run.begin_stop(Time::from_seconds(30), Phase::Succeeded), Time::from_seconds(30));
        assert_eq!(run.begin_stop(Time::from_seconds(9), Phase::Failed), Time::from_seconds(9));
        assert_eq!(run.begin_stop(Time::from_seconds(50), Phase::Failed), Time::from_seconds(9));
        assert!(run.is_ready(), "a pod being deleted keeps its readiness");
    }
}
