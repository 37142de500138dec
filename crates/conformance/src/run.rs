//! The runner: suites in, one line for each out, and whether that is good enough.

use crate::data::{Data, DataError};
use crate::figures::{self, Figure};
use crate::suites::{self, Case};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the recorded answers lie.
    pub data: Data,
    /// Figures below which no suite may fall, instead of all cases having to pass.
    pub at_least: Option<PathBuf>,
    /// Suites to run; none means all.
    pub suites: Vec<String>,
    /// Failed cases to show for each suite.
    pub failures: usize,
    /// Whether to say how many cases pass for each kind of object, where cases are about one.
    pub by_kind: bool,
}

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Recorded data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The file of `--at-least` cannot be used.
    #[error("{}: {why}", path.display())]
    Floor {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The output could not be written.
    #[error("cannot write the report: {0}")]
    Output(#[from] io::Error),
}

/// Runs suites and writes the report. Answers whether all passed, or none fell below the floor.
///
/// # Errors
/// If recorded data, the floor or the output cannot be used.
pub fn run(options: &Options, out: &mut impl Write) -> Result<bool, RunError> {
    let floor = options.at_least.as_ref().map(read_floor).transpose()?;
    let names = if options.suites.is_empty() { options.data.suites()? } else { options.suites.clone() };
    let mut reached = Vec::new();
    for name in &names {
        reached.push(run_suite(options, name, out)?);
    }
    let Some(floor) = floor else {
        return Ok(reached.iter().all(|figure| figure.passed == figure.total));
    };
    let complaints = figures::fallen(&floor, &reached, !options.suites.is_empty());
    for complaint in &complaints {
        writeln!(out, "fallen: {complaint}")?;
    }
    Ok(complaints.is_empty())
}

fn read_floor(path: &PathBuf) -> Result<Vec<Figure>, RunError> {
    let failed = |why: String| RunError::Floor { path: path.clone(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    figures::parse(&text).map_err(|error| failed(error.to_string()))
}

fn run_suite(options: &Options, name: &str, out: &mut impl Write) -> Result<Figure, RunError> {
    let mut figure = Figure { suite: name.to_owned(), passed: 0, total: 0 };
    let mut kinds: BTreeMap<String, Figure> = BTreeMap::new();
    let mut shown = Vec::new();
    for file in options.data.files(name)? {
        for case in suites::cases(name, &file)? {
            let verdict = verdict(&case);
            figure.count(verdict.is_ok());
            if let (true, Some(kind)) = (options.by_kind, case.kind) {
                let of_kind = Figure { suite: kind.clone(), passed: 0, total: 0 };
                kinds.entry(kind).or_insert(of_kind).count(verdict.is_ok());
            }
            match verdict {
                Err(why) if shown.len() < options.failures => shown.push(format!("  {}: {why}", case.name)),
                Ok(()) | Err(_) => {}
            }
        }
    }
    writeln!(out, "{figure}")?;
    for figure in kinds.values() {
        writeln!(out, "  {figure}")?;
    }
    for line in &shown {
        writeln!(out, "{line}")?;
    }
    let hidden = figure.total.saturating_sub(figure.passed).saturating_sub(shown.len());
    if hidden > 0 && options.failures > 0 {
        writeln!(out, "  … and {hidden} more")?;
    }
    Ok(figure)
}

/// Runs one case. A panic is a bug of ours that must not hide the verdicts on the other cases.
fn verdict(case: &Case<'_>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| case.run())) {
        Ok(result) => result.map_err(|mismatch| mismatch.to_string()),
        Err(cause) => {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
            Err(format!("panicked: {}", text.unwrap_or("without a message")))
        }
    }
}
