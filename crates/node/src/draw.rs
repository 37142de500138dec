//! Chance in the life of one pod: a draw is keyed by seed, pod, purpose and count.
//!
//! No state and no order, so a draw for one pod never moves a draw for another.

use core::time::Duration;
use wavetank_engine::{Purpose, Seed, keyed};
use wavetank_model::Uid;

/// Time to fetch the image; counts tries.
pub(crate) const PULL: Purpose = Purpose::new("node/pull");
/// Time to start the container; counts runs.
pub(crate) const START: Purpose = Purpose::new("node/start");
/// Time from start to first answer; counts runs.
pub(crate) const ANSWER: Purpose = Purpose::new("node/answer");

/// Time from start to exit; counts runs.
pub(crate) const EXIT: Purpose = Purpose::new("node/exit");

/// The number for the `count`-th time that `purpose` comes up in the life of a pod.
pub(crate) fn number(seed: u64, pod: Uid, purpose: Purpose, count: u32) -> u64 {
    let of_pod = keyed(Seed(seed), pod.0, purpose);
    // The pod's own number is the seed of its counted draws, so that its runs differ.
    keyed(Seed(of_pod), u64::from(count), purpose)
}

/// `span` lengthened by up to `percent` of itself, evenly spread.
pub(crate) fn stretch(span: Duration, percent: u32, number: u64) -> Duration {
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
        let draw = number(7, Uid(1), PULL, 0);
        assert_eq!(draw, number(7, Uid(1), PULL, 0));
        for other in [
            number(8, Uid(1), PULL, 0),
            number(7, Uid(2), PULL, 0),
            number(7, Uid(1), START, 0),
            number(7, Uid(1), PULL, 1),
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
