//! What is published of Services, and when who learns of it: proxies, Ingresses, the cluster's DNS.

use crate::dns::Record;
use crate::network::{Event, Network, Viewer, place};
use crate::view::View;
use crate::{EndpointState, Node, ServiceId, Zone};
use core::time::Duration;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::Uid;

impl Network {
    /// Gives a node's proxy another delay, for changes from now on.
    pub fn set_proxy_delay(&mut self, now: Time, node: Node, delay: Duration) {
        self.advance_before(now);
        self.propagation.of_node.insert(node, delay);
    }

    /// The zone of a node, which its proxy looks for in the hints of endpoints. Known from the first use on.
    pub fn set_zone(&mut self, node: Node, zone: Option<Zone>) {
        let before = match zone {
            Some(zone) => self.zones.insert(node, zone),
            None => self.zones.remove(&node),
        };
        if before != zone {
            let of_node = |(_, viewer): &(ServiceId, Viewer)| *viewer == Viewer::Proxy(node);
            for (view, _) in self.views.iter_mut().zip(&self.of_view).filter(|(_, of)| of_node(of)) {
                view.move_to(zone);
            }
        }
    }

    /// How long the cluster's DNS takes to learn of a change, for changes from now on.
    pub const fn set_dns_delay(&mut self, delay: Duration) {
        self.dns.delay = delay;
    }

    /// What a name of the cluster's DNS stands for from now on; none: it is gone.
    pub fn set_record(&mut self, now: Time, name: &Arc<str>, record: Option<Record>) {
        self.advance_before(now);
        self.dns.set(now, name, record);
    }

    /// Cuts the proxy of a node off from what is published, or connects it again: then it learns of all that
    /// it missed, after its delay.
    pub fn cut_proxy(&mut self, now: Time, node: Node, is_cut: bool) {
        self.advance_before(now);
        if !is_cut && self.cut.remove(&node) {
            let delay = self.propagation.of(self.seed, node);
            for view in 0..self.views.len() {
                if self.of_view[view].1 == Viewer::Proxy(node) && self.views[view].reconnect(now + delay) {
                    self.queue.schedule(now + delay, Event::Learns(view));
                }
            }
        } else if is_cut {
            self.cut.insert(node);
        }
    }

    /// An endpoint of a Service is published, changed or withdrawn; the proxies learn of it later.
    pub fn publish(&mut self, now: Time, service: ServiceId, pod: Uid, state: Option<EndpointState>) {
        self.advance_before(now);
        let Some(published) = self.services.get_mut(place(service.0)) else { return };
        let old = match state {
            Some(state) => published.endpoints.insert(pod, state),
            None => published.endpoints.remove(&pod),
        };
        if old == state {
            return;
        }
        let mut last = now;
        for view in published.views.clone() {
            let delay = match self.of_view[view].1 {
                Viewer::Proxy(node) if self.cut.contains(&node) => None,
                Viewer::Proxy(node) => Some(self.propagation.of(self.seed, node)),
                Viewer::Ingress(ingress) => {
                    Some(self.ingresses.get(place(ingress.0)).map_or(Duration::ZERO, |ingress| ingress.delay))
                }
                Viewer::Dns => Some(self.dns.delay),
            };
            let due = self.views[view].send(delay.map_or(Time::MAX, |delay| now + delay), pod, state);
            last = last.max(due);
            if due < Time::MAX && self.fluids.iter().any(|fluid| fluid.view == Some(view)) {
                self.queue.schedule(due, Event::Learns(view));
            }
        }
        if let Some(backend) = self.pods.get_mut(&pod) {
            let ready = |state: Option<EndpointState>| state.is_some_and(|state| state.conditions.ready);
            if ready(old) && !ready(state) {
                (backend.times.withdrawn, backend.times.last_update) = (Some(now), Some(last));
            } else if ready(state) {
                (backend.times.withdrawn, backend.times.last_update) = (None, None);
            }
        }
    }

    /// The view of a Service in a place, made on first need with what is published now.
    pub(crate) fn view(&mut self, service: ServiceId, viewer: Viewer) -> usize {
        if let Some(view) = self.view_of.get(&(service, viewer)) {
            return *view;
        }
        let published = &mut self.services[place(service.0)];
        let mut view = match viewer {
            Viewer::Proxy(node) => {
                View::new(Some(node), self.zones.get(&node).copied(), published.config.balancing, true)
            }
            Viewer::Ingress(ingress) => {
                let config = &self.ingresses[place(ingress.0)];
                View::new(None, None, config.balancing, false)
            }
            Viewer::Dns => View::new(None, None, crate::Balancing::Random, false),
        };
        for (pod, state) in &published.endpoints {
            view.learn(*pod, Some(*state));
        }
        let number = self.views.len();
        published.views.push(number);
        self.views.push(view);
        self.of_view.push((service, viewer));
        self.view_of.insert((service, viewer), number);
        number
    }
}
