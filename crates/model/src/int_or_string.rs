//! Numbers that may be given as a percentage.

use crate::strconv::{IntegerError, parse_integer, quote};
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An `IntOrString` of the API: kept as spelled, read when it is used.
///
/// ```
/// use wavetank_model::IntOrString;
///
/// let quarter = IntOrString::parse("25%");
/// assert_eq!(quarter.scaled_value(10, true), Ok(3));
/// assert_eq!(quarter.scaled_value(10, false), Ok(2));
/// ```
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text, meant to be a percentage.
    String(Arc<str>),
}

impl PartialEq for IntOrString {
    /// Versions of one object share their texts.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::String(one), Self::String(other)) => Arc::ptr_eq(one, other) || one == other,
            (Self::Int(_), Self::String(_)) | (Self::String(_), Self::Int(_)) => false,
        }
    }
}

/// Why an [`IntOrString`] cannot be scaled; the text is the API server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntOrStringError {
    /// There is no value.
    #[error("nil value for IntOrString")]
    Missing,
    /// A text without a percent sign at its end.
    #[error("invalid value for IntOrString: invalid type: string is not a percentage")]
    NotPercentage,
    /// What stands before the percent sign is no integer.
    #[error("invalid value for IntOrString: invalid value {}: strconv.Atoi: parsing {}: {reason}",
        quote(.spelled), quote(.number))]
    Number {
        /// The whole text.
        spelled: Arc<str>,
        /// The text before the percent sign.
        number: Arc<str>,
        /// What is wrong with it.
        reason: IntegerError,
    },
}

impl IntOrString {
    /// Reads a text as a flag of a command line is read: a number if it is one, else a text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let number = parse_integer(text).ok().and_then(|number| i32::try_from(number).ok());
        number.map_or_else(|| Self::String(text.into()), Self::Int)
    }

    /// The number, or a percentage of `total`.
    ///
    /// # Errors
    ///
    /// If it is a text that is no percentage.
    #[inline]
    pub fn scaled_value(&self, total: i32, round_up: bool) -> Result<i32, IntOrStringError> {
        match self.usual_value(total, round_up) {
            Some(value) => Ok(value),
            None => self.unusual_value(total, round_up),
        }
    }

    /// What nearly everybody writes, read in every pass: a number, or a percentage of two digits.
    #[inline]
    fn usual_value(&self, total: i32, round_up: bool) -> Option<i32> {
        match self {
            Self::Int(number) => Some(*number),
            Self::String(text) => match text.as_bytes() {
                &[ten @ b'0'..=b'9', one @ b'0'..=b'9', b'%'] => {
                    let product = i64::from(total) * i64::from((ten - b'0') * 10 + (one - b'0'));
                    let rounded = product + if round_up { 99 } else { 0 };
                    i32::try_from(rounded.div_euclid(100)).ok()
                }
                _ => None,
            },
        }
    }

    fn unusual_value(&self, total: i32, round_up: bool) -> Result<i32, IntOrStringError> {
        match self {
            Self::Int(number) => Ok(*number),
            Self::String(text) => Ok(share(total, percentage(text)?, round_up)),
        }
    }

    /// The number itself, or the number that the text spells; 0 if it spells none.
    #[must_use]
    pub fn int_value(&self) -> i64 {
        match self {
            Self::Int(number) => i64::from(*number),
            Self::String(text) => parse_integer(text).unwrap_or(0),
        }
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::String(text) => f.write_str(text),
        }
    }
}

/// [`IntOrString::scaled_value`] of a field that may be absent.
///
/// # Errors
///
/// If there is no value, or it cannot be scaled.
pub fn scaled_value(value: Option<&IntOrString>, total: i32, round_up: bool) -> Result<i32, IntOrStringError> {
    value.ok_or(IntOrStringError::Missing)?.scaled_value(total, round_up)
}

/// How many pods a rolling update may have above `desired`, and how many may be unavailable.
///
/// An absent value counts as 0. A rollout with both at 0 could never move, so one pod may then be
/// unavailable: small percentages of a small Deployment both round to 0.
///
/// # Errors
///
/// If one of them cannot be scaled; the surge is looked at first.
#[inline]
pub fn resolve_fenceposts(
    max_surge: Option<&IntOrString>,
    max_unavailable: Option<&IntOrString>,
    desired: i32,
) -> Result<(i32, i32), IntOrStringError> {
    let usual = |value: Option<&IntOrString>, round_up| match value {
        Some(value) => value.usual_value(desired, round_up),
        None => Some(0),
    };
    if let (Some(surge), Some(unavailable)) = (usual(max_surge, true), usual(max_unavailable, false)) {
        return Ok(that_move(surge, unavailable));
    }
    let scale =
        |value: Option<&IntOrString>, round_up| value.map_or(Ok(0), |value| value.scaled_value(desired, round_up));
    let surge = scale(max_surge, true)?;
    let unavailable = scale(max_unavailable, false)?;
    Ok(that_move(surge, unavailable))
}

