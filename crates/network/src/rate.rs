//! When requests are sent: rates over time, and what lies between two requests.
//!
//! All is counted in whole numbers. A rate is a number of millionths of a request per second, and the area
//! under it is exact, so neither a long run nor another machine moves a request.
//!
//! ## Why no logarithm
//!
//! The gaps of a Poisson stream are exponential, and the usual way to draw one takes a logarithm, which
//! differs between platforms. Von Neumann's way needs comparisons only: numbers are drawn for as long as
//! each is below the one before; if the run has odd length, its first number is the fraction of the result,
//! otherwise one is added to the result and the next run is tried. That is exact, takes no table and no
//! dependency, and costs about six draws.

use crate::NetworkError;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use wavetank_engine::Stream;

/// One request, in millionths of a request per second times nanoseconds.
pub(crate) const ONE: u128 = 1_000_000 * 1_000_000_000;

/// Requests per second, in steps of a millionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    micro: u64,
}

impl Rate {
    /// No requests.
    pub const ZERO: Self = Self { micro: 0 };

    /// Whole requests per second.
    #[must_use]
    pub const fn per_second(requests: u32) -> Self {
        Self { micro: requests as u64 * 1_000_000 }
    }

    /// One request in each such span.
    #[must_use]
    pub fn every(span: Duration) -> Self {
        let nanos = span.as_nanos().max(1);
        Self { micro: u64::try_from(ONE / nanos).unwrap_or(u64::MAX) }
    }

    /// Requests per second as a user writes them.
    ///
    /// # Errors
    /// If the number is negative, no number, or beyond a billion.
    pub fn of(requests_per_second: f64) -> Result<Self, NetworkError> {
        let fault = if requests_per_second.is_nan() {
            "must be a number"
        } else if requests_per_second < 0.0 {
            "must not be negative"
        } else if requests_per_second > 1e9 {
            "must not be above a billion"
        } else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
            let micro = (requests_per_second * 1e6 + 0.5) as u64;
            return Ok(Self { micro });
        };
        Err(NetworkError::new("rate", fault))
    }

    /// Millionths of a request per second.
    #[must_use]
    pub const fn micro(self) -> u64 {
        self.micro
    }
}

/// A rate over time: steps, each from an offset since the start of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateProfile {
    /// Nanoseconds since the start, ascending, the first one 0.
    steps: Vec<(u64, Rate)>,
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl RateProfile {
    /// One rate for ever.
    #[must_use]
    pub fn constant(rate: Rate) -> Self {
        Self { steps: vec![(0, rate)] }
    }

    /// From an offset on another rate; what was said for later offsets is forgotten.
    #[must_use]
    pub fn then(mut self, from: Duration, rate: Rate) -> Self {
        let from = nanos(from);
        self.steps.retain(|(at, _)| *at < from);
        self.steps.push((from, rate));
        if from > 0 && self.steps[0].0 > 0 {
            self.steps.insert(0, (0, Rate::ZERO));
        }
        self
    }

    /// From an offset on, over a span, by equal steps to another rate, which then stays.
    #[must_use]
    pub fn ramp(mut self, from: Duration, over: Duration, to: Rate, steps: u32) -> Self {
        let start = self.at(nanos(from));
        for step in 1..=steps.max(1) {
            let part = |low: u64, high: u64| {
                let (low, high) = (i128::from(low), i128::from(high));
                let value = low + (high - low) * i128::from(step) / i128::from(steps.max(1));
                u64::try_from(value).unwrap_or_default()
            };
            let at = from + over * (step - 1) / steps.max(1);
            self = self.then(at, Rate { micro: part(start.micro, to.micro) });
        }
        self
    }

    /// No requests from an offset on.
    #[must_use]
    pub fn until(self, end: Duration) -> Self {
        self.then(end, Rate::ZERO)
    }

    /// The rate at an offset.
    pub(crate) fn at(&self, offset: u64) -> Rate {
        let after = self.steps.partition_point(|(at, _)| *at <= offset);
        after.checked_sub(1).map_or(Rate::ZERO, |index| self.steps[index].1)
    }

    /// The first offset after another at which the rate changes.
    pub(crate) fn next_step(&self, after: u64) -> Option<u64> {
        let next = self.steps.partition_point(|(at, _)| *at <= after);
        self.steps.get(next).map(|(at, _)| *at)
    }

    /// The area under the rate between two offsets.
    pub(crate) fn area(&self, from: u64, to: u64) -> u128 {
        let mut area = 0;
        for (index, (at, rate)) in self.steps.iter().enumerate() {
            let end = self.steps.get(index + 1).map_or(u64::MAX, |(at, _)| *at);
            let (low, high) = (from.max(*at), to.min(end));
            if high > low {
                area += u128::from(high - low) * u128::from(rate.micro);
            }
        }
        area
    }

    /// The first offset at which the area since `from` is at least `area`; none if it never is.
    pub(crate) fn reach(&self, from: u64, mut area: u128) -> Option<u64> {
        let first = self.steps.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        for (index, (at, rate)) in self.steps.iter().enumerate().skip(first) {
            let low = from.max(*at);
            let end = self.steps.get(index + 1).map_or(u64::MAX, |(at, _)| *at);
            let room = u128::from(end.saturating_sub(low)) * u128::from(rate.micro);
            if rate.micro > 0 && room >= area {
                let span = area.div_ceil(u128::from(rate.micro));
                return low.checked_add(u64::try_from(span).ok()?);
            }
            area -= room.min(area);
        }
        None
    }
}

