//! Quantities as Go keeps them: not only the value but also how it was spelled.
//!
//! Source: `apimachinery/pkg/api/resource`, `ParseQuantity`. Two spellings of one value may be kept
//! differently, and the template hash sees that.

/// How a quantity was spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// No suffix, or one of `n u m k M G T P E`.
    DecimalSi,
    /// `Ki`, `Mi`, …
    BinarySi,
    /// `e3` and the like.
    DecimalExponent,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::DecimalSi => "DecimalSI",
            Self::BinarySi => "BinarySI",
            Self::DecimalExponent => "DecimalExponent",
        }
    }
}

/// The number in a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// `value * 10^scale`.
    Small {
        /// Digits with sign.
        value: i64,
        /// Power of ten.
        scale: i32,
    },
    /// `unscaled / 10^scale`, for what the small form cannot hold.
    Big {
        /// Digits with sign.
        unscaled: i128,
        /// Negative power of ten.
        scale: i32,
    },
}

/// A quantity as Go keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GoQuantity {
    pub(crate) amount: Amount,
    /// The spelling, kept where it is canonical already.
    pub(crate) cached: String,
    pub(crate) format: Format,
}

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuantityFault {
    /// It does not look like one.
    Form,
    /// Its suffix has no meaning.
    Suffix,
    /// Its number cannot be held.
    Number,
}

/// Smallest power of ten that is kept.
const NANO: i32 = -9;
/// Digits that surely fit 64 bits.
const SMALL_DIGITS: usize = 18;

struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Option<Parts<'_>> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end_of_digits = |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = rest.split_at(end_of_digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(end_of_digits(rest)),
        None => ("", rest),
    };
    if digits.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = digits.trim_start_matches('0');
    Some(Parts { negative, whole: if whole.is_empty() { "0" } else { whole }, fraction, suffix })
}

/// Whether a text has the form of a suffix: letters, a sign, digits.
fn is_well_formed(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(|letter| "eEinumkKMGTP".contains(letter));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.bytes().all(|letter| letter.is_ascii_digit())
}

/// Base (2 or 10), exponent and format of a suffix.
fn suffix(text: &str) -> Option<(u8, i32, Format)> {
    let decimal = |exponent| Some((10, exponent, Format::DecimalSi));
    let binary = |exponent| Some((2, exponent, Format::BinarySi));
    match text {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent: i32 = text.strip_prefix(['e', 'E'])?.parse().ok()?;
            (-1_000..=1_000).contains(&exponent).then_some((10, exponent, Format::DecimalExponent))
        }
    }
}

impl GoQuantity {
    /// The quantity of a text, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    /// The quantity of a text, or what is wrong with the text.
    pub(crate) fn read(text: &str) -> Result<Self, QuantityFault> {
        let text = text.trim();
        if text == "0" {
            let amount = Amount::Small { value: 0, scale: 0 };
            return Ok(Self { amount, cached: "0".to_owned(), format: Format::DecimalSi });
        }
        let parts = split(text).filter(|parts| is_well_formed(parts.suffix)).ok_or(QuantityFault::Form)?;
        let (base, exponent, format) = suffix(parts.suffix).ok_or(QuantityFault::Suffix)?;
        Self::small(text, &parts, base, exponent, format)
            .or_else(|| Self::big(&parts, base, exponent, format))
            .ok_or(QuantityFault::Number)
    }

    /// The form that fits 64 bits, if it can be seen at once that it does.
    fn small(text: &str, parts: &Parts<'_>, base: u8, exponent: i32, format: Format) -> Option<Self> {
        let digits = parts.whole.len() + parts.fraction.len();
        let (mantissa, scale) = if base == 10 {
            if digits > SMALL_DIGITS {
                return None;
            }
            (1, exponent.checked_sub(i32::try_from(parts.fraction.len()).ok()?)?)
        } else {
            let power = usize::try_from(exponent * 3 / 10).ok()?;
            if !parts.fraction.is_empty() || parts.whole.len() + power + 1 > 15 {
                return None;
            }
            (1_i64.checked_shl(u32::try_from(exponent).ok()?)?, 0)
        };
        if scale < NANO {
            return None;
        }
        let shifted = format!("{}{}", parts.whole, parts.fraction);
        let number: i64 = shifted.parse().ok()?;
        let value = number.checked_mul(mantissa)?;
        let canonical = match format {
            Format::BinarySi => number & 7 != 0,
            Format::DecimalSi | Format::DecimalExponent => {
                scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0')
            }
        };
        Some(Self {
            amount: Amount::Small { value: if parts.negative { -value } else { value }, scale },
            cached: if canonical { text.to_owned() } else { String::new() },
            format,
        })
    }

