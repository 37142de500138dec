//! Normalised names: what a trace calls the objects whose real names carry hashes and random letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_model::{PodKey, ReplicaSet, Uid};

/// Annotation with the revision of a ReplicaSet.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotation with the revisions that a ReplicaSet had before.
pub(super) const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// The two names of a ReplicaSet.
#[derive(Clone, Debug)]
struct SetNames {
    normal: Arc<str>,
    real: Arc<str>,
}

/// Names given so far. An object keeps the name that it got when it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    sets: BTreeMap<Uid, SetNames>,
    pods: BTreeMap<PodKey, Arc<str>>,
    /// Creations of pods, by owner: real names count from there.
    created: BTreeMap<Uid, u32>,
    /// Creations of pods, by the owner's normalised name: a set made again under it goes on counting.
    counted: BTreeMap<Arc<str>, u32>,
    /// Normalised names by real ones, where they differ.
    normal: BTreeMap<String, Arc<str>>,
    /// The other way round.
    real: BTreeMap<Arc<str>, String>,
}

impl Names {
    /// Names a ReplicaSet: `deployment#revision`, or as it is called if it has no Deployment.
    pub(super) fn add_set(&mut self, set: &ReplicaSet) {
        let name: Arc<str> = match set.meta.controller().filter(|owner| &*owner.kind == "Deployment") {
            Some(owner) => {
                let revision = set.meta.annotations.get(REVISION).unwrap_or_default();
                format!("{}#{revision}", owner.name).into()
            }
            None => Arc::clone(&set.meta.name),
        };
        self.pair(&set.meta.name, &name);
        self.sets.insert(set.meta.uid, SetNames { normal: name, real: Arc::clone(&set.meta.name) });
    }

    /// Names a pod: `owner/pK`, or by `alone` if nobody made it.
    pub(super) fn add_pod(&mut self, key: PodKey, owner: Option<Uid>, alone: impl FnOnce() -> Arc<str>) {
        let made_by = owner.and_then(|uid| Some((uid, self.sets.get(&uid)?.clone())));
        let name: Arc<str> = match made_by {
            Some((uid, set)) => {
                let count = next(self.counted.entry(Arc::clone(&set.normal)).or_default());
                let ordinal = next(self.created.entry(uid).or_default());
                let name: Arc<str> = format!("{}/p{count}", set.normal).into();
                let real = format!("{}-{}", set.real, wavetank_store::pod_name::suffix(uid, ordinal));
                self.pair(&real, &name);
                name
            }
            None => alone(),
        };
        self.pods.insert(key, name);
    }

    fn pair(&mut self, real: &str, normal: &Arc<str>) {
        if *real != **normal {
            self.normal.insert(real.to_owned(), Arc::clone(normal));
            self.real.insert(Arc::clone(normal), real.to_owned());
        }
    }

    pub(super) fn set(&self, uid: Uid) -> Option<&str> {
        self.sets.get(&uid).map(|names| &*names.normal)
    }

    pub(super) fn pod(&self, key: PodKey) -> &str {
        self.pods.get(&key).map_or("", AsRef::as_ref)
    }

    /// The real name behind a normalised one, which is the same where nothing was normalised.
    pub(super) fn real<'a>(&'a self, normal: &'a str) -> &'a str {
        self.real.get(normal).map_or(normal, String::as_str)
    }

    /// A text with every real name in it normalised.
    pub(super) fn normalise(&self, text: &str) -> String {
        let belongs = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(belongs) {
            let (before, word) = rest.split_at(start);
            let (word, after) = word.split_at(word.find(|c| !belongs(c)).unwrap_or(word.len()));
            // A full stop ends a sentence rather than a name.
            let name = word.trim_end_matches('.');
            out.push_str(before);
            out.push_str(self.normal.get(name).map_or(name, AsRef::as_ref));
            out.push_str(&word[name.len()..]);
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

fn next(count: &mut u32) -> u32 {
    *count = count.saturating_add(1);
    *count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_in_messages_are_normalised_and_parts_are_not() {
        let mut names = Names::default();
        names.pair("web-5d8f", &"web#1".into());
        let text = "Scaled up replica set web-5d8f from 0 to 3; web-5d8f-x stays, so does web. Not web-5d8f.";
        let expected = "Scaled up replica set web#1 from 0 to 3; web-5d8f-x stays, so does web. Not web#1.";
        assert_eq!(names.normalise(text), expected);
    }

    #[test]
    fn normalised_names_lead_back_to_real_ones() {
        let mut names = Names::default();
        names.pair("web-5d8f", &"web#1".into());
        assert_eq!((names.real("web#1"), names.real("web")), ("web-5d8f", "web"));
    }
}
