//! Where fluids go: to which pods, and what becomes of their requests there.

use crate::app::{ServiceTime, StopBehaviour};
use crate::backlog::Works;
use crate::fluid::{Course, Fate, Fluid, FluidReport, flow};
use crate::network::{Network, Viewer, place};
use crate::outcome::Cause;
use crate::{IngressId, Load, Origin, RateProfile, Source, SourceId, Target};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_model::{TrafficPolicy, Uid};

/// The time that a request takes in a fluid.
fn service_time(time: ServiceTime) -> Duration {
    match time {
        ServiceTime::Fixed(time) | ServiceTime::Exponential { mean: time } => time,
        ServiceTime::Uniform { least, most } => (least + most) / 2,
    }
}

impl Network {
    /// A fluid begins to flow to a Service, or to those behind an Ingress.
    pub(crate) fn start_fluid(&mut self, source: SourceId, of: &Source, rate: &RateProfile) {
        let fluids = self.fluids.len();
        for course in self.courses(of) {
            self.fluids.push(Fluid::new(source, rate.clone(), of, &course, self.now));
        }
        (fluids..self.fluids.len()).for_each(|fluid| self.fluid_looks_anew(fluid));
    }

    /// The courses of a source's requests.
    fn courses(&mut self, of: &Source) -> Vec<Course> {
        match &of.target {
            Target::Service(service) => {
                let config = self.services[place(service.0)].config;
                let policy = match of.origin {
                    Origin::Inside(_) => config.internal_policy,
                    Origin::Outside(_) => config.external_policy,
                };
                let view = Some(self.view(*service, Viewer::Proxy(of.origin.node())));
                let (timeout, attempts, balancing) = (of.timeout, of.attempts, config.balancing);
                vec![Course { view, part: 1.0, timeout, attempts, policy, balancing }]
            }
            Target::Ingress { ingress, .. } => {
                let Some(config) = self.ingresses.get(place(ingress.0)).map(Arc::clone) else { return Vec::new() };
                let timeout = Some(of.timeout.map_or(config.timeout, |own| own.min(config.timeout)));
                let (attempts, policy) = (of.attempts.max(config.attempts), TrafficPolicy::Cluster);
                let parts = config.parts(&of.target).into_iter();
                let courses = parts.map(|(service, part)| {
                    let view = service.map(|service| self.view(service, Viewer::Ingress(*ingress)));
                    Course { view, part, timeout, attempts, policy, balancing: config.balancing }
                });
                courses.collect()
            }
            Target::Host { .. } => Vec::new(),
        }
    }

    /// The rules of an Ingress changed, and with them the parts of the Services behind it.
    pub(crate) fn fluids_see_ingress(&mut self, changed: IngressId) {
        self.settle_fluids();
        let goes_there =
            |source: &Source| matches!(&source.target, Target::Ingress { ingress, .. } if *ingress == changed);
        for id in (0..).map(SourceId).take(self.sources.len()) {
            let of = Arc::clone(&self.sources[place(id.0)].source);
            let Load::Fluid { rate } = &of.load else { continue };
            if !goes_there(&of) {
                continue;
            }
            let mut courses = self.courses(&of);
            let is_stopped = self.sources[place(id.0)].stopped;
            let started = self.sources[place(id.0)].started;
            for fluid in self.fluids.iter_mut().filter(|fluid| fluid.source == id) {
                let course = courses.iter().position(|course| course.view == fluid.view);
                fluid.set_part(course.map_or(0.0, |course| courses.remove(course).part));
            }
            for course in courses {
                let mut fluid = Fluid::new(id, rate.clone(), &of, &course, self.now);
                fluid.started = started;
                fluid.stopped = is_stopped;
                self.fluids.push(fluid);
                self.fluid_looks_anew(self.fluids.len() - 1);
            }
        }
    }

    pub(crate) fn settle_fluids(&mut self) {
        if self.fluids.is_empty() {
            return;
        }
        flow(&mut self.fluids, &mut self.backlogs, self.now);
        let before = self.now - self.longest_service_time;
        self.fluids.iter_mut().for_each(|fluid| fluid.forget(before));
    }

    /// What becomes of a request of a fluid that reaches a pod now, and how the pod works if its capacity limits it.
    fn fate(&mut self, fluid: usize, pod: Uid) -> (Fate, Option<Works>) {
        let (timeout, now) = (self.fluids[fluid].timeout, self.now);
        let Some(backend) = self.pods.get(&pod) else { return (Fate::Lost(Cause::RefusedNotListening), None) };
        if let Some(cause) = backend.refusal(now) {
            return (Fate::Lost(cause), None);
        }
        if backend.hung {
            return (Fate::Lost(Cause::TimedOutHang), None);
        }
        let service_time = service_time(backend.app.service_time).saturating_add(backend.slower_by);
        self.longest_service_time = self.longest_service_time.max(service_time);
        let works = backend.app.capacity.filter(|_| !service_time.is_zero());
        let works = works.map(|capacity| Works { service_time, capacity });
        if timeout.is_some_and(|timeout| service_time > timeout) {
            return (Fate::Lost(Cause::TimedOutOverload), works);
        }
        if backend.fails {
            return (Fate::Lost(Cause::ServerError), works);
        }
        (Fate::Answered(Arc::clone(&backend.version)), works)
    }

