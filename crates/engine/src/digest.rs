//! A running digest of a history: equal histories have equal digests, whatever the machine or the build.
//!
//! It is made for finding differences between two runs, fast, and not for resisting an attacker.

use crate::chance::finalise;
use core::fmt;
use serde::{Deserialize, Serialize};

/// 128 bits over the words fed so far and their order.
///
/// A word costs two multiplications, and so do two. For given words the step maps states one to one, so two
/// different histories that go on alike never grow equal again by that.
///
/// ```
/// use wavetank_engine::Digest;
///
/// let mut digest = Digest::new();
/// digest.word(1);
/// digest.bytes(b"wavetank");
/// assert_eq!(digest.to_string(), "4bf68481f5ed418b8fb2ce8a6687ff8d");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest {
    left: u64,
    right: u64,
    /// Words fed, so that a trailing zero counts.
    words: u64,
}

impl Digest {
    /// The digest of an empty history.
    #[must_use]
    pub const fn new() -> Self {
        // The first 128 bits of the fraction of pi: nothing up our sleeve.
        Self { left: 0x243f_6a88_85a3_08d3, right: 0x1319_8a2e_0370_7344, words: 0 }
    }

    /// Feeds one word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        let left = (self.left ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.left = left ^ (left >> 29);
        // The word enters here a second time and otherwise, so that both halves would have to collide.
        let right = (self.right.rotate_left(23) ^ word.wrapping_add(self.left)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.right = right ^ (right >> 32);
        self.words = self.words.wrapping_add(1);
    }

    /// Feeds two words at the cost of little more than one; another feed than one after the other.
    #[inline]
    pub const fn pair(&mut self, one: u64, other: u64) {
        let left = (self.left ^ one).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let left = left ^ (left >> 29);
        let right = (self.right.rotate_left(23) ^ other.wrapping_add(left)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.right = right ^ (right >> 32);
        // The second word has met the right half only.
        self.left = left.wrapping_add(self.right);
        self.words = self.words.wrapping_add(2);
    }

    /// Feeds a text or the like: its length, then its bytes, eight to a word with the first one lowest.
    ///
    /// The length in front keeps `ab`, `c` apart from `a`, `bc`.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.word(u64::from_le_bytes(word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    /// The digest so far; feeding may go on.
    #[must_use]
    pub fn value(&self) -> u128 {
        let mut end = *self;
        end.word(self.words);
        // In the history the left half hears nothing from the right one; here each learns of the other.
        let left = finalise(end.left.wrapping_add(finalise(end.right)));
        let right = finalise(end.right ^ left);
        (u128::from(left) << 64) | u128::from(right)
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Digest {
    /// The value in 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(words: &[u64]) -> u128 {
        let mut digest = Digest::new();
        for &word in words {
            digest.word(word);
        }
        digest.value()
    }

    #[test]
    fn order_and_trailing_zeros_count() {
        let digests = [of(&[]), of(&[0]), of(&[0, 0]), of(&[1, 2]), of(&[2, 1])];
        assert_eq!(BTreeSet::from(digests).len(), digests.len());
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let mut apart = Digest::new();
        apart.bytes(b"ab");
        apart.bytes(b"c");
        let mut other = Digest::new();
        other.bytes(b"a");
        other.bytes(b"bc");
        assert_ne!(apart, other);
    }

    #[test]
    fn neighbouring_words_do_not_collide_in_either_half() {
        let mut left = BTreeSet::new();
        let mut right = BTreeSet::new();
        for word in 0..100_000 {
            let value = of(&[word]);
            left.insert(value >> 64);
            right.insert(value & u128::from(u64::MAX));
        }
        assert_eq!((left.len(), right.len()), (100_000, 100_000));
    }

    #[test]
    fn neighbouring_pairs_do_not_collide_in_either_half() {
        let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
        for (one, other) in (0..300).flat_map(|one| (0..300).map(move |other| (one, other))) {
            let mut digest = Digest::new();
            digest.pair(one, other);
            left.insert(digest.value() >> 64);
            right.insert(digest.value() & u128::from(u64::MAX));
        }
        assert_eq!((left.len(), right.len()), (90_000, 90_000));
    }

    #[test]
    fn one_bit_of_a_pair_moves_half_of_the_digest() {
        let of = |one, other| {
            let mut digest = Digest::new();
            digest.pair(5, 7);
            digest.pair(one, other);
            digest.pair(6, 8);
            digest.value()
        };
        for (one, other) in [(1, 0), (0, 1)] {
            let moved = |bit: u32| (of(one << bit, other << bit) ^ of(0, 0)).count_ones();
            let mean = (0..64).map(moved).sum::<u32>() / 64;
            assert!((56..=72).contains(&mean), "{mean} of 128 bits");
        }
    }

    #[test]
    fn one_bit_moves_half_of_the_digest() {
        let total: u32 = (0..64).map(|bit| (of(&[5, 1 << bit, 6]) ^ of(&[5, 0, 6])).count_ones()).sum();
        let mean = total / 64;
        assert!((56..=72).contains(&mean), "{mean} of 128 bits");
    }

    proptest! {
        #[test]
        fn a_stored_digest_goes_on_as_if_it_had_not_been_stored(before: Vec<u64>, after: Vec<u8>) {
            let mut digest = Digest::new();
            before.iter().for_each(|&word| digest.word(word));
            let text = serde_json::to_string(&digest).expect("a digest can be stored");
            let mut restored: Digest = serde_json::from_str(&text).expect("a stored digest can be read");
            digest.bytes(&after);
            restored.bytes(&after);
            prop_assert_eq!(digest.value(), restored.value());
        }
    }
}
