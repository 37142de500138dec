//! What each suite asks of which part of the simulator.

mod answer;
mod horizontal;
mod image_backoff;
mod kubectl;
mod manifests;
mod node_rows;
mod node_trace;
mod pod_phase;
mod printer_tables;
mod probe_handlers;
mod probes;
mod quantities;
mod restart_backoff;
mod selectors;
mod server;
mod subject;
mod templates;
mod values;

use crate::Mismatch;
use crate::data::{DataError, Recorded};
use crate::sync;
use core::fmt;
use serde_json::Value;

/// One recorded case, ready to run.
pub struct Case<'a> {
    /// Its name, unique in its suite.
    pub name: String,
    /// The kind of object that it is about, if that is known.
    pub kind: Option<String>,
    body: Box<dyn Fn() -> Result<(), Mismatch> + 'a>,
}

impl Case<'_> {
    /// Runs the case.
    ///
    /// # Errors
    /// What differs from the recorded answer, or why the case cannot be run.
    pub fn run(&self) -> Result<(), Mismatch> {
        (self.body)()
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A function that runs a case of a suite. It gets the suite's notes, which its cases refer to.
type Runner = fn(notes: &Value, case: &Value) -> Result<(), Mismatch>;

/// Suites by name, with what runs their cases.
const RUNNERS: &[(&str, Runner)] = &[
    ("defaulting", manifests::defaulting),
    ("deployment-sync", |_, case| twice(case, sync::deployment_case, sync::production::deployment_case)),
    ("hpa-normalize", horizontal::normalize),
    ("hpa-replicas", horizontal::replicas),
    ("hpa-sequence", horizontal::sequence),
    ("human-duration", values::human),
    ("image-backoff", image_backoff::case),
    ("int-or-percent", values::int_or_percent),
    ("pod-phase", pod_phase::case),
    ("printer-tables", printer_tables::case),
    ("probe-handlers", probe_handlers::case),
    ("probes", probes::case),
    ("quantities", quantities::case),
    ("replicaset-sync", |_, case| twice(case, sync::replica_set_case, sync::production::replica_set_case)),
    ("restart-backoff", restart_backoff::case),
    ("selectors", selectors::case),
    ("template-hash", templates::hash),
    ("validation", manifests::validation),
];

/// A recorded pass is played on literal objects, and again on the production path.
fn twice(
    case: &Value,
    literal: fn(&Value) -> Result<(), Mismatch>,
    production: fn(&Value) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    literal(case)?;
    production(case).map_err(|mismatch| mismatch.within("on the production path"))
}

/// The function that runs the cases of a suite.
fn runner(suite: &str) -> Runner {
    let found = RUNNERS.iter().find(|(name, _)| *name == suite);
    found.map_or(|_, _| Err(Mismatch::not_run("nothing in the simulator answers this suite yet")), |(_, run)| *run)
}

/// The cases in a file of a suite.
///
/// # Errors
/// [`DataError::Malformed`] if the file does not hold cases.
pub fn cases<'a>(suite: &str, file: &'a Recorded) -> Result<Vec<Case<'a>>, DataError> {
    match suite {
        "traces" => trace(file).map(|case| vec![case]),
        "kubectl" => Ok(kubectl::cases(file)),
        _ => listed(suite, file),
    }
}

/// The cases that a JSON file lists.
fn listed<'a>(suite: &str, file: &Recorded) -> Result<Vec<Case<'a>>, DataError> {
    let mut content = file.json()?;
    let notes = std::sync::Arc::new(content.get_mut("notes").map(Value::take).unwrap_or_default());
    let Some(Value::Array(cases)) = content.get_mut("cases").map(Value::take) else {
        return Err(file.malformed(&"it has no list of cases"));
    };
    let run = runner(suite);
    let named = cases.into_iter().map(|case| {
        let name = case.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = name.ok_or_else(|| file.malformed(&"a case has no name"))?;
        let notes = std::sync::Arc::clone(&notes);
        Ok(Case { name, kind: subject::subject(&case), body: Box::new(move || run(&notes, &case)) })
    });
    named.collect()
}

/// A file of `traces` is one case.
fn trace<'a>(file: &Recorded) -> Result<Case<'a>, DataError> {
    let recorded: crate::trace::TraceFile = serde_json::from_str(&file.text).map_err(|error| file.malformed(&error))?;
    Ok(Case { name: file.stem.clone(), kind: None, body: Box::new(move || crate::replay::trace_case(&recorded)) })
}
