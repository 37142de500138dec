//! Kinds without a description of their own: each member under a title made from its name.

use super::Related;
use super::page::Page;
use crate::Now;
use serde_json::Value;
use wavetank_model::go_text::{plain, sorted};

/// What has been said before the members come, or is never said.
const SKIPPED: [&str; 5] =
    [".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"];
const ACRONYMS: [&str; 5] = ["API", "URL", "UID", "OSB", "GUID"];
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 128;

pub(super) fn any(page: &mut Page, object: &Value, _: &Related<'_>, _: Now) {
    page.head(object);
    page.metadata(object);
    members(page, object, 0, "");
}

fn members(page: &mut Page, object: &Value, level: usize, path: &str) {
    if level > MAX_DEPTH {
        return;
    }
    for (key, value) in sorted(object) {
        let path = format!("{path}.{key}");
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let title = title(key);
        match value {
            Value::Object(_) => {
                page.line(level, &format!("{title}:"));
                members(page, value, level + 1, &path);
            }
            Value::Array(items) => {
                page.line(level, &format!("{title}:"));
                for item in items {
                    match item {
                        Value::Object(_) => members(page, item, level + 1, &path),
                        other @ (Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::String(_)
                        | Value::Array(_)) => page.line(level + 1, &plain(other)),
                    }
                }
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                page.entry(level, &title, &plain(other))
            }
        }
    }
}

/// `creationTimestamp` becomes `Creation Timestamp`. A name with more than letters stays as it is.
fn title(name: &str) -> String {
    if name.chars().any(|letter| !letter.is_alphabetic() && letter != '-') {
        return name.into();
    }
    let words = words(name).into_iter().map(|word| {
        let capitals = word.to_uppercase();
        if ACRONYMS.contains(&capitals.as_str()) {
            return capitals;
        }
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The words of a name in camel case. The last of several capitals begins the next word.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(index + 1);
        let class = |letter: char| (letter.is_uppercase(), letter.is_alphabetic());
        let begins = match before {
            None => true,
            Some(&before) if class(before) == class(letter) => {
                letter.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            }
            // A capital goes with what follows it, and is where its word began.
            Some(&before) => !(before.is_uppercase() && letter.is_lowercase()),
        };
        match words.last_mut() {
            Some(word) if !begins => word.push(letter),
            _ => words.push(letter.into()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles_are_made_of_the_words_of_a_name() {
        let cases = [
            ("creationTimestamp", "Creation Timestamp"),
            ("apiVersion", "API Version"),
            ("uid", "UID"),
            ("clusterIPs", "Cluster I Ps"),
            ("podIP", "Pod IP"),
            ("v1beta1", "v1beta1"),
            ("HTTPServer", "HTTP Server"),
        ];
        for (name, expected) in cases {
            assert_eq!(title(name), expected);
        }
    }
}
