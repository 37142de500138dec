//! The annotations by which a Deployment and its ReplicaSets remember revisions and sizes.
//!
//! They are text to the API and numbers to the controller, which looks at them in every pass. So they
//! are read once for all copies of a map, see [`StringMap::notes`].

use crate::StringMap;
use crate::strconv::parse_integer;
use std::sync::Arc;

/// The revision of a ReplicaSet, copied to its Deployment.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Former revisions of a ReplicaSet that was rolled back to, separated by commas.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The `replicas` of the Deployment when the ReplicaSet was last sized.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The same, surge included.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Asks for a rollback to a revision; 0 is the one before the newest.
pub const ROLLBACK_TO: &str = "deprecated.deployment.rollback.to";

/// Annotations that are not copied between a Deployment and its ReplicaSets.
const RESERVED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    ROLLBACK_TO,
];

/// Whether an annotation is not copied between a Deployment and its ReplicaSets.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key)
}

/// What the annotations of a Deployment or ReplicaSet say to the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// [`REVISION`].
    pub revision: Note,
    /// [`DESIRED_REPLICAS`].
    pub desired_replicas: Note,
    /// [`MAX_REPLICAS`].
    pub max_replicas: Note,
    /// [`ROLLBACK_TO`].
    pub rollback_to: Note,
    /// Whether there are annotations that are copied.
    pub others: bool,
}

/// An annotation that is meant to be a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Note {
    /// It is not there.
    #[default]
    Absent,
    /// A number, spelled in the only way in which the controller spells it.
    Number(i64),
    /// Anything else, be it a number in another spelling.
    Text(Arc<str>),
}

impl Note {
    fn of(text: Option<&str>) -> Self {
        match text.map(|text| (parse_integer(text), text)) {
            None => Self::Absent,
            Some((Ok(number), text)) if number.to_string() == text => Self::Number(number),
            Some((_, text)) => Self::Text(text.into()),
        }
    }

    /// Whether it is spelled as the controller spells this number.
    #[must_use]
    pub fn is(&self, number: i32) -> bool {
        *self == Self::Number(i64::from(number))
    }
}

impl Notes {
    pub(crate) fn of(annotations: &StringMap) -> Self {
        let note = |key| Note::of(annotations.get(key));
        Self {
            revision: note(REVISION),
            desired_replicas: note(DESIRED_REPLICAS),
            max_replicas: note(MAX_REPLICAS),
            rollback_to: note(ROLLBACK_TO),
            others: annotations.iter().any(|(key, _)| !is_reserved(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_another_spelling_stays_a_text() {
        let notes = |text| StringMap::from_iter([(REVISION, text)]).notes().revision.clone();
        assert_eq!(notes("7"), Note::Number(7));
        assert_eq!(notes("07"), Note::Text("07".into()));
        assert_eq!(notes("+7"), Note::Text("+7".into()));
        assert_eq!(notes("seven"), Note::Text("seven".into()));
    }

    #[test]
    fn what_follows_from_a_map_changes_with_it() {
        let mut annotations = StringMap::from_iter([(REVISION, "7")]);
        assert!(!annotations.notes().others);
        annotations.set("team", "shop");
        annotations.set(REVISION, "8");
        assert!(annotations.notes().others);
        assert_eq!(annotations.notes().revision, Note::Number(8));
    }
}
