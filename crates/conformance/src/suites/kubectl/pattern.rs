//! Recorded lines as patterns: the notes beside the recordings say which parts vary.

/// Part of a recorded line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Just this.
    Letter(char),
    /// Spaces, as many as the widths of varying parts make it.
    Space,
    /// A number of any length.
    Digits,
    /// An age, such as `3m20s`.
    Age,
    /// Random letters of a name.
    Random(usize),
    /// Some letters, such as the name of a day.
    Letters(usize),
    /// A date and a time in the format of the API.
    Date,
    /// A uid.
    Uid,
    /// The rest of a word up to a slash, or nothing: a folder.
    Folder,
    /// The rest of the line.
    Rest,
}

/// A recorded line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

/// What a resource version follows in JSON.
const VERSION: &str = "\"resourceVersion\":\"";
const DATE: &str = "NNNN-NN-NNTNN:NN:NNZ";
const UID: &str = "uuuuuuuu-uuuu-uuuu-uuuu-uuuuuuuuuuuu";

/// Whether a text has parts that vary, so that widths do, too.
pub(super) fn varies(line: &str) -> bool {
    parts(line).iter().any(|part| !matches!(part, Part::Letter(_) | Part::Space))
}

fn parts(line: &str) -> Vec<Part> {
    let letters: Vec<char> = line.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let rest: String = letters[at..].iter().collect();
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let starts_word = before.is_none_or(|before| !before.is_ascii_alphanumeric());
        if let Some(digits) = counted(&rest).filter(|_| starts_word) {
            parts.extend([Part::Letter('x'), Part::Digits]);
            at += digits + 1;
            continue;
        }
        let (part, length) = if let Some(fixed) = fixed(&rest, starts_word) {
            fixed
        } else if letter.is_ascii_digit() && letters[..at].iter().collect::<String>().ends_with(VERSION) {
            // In JSON without spaces it was left as it was.
            (Part::Digits, letters[at..].iter().take_while(|letter| letter.is_ascii_digit()).count())
        } else if rest.starts_with("N ") && before == Some('-') {
            // A flag.
            (Part::Letter(letter), 1)
        } else if letter == 'N' && (starts_word || before == Some('E') && at == 1) {
            number(&letters[at..])
        } else if letter == ' ' {
            (Part::Space, letters[at..].iter().take_while(|letter| **letter == ' ').count())
        } else {
            (Part::Letter(letter), 1)
        };
        parts.push(part);
        at += length.max(1);
    }
    parts
}

/// Placeholders with a text of their own, and their lengths.
fn fixed(rest: &str, starts_word: bool) -> Option<(Part, usize)> {
    let ends = |length: usize| !rest[length..].starts_with(|next: char| next.is_ascii_alphanumeric());
    if rest.starts_with(UID) {
        return Some((Part::Uid, UID.len()));
    }
    if rest.starts_with(DATE) {
        return Some((Part::Date, DATE.len()));
    }
    if rest.starts_with("<tmp>/") {
        return Some((Part::Folder, 6));
    }
    if rest == "<time>" {
        return Some((Part::Rest, rest.len()));
    }
    if starts_word && rest.starts_with("xxxxx") && ends(5) {
        return Some((Part::Random(5), 5));
    }
    if starts_word && (rest.starts_with("DDD") || rest.starts_with("MMM")) && ends(3) {
        return Some((Part::Letters(3), 3));
    }
    None
}

/// The length of a count such as `x3 over`: how often an event was seen depends on timing.
fn counted(rest: &str) -> Option<usize> {
    let count = rest.strip_prefix('x')?;
    let digits = count.chars().take_while(char::is_ascii_digit).count();
    (digits > 0 && count[digits..].starts_with(" over ")).then_some(digits)
}

/// A run of digits shown as `N`, or an age made of such runs.
fn number(letters: &[char]) -> (Part, usize) {
    let run = |from: usize| letters[from..].iter().take_while(|letter| **letter == 'N').count();
    let mut length = run(0);
    let alone = |next: Option<&char>| next.is_none_or(|next| !next.is_ascii_alphabetic());
    // "not applicable" is a word.
    if letters.get(length) == Some(&'/') && letters.get(length + 1) == Some(&'A') {
        return (Part::Letter('N'), 1);
    }
    if alone(letters.get(length)) {
        return (Part::Digits, length);
    }
    while letters.get(length).is_some_and(|unit| "smhdy".contains(*unit)) {
        length += 1;
        if alone(letters.get(length)) {
            return (Part::Age, length);
        }
        match run(length) {
            0 => break,
            digits => length += digits,
        }
    }
    (Part::Letter('N'), 1)
}

