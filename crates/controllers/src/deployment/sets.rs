//! ReplicaSets in the hand of a pass, and numbers over many of them.

use super::write::SetSeen;
use core::cmp::Ordering;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;
use wavetank_model::{Base, ObjectMeta, PodTemplate, ReplicaSet, ReplicaSetKey, ReplicaSetStatus, SetEdit, StringMap};

/// A ReplicaSet as a pass holds it: from the cache, or as the server answered a write. What a pass may
/// change of it is kept beside the object, so that it is never copied.
#[derive(Clone, Debug)]
pub(super) struct SetInHand<'a> {
    /// What a write of it starts from.
    pub(super) base: Base,
    /// Its size by spec.
    pub(super) replicas: i32,
    /// Seconds a pod must have been ready to count as available.
    pub(super) min_ready_seconds: i32,
    /// Its annotations.
    pub(super) annotations: Cow<'a, StringMap>,
    pub(super) rest: Rest<'a>,
}

/// Where all that is which a pass does not change.
#[derive(Clone, Debug)]
pub(super) enum Rest<'a> {
    Seen(&'a SetSeen),
    Made(Arc<ReplicaSet>),
}

/// A few sets; a Deployment in the middle of a rollout has two.
pub(super) type Sets<'a> = SmallVec<[SetInHand<'a>; 2]>;

impl<'a> SetInHand<'a> {
    /// A set from the cache.
    pub(super) fn seen(seen: &'a SetSeen) -> Self {
        let set = &*seen.set;
        Self {
            base: Base::Cached,
            replicas: set.spec.replicas,
            min_ready_seconds: set.spec.min_ready_seconds,
            annotations: Cow::Borrowed(&set.meta.annotations),
            rest: Rest::Seen(seen),
        }
    }

    /// A set that a write of this pass created.
    pub(super) fn made(set: ReplicaSet, write: usize) -> Self {
        Self {
            base: Base::Written(write),
            replicas: set.spec.replicas,
            min_ready_seconds: set.spec.min_ready_seconds,
            annotations: Cow::Owned(set.meta.annotations.clone()),
            rest: Rest::Made(Arc::new(set)),
        }
    }

    /// Which one; absent if this pass created it.
    pub(super) const fn key(&self) -> Option<ReplicaSetKey> {
        match &self.rest {
            Rest::Seen(seen) => Some(seen.key),
            Rest::Made(_) => None,
        }
    }

    /// Pods controlled by it that have not ended.
    pub(super) const fn unfinished_pods(&self) -> u32 {
        match &self.rest {
            Rest::Seen(seen) => seen.unfinished_pods,
            Rest::Made(_) => 0,
        }
    }

    fn rest(&self) -> &ReplicaSet {
        match &self.rest {
            Rest::Seen(seen) => &seen.set,
            Rest::Made(set) => set,
        }
    }

    /// Its metadata, apart from the annotations.
    pub(super) fn meta(&self) -> &ObjectMeta {
        &self.rest().meta
    }

    /// Its status.
    pub(super) fn status(&self) -> &ReplicaSetStatus {
        &self.rest().status
    }

    /// Its template.
    pub(super) fn template(&self) -> &Arc<PodTemplate> {
        &self.rest().spec.template
    }

    /// What a write says of it.
    pub(super) fn edit(&self) -> SetEdit {
        let annotations = StringMap::clone(&self.annotations);
        SetEdit { replicas: self.replicas, min_ready_seconds: self.min_ready_seconds, annotations }
    }
}

/// Pods that they should have.
pub(super) fn replica_count<'s, 'a: 's>(sets: impl IntoIterator<Item = &'s SetInHand<'a>>) -> i32 {
    sets.into_iter().map(|set| set.replicas).fold(0, i32::wrapping_add)
}

/// A number of their statuses, added up.
pub(super) fn status_count<'s, 'a: 's>(
    sets: impl IntoIterator<Item = &'s SetInHand<'a>>,
    count: impl Fn(&ReplicaSetStatus) -> i32,
) -> i32 {
    sets.into_iter().map(|set| count(set.status())).fold(0, i32::wrapping_add)
}

/// What the statuses of some ReplicaSets come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Pods that they should have.
    pub(super) wanted: i32,
    /// Pods that they have.
    pub(super) replicas: i32,
    /// Of those, ready ones.
    pub(super) ready: i32,
    /// Of those, available ones.
    pub(super) available: i32,
    /// Pods on their way out; unknown if one that was ever synced does not say.
    pub(super) terminating: Option<i32>,
}

