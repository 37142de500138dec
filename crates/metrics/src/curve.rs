//! Values over time, in whole numbers: the same on every machine.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;

/// A value from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: Time,
    /// Thousandths of the unit; absent where a recording has no number.
    pub milli: Option<i64>,
}

impl Point {
    /// A value from an instant on.
    #[must_use]
    pub const fn new(at: Time, milli: i64) -> Self {
        Self { at, milli: Some(milli) }
    }
}

/// A value over time, in thousandths of its unit: of a core, of a byte, of whatever a metric counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// Always the same.
    Constant(i64),
    /// The last point at or before the time; 0 before the first. Points in order of time.
    Steps(Arc<[Point]>),
    /// Straight lines from point to point; level before the first and after the last. A point without a
    /// number counts as 0. Points in order of time.
    Lines(Arc<[Point]>),
    /// Smoothly from low to high and back in each period.
    Wave {
        /// Lowest value.
        low: i64,
        /// Highest value.
        high: i64,
        /// Length of a period, such as a day.
        period: Duration,
        /// When in the period it is highest.
        peak: Duration,
    },
    /// The sum of several; no number if one of them has none.
    Sum(Vec<Self>),
}

impl Curve {
    /// Steps through these points.
    #[must_use]
    pub fn steps(points: impl IntoIterator<Item = (Time, i64)>) -> Self {
        Self::Steps(sorted(points))
    }

    /// Lines through these points.
    #[must_use]
    pub fn lines(points: impl IntoIterator<Item = (Time, i64)>) -> Self {
        Self::Lines(sorted(points))
    }

    /// A day's ups and downs with the peak at an hour.
    #[must_use]
    pub fn daily(low: i64, high: i64, peak_hour: u64) -> Self {
        Self::Wave {
            low,
            high,
            period: Duration::from_secs(24 * 3600),
            peak: Duration::from_secs(peak_hour.saturating_mul(3600)),
        }
    }

    /// The value at a time; absent where a recording has no number.
    #[must_use]
    pub fn at(&self, time: Time) -> Option<i64> {
        match self {
            Self::Constant(milli) => Some(*milli),
            Self::Steps(points) => match last_until(points, time) {
                Some(position) => points.get(position)?.milli,
                None => Some(0),
            },
            Self::Lines(points) => Some(on_line(points, time)),
            Self::Wave { low, high, period, peak } => Some(on_wave(*low, *high, *period, *peak, time)),
            Self::Sum(curves) => curves.iter().try_fold(0_i64, |sum, curve| Some(sum.saturating_add(curve.at(time)?))),
        }
    }
}

fn sorted(points: impl IntoIterator<Item = (Time, i64)>) -> Arc<[Point]> {
    let mut points: Vec<Point> = points.into_iter().map(|(at, milli)| Point::new(at, milli)).collect();
    points.sort_by_key(|point| point.at);
    points.into()
}

/// Position of the last point at or before a time.
fn last_until(points: &[Point], time: Time) -> Option<usize> {
    points.partition_point(|point| point.at <= time).checked_sub(1)
}

fn on_line(points: &[Point], time: Time) -> i64 {
    let value = |position: usize| points.get(position).and_then(|point| point.milli).unwrap_or_default();
    let Some(position) = last_until(points, time) else { return value(0) };
    let (Some(from), Some(to)) = (points.get(position), points.get(position.saturating_add(1))) else {
        return value(position);
    };
    let (span, past) = (to.at.nanos_since(from.at), time.nanos_since(from.at));
    let rise = i128::from(to.milli.unwrap_or_default()) - i128::from(from.milli.unwrap_or_default());
    let risen = rise * i128::from(past) / i128::from(span.max(1));
    from.milli.unwrap_or_default().saturating_add(i64::try_from(risen).unwrap_or_default())
}

/// Up and down along 3x² - 2x³, which is level at both ends as a sine is.
fn on_wave(low: i64, high: i64, period: Duration, peak: Duration, time: Time) -> i64 {
    const ONE: i128 = 1 << 20;
    let period = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX).max(2);
    let peak = i64::try_from(peak.as_nanos()).unwrap_or(i64::MAX);
    // Distance from the nearest peak: none at the peak, half a period at the bottom.
    let past = time.as_nanos().wrapping_sub(peak).rem_euclid(period);
    let distance = past.min(period.saturating_sub(past));
    let x = ONE - (i128::from(distance) * 2 * ONE / i128::from(period)).min(ONE);
    let height = (3 * x * x * ONE - 2 * x * x * x) / (ONE * ONE);
    let risen = (i128::from(high) - i128::from(low)) * height / ONE;
    low.saturating_add(i64::try_from(risen).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    #[test]
    fn steps_are_zero_before_the_first_and_hold_after_each() {
        let curve = Curve::steps([(seconds(10), 5), (seconds(20), 7)]);
        let at = |second| curve.at(seconds(second)).unwrap();
        assert_eq!([at(0), at(10), at(19), at(20), at(99)], [0, 5, 5, 7, 7]);
    }

    #[test]
    fn lines_are_level_outside_and_straight_between() {
        let curve = Curve::lines([(seconds(10), 100), (seconds(20), 0)]);
        let at = |second| curve.at(seconds(second)).unwrap();
        assert_eq!([at(0), at(10), at(15), at(20), at(99)], [100, 100, 50, 0, 0]);
    }

    #[test]
    fn a_day_is_highest_at_its_peak_and_lowest_half_a_day_later() {
        let curve = Curve::daily(100, 900, 14);
        let at = |hour: i64| curve.at(seconds(hour * 3600)).unwrap();
        assert_eq!([at(14), at(2), at(26), at(8)], [900, 100, 100, 500]);
    }

    #[test]
    fn a_gap_in_a_recording_is_no_number() {
        let gap = Point { at: seconds(5), milli: None };
        let curve = Curve::Steps([Point::new(seconds(0), 3), gap].into());
        assert_eq!((curve.at(seconds(4)), curve.at(seconds(5))), (Some(3), None));
        assert_eq!(Curve::Sum(vec![Curve::Constant(1), curve]).at(seconds(9)), None);
    }

    proptest! {
        #[test]
        fn a_wave_stays_between_its_ends(
            low in -1_000_000_i64..1_000_000, height in 0_i64..1_000_000, peak in 0_u64..200_000, at in any::<i64>(),
        ) {
            let curve = Curve::Wave {
                low, high: low + height, period: Duration::from_secs(86_400), peak: Duration::from_secs(peak),
            };
            let value = curve.at(Time::from_nanos(at)).unwrap();
            prop_assert!((low..=low + height).contains(&value));
        }
    }
}
