//! The list of fields at fault, and the refusal made of it.

use super::names;
use std::collections::BTreeSet;
use wavetank_model::Kind;
use wavetank_model::{Cause, Reason, Refusal};

/// Fields at fault, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Cause>);

/// A text as Go quotes it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Faults {
    fn add(&mut self, reason: &str, field: &str, message: String) {
        self.0.push(Cause { reason: reason.into(), message: message.into(), field: field.into() });
    }

    /// A value that must not be; `value` is given as it is to be shown.
    pub(crate) fn invalid(&mut self, field: &str, value: &str, detail: &str) {
        self.add("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"));
    }

    /// A value that must not be and is not shown.
    pub(crate) fn unfit(&mut self, field: &str, detail: &str) {
        self.add("FieldValueInvalid", field, format!("Invalid value: {detail}"));
    }

    /// A text that must not be.
    pub(crate) fn invalid_text(&mut self, field: &str, text: &str, detail: &str) {
        self.invalid(field, &quoted(text), detail);
    }

    /// A text that must not be, for each of several reasons.
    pub(crate) fn invalid_texts(&mut self, field: &str, text: &str, details: &[String]) {
        for detail in details {
            self.invalid_text(field, text, detail);
        }
    }

    /// A number that must be one of a port, if it is none.
    pub(crate) fn port_number(&mut self, field: &str, number: i64) {
        if let Some(detail) = names::port_number(number) {
            self.invalid(field, &number.to_string(), detail);
        }
    }

    /// A value that must be there.
    pub(crate) fn required(&mut self, field: &str, detail: &str) {
        let colon = if detail.is_empty() { "" } else { ": " };
        self.add("FieldValueRequired", field, format!("Required value{colon}{detail}"));
    }

    /// A value that is none of those known; `value` is given as it is to be shown.
    pub(crate) fn unsupported(&mut self, field: &str, value: &str, known: &[&str]) {
        let known: Vec<String> = known.iter().map(|word| quoted(word)).collect();
        let known = known.join(", ");
        self.add("FieldValueNotSupported", field, format!("Unsupported value: {value}: supported values: {known}"));
    }

    /// A text that is none of those known, if it is none.
    pub(crate) fn one_of(&mut self, field: &str, text: &str, known: &[&str]) {
        if !known.contains(&text) {
            self.unsupported(field, &quoted(text), known);
        }
    }

    /// A field that must not be set.
    pub(crate) fn forbidden(&mut self, field: &str, detail: &str) {
        self.add("FieldValueForbidden", field, format!("Forbidden: {detail}"));
    }

    /// A value that is taken.
    pub(crate) fn duplicate(&mut self, field: &str, text: &str) {
        self.add("FieldValueDuplicate", field, format!("Duplicate value: {}", quoted(text)));
    }

    /// A value that is taken; `value` is given as it is to be shown.
    pub(crate) fn duplicate_value(&mut self, field: &str, value: &str) {
        self.add("FieldValueDuplicate", field, format!("Duplicate value: {value}"));
    }

    /// A list that is longer than it may be.
    pub(crate) fn too_many(&mut self, field: &str, count: usize, limit: usize) {
        let items = if limit == 1 { "item" } else { "items" };
        let message = format!("Too many: {count}: must have at most {limit} {items}");
        self.add("FieldValueTooMany", field, message);
    }

    /// A text that must be there and be one of those known.
    pub(crate) fn required_one_of(&mut self, field: &str, text: &str, known: &[&str]) {
        if text.is_empty() {
            self.required(field, "");
        } else {
            self.one_of(field, text, known);
        }
    }

    /// A name of something that is not there.
    pub(crate) fn not_found(&mut self, field: &str, text: &str) {
        self.add("FieldValueNotFound", field, format!("Not found: {}", quoted(text)));
    }

    /// Something that is larger than it may be.
    pub(crate) fn too_long(&mut self, field: &str, limit: usize) {
        self.add("FieldValueTooLong", field, format!("Too long: may not be more than {limit} bytes"));
    }

    /// Adds the faults of another list.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A number that must not be negative.
    pub(crate) fn non_negative(&mut self, field: &str, number: i64) {
        if number < 0 {
            self.invalid(field, &number.to_string(), "must be greater than or equal to 0");
        }
    }

    /// The faults as one text, for where the server makes no status of them.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) }
    }

    /// Whether nothing is at fault.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusal of an object, if there are faults. A fault found twice is told once.
    pub(crate) fn into_result(self, kind: Kind, name: &str) -> Result<(), Refusal> {
        self.refusing(&kind.qualified(), name)
    }

    /// The same for what is of no kind of its own; `what` is the word with its group.
    pub(crate) fn refusing(self, what: &str, name: &str) -> Result<(), Refusal> {
        if self.is_empty() {
            return Ok(());
        }
        let mut told = BTreeSet::new();
        let mut texts: Vec<String> = Vec::new();
        for cause in &self.0 {
            let text = format!("{}: {}", cause.field, cause.message);
            if told.insert(text.clone()) {
                texts.push(text);
            }
        }
        let text = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let message = format!("{what} \"{name}\" is invalid: {text}");
        Err(Refusal { reason: Reason::Invalid, message: message.into(), causes: self.0 })
    }
}
