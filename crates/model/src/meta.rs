//! Object metadata.

use crate::notes::Notes;
use crate::selector::{Requirement, Selector, SelectorError};
use crate::shared::{follow, follow_list};
use crate::{ManagedFields, Uid};
use core::cmp::Ordering;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use wavetank_engine::{Digest, Time};

type Pairs = BTreeMap<Arc<str>, Arc<str>>;

/// Labels or annotations: an ordered map that is shared until it is changed.
#[derive(Clone, Default)]
pub struct StringMap(Arc<Shared>);

/// What copies of a map share: the pairs, and what follows from them once somebody asked for it.
///
/// Checking labels is much dearer than matching them, and sets are looked at, and written with the same
/// labels, far more often than their labels are changed.
#[derive(Default)]
struct Shared {
    pairs: Pairs,
    selector: OnceLock<Box<Result<Selector, SelectorError>>>,
    digest: OnceLock<u64>,
    notes: OnceLock<Box<Notes>>,
    asked: OnceLock<Box<[OnceLock<Asked>; 4]>>,
}

/// A selector that asked whether it matches, and the answer.
type Asked = (Arc<[Requirement]>, bool);

impl Shared {
    const fn of(pairs: Pairs) -> Self {
        Self {
            pairs,
            selector: OnceLock::new(),
            digest: OnceLock::new(),
            notes: OnceLock::new(),
            asked: OnceLock::new(),
        }
    }
}

impl Clone for Shared {
    /// A copy is made in order to be changed, so nothing follows from it yet.
    fn clone(&self) -> Self {
        Self::of(self.pairs.clone())
    }
}

impl StringMap {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.pairs.get(key).map(AsRef::as_ref)
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.pairs.contains_key(key)
    }

    /// Sets a key; answers whether that changed anything.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        if self.get(key) == Some(value) {
            return false;
        }
        self.pairs_mut().insert(key.into(), value.into());
        true
    }

    /// Takes a key away; answers whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.contains(key) && self.pairs_mut().remove(key).is_some()
    }

    fn of(pairs: Pairs) -> Self {
        Self(Arc::new(Shared::of(pairs)))
    }

    fn pairs_mut(&mut self) -> &mut Pairs {
        let shared = Arc::make_mut(&mut self.0);
        let Shared { pairs, selector, digest, notes, asked } = shared;
        (*selector, *digest, *notes, *asked) = Default::default();
        pairs
    }

    /// Keys and values in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.pairs.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.pairs.is_empty()
    }

    /// Whether both are one shared map; cheap, and false does not mean different.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A word that stands for keys and values in digests of histories.
    #[must_use]
    pub fn digest_word(&self) -> u64 {
        *self.0.digest.get_or_init(|| {
            let mut digest = Digest::new();
            for (key, value) in self.iter() {
                digest.bytes(key.as_bytes());
                digest.bytes(value.as_bytes());
            }
            let [_, _, _, _, _, _, _, _, low @ ..] = digest.value().to_be_bytes();
            u64::from_be_bytes(low)
        })
    }

    /// What the controller of Deployments reads in these annotations.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        self.0.notes.get_or_init(|| Box::new(Notes::of(self)))
    }

    /// What a selector answers about these labels. The first few that ask are remembered: the same ones
    /// ask in every pass.
    pub(crate) fn answer(&self, selector: &Arc<[Requirement]>, matches: impl Fn() -> bool) -> bool {
        let asked = self.0.asked.get_or_init(Box::default);
        let mut answers = asked.iter().map(|asked| asked.get_or_init(|| (Arc::clone(selector), matches())));
        match answers.find(|(known, _)| Arc::ptr_eq(known, selector)) {
            Some((_, answer)) => *answer,
            None => matches(),
        }
    }

    pub(crate) fn follow(&mut self, other: &Self) {
        follow(&mut self.0, &other.0);
    }

    /// The selector of exactly these labels, checked once for all copies of the map.
    pub(crate) fn selector(&self) -> &Result<Selector, SelectorError> {
        self.0.selector.get_or_init(|| Box::new(Selector::of_valid_labels(self)))
    }
}

