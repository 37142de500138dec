//! Pods of a cohort in the order in which a scale-down takes them.
//!
//! Upstream's order is: unassigned, phase, readiness, deletion cost, crowding on the node, time ready
//! (by power of two of its age, then uid), restarts, age (likewise). Pods for which all of that but the
//! uid is alike form a *class*, and in a class the oldest goes first, so that a class is a `Roll`.
//! Classes lie in the order of what is compared before crowding, then by node, because crowding belongs
//! to the node, then by what is compared after it. A power of two of an age is a contiguous range of
//! times, so nothing is re-keyed because time passed.
//!
//! A cohort whose pods turned ready one after the other has a class for every second. Where a node has
//! many, a *queue* of them spares a look at each: it orders classes by the range of ages in which they
//! were last seen and their oldest pod. Both can only move a class back as time passes and pods go, so
//! an entry that is out of date is noticed when its turn comes.
//!
//! Source: `pkg/controller/controller_utils.go`, `ActivePodsWithRanks.Less`.

use crate::roll::{Pods, Roll};
use core::cmp::{Ordering, Reverse};
use core::ops::{Bound, Range};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use wavetank_engine::Time;
use wavetank_model::{Phase, PodFacts, PodKey, Uid};

/// With more classes than this on one node, they queue up. Tests take few.
const MANY: usize = if cfg!(test) { 2 } else { 12 };

/// What is compared before crowding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Group {
    bound: bool,
    phase: Phase,
    ready: bool,
    deletion_cost: i32,
}

/// Group and node: what crowding decides between.
type Crowd = (Group, Option<u32>);

/// All that is compared but the uid; after the crowd youngest readiness first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Class {
    crowd: Crowd,
    ready_since: Reverse<Option<Time>>,
    restarts: Reverse<u32>,
    sidecar_restarts: Reverse<u32>,
    created: Reverse<Option<Time>>,
}

impl Class {
    const fn of(pod: &PodFacts) -> Self {
        let group =
            Group { bound: pod.node.is_some(), phase: pod.phase, ready: pod.ready, deletion_cost: pod.deletion_cost };
        Self {
            crowd: (group, pod.node),
            ready_since: Reverse(pod.ready_since),
            restarts: Reverse(pod.restarts),
            sidecar_restarts: Reverse(pod.sidecar_restarts),
            created: Reverse(pod.created),
        }
    }

    /// The facts of a pod of this class.
    const fn facts(&self, uid: Uid, key: PodKey) -> PodFacts {
        let (group, node) = self.crowd;
        PodFacts {
            key,
            uid,
            node,
            phase: group.phase,
            terminating: false,
            ready: group.ready,
            ready_since: self.ready_since.0,
            deletion_cost: group.deletion_cost,
            restarts: self.restarts.0,
            sidecar_restarts: self.sidecar_restarts.0,
            created: self.created.0,
            fully_labeled: false,
        }
    }

    /// The first class that a crowd could have; classes of an equal readiness time stand together.
    const fn first_of(crowd: Crowd, ready_since: Reverse<Option<Time>>) -> Self {
        Self {
            crowd,
            ready_since,
            restarts: Reverse(u32::MAX),
            sidecar_restarts: Reverse(u32::MAX),
            created: Reverse(Some(Time::MAX)),
        }
    }

    /// The last class that a crowd could have.
    const fn last_of(crowd: Crowd) -> Self {
        Self {
            crowd,
            ready_since: Reverse(None),
            restarts: Reverse(0),
            sidecar_restarts: Reverse(0),
            created: Reverse(None),
        }
    }
}

/// Range of ages, oldest pod and bucket of a class.
type Turn = (Option<Option<u32>>, Uid, u32);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bucket {
    class: Class,
    pods: Roll,
}

/// Active pods of one cohort, in victim order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VictimOrder {
    buckets: Vec<Bucket>,
    /// Buckets without pods, to be filled again.
    free: Vec<u32>,
    classes: BTreeMap<Class, u32>,
    /// The bucket that got the last pod; the next one often belongs there, too.
    #[serde(skip)]
    latest: u32,
    /// Ready classes of crowded nodes; made when victims are asked for.
    #[serde(skip)]
    queues: BTreeMap<Crowd, BTreeSet<Turn>>,
    /// When victims were asked for last.
    #[serde(skip)]
    asked: Time,
}

