//! `wavetank-conformance`: runs recorded cases and says how many pass.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use wavetank_conformance::{Data, Options, run};

/// Runs recorded answers of the real system against this simulator.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Recorded data; the project's own copy by default.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fail only if a suite falls below the figures in this file.
    #[arg(long, value_name = "FILE")]
    at_least: Option<PathBuf>,
    /// Failed cases to show for each suite.
    #[arg(long, value_name = "N", default_value_t = 5)]
    failures: usize,
    /// Say how many cases pass for each kind of object too.
    #[arg(long)]
    by_kind: bool,
    /// Suites to run: the stem of a file, `traces` or `kubectl`; all by default.
    #[arg(value_name = "SUITE")]
    suites: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        data: arguments.data.map_or_else(Data::of_this_project, Data::at),
        at_least: arguments.at_least,
        suites: arguments.suites,
        failures: arguments.failures,
        by_kind: arguments.by_kind,
    };
    match run(&options, &mut std::io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to tell if even this cannot be written.
            drop(writeln!(std::io::stderr(), "error: {error}"));
            ExitCode::from(2)
        }
    }
}
