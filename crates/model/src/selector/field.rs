//! Selectors over fields of objects, such as `spec.nodeName=n1,status.phase!=Running`.

use super::SelectorError;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One condition on a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldTerm {
    /// Path of the field, such as `metadata.name`.
    pub field: Arc<str>,
    /// The value, without escapes.
    pub value: Arc<str>,
    /// Whether the field must have the value, or must not.
    pub equal: bool,
}

/// Conditions that must all hold, in the order of their texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// Reads terms with commas between them: `field=value`, `==` or `!=`.
    ///
    /// A backslash stands in front of commas, equals signs and backslashes in values.
    ///
    /// ```
    /// use wavetank_model::selector::FieldSelector;
    ///
    /// let selector = FieldSelector::parse("spec.nodeName=n1,status.phase!=Running")?;
    /// assert!(selector.matches(|field| if field == "spec.nodeName" { "n1" } else { "" }));
    /// # Ok::<(), wavetank_model::selector::SelectorError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a term has no operator, or an escape in it is wrong.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let terms = parts.into_iter().filter(|part| !part.is_empty()).map(|part| {
            let (field, equal, value) = split_term(part).ok_or_else(|| {
                SelectorError::Syntax(format!("invalid selector: '{text}'; can't understand '{part}'"))
            })?;
            let value =
                unescape(value).map_err(|fault| SelectorError::Syntax(format!("invalid field selector: {fault}")))?;
            Ok(FieldTerm { field: field.into(), value: value.into(), equal })
        });
        Ok(Self { terms: terms.collect::<Result<_, _>>()? })
    }

    /// Whether fields meet all conditions; a field that does not exist has the empty value.
    #[must_use]
    pub fn matches<'a>(&self, field: impl Fn(&str) -> &'a str) -> bool {
        self.terms.iter().all(|term| (field(&term.field) == &*term.value) == term.equal)
    }

    /// The value that a field must have, if the selector says so.
    #[must_use]
    pub fn required(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && &*term.field == field).map(|term| &*term.value)
    }

    /// Whether there is no condition.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The conditions in the order of their texts.
    #[must_use]
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, FieldTerm { field, value, equal }) in self.terms.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let operator = if *equal { "=" } else { "!=" };
            write!(f, "{comma}{field}{operator}")?;
            for letter in value.chars() {
                let escape = if matches!(letter, '\\' | ',' | '=') { "\\" } else { "" };
                write!(f, "{escape}{letter}")?;
            }
        }
        Ok(())
    }
}

/// The texts between commas that have no backslash in front.
fn split_terms(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(|letter| {
        let ends = !escaped && letter == ',';
        escaped = !escaped && letter == '\\';
        ends
    })
    .collect()
}

/// Field, whether it must be equal, and the escaped value; the first operator of the term counts.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    term.char_indices().find_map(|(at, _)| {
        let (field, rest) = term.split_at(at);
        let operators = [("!=", false), ("==", true), ("=", true)];
        operators.iter().find_map(|&(operator, equal)| Some((field, equal, rest.strip_prefix(operator)?)))
    })
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                Some(other) => return Err(format!("invalid escape sequence: \\{other}")),
                None => return Err("invalid escape sequence: \\".into()),
            },
            // Upstream prints the number of the character.
            ',' | '=' => return Err(format!("unescaped character in value: {}", u32::from(letter))),
            other => plain.push(other),
        }
    }
    Ok(plain)
}