/// How two pods of one group on equally crowded nodes compare, at one time.
#[derive(Clone, Copy)]
pub struct Ranking<'a> {
    /// The time.
    pub now: Time,
    /// The plain comparison: the lesser goes first.
    pub compare: &'a dyn Fn(&PodFacts, &PodFacts) -> Ordering,
    /// The power of two of an age; the lesser goes first, pods without a time before all.
    pub age: &'a dyn Fn(Time) -> Option<u32>,
}

impl core::fmt::Debug for Ranking<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Ranking")
    }
}

/// Whether most of a queue is out of date.
fn is_bloated(queue: &BTreeSet<Turn>, classes: &BTreeMap<Class, u32>) -> bool {
    queue.len() > 4 * classes.len()
}

fn index(bucket: u32) -> usize {
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

impl VictimOrder {
    /// Adds an active pod; answers its place, which [`Self::remove`] wants back.
    pub fn insert(&mut self, pod: &PodFacts) -> u32 {
        let class = Class::of(pod);
        let latest = self.buckets.get(index(self.latest));
        let bucket = match latest.filter(|bucket| bucket.class == class && !bucket.pods.is_empty()) {
            Some(_) => self.latest,
            None => self.bucket_of(class),
        };
        self.latest = bucket;
        let pods = &mut self.buckets[index(bucket)].pods;
        if self.queues.is_empty() {
            pods.insert(pod.uid, pod.key);
            return bucket;
        }
        let first = pods.oldest().is_none_or(|oldest| pod.uid < oldest);
        pods.insert(pod.uid, pod.key);
        if first && let Some(queue) = self.queues.get_mut(&class.crowd) {
            // The age range is the least there is; the true one is looked up when its turn comes.
            queue.insert((None, pod.uid, bucket));
        }
        bucket
    }

    fn bucket_of(&mut self, class: Class) -> u32 {
        if let Some(bucket) = self.classes.get(&class) {
            return *bucket;
        }
        let bucket = if let Some(bucket) = self.free.pop() {
            self.buckets[index(bucket)].class = class;
            bucket
        } else {
            self.buckets.push(Bucket { class, pods: Roll::default() });
            u32::try_from(self.buckets.len() - 1).unwrap_or(u32::MAX)
        };
        self.classes.insert(class, bucket);
        bucket
    }

    /// Takes a pod out of the place where it was put.
    pub fn remove(&mut self, uid: Uid, place: u32) {
        let Some(bucket) = self.buckets.get_mut(index(place)) else { return };
        bucket.pods.remove(uid);
        if bucket.pods.is_empty() && self.classes.remove(&bucket.class).is_some() {
            self.free.push(place);
        }
    }

    /// All pods, in no particular but a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = PodFacts> {
        self.classes.values().map(|bucket| &self.buckets[index(*bucket)]).flat_map(|bucket| {
            let class = bucket.class;
            bucket.pods.iter().map(move |(uid, key)| class.facts(uid, key))
        })
    }

    /// Whether there is no pod.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The first victim, where that is seen at once: the first group is on one node, whose classes queue
    /// up, and none has the readiness time of the one whose turn it is. A rollout of pods that turn ready
    /// one after the other asks for one victim at a time.
    pub(crate) fn first_in_turn(&mut self, ranking: Ranking<'_>) -> Option<PodKey> {
        let (first, _) = self.classes.first_key_value()?;
        let crowd = first.crowd;
        let queue = self.queues.get(&crowd)?;
        let last_of_group = || {
            let whole_group = ..=Class::last_of((crowd.0, Some(u32::MAX)));
            self.classes.range(whole_group).next_back()
        };
        let is_alone = |(last, _): (&Class, &u32)| last.crowd == crowd;
        let on_one_node = self.classes.last_key_value().is_some_and(is_alone) || last_of_group().is_some_and(is_alone);
        if !on_one_node || is_bloated(queue, &self.classes) {
            return None;
        }
        let mut parts = Parts::of(self, ranking.now);
        let (_, _, bucket) = parts.turn_after(crowd, None, ranking.age)?;
        let Bucket { class, pods } = parts.bucket(bucket);
        if parts.siblings(class).nth(1).is_some() {
            return None;
        }
        pods.iter().next().map(|(_, key)| key)
    }

    /// The first group after another one, or of all.
    fn group_after(&self, group: Option<Group>) -> Option<Group> {
        let start = group.map_or(Bound::Unbounded, |group| Bound::Excluded(Class::last_of((group, Some(u32::MAX)))));
        self.classes.range((start, Bound::Unbounded)).next().map(|(class, _)| class.crowd.0)
    }

    /// Adds the crowds of a group, by node. Their buckets go to `buckets`, if they are few.
    fn crowds(&self, group: Group, number: usize, crowds: &mut Vec<Crowded>, buckets: &mut Vec<u32>) {
        let mut classes = self.classes.range(Class::first_of((group, None), Reverse(Some(Time::MAX)))..);
        while let Some((class, bucket)) = classes.next()
            && class.crowd.0 == group
        {
            let known = crowds.last_mut().filter(|known| known.order == number && known.crowd == class.crowd);
            match known {
                None => {
                    let start = buckets.len();
                    crowds.push(Crowded {
                        crowding: Reverse(0),
                        order: number,
                        crowd: class.crowd,
                        buckets: start..start + 1,
                        is_long: false,
                    });
                    buckets.push(*bucket);
                }
                Some(known) if known.buckets.len() < MANY => {
                    known.buckets.end += 1;
                    buckets.push(*bucket);
                }
                Some(known) => {
                    known.is_long = true;
                    classes = self.classes.range((Bound::Excluded(Class::last_of(class.crowd)), Bound::Unbounded));
                }
            }
        }
    }
}

