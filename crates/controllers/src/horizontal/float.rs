//! Between counts and doubles, as Go converts them.

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "upstream calculates in doubles, and rounds as this does")]
pub(super) const fn float(number: i64) -> f64 {
    number as f64
}

/// Rounded up. What does not fit becomes the nearest count, what is no number becomes 0.
#[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
pub(super) fn ceil_i32(number: f64) -> i32 {
    number.ceil() as i32
}

/// Rounded towards zero, otherwise like [`ceil_i32`].
#[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
pub(super) const fn cut_i32(number: f64) -> i32 {
    number as i32
}

/// Rounded up. What does not fit, or is no number, becomes the lowest number, as on amd64.
#[expect(clippy::cast_possible_truncation, reason = "what would be cut is dealt with before")]
pub(super) fn ceil_i64(number: f64) -> i64 {
    const TWO_TO_THE_63: f64 = 9_223_372_036_854_775_808.0;
    let number = number.ceil();
    if (-TWO_TO_THE_63..TWO_TO_THE_63).contains(&number) { number as i64 } else { i64::MIN }
}