/// How far apart requests are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spacing {
    /// As the rate says, to the nanosecond.
    #[default]
    Even,
    /// Independent of each other: a Poisson stream.
    Poisson,
}

impl Spacing {
    /// The area under the rate up to the next request.
    pub(crate) fn gap(self, stream: &mut Stream) -> u128 {
        match self {
            Self::Even => ONE,
            Self::Poisson => exponential(stream, ONE),
        }
    }
}

/// A draw from the exponential distribution of a mean.
pub(crate) fn exponential(stream: &mut Stream, mean: u128) -> u128 {
    let mut whole: u128 = 0;
    loop {
        let first = stream.draw();
        let (mut last, mut odd) = (first, true);
        loop {
            let next = stream.draw();
            if next >= last {
                break;
            }
            (last, odd) = (next, !odd);
        }
        if odd {
            // The fraction in 32 bits, so that no product overflows: means are far below 2⁹⁶.
            return whole * mean + ((u128::from(first >> 32) * mean) >> 32);
        }
        whole += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wavetank_engine::{Seed, Streams};

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_rate_below_nothing_is_refused_by_name() {
        assert_eq!(Rate::of(-1.0).unwrap_err().to_string(), "rate: must not be negative");
        assert_eq!(Rate::of(f64::NAN).unwrap_err().to_string(), "rate: must be a number");
        assert_eq!(Rate::of(0.5), Ok(Rate::every(Duration::from_secs(2))));
    }

    #[test]
    fn even_requests_come_at_the_rate_across_a_step() {
        let profile = RateProfile::constant(Rate::per_second(2)).then(Duration::from_millis(750), Rate::per_second(4));
        let mut times = vec![0];
        for _ in 0..3 {
            times.push(profile.reach(times[times.len() - 1], ONE).unwrap());
        }
        assert_eq!(times, [0, SECOND / 2, SECOND / 2 + 375_000_000, SECOND / 2 + 625_000_000]);
        assert_eq!(profile.clone().until(Duration::from_secs(1)).reach(SECOND, 1), None);
    }

    #[test]
    fn a_ramp_goes_up_by_equal_steps() {
        let profile = RateProfile::constant(Rate::ZERO).ramp(
            Duration::from_secs(1),
            Duration::from_secs(4),
            Rate::per_second(8),
            4,
        );
        let rates: Vec<u64> = (0..7).map(|second| profile.at(second * SECOND).micro() / 1_000_000).collect();
        assert_eq!(rates, [0, 2, 4, 6, 8, 8, 8]);
    }

    #[test]
    fn exponential_draws_have_mean_and_variance_one() {
        let mut stream = Streams::new(Seed(5)).stream("exponential");
        let unit = 1_u128 << 20;
        let draws: Vec<f64> = (0..100_000)
            .map(|_| f64::from(u32::try_from(exponential(&mut stream, unit)).unwrap_or(u32::MAX)) / 1_048_576.0)
            .collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>() / 1e5;
        // Four standard errors: 1/√n of the mean, √(8/n) of the variance.
        assert!((mean - 1.0).abs() < 0.013, "{mean}");
        assert!((variance - 1.0).abs() < 0.036, "{variance}");
    }

    proptest! {
        #[test]
        fn the_area_up_to_where_it_is_reached_is_enough_and_not_too_much(
            steps in prop::collection::vec((0_u64..20, 0_u32..50), 0..6),
            from in 0_u64..30,
            requests in 1_u128..40,
        ) {
            let mut profile = RateProfile::constant(Rate::per_second(3));
            for (at, rate) in steps {
                profile = profile.then(Duration::from_secs(at), Rate::per_second(rate));
            }
            let from = from * SECOND / 2;
            match profile.reach(from, requests * ONE) {
                Some(at) => {
                    prop_assert!(profile.area(from, at) >= requests * ONE);
                    prop_assert!(profile.area(from, at - 1) < requests * ONE);
                }
                None => prop_assert!(profile.area(from, u64::MAX) < requests * ONE),
            }
        }
    }
}
