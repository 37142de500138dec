//! Chance: everything random follows from one seed, by name.
//!
//! There are two ways to draw. A [`Stream`] is for a subsystem that draws in an order of its own; it has
//! a name, so a new consumer elsewhere moves nothing here. [`keyed`] is for what belongs to one object:
//! a hash of seed, object and purpose, without state and without order.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// What all draws of a simulation follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a draw is for, so that two draws for one object are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purpose(u64);

impl Purpose {
    /// The purpose of a name; meant for constants.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(hash_name(name.as_bytes()))
    }
}

/// The draw of an object for a purpose: 64 even bits, the same whenever they are asked for.
#[must_use]
pub const fn keyed(seed: Seed, object: u64, purpose: Purpose) -> u64 {
    Draws::new(seed, purpose).draw(object)
}

/// The draws of many objects for one purpose.
///
/// ```
/// use wavetank_engine::Seed;
/// use wavetank_engine::chance::{Draws, Purpose, keyed};
///
/// const PULL: Purpose = Purpose::new("image pull");
/// assert_eq!(Draws::new(Seed(3), PULL).draw(7), keyed(Seed(3), 7, PULL));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    of_purpose: u64,
}

impl Draws {
    /// For a purpose.
    #[must_use]
    pub const fn new(seed: Seed, purpose: Purpose) -> Self {
        // Each part is mixed before the next one enters, so that no two of them can cancel out.
        Self { of_purpose: finalise(seed.0 ^ purpose.0) }
    }

    /// What [`keyed`] draws for an object.
    #[inline]
    #[must_use]
    pub const fn draw(self, object: u64) -> u64 {
        finalise(self.of_purpose.wrapping_add(object.wrapping_mul(GOLDEN)))
    }
}

/// Gives out the named streams of a seed.
///
/// ```
/// use wavetank_engine::{Seed, Streams};
///
/// let streams = Streams::new(Seed(7));
/// let mut pulls = streams.stream("image pulls");
/// assert_eq!(pulls.draw(), streams.stream("image pulls").draw());
/// assert_ne!(pulls.draw(), streams.stream("scheduler").draw());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Streams {
    seed: Seed,
}

impl Streams {
    /// The streams of a seed.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { seed }
    }

    /// The seed that the streams follow from.
    #[must_use]
    pub const fn seed(self) -> Seed {
        self.seed
    }

    /// A fresh stream of a name, at its start.
    #[must_use]
    pub fn stream(self, name: &str) -> Stream {
        let mut key = [0; 32];
        let mut word = self.seed.0;
        for part in key.chunks_exact_mut(8) {
            word = word.wrapping_add(GOLDEN);
            part.copy_from_slice(&finalise(word).to_le_bytes());
        }
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(hash_name(name.as_bytes()));
        Stream { generator }
    }
}

/// A named sequence of draws: the eight-round ChaCha generator, whose output is the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream {
    generator: ChaCha8Rng,
}

