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

/// A line of `rollout status` without the first number in it, which counts pods.
fn form(line: &str) -> String {
    // The name before that may have digits, too.
    let from = line.rfind('"').unwrap_or(0);
    let Some(start) = line[from..].find(|letter: char| letter.is_ascii_digit()).map(|at| from + at) else {
        return line.to_owned();
    };
    let digits = line[start..].chars().take_while(char::is_ascii_digit).count();
    format!("{}#{}", &line[..start], &line[start + digits..])
}

/// How often a line repeats depends on timing, and so does which pods it counts: ours must be of recorded
/// forms in recorded order, and the last one must be the recorded one.
fn in_order(recorded: &[String], ours: &[&str]) -> Result<(), Mismatch> {
    let forms = |lines: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let mut forms: Vec<String> = lines.map(form).collect();
        forms.dedup();
        forms
    };
    let known = forms(&mut recorded.iter().map(String::as_str));
    let mut left = known.iter();
    for form in forms(&mut ours.iter().copied()) {
        if !left.any(|known| *known == form) {
            return Err(Mismatch::differs("stdout", known.join(" | "), form));
        }
    }
    match (recorded.last().map(String::as_str), ours.last().copied()) {
        (recorded, ours) if recorded == ours => Ok(()),
        (recorded, ours) => {
            Err(Mismatch::differs("the last line", recorded.unwrap_or("(nothing)"), ours.unwrap_or("(nothing)")))
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
    fn lines_of_a_rollout_may_repeat_be_missed_and_count_others() {
        let line = |number: u32| format!("Waiting for deployment \"w3\" rollout to finish: {number} out of 3 ...");
        let recorded = [line(1), line(1), line(2), "done".to_owned()];
        assert_eq!(in_order(&recorded, &[&line(1), "done"]), Ok(()));
        assert_eq!(in_order(&recorded, &[&line(0), &line(2), "done"]), Ok(()));
        assert!(in_order(&recorded, &["other", "done"]).is_err());
        assert!(in_order(&recorded, &[&line(1)]).is_err());
    }
}
