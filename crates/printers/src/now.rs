//! The present, and the ages and dates that follow from it.

use jiff::Timestamp;
use wavetank_engine::{Calendar, Time};
use wavetank_model::duration::human_duration;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The instant at which something is printed, since ages count from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(Instant);

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(i128);

impl Now {
    /// The instant that a virtual time stands for.
    #[must_use]
    pub fn new(time: Time, calendar: Calendar) -> Self {
        let (seconds, nanos) = calendar.unix(time);
        Self(Instant(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos)))
    }

    /// The instant of an RFC 3339 text such as `2026-01-15T12:00:00Z`; nothing if it is no such text.
    #[must_use]
    pub fn parse(rfc3339: &str) -> Option<Self> {
        Instant::parse(rfc3339).map(Self)
    }

    /// Time since an instant in nanoseconds, as far as 64 bits reach.
    pub(crate) fn nanos_since(self, instant: Instant) -> i64 {
        self.0.nanos_since(instant)
    }

    /// The age of a timestamp as tables show it; `<unknown>` without one.
    pub(crate) fn age(self, timestamp: Option<Instant>) -> String {
        timestamp.map_or_else(|| "<unknown>".into(), |instant| human_duration(self.nanos_since(instant)))
    }
}

impl Instant {
    /// The instant of an RFC 3339 text, fractions included.
    pub(crate) fn parse(rfc3339: &str) -> Option<Self> {
        rfc3339.parse::<Timestamp>().ok().map(|stamp| Self(stamp.as_nanosecond()))
    }

    /// Time since another instant in nanoseconds, as far as 64 bits reach.
    pub(crate) fn nanos_since(self, earlier: Self) -> i64 {
        let nanos = self.0.saturating_sub(earlier.0);
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// The date as `describe` shows it: `Thu, 15 Jan 2026 12:00:00 +0000`.
    pub(crate) fn rfc1123(self) -> String {
        Timestamp::from_nanosecond(self.0)
            .map_or_else(|_| "<invalid>".into(), |stamp| stamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_and_text_name_the_same_instant() {
        let now = Now::new(Time::from_millis(1_500), Calendar::default());
        assert_eq!(Some(now), Now::parse("2026-01-01T00:00:01.5Z"));
    }

    #[test]
    fn ages_count_to_the_present_and_dates_are_in_utc() {
        let now = Now::parse("2026-01-15T12:00:00Z").unwrap();
        assert_eq!(now.age(Instant::parse("2026-01-15T11:55:00Z")), "5m");
        assert_eq!(now.age(None), "<unknown>");
        let dated = Instant::parse("2026-01-05T14:00:00+02:00").map(Instant::rfc1123);
        assert_eq!(dated.as_deref(), Some("Mon, 05 Jan 2026 12:00:00 +0000"));
    }
}
