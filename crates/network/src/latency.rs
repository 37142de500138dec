//! Latencies by the bucket, so that a long run costs no more memory than a short one.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parts of a power of two: a percentile is off by less than 1.6 %, and exact where a bucket holds one value.
const PARTS: u32 = 6;

/// How often which latency occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies {
    /// By bucket: how many, and the longest of them in nanoseconds.
    buckets: BTreeMap<u64, (u64, u64)>,
    count: u64,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(PARTS + 1);
        let bucket = self.buckets.entry((u64::from(shift) << 32) | (nanos >> shift)).or_default();
        *bucket = (bucket.0 + 1, bucket.1.max(nanos));
        self.count += 1;
    }

    pub(crate) fn append(&mut self, other: &Self) {
        for (key, (count, longest)) in &other.buckets {
            let bucket = self.buckets.entry(*key).or_default();
            *bucket = (bucket.0 + count, bucket.1.max(*longest));
        }
        self.count += other.count;
    }

    /// Number of latencies.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The latency that so many per cent do not exceed; none if there are none.
    #[must_use]
    pub fn percentile(&self, per_cent: u32) -> Option<Duration> {
        let wanted = (u128::from(self.count) * u128::from(per_cent.min(100))).div_ceil(100).max(1);
        let mut seen: u128 = 0;
        for (count, longest) in self.buckets.values() {
            seen += u128::from(*count);
            if seen >= wanted {
                return Some(Duration::from_nanos(*longest));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close_and_single_values_exact() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), None);
        for millis in 1..=1_000 {
            latencies.add(Duration::from_millis(millis));
        }
        for (per_cent, millis) in [(50, 500_u64), (95, 950), (99, 990), (100, 1_000)] {
            let got = latencies.percentile(per_cent).expect("there are latencies");
            let exact = Duration::from_millis(millis);
            assert!(got >= exact && got < exact + exact / 60, "{per_cent}: {got:?}");
        }
        let mut one = Latencies::default();
        (0..5).for_each(|_| one.add(Duration::from_micros(20_123)));
        assert_eq!(one.percentile(95), Some(Duration::from_micros(20_123)));
    }
}
