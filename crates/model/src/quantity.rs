//! Quantities: exact numbers with decimal or binary suffixes, such as `100m` or `1Gi`.
//!
//! Upstream has two representations, 64 bits with a power of ten and numbers of any length, and a few
//! answers depend on which one a quantity happens to have. So there are two here as well, chosen alike.

mod decimal;
mod parse;

use core::cmp::Ordering;
use core::fmt;
use decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::Arc;

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Format {
    /// With powers of 1000: `m`, `k`, `M`.
    #[default]
    #[serde(rename = "DecimalSI")]
    DecimalSi,
    /// With powers of 1024: `Ki`, `Mi`.
    #[serde(rename = "BinarySI")]
    BinarySi,
    /// With exponents: `1e3`.
    DecimalExponent,
}

impl Format {
    /// The format as the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DecimalSi => "DecimalSI",
            Self::BinarySi => "BinarySI",
            Self::DecimalExponent => "DecimalExponent",
        }
    }
}

/// Why a text is no quantity; the text is the API server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not look like one.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number in it cannot be read.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// There is no such suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// An exact number with a format; equal if the numbers are, however they are written.
///
/// ```
/// use wavetank_model::Quantity;
///
/// let half = Quantity::parse("0.5")?;
/// assert_eq!(half.to_string(), "500m");
/// assert_eq!((half.value(), half.milli_value()), (1, 500));
/// assert_eq!(half.plus(&Quantity::parse("1500m")?), Quantity::parse("2")?);
/// # Ok::<(), wavetank_model::quantity::QuantityError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    amount: Amount,
    format: Format,
    /// The text that it was read from, if that looked canonical to upstream.
    spelled: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
enum Amount {
    /// value × 10^scale
    Small {
        value: i64,
        scale: i32,
    },
    Exact(Decimal),
}

/// How upstream holds the number of a quantity, which shows where it prints one in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// In 64 bits: value × 10^scale.
    Small {
        /// The digits, with their sign.
        value: i64,
        /// The power of ten.
        scale: i32,
    },
    /// At any length: the digits × 10^-scale.
    Exact {
        /// Whether it is below zero.
        negative: bool,
        /// The digits of the magnitude.
        digits: String,
        /// The power of ten that it is divided by.
        scale: i64,
    },
}

impl Default for Amount {
    fn default() -> Self {
        Self::Small { value: 0, scale: 0 }
    }
}