    /// A fluid goes to a pod with a weight from now on, or no longer.
    fn fluid_goes_to(&mut self, fluid: usize, pod: Uid, weight: Option<u32>) {
        let (mut fate, works) = self.fate(fluid, pod);
        // What is refused, or taken by a pod that hangs, does not come into its line.
        let inflow = weight.filter(|_| works.is_some());
        if let Some(backlog) = self.backlogs.set(pod, works, fluid, inflow) {
            if let Fate::Answered(version) = &fate {
                fate = Fate::Queued(Arc::clone(version), backlog);
            }
            // The other fluids find the pod in the same line.
            for other in (0..self.fluids.len()).filter(|other| *other != fluid) {
                let Some(member) = self.fluids[other].members.get(&pod).cloned() else { continue };
                if let Fate::Queued(version, _) = member.fate {
                    self.fluids[other].set(pod, Some((member.weight, Fate::Queued(version, backlog))), &self.backlogs);
                }
            }
        }
        self.fluids[fluid].set(pod, weight.map(|weight| (weight, fate)), &self.backlogs);
    }

    /// A fluid notes which part each pod gets, now that something changed.
    fn note_part(&mut self, fluid: usize) {
        let Fluid { view, policy, ref retries, .. } = self.fluids[fluid];
        let Some(view) = view else { return };
        let refusing: Vec<Uid> = retries.refusing().collect();
        let (mut places, pods) = self.views[view].places(policy, &refusing);
        places.sort_unstable();
        self.fluids[fluid].note_part(&places, pods);
    }

    /// A pod has changed at this instant, after all fluids were settled.
    pub(crate) fn fluids_see_pod(&mut self, pod: Uid) {
        if self.fluids.is_empty() {
            return;
        }
        let now = self.now;
        let ended = self.pods.get(&pod).filter(|backend| backend.times.stopped == Some(now));
        let ended = ended.map(|backend| service_time(backend.app.service_time).saturating_add(backend.slower_by));
        let in_line = ended.and_then(|_| self.backlogs.end(pod));
        let goes: f64 = self.fluids.iter().map(|fluid| fluid.weight_of(pod)).sum();
        for fluid in 0..self.fluids.len() {
            if let Some(service_time) = ended {
                // A pod that drains has taken nothing since it was asked to stop: that shows in its fate.
                let own = in_line.filter(|_| goes > 0.0).map(|all| all * self.fluids[fluid].weight_of(pod) / goes);
                self.fluids[fluid].reset(pod, now - service_time, own);
            }
            let Some(weight) = self.fluids[fluid].members.get(&pod).map(|member| member.weight) else { continue };
            let drained = self.pods.get(&pod).is_some_and(|backend| {
                backend.draining && backend.running && backend.app.stop == StopBehaviour::Drains
            });
            if drained && let Some(member) = self.fluids[fluid].members.get(&pod).cloned() {
                self.fluids[fluid].left.insert(pod, (member, now));
            }
            self.fluid_goes_to(fluid, pod, Some(weight));
            self.note_part(fluid);
        }
    }

    /// A proxy learns of changes.
    pub(crate) fn learns(&mut self, view: usize) {
        self.settle_fluids();
        let changed = self.views[view].catch_up(self.now);
        for fluid in 0..self.fluids.len() {
            let Fluid { view: of, policy, standing, .. } = self.fluids[fluid];
            if of != Some(view) {
                continue;
            }
            if self.views[view].standing(policy).0 == standing {
                self.fluid_looks_at(fluid, &changed);
            } else {
                // From those that are ready to those that leave, or to those of the zone: everybody's part
                // changes.
                self.fluid_looks_anew(fluid);
            }
        }
    }

    /// Brings all members of a fluid to what its proxy knows.
    fn fluid_looks_anew(&mut self, fluid: usize) {
        let Fluid { view, policy, .. } = self.fluids[fluid];
        let Some(view) = view else { return };
        let mut pods = self.views[view].all_pods(policy);
        pods.extend(self.fluids[fluid].members.keys());
        pods.sort_unstable();
        pods.dedup();
        self.fluid_looks_at(fluid, &pods);
    }

    fn fluid_looks_at(&mut self, fluid: usize, pods: &[Uid]) {
        let Fluid { view, policy, .. } = self.fluids[fluid];
        let Some(view) = view else { return };
        for pod in pods {
            let weight = self.views[view].weight(policy, *pod);
            let had = self.fluids[fluid].members.get(pod).map(|member| member.weight);
            if weight != had {
                self.fluid_goes_to(fluid, *pod, weight);
            }
        }
        self.note_part(fluid);
        let (standing, elsewhere) = self.views[view].standing(policy);
        let fluid = &mut self.fluids[fluid];
        fluid.standing = standing;
        fluid.without =
            if elsewhere && policy == TrafficPolicy::Local { Cause::RefusedByPolicy } else { Cause::NoEndpoint };
    }

    /// What is expected of a fluid source up to now; none if the source is no fluid.
    #[must_use]
    pub fn fluid_report(&self, source: SourceId) -> Option<FluidReport> {
        let mut own = self.fluids.iter().filter(|fluid| fluid.source == source).peekable();
        own.peek()?;
        let mut report = FluidReport::default();
        if self.backlogs.is_empty() {
            let nothing = BTreeMap::new();
            for fluid in own {
                let mut fluid = fluid.without_pods();
                fluid.settle(self.now, &nothing);
                report.append(&fluid.report);
            }
        } else {
            let (mut fluids, mut backlogs) = (self.fluids.clone(), self.backlogs.clone());
            flow(&mut fluids, &mut backlogs, self.now);
            for fluid in fluids.iter().filter(|fluid| fluid.source == source) {
                report.append(&fluid.report);
            }
        }
        Some(report)
    }
}
