//! Names of pods: the owner's name and five letters that follow from the owner and the pod's ordinal.
//!
//! The letters are a keyed permutation of the ordinal over upstream's 27 letters, so that two pods of
//! an owner never collide and no name needs storing.

use wavetank_model::Uid;

const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const NAMES: u64 = 27 * 27 * 27 * 27 * 27;
const HALF_BITS: u32 = 12;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;

fn mix(key: u64, round: u64, half: u64) -> u64 {
    let mut word = key ^ (round << 32) ^ half;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A permutation of the 24-bit numbers.
fn permute(key: u64, number: u64) -> u64 {
    let (mut left, mut right) = (number >> HALF_BITS, number & HALF_MASK);
    for round in 0..4 {
        (left, right) = (right, left ^ (mix(key, round, right) & HALF_MASK));
    }
    (left << HALF_BITS) | right
}

/// The five letters at the end of the name of the `ordinal`-th pod of an owner.
#[must_use]
pub fn suffix(owner: Uid, ordinal: u32) -> String {
    let key = mix(owner.0, 5, 0);
    // Walking the cycle keeps the permutation inside the 27^5 names.
    let mut number = permute(key, u64::from(ordinal) % NAMES);
    while number >= NAMES {
        number = permute(key, number);
    }
    let mut name = String::with_capacity(5);
    for _ in 0..5 {
        let letter = usize::try_from(number % 27).unwrap_or(0);
        name.push(char::from(LETTERS[letter]));
        number /= 27;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::suffix;
    use std::collections::BTreeSet;
    use wavetank_model::Uid;

    #[test]
    fn ten_thousand_pods_of_an_owner_have_ten_thousand_names() {
        let names: BTreeSet<String> = (1..=10_000).map(|ordinal| suffix(Uid(7), ordinal)).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.len() == 5));
    }

    #[test]
    fn another_owner_gives_other_names() {
        assert_ne!(suffix(Uid(7), 1), suffix(Uid(8), 1));
    }
}