impl Totals {
    /// Adds them up.
    pub(super) fn of<'s, 'a: 's>(sets: impl IntoIterator<Item = &'s SetInHand<'a>>) -> Self {
        let none = Self { terminating: Some(0), ..Self::default() };
        sets.into_iter().fold(none, |sum, set| {
            let status = set.status();
            let says = status.observed_generation != 0 || status.terminating_replicas.is_some();
            let terminating = if says { status.terminating_replicas } else { Some(0) };
            let both = sum.terminating.zip(terminating);
            Self {
                wanted: sum.wanted.wrapping_add(set.replicas),
                replicas: sum.replicas.wrapping_add(status.replicas),
                ready: sum.ready.wrapping_add(status.ready_replicas),
                available: sum.available.wrapping_add(status.available_replicas),
                terminating: both.map(|(sum, terminating)| sum.wrapping_add(terminating)),
            }
        })
    }
}

/// Those that should have pods.
pub(super) fn active<'s, 'a: 's>(
    sets: impl IntoIterator<Item = &'s SetInHand<'a>>,
) -> impl Iterator<Item = &'s SetInHand<'a>> {
    sets.into_iter().filter(|set| set.replicas > 0)
}

/// The older first, then by name.
pub(super) fn by_creation(a: &SetInHand<'_>, b: &SetInHand<'_>) -> Ordering {
    let (a, b) = (a.meta(), b.meta());
    a.creation.cmp(&b.creation).then_with(|| a.name.cmp(&b.name))
}

/// The larger first, then the newer.
pub(super) fn by_size_newer(a: &SetInHand<'_>, b: &SetInHand<'_>) -> Ordering {
    b.replicas.cmp(&a.replicas).then_with(|| by_creation(b, a))
}

/// The larger first, then the older.
pub(super) fn by_size_older(a: &SetInHand<'_>, b: &SetInHand<'_>) -> Ordering {
    b.replicas.cmp(&a.replicas).then_with(|| by_creation(a, b))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::deployment::annotations::REVISION;
    use wavetank_engine::Time;
    use wavetank_model::{LabelSelector, ReplicaSetSpec, SetKind, TemplateFacts};

    /// A ReplicaSet of a name, an age, a size and a revision.
    pub(in crate::deployment) fn set(name: &str, created: i64, replicas: i32, revision: &str) -> SetInHand<'static> {
        let template = PodTemplate {
            value: Default::default(),
            labels: StringMap::default(),
            annotations: StringMap::default(),
            spelling: 0,
            meaning: name.into(),
            facts: TemplateFacts::default(),
        };
        let set = ReplicaSet {
            kind: SetKind::ReplicaSet,
            meta: ObjectMeta {
                name: name.into(),
                creation: Some(Time::from_seconds(created)),
                annotations: [(REVISION, revision)].into_iter().collect(),
                ..ObjectMeta::default()
            },
            spec: ReplicaSetSpec {
                replicas,
                min_ready_seconds: 0,
                selector: LabelSelector::default(),
                template: Arc::new(template),
            },
            status: ReplicaSetStatus::default(),
        };
        SetInHand::made(set, 0)
    }

    pub(in crate::deployment) fn names<'s>(sets: &'s [SetInHand<'_>]) -> Vec<&'s str> {
        sets.iter().map(|set| &*set.meta().name).collect()
    }

    #[test]
    fn of_equal_sizes_growth_prefers_the_newer_and_shrinking_the_older() {
        let mut sets = [set("old", 1, 4, "1"), set("large", 2, 9, "2"), set("new", 3, 4, "3")];
        sets.sort_by(by_size_newer);
        assert_eq!(names(&sets), ["large", "new", "old"]);
        sets.sort_by(by_size_older);
        assert_eq!(names(&sets), ["large", "old", "new"]);
    }

    #[test]
    fn terminating_pods_are_unknown_if_a_synced_set_does_not_say() {
        let with = |observed_generation, terminating_replicas| {
            let mut one = set("web", 1, 1, "1");
            let status = ReplicaSetStatus { observed_generation, terminating_replicas, ..ReplicaSetStatus::default() };
            let Rest::Made(set) = &mut one.rest else { unreachable!("it was made above") };
            Arc::make_mut(set).status = status;
            one
        };
        let terminating = |sets: &[SetInHand<'_>]| Totals::of(sets).terminating;
        assert_eq!(terminating(&[with(1, Some(2)), with(1, Some(3))]), Some(5));
        assert_eq!(terminating(&[with(1, Some(2)), with(0, None)]), Some(2));
        assert_eq!(terminating(&[with(1, Some(2)), with(1, None)]), None);
    }
}
