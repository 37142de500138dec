use super::*;
use proptest::prelude::*;
use slotmap::SlotMap;

const NOW: i64 = 1_000;

fn age(since: Time, now: Time) -> Option<u32> {
    u64::try_from(now.nanos_since(since)).ok()?.checked_ilog2()
}

/// The plain comparison of ready pods on equally crowded nodes, without restarts.
fn compare(one: &PodFacts, other: &PodFacts, now: Time) -> Ordering {
    let by_age = |a: Option<Time>, b: Option<Time>| a.map(|at| age(at, now)).cmp(&b.map(|at| age(at, now)));
    if one.ready_since == other.ready_since {
        Ordering::Equal
    } else {
        by_age(one.ready_since, other.ready_since).then_with(|| one.uid.cmp(&other.uid))
    }
}

#[derive(Clone, Debug)]
struct Drawn {
    uid: u64,
    node: u32,
    ready_since: Option<i64>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..500_u64, 0..3_u32, prop::option::weighted(0.95, 0..NOW)).prop_map(|(uid, node, ready_since)| Drawn {
        uid,
        node,
        ready_since,
    })
}

fn facts(drawn: &Drawn, key: PodKey) -> PodFacts {
    PodFacts {
        key,
        uid: Uid(drawn.uid),
        node: Some(drawn.node),
        phase: Phase::Running,
        terminating: false,
        ready: true,
        ready_since: drawn.ready_since.map(Time::from_seconds),
        deletion_cost: 0,
        restarts: 0,
        sidecar_restarts: 0,
        created: Some(Time::ZERO),
        fully_labeled: false,
    }
}

proptest! {
    /// Pods come and go between the questions, and time passes.
    #[test]
    fn the_first_victims_are_those_that_a_sort_of_all_pods_puts_first(
        rounds in prop::collection::vec((prop::collection::vec(drawn(), 0..30), 0..40_usize, 0..900_i64), 1..8),
        crowding in prop::array::uniform3(0..2_u32), nodes in 1..4_u32,
    ) {
        let mut keys = SlotMap::<PodKey, ()>::with_key();
        let mut order = [VictimOrder::default()];
        let mut plain: BTreeMap<Uid, (PodFacts, u32)> = BTreeMap::new();
        let mut now = Time::from_seconds(NOW);
        for (pods, count, wait) in rounds {
            for each in &pods {
                if let Some((_, place)) = plain.remove(&Uid(each.uid)) {
                    order[0].remove(Uid(each.uid), place);
                }
                let pod = facts(&Drawn { node: each.node % nodes, ..each.clone() }, keys.insert(()));
                plain.insert(pod.uid, (pod, order[0].insert(&pod)));
            }
            now = now.offset(wait * 1_000_000_000);
            let on = |node: Option<u32>| crowding[index(node.unwrap_or(0))];
            let mut sorted: Vec<PodFacts> = plain.values().map(|(pod, _)| *pod).collect();
            sorted.sort_by(|one, other| {
                let crowded = on(other.node).cmp(&on(one.node));
                crowded.then_with(|| compare(one, other, now)).then_with(|| one.uid.cmp(&other.uid))
            });
            let expected: Vec<PodKey> = sorted.iter().take(count).map(|pod| pod.key).collect();
            let ranking = Ranking { now, compare: &|a, b| compare(a, b, now), age: &|since| age(since, now) };
            prop_assert_eq!(&first_victims(&mut order, count, on, ranking), &expected);
            if let Some(first) = order[0].first_in_turn(ranking) {
                prop_assert_eq!(Some(first), sorted.first().map(|pod| pod.key));
            }
            // Some of those found go, as victims do.
            for pod in sorted.iter().take(count / 2) {
                if let Some((_, place)) = plain.remove(&pod.uid) {
                    order[0].remove(pod.uid, place);
                }
            }
            prop_assert_eq!(order[0].iter().count(), plain.len());
        }
    }
}
