//! What one proxy, or one Ingress, knows of a Service: the set of some time ago.

use crate::pool::Pool;
use crate::{Balancing, Cause, Node, Zone};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wavetank_engine::{Stream, Time};
use wavetank_model::{EndpointConditions, TrafficPolicy, Uid};

/// An endpoint of a Service as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointState {
    /// Its conditions.
    pub conditions: EndpointConditions,
    /// The node that its pod is on.
    pub node: Node,
    /// Its weight, for weighted balancing; 1 is the usual one.
    pub weight: u32,
    /// The node whose clients it is meant for (`hints.forNodes`).
    pub for_node: Option<Node>,
    /// The zone whose clients it is meant for (`hints.forZones`).
    pub for_zone: Option<Zone>,
}

impl EndpointState {
    /// An endpoint of weight 1 for everybody.
    #[must_use]
    pub const fn new(conditions: EndpointConditions, node: Node) -> Self {
        Self { conditions, node, weight: 1, for_node: None, for_zone: None }
    }
}

/// Ready endpoints that are meant for some clients.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hinted {
    /// Those that are meant for the clients of this proxy.
    mine: Pool,
    /// Ready endpoints with a hint.
    hinted: BTreeSet<Uid>,
}

impl Hinted {
    fn learn(
        &mut self,
        pod: Uid,
        is_hinted: bool,
        mine: Option<EndpointState>,
        balancing: Balancing,
        connections: u64,
    ) {
        if is_hinted {
            self.hinted.insert(pod);
        } else if !self.hinted.is_empty() {
            self.hinted.remove(&pod);
        }
        match mine {
            Some(state) => self.mine.insert(pod, balancing, state.weight, connections),
            None => self.mine.remove(pod),
        }
    }

    /// Whether the hints are followed: every ready endpoint has one, and some are meant for this place.
    fn is_followed(&self, ready: usize) -> bool {
        self.hinted.len() == ready && !self.mine.is_empty()
    }
}

/// Whom a policy sends to at present: when that changes, the part of every pod does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// Those that are ready.
    #[default]
    Ready,
    /// Those that leave, because none is ready.
    Leaving,
    /// Those that are meant for the node.
    SameNode,
    /// Those that are meant for the zone.
    SameZone,
}

/// What a view picks by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) policy: TrafficPolicy,
    /// For how long a client stays with its pod.
    pub(crate) affinity: Option<Duration>,
    pub(crate) client: u32,
    /// Pods that this request was sent to before.
    pub(crate) tried: &'a [Uid],
    pub(crate) now: Time,
}

/// The endpoints of one Service as known in one place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) node: Option<Node>,
    pub(crate) zone: Option<Zone>,
    pub(crate) balancing: Balancing,
    /// Whether terminating pods that still serve are used when none is ready, as kube-proxy does.
    pub(crate) falls_back: bool,
    /// Changes on their way.
    pending: VecDeque<(Time, Uid, Option<EndpointState>)>,
    pub(crate) ready: Pool,
    pub(crate) leaving: Pool,
    ready_here: Pool,
    leaving_here: Pool,
    for_node: Hinted,
    for_zone: Hinted,
    affinity: BTreeMap<u32, (Uid, Time)>,
    connections: BTreeMap<Uid, u64>,
    known: BTreeMap<Uid, EndpointState>,
}

impl View {
    /// A view from a node and its zone that knows of nothing yet.
    pub(crate) fn new(node: Option<Node>, zone: Option<Zone>, balancing: Balancing, falls_back: bool) -> Self {
        Self { node, zone, balancing, falls_back, ..Self::default() }
    }

    /// The node is in another zone from now on: who is meant for it has to be found out anew.
    pub(crate) fn move_to(&mut self, zone: Option<Zone>) {
        self.zone = zone;
        for (pod, state) in self.known.clone() {
            self.learn(pod, Some(state));
        }
    }

    /// A change sets out that would arrive at `due`; it never overtakes an earlier one. Answers when it
    /// arrives.
    pub(crate) fn send(&mut self, due: Time, pod: Uid, state: Option<EndpointState>) -> Time {
        let due = self.pending.back().map_or(due, |(last, ..)| due.max(*last));
        self.pending.push_back((due, pod, state));
        due
    }

