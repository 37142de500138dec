//! A description while it is written: lines with tabs, lined up in the end.

use crate::field::Field;
use crate::tab_writer::{Stops, escape_terminal};
use serde_json::Value;
use wavetank_model::go_text::sorted;

/// Annotations longer than this get a line of their own, in bytes.
const LONG: usize = 140;
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Lines so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// What has been lined up already.
    aligned: String,
    open: String,
}

impl Page {
    /// Adds a line at a level; each level is two spaces.
    pub(super) fn line(&mut self, level: usize, text: &str) {
        self.open.extend(core::iter::repeat_n("  ", level));
        self.open.push_str(text);
        self.open.push('\n');
    }

    /// Adds a line of a title and a text.
    pub(super) fn entry(&mut self, level: usize, title: &str, text: &str) {
        self.line(level, &format!("{title}:\t{text}"));
    }

    /// Adds a title with a line for each text; the first one beside it, the others below.
    pub(super) fn list(&mut self, title: &str, texts: &[String]) {
        match texts {
            [] => self.entry(0, title, "<none>"),
            [first, others @ ..] => {
                self.entry(0, title, first);
                for other in others {
                    self.line(0, &format!("\t{other}"));
                }
            }
        }
    }

    /// Name and namespace.
    pub(super) fn head(&mut self, object: &Value) {
        self.entry(0, "Name", object.name());
        self.entry(0, "Namespace", object.namespace());
    }

    /// Labels and annotations.
    pub(super) fn metadata(&mut self, object: &Value) {
        self.labels("Labels", object.at(&["metadata", "labels"]));
        self.annotations("Annotations", object.at(&["metadata", "annotations"]));
    }

    /// Labels, one on each line.
    pub(super) fn labels(&mut self, title: &str, labels: Option<&Value>) {
        let entries = labels.map(sorted).unwrap_or_default();
        let pairs = entries.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
        self.list(title, &pairs.collect::<Vec<_>>());
    }

    /// Annotations, one on each line or, if they are long, on several. What `apply` keeps is left out.
    pub(super) fn annotations(&mut self, title: &str, annotations: Option<&Value>) {
        let entries = annotations.map(sorted).unwrap_or_default();
        let mut lines = Vec::new();
        for (key, value) in entries.into_iter().filter(|(key, _)| *key != LAST_APPLIED) {
            let value = value.as_str().unwrap_or_default();
            let value = value.strip_suffix('\n').unwrap_or(value);
            if key.len() + value.len() + 2 <= LONG && !value.contains('\n') {
                lines.push(format!("{key}: {value}"));
                continue;
            }
            lines.push(format!("{key}:"));
            lines.extend(value.split('\n').map(|line| format!("  {}", shorten(line, LONG - 2))));
        }
        self.list(title, &lines);
    }

    /// Conditions with type, status and reason.
    pub(super) fn conditions(&mut self, object: &Value) {
        let conditions = object.items(&["status", "conditions"]);
        if conditions.is_empty() {
            return;
        }
        self.line(0, "Conditions:");
        self.line(1, "Type\tStatus\tReason");
        self.line(1, "----\t------\t------");
        for condition in conditions {
            let text = |key| condition.text(&[key]);
            self.line(1, &format!("{} \t{}\t{}", text("type"), text("status"), text("reason")));
        }
    }

    /// A date, or what stands for none.
    pub(super) fn date(object: &Value, path: &[&str], absent: &str) -> String {
        object.instant(path).map_or_else(|| absent.into(), |instant| instant.rfc1123())
    }

    /// The date of creation.
    pub(super) fn created(&mut self, object: &Value) {
        let created = Self::date(object, &["metadata", "creationTimestamp"], ZERO_DATE);
        self.entry(0, "CreationTimestamp", &created);
    }

    /// Lines up what there is, so that nothing that follows moves it.
    pub(super) fn flush(&mut self) {
        let open = core::mem::take(&mut self.open);
        self.aligned.push_str(&Stops::DESCRIBE.align(&escape_terminal(&open)));
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.aligned
    }

    /// The text with its tabs.
    pub(super) fn unaligned(self) -> String {
        escape_terminal(&self.open)
    }
}

/// How Go shows the time that is none.
pub(super) const ZERO_DATE: &str = "Mon, 01 Jan 0001 00:00:00 +0000";

/// A text cut after so many bytes, but not within a letter.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.into();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// A text, or `<none>`.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// `True` or `False`.
pub(super) const fn truth(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// The object that controls another, as kind and name.
pub(super) fn controller(object: &Value) -> Option<String> {
    let owner = object.items(&["metadata", "ownerReferences"]).iter().find(|owner| owner.flag(&["controller"]))?;
    Some(format!("{}/{}", owner.kind(), owner.text(&["name"])))
}
