//! Waits that double.
//!
//! Source: `client-go/util/flowcontrol/backoff.go`, with the kubelet's limits from
//! `pkg/kubelet/kubelet.go`: 10 seconds at first, 300 at most, for restarts and for image pulls.

use core::time::Duration;

/// The first wait.
pub const FIRST: Duration = Duration::from_secs(10);

/// The longest wait.
pub const MOST: Duration = Duration::from_secs(300);

/// A back-off is forgotten when its next use comes later than this after its last.
pub const MEMORY: Duration = Duration::from_secs(600);

/// The n-th wait, counted from 1; the zeroth is none.
#[must_use]
pub fn wait(step: u32) -> Duration {
    let Some(doublings) = step.checked_sub(1) else { return Duration::ZERO };
    2_u32.checked_pow(doublings).map_or(MOST, |factor| FIRST.saturating_mul(factor).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_ten_seconds_to_five_minutes() {
        let seconds: Vec<u64> = (0..8).map(|step| wait(step).as_secs()).collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(wait(u32::MAX), MOST);
    }
}
