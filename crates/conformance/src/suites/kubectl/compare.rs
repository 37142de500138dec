//! One answer against another, under the normalisation that the notes beside the recordings state.

use super::pattern::{Pattern, varies};
use super::session::Entry;
use crate::Mismatch;
use wavetank_kubectl::Output;

/// Compares what our kubectl said with what was recorded.
pub(super) fn answers(entry: &Entry, said: &Output) -> Result<(), Mismatch> {
    let stdout: Vec<&str> = said.stdout.lines().collect();
    let stderr: Vec<&str> = said.stderr.lines().collect();
    if let Some(code) = entry.code {
        // The error says more than the code.
        lines("stderr", &entry.stderr, &stderr)?;
        if code != said.code {
            return Err(Mismatch::differs("exit", code, said.code));
        }
    }
    if entry.line.starts_with("kubectl rollout status") {
        return in_order(&entry.stdout, &stdout);
    }
    if entry.code.is_none() {
        return watched(&entry.stdout, &stdout);
    }
    lines("stdout", &entry.stdout, &stdout)
}

/// Line by line.
fn lines(what: &str, recorded: &[String], ours: &[&str]) -> Result<(), Mismatch> {
    let loose = recorded.iter().any(|line| varies(line));
    for index in 0..recorded.len().max(ours.len()) {
        let (recorded, ours) = (recorded.get(index), ours.get(index));
        let fits = match (recorded, ours) {
            (Some(recorded), Some(ours)) => Pattern::of(recorded).fits(ours, recorded, loose),
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
        };
        if !fits {
            let show = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
            let place = format!("{what}[{index}]");
            return Err(Mismatch::differs(place, show(recorded.map(String::as_str)), show(ours.copied())));
        }
    }
    Ok(())
}

/// Lines without repeats of the line before.
fn without_repeats<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept: Vec<&str> = lines.into_iter().collect();
    kept.dedup();
    kept
}

/// How often a line repeats depends on timing, and so does which of them are seen: ours must be recorded
/// lines in recorded order, and end as the recording does.
fn in_order(recorded: &[String], ours: &[&str]) -> Result<(), Mismatch> {
    let recorded = without_repeats(recorded.iter().map(String::as_str));
    let ours = without_repeats(ours.iter().copied());
    let mut left = recorded.iter();
    for line in &ours {
        if !left.any(|recorded| recorded == line) {
            return Err(Mismatch::differs("stdout", recorded.join(" | "), line));
        }
    }
    match (recorded.last(), ours.last()) {
        (recorded, ours) if recorded == ours => Ok(()),
        (recorded, ours) => {
            Err(Mismatch::differs("the last line", recorded.unwrap_or(&"(nothing)"), ours.unwrap_or(&"(nothing)")))
        }
    }
}

/// Which states a watch passes through depends on timing: ours must begin and end as the recording does,
/// and show in each column only what the recording shows there.
fn watched(recorded: &[String], ours: &[&str]) -> Result<(), Mismatch> {
    let cells = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let fits = |recorded: &str, ours: &str| Pattern::of(recorded).fits(ours, recorded, true);
    for (place, recorded, ours) in [
        ("the header", recorded.first(), ours.first()),
        ("the first line", recorded.get(1), ours.get(1)),
        ("the last line", recorded.last(), ours.last()),
    ] {
        match (recorded, ours) {
            (Some(recorded), Some(ours)) if fits(recorded, ours) => {}
            (None, None) => {}
            (recorded, ours) => {
                let show = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
                return Err(Mismatch::differs(place, show(recorded.map(String::as_str)), show(ours.copied())));
            }
        }
    }
    for line in ours {
        for (column, cell) in cells(line).iter().enumerate() {
            let known = recorded.iter().filter_map(|line| cells(line).get(column).cloned());
            if !known.into_iter().any(|known| Pattern::of(&known).fits(cell, &known, true)) {
                return Err(Mismatch::differs(format!("column {column}"), "a value of the recording", line));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_of_a_rollout_count_once_and_may_be_missed() {
        let recorded = ["1 of 3", "1 of 3", "2 of 3", "done"].map(str::to_owned);
        assert_eq!(in_order(&recorded, &["1 of 3", "done"]), Ok(()));
        assert!(in_order(&recorded, &["2 of 3", "1 of 3", "done"]).is_err());
        assert!(in_order(&recorded, &["1 of 3"]).is_err());
    }
}
