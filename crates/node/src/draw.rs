//! Numbers drawn for one pod: a keyed hash of seed, pod and purpose.
//!
//! No state and no order, so a draw for one pod never moves a draw for another.

use core::time::Duration;
use wavetank_model::Uid;

/// What a number is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Time to fetch the image; counts tries.
    Pull,
    /// Time to start the container; counts runs.
    Start,
    /// Time from start to first answer; counts runs.
    Answer,
    /// Time to bind the pod.
    Bind,
}

impl Purpose {
    const fn number(self) -> u64 {
        match self {
            Self::Pull => 1,
            Self::Start => 2,
            Self::Answer => 3,
            Self::Bind => 4,
        }
    }
}

/// One round of SplitMix64's finaliser, which sends every input to another output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The number for the `count`-th time that `purpose` comes up in the life of a pod.
#[must_use]
pub fn number(seed: u64, pod: Uid, purpose: Purpose, count: u32) -> u64 {
    mix(mix(mix(mix(seed) ^ pod.0) ^ purpose.number()) ^ u64::from(count))
}

/// `span` lengthened by up to `percent` of itself, evenly spread.
#[must_use]
pub fn stretch(span: Duration, percent: u32, number: u64) -> Duration {
    if percent == 0 {
        return span;
    }
    let nanos = span.as_nanos().min(1 << 63);
    let extra = nanos * u128::from(percent) * u128::from(number >> 32) / (100 << 32);
    span.saturating_add(Duration::from_nanos(u64::try_from(extra).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_pod_purpose_and_count_and_on_nothing_else() {
        let draw = number(7, Uid(1), Purpose::Pull, 0);
        assert_eq!(draw, number(7, Uid(1), Purpose::Pull, 0));
        for other in [
            number(8, Uid(1), Purpose::Pull, 0),
            number(7, Uid(2), Purpose::Pull, 0),
            number(7, Uid(1), Purpose::Start, 0),
            number(7, Uid(1), Purpose::Pull, 1),
        ] {
            assert_ne!(draw, other);
        }
    }

    #[test]
    fn a_stretched_span_lies_between_itself_and_the_given_share_more() {
        let span = Duration::from_secs(10);
        assert_eq!(stretch(span, 0, u64::MAX), span);
        assert_eq!(stretch(span, 50, 0), span);
        let most = stretch(span, 50, u64::MAX);
        assert!(most <= Duration::from_secs(15) && most > Duration::from_millis(14_999));
        assert!(stretch(Duration::MAX, u32::MAX, u64::MAX) == Duration::MAX);
    }
}
