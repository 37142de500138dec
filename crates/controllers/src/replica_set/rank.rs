//! Which pods go first when there are too many.
//!
//! This is the plain definition: compare two pods, sort them all. The store keeps an index that
//! answers the same question without sorting, and is tested against this.
//!
//! Follows `ActivePodsWithRanks` in `pkg/controller/controller_utils.go`, with two differences. The
//! logarithm of an age is taken in integers; upstream's floating one rounds up within some
//! nanoseconds below a power of two. And where the rules contradict each other in a circle (equal
//! ready times fall through to restarts, unequal ones in one bucket end at the uid), upstream's
//! order is whatever its sort makes of it; ours is the order of a merge sort.

use core::cmp::Ordering;
use std::collections::BTreeMap;
use wavetank_engine::Time;
use wavetank_model::{Phase, PodFacts};

/// A pod and how many pods of the same owner are on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankedPod {
    /// The pod.
    pub pod: PodFacts,
    /// Number of related active pods on its node, itself included if it is one.
    pub crowding: u32,
}

/// Compares two active pods: the lesser one is deleted first, equal ones in any order.
#[must_use]
pub fn deletion_order(a: &RankedPod, b: &RankedPod, now: Time) -> Ordering {
    let by_state = a
        .pod
        .node
        .is_some()
        .cmp(&b.pod.node.is_some())
        .then_with(|| phase_ordinal(a.pod.phase).cmp(&phase_ordinal(b.pod.phase)))
        .then_with(|| a.pod.ready.cmp(&b.pod.ready))
        .then_with(|| a.pod.deletion_cost.cmp(&b.pod.deletion_cost))
        .then_with(|| b.crowding.cmp(&a.crowding));
    if by_state != Ordering::Equal {
        return by_state;
    }
    if a.pod.ready && b.pod.ready && a.pod.ready_since != b.pod.ready_since {
        return by_age(a.pod.ready_since, b.pod.ready_since, now).then_with(|| a.pod.uid.cmp(&b.pod.uid));
    }
    let by_restarts =
        b.pod.restarts.cmp(&a.pod.restarts).then_with(|| b.pod.sidecar_restarts.cmp(&a.pod.sidecar_restarts));
    if by_restarts != Ordering::Equal {
        return by_restarts;
    }
    if a.pod.created != b.pod.created {
        return by_age(a.pod.created, b.pod.created, now).then_with(|| a.pod.uid.cmp(&b.pod.uid));
    }
    Ordering::Equal
}

fn phase_ordinal(phase: Phase) -> u8 {
    match phase {
        Phase::Pending => 0,
        Phase::Unknown => 1,
        Phase::Running | Phase::Succeeded | Phase::Failed => 2,
    }
}

/// The younger goes first, one without a time before all; ages with the same logarithm are equal.
fn by_age(a: Option<Time>, b: Option<Time>, now: Time) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => age_bucket(a, now).cmp(&age_bucket(b, now)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The whole binary logarithm of an age in nanoseconds; absent, and least, if it is not over zero.
#[must_use]
pub fn age_bucket(since: Time, now: Time) -> Option<u32> {
    u64::try_from(now.nanos_since(since)).ok()?.checked_ilog2()
}

/// How many of these pods are on each node.
#[must_use]
pub fn crowding(related: impl IntoIterator<Item = Option<u32>>) -> BTreeMap<Option<u32>, u32> {
    let mut nodes = BTreeMap::new();
    for node in related {
        *nodes.entry(node).or_insert(0) += 1;
    }
    nodes
}

/// Sorts by [`deletion_order`]; stable, and sound where the order has circles.
#[must_use]
pub fn sorted(pods: &[RankedPod], now: Time) -> Vec<RankedPod> {
    let (left, right) = match pods {
        [] | [_] => return pods.to_vec(),
        _ => pods.split_at(pods.len() / 2),
    };
    let (left, right) = (sorted(left, now), sorted(right, now));
    let mut merged = Vec::with_capacity(pods.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if deletion_order(b, a, now) == Ordering::Less { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavetank_model::{PodKey, Uid};

    fn pod(uid: u64) -> RankedPod {
        let pod = PodFacts {
            key: PodKey::default(),
            uid: Uid(uid),
            node: Some(1),
            phase: Phase::Running,
            terminating: false,
            ready: true,
            ready_since: Some(Time::from_seconds(100)),
            deletion_cost: 0,
            restarts: 0,
            sidecar_restarts: 0,
            created: Some(Time::from_seconds(90)),
            fully_labeled: true,
        };
        RankedPod { pod, crowding: 1 }
    }

    fn first(a: RankedPod, b: RankedPod) -> u64 {
        sorted(&[a, b], Time::from_seconds(1_000))[0].pod.uid.0
    }

    #[test]
    fn an_unassigned_pod_goes_before_an_unready_one() {
        let mut unassigned = pod(1);
        unassigned.pod.node = None;
        let mut unready = pod(2);
        unready.pod.ready = false;
        assert_eq!(first(unready, unassigned), 1);
    }

    #[test]
    fn a_lower_deletion_cost_goes_before_a_more_crowded_node() {
        let mut cheap = pod(1);
        cheap.pod.deletion_cost = -1;
        let mut crowded = pod(2);
        crowded.crowding = 9;
        assert_eq!(first(crowded, cheap), 1);
        cheap.pod.deletion_cost = 0;
        assert_eq!(first(crowded, cheap), 2);
    }

    #[test]
    fn different_ready_times_in_one_bucket_end_at_the_uid_before_restarts_are_looked_at() {
        let mut restarted = pod(2);
        restarted.pod.restarts = 5;
        restarted.pod.ready_since = Some(Time::from_seconds(101));
        assert_eq!(first(restarted, pod(1)), 1);
        restarted.pod.ready_since = pod(1).pod.ready_since;
        assert_eq!(first(pod(1), restarted), 2);
    }

    #[test]
    fn the_younger_bucket_goes_first() {
        let mut young = pod(2);
        young.pod.ready_since = Some(Time::from_seconds(990));
        assert_eq!(first(pod(1), young), 2);
    }

    #[test]
    fn an_age_of_zero_or_less_is_the_youngest_bucket() {
        let now = Time::from_seconds(5);
        assert_eq!(age_bucket(now, now), None);
        assert_eq!(age_bucket(Time::from_seconds(6), now), None);
        assert_eq!(age_bucket(Time::from_nanos(now.as_nanos() - 1), now), Some(0));
    }
}
