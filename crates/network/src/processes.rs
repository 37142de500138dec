//! What happens to the processes of pods: they start, are asked to stop, end, hang, slow down and fail.

use crate::app::{AppBehaviour, StopBehaviour};
use crate::backend::Backend;
use crate::network::{Event, Network, PodStart};
use core::time::Duration;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::Uid;

impl Network {
    /// A pod's process starts, for the first time or again.
    pub fn pod_starts(&mut self, now: Time, pod: Uid, start: PodStart) {
        self.before_pod_change(now);
        let PodStart { node, version, app, listens } = start;
        let backend = self.pods.entry(pod).or_insert_with(|| Backend::new(node, Arc::clone(&version), app.clone()));
        (backend.node, backend.version, backend.app) = (node, version, app);
        (backend.running, backend.draining, backend.hung) = (true, false, false);
        (backend.fails, backend.slower_by) = (false, Duration::ZERO);
        (backend.times.started, backend.times.listens) = (Some(now), Some(listens));
        (backend.times.asked_to_stop, backend.times.stopped) = (None, None);
        backend.will_be_asked = None;
        if listens > now {
            self.queue.schedule(listens, Event::Listens(pod));
        }
        self.fluids_see_pod(pod);
    }

    /// A pod's process is asked to stop: SIGTERM.
    pub fn pod_is_asked_to_stop(&mut self, now: Time, pod: Uid) {
        self.before_pod_change(now);
        let Some(backend) = self.pods.get_mut(&pod) else { return };
        backend.ask_to_stop(now);
        match backend.app.stop {
            StopBehaviour::AcceptsUntilKilled => {}
            StopBehaviour::Drains => self.close_connections(pod),
            StopBehaviour::ExitsAtOnce => self.end_process(pod),
        }
        self.fluids_see_pod(pod);
    }

    /// A pod's process will be asked to stop, unless it ends before.
    pub fn pod_will_be_asked_to_stop(&mut self, at: Time, pod: Uid) {
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.will_be_asked = Some(at);
        }
        self.queue.schedule(at, Event::AskToStop(pod));
    }

    /// A pod's process has ended, by itself or because it was killed. What was in flight is lost.
    pub fn pod_stops(&mut self, now: Time, pod: Uid) {
        self.before_pod_change(now);
        // A process that is asked to stop and ends at one instant was asked first.
        if let Some(backend) = self.pods.get_mut(&pod)
            && backend.will_be_asked.is_some_and(|at| at <= now)
        {
            backend.ask_to_stop(now);
        }
        self.end_process(pod);
        self.fluids_see_pod(pod);
    }

    /// A pod hangs: it takes connections and answers nothing; or it goes on again.
    pub fn pod_hangs(&mut self, now: Time, pod: Uid, hangs: bool) {
        self.before_pod_change(now);
        self.set_hung(pod, hangs);
        self.fluids_see_pod(pod);
    }

    /// What a pod takes up from now on takes it so much longer than its image says.
    pub fn pod_slows(&mut self, now: Time, pod: Uid, by: Duration) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.slower_by = by;
        }
        self.fluids_see_pod(pod);
    }

    /// A pod serves and stops in another way, for what it takes up from now on.
    pub fn set_app(&mut self, now: Time, pod: Uid, app: AppBehaviour) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.app = app;
            self.take_up(pod);
        }
        self.fluids_see_pod(pod);
    }

    /// A pod answers with errors, because what it needs is down or it is still warming up; or it serves again.
    pub fn pod_fails(&mut self, now: Time, pod: Uid, fails: bool) {
        self.before_pod_change(now);
        if let Some(backend) = self.pods.get_mut(&pod) {
            backend.fails = fails;
        }
        self.fluids_see_pod(pod);
    }

    fn before_pod_change(&mut self, now: Time) {
        self.advance_before(now);
        self.settle_fluids();
    }
}
