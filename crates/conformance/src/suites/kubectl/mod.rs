//! Recorded terminal sessions, replayed through our kubectl.
//!
//! - [`session`]: a recorded file as commands, answers, files and notes.
//! - [`scene`]: what the recording did out of sight: its cluster, its files, its pauses.
//! - [`pattern`]: text with its random and timed parts as a pattern.
//! - [`compare`]: one answer against another.
//!
//! A file is one session on one cluster, so its commands run once, in order, when the first of its cases
//! is asked for.

mod compare;
mod pattern;
mod scene;
mod session;

use super::Case;
use crate::Mismatch;
use crate::data::Recorded;
use std::cell::OnceCell;
use std::rc::Rc;

type Verdicts = Rc<OnceCell<Vec<Result<(), Mismatch>>>>;

/// The cases of a session: its commands.
pub(super) fn cases(file: &Recorded) -> Vec<Case<'_>> {
    let entries = Rc::new(session::parse(&file.text));
    let verdicts: Verdicts = Rc::new(OnceCell::new());
    let named = entries.iter().map(|entry| format!("{}:{} $ {}", file.stem, entry.line_number, entry.line));
    let names: Vec<String> = named.collect();
    names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let (entries, verdicts) = (Rc::clone(&entries), Rc::clone(&verdicts));
            let stem = file.stem.as_str();
            let body = move || {
                let verdicts = verdicts.get_or_init(|| replay(stem, &entries));
                verdicts.get(index).cloned().unwrap_or_else(|| Err(Mismatch::not_run("the session ended before it")))
            };
            Case { name, kind: None, body: Box::new(body) }
        })
        .collect()
}

fn replay(stem: &str, entries: &[session::Entry]) -> Vec<Result<(), Mismatch>> {
    let mut scene = scene::Scene::of(stem);
    entries
        .iter()
        .map(|entry| {
            let said = scene.run(entry);
            compare::answers(entry, &said)
        })
        .collect()
}