impl Quantity {
    /// Reads a quantity.
    ///
    /// Finer than a billionth is rounded up, binary ones stop at 2⁶³-1, and an exponent that would take
    /// more than ten thousand zeros may be refused as a number, where upstream would try to write them.
    ///
    /// # Errors
    ///
    /// If the text is no quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        parse::parse(text)
    }

    /// Reads a quantity from a piece of JSON: a text, a number as spelled, or `null` for zero.
    ///
    /// # Errors
    ///
    /// If the piece is no quantity.
    pub fn from_json(json: &str) -> Result<Self, QuantityError> {
        if json == "null" {
            return Ok(Self::default());
        }
        let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Self::parse(inner.unwrap_or(json).trim())
    }

    /// The quantity of a whole number.
    #[must_use]
    pub const fn new(value: i64, format: Format) -> Self {
        Self { amount: Amount::Small { value, scale: 0 }, format, spelled: None }
    }

    /// The quantity of a number of thousandths.
    #[must_use]
    pub const fn from_milli(value: i64, format: Format) -> Self {
        Self { amount: Amount::Small { value, scale: -3 }, format, spelled: None }
    }

    /// How it is written.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// How upstream holds the number.
    #[must_use]
    pub fn held(&self) -> Held {
        match &self.amount {
            Amount::Small { value, scale } => Held::Small { value: *value, scale: *scale },
            Amount::Exact(number) => {
                Held::Exact { negative: number.is_negative(), digits: number.digits(), scale: number.scale() }
            }
        }
    }

    /// The text that it was read from, if upstream keeps it.
    #[must_use]
    pub fn spelled(&self) -> Option<&str> {
        self.spelled.as_deref()
    }

    /// Sign and digits without zeros at the end, and the power of ten that they are multiplied by; equal
    /// for equal numbers.
    #[must_use]
    pub fn normal(&self) -> (String, i64) {
        let number = self.amount.exact();
        if number.is_zero() {
            return ("0".to_owned(), 0);
        }
        let digits = number.digits();
        let short = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - short.len()).unwrap_or_default();
        let sign = if number.is_negative() { "-" } else { "" };
        (format!("{sign}{short}"), zeros - number.scale())
    }

    /// -1, 0 or 1.
    #[must_use]
    pub const fn signum(&self) -> i32 {
        match &self.amount {
            Amount::Small { value, .. } if value.is_positive() => 1,
            Amount::Small { value, .. } if value.is_negative() => -1,
            Amount::Small { .. } => 0,
            Amount::Exact(number) if number.is_zero() => 0,
            Amount::Exact(number) if number.is_negative() => -1,
            Amount::Exact(_) => 1,
        }
    }

    /// Whether it is 0.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.signum() == 0
    }

    /// The number, if it is whole and upstream can tell at a glance.
    #[must_use]
    pub fn as_int64(&self) -> Option<i64> {
        match self.amount {
            Amount::Small { value, scale } => scaled_up(value, u32::try_from(scale).ok()?),
            Amount::Exact(_) => None,
        }
    }

    /// The number rounded up to a whole one.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.scaled_value(0)
    }

    /// The number of thousandths, rounded up.
    #[must_use]
    pub fn milli_value(&self) -> i64 {
        self.scaled_value(-3)
    }

    /// The number in units of 10^scale, rounded up: away from zero for short numbers, towards
    /// plus infinity and one more for long negative ones, as upstream has it.
    ///
    /// Short numbers saturate past 64 bits; long ones wrap, as upstream's do.
    #[must_use]
    pub fn scaled_value(&self, scale: i32) -> i64 {
        match &self.amount {
            Amount::Small { value, scale: own } => {
                let places = i64::from(*own) - i64::from(scale);
                let count = u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX);
                if places < 0 {
                    return scaled_down(*value, count).0;
                }
                scaled_up(*value, count).unwrap_or(if *value < 0 { i64::MIN } else { i64::MAX })
            }
            Amount::Exact(number) => exact_scaled_value(number, -i64::from(scale)),
        }
    }

    /// This quantity rounded away from zero to a multiple of 10^scale, and whether nothing was lost.
    #[must_use]
    pub fn rounded_up(&self, scale: i32) -> (Self, bool) {
        let (amount, exact) = match &self.amount {
            Amount::Small { scale: own, .. } if *own >= scale => return (self.clone(), true),
            Amount::Small { value, scale: own } => {
                let (value, exact) = scaled_down(*value, scale.abs_diff(*own));
                (Amount::Small { value, scale }, exact)
            }
            Amount::Exact(number) => match number.at_scale(-i64::from(scale)) {
                Some((number, exact)) => (Amount::Exact(number), exact),
                None => (self.amount.clone(), true),
            },
        };
        (Self { amount, format: self.format, spelled: None }, exact)
    }

    /// The sum, in the format of this one, or of the other one if this is 0.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        let small = match (&self.amount, &other.amount) {
            (Amount::Small { value, scale }, Amount::Small { value: more, scale: other_scale }) => {
                add_small((*value, *scale), (*more, *other_scale))
            }
            (Amount::Exact(_), _) | (_, Amount::Exact(_)) => None,
        };
        let amount = small.unwrap_or_else(|| Amount::Exact(self.amount.exact().plus(&other.amount.exact())));
        Self { amount, format, spelled: None }
    }

    /// The difference, in the format of this one, or of the other one if this is 0.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// The same amount below zero, or above it.
    #[must_use]
    pub fn negated(&self) -> Self {
        let amount = match &self.amount {
            &Amount::Small { value, scale } => match value.checked_neg() {
                Some(value) => Amount::Small { value, scale },
                None => Amount::Exact(self.amount.exact().negated()),
            },
            Amount::Exact(number) => Amount::Exact(number.clone().negated()),
        };
        Self { amount, format: self.format, spelled: None }
    }

    /// The number as a double, which may be off in its last digits.
    #[must_use]
    pub fn approximate(&self) -> f64 {
        let number = self.amount.exact();
        let parse = |text: String| text.parse::<f64>().unwrap_or(f64::NAN);
        let base = parse(format!("{}{}", if number.is_negative() { "-" } else { "" }, number.digits()));
        if number.scale() == 0 { base } else { base * parse(format!("1e{}", -number.scale())) }
    }

    /// The canonical text, whatever it was read from.
    #[must_use]
    pub fn canonical(&self) -> String {
        let number = self.amount.exact();
        if number.is_zero() {
            return "0".into();
        }
        let sign = if number.is_negative() { "-" } else { "" };
        if self.format == Format::BinarySi
            && let Some((digits, power)) = powers_of_1024(&number)
        {
            return format!("{sign}{digits}{}", parse::binary_suffix(power));
        }
        let (digits, exponent) = powers_of_1000(&number);
        match (self.format, exponent) {
            (Format::DecimalExponent, 0) => format!("{sign}{digits}"),
            (Format::DecimalExponent, _) => format!("{sign}{digits}e{exponent}"),
            (Format::DecimalSi | Format::BinarySi, _) => format!("{sign}{digits}{}", parse::decimal_suffix(exponent)),
        }
    }
}

