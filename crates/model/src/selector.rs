//! Label selectors, as objects spell them and as command lines do, and field selectors.
//!
//! - [`LabelSelector`]: as spelled in an object; [`LabelSelector::compile`] makes it ready to match.
//! - [`Selector`]: ready to match; [`Selector::parse`] reads the form of command lines.
//! - [`Requirement`]: one condition of a selector.
//! - [`FieldSelector`]: conditions on fields such as `spec.nodeName`.

mod field;
mod parse;
mod requirement;

pub use field::{FieldSelector, FieldTerm};
pub use requirement::{Operator, Requirement};

use crate::StringMap;
use crate::shared::follow_list;
use crate::strconv::quote;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A label selector as spelled in an object: `matchLabels` and `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSelector {
    /// `matchLabels`.
    pub match_labels: StringMap,
    /// `matchExpressions`.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: Arc<str>,
    /// Operator as spelled: `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: Arc<str>,
    /// Values.
    pub values: Vec<Arc<str>>,
}

/// Why a selector cannot be read; the text is the API server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A key, a value or their number does not suit the operator.
    #[error("{0}")]
    Invalid(String),
    /// An operator that the form does not know, quoted.
    #[error("{} is not a valid label selector operator", quote(.0))]
    Operator(Arc<str>),
    /// An operator that only command lines know.
    #[error("{} isn't supported in label selectors", quote(.0.as_str()))]
    Unsupported(Operator),
    /// A text that is no selector.
    #[error("{0}")]
    Syntax(String),
}

impl LabelSelector {
    /// Makes the selector ready to match.
    ///
    /// ```
    /// use wavetank_model::{LabelSelector, StringMap};
    ///
    /// let web = LabelSelector { match_labels: StringMap::from_iter([("app", "web")]), ..Default::default() };
    /// let selector = web.compile()?;
    /// assert!(selector.matches(&StringMap::from_iter([("app", "web"), ("tier", "front")])));
    /// assert_eq!(selector.to_string(), "app=web");
    /// # Ok::<(), wavetank_model::selector::SelectorError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first requirement that is not a valid one.
    pub fn compile(&self) -> Result<Selector, SelectorError> {
        if self.match_expressions.is_empty() {
            return self.match_labels.selector().clone();
        }
        let labels = requirements_of(&self.match_labels);
        let expressions = self.match_expressions.iter().map(LabelSelectorRequirement::compile);
        labels.chain(expressions).collect::<Result<Vec<_>, _>>().map(Selector::of)
    }

    /// The same, borrowed from the labels where they are all of it: they are made ready once.
    ///
    /// # Errors
    ///
    /// The first requirement that is not a valid one.
    pub fn compiled(&self) -> Result<Cow<'_, Selector>, SelectorError> {
        if !self.match_expressions.is_empty() {
            return self.compile().map(Cow::Owned);
        }
        match self.match_labels.selector() {
            Ok(selector) => Ok(Cow::Borrowed(selector)),
            Err(error) => Err(error.clone()),
        }
    }

    /// Whether it can be made ready to match.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        if self.match_expressions.is_empty() { self.match_labels.selector().is_ok() } else { self.compile().is_ok() }
    }

    /// The selector as tables show it: `<none>` when it is empty, `<error>` when it is not valid.
    #[must_use]
    pub fn format(&self) -> String {
        match self.compile() {
            Err(_) => "<error>".into(),
            Ok(selector) if selector.is_empty() => "<none>".into(),
            Ok(selector) => selector.to_string(),
        }
    }

    /// Reads the form of command lines into that of objects.
    ///
    /// # Errors
    ///
    /// If the text is no selector, or uses an operator that objects do not have.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let selector = Selector::parse(text).map_err(|error| {
            SelectorError::Syntax(format!("couldn't parse the selector string \"{text}\": {error}"))
        })?;
        let mut object = Self::default();
        for requirement in selector.requirements() {
            let operator = match requirement.operator() {
                Operator::Equals | Operator::DoubleEquals => {
                    for value in requirement.values() {
                        object.match_labels.set(requirement.key(), value);
                    }
                    continue;
                }
                Operator::In => "In",
                Operator::NotIn => "NotIn",
                Operator::Exists => "Exists",
                Operator::DoesNotExist => "DoesNotExist",
                operator @ (Operator::GreaterThan | Operator::LessThan) => {
                    return Err(SelectorError::Unsupported(operator));
                }
                operator @ Operator::NotEquals => return Err(SelectorError::Operator(operator.as_str().into())),
            };
            let (key, values) = (requirement.key().into(), requirement.values().to_vec());
            object.match_expressions.push(LabelSelectorRequirement { key, operator: operator.into(), values });
        }
        Ok(object)
    }

    pub(crate) fn follow(&mut self, other: &Self) {
        self.match_labels.follow(&other.match_labels);
        follow_list(&mut self.match_expressions, &other.match_expressions);
    }

    /// Whether there is no requirement; such a selector matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }
}

fn requirements_of(labels: &StringMap) -> impl Iterator<Item = Result<Requirement, SelectorError>> {
    labels.iter().map(|(key, value)| Requirement::new(key, Operator::Equals, &[value.into()]))
}

impl LabelSelectorRequirement {
    fn compile(&self) -> Result<Requirement, SelectorError> {
        let operator = match &*self.operator {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return Err(SelectorError::Operator(self.operator.clone())),
        };
        Requirement::new(&self.key, operator, &self.values)
    }
}

/// A selector ready to match: requirements by key, shared between its copies.
///
/// The default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    requirements: Arc<[Requirement]>,
    /// An absent selector is not an empty one: it matches nothing.
    #[serde(default)]
    nothing: bool,
}

impl Selector {
    /// Reads the form of command lines, such as `app in (web,db),!canary`.
    ///
    /// # Errors
    ///
    /// If the text is no selector, in the words of the API server.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::requirements(text).map(Self::of)
    }

    /// The selector that matches nothing: what an absent one means.
    #[must_use]
    pub fn nothing() -> Self {
        Self { requirements: Arc::default(), nothing: true }
    }

    /// The selector of exactly these labels, without a look at whether they are valid.
    #[must_use]
    pub fn from_labels(labels: &StringMap) -> Self {
        Self::of(labels.iter().map(|(key, value)| Requirement::equals(key, value)).collect())
    }

    /// The selector of exactly these labels, if all of them are valid.
    pub(crate) fn of_valid_labels(labels: &StringMap) -> Result<Self, SelectorError> {
        requirements_of(labels).collect::<Result<Vec<_>, _>>().map(Self::of)
    }

    /// Whether labels meet all requirements.
    #[must_use]
    pub fn matches(&self, labels: &StringMap) -> bool {
        let all = || self.requirements.iter().all(|requirement| requirement.matches(labels));
        !self.nothing && labels.answer(&self.requirements, all)
    }

    /// Whether there is no requirement, so that everything matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// Whether nothing can match because there is no selector.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// The requirements by key, in the order of the text where keys are equal.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    fn of(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key().cmp(b.key()));
        Self { requirements: requirements.into(), nothing: false }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
