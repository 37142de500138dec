//! Decimal numbers of any length: what a quantity becomes when 64 bits do not hold it.

use core::cmp::Ordering;
use core::fmt::Write as _;

/// Digits in a limb, and how many values a limb has.
const LIMB_DIGITS: usize = 9;
const LIMB: u64 = 1_000_000_000;

/// Aligning two numbers may write out this many zeros; upstream would write out billions.
const MOST_ZEROS: u64 = 10_000;

/// A whole number times a power of ten: the magnitude × 10^-scale.
#[derive(Clone, Debug, Default)]
pub(super) struct Decimal {
    negative: bool,
    /// The magnitude to the base of 10⁹, lowest limb first, without zeros at the end.
    limbs: Vec<u32>,
    scale: i64,
}

impl Decimal {
    /// A number from its decimal digits.
    pub(super) fn from_digits(negative: bool, digits: &str, scale: i64) -> Self {
        let limbs = digits.as_bytes().rchunks(LIMB_DIGITS);
        let limb = |chunk: &[u8]| chunk.iter().fold(0, |limb, digit| limb * 10 + u32::from(digit - b'0'));
        Self { negative, limbs: limbs.map(limb).collect(), scale }.trimmed()
    }

    pub(super) fn from_i64(value: i64, scale: i64) -> Self {
        Self::from_digits(value < 0, &value.unsigned_abs().to_string(), scale)
    }

    pub(super) const fn scale(&self) -> i64 {
        self.scale
    }

    /// Multiplies by a power of ten without touching a digit.
    pub(super) const fn move_point(&mut self, places: i64) {
        self.scale -= places;
    }

    pub(super) const fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    pub(super) const fn is_negative(&self) -> bool {
        self.negative && !self.is_zero()
    }

    pub(super) const fn negated(mut self) -> Self {
        self.negative = !self.negative;
        self
    }

    /// The digits of the magnitude.
    pub(super) fn digits(&self) -> String {
        let mut digits = self.limbs.last().copied().unwrap_or(0).to_string();
        for limb in self.limbs.iter().rev().skip(1) {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{limb:09}");
        }
        digits
    }

    /// The magnitude, the scale left aside, if it is below 2⁶³.
    pub(super) fn small_magnitude(&self) -> Option<i64> {
        self.limbs
            .iter()
            .rev()
            .try_fold(0_i64, |sum, &limb| sum.checked_mul(1_000_000_000)?.checked_add(i64::from(limb)))
    }

    /// The lowest 64 bits of the number, the scale left aside, as upstream cuts them out.
    pub(super) fn wrapped(&self) -> i64 {
        let fold = |sum: u64, &limb: &u32| sum.wrapping_mul(LIMB).wrapping_add(u64::from(limb));
        let magnitude = self.limbs.iter().rev().fold(0, fold).cast_signed();
        if self.negative { magnitude.wrapping_neg() } else { magnitude }
    }

    /// Multiplies the magnitude.
    pub(super) fn times(&mut self, factor: u32) {
        let mut carry = 0;
        for limb in &mut self.limbs {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low(product % LIMB);
            carry = product / LIMB;
        }
        if carry > 0 {
            self.limbs.push(low(carry % LIMB));
            if carry >= LIMB {
                self.limbs.push(low(carry / LIMB));
            }
        }
    }

