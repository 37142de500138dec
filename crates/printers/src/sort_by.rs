//! `--sort-by`: objects in the order of one of their fields.

use crate::jsonpath::{JsonPathError, Template, relaxed};
use crate::sorting;
use core::cmp::Ordering;
use core::iter::Peekable;
use core::str::Bytes;
use serde_json::Value;
use wavetank_model::Quantity;
use wavetank_model::strconv::quote;

/// Why objects cannot be sorted; the text is kubectl's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// The path is none, or does not suit an object.
    #[error(transparent)]
    Path(#[from] JsonPathError),
    /// No object has the field.
    #[error("couldn't find any field with path {} in the list of objects", quote(.0))]
    Missing(String),
    /// The values of the field have no order.
    #[error("Field {0} is an unsortable type")]
    Unsortable(String),
}

/// Sorts objects by a field such as `.metadata.name` or `{.status.startTime}`. Those without it come first.
///
/// Texts go by the numbers in them, quantities by their amount.
///
/// # Errors
/// If the path is none, or no object has the field, or the field has no order.
pub fn sort_by(objects: Vec<Value>, path: &str) -> Result<Vec<Value>, SortError> {
    let full = relaxed(path)?;
    let template = Template::parse(&full)?;
    let mut keyed = Vec::with_capacity(objects.len());
    for object in objects {
        let key = template.find(&object)?.into_iter().next().and_then(|found| found.into_iter().next());
        keyed.push((key, object));
    }
    if keyed.is_empty() {
        return Ok(Vec::new());
    }
    if keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(SortError::Missing(full));
    }
    let mut unsortable = false;
    let sorted = sorting::like_go(keyed, |(a, _), (b, _)| match (a, b) {
        (None, _) => true,
        (_, None) => false,
        (Some(a), Some(b)) => less(a, b).unwrap_or_else(|| {
            unsortable = true;
            false
        }),
    });
    if unsortable {
        return Err(SortError::Unsortable(full));
    }
    Ok(sorted.into_iter().map(|(_, object)| object).collect())
}

/// Whether a value comes before another; nothing if they have no order.
fn less(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Null, b) => Some(!b.is_null()),
        (_, Value::Null) => Some(false),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a < b),
            (None, None) => Some(a.as_f64()? < b.as_f64()?),
            (Some(_), None) | (None, Some(_)) => None,
        },
        (Value::String(a), Value::String(b)) => Some(match (Quantity::parse(a), Quantity::parse(b)) {
            (Ok(a), Ok(b)) => a < b,
            (Ok(_) | Err(_), _) => natural(a, b).is_lt(),
        }),
        (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_), _) => None,
    }
}

/// Compares texts by their letters, and by the numbers in them where both have one.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.bytes().peekable(), b.bytes().peekable());
    loop {
        let (Some(x), Some(y)) = (left.peek().copied(), right.peek().copied()) else { return a.len().cmp(&b.len()) };
        let order = match (x.is_ascii_digit(), y.is_ascii_digit()) {
            (true, true) => {
                let ((zeros, digits), (other_zeros, others)) = (number(&mut left), number(&mut right));
                digits.len().cmp(&others.len()).then_with(|| digits.cmp(&others)).then(zeros.cmp(&other_zeros))
            }
            // Digits come before other characters.
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                left.next();
                right.next();
                x.cmp(&y)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes a number: how many zeros lead, and the digits behind them.
fn number(bytes: &mut Peekable<Bytes<'_>>) -> (usize, Vec<u8>) {
    let mut zeros = 0_usize;
    while bytes.next_if_eq(&b'0').is_some() {
        zeros = zeros.saturating_add(1);
    }
    let digits = core::iter::from_fn(|| bytes.next_if(u8::is_ascii_digit)).collect();
    (zeros, digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(values: &[Value], expected: &[Value]) {
        let object = |value: &Value| json!({"x": value});
        let sorted = sort_by(values.iter().map(object).collect(), ".x").unwrap();
        assert_eq!(sorted, expected.iter().map(object).collect::<Vec<_>>());
    }

    #[test]
    fn texts_go_by_their_numbers_and_quantities_by_their_amount() {
        check(&[json!("web-10"), json!("web-9"), json!("api")], &[json!("api"), json!("web-9"), json!("web-10")]);
        check(&[json!("1Gi"), json!("500Mi"), json!("2")], &[json!("2"), json!("500Mi"), json!("1Gi")]);
        check(&[json!(3), json!(null), json!(-1)], &[json!(null), json!(-1), json!(3)]);
    }

    #[test]
    fn a_field_that_no_object_has_is_refused() {
        let error = |path| sort_by(vec![json!({"a": {}})], path).unwrap_err().to_string();
        assert_eq!(error("{.b}"), "couldn't find any field with path \"{.b}\" in the list of objects");
        assert_eq!(error("b[x]"), "invalid array index x");
        assert_eq!(sort_by(Vec::new(), ".b"), Ok(Vec::new()));
        let mixed = vec![json!({"x": 1}), json!({"x": "a"})];
        assert!(sort_by(mixed, ".x").is_err());
    }

    #[test]
    fn numbers_that_are_alike_go_by_their_zeros() {
        assert_eq!(natural("a1", "a01"), Ordering::Less);
        assert_eq!(natural("a01b", "a1a"), Ordering::Greater);
        assert_eq!(natural("a2", "a10"), Ordering::Less);
        assert_eq!(natural("a1", "ab"), Ordering::Less);
    }
}
