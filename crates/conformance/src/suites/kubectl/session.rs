//! A recorded file, taken apart.

/// One command and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of its line in the file, from 1.
    pub(super) line_number: usize,
    /// The command.
    pub(super) line: String,
    /// What it wrote to standard output.
    pub(super) stdout: Vec<String>,
    /// What it wrote to standard error.
    pub(super) stderr: Vec<String>,
    /// Its exit code; nothing if it was stopped from outside.
    pub(super) code: Option<i32>,
    /// Files shown before it: names and texts.
    pub(super) files: Vec<(String, String)>,
    /// Notes before it.
    pub(super) notes: Vec<String>,
}

/// The commands of a recorded file, in order.
pub(super) fn parse(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut open: Option<(Entry, bool)> = None;
    for (index, line) in text.lines().enumerate() {
        if let Some((entry, in_stderr)) = &mut open {
            if let Some(code) = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')) {
                entry.code = code.parse().ok();
                entries.extend(open.take().map(|(entry, _)| entry));
            } else if line == "[stderr]" {
                *in_stderr = true;
            } else if *in_stderr {
                entry.stderr.push(line.to_owned());
            } else {
                entry.stdout.push(line.to_owned());
            }
        } else if let Some(command) = line.strip_prefix("$ ") {
            let entry = Entry {
                line_number: index.saturating_add(1),
                line: command.to_owned(),
                files: core::mem::take(&mut files),
                notes: core::mem::take(&mut notes),
                ..Entry::default()
            };
            open = Some((entry, false));
        } else if let Some(name) = line.strip_prefix("# file ") {
            files.push((name.to_owned(), String::new()));
        } else if let Some(note) = line.strip_prefix("# ") {
            notes.push(note.to_owned());
        } else if let (Some(content), Some((_, text))) = (line.strip_prefix("| "), files.last_mut()) {
            text.push_str(content);
            text.push('\n');
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_commands_with_answers_and_files() {
        let text = "# file a.yaml\n| a: 1\n|   b\n$ kubectl x\nout\n[stderr]\nerr\n[exit 1]\n\n$ kubectl y -w\n[exit interrupted]\n";
        let entries = parse(text);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].files, [("a.yaml".to_owned(), "a: 1\n  b\n".to_owned())]);
        assert_eq!((entries[0].stdout.len(), entries[0].stderr.len(), entries[0].code), (1, 1, Some(1)));
        assert_eq!((entries[1].line.as_str(), entries[1].code), ("kubectl y -w", None));
    }
}
