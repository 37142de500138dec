//! A session at a simulated cluster: `cargo run --release --example shell [FILE]`.
//!
//! Reads kubectl's commands, with or without the word kubectl, and some for time and forks (`help` lists
//! them), from a terminal or a file. Paths after `-f` are looked up on disk.

use clap::Parser;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wavetank_kubectl::{Files, Shell};

/// A session at a simulated cluster.
#[derive(Debug, Parser)]
struct Arguments {
    /// Commands, one a line; standard input by default.
    file: Option<PathBuf>,
}

/// Files as the system has them.
#[derive(Debug)]
struct OnDisk;

impl Files for OnDisk {
    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    fn list(&self, folder: &str, recursive: bool) -> Option<Vec<String>> {
        let mut found = Vec::new();
        list(Path::new(folder), recursive, &mut found).ok()?;
        found.sort();
        Some(found)
    }
}

fn list(folder: &Path, recursive: bool, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path.to_string_lossy().into_owned());
        } else if recursive && path.is_dir() {
            list(&path, recursive, found)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.file {
        Some(path) => std::fs::read_to_string(path).and_then(|text| session(text.as_bytes(), false)),
        None => session(io::stdin().lock(), io::stdin().is_terminal()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell if even this cannot be written.
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Carries out lines until there are no more. A person gets a prompt, others see what was carried out.
fn session(input: impl BufRead, with_person: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut shell = Shell::with_files(OnDisk);
    let mut lines = input.lines();
    loop {
        if with_person {
            write!(out, "wavetank> ")?;
            out.flush()?;
        }
        let Some(line) = lines.next().transpose()? else { return Ok(()) };
        if !with_person && !line.trim().is_empty() {
            let prompt = if line.trim_start().starts_with('#') { "" } else { "$ " };
            writeln!(out, "{prompt}{line}")?;
        }
        let Some(said) = shell.line(&line) else { return Ok(()) };
        write!(out, "{}{}", said.stdout, said.stderr)?;
        if !said.stdout.is_empty() && !said.stdout.ends_with('\n') && said.stderr.is_empty() {
            writeln!(out)?;
        }
    }
}
