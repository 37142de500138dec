//! Reads quantities, and knows their suffixes.

use super::decimal::Decimal;
use super::{Amount, Format, Quantity, QuantityError};
use crate::strconv::parse_integer;
use std::sync::Arc;

/// Digits that always fit in 64 bits.
const SMALL_DIGITS: i64 = 18;
/// The finest scale: digits behind the decimal point.
const NANO: i64 = 9;

/// Decimal suffixes with their power of ten.
const DECIMAL: [(&str, i64); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// Binary suffixes; each is 2¹⁰ times the one before.
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The decimal suffix of a power of ten; upstream writes none where it has none.
pub(super) fn decimal_suffix(exponent: i64) -> &'static str {
    DECIMAL.iter().find(|&&(_, own)| own == exponent).map_or("", |(suffix, _)| suffix)
}

/// The binary suffix of a power of 1024.
pub(super) fn binary_suffix(power: usize) -> &'static str {
    power.checked_sub(1).and_then(|index| BINARY.get(index)).copied().unwrap_or("")
}

/// The parts of a text: sign, digits before and behind the point, suffix.
struct Parts<'a> {
    negative: bool,
    /// Without leading zeros; `0` if nothing is left.
    whole: &'a str,
    fraction: &'a str,
    /// Whether there was a digit at all.
    digits: bool,
    suffix: &'a str,
}

pub(super) fn parse(text: &str) -> Result<Quantity, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let parts = split(text)?;
    let (format, exponent) = interpret(parts.suffix).ok_or(QuantityError::Suffix)?;
    match small(&parts, format, exponent)? {
        Some((amount, canonical)) => {
            // Upstream keeps spellings that look canonical, so `+1` stays `+1`.
            let spelled = (canonical || text == "0").then(|| Arc::from(text));
            Ok(Quantity { amount, format, spelled })
        }
        None => exact(&parts, format, exponent),
    }
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let digits_end = |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let significant = unsigned.trim_start_matches('0');
    let (whole, rest) = significant.split_at(digits_end(significant));
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), |rest| rest.split_at(digits_end(rest)));
    // A suffix is letters, then perhaps a sign, then digits to the end.
    let number = suffix.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    if digits_end(number) != number.len() {
        return Err(QuantityError::Format);
    }
    let digits = unsigned.len() > significant.len() || !whole.is_empty() || !fraction.is_empty();
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(Parts { negative: text.starts_with('-'), whole, fraction, digits, suffix })
}

/// The format that a suffix stands for, and its power of ten or of two.
fn interpret(suffix: &str) -> Option<(Format, i64)> {
    if let Some(&(_, exponent)) = DECIMAL.iter().find(|&&(own, _)| own == suffix) {
        return Some((Format::DecimalSi, exponent));
    }
    if let Some(index) = BINARY.iter().position(|&own| own == suffix) {
        return Some((Format::BinarySi, i64::try_from(10 * (index + 1)).ok()?));
    }
    let [low @ .., _, _, _, _] = parse_integer(suffix.strip_prefix(['e', 'E'])?).ok()?.to_le_bytes();
    // Upstream keeps 32 bits of the exponent.
    Some((Format::DecimalExponent, i64::from(i32::from_le_bytes(low))))
}

/// The number in 64 bits, as long as it clearly fits, and whether it looks canonical as spelled.
fn small(parts: &Parts<'_>, format: Format, exponent: i64) -> Result<Option<(Amount, bool)>, QuantityError> {
    let count = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let (whole, fraction) = (count(parts.whole), count(parts.fraction));
    let (room, scale, factor) = match format {
        Format::DecimalSi | Format::DecimalExponent => (SMALL_DIGITS - whole - fraction, exponent - fraction, 1),
        // Ten powers of two make about three digits.
        Format::BinarySi if fraction == 0 => (14 - whole - exponent * 3 / 10, 0, 1_i64 << exponent),
        Format::BinarySi => return Ok(None),
    };
    if room < 0 || scale < -NANO {
        return Ok(None);
    }
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let value = parse_integer(&digits).map_err(|_| QuantityError::Numeric)?;
    let (Some(product), Ok(scale)) = (value.checked_mul(factor), i32::try_from(scale)) else { return Ok(None) };
    let canonical = match format {
        Format::BinarySi => value % 8 != 0,
        Format::DecimalSi | Format::DecimalExponent => {
            scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
        }
    };
    let value = if parts.negative { -product } else { product };
    Ok(Some((Amount::Small { value, scale }, canonical)))
}

/// The number at full length: not finer than a billionth, and not above 2⁶³-1 if it is binary.
fn exact(parts: &Parts<'_>, mut format: Format, exponent: i64) -> Result<Quantity, QuantityError> {
    if !parts.digits {
        return Err(QuantityError::Numeric);
    }
    let places = i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    let mut amount = Decimal::from_digits(false, &format!("{}{}", parts.whole, parts.fraction), places);
    match format {
        Format::DecimalSi | Format::DecimalExponent => amount.move_point(exponent),
        Format::BinarySi => (0..exponent / 10).for_each(|_| amount.times(1 << 10)),
    }
    if !amount.is_zero() {
        // Whoever asks for a little gets a little: what is below a billionth becomes one.
        amount = amount.at_scale(NANO).ok_or(QuantityError::Numeric)?.0;
    }
    if format == Format::BinarySi {
        let most = Decimal::from_i64(i64::MAX, 0);
        if amount > most {
            amount = most;
        }
        if !amount.is_zero() && amount < Decimal::from_i64(1, 0) {
            format = Format::DecimalSi;
        }
    }
    let amount = if parts.negative { amount.negated() } else { amount };
    Ok(Quantity { amount: Amount::Exact(amount), format, spelled: None })
}
