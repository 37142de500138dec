//! What has been seen of the slices of a Service, so that a pass need not look at all of them.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_model::{AddressFamily, Endpoint, EndpointPort, EndpointSlice, Uid};

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

    /// Number of slices.
    pub(super) fn len(&self) -> usize {
        self.by_len.len()
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
        for slice in slices {
            index.put(slice);
        }
        index
    }

    /// A slice was seen, new or changed; answers what it was before.
    pub fn put(&mut self, slice: Arc<EndpointSlice>) -> Option<Arc<EndpointSlice>> {
        let name = Arc::clone(&slice.meta.name);
        let old = self.slices.remove(&name);
        self.place(&name, old.as_ref().map_or(&[], |old| old.endpoints.as_slice()), &slice.endpoints);
        let is_alike = |old: &EndpointSlice| old.family == slice.family && Arc::ptr_eq(&old.ports, &slice.ports);
        let (len, was) = (slice.endpoints.len(), old.as_ref().map(|old| old.endpoints.len()));
        if was != Some(len) || !old.as_deref().is_some_and(is_alike) {
            if let Some(old) = &old {
                self.ungroup(old);
            }
            let group = self.groups.entry((slice.family, PortMap::of(&slice.ports))).or_default();
            group.by_len.insert((len, Arc::clone(&name)));
            group.endpoints += len;
        }
        self.slices.insert(name, slice);
        old
    }

    /// A slice is gone, or begins to go.
    pub fn remove(&mut self, name: &str) -> Option<Arc<EndpointSlice>> {
        let (name, slice) = self.slices.remove_entry(name)?;
        self.place(&name, &slice.endpoints, &[]);
        self.ungroup(&slice);
        Some(slice)
    }

    fn ungroup(&mut self, slice: &EndpointSlice) {
        let key = (slice.family, PortMap::of(&slice.ports));
        if let Some(group) = self.groups.get_mut(&key) {
            group.by_len.remove(&(slice.endpoints.len(), Arc::clone(&slice.meta.name)));
            group.endpoints -= slice.endpoints.len();
            if group.by_len.is_empty() {
                self.groups.remove(&key);
            }
        }
    }

    /// Notes where pods stand. A slice mostly loses a few endpoints and gets others at its end, so both
    /// lists are walked side by side and the others cost nothing.
    fn place(&mut self, name: &Arc<str>, old: &[Endpoint], new: &[Endpoint]) {
        let pod = |endpoint: &Endpoint| endpoint.pod.map(|pod| pod.uid);
        let mut coming = new.iter().filter_map(pod).peekable();
        for pod in old.iter().filter_map(pod) {
            if coming.next_if_eq(&pod).is_none() {
                self.places.remove(&(pod, Arc::clone(name)));
            }
        }
        for pod in coming {
            self.places.insert((pod, Arc::clone(name)));
        }
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

    /// Slices of families other than these, by name.
    pub(super) fn of_other_families(&self, families: &[AddressFamily]) -> Vec<&Arc<EndpointSlice>> {
        let groups = self.groups.iter().filter(|((family, _), _)| !families.contains(family));
        let names: BTreeSet<&Arc<str>> = groups.flat_map(|(_, group)| group.names()).collect();
        names.into_iter().filter_map(|name| self.slices.get(name)).collect()
    }

    pub(super) fn groups(&self, family: AddressFamily) -> impl Iterator<Item = (&PortMap, &Group)> {
        self.groups.iter().filter(move |((own, _), _)| *own == family).map(|((_, ports), group)| (ports, group))
    }

    pub(super) fn group(&self, family: AddressFamily, ports: &PortMap) -> Option<&Group> {
        self.groups.get(&(family, ports.clone()))
    }
}