    /// The form for all others: rounded up to billionths, binary ones capped at 63 bits.
    fn big(parts: &Parts<'_>, base: u8, exponent: i32, format: Format) -> Option<Self> {
        if base == 2 && parts.whole.len() > 19 {
            // Beyond the cap, however many digits there are.
            let limit = i128::from(i64::MAX);
            let unscaled = if parts.negative { -limit } else { limit };
            return Some(Self { amount: Amount::Big { unscaled, scale: 0 }, cached: String::new(), format });
        }
        let mut unscaled: i128 = format!("{}{}", parts.whole, parts.fraction).parse().ok()?;
        let mut scale = i32::try_from(parts.fraction.len()).ok()?;
        let mut format = format;
        if base == 10 {
            scale = scale.checked_sub(exponent)?;
        } else {
            unscaled = unscaled.saturating_mul(1_i128.checked_shl(u32::try_from(exponent).ok()?)?);
        }
        if unscaled != 0 {
            unscaled = match rescale_up(unscaled, scale, -NANO) {
                None if base == 2 => i128::MAX,
                rescaled => rescaled?,
            };
            scale = -NANO;
        }
        if format == Format::BinarySi && scale == -NANO {
            let limit = i128::from(i64::MAX) * 1_000_000_000;
            if unscaled > limit {
                unscaled = i128::from(i64::MAX);
                scale = 0;
            } else if unscaled > 0 && unscaled < 1_000_000_000 {
                format = Format::DecimalSi;
            }
        }
        let amount = Amount::Big { unscaled: if parts.negative { -unscaled } else { unscaled }, scale };
        Some(Self { amount, cached: String::new(), format })
    }

    /// The value as digits without trailing zeros and a power of ten; equal for equal values.
    pub(crate) fn normal(&self) -> (i128, i32) {
        let (mut digits, mut exponent) = match self.amount {
            Amount::Small { value, scale } => (i128::from(value), scale),
            Amount::Big { unscaled, scale } => (unscaled, -scale),
        };
        if digits == 0 {
            return (0, 0);
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        (digits, exponent)
    }

    /// The one spelling that the API server stores for it.
    ///
    /// Source: `CanonicalizeBytes`: the largest suffix that leaves a whole number; binary ones only
    /// where nothing is lost and the value is at least 1024 or whole.
    pub(crate) fn canonical(&self) -> String {
        if !self.cached.is_empty() {
            return self.cached.clone();
        }
        let (digits, exponent) = self.normal();
        if digits == 0 {
            return "0".to_owned();
        }
        match self.format {
            Format::BinarySi => binary(digits, exponent).unwrap_or_else(|| decimal(digits, exponent, false)),
            Format::DecimalSi => decimal(digits, exponent, false),
            Format::DecimalExponent => decimal(digits, exponent, true),
        }
    }
}

/// `unscaled / 10^from` as `x / 10^to`, rounded away from zero.
fn rescale_up(unscaled: i128, from: i32, to: i32) -> Option<i128> {
    let power = |exponent: i32| 10_i128.checked_pow(u32::try_from(exponent).ok()?);
    if from <= to {
        return unscaled.checked_mul(power(to - from)?);
    }
    let Some(divisor) = power(from - to) else { return Some(1) };
    Some(unscaled / divisor + i128::from(unscaled % divisor != 0))
}

fn decimal(digits: i128, exponent: i32, scientific: bool) -> String {
    let (mut digits, mut exponent) = (digits, exponent);
    while exponent.rem_euclid(3) != 0 {
        match digits.checked_mul(10) {
            Some(more) => digits = more,
            None => break,
        }
        exponent -= 1;
    }
    let letters =
        [(-9, "n"), (-6, "u"), (-3, "m"), (0, ""), (3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P"), (18, "E")];
    let known = letters.iter().find(|(power, _)| *power == exponent);
    match known {
        Some((_, letter)) if !scientific => format!("{digits}{letter}"),
        _ if exponent == 0 => digits.to_string(),
        Some(_) => format!("{digits}e{exponent}"),
        None if exponent > 18 => {
            let zeros = usize::try_from(exponent - 18).unwrap_or_default();
            format!("{digits}{}E", "0".repeat(zeros))
        }
        None => format!("{digits}e{exponent}"),
    }
}

fn binary(digits: i128, exponent: i32) -> Option<String> {
    let mut whole = if exponent >= 0 {
        digits.checked_mul(10_i128.checked_pow(u32::try_from(exponent).ok()?)?)?
    } else {
        let divisor = 10_i128.checked_pow(u32::try_from(-exponent).ok()?)?;
        if digits.abs() < divisor {
            return None;
        }
        digits / divisor + if digits % divisor == 0 { 0 } else { digits.signum() }
    };
    let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut index = 0;
    while whole % 1024 == 0 && index + 1 < suffixes.len() {
        whole /= 1024;
        index += 1;
    }
    Some(format!("{whole}{}", suffixes[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, cached: &str, canonical: &str) {
        let quantity = GoQuantity::parse(text).expect(text);
        assert_eq!((quantity.cached.as_str(), quantity.canonical().as_str()), (cached, canonical), "{text}");
    }

    #[test]
    fn a_spelling_is_kept_only_where_it_is_canonical() {
        check("500m", "500m", "500m");
        check("0.5", "", "500m");
        check("1000", "", "1k");
        check("0", "0", "0");
        check("1Gi", "1Gi", "1Gi");
        check("128Mi", "", "128Mi");
        check("1.5Gi", "", "1536Mi");
        check("1024Mi", "", "1Gi");
        check("1e3", "1e3", "1e3");
        check("134217728", "134217728", "134217728");
    }

    #[test]
    fn equal_values_have_one_normal_form() {
        let normal = |text: &str| GoQuantity::parse(text).map(|quantity| quantity.normal());
        assert_eq!(normal("0.1"), normal("100m"));
        assert_eq!(normal("1Gi"), normal("1073741824"));
        assert_ne!(normal("1G"), normal("1Gi"));
    }

    #[test]
    fn nonsense_is_no_quantity() {
        for text in ["", "x", "-", "1.2.3", "1kk", "Ki", "1 Gi", "1e", "é"] {
            assert_eq!(GoQuantity::parse(text), None, "{text}");
        }
    }
}
