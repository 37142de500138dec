//! Comparing what filters compare: values of one kind.

use super::JsonPathError;
use core::cmp::Ordering;
use serde_json::Value;

/// Whether two values compare as an operator asks.
///
/// # Errors
/// If the values cannot be compared, or there is no such operator.
pub(super) fn passes(left: &Value, operator: &str, right: &Value) -> Result<bool, JsonPathError> {
    let equal = || equal(left, right);
    let less = || less(left, right);
    match operator {
        "==" => equal(),
        "!=" => equal().map(|equal| !equal),
        "<" => less(),
        "<=" => Ok(less()? || equal()?),
        ">" => Ok(!(less()? || equal()?)),
        ">=" => less().map(|less| !less),
        _ => Err(JsonPathError::new(format!("unrecognized filter operator {operator}"))),
    }
}

/// Kinds of values that compare among themselves.
enum Basic<'a> {
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

fn basic(value: &Value) -> Result<Basic<'_>, JsonPathError> {
    match value {
        Value::Bool(flag) => Ok(Basic::Boolean(*flag)),
        Value::String(text) => Ok(Basic::Text(text)),
        Value::Number(number) => {
            let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            Ok(integer.map_or_else(|| Basic::Float(number.as_f64().unwrap_or_default()), Basic::Integer))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => Err(JsonPathError::new("invalid type for comparison")),
    }
}

fn incompatible() -> JsonPathError {
    JsonPathError::new("incompatible types for comparison")
}

fn equal(left: &Value, right: &Value) -> Result<bool, JsonPathError> {
    match (basic(left)?, basic(right)?) {
        (Basic::Boolean(a), Basic::Boolean(b)) => Ok(a == b),
        (a, b) => order(&a, &b).map(|order| order == Some(Ordering::Equal)),
    }
}

fn less(left: &Value, right: &Value) -> Result<bool, JsonPathError> {
    match (basic(left)?, basic(right)?) {
        // Flags are equal or not, but none is less.
        (Basic::Boolean(_), Basic::Boolean(_)) => Err(JsonPathError::new("invalid type for comparison")),
        (a, b) => order(&a, &b).map(|order| order == Some(Ordering::Less)),
    }
}

fn order(left: &Basic<'_>, right: &Basic<'_>) -> Result<Option<Ordering>, JsonPathError> {
    match (left, right) {
        (Basic::Integer(a), Basic::Integer(b)) => Ok(Some(a.cmp(b))),
        (Basic::Float(a), Basic::Float(b)) => Ok(a.partial_cmp(b)),
        (Basic::Text(a), Basic::Text(b)) => Ok(Some(a.cmp(b))),
        (Basic::Boolean(_) | Basic::Integer(_) | Basic::Float(_) | Basic::Text(_), _) => Err(incompatible()),
    }
}