impl Stream {
    /// The next draw: 64 even bits.
    pub fn draw(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number from 0 up to but without `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        below(self.draw(), n)
    }

    /// A number from 0 up to but without 1.
    pub fn fraction(&mut self) -> f64 {
        fraction(self.draw())
    }

    /// Whether something happens that happens `part` times out of `whole`.
    pub fn happens(&mut self, part: u64, whole: u64) -> bool {
        happens(self.draw(), part, whole)
    }
}

/// A draw as a number from 0 up to but without `n`; 0 if `n` is 0.
///
/// Multiplies and keeps the upper half: no division, and a bias below n / 2⁶⁴.
#[must_use]
pub fn below(draw: u64, n: u64) -> u64 {
    // The upper half of a product of two words always fits in a word.
    u64::try_from((u128::from(draw) * u128::from(n)) >> 64).unwrap_or(u64::MAX)
}

/// A draw as a number from 0 up to but without 1, in steps of 2⁻⁵³.
#[must_use]
pub fn fraction(draw: u64) -> f64 {
    // Both parts, the product and the sum are exact in a double, so nothing is rounded.
    let low_bits = 21;
    let word = |bits: u64| u32::try_from(bits).map_or(f64::NAN, f64::from);
    let (high, low) = (word(draw >> 32), word((draw & 0xffff_ffff) >> (32 - low_bits)));
    (high * f64::from(1_u32 << low_bits) + low) / 9_007_199_254_740_992.0
}

/// Whether a draw makes something happen that happens `part` times out of `whole`.
///
/// Always if `part` is not below `whole`, a `whole` of 0 included.
#[must_use]
pub fn happens(draw: u64, part: u64, whole: u64) -> bool {
    part >= whole || below(draw, whole) < part
}

/// The odd number next to 2⁶⁴ divided by the golden ratio: multiples of it spread evenly over the words.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64: a bijection in which each bit of the word moves half of the others.
#[inline]
pub(crate) const fn finalise(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The 64-bit FNV-1a hash of a name, finalised because names are short.
const fn hash_name(name: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        let byte = *byte as u64;
        hash = (hash ^ byte).wrapping_mul(0x0100_0000_01b3);
        rest = tail;
    }
    finalise(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Purpose = Purpose::new("start");
    const PULL: Purpose = Purpose::new("pull");

    #[test]
    fn the_finaliser_gives_the_published_output_of_splitmix64() {
        // The first three outputs for seed 1234567, from the reference implementation's test.
        let outputs = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        let mut state: u64 = 1_234_567;
        for output in outputs {
            state = state.wrapping_add(GOLDEN);
            assert_eq!(finalise(state), output);
        }
    }

    #[test]
    fn draws_of_a_stream_are_pinned_so_that_old_seeds_keep_their_story() {
        let mut stream = Streams::new(Seed(42)).stream("pinned");
        assert_eq!([stream.draw(), stream.draw()], [5_432_358_653_861_216_729, 11_897_991_256_272_071_630]);
        assert_eq!(keyed(Seed(42), 7, START), 15_381_200_083_429_170_797);
    }

    #[test]
    fn a_stream_goes_on_where_it_was_stored() {
        let mut stream = Streams::new(Seed(1)).stream("stored");
        for _ in 0..5 {
            stream.draw();
        }
        let text = serde_json::to_string(&stream).expect("a stream can be stored");
        let mut restored: Stream = serde_json::from_str(&text).expect("a stored stream can be read");
        assert_eq!(restored.draw(), stream.draw());
    }

    #[test]
    fn keyed_draws_of_a_million_objects_fill_all_buckets_evenly() {
        let mut buckets = [0_u32; 64];
        for object in 0..1_000_000 {
            if let Ok(bucket) = usize::try_from(below(keyed(Seed(3), object, PULL), 64)) {
                buckets[bucket] += 1;
            }
        }
        // Six standard deviations of 124 around 15,625.
        assert!(buckets.iter().all(|&count| count.abs_diff(15_625) < 744), "{buckets:?}");
    }

    #[test]
    fn objects_and_purposes_and_seeds_do_not_share_draws() {
        let mut draws = std::collections::BTreeSet::new();
        for seed in 0..20 {
            for object in 0..1_000 {
                draws.insert(keyed(Seed(seed), object, START));
                draws.insert(keyed(Seed(seed), object, PULL));
            }
        }
        assert_eq!(draws.len(), 40_000);
    }

    #[test]
    fn certain_and_impossible_things_take_no_chances() {
        for draw in [0, 1, u64::MAX] {
            assert!(happens(draw, 1, 1) && happens(draw, 0, 0) && !happens(draw, 0, 9));
        }
    }

    proptest! {
        #[test]
        fn fractions_and_remainders_stay_in_range(draw: u64, n: u64) {
            prop_assert!((0.0..1.0).contains(&fraction(draw)));
            prop_assert!(n == 0 || below(draw, n) < n);
            prop_assert!(draw == u64::MAX || fraction(draw) <= fraction(draw + 1));
        }
    }
}