impl fmt::Debug for StringMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StringMap").field(&self.0.pairs).finish()
    }
}

impl PartialEq for StringMap {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.0.pairs == other.0.pairs
    }
}

impl Eq for StringMap {}

impl PartialOrd for StringMap {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StringMap {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.same(other) { Ordering::Equal } else { self.0.pairs.cmp(&other.0.pairs) }
    }
}

impl Serialize for StringMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.pairs.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StringMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pairs::deserialize(deserializer).map(Self::of)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for StringMap {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self::of(pairs.into_iter().map(|(key, value)| (key.as_ref().into(), value.as_ref().into())).collect())
    }
}

/// A reference to an owner of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerReference {
    /// API version of the owner, such as `apps/v1`.
    pub api_version: Arc<str>,
    /// Kind of the owner.
    pub kind: Arc<str>,
    /// Name of the owner.
    pub name: Arc<str>,
    /// Identity of the owner.
    pub uid: Uid,
    /// Whether the owner manages the object; at most one does.
    pub controller: Option<bool>,
    /// Whether foreground deletion of the owner waits for the object.
    pub block_owner_deletion: Option<bool>,
}

impl OwnerReference {
    fn follow(&mut self, other: &Self) {
        let Self { api_version, kind, name, uid, controller, block_owner_deletion } = self;
        follow(api_version, &other.api_version);
        follow(kind, &other.kind);
        follow(name, &other.name);
        (*uid, *controller, *block_owner_deletion) = (other.uid, other.controller, other.block_owner_deletion);
    }
}

/// Metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// Name, unique within kind and namespace.
    pub name: Arc<str>,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Prefix that the server completed to [`Self::name`], or empty.
    pub generate_name: Arc<str>,
    /// Identity.
    pub uid: Uid,
    /// Version of the stored object; 0 in objects that are not stored.
    pub resource_version: u64,
    /// Counts changes of the spec.
    pub generation: i64,
    /// When the object was stored, a whole second; absent in objects that were not.
    pub creation: Option<Time>,
    /// When a graceful deletion ends, a whole second; its presence means that the object is being deleted.
    pub deletion: Option<Time>,
    /// Seconds of grace of that deletion.
    pub deletion_grace_seconds: Option<i64>,
    /// Labels.
    pub labels: StringMap,
    /// Annotations.
    pub annotations: StringMap,
    /// Owners.
    pub owners: Vec<OwnerReference>,
    /// Who must agree before the object goes.
    pub finalizers: Vec<Arc<str>>,
    /// Who owns which fields, once somebody but its creator does; see [`ManagedFields`].
    pub managed: Option<Arc<ManagedFields>>,
}

impl ObjectMeta {
    /// The owner that manages the object.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owners.iter().find(|owner| owner.controller == Some(true))
    }

    /// Becomes equal to another version of the same metadata, at the cost of what differs.
    pub(crate) fn follow(&mut self, other: &Self) {
        let Self {
            name,
            namespace,
            generate_name,
            uid,
            resource_version,
            generation,
            creation,
            deletion,
            deletion_grace_seconds,
            labels,
            annotations,
            owners,
            finalizers,
            managed,
        } = self;
        follow(name, &other.name);
        follow(namespace, &other.namespace);
        follow(generate_name, &other.generate_name);
        (*uid, *resource_version, *generation) = (other.uid, other.resource_version, other.generation);
        (*creation, *deletion, *deletion_grace_seconds) =
            (other.creation, other.deletion, other.deletion_grace_seconds);
        labels.follow(&other.labels);
        annotations.follow(&other.annotations);
        if owners.len() == other.owners.len() {
            owners.iter_mut().zip(&other.owners).for_each(|(mine, other)| mine.follow(other));
        } else {
            owners.clone_from(&other.owners);
        }
        follow_list(finalizers, &other.finalizers);
        match (managed, &other.managed) {
            (Some(mine), Some(other)) => follow(mine, other),
            (None, None) => {}
            (mine, other) => mine.clone_from(other),
        }
    }

    /// Whether the object is being deleted.
    #[must_use]
    pub const fn is_terminating(&self) -> bool {
        self.deletion.is_some()
    }
}
