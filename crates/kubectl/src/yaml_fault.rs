//! What the YAML reader of kubectl says about text that is not YAML, as far as it can be told from here.
//!
//! Our own reader words its faults otherwise. The usual ones are told by the text itself; of the rest
//! the words are ours.

/// The complaint about a text that could not be read.
pub(crate) fn words(text: &str, ours: &str) -> String {
    for (number, line) in (1..).zip(text.lines()) {
        let indented = line.trim_start_matches(' ');
        if indented.starts_with('\t') && !indented.trim().is_empty() {
            return format!("yaml: line {number}: found character that cannot start any token");
        }
    }
    if let Some(number) = unfinished_flow(text) {
        let (line, wanted) = number;
        return format!("yaml: line {line}: did not find expected {wanted}");
    }
    // Ours shows the place in lines below.
    format!("yaml: {}", ours.lines().next().unwrap_or_default())
}

/// Where a list in brackets or a mapping in braces goes on as a block: its line, and what was expected.
fn unfinished_flow(text: &str) -> Option<(usize, &'static str)> {
    let mut open: Vec<char> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let plain = line.split(" #").next().unwrap_or_default();
        // A second mapping within brackets, on a line of its own, is where the reader gives up.
        if let Some(bracket) = open.last() {
            let starts = plain.trim_start();
            let goes_on = starts.starts_with([']', '}', ',']);
            if !goes_on && (starts.contains(": ") || starts.ends_with(':')) {
                let wanted = if *bracket == '[' { "',' or ']'" } else { "',' or '}'" };
                return Some((index.saturating_add(1), wanted));
            }
        }
        for letter in plain.chars() {
            match letter {
                '[' | '{' => open.push(letter),
                ']' | '}' => drop(open.pop()),
                _ => {}
            }
        }
    }
    let bracket = open.last()?;
    Some((text.lines().count(), if *bracket == '[' { "',' or ']'" } else { "',' or '}'" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_faults_are_named_as_kubectl_names_them() {
        assert_eq!(words("a:\n\tb: 1\n", "?"), "yaml: line 2: found character that cannot start any token");
        assert_eq!(words("a: [\n  x: 3\n  y: 4\n", "?"), "yaml: line 2: did not find expected ',' or ']'");
        assert_eq!(words("a: b: c", "something else"), "yaml: something else");
    }
}
