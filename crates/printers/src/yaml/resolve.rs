//! Which plain texts a YAML reader takes for something else than a text.

/// Whether a text must be quoted lest it is read as a number, a flag, a time or nothing.
pub(super) fn is_ambiguous(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        Some(b'0'..=b'9' | b'+' | b'-') => is_word(text) || is_timestamp(text) || is_number(text) || is_base_60(text),
        Some(b'.') => is_word(text) || is_float(text),
        Some(_) => is_word(text),
    }
}

/// The words of YAML 1.1, and the merge key.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "yes", "on", "n", "no", "off", "true", "false"];
    let capitals = text.chars().skip(1).filter(char::is_ascii_uppercase).count();
    // Lower case, capitalised, or all in capitals.
    let starts_upper = text.starts_with(|letter: char| letter.is_ascii_uppercase());
    let is_cased = capitals == 0 || (starts_upper && capitals + 1 == text.len());
    if is_cased && (WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) || text.eq_ignore_ascii_case("null")) {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(text, "~" | "<<" | ".nan" | ".NaN" | ".NAN") || matches!(unsigned, ".inf" | ".Inf" | ".INF")
}

fn is_number(text: &str) -> bool {
    let plain = text.replace('_', "");
    is_integer(&plain) || is_float(&plain)
}

/// An integer of 64 bits with or without sign, in any base that a prefix names.
fn is_integer(text: &str) -> bool {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = |prefix, base| lower.strip_prefix(prefix).map(|digits: &str| (digits.to_owned(), base));
    let octal = || lower.strip_prefix('0').filter(|rest| !rest.is_empty()).map(|rest| (rest.to_owned(), 8));
    let (digits, base) = prefixed("0x", 16)
        .or_else(|| prefixed("0b", 2))
        .or_else(|| prefixed("0o", 8))
        .or_else(octal)
        .unwrap_or((lower.clone(), 10));
    if digits.starts_with(['+', '-']) {
        return false;
    }
    // A number without sign may use all 64 bits.
    match u64::from_str_radix(&digits, base) {
        Ok(value) => (!negative && !text.starts_with('+')) || value <= i64::MAX.cast_unsigned() + u64::from(negative),
        Err(_) => false,
    }
}

/// A decimal number with point or exponent that a double can hold.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let has_form = all_digits(whole)
        && fraction.is_none_or(all_digits)
        && (!whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty()))
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !digits.is_empty() && all_digits(digits)
        });
    has_form && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `1:30`, a number of base 60 to readers of YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let is_head = first.starts_with(|digit: char| digit.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixtieths = |text: &str| matches!(text.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    is_head
        && middle.iter().all(|part| sixtieths(part))
        && sixtieths(last)
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// A date, or a date and a time with or without zone.
fn is_timestamp(text: &str) -> bool {
    let mut rest = text;
    let (Some(year), true) = (digits(&mut rest, 4, 4), take(&mut rest, "-")) else { return false };
    let (Some(month), true) = (digits(&mut rest, 1, 2), take(&mut rest, "-")) else { return false };
    let Some(day) = digits(&mut rest, 1, 2) else { return false };
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let zoned = take(&mut rest, "T") || take(&mut rest, "t");
    if !zoned && !take(&mut rest, " ") {
        return false;
    }
    is_time(&mut rest) && if zoned { is_zone(rest) } else { rest.is_empty() }
}

fn is_time(rest: &mut &str) -> bool {
    let below = |number: Option<u32>, limit| number.is_some_and(|number| number < limit);
    below(digits(rest, 1, 2), 24)
        && take(rest, ":")
        && below(digits(rest, 1, 2), 60)
        && take(rest, ":")
        && below(digits(rest, 1, 2), 60)
        && (!take(rest, ".") || digits(rest, 1, usize::MAX).is_some())
}

fn is_zone(zone: &str) -> bool {
    let mut rest = zone;
    if take(&mut rest, "Z") {
        return rest.is_empty();
    }
    (take(&mut rest, "+") || take(&mut rest, "-"))
        && digits(&mut rest, 2, 2).is_some()
        && take(&mut rest, ":")
        && digits(&mut rest, 2, 2).is_some()
        && rest.is_empty()
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn take(rest: &mut &str, prefix: &str) -> bool {
    let taken = rest.strip_prefix(prefix);
    *rest = taken.unwrap_or(rest);
    taken.is_some()
}

/// Takes so many digits and answers their value, which saturates.
fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (taken, left) = rest.split_at(length);
    *rest = left;
    (length >= least).then(|| taken.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::is_ambiguous;

    #[test]
    fn numbers_flags_times_and_nothing_are_ambiguous() {
        let yes = [
            "",
            "~",
            "null",
            "Null",
            "NULL",
            "yes",
            "On",
            "OFF",
            "y",
            "true",
            "1",
            "-1",
            "+1",
            "0x1F",
            "0777",
            "089",
            "1_000",
            "1.5",
            ".5",
            "1e3",
            "1.",
            ".inf",
            "-.INF",
            ".nan",
            "2026-01-15",
            "2026-01-15T12:00:00Z",
            "2026-1-5 2:03:04.5",
            "1:30",
            "18446744073709551615",
            "0b101",
            "12e03",
        ];
        for text in yes {
            assert!(is_ambiguous(text), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_a_text() {
        let no = [
            "nULL",
            "yEs",
            "tRue",
            "5467844fd9",
            "1.2.3",
            "v1",
            "10.0.0.1",
            "1e400",
            "0x",
            "-",
            "+",
            ".",
            "2026-13-01",
            "2026-02-30",
            "10:99",
            "100m",
            "64Mi",
            "25%",
            "nginx:1.25",
            "18446744073709551616a",
            "1e",
            "_1",
        ];
        for text in no {
            assert!(!is_ambiguous(text), "{text:?}");
        }
    }
}
