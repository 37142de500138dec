//! Names: what the cluster's DNS answers, and for how long a client believes it.
//!
//! The name of a Service with an address stands for that address, and the proxies balance; it stays good
//! while pods come and go. The name of a headless Service stands for the addresses of its ready pods: the
//! client picks one itself, for each new connection, out of an answer that may be as old as its time to live.
//! An external name stands for another name.
//!
//! The DNS server learns of changes by a watch, so its answers lag by a delay of their own. That no name was
//! found is not remembered.

use crate::{Cause, ServiceId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::Uid;

/// Names that stand for names that stand for names: an end to loops.
const LONGEST_CHAIN: usize = 8;

/// How long a client may believe an answer, unless its source says otherwise: the `ttl` of a cluster's usual
/// configuration of CoreDNS.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(30);

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The address of a Service, with its ports by name and by number.
    Service(BTreeMap<Arc<str>, ServiceId>),
    /// The addresses of the ready pods of a headless Service. Which port they listen on is not simulated.
    Pods(ServiceId),
    /// The address of one pod of a headless Service, which has a name by its `hostname`.
    Pod(ServiceId, Uid),
    /// Another name.
    Alias(Arc<str>),
}

/// A name as the server knows it, and what it will know of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known {
    record: Option<Record>,
    coming: VecDeque<(Time, Option<Record>)>,
}

/// The cluster's DNS server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dns {
    /// How long it takes to learn of a change.
    pub(crate) delay: Duration,
    names: BTreeMap<Arc<str>, Known>,
}

impl Dns {
    /// What a name stands for changes at `now`, and the server learns of it later.
    pub(crate) fn set(&mut self, now: Time, name: &Arc<str>, record: Option<Record>) {
        let known = self.names.entry(Arc::clone(name)).or_default();
        let due = known.coming.back().map_or(now + self.delay, |(last, _)| (*last).max(now + self.delay));
        known.coming.push_back((due, record));
    }

    fn look_up(&mut self, name: &str, now: Time) -> Option<Record> {
        let known = self.names.get_mut(name)?;
        while known.coming.front().is_some_and(|(due, _)| *due <= now) {
            let (_, record) = known.coming.pop_front()?;
            known.record = record;
        }
        known.record.clone()
    }

    /// What the first of several names that is known stands for, aliases followed.
    pub(crate) fn resolve(&mut self, names: &[Arc<str>], now: Time) -> Result<Record, Cause> {
        let mut found = names.iter().find_map(|name| self.look_up(name, now)).ok_or(Cause::NoSuchHost)?;
        for _ in 0..LONGEST_CHAIN {
            let Record::Alias(name) = &found else { return Ok(found) };
            let is_inside = name.ends_with(&format!(".{CLUSTER_DOMAIN}"));
            let missing = if is_inside { Cause::NoSuchHost } else { Cause::LeftCluster };
            found = self.look_up(&name.clone(), now).ok_or(missing)?;
        }
        Err(Cause::NoSuchHost)
    }
}

/// The domain of a cluster.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// The names that a client in a namespace asks for in turn: a name with fewer than five dots is tried under
/// the domains of its namespace first (`ndots:5` and the search list of a pod's `resolv.conf`).
///
/// ```
/// let names = wavetank_network::dns::candidates("web.shop", "default");
/// assert_eq!(&*names[1], "web.shop.svc.cluster.local");
/// ```
#[must_use]
pub fn candidates(host: &str, namespace: &str) -> Vec<Arc<str>> {
    if let Some(absolute) = host.strip_suffix('.') {
        return vec![absolute.into()];
    }
    let searched =
        [format!("{namespace}.svc.{CLUSTER_DOMAIN}"), format!("svc.{CLUSTER_DOMAIN}"), CLUSTER_DOMAIN.into()];
    let mut names: Vec<Arc<str>> = searched.iter().map(|domain| format!("{host}.{domain}").into()).collect();
    let first = if host.matches('.').count() >= 5 { 0 } else { names.len() };
    names.insert(first, host.into());
    names
}

/// An answer as a client remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// An address that proxies balance.
    Service(ServiceId),
    /// Addresses of pods, of this Service.
    Pods(ServiceId, Arc<[Uid]>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(id: u32) -> Record {
        Record::Service([("80".into(), ServiceId(id))].into())
    }

    #[test]
    fn a_change_of_a_name_is_known_after_the_delay() {
        let mut dns = Dns { delay: Duration::from_secs(2), ..Dns::default() };
        let name: Arc<str> = "web.default.svc.cluster.local".into();
        dns.set(Time::ZERO, &name, Some(service(1)));
        let names = candidates("web", "default");
        assert_eq!(dns.resolve(&names, Time::from_seconds(1)), Err(Cause::NoSuchHost));
        assert_eq!(dns.resolve(&names, Time::from_seconds(2)), Ok(service(1)));
        dns.set(Time::from_seconds(3), &name, None);
        assert_eq!(dns.resolve(&names, Time::from_seconds(4)), Ok(service(1)));
        assert_eq!(dns.resolve(&names, Time::from_seconds(5)), Err(Cause::NoSuchHost));
    }

    #[test]
    fn an_alias_is_followed_into_the_cluster_and_out_of_it() {
        let mut dns = Dns::default();
        dns.set(Time::ZERO, &"web.default.svc.cluster.local".into(), Some(service(1)));
        let alias = |name: &str| Some(Record::Alias(name.into()));
        dns.set(Time::ZERO, &"shop.default.svc.cluster.local".into(), alias("web.default.svc.cluster.local"));
        dns.set(Time::ZERO, &"bank.default.svc.cluster.local".into(), alias("bank.example.org"));
        dns.set(Time::ZERO, &"loop.default.svc.cluster.local".into(), alias("loop.default.svc.cluster.local"));
        let mut ask = |host: &str| dns.resolve(&candidates(host, "default"), Time::ZERO);
        assert_eq!(ask("shop"), Ok(service(1)));
        assert_eq!(ask("bank"), Err(Cause::LeftCluster));
        assert_eq!(ask("loop"), Err(Cause::NoSuchHost));
    }

    #[test]
    fn short_names_are_searched_in_the_namespace_first() {
        let names = candidates("web", "shop");
        assert_eq!(&*names[0], "web.shop.svc.cluster.local");
        assert_eq!(&*names[3], "web");
        assert_eq!(candidates("web.shop.svc.cluster.local.", "default").len(), 1);
    }
}
