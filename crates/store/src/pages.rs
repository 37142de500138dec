//! A vector in pages of one size. It grows without moving what it holds, and without room for twice as much.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values in a page, as a power of two.
const PAGE_BITS: u32 = 12;
const PAGE: usize = 1 << PAGE_BITS;

/// Values by position.
///
/// Only the first page is ever moved, while it grows to its size: small ones stay small.
#[derive(Clone, Debug)]
pub(crate) struct Pages<T> {
    /// All but the last are full.
    pages: Vec<Vec<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T> Pages<T> {
    pub(crate) fn len(&self) -> usize {
        let full = self.pages.len().saturating_sub(1) * PAGE;
        full + self.pages.last().map_or(0, Vec::len)
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        let (page, place) = split(at);
        self.pages.get(page)?.get(place)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        let (page, place) = split(at);
        self.pages.get_mut(page)?.get_mut(place)
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            // A first page may be all there ever is.
            self.pages.push(Vec::with_capacity(if self.pages.is_empty() { 0 } else { PAGE }));
        }
        let Some(page) = self.pages.last_mut() else { return };
        if page.len() == page.capacity() {
            page.reserve_exact(page.len().max(4).min(PAGE - page.len()));
        }
        page.push(value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }
}

#[inline]
fn split(at: u32) -> (usize, usize) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    (at >> PAGE_BITS, at & (PAGE - 1))
}

impl<T: Serialize> Serialize for Pages<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pages<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut pages = Self { pages: Vec::new() };
        Vec::deserialize(deserializer)?.into_iter().for_each(|value| pages.push(value));
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_what_a_vector_holds_and_no_room_for_twice_as_much() {
        let count = u32::try_from(3 * PAGE + 5).expect("a small number");
        let mut pages = Pages::default();
        (0..count).for_each(|value| pages.push(value));
        assert!((0..count).all(|value| pages.get(value) == Some(&value)));
        assert_eq!((pages.get(count), pages.len()), (None, 3 * PAGE + 5));
        assert!(pages.iter().copied().eq(0..count));
        assert!(pages.pages.iter().all(|page| page.capacity() == PAGE));
        *pages.get_mut(7).expect("it is there") = 70;
        let text = serde_json::to_string(&pages).expect("it can be stored");
        let restored: Pages<u32> = serde_json::from_str(&text).expect("it can be read");
        assert!(restored.iter().eq(pages.iter()));
    }
}
