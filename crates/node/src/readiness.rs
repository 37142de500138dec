//! When readiness probes see a container that answers.

use core::time::Duration;
use wavetank_model::template::ProbeTiming;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Whole seconds, rounded up.
fn ceil_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

/// Time from the start of a container that answers `answers` after its start to its readiness, in
/// the model of the recorded traces.
///
/// Probes come at `initialDelaySeconds`, then every `periodSeconds`, counted from the start of the
/// container. Further successes that the threshold asks for take a period each.
#[must_use]
pub fn scripted(timing: &ProbeTiming, answers: Duration) -> Duration {
    let period = u64::from(timing.period_seconds.max(1));
    let delay = u64::from(timing.initial_delay_seconds);
    let periods = ceil_seconds(answers).saturating_sub(delay).div_ceil(period);
    let more = u64::from(timing.success_threshold.saturating_sub(1));
    seconds(delay.saturating_add(periods.saturating_add(more).saturating_mul(period)))
}

/// The same for a real kubelet.
///
/// A fresh container is probed when it starts and, because its first verdict makes the kubelet look
/// at the pod again, once more right after; from there every `periodSeconds`. Probes before
/// `initialDelaySeconds` are skipped, they are not moved. So with a delay of 5 and a period of 10 the
/// first probe comes after 10 seconds.
///
/// Source: `pkg/kubelet/prober/worker.go` and `prober_manager.go`. Latency of the probe itself is
/// taken to be none.
#[must_use]
pub fn kubelet(timing: &ProbeTiming, answers: Duration) -> Duration {
    let period = u64::from(timing.period_seconds.max(1));
    let earliest = ceil_seconds(answers).max(u64::from(timing.initial_delay_seconds));
    let periods = earliest.div_ceil(period);
    let at_start = if periods == 0 { 2 } else { 1 };
    let more = u64::from(timing.success_threshold.saturating_sub(at_start));
    seconds(periods.saturating_add(more).saturating_mul(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(delay: u32, period: u32, success: u32) -> ProbeTiming {
        ProbeTiming {
            initial_delay_seconds: delay,
            period_seconds: period,
            success_threshold: success,
            failure_threshold: 3,
        }
    }

    #[track_caller]
    fn check(rule: fn(&ProbeTiming, Duration) -> Duration, timing: &ProbeTiming, answers_ms: u64, ready_seconds: u64) {
        assert_eq!(rule(timing, Duration::from_millis(answers_ms)), Duration::from_secs(ready_seconds));
    }

    #[test]
    fn scripted_probes_count_their_period_from_the_initial_delay() {
        check(scripted, &timing(5, 10, 1), 7_000, 15);
        check(scripted, &timing(5, 10, 1), 5_000, 5);
        check(scripted, &timing(5, 10, 1), 5_001, 15);
        check(scripted, &timing(0, 10, 1), 0, 0);
        check(scripted, &timing(5, 10, 3), 0, 25);
    }

    #[test]
    fn a_kubelet_skips_probes_before_the_initial_delay_instead_of_moving_them() {
        check(kubelet, &timing(5, 10, 1), 0, 10);
        check(kubelet, &timing(15, 10, 1), 0, 20);
        check(kubelet, &timing(10, 10, 3), 0, 30);
        check(kubelet, &timing(0, 5, 1), 5_100, 10);
    }

    #[test]
    fn a_kubelet_probes_a_fresh_container_twice_at_its_start() {
        check(kubelet, &timing(0, 10, 1), 0, 0);
        check(kubelet, &timing(0, 10, 2), 0, 0);
        check(kubelet, &timing(0, 10, 3), 0, 10);
    }

    #[test]
    fn absurd_timings_saturate() {
        assert!(scripted(&timing(u32::MAX, 0, u32::MAX), Duration::MAX) > Duration::from_secs(1 << 60));
        let far = timing(u32::MAX, u32::MAX, u32::MAX);
        assert!(kubelet(&far, Duration::MAX) > Duration::from_secs(1 << 60));
    }
}
