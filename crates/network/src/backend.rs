//! A pod as a server.

use crate::app::{AppBehaviour, StopBehaviour};
use crate::outcome::{Cause, PodTimes, Window};
use crate::{Node, SourceId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use wavetank_engine::Time;

/// A pod as a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Backend {
    pub(crate) node: Node,
    pub(crate) version: Arc<str>,
    pub(crate) app: AppBehaviour,
    pub(crate) running: bool,
    /// Whether it was asked to stop and takes no new connections.
    pub(crate) draining: bool,
    pub(crate) hung: bool,
    /// Whether it answers with an error.
    pub(crate) fails: bool,
    /// When it will be asked to stop, if that is known beforehand.
    pub(crate) will_be_asked: Option<Time>,
    /// Every request takes it so much longer.
    pub(crate) slower_by: Duration,
    pub(crate) busy: u32,
    pub(crate) waiting: VecDeque<u64>,
    pub(crate) in_flight: BTreeSet<u64>,
    pub(crate) connections: BTreeSet<(SourceId, u32)>,
    pub(crate) times: PodTimes,
    pub(crate) answered: u64,
}

impl Backend {
    pub(crate) fn new(node: Node, version: Arc<str>, app: AppBehaviour) -> Self {
        Self {
            node,
            version,
            app,
            running: false,
            draining: false,
            hung: false,
            fails: false,
            will_be_asked: None,
            slower_by: Duration::ZERO,
            busy: 0,
            waiting: VecDeque::new(),
            in_flight: BTreeSet::new(),
            connections: BTreeSet::new(),
            times: PodTimes::default(),
            answered: 0,
        }
    }

    /// Why it does not take a new connection, if it does not.
    pub(crate) fn refusal(&self, now: Time) -> Option<Cause> {
        let listens = self.times.listens.is_some_and(|at| at <= now);
        if self.running && !listens || (!self.running && self.times.stopped.is_none()) {
            Some(Cause::RefusedNotListening)
        } else if !self.running || self.draining {
            Some(Cause::RefusedStopped)
        } else {
            None
        }
    }

    /// Whether it serves one more at a time.
    pub(crate) fn has_worker(&self) -> bool {
        !self.hung && self.app.capacity.is_none_or(|capacity| self.busy < capacity)
    }

    pub(crate) fn ask_to_stop(&mut self, now: Time) {
        self.times.asked_to_stop.get_or_insert(now);
        self.draining |= self.app.stop == StopBehaviour::Drains;
    }

    /// In which stretch of its life a request was lost.
    pub(crate) fn window(&self, cause: Cause, now: Time) -> Window {
        let updated = self.times.last_update.is_some_and(|at| at <= now);
        match cause {
            Cause::NoEndpoint | Cause::NoRoute | Cause::NoSuchHost | Cause::LeftCluster | Cause::RefusedByPolicy => {
                Window::NoPod
            }
            Cause::RefusedNotListening => Window::Starting,
            Cause::TimedOutHang | Cause::TimedOutOverload | Cause::ServerError if self.running => Window::Running,
            Cause::RefusedStopped
            | Cause::Reset
            | Cause::TimedOutHang
            | Cause::TimedOutOverload
            | Cause::ServerError => {
                if updated {
                    Window::AfterUpdate
                } else if self.times.asked_to_stop.is_some() {
                    Window::Stopping
                } else {
                    Window::Crashed
                }
            }
        }
    }
}
