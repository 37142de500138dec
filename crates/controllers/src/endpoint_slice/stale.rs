//! Which slices were written and have not been seen again.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wavetank_model::{EndpointSlice, Uid};

/// The slices of one Service that its controller has written, each with the generation that the server
/// answered.
///
/// A pass that does not see its own last writes would make them again, so it gives up with an error, which
/// the queue answers with a second's wait. Source:
/// `staging/src/k8s.io/endpointslice/util/endpointslice_tracker.go`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleSlices {
    /// None where a deletion is expected.
    written: BTreeMap<Uid, Option<i64>>,
    /// Those that have not been seen yet, which keeps the question cheap.
    unseen: BTreeSet<Uid>,
}

impl StaleSlices {
    /// The server answered a write with this slice.
    pub fn wrote(&mut self, slice: &EndpointSlice) {
        self.written.insert(slice.meta.uid, Some(slice.meta.generation));
        self.unseen.insert(slice.meta.uid);
    }

    /// The server deleted a slice.
    pub fn deleted(&mut self, slice: Uid) {
        self.written.insert(slice, None);
        self.unseen.insert(slice);
    }

    /// A slice was seen; answers whether somebody else wrote it, so that its Service needs a pass.
    pub fn saw(&mut self, slice: &EndpointSlice) -> bool {
        let (uid, generation) = (slice.meta.uid, slice.meta.generation);
        match self.written.get(&uid) {
            Some(Some(written)) => {
                if *written <= generation {
                    self.unseen.remove(&uid);
                }
                generation > *written
            }
            Some(None) => false,
            None => true,
        }
    }

    /// A slice was seen to be gone; answers whether nobody expected that, so that its Service needs a pass.
    pub fn saw_deletion(&mut self, slice: Uid) -> bool {
        self.unseen.remove(&slice);
        self.written.remove(&slice).is_some_and(|written| written.is_some())
    }

    /// Whether something that was written has not been seen.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !self.unseen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavetank_model::{AddressFamily, ObjectMeta};

    fn slice(uid: u64, generation: i64) -> EndpointSlice {
        let meta = ObjectMeta { uid: Uid(uid), generation, ..ObjectMeta::default() };
        EndpointSlice { meta, family: AddressFamily::Ipv4, ports: [].into(), endpoints: Default::default() }
    }

    #[test]
    fn a_write_is_stale_until_it_is_seen_again() {
        let mut stale = StaleSlices::default();
        stale.wrote(&slice(1, 2));
        assert!(stale.is_stale());
        assert!(!stale.saw(&slice(1, 1)) && stale.is_stale(), "an older state is no news");
        assert!(!stale.saw(&slice(1, 2)) && !stale.is_stale());
        assert!(stale.saw(&slice(1, 3)), "somebody else wrote it");
    }

    #[test]
    fn an_expected_deletion_wakes_nobody() {
        let mut stale = StaleSlices::default();
        stale.wrote(&slice(1, 1));
        stale.deleted(Uid(1));
        assert!(stale.is_stale());
        assert!(!stale.saw_deletion(Uid(1)) && !stale.is_stale());
        stale.wrote(&slice(2, 1));
        assert!(stale.saw_deletion(Uid(2)));
    }
}
