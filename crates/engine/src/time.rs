//! Virtual time: an integer count of nanoseconds, and the calendar it stands for.

use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant of virtual time: nanoseconds since the start of the simulation.
///
/// Signed, because imported objects may be older than the simulation. The very least number of
/// nanoseconds is not used, so that a time that may be absent needs no more room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

/// Moves the start to the middle of the unsigned numbers; the order stays.
const MIDDLE: u64 = 1 << 63;

impl Time {
    /// The start of the simulation.
    pub const ZERO: Self = Self::from_nanos(0);
    /// The last instant that can be named, some 292 years after the start.
    pub const MAX: Self = Self::from_nanos(i64::MAX);
    /// The first instant that can be named.
    pub const MIN: Self = Self::from_nanos(i64::MIN);

    /// The instant `nanos` nanoseconds after the start (before it, if negative).
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        match NonZeroU64::new(nanos.cast_unsigned() ^ MIDDLE) {
            Some(moved) => Self(moved),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// The instant `millis` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// The instant `seconds` seconds after the start.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        (self.0.get() ^ MIDDLE).cast_signed()
    }

    /// Whole milliseconds since the start, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.as_nanos().div_euclid(1_000_000)
    }

    /// Whole seconds since the start, rounded down.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.as_nanos().div_euclid(NANOS_PER_SECOND)
    }

    /// This instant cut to a whole second, as every timestamp in an API object is.
    #[must_use]
    pub const fn floor_second(self) -> Self {
        Self::from_nanos(self.as_seconds().saturating_mul(NANOS_PER_SECOND))
    }

    /// Time since `earlier` in nanoseconds; negative if `earlier` is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.as_nanos().saturating_sub(earlier.as_nanos())
    }

    /// Time since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos_since(earlier)).unwrap_or(0))
    }

    /// This instant moved by a signed number of nanoseconds, saturating.
    #[must_use]
    pub const fn offset(self, nanos: i64) -> Self {
        Self::from_nanos(self.as_nanos().saturating_add(nanos))
    }
}

/// A whole second within 68 years of the start, to both sides: what timestamps of API objects are.
///
/// Four bytes, and one that may be absent needs no more.
///
/// ```
/// use wavetank_engine::{Second, Time};
///
/// assert_eq!(Second::of(Time::from_millis(2_900)).time(), Time::from_seconds(2));
/// assert_eq!(Second::of(Time::from_millis(-100)).time(), Time::from_seconds(-1));
/// assert_eq!(size_of::<Option<Second>>(), 4);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Second(NonZeroU32);

/// The second that would be kept as 0.
const BEFORE_ALL: i64 = i32::MIN as i64;

impl Second {
    /// The second in which an instant lies. Of one that is further away it is the last one to that side.
    #[must_use]
    #[inline]
    pub fn of(time: Time) -> Self {
        let kept = u32::try_from(time.as_seconds().saturating_sub(BEFORE_ALL).max(1)).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(kept).unwrap_or(NonZeroU32::MIN))
    }

    /// The second as a number that keeps the order, and is never 0.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0.get()
    }

    /// The instant at which it begins.
    #[must_use]
    #[inline]
    pub fn time(self) -> Time {
        Time::from_nanos((i64::from(self.0.get()) + BEFORE_ALL) * NANOS_PER_SECOND)
    }
}

impl fmt::Debug for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Second").field(&self.time().as_seconds()).finish()
    }
}

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.time().as_seconds().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Second {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(|seconds| Self::of(Time::from_seconds(seconds)))
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Time").field(&self.as_nanos()).finish()
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_nanos().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::from_nanos)
    }
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        self.offset(nanos(span))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self::from_nanos(self.as_nanos().saturating_sub(nanos(span)))
    }
}

/// The calendar instant that [`Time::ZERO`] stands for: whole seconds since the Unix epoch.
///
/// Whole, so that cutting a [`Time`] to a second and cutting its calendar form to a second agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calendar {
    start: i64,
}

impl Calendar {
    /// A calendar whose start is `seconds` after the Unix epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self { start: seconds }
    }

    /// Seconds and nanoseconds since the Unix epoch of an instant.
    #[must_use]
    pub const fn unix(self, time: Time) -> (i64, i64) {
        (self.start + time.as_seconds(), time.as_nanos().rem_euclid(NANOS_PER_SECOND))
    }

    /// The virtual instant of a calendar one, saturating.
    #[must_use]
    pub const fn time(self, unix_seconds: i64, nanos: i64) -> Time {
        Time::from_seconds(unix_seconds.saturating_sub(self.start)).offset(nanos)
    }
}

impl Default for Calendar {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::from_unix_seconds(1_767_225_600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_cut_towards_the_past_on_both_sides_of_the_start() {
        assert_eq!(Time::from_millis(1_999).floor_second(), Time::from_seconds(1));
        assert_eq!(Time::from_millis(-1).floor_second(), Time::from_seconds(-1));
    }

    #[test]
    fn spans_saturate_at_the_end_of_time() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO.since(Time::from_seconds(1)), Duration::ZERO);
    }

    #[test]
    fn the_calendar_round_trips() {
        let calendar = Calendar::default();
        let time = Time::from_millis(-1_500);
        let (seconds, nanos) = calendar.unix(time);
        assert_eq!(calendar.time(seconds, nanos), time);
    }
}
