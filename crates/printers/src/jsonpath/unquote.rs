//! Text in quotes, with Go's escapes in either kind of quotes.

/// The text that a quoted one stands for; nothing if it is not quoted well.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = quoted.get(1..)?.strip_suffix(quote)?;
    if !inner.contains(['\\', quote]) {
        return Some(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        if letter == quote || letter == '\n' {
            return None;
        }
        if letter != '\\' {
            bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = letters.next()?;
        let plain = match escape {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            'x' => u8::try_from(digits(&mut letters, 2, 16)?).ok()?,
            '0'..='7' => {
                let rest = digits(&mut letters, 2, 8)?;
                u8::try_from(escape.to_digit(8)?.checked_mul(64)?.checked_add(rest)?).ok()?
            }
            'u' | 'U' => {
                let length = if escape == 'u' { 4 } else { 8 };
                let letter = char::from_u32(digits(&mut letters, length, 16)?)?;
                bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
            escape if escape == quote => u8::try_from(escape).ok()?,
            _ => return None,
        };
        bytes.push(plain);
    }
    // Escapes can spell bytes that are no text; those are shown as such.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of exactly so many digits.
fn digits(letters: &mut core::str::Chars<'_>, count: usize, base: u32) -> Option<u32> {
    (0..count).try_fold(0_u32, |value, _| value.checked_mul(base)?.checked_add(letters.next()?.to_digit(base)?))
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn both_kinds_of_quotes_take_the_same_escapes() {
        assert_eq!(unquote(r#""a\tb\x41\u00e9\101""#).as_deref(), Some("a\tbAéA"));
        assert_eq!(unquote(r"'it\'s \n'").as_deref(), Some("it's \n"));
    }

    #[test]
    fn what_is_not_quoted_well_is_refused() {
        for text in ["", "\"", "\"a", "a\"", r#""\q""#, r#""\""#, r"'a\xg0'", r#""\400""#, r#""\'""#] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }
}
