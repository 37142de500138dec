//! Versions of one object have most of their parts in common.

use std::sync::Arc;

/// An object of which there are many versions, one after the other.
///
/// A version that nobody looks at any more can take the place of the next one: it becomes equal to the
/// present one at the cost of what differs, without asking for memory and without counting once more
/// who shares what.
pub trait Version: Clone {
    /// Becomes equal to another version of the same object.
    fn follow(&mut self, other: &Self);
}

/// Shares what `other` shares.
pub(crate) fn follow<T: ?Sized>(mine: &mut Arc<T>, other: &Arc<T>) {
    if !Arc::ptr_eq(mine, other) {
        mine.clone_from(other);
    }
}

/// Becomes an equal list; most are empty.
#[inline]
pub(crate) fn follow_list<T: Clone>(mine: &mut Vec<T>, other: &Vec<T>) {
    if !(mine.is_empty() && other.is_empty()) {
        mine.clone_from(other);
    }
}