/// A crowd when victims are asked for.
struct Crowded {
    crowding: Reverse<u32>,
    /// Which of the orders it belongs to.
    order: usize,
    crowd: Crowd,
    /// Where its first buckets are listed.
    buckets: Range<usize>,
    /// Whether there are more.
    is_long: bool,
}

/// An order taken apart, so that its queues can be brought up to date while its pods are looked at.
struct Parts<'a> {
    buckets: &'a [Bucket],
    classes: &'a BTreeMap<Class, u32>,
    queues: &'a mut BTreeMap<Crowd, BTreeSet<Turn>>,
}

impl<'a> Parts<'a> {
    fn of(order: &'a mut VictimOrder, now: Time) -> Self {
        if order.asked > now {
            // Ages have shrunk, so turns may come too late.
            order.queues.clear();
        }
        order.asked = now;
        Self { buckets: &order.buckets, classes: &order.classes, queues: &mut order.queues }
    }

    fn bucket(&self, bucket: u32) -> &'a Bucket {
        &self.buckets[index(bucket)]
    }

    /// Classes of a crowd from one on.
    fn classes_from(&self, first: Class) -> impl Iterator<Item = (&'a Class, u32)> + use<'a> {
        let crowd = first.crowd;
        self.classes
            .range(first..)
            .take_while(move |(class, _)| class.crowd == crowd)
            .map(|(class, bucket)| (class, *bucket))
    }

    fn classes_of(&self, crowd: Crowd) -> impl Iterator<Item = (&'a Class, u32)> + use<'a> {
        self.classes_from(Class::first_of(crowd, Reverse(Some(Time::MAX))))
    }

    /// Classes that share a readiness time, among which the plain comparison goes on.
    fn siblings(&self, class: &Class) -> impl Iterator<Item = u32> + use<'a> {
        let since = class.ready_since;
        self.classes_from(Class::first_of(class.crowd, since))
            .take_while(move |(class, _)| class.ready_since == since)
            .map(|(_, bucket)| bucket)
    }

    /// Makes the queue of a crowd if it has many classes and readiness time is what orders them.
    fn queues_up(&mut self, Crowded { crowd, is_long, .. }: &Crowded) -> bool {
        let crowd = *crowd;
        if !crowd.0.ready || !is_long {
            if !self.queues.is_empty() {
                self.queues.remove(&crowd);
            }
            return false;
        }
        if self.queues.get(&crowd).is_none_or(|queue| is_bloated(queue, self.classes)) {
            let turn = |(_, bucket): (&Class, u32)| Some((None, self.bucket(bucket).pods.oldest()?, bucket));
            let queue = self.classes_of(crowd).filter_map(turn).collect();
            self.queues.insert(crowd, queue);
        }
        true
    }

    /// The turn in a crowd's queue that follows another one, brought up to date.
    fn turn_after(&mut self, crowd: Crowd, last: Option<Turn>, age: &dyn Fn(Time) -> Option<u32>) -> Option<Turn> {
        let queue = self.queues.get_mut(&crowd)?;
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        loop {
            let turn = *queue.range((start, Bound::Unbounded)).next()?;
            let (_, _, number) = turn;
            let bucket = &self.buckets[index(number)];
            let oldest = bucket.pods.oldest().filter(|_| bucket.class.crowd == crowd);
            let true_turn = oldest.map(|oldest| (bucket.class.ready_since.0.map(age), oldest, number));
            if true_turn == Some(turn) {
                return true_turn;
            }
            queue.remove(&turn);
            queue.extend(true_turn);
        }
    }
}