impl Amount {
    fn exact(&self) -> Decimal {
        match self {
            Self::Small { value, scale } => Decimal::from_i64(*value, -i64::from(*scale)),
            Self::Exact(number) => number.clone(),
        }
    }
}

impl fmt::Display for Quantity {
    /// The text that it was read from if upstream keeps it, else the canonical one.
    ///
    /// Upstream has no suffix above `E` and then writes none at all; so does this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spelled {
            Some(text) => f.pad(text),
            None => f.pad(&self.canonical()),
        }
    }
}

impl core::str::FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text)
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.amount, &other.amount) {
            (Amount::Small { value, scale }, Amount::Small { value: other, scale: same }) if scale == same => {
                value.cmp(other)
            }
            (left, right) => left.exact().cmp(&right.exact()),
        }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    /// From a text; also from a number, which [`Quantity::from_json`] does without a detour by a double.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text.trim()).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_unit<E: de::Error>(self) -> Result<Quantity, E> {
                Ok(Quantity::default())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A number times a power of ten, if it fits.
fn scaled_up(value: i64, places: u32) -> Option<i64> {
    if value == 0 { Some(0) } else { value.checked_mul(10_i64.checked_pow(places)?) }
}

/// A number divided by a power of ten, rounded away from zero, and whether nothing was lost.
fn scaled_down(value: i64, places: u32) -> (i64, bool) {
    let (whole, rest) = 10_i64.checked_pow(places).map_or((0, value), |unit| (value / unit, value % unit));
    (whole + rest.signum(), rest == 0)
}

/// The sum at the finer scale, if it fits; a zero takes the other one's scale.
fn add_small((a, a_scale): (i64, i32), (b, b_scale): (i64, i32)) -> Option<Amount> {
    let scale = match (a, b) {
        (_, 0) => a_scale,
        (0, _) => b_scale,
        (_, _) => a_scale.min(b_scale),
    };
    let at = |value, own: i32| scaled_up(value, own.abs_diff(scale));
    Some(Amount::Small { value: at(a, a_scale)?.checked_add(at(b, b_scale)?)?, scale })
}

/// Rounds up as upstream does for long numbers: cut off towards zero, then one more if anything was lost.
///
/// Upstream takes the short way for whatever is below 2⁶³, and so for all negative numbers, of which it
/// then uses the lowest 64 bits.
fn exact_scaled_value(number: &Decimal, scale: i64) -> i64 {
    let drop = number.scale() - scale;
    if drop <= 0 {
        let places = u32::try_from(-drop).unwrap_or(u32::MAX);
        return number.wrapped().wrapping_mul(10_i64.checked_pow(places).unwrap_or(0));
    }
    let unit = u32::try_from(drop).ok().and_then(|places| 10_i64.checked_pow(places));
    let is_short = number.is_negative() || number.small_magnitude().is_some_and(|magnitude| magnitude < i64::MAX);
    match unit {
        Some(unit) if is_short => {
            let bits = number.wrapped();
            bits / unit + i64::from(bits % unit != 0)
        }
        _ => {
            // Here upstream divides so that the remainder is positive: a negative number goes down first.
            let rounded = number.at_scale(scale).map(|(rounded, exact)| (rounded.wrapped(), exact));
            match rounded {
                Some((value, exact)) if number.is_negative() => value.wrapping_add(i64::from(!exact)),
                Some((value, _)) => value,
                None => 0,
            }
        }
    }
}

/// Digits and power of ten, a multiple of three as large as it can be.
fn powers_of_1000(number: &Decimal) -> (String, i64) {
    let mut digits = number.digits();
    let significant = digits.trim_end_matches('0').len();
    let zeros = i64::try_from(digits.len() - significant).unwrap_or(0);
    digits.truncate(significant);
    let mut exponent = zeros - number.scale();
    while exponent % 3 != 0 {
        digits.push('0');
        exponent -= 1;
    }
    (digits, exponent)
}

/// Digits and power of 1024, as large as it can be; `None` for fractions and for what is below 1024.
fn powers_of_1024(number: &Decimal) -> Option<(String, usize)> {
    let (mut whole, exact) = number.at_scale(0)?;
    let magnitude = if whole.is_negative() { whole.clone().negated() } else { whole.clone() };
    if !exact || magnitude < Decimal::from_i64(1024, 0) {
        return None;
    }
    let mut power = 0;
    loop {
        let mut next = whole.clone();
        if next.divide(1024) != 0 {
            return Some((whole.digits(), power));
        }
        whole = next;
        power += 1;
    }
}

#[cfg(test)]
mod tests;
