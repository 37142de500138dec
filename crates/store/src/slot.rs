//! An object as stored and as the controllers have seen it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_model::Version;

/// One object. It stays in its arena until its deletion has been seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot<T> {
    /// As the API server has it; `None` once deleted.
    pub stored: Option<Arc<T>>,
    /// As the controllers' watch has delivered it; `None` before that, and after its deletion was seen.
    pub seen: Option<Arc<T>>,
    /// The version before the stored one: room for the next, once nobody looks at it any more.
    #[serde(skip, default = "no_version")]
    former: Option<Arc<T>>,
}

/// A restored slot has no former version.
const fn no_version<T>() -> Option<Arc<T>> {
    None
}

impl<T> Slot<T> {
    pub(crate) const fn new(stored: Option<Arc<T>>, seen: Option<Arc<T>>) -> Self {
        Self { stored, seen, former: None }
    }

    pub(crate) const fn is_gone(&self) -> bool {
        self.stored.is_none() && self.seen.is_none()
    }

    /// Stores a version; answers the one that was stored.
    pub(crate) fn store(&mut self, new: Arc<T>) -> Option<Arc<T>> {
        let old = self.stored.replace(new);
        self.former.clone_from(&old);
        old
    }
}

impl<T: Version> Slot<T> {
    /// The next version of the stored object: equal to it, but for what is to be changed. The versions
    /// of an object take turns in two places in memory, unless somebody keeps one of them.
    pub(crate) fn changed(&mut self, live: &Arc<T>, change: impl FnOnce(&mut T)) -> Arc<T> {
        let mut next = match self.former.take() {
            Some(mut former) => match Arc::get_mut(&mut former) {
                Some(room) => {
                    room.follow(live);
                    former
                }
                None => Arc::new(T::clone(live)),
            },
            None => Arc::new(T::clone(live)),
        };
        if let Some(next) = Arc::get_mut(&mut next) {
            change(next);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Number(u32);

    impl Version for Number {
        fn follow(&mut self, other: &Self) {
            self.0 = other.0;
        }
    }

    fn raise(slot: &mut Slot<Number>) -> Arc<Number> {
        let live = slot.stored.clone().unwrap();
        let next = slot.changed(&live, |number| number.0 += 1);
        slot.store(Arc::clone(&next));
        next
    }

    #[test]
    fn a_version_that_somebody_keeps_stays_as_it_is() {
        let mut slot = Slot::new(Some(Arc::new(Number(1))), None);
        let kept: Vec<_> = (0..4).map(|_| raise(&mut slot)).collect();
        assert_eq!(kept.iter().map(|number| number.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
    }

    #[test]
    fn versions_that_nobody_keeps_take_turns() {
        let mut slot = Slot::new(Some(Arc::new(Number(1))), None);
        let mut places: Vec<_> = (0..6).map(|_| Arc::as_ptr(&raise(&mut slot))).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 2);
        assert_eq!(slot.stored, Some(Arc::new(Number(7))));
    }
}
