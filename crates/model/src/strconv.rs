//! Numbers and quoted texts as upstream's `strconv` reads and writes them.
//!
//! Error texts of the API server carry both, so their spelling is part of its answers.

use core::fmt::Write as _;

/// Why a text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntegerError {
    /// Something in it is not a digit, or there is no digit.
    #[error("invalid syntax")]
    Syntax,
    /// The number does not fit in 64 bits.
    #[error("value out of range")]
    Range,
}

/// Reads a decimal integer with an optional sign, nothing around it.
///
/// # Errors
///
/// If the text is not such a number, or one that does not fit.
pub fn parse_integer(text: &str) -> Result<i64, IntegerError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(IntegerError::Syntax);
    }
    // Upstream reads an unsigned number first, so which of two errors wins depends on 64 bits without sign.
    let mut magnitude: u64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Err(IntegerError::Syntax);
        }
        let shifted = magnitude.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
        magnitude = shifted.ok_or(IntegerError::Range)?;
    }
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { 0_i64.checked_add_unsigned(magnitude) };
    value.ok_or(IntegerError::Range)
}

/// A text in double quotes, with what cannot be printed escaped.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        push_escaped(&mut quoted, letter);
    }
    quoted.push('"');
    quoted
}

/// A number in so many significant digits, without zeros at the end: Go's `%.9g` for 9 digits.
///
/// An exponent is written when it is below -4 or not below the number of digits.
#[must_use]
pub fn format_general(number: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let scientific = format!("{number:.*e}", digits - 1);
    let parts = scientific.split_once('e').and_then(|(mantissa, power)| Some((mantissa, power.parse::<i32>().ok()?)));
    let Some((mantissa, exponent)) = parts else {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .into();
    };
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(exponent) {
        Ok(whole) if whole < digits => trim(&format!("{number:.*}", digits - 1 - whole)),
        Err(_) if exponent >= -4 => {
            let places = digits - 1 + usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
            trim(&format!("{number:.places$}"))
        }
        Ok(_) | Err(_) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs())
        }
    }
}

fn push_escaped(out: &mut String, letter: char) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        letter if is_printable(letter) => out.push(letter),
        letter => {
            let code = u32::from(letter);
            // Writing to a string cannot fail.
            let _ = match code {
                0..0x80 => write!(out, "\\x{code:02x}"),
                0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

fn is_printable(letter: char) -> bool {
    // The standard library escapes a combining mark only at the start of a text, hence the letter in front.
    letter == '\'' || String::from_iter(['a', letter]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_one_sign_and_leading_zeros_and_nothing_else() {
        assert_eq!(parse_integer("+007"), Ok(7));
        assert_eq!(parse_integer("-9223372036854775808"), Ok(i64::MIN));
        for text in ["", "-", "+-1", "1_0", " 1", "0x1", "1e2"] {
            assert_eq!(parse_integer(text), Err(IntegerError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn the_first_fault_from_the_left_is_named() {
        assert_eq!(parse_integer("9223372036854775808"), Err(IntegerError::Range));
        assert_eq!(parse_integer("9223372036854775808a"), Err(IntegerError::Syntax));
        assert_eq!(parse_integer("99999999999999999999a"), Err(IntegerError::Range));
    }

    #[test]
    fn floats_take_an_exponent_when_they_are_long() {
        let cases = [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (128_974_848.0, "128974848"),
            (1_073_741_824.0, "1.07374182e+09"),
            (999_999_999.9, "1e+09"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
        ];
        for (number, text) in cases {
            assert_eq!(format_general(number, 9), text);
        }
    }

    #[test]
    fn quotes_escape_what_cannot_be_printed() {
        assert_eq!(quote("a\"\\\n\u{1}é'"), "\"a\\\"\\\\\\n\\x01é'\"");
        assert_eq!(quote("\u{a0}\u{200b}\u{e0001}"), "\"\\u00a0\\u200b\\U000e0001\"");
        assert_eq!(quote("e\u{301}"), "\"e\u{301}\"");
    }
}