    /// What was held back arrives at `due`; answers whether there is such.
    pub(crate) fn reconnect(&mut self, due: Time) -> bool {
        let held = self.pending.iter_mut().filter(|(at, ..)| *at == Time::MAX);
        held.map(|(at, ..)| *at = due).count() > 0
    }

    /// Takes in all that has arrived by now; answers whom it was about.
    pub(crate) fn catch_up(&mut self, now: Time) -> Vec<Uid> {
        let mut changed = Vec::new();
        while self.pending.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, pod, state)) = self.pending.pop_front() else { break };
            self.learn(pod, state);
            changed.push(pod);
        }
        changed
    }

    pub(crate) fn learn(&mut self, pod: Uid, state: Option<EndpointState>) {
        match state {
            Some(state) => drop(self.known.insert(pod, state)),
            None => drop(self.known.remove(&pod)),
        }
        let ready = state.filter(|state| state.conditions.ready);
        let leaving = state.filter(|state| {
            let EndpointConditions { ready, serving, terminating } = state.conditions;
            !ready && serving && terminating
        });
        let here = |state: &EndpointState| self.node == Some(state.node);
        let (ready_here, leaving_here) = (ready.filter(here), leaving.filter(here));
        let connections = self.connections.get(&pod).copied().unwrap_or(0);
        for (pool, state) in [
            (&mut self.ready, ready),
            (&mut self.leaving, leaving),
            (&mut self.ready_here, ready_here),
            (&mut self.leaving_here, leaving_here),
        ] {
            match state {
                Some(state) => pool.insert(pod, self.balancing, state.weight, connections),
                None => pool.remove(pod),
            }
        }
        let (for_node, for_zone) = (ready.and_then(|state| state.for_node), ready.and_then(|state| state.for_zone));
        let mine = ready.filter(|_| self.node.is_some() && for_node == self.node);
        self.for_node.learn(pod, for_node.is_some(), mine, self.balancing, connections);
        let mine = ready.filter(|_| self.zone.is_some() && for_zone == self.zone);
        self.for_zone.learn(pod, for_zone.is_some(), mine, self.balancing, connections);
    }

    /// The pools that a policy allows, the better one first.
    fn pools(&mut self, policy: TrafficPolicy) -> (&mut Pool, &mut Pool) {
        let ready = self.ready.members().len();
        match policy {
            // Source: `pkg/proxy/topology.go`, `topologyModeFromHints`: the same node, else the same zone, else
            // everybody. A proxy that knows no ready endpoint has no hints to follow.
            TrafficPolicy::Cluster if self.for_node.is_followed(ready) => (&mut self.for_node.mine, &mut self.leaving),
            TrafficPolicy::Cluster if self.for_zone.is_followed(ready) => (&mut self.for_zone.mine, &mut self.leaving),
            TrafficPolicy::Cluster => (&mut self.ready, &mut self.leaving),
            TrafficPolicy::Local => (&mut self.ready_here, &mut self.leaving_here),
        }
    }

    /// Picks a pod for a new connection.
    pub(crate) fn pick(&mut self, choice: &Choice<'_>, stream: &mut Stream) -> Result<Uid, Cause> {
        self.catch_up(choice.now);
        let (balancing, falls_back) = (self.balancing, self.falls_back);
        if let Some(span) = choice.affinity
            && let Some((pod, last)) = self.affinity.get(&choice.client).copied()
            && choice.now.since(last) < span
            && !choice.tried.contains(&pod)
        {
            let (ready, leaving) = self.pools(choice.policy);
            if ready.contains(pod) || (ready.is_empty() && falls_back && leaving.contains(pod)) {
                self.affinity.insert(choice.client, (pod, choice.now));
                return Ok(pod);
            }
        }
        let (ready, leaving) = self.pools(choice.policy);
        let pool = if ready.is_empty() && falls_back { leaving } else { ready };
        let Some(pod) = pool.pick(balancing, stream, choice.tried) else {
            let elsewhere = !self.ready.is_empty() || !self.leaving.is_empty();
            return Err(if elsewhere && choice.policy == TrafficPolicy::Local {
                Cause::RefusedByPolicy
            } else {
                Cause::NoEndpoint
            });
        };
        if choice.affinity.is_some() {
            self.affinity.insert(choice.client, (pod, choice.now));
        }
        Ok(pod)
    }

    /// Whom a policy sends to at present; and whether other policies would find anybody.
    pub(crate) fn standing(&mut self, policy: TrafficPolicy) -> (Standing, bool) {
        let (falls_back, count) = (self.falls_back, self.ready.members().len());
        let (ready, leaving) = self.pools(policy);
        let standing = if falls_back && ready.is_empty() && !leaving.is_empty() {
            Standing::Leaving
        } else if policy == TrafficPolicy::Local {
            Standing::Ready
        } else if self.for_node.is_followed(count) {
            Standing::SameNode
        } else if self.for_zone.is_followed(count) {
            Standing::SameZone
        } else {
            Standing::Ready
        };
        (standing, !self.ready.is_empty() || !self.leaving.is_empty())
    }

    /// The weight with which a policy sends to a pod.
    pub(crate) fn weight(&mut self, policy: TrafficPolicy, pod: Uid) -> Option<u32> {
        let fallen_back = self.standing(policy).0 == Standing::Leaving;
        let weight = self.known.get(&pod).filter(|_| self.balancing == Balancing::Weighted).map_or(1, |own| own.weight);
        let (ready, leaving) = self.pools(policy);
        (if fallen_back { leaving } else { ready }).contains(pod).then_some(weight)
    }

    /// Where some pods stand among those that a policy sends to, and how many those are.
    pub(crate) fn places(&mut self, policy: TrafficPolicy, pods: &[Uid]) -> (Vec<usize>, usize) {
        let fallen_back = self.standing(policy).0 == Standing::Leaving;
        let (ready, leaving) = self.pools(policy);
        let pool = if fallen_back { leaving } else { ready };
        (pods.iter().filter_map(|pod| pool.place(*pod)).collect(), pool.members().len())
    }

    /// All pods that a policy may send to, now or when it falls back.
    pub(crate) fn all_pods(&mut self, policy: TrafficPolicy) -> Vec<Uid> {
        let (ready, leaving) = self.pools(policy);
        ready.members().iter().chain(leaving.members()).copied().collect()
    }

    /// A connection by this view was opened or closed.
    pub(crate) fn count(&mut self, pod: Uid, opened: bool) {
        let balancing = self.balancing;
        if balancing != Balancing::LeastConnections {
            return;
        }
        let connections = self.connections.entry(pod).or_insert(0);
        *connections = if opened { *connections + 1 } else { connections.saturating_sub(1) };
        if *connections == 0 {
            self.connections.remove(&pod);
        }
        let hinted = [&mut self.for_node.mine, &mut self.for_zone.mine];
        let pools = [&mut self.ready, &mut self.leaving, &mut self.ready_here, &mut self.leaving_here];
        for pool in pools.into_iter().chain(hinted) {
            pool.count(pod, balancing, opened);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavetank_engine::{Seed, Streams};

    fn choice(now: Time, policy: TrafficPolicy) -> Choice<'static> {
        Choice { policy, affinity: None, client: 0, tried: &[], now }
    }

    fn ready(node: u32) -> Option<EndpointState> {
        let conditions = EndpointConditions::of(true, false, false);
        Some(EndpointState::new(conditions, Node(node)))
    }

    fn leaving(node: u32) -> Option<EndpointState> {
        let conditions = EndpointConditions::of(true, true, false);
        Some(EndpointState::new(conditions, Node(node)))
    }

    #[test]
    fn a_change_is_known_after_its_delay_and_changes_keep_their_order() {
        let mut view = View::new(Some(Node(0)), None, Balancing::Random, true);
        let mut stream = Streams::new(Seed(1)).stream("view");
        assert_eq!(view.send(Time::from_seconds(2), Uid(1), ready(0)), Time::from_seconds(2));
        assert_eq!(view.send(Time::from_seconds(1), Uid(1), None), Time::from_seconds(2));
        view.send(Time::from_seconds(5), Uid(2), ready(0));
        let mut pick = |second| view.pick(&choice(Time::from_seconds(second), TrafficPolicy::Cluster), &mut stream);
        assert_eq!(pick(4), Err(Cause::NoEndpoint));
        assert_eq!(pick(5), Ok(Uid(2)));
    }

    #[test]
    fn a_local_policy_drops_what_only_other_nodes_could_serve() {
        let mut view = View::new(Some(Node(1)), None, Balancing::RoundRobin, true);
        let mut stream = Streams::new(Seed(1)).stream("view");
        let local = choice(Time::ZERO, TrafficPolicy::Local);
        assert_eq!(view.pick(&local, &mut stream), Err(Cause::NoEndpoint));
        view.learn(Uid(1), ready(0));
        assert_eq!(view.pick(&local, &mut stream), Err(Cause::RefusedByPolicy));
        view.learn(Uid(2), ready(1));
        assert_eq!(view.pick(&local, &mut stream), Ok(Uid(2)));
    }

    #[test]
    fn a_terminating_pod_is_used_only_while_none_is_ready() {
        let mut view = View::new(Some(Node(0)), None, Balancing::RoundRobin, true);
        let mut stream = Streams::new(Seed(1)).stream("view");
        view.learn(Uid(1), leaving(0));
        let any = choice(Time::ZERO, TrafficPolicy::Cluster);
        assert_eq!(view.pick(&any, &mut stream), Ok(Uid(1)));
        view.learn(Uid(2), ready(0));
        assert!((0..5).all(|_| view.pick(&any, &mut stream) == Ok(Uid(2))));
    }

    #[test]
    fn hints_are_followed_only_if_every_ready_endpoint_has_one_and_somebody_is_meant() {
        let mut view = View::new(Some(Node(0)), Some(Zone(1)), Balancing::RoundRobin, true);
        let mut stream = Streams::new(Seed(1)).stream("view");
        let any = choice(Time::ZERO, TrafficPolicy::Cluster);
        let hinted = |node, zone: u32| ready(node).map(|state| EndpointState { for_zone: Some(Zone(zone)), ..state });
        view.learn(Uid(1), hinted(1, 1));
        view.learn(Uid(2), hinted(2, 2));
        assert!((0..6).all(|_| view.pick(&any, &mut stream) == Ok(Uid(1))), "the same zone");
        view.learn(Uid(3), ready(3));
        let mut picked: Vec<_> = (0..3).filter_map(|_| view.pick(&any, &mut stream).ok()).collect();
        picked.sort_unstable();
        assert_eq!(picked, [Uid(1), Uid(2), Uid(3)], "one without a hint");
        view.learn(Uid(3), None);
        view.learn(Uid(1), None);
        assert_eq!(view.pick(&any, &mut stream), Ok(Uid(2)), "nobody in the zone");
        let here = hinted(0, 1).map(|state| EndpointState { for_node: Some(Node(0)), ..state });
        view.learn(Uid(4), here);
        view.learn(Uid(2), hinted(2, 1).map(|state| EndpointState { for_node: Some(Node(2)), ..state }));
        assert!((0..6).all(|_| view.pick(&any, &mut stream) == Ok(Uid(4))), "the same node goes first");
    }

    #[test]
    fn a_client_stays_with_its_pod_until_it_has_been_away_for_too_long() {
        let mut view = View::new(Some(Node(0)), None, Balancing::RoundRobin, true);
        let mut stream = Streams::new(Seed(1)).stream("view");
        (1..4).for_each(|pod| view.learn(Uid(pod), ready(0)));
        let at = |second| Choice {
            affinity: Some(Duration::from_secs(10)),
            client: 7,
            ..choice(Time::from_seconds(second), TrafficPolicy::Cluster)
        };
        let first = view.pick(&at(0), &mut stream);
        assert_eq!(view.pick(&at(9), &mut stream), first);
        assert_eq!(view.pick(&at(18), &mut stream), first);
        assert_ne!(view.pick(&at(28), &mut stream), first);
    }
}
