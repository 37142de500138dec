//! ReplicaSets in the hand of a pass, and numbers over many of them.

use core::cmp::Ordering;
use std::sync::Arc;
use wavetank_model::{Base, ReplicaSet, ReplicaSetKey, ReplicaSetStatus};

/// A ReplicaSet as a pass holds it: from the cache, or as the server answered a write.
#[derive(Clone, Debug)]
pub(super) struct SetInHand {
    /// Which one; absent if this pass created it.
    pub(super) key: Option<ReplicaSetKey>,
    /// What a write of it starts from.
    pub(super) base: Base,
    /// The object.
    pub(super) set: Arc<ReplicaSet>,
    /// Pods controlled by it that have not ended.
    pub(super) unfinished_pods: u32,
}

impl SetInHand {
    /// Its size by spec.
    pub(super) fn replicas(&self) -> i32 {
        self.set.spec.replicas
    }
}

fn sum<'a>(sets: impl IntoIterator<Item = &'a SetInHand>, count: impl Fn(&ReplicaSet) -> i32) -> i32 {
    sets.into_iter().map(|set| count(&set.set)).fold(0, i32::wrapping_add)
}

/// Pods that they should have.
pub(super) fn replica_count<'a>(sets: impl IntoIterator<Item = &'a SetInHand>) -> i32 {
    sum(sets, |set| set.spec.replicas)
}

/// A number of their statuses, added up.
pub(super) fn status_count<'a>(
    sets: impl IntoIterator<Item = &'a SetInHand>,
    count: impl Fn(&ReplicaSetStatus) -> i32,
) -> i32 {
    sum(sets, |set| count(&set.status))
}

/// Their terminating pods; unknown if one that was ever synced does not say.
pub(super) fn terminating_count<'a>(sets: impl IntoIterator<Item = &'a SetInHand>) -> Option<i32> {
    sets.into_iter()
        .map(|set| &set.set.status)
        .filter(|status| status.observed_generation != 0 || status.terminating_replicas.is_some())
        .try_fold(0_i32, |sum, status| Some(sum.wrapping_add(status.terminating_replicas?)))
}

/// Those that should have pods.
pub(super) fn active<'a>(sets: impl IntoIterator<Item = &'a SetInHand>) -> impl Iterator<Item = &'a SetInHand> {
    sets.into_iter().filter(|set| set.replicas() > 0)
}

/// The older first, then by name.
pub(super) fn by_creation(a: &SetInHand, b: &SetInHand) -> Ordering {
    let (a, b) = (&a.set.meta, &b.set.meta);
    a.creation.cmp(&b.creation).then_with(|| a.name.cmp(&b.name))
}

/// The larger first, then the newer.
pub(super) fn by_size_newer(a: &SetInHand, b: &SetInHand) -> Ordering {
    b.replicas().cmp(&a.replicas()).then_with(|| by_creation(b, a))
}

/// The larger first, then the older.
pub(super) fn by_size_older(a: &SetInHand, b: &SetInHand) -> Ordering {
    b.replicas().cmp(&a.replicas()).then_with(|| by_creation(a, b))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::deployment::annotations::REVISION;
    use wavetank_engine::Time;
    use wavetank_model::{LabelSelector, ObjectMeta, PodTemplate, ReplicaSetSpec, SetKind, StringMap, TemplateFacts};

    /// A ReplicaSet of a name, an age, a size and a revision.
    pub(in crate::deployment) fn set(name: &str, created: i64, replicas: i32, revision: &str) -> SetInHand {
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
        SetInHand { key: None, base: Base::Cached, set: Arc::new(set), unfinished_pods: 0 }
    }

    pub(in crate::deployment) fn names(sets: &[SetInHand]) -> Vec<&str> {
        sets.iter().map(|set| &*set.set.meta.name).collect()
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
            Arc::make_mut(&mut one.set).status = status;
            one
        };
        assert_eq!(terminating_count(&[with(1, Some(2)), with(1, Some(3))]), Some(5));
        assert_eq!(terminating_count(&[with(1, Some(2)), with(0, None)]), Some(2));
        assert_eq!(terminating_count(&[with(1, Some(2)), with(1, None)]), None);
    }
}
