//! Durations as tables show them: two units at most, rounded down.

use core::time::Duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Ages a little below zero come from clocks that disagree; below this, in seconds, an age makes no sense.
const SKEW: i64 = -1;

/// An age in nanoseconds with up to two units, as in `kubectl get`: `5m30s`, `47h`, `2y100d`.
///
/// The smaller unit is shown only while it matters: seconds up to ten minutes, minutes up to eight hours,
/// hours up to eight days, days up to eight years.
#[must_use]
pub fn human_duration(nanos: i64) -> String {
    let seconds = whole_seconds(nanos);
    let (minutes, hours, days) = (seconds / MINUTE, seconds / HOUR, seconds / DAY);
    match seconds {
        ..SKEW => invalid(),
        SKEW..0 => "0s".into(),
        _ if seconds < 2 * MINUTE => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, 'm', seconds % MINUTE, 's'),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, 'd', hours % 24, 'h'),
        _ if days < 2 * 365 => format!("{days}d"),
        _ if days < 8 * 365 => two(seconds / YEAR, 'y', days % 365, 'd'),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// [`human_duration`] of a span, which is never negative.
#[must_use]
pub fn human_span(span: Duration) -> String {
    human_duration(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

/// An age in nanoseconds with its largest unit only: `5m`, `47h`, `2y`.
#[must_use]
pub fn short_human_duration(nanos: i64) -> String {
    let seconds = whole_seconds(nanos);
    match seconds {
        ..SKEW => return invalid(),
        SKEW..0 => return "0s".into(),
        0..MINUTE => return format!("{seconds}s"),
        MINUTE..HOUR => return format!("{}m", seconds / MINUTE),
        HOUR.. => {}
    }
    let hours = floating_hours(nanos);
    match hours.floor() {
        whole if whole < 24.0 => format!("{whole}h"),
        whole if whole < 24.0 * 365.0 => format!("{}d", (whole / 24.0).floor()),
        _ => format!("{}y", (hours / 24.0 / 365.0).floor()),
    }
}

/// Hours as upstream has them: in a double, where an age a nanosecond short of years rounds up to them.
fn floating_hours(nanos: i64) -> f64 {
    const NANOS_PER_HOUR: i64 = HOUR * 1_000_000_000;
    #[expect(clippy::cast_precision_loss, reason = "both parts are far below 2^53")]
    let [whole, rest] = [nanos / NANOS_PER_HOUR, nanos % NANOS_PER_HOUR].map(|part| part as f64);
    whole + rest / 3.6e12
}

/// Cut towards zero, so that an age just below zero is still 0.
const fn whole_seconds(nanos: i64) -> i64 {
    nanos / 1_000_000_000
}

fn invalid() -> String {
    "<invalid>".into()
}

/// A number of large units and, unless it is zero, of small ones.
fn two(large: i64, large_unit: char, small: i64, small_unit: char) -> String {
    if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit}{small}{small_unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: i64, human: &str, short: &str) {
        let nanos = seconds * 1_000_000_000;
        assert_eq!((human_duration(nanos).as_str(), short_human_duration(nanos).as_str()), (human, short));
    }

    #[test]
    fn the_smaller_unit_goes_away_as_the_age_grows() {
        check(119, "119s", "1m");
        check(120, "2m", "2m");
        check(599, "9m59s", "9m");
        check(600, "10m", "10m");
        check(3 * HOUR, "3h", "3h");
        check(8 * HOUR - 1, "7h59m", "7h");
        check(48 * HOUR, "2d", "2d");
        check(8 * DAY - 1, "7d23h", "7d");
        check(2 * YEAR + DAY, "2y1d", "2y");
        check(8 * YEAR, "8y", "8y");
    }

    #[test]
    fn the_short_form_rounds_a_nanosecond_up_once_doubles_cannot_hold_it() {
        let nanos = 2 * YEAR * 1_000_000_000 - 1;
        assert_eq!((human_duration(nanos).as_str(), short_human_duration(nanos).as_str()), ("729d", "2y"));
    }

    #[test]
    fn clocks_may_disagree_by_less_than_two_seconds() {
        check(-1, "0s", "0s");
        check(-2, "<invalid>", "<invalid>");
        assert_eq!(human_duration(-1_999_999_999), "0s");
        assert_eq!(human_span(Duration::MAX), "292y");
    }
}