impl Pattern {
    /// The pattern of a recorded line.
    pub(super) fn of(line: &str) -> Self {
        Self(parts(line))
    }

    /// Whether a line is like the recorded one. `loose` lets the widths of columns differ.
    pub(super) fn fits(&self, line: &str, recorded: &str, loose: bool) -> bool {
        let lead = |text: &str| text.len() - text.trim_start_matches(' ').len();
        let width = |text: &str| text.trim_end_matches(' ').len();
        if !loose && self.0.iter().all(|part| matches!(part, Part::Letter(_) | Part::Space)) {
            return line == recorded;
        }
        if lead(line) != lead(recorded) && self.0.first() != Some(&Part::Space) {
            return false;
        }
        let mut rest = &line[..width(line)];
        let parts = match self.0.as_slice() {
            [parts @ .., Part::Space] => parts,
            parts => parts,
        };
        for part in parts {
            match eaten(part, rest) {
                Some(length) => rest = &rest[length..],
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// How much of a text a part takes.
fn eaten(part: &Part, rest: &str) -> Option<usize> {
    let count = |wanted: fn(char) -> bool| rest.chars().take_while(|letter| wanted(*letter)).map(char::len_utf8).sum();
    match part {
        Part::Letter(letter) => rest.starts_with(*letter).then(|| letter.len_utf8()),
        Part::Space => Some(count(|letter| letter == ' ')).filter(|length| *length > 0),
        Part::Digits => Some(count(|letter| letter.is_ascii_digit())).filter(|length| *length > 0),
        Part::Age => {
            let length = count(|letter| letter.is_ascii_digit() || "smhdy".contains(letter));
            Some(length).filter(|length| *length > 1)
        }
        Part::Random(length) | Part::Letters(length) => {
            let found: usize = count(|letter| letter.is_ascii_alphanumeric());
            (found == *length).then_some(found)
        }
        Part::Uid => {
            let found = count(|letter| letter.is_ascii_hexdigit() || letter == '-');
            (found == UID.len()).then_some(found)
        }
        Part::Date => {
            let found = count(|letter| letter.is_ascii_digit() || "-:TZ".contains(letter));
            (found == DATE.len()).then_some(found)
        }
        Part::Folder => {
            let word: usize = count(|letter| letter != ' ' && letter != '\t');
            Some(rest[..word].find("LIVE").or_else(|| rest[..word].find("MERGED")).unwrap_or(0))
        }
        Part::Rest => Some(rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fits(recorded: &str, ours: &str) -> bool {
        Pattern::of(recorded).fits(ours, recorded, varies(recorded))
    }

    #[test]
    fn ages_numbers_and_random_names_may_differ() {
        assert!(fits(
            "web-5467844fd9-xxxxx   1/1     Running   0          NNs",
            "web-5467844fd9-ab2cd   1/1     Running   0          3m2s"
        ));
        assert!(fits("Created: NN MMM NNNN NN:NN:NN +0000", "Created: 01 Jan 2026 00:00:03 +0000"));
        assert!(fits("  uid: uuuuuuuu-uuuu-uuuu-uuuu-uuuuuuuuuuuu", "  uid: 00000000-0000-4000-8000-0000000000ff"));
        assert!(fits("Normal  NNs (x2 over NmNNs)  x", "Normal  5s (x11 over 3m)  x"));
        assert!(fits("time: \"NNNN-NN-NNTNN:NN:NNZ\"", "time: \"2026-01-01T00:00:00Z\""));
    }

    #[test]
    fn words_are_words() {
        assert!(!fits("NAME   READY", "NAME  READY"));
        assert!(!fits("Normal  NNs", "Warning  5s"));
        assert!(fits(
            "p1     1               N/A               0                     Ns",
            "p1     1               N/A               0                     5s"
        ));
        assert!(!fits("web-xxxxx", "web-abcd"));
        assert!(fits("diff -N <tmp>/LIVE-NNN/a", "diff -N LIVE-0/a"));
    }
}
