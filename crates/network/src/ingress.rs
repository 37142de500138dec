//! An Ingress at work: routes, canaries, tries.

use crate::source::Target;
use crate::{Balancing, Node, ServiceId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Stream;
use wavetank_model::{Canary, Ingress, IngressBackend};

/// An Ingress, as a controller like ingress-nginx serves it: it knows the endpoints of the Services behind
/// it and sends to pods directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressConfig {
    /// The rules.
    pub ingress: Ingress,
    /// The Ingress that is its canary, if there is one: same host and path, other backend.
    pub canary: Option<Ingress>,
    /// The Services behind the backends of both. A backend without one has no endpoints.
    pub services: BTreeMap<IngressBackend, ServiceId>,
    /// How it balances; ingress-nginx goes round.
    pub balancing: Balancing,
    /// The node of its pod.
    pub node: Node,
    /// How long a change of endpoints takes to reach it. Default one second, the time for which
    /// ingress-nginx gathers changes.
    pub delay: Duration,
    /// How often it sends a request at most; three by default, as `proxy-next-upstream-tries`.
    pub attempts: u32,
    /// How long it waits for an answer; a minute by default, as `proxy-read-timeout`.
    pub timeout: Duration,
}

/// A backend, and the chance that it gets a request, so many of so many.
type Chance<'a> = (&'a IngressBackend, (u32, u32));

impl IngressConfig {
    /// An Ingress with the defaults of ingress-nginx.
    #[must_use]
    pub const fn new(ingress: Ingress, services: BTreeMap<IngressBackend, ServiceId>, node: Node) -> Self {
        Self {
            ingress,
            canary: None,
            services,
            balancing: Balancing::RoundRobin,
            node,
            delay: Duration::from_secs(1),
            attempts: 3,
            timeout: Duration::from_secs(60),
        }
    }

    /// The backends for a request: the usual one, and the canary's with its chance, so many of so many.
    fn backends(&self, target: &Target) -> Option<(&IngressBackend, Option<Chance<'_>>)> {
        let Target::Ingress { host, path, .. } = target else { return None };
        let main = self.ingress.route(host, path).map(|path| &path.backend);
        let backend = main.or(self.ingress.default_backend.as_ref())?;
        let canary = self.canary.as_ref().and_then(|other| {
            let backend = &other.route(host, path)?.backend;
            Some((backend, chance(other.canary.as_ref()?, target)))
        });
        Some((backend, canary))
    }

    /// The Service of a request; none if no rule leads anywhere.
    pub(crate) fn route(&self, target: &Target, stream: &mut Stream) -> Option<ServiceId> {
        let (backend, canary) = self.backends(target)?;
        let canary = canary
            .filter(|(_, (taken, of))| taken >= of || *taken > 0 && stream.happens((*taken).into(), (*of).into()));
        self.services.get(canary.map_or(backend, |(canary, _)| canary)).copied()
    }

    /// The Services of many requests, each with its part of them; none: nowhere.
    pub(crate) fn parts(&self, target: &Target) -> Vec<(Option<ServiceId>, f64)> {
        let Some((backend, canary)) = self.backends(target) else { return vec![(None, 1.0)] };
        let service = |backend: &IngressBackend| self.services.get(backend).copied();
        let taken = canary.map_or(0.0, |(_, (taken, of))| (f64::from(taken) / f64::from(of.max(1))).min(1.0));
        let mut parts = vec![(service(backend), 1.0 - taken)];
        parts.extend(canary.map(|(canary, _)| (service(canary), taken)));
        parts
    }
}

/// The chance that a canary takes a request, so many of so many: by header, else by cookie, else by weight.
fn chance(canary: &Canary, target: &Target) -> (u32, u32) {
    const TAKES: (u32, u32) = (1, 1);
    const LEAVES: (u32, u32) = (0, 1);
    let Target::Ingress { headers, cookies, .. } = target else { return LEAVES };
    if let Some(header) = &canary.by_header
        && let Some(value) = headers.get(header.to_ascii_lowercase().as_str())
    {
        match (&canary.by_header_value, value.as_ref()) {
            (Some(wanted), value) if **wanted == *value => return TAKES,
            (Some(_), _) => {}
            (None, "always") => return TAKES,
            (None, "never") => return LEAVES,
            (None, _) => {}
        }
    }
    match canary.by_cookie.as_ref().and_then(|cookie| cookies.get(cookie)).map(Arc::as_ref) {
        Some("always") => return TAKES,
        Some("never") => return LEAVES,
        Some(_) | None => {}
    }
    (canary.weight, canary.weight_total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IngressId;
    use wavetank_engine::{Seed, Streams};
    use wavetank_model::{IngressPath, IngressRule, ObjectMeta, PathType};

    fn ingress(service: &str, canary: Option<Canary>) -> Ingress {
        let backend = IngressBackend { service: service.into(), port: "80".into() };
        let path = IngressPath { path: "/".into(), kind: PathType::Prefix, backend };
        let rules = vec![IngressRule { host: "shop".into(), paths: vec![path] }];
        Ingress { meta: ObjectMeta::default(), class: None, default_backend: None, rules, canary }
    }

    fn config(canary: Canary) -> IngressConfig {
        let backend = |service: &str| IngressBackend { service: service.into(), port: "80".into() };
        let services = [(backend("web"), ServiceId(0)), (backend("next"), ServiceId(1))].into();
        let main = IngressConfig::new(ingress("web", None), services, Node(0));
        IngressConfig { canary: Some(ingress("next", Some(canary))), ..main }
    }

    #[test]
    fn one_per_cent_is_one_per_cent() {
        let config = config(Canary { weight: 1, weight_total: 100, ..Canary::default() });
        let target = Target::ingress(IngressId(0), "shop", "/");
        let mut stream = Streams::new(Seed(3)).stream("canary");
        let taken = (0..100_000).filter(|_| config.route(&target, &mut stream) == Some(ServiceId(1))).count();
        // Five standard deviations: √(100,000 · 1 % · 99 %) = 31.
        assert!(taken.abs_diff(1_000) < 158, "{taken}");
    }

    #[test]
    fn a_header_goes_before_the_weight() {
        let canary = Canary { weight: 100, weight_total: 100, by_header: Some("X-Canary".into()), ..Canary::default() };
        let config = config(canary);
        let mut target = Target::ingress(IngressId(0), "shop", "/");
        let mut stream = Streams::new(Seed(3)).stream("canary");
        assert_eq!(config.route(&target, &mut stream), Some(ServiceId(1)));
        if let Target::Ingress { headers, .. } = &mut target {
            headers.insert("x-canary".into(), "never".into());
        }
        assert_eq!(config.route(&target, &mut stream), Some(ServiceId(0)));
        assert_eq!(config.route(&Target::ingress(IngressId(0), "other", "/"), &mut stream), None);
    }
}