/// Limits with which a rollout gets on.
const fn that_move(surge: i32, unavailable: i32) -> (i32, i32) {
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

fn percentage(text: &str) -> Result<i64, IntOrStringError> {
    let (number, sign) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", text));
    if sign != "%" {
        return Err(IntOrStringError::NotPercentage);
    }
    parse_integer(number).map_err(|reason| IntOrStringError::Number {
        spelled: text.into(),
        number: number.into(),
        reason,
    })
}

/// Products below this are so small that a hundredth of them in doubles rounds as it does in whole numbers.
const SMALL: u64 = 1 << 46;

fn share(total: i32, percentage: i64, round_up: bool) -> i32 {
    match percentage.checked_mul(i64::from(total)).filter(|product| product.unsigned_abs() < SMALL) {
        Some(product) => {
            let share = product.div_euclid(100) + i64::from(round_up && product.rem_euclid(100) != 0);
            #[expect(clippy::cast_possible_truncation, reason = "32 bits are cut off upstream too")]
            let share = share as i32;
            share
        }
        None => floating_share(total, percentage, round_up),
    }
}

/// Floating, as upstream does it, though the results only differ for percentages that nobody writes.
fn floating_share(total: i32, percentage: i64, round_up: bool) -> i32 {
    #[expect(clippy::cast_precision_loss, reason = "upstream multiplies in doubles")]
    let exact = percentage as f64 * f64::from(total) / 100.0;
    let rounded = if round_up { exact.ceil() } else { exact.floor() };
    // A product outside of 64 bits becomes the lowest integer on the machines that upstream runs on.
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked, and 32 bits are cut off upstream too")]
    let share = if in_range { rounded as i64 as i32 } else { 0 };
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> IntOrString {
        IntOrString::String(text.into())
    }

    proptest! {
        #[test]
        fn whole_numbers_give_the_share_that_doubles_give(total: i32, percentage in -20_000_i64..20_000, up: bool) {
            prop_assert_eq!(share(total, percentage, up), floating_share(total, percentage, up));
        }
    }

    #[test]
    fn surge_rounds_up_and_unavailability_down() {
        let quarter = text("25%");
        assert_eq!(resolve_fenceposts(Some(&quarter), Some(&quarter), 5), Ok((2, 1)));
    }

    #[test]
    fn a_rollout_that_could_not_move_may_miss_one_pod() {
        assert_eq!(resolve_fenceposts(Some(&IntOrString::Int(0)), Some(&text("10%")), 5), Ok((0, 1)));
        assert_eq!(resolve_fenceposts(None, None, 5), Ok((0, 1)));
    }

    #[test]
    fn a_bad_surge_is_named_before_a_bad_unavailability() {
        let error = resolve_fenceposts(Some(&text("a%")), Some(&text("b")), 1).expect_err("both are bad").to_string();
        assert_eq!(
            error,
            r#"invalid value for IntOrString: invalid value "a%": strconv.Atoi: parsing "a": invalid syntax"#
        );
    }

    #[test]
    fn numbers_beyond_32_bits_stay_texts() {
        assert_eq!(IntOrString::parse("+3"), IntOrString::Int(3));
        assert_eq!(IntOrString::parse("2147483648").int_value(), 2_147_483_648);
    }

    proptest! {
        #[test]
        fn percentages_bracket_the_exact_share(percent in -500_i32..500, total in 0_i32..1_000_000) {
            let value = text(&format!("{percent}%"));
            let exact = i64::from(percent) * i64::from(total);
            let down = value.scaled_value(total, false).map(i64::from);
            let up = value.scaled_value(total, true).map(i64::from);
            prop_assert_eq!(down, Ok(exact.div_euclid(100)));
            prop_assert_eq!(up, Ok(-(-exact).div_euclid(100)));
        }

        #[test]
        fn no_text_makes_it_panic(spelled: String, total: i32, round_up: bool) {
            let _ = text(&spelled).scaled_value(total, round_up).map_err(|error| error.to_string());
            let _ = text(&format!("{total}9999999%")).scaled_value(total, round_up);
        }
    }
}
