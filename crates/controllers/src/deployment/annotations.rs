//! The annotations by which a Deployment and its ReplicaSets remember revisions and sizes.

use super::sets::SetInHand;
use std::borrow::Cow;
use wavetank_model::notes::Note;
pub use wavetank_model::notes::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION, REVISION_HISTORY, ROLLBACK_TO, is_reserved};
use wavetank_model::{Deployment, StringMap};

/// Longest history of revisions, in bytes.
const MAX_HISTORY: usize = 2000;

/// The revision of a ReplicaSet: 0 if it has none; absent if it cannot be read.
pub(super) fn revision(set: &SetInHand<'_>) -> Option<i64> {
    match &set.annotations.notes().revision {
        Note::Absent => Some(0),
        Note::Number(revision) => Some(*revision),
        Note::Text(text) => text.parse().ok(),
    }
}

/// The number of replicas that a ReplicaSet was last sized for.
pub(super) fn desired_replicas(set: &SetInHand<'_>) -> Option<i32> {
    count(&set.annotations.notes().desired_replicas)
}

/// The same, surge included.
pub(super) fn max_replicas(set: &SetInHand<'_>) -> Option<i32> {
    count(&set.annotations.notes().max_replicas)
}

/// A number in an annotation: digits only, no sign.
fn count(note: &Note) -> Option<i32> {
    match note {
        Note::Absent => None,
        Note::Number(number) => i32::try_from(*number).ok().filter(|number| *number >= 0),
        Note::Text(text) => text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?,
    }
}

/// The revision that a Deployment is asked to go back to.
pub(super) fn rollback_to(deployment: &Deployment) -> Option<i64> {
    match &deployment.meta.annotations.notes().rollback_to {
        Note::Absent => None,
        Note::Number(revision) => Some(*revision),
        Note::Text(text) => text.parse().ok(),
    }
}

/// Notes on a ReplicaSet for how many replicas it was sized; answers whether that is new.
pub(super) fn set_replicas(annotations: &mut Cow<'_, StringMap>, desired: i32, max: i32) -> bool {
    let notes = annotations.notes();
    if notes.desired_replicas.is(desired) && notes.max_replicas.is(max) {
        return false;
    }
    let annotations = annotations.to_mut();
    let desired = annotations.set(DESIRED_REPLICAS, &desired.to_string());
    let max = annotations.set(MAX_REPLICAS, &max.to_string());
    desired || max
}

/// Notes the revision of a ReplicaSet on its Deployment; answers whether that is new. Absent is as good
/// as empty.
pub(super) fn copy_revision(deployment: &mut Cow<'_, Deployment>, set: &StringMap) -> bool {
    if deployment.meta.annotations.notes().revision == set.notes().revision {
        return false;
    }
    set_revision(deployment, set.get(REVISION).unwrap_or_default())
}

/// Notes the revision on a Deployment; answers whether that is new.
pub(super) fn set_revision(deployment: &mut Cow<'_, Deployment>, revision: &str) -> bool {
    let old = deployment.meta.annotations.get(REVISION).unwrap_or_default();
    old != revision && deployment.to_mut().meta.annotations.set(REVISION, revision)
}

/// Brings annotations of the new ReplicaSet up to date: the Deployment's own, and the revision if that
/// is behind. Answers whether anything has to be written.
///
/// A revision that cannot be read ends this early, and what was copied until then alone is no reason
/// to write.
pub(super) fn update_new_set(deployment: &Deployment, annotations: &mut Cow<'_, StringMap>, new_revision: i64) -> bool {
    let mut changed = copy(&deployment.meta.annotations, annotations);
    let old_revision = match &annotations.notes().revision {
        Note::Absent => 0,
        Note::Number(revision) => *revision,
        Note::Text(text) if text.is_empty() => 0,
        Note::Text(text) => match text.parse::<i64>() {
            Ok(revision) => revision,
            Err(_) => return false,
        },
    };
    if old_revision < new_revision {
        let annotations = annotations.to_mut();
        let old = annotations.get(REVISION).map(str::to_owned);
        changed |= annotations.set(REVISION, &new_revision.to_string());
        if let Some(old) = old {
            let history = annotations.get(REVISION_HISTORY).unwrap_or_default();
            if let Some(longer) = with_revision(history, &old) {
                annotations.set(REVISION_HISTORY, &longer);
            }
        }
    }
    changed
}

fn copy(from: &StringMap, to: &mut Cow<'_, StringMap>) -> bool {
    let mut changed = false;
    if from.notes().others {
        for (key, value) in from.iter().filter(|(key, _)| !is_reserved(key)) {
            if to.get(key) != Some(value) {
                changed |= to.to_mut().set(key, value);
            }
        }
    }
    changed
}

/// A history with one more revision, the first ones dropped where it gets too long; absent if even the
/// last one alone is too long.
fn with_revision(history: &str, revision: &str) -> Option<String> {
    if history.is_empty() || history.starts_with(',') {
        return Some(revision.to_owned());
    }
    let mut kept: Vec<&str> = history.split(',').collect();
    let mut length = history.len() + revision.len() + 1;
    let mut dropped = 0;
    while length > MAX_HISTORY && dropped < kept.len() {
        length = length.saturating_sub(kept[dropped].len() + 1);
        dropped += 1;
    }
    if length > MAX_HISTORY {
        return None;
    }
    kept.drain(..dropped);
    kept.push(revision);
    Some(kept.join(","))
}

/// Annotations of a Deployment that is rolled back to a ReplicaSet: its own reserved ones, the
/// ReplicaSet's others.
pub(super) fn rolled_back(deployment: &StringMap, set: &StringMap) -> StringMap {
    let own = deployment.iter().filter(|(key, _)| is_reserved(key));
    own.chain(set.iter().filter(|(key, _)| !is_reserved(key))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_digits_only() {
        let count = |text| count(&StringMap::from_iter([(DESIRED_REPLICAS, text)]).notes().desired_replicas);
        assert_eq!(count("12"), Some(12));
        assert_eq!(count("012"), Some(12));
        assert_eq!(count("+12"), None);
        assert_eq!(count("-1"), None);
        assert_eq!(count(""), None);
        assert_eq!(count("2147483648"), None);
    }

    #[test]
    fn a_history_that_gets_too_long_loses_its_first_revisions() {
        let history = vec!["123456789"; 200].join(",");
        let longer = with_revision(&history, "7").unwrap();
        assert_eq!(longer.len(), 1_999 - 10 + 2);
        assert!(longer.ends_with(",7"));
        assert_eq!(with_revision("", &"9".repeat(2_001)), Some("9".repeat(2_001)));
        assert_eq!(with_revision("1", &"9".repeat(2_001)), None);
    }
}
