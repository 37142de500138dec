//! How a Service balances, and how long its changes take to reach the proxies.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wavetank_engine::chance::below;
use wavetank_engine::{Purpose, Seed, keyed};
use wavetank_model::TrafficPolicy;

/// A node, by any numbering that tells nodes apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Node(pub u32);

/// A zone of nodes, by any numbering that tells zones apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zone(pub u32);

/// A port of a Service, as its network numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub u32);

/// An Ingress, as its network numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IngressId(pub u32);

/// A source, as its network numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u32);

/// How a pod is picked for a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Balancing {
    /// Any, all being equally likely: kube-proxy by iptables or nftables.
    #[default]
    Random,
    /// One after the other: IPVS `rr`.
    RoundRobin,
    /// One after the other, by weight: IPVS `wrr`.
    Weighted,
    /// The one with the fewest connections through this proxy: IPVS `lc`. Of several the one that was
    /// picked longest ago.
    LeastConnections,
}

impl Balancing {
    pub(crate) const fn is_ranked(self) -> bool {
        match self {
            Self::Random | Self::RoundRobin => false,
            Self::Weighted | Self::LeastConnections => true,
        }
    }
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConfig {
    /// How pods are picked.
    pub balancing: Balancing,
    /// For how long a client stays with its pod, if it does.
    pub affinity: Option<Duration>,
    /// Which endpoints clients inside of the cluster are sent to.
    pub internal_policy: TrafficPolicy,
    /// Which endpoints clients outside of the cluster are sent to.
    pub external_policy: TrafficPolicy,
}

/// How long it takes from the publication of a change until a node's proxy sends by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyDelay {
    /// At least so long.
    pub base: Duration,
    /// And up to so much longer, drawn once for each node.
    pub spread: Duration,
    /// Nodes with a delay of their own.
    pub of_node: BTreeMap<Node, Duration>,
}

const PROXY: Purpose = Purpose::new("proxy delay");

impl ProxyDelay {
    /// The same for all nodes.
    #[must_use]
    pub const fn fixed(delay: Duration) -> Self {
        Self { base: delay, spread: Duration::ZERO, of_node: BTreeMap::new() }
    }

    /// The delay of a node.
    #[must_use]
    pub fn of(&self, seed: Seed, node: Node) -> Duration {
        self.of_node.get(&node).copied().unwrap_or_else(|| {
            let spread = u64::try_from(self.spread.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
            self.base + Duration::from_nanos(below(keyed(seed, node.0.into(), PROXY), spread))
        })
    }

    /// The longest delay that a node can have.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.of_node.values().copied().fold(self.base + self.spread, Duration::max)
    }
}

impl Default for ProxyDelay {
    /// 200 ms to 1.2 s: kube-proxy gathers changes for up to a second (`minSyncPeriod`), and writing its
    /// rules takes some tenths of one on a node of moderate size.
    fn default() -> Self {
        Self { base: Duration::from_millis(200), spread: Duration::from_secs(1), of_node: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_its_own_delay_within_the_bounds() {
        let propagation = ProxyDelay::default();
        let delays: Vec<_> = (0..50).map(|node| propagation.of(Seed(1), Node(node))).collect();
        assert!(delays.iter().all(|delay| *delay >= propagation.base && *delay <= propagation.longest()));
        assert!(delays.iter().max() > delays.iter().min());
        let slow = ProxyDelay { of_node: [(Node(3), Duration::from_secs(9))].into(), ..propagation };
        assert_eq!((slow.of(Seed(1), Node(3)), slow.longest()), (Duration::from_secs(9), Duration::from_secs(9)));
    }
}
