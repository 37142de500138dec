//! One condition of a label selector.

use super::SelectorError;
use crate::StringMap;
use crate::label::{key_faults, value_faults};
use crate::strconv::{parse_integer, quote};
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a requirement asks of the value of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The value is one of some.
    In,
    /// The key is absent or its value is none of some.
    NotIn,
    /// The value is this one.
    Equals,
    /// The same, spelled `==`.
    DoubleEquals,
    /// The key is absent or its value another one.
    NotEquals,
    /// The key is there.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The value is an integer above this one.
    GreaterThan,
    /// The value is an integer below this one.
    LessThan,
}

impl Operator {
    /// The operator as messages of the API server name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::Exists => "exists",
            Self::DoesNotExist => "!",
            Self::GreaterThan => "gt",
            Self::LessThan => "lt",
        }
    }
}

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    key: Arc<str>,
    operator: Operator,
    /// Sorted, so that matching searches and printing does not have to sort.
    values: Vec<Arc<str>>,
}

impl Requirement {
    /// A requirement whose key and values suit the operator.
    ///
    /// # Errors
    ///
    /// If they do not; all faults at once, as the API server lists them.
    pub fn new(key: &str, operator: Operator, values: &[Arc<str>]) -> Result<Self, SelectorError> {
        let mut faults = Vec::new();
        invalid(&mut faults, "key", key, &key_faults(key));
        if let Some(fault) = count_fault(operator, values.len()) {
            faults.push(format!("values: Invalid value: {}: {fault}", list(values)));
        }
        for (index, value) in values.iter().enumerate() {
            if matches!(operator, Operator::GreaterThan | Operator::LessThan) && parse_integer(value).is_err() {
                let fault = "for 'Gt', 'Lt' operators, the value must be an integer".into();
                invalid(&mut faults, &format!("values[{index}]"), value, &[fault]);
            }
        }
        for (index, value) in values.iter().enumerate() {
            invalid(&mut faults, &format!("values[{index}][{key}]"), value, &value_faults(value));
        }
        if !faults.is_empty() {
            return Err(SelectorError::Invalid(aggregate(faults)));
        }
        let mut values = values.to_vec();
        values.sort();
        Ok(Self { key: key.into(), operator, values })
    }

    /// A label as it stands, valid or not.
    pub(super) fn equals(key: &str, value: &str) -> Self {
        Self { key: key.into(), operator: Operator::Equals, values: vec![value.into()] }
    }

    /// Key of the label.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The operator.
    #[must_use]
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// The values, sorted; one that was given twice is there twice.
    #[must_use]
    pub fn values(&self) -> &[Arc<str>] {
        &self.values
    }

    /// Whether labels meet the requirement.
    #[must_use]
    pub fn matches(&self, labels: &StringMap) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => value.is_some_and(|value| self.has(value)),
            Operator::NotIn | Operator::NotEquals => value.is_none_or(|value| !self.has(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => self.bound(value).is_some_and(|(value, bound)| value > bound),
            Operator::LessThan => self.bound(value).is_some_and(|(value, bound)| value < bound),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values.binary_search_by(|own| (**own).cmp(value)).is_ok()
    }

    /// A value and what it is compared with, if both are integers.
    fn bound(&self, value: Option<&str>) -> Option<(i64, i64)> {
        let bound = self.values.first()?;
        Some((parse_integer(value?).ok()?, parse_integer(bound).ok()?))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::In | Operator::NotIn => write!(f, "{key} {} ({values})", self.operator.as_str()),
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals => {
                write!(f, "{key}{}{values}", self.operator.as_str())
            }
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// What is wrong with the number of values.
const fn count_fault(operator: Operator, count: usize) -> Option<&'static str> {
    match operator {
        Operator::In | Operator::NotIn if count == 0 => Some("for 'in', 'notin' operators, values set can't be empty"),
        Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if count != 1 => {
            Some("exact-match compatibility requires one single value")
        }
        Operator::Exists | Operator::DoesNotExist if count != 0 => {
            Some("values set must be empty for exists and does not exist")
        }
        Operator::GreaterThan | Operator::LessThan if count != 1 => {
            Some("for 'Gt', 'Lt' operators, exactly one value is required")
        }
        Operator::In
        | Operator::NotIn
        | Operator::Equals
        | Operator::DoubleEquals
        | Operator::NotEquals
        | Operator::Exists
        | Operator::DoesNotExist
        | Operator::GreaterThan
        | Operator::LessThan => None,
    }
}

fn invalid(faults: &mut Vec<String>, path: &str, value: &str, details: &[String]) {
    if !details.is_empty() {
        faults.push(format!("{path}: Invalid value: {}: {}", quote(value), details.join("; ")));
    }
}

/// A list of values as messages show it: JSON, where no values are `null`.
fn list(values: &[Arc<str>]) -> String {
    if values.is_empty() {
        return "null".into();
    }
    serde_json::Value::from_iter(values.iter().map(|value| &**value)).to_string()
}

/// Several faults in one text: one stands alone, more are listed once each.
fn aggregate(mut faults: Vec<String>) -> String {
    if faults.len() == 1 {
        return faults.remove(0);
    }
    let mut once: Vec<String> = Vec::new();
    for fault in faults {
        if !once.contains(&fault) {
            once.push(fault);
        }
    }
    format!("[{}]", once.join(", "))
}

/// A key that is checked before its requirement is complete, with the path that upstream shows for it.
pub(super) fn check_key(key: &str) -> Result<(), SelectorError> {
    let mut faults = Vec::new();
    invalid(&mut faults, "<nil>", key, &key_faults(key));
    faults.pop().map_or(Ok(()), |fault| Err(SelectorError::Invalid(fault)))
}
