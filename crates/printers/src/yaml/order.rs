//! The order of keys: letters before what is not one, runs of digits by their value.

use core::cmp::Ordering;

/// Compares two keys as go-yaml does.
pub(super) fn keys(a: &str, b: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = left.iter().zip(&right).position(|(x, y)| x != y) else { return left.len().cmp(&right.len()) };
    let (x, y) = (left[at], right[at]);
    let after_digit = at > 0 && left[at - 1].is_ascii_digit();
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        // A letter comes before other characters only where a number has just ended.
        (true, false) => {
            if after_digit {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if after_digit {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let (m, n) = (run(&left, at), run(&right, at));
            // Equal digits before the first difference make a leading zero one in the middle of a number.
            let inside = (x == '0' || y == '0') && digits_before(&left, at).any(|digit| digit != '0');
            let value = |digits: &[char]| {
                let start = u64::from(inside);
                digits
                    .iter()
                    .filter_map(|digit| digit.to_digit(10))
                    .fold(start, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit)))
            };
            value(m).cmp(&value(n)).then(m.len().cmp(&n.len())).then(x.cmp(&y))
        }
    }
}

/// The run of digits that begins at a place.
fn run(letters: &[char], from: usize) -> &[char] {
    let rest = &letters[from..];
    let length = rest.iter().take_while(|letter| letter.is_ascii_digit()).count();
    &rest[..length]
}

/// The digits right before a place, backwards.
fn digits_before(letters: &[char], at: usize) -> impl Iterator<Item = char> + '_ {
    letters[..at].iter().rev().copied().take_while(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sorting;

    #[test]
    fn numbers_in_keys_go_by_value() {
        let mut found = vec!["a10", "a2", "b1", "a1b", "a1", "A", "a-1", "a", "1", "10", "2", "a01"];
        found = sorting::stable(found, |a, b| keys(a, b).is_lt());
        assert_eq!(found, ["1", "2", "10", "A", "a", "a-1", "a1", "a1b", "a01", "a2", "a10", "b1"]);
    }
}