    /// Divides the magnitude, cutting off, and answers the remainder.
    pub(super) fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.limbs.iter_mut().rev() {
            let value = rest * LIMB + u64::from(*limb);
            *limb = low(value / u64::from(divisor));
            rest = value % u64::from(divisor);
        }
        self.trim();
        low(rest)
    }

    /// This number at a scale, rounded away from zero, and whether nothing was lost.
    ///
    /// `None` if that many zeros are not worth writing.
    pub(super) fn at_scale(&self, scale: i64) -> Option<(Self, bool)> {
        let mut moved = self.clone();
        moved.scale = scale;
        let places = scale.abs_diff(self.scale);
        if scale < self.scale {
            let exact = moved.shorten(places);
            return Some((moved, exact));
        }
        if places > MOST_ZEROS && !self.is_zero() {
            return None;
        }
        moved.lengthen(places);
        Some((moved, true))
    }

    /// The sum, at the finer of the two scales.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let (Some((left, _)), Some((right, _))) = (self.at_scale(scale), other.at_scale(scale)) else {
            // Ten thousand digits apart the smaller one does not show.
            return if self.top() >= other.top() { self.clone() } else { other.clone() };
        };
        let (negative, limbs) = match (left.negative == right.negative, cmp_limbs(&left.limbs, &right.limbs)) {
            (true, _) => (left.negative, add_limbs(&left.limbs, &right.limbs)),
            (false, Ordering::Less) => (right.negative, subtract_limbs(&right.limbs, &left.limbs)),
            (false, Ordering::Equal | Ordering::Greater) => (left.negative, subtract_limbs(&left.limbs, &right.limbs)),
        };
        Self { negative, limbs, scale }.trimmed()
    }

    /// Adds zeros to the magnitude.
    fn lengthen(&mut self, places: u64) {
        if self.is_zero() {
            return;
        }
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        self.times(10_u32.pow(u32::try_from(places % LIMB_DIGITS).unwrap_or(0)));
        self.limbs.splice(0..0, core::iter::repeat_n(0, places / LIMB_DIGITS));
    }

    /// Drops digits of the magnitude, rounding up; whether they were zeros.
    fn shorten(&mut self, places: u64) -> bool {
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        let whole = (places / LIMB_DIGITS).min(self.limbs.len());
        let mut exact = self.limbs.drain(..whole).all(|limb| limb == 0);
        exact &= self.divide(10_u32.pow(u32::try_from(places % LIMB_DIGITS).unwrap_or(0))) == 0;
        if !exact {
            self.limbs = add_limbs(&self.limbs, &[1]);
        }
        exact
    }

    /// The power of ten just above the number: sorts numbers of one sign that differ in it.
    fn top(&self) -> i64 {
        if self.is_zero() {
            return i64::MIN;
        }
        i64::try_from(self.digits().len()).unwrap_or(i64::MAX).saturating_sub(self.scale)
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    fn trimmed(mut self) -> Self {
        self.trim();
        self
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |one: &Self| {
            if one.is_zero() {
                0
            } else if one.negative {
                -1
            } else {
                1
            }
        };
        let by_size = || {
            // With equal tops the scales differ by no more than there are digits.
            let scale = self.scale.max(other.scale);
            self.top().cmp(&other.top()).then_with(|| match (self.at_scale(scale), other.at_scale(scale)) {
                (Some((left, _)), Some((right, _))) => cmp_limbs(&left.limbs, &right.limbs),
                (None, _) | (_, None) => self.digits().cmp(&other.digits()),
            })
        };
        sign(self).cmp(&sign(other)).then_with(|| if self.negative { by_size().reverse() } else { by_size() })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

/// A value that is known to fit in a limb.
fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn cmp_limbs(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for index in 0..a.len().max(b.len()) {
        let digit = |limbs: &[u32]| u64::from(limbs.get(index).copied().unwrap_or(0));
        let total = digit(a) + digit(b) + carry;
        sum.push(low(total % LIMB));
        carry = total / LIMB;
    }
    if carry > 0 {
        sum.push(low(carry));
    }
    sum
}

/// The difference of two magnitudes of which the first one is not the smaller one.
fn subtract_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut borrow = 0;
    let subtract = |(index, &limb): (usize, &u32)| {
        let taken = u64::from(b.get(index).copied().unwrap_or(0)) + borrow;
        let lacking = taken > u64::from(limb);
        borrow = u64::from(lacking);
        low(if lacking { u64::from(limb) + LIMB - taken } else { u64::from(limb) - taken })
    };
    a.iter().enumerate().map(subtract).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: i128, scale: i64) -> Decimal {
        Decimal::from_digits(value < 0, &value.unsigned_abs().to_string(), scale)
    }

    fn value(number: &Decimal) -> Option<i128> {
        let magnitude: i128 = number.digits().parse().ok()?;
        Some(if number.is_negative() { -magnitude } else { magnitude })
    }

    #[test]
    fn zeros_have_no_sign() {
        assert_eq!(of(0, 5).negated(), of(0, 0));
        assert!(!of(0, 5).negated().is_negative());
    }

    #[test]
    fn numbers_that_are_billions_of_digits_apart_neither_hang_nor_fail() {
        let (huge, tiny) = (of(1, -2_000_000_000), of(-3, 2_000_000_000));
        assert_eq!(huge.plus(&tiny), huge);
        assert!(tiny < huge && of(2, 0) < huge);
        assert_eq!(tiny.at_scale(0).map(|(one, exact)| (value(&one), exact)), Some((Some(-1), false)));
        assert!(huge.at_scale(0).is_none());
    }

    proptest! {
        #[test]
        fn it_agrees_with_plain_integers(a in -(1_i128 << 100)..1 << 100, b in -(1_i128 << 100)..1 << 100, s in 0_u32..7) {
            let unit = 10_i128.pow(s);
            prop_assert_eq!(value(&of(a, 0).plus(&of(b, i64::from(s)))), Some(a * unit + b));
            prop_assert_eq!(of(a, 0).cmp(&of(b, i64::from(s))), (a * unit).cmp(&b));
            prop_assert_eq!(of(a, 3).wrapped(), i64::from_le_bytes(a.to_le_bytes()[..8].try_into().expect("eight")));
            let (rounded, exact) = of(b, i64::from(s)).at_scale(0).expect("coarser");
            prop_assert_eq!(exact, b % unit == 0);
            prop_assert_eq!(value(&rounded), Some((b + b.signum() * (unit - 1)) / unit));
            let mut product = of(a, 0);
            product.times(1 << 20);
            prop_assert_eq!(value(&product), Some(a << 20));
            let rest = product.divide(1_000);
            prop_assert_eq!(value(&product).map(|v| v.abs() * 1_000 + i128::from(rest)), Some(a.abs() << 20));
        }
    }
}
