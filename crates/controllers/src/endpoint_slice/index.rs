//! What has been seen of the slices of a Service, so that a pass need not look at all of them.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_model::{AddressFamily, EndpointPort, EndpointSlice, Uid};

/// The ports by which slices are grouped: the same ports in another order are the same group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortMap(Arc<[EndpointPort]>);

impl PortMap {
    /// The group of these ports.
    #[must_use]
    pub fn of(ports: &[EndpointPort]) -> Self {
        let mut sorted = ports.to_vec();
        sorted.sort_unstable();
        Self(sorted.into())
    }
}

/// The slices of one Service as seen, by name, by pod and by group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceIndex {
    slices: BTreeMap<Arc<str>, Arc<EndpointSlice>>,
    places: BTreeSet<(Uid, Arc<str>)>,
    groups: BTreeMap<(AddressFamily, PortMap), Group>,
}

/// Slices of one family with the same ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    /// By number of endpoints.
    by_len: BTreeSet<(usize, Arc<str>)>,
    endpoints: usize,
}

impl Group {
    pub(super) const fn endpoints(&self) -> usize {
        self.endpoints
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_len.iter().map(|(_, name)| name)
    }

    /// The fullest slice that has room for `more`, except those in `taken`; of several the first by name.
    pub(super) fn slice_with_room(&self, more: usize, max: usize, taken: &BTreeSet<Arc<str>>) -> Option<Arc<str>> {
        let most = max.checked_sub(more)?;
        let fitting = || self.by_len.range(..(most + 1, Arc::from("")));
        let (len, _) = fitting().rev().find(|(_, name)| !taken.contains(name))?;
        let fullest = self.by_len.range((*len, Arc::from(""))..(*len + 1, Arc::from("")));
        fullest.map(|(_, name)| name).find(|name| !taken.contains(*name)).map(Arc::clone)
    }
}

impl SliceIndex {
    /// An index of these slices.
    #[must_use]
    pub fn of(slices: impl IntoIterator<Item = Arc<EndpointSlice>>) -> Self {
        let mut index = Self::default();
        slices.into_iter().for_each(|slice| index.put(slice));
        index
    }

    /// A slice was seen, new or changed.
    pub fn put(&mut self, slice: Arc<EndpointSlice>) {
        self.remove(&slice.meta.name);
        let name = Arc::clone(&slice.meta.name);
        for pod in slice.endpoints.iter().filter_map(|endpoint| endpoint.pod) {
            self.places.insert((pod.uid, Arc::clone(&name)));
        }
        let group = self.groups.entry((slice.family, PortMap::of(&slice.ports))).or_default();
        group.by_len.insert((slice.endpoints.len(), Arc::clone(&name)));
        group.endpoints += slice.endpoints.len();
        self.slices.insert(name, slice);
    }

    /// A slice is gone, or begins to go.
    pub fn remove(&mut self, name: &str) -> Option<Arc<EndpointSlice>> {
        let (name, slice) = self.slices.remove_entry(name)?;
        for pod in slice.endpoints.iter().filter_map(|endpoint| endpoint.pod) {
            self.places.remove(&(pod.uid, Arc::clone(&name)));
        }
        let key = (slice.family, PortMap::of(&slice.ports));
        if let Some(group) = self.groups.get_mut(&key) {
            group.by_len.remove(&(slice.endpoints.len(), name));
            group.endpoints -= slice.endpoints.len();
            if group.by_len.is_empty() {
                self.groups.remove(&key);
            }
        }
        Some(slice)
    }

    /// A slice by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<EndpointSlice>> {
        self.slices.get(name)
    }

    /// All slices, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.slices.values()
    }

    /// Number of slices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slices.len()
    }

    /// Whether there is no slice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The slices in which a pod stands.
    pub fn slices_of(&self, pod: Uid) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        let range = (pod, Arc::from(""))..(Uid(pod.0.saturating_add(1)), Arc::from(""));
        self.places.range(range).filter_map(|(_, name)| self.slices.get(name))
    }

    pub(super) fn groups(&self, family: AddressFamily) -> impl Iterator<Item = (&PortMap, &Group)> {
        self.groups.iter().filter(move |((own, _), _)| *own == family).map(|((_, ports), group)| (ports, group))
    }

    pub(super) fn group(&self, family: AddressFamily, ports: &PortMap) -> Option<&Group> {
        self.groups.get(&(family, ports.clone()))
    }
}