/// A pod at the head of its class, with what decides between heads.
struct Head<'a> {
    pod: PodFacts,
    class: &'a Class,
    rest: Pods<'a>,
    ranking: Ranking<'a>,
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Head<'_> {}
impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head<'_> {
    /// Reversed, because the heap gives the greatest first and the first victim is the least.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.ranking.compare)(&other.pod, &self.pod).then_with(|| other.pod.uid.cmp(&self.pod.uid))
    }
}

impl<'a> Head<'a> {
    fn of(bucket: &'a Bucket, ranking: Ranking<'a>) -> Option<Self> {
        let mut rest = bucket.pods.iter();
        let (uid, key) = rest.next()?;
        Some(Self { pod: bucket.class.facts(uid, key), class: &bucket.class, rest, ranking })
    }

    fn advance(mut self) -> Option<Self> {
        let (uid, key) = self.rest.next()?;
        self.pod = self.class.facts(uid, key);
        Some(self)
    }
}

/// The first `count` victims among some cohorts' pods.
///
/// `crowding` says how many related active pods a node has; it is asked once a node and frozen.
pub fn first_victims(
    orders: &mut [VictimOrder],
    count: usize,
    crowding: impl Fn(Option<u32>) -> u32,
    ranking: Ranking<'_>,
) -> Vec<PodKey> {
    let mut victims = Vec::with_capacity(count.min(1024));
    let mut group = None;
    while victims.len() < count {
        group = orders.iter().filter_map(|order| order.group_after(group)).min();
        let Some(group) = group else { break };
        let (mut crowds, mut buckets) = (Vec::new(), Vec::new());
        for (number, order) in orders.iter().enumerate() {
            order.crowds(group, number, &mut crowds, &mut buckets);
        }
        crowds.iter_mut().for_each(|crowded| crowded.crowding = Reverse(crowding(crowded.crowd.1)));
        // Stable, so that equally crowded nodes keep a fixed order.
        crowds.sort_by_key(|crowded| crowded.crowding);
        for equally_crowded in crowds.chunk_by(|one, other| one.crowding == other.crowding) {
            if victims.len() >= count {
                break;
            }
            let parts = orders.iter_mut().map(|order| Parts::of(order, ranking.now)).collect();
            merge(parts, equally_crowded, &buckets, count, ranking, &mut victims);
        }
    }
    victims
}

/// Merges the classes of equally crowded nodes, those with queues no further than they are wanted.
fn merge<'a>(
    mut orders: Vec<Parts<'a>>,
    crowds: &[Crowded],
    buckets: &[u32],
    count: usize,
    ranking: Ranking<'a>,
    victims: &mut Vec<PodKey>,
) {
    let mut heads: Vec<Head<'a>> = Vec::with_capacity(crowds.len());
    let mut turns = BinaryHeap::new();
    for (place, crowded) in crowds.iter().enumerate() {
        let order = &mut orders[crowded.order];
        if order.queues_up(crowded) {
            turns.extend(order.turn_after(crowded.crowd, None, ranking.age).map(|turn| Reverse((turn, place))));
        } else if crowded.is_long {
            let classes = order.classes_of(crowded.crowd);
            heads.extend(classes.filter_map(|(_, bucket)| Head::of(order.bucket(bucket), ranking)));
        } else {
            let few = buckets.get(crowded.buckets.clone()).unwrap_or_default();
            heads.extend(few.iter().filter_map(|bucket| Head::of(order.bucket(*bucket), ranking)));
        }
    }
    // All at once, which costs less than one after the other.
    let mut heads = BinaryHeap::from(heads);
    let mut merged = BTreeSet::new();
    while victims.len() < count {
        while let Some(Reverse((turn, place))) = turns.peek().copied() {
            let (age, oldest, bucket) = turn;
            let later = |head: &Head<'_>| (head.pod.ready_since.map(ranking.age), head.pod.uid) < (age, oldest);
            if heads.peek().is_some_and(later) {
                break;
            }
            turns.pop();
            let Crowded { order: number, crowd, .. } = crowds[place];
            let order = &mut orders[number];
            for sibling in order.siblings(&order.bucket(bucket).class) {
                if merged.insert((number, sibling)) {
                    heads.extend(Head::of(order.bucket(sibling), ranking));
                }
            }
            turns.extend(order.turn_after(crowd, Some(turn), ranking.age).map(|turn| Reverse((turn, place))));
        }
        let Some(head) = heads.pop() else { break };
        victims.push(head.pod.key);
        heads.extend(head.advance());
    }
}

#[cfg(test)]
#[path = "victims_tests.rs"]
mod tests;
