//! The runner on all recorded data: no suite falls below the figures committed beside this crate.

use std::path::{Path, PathBuf};
use wavetank_conformance::{Data, Options, RunError, run};

fn in_this_crate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn report(options: &Options) -> (Result<bool, RunError>, String) {
    let mut out = Vec::new();
    let verdict = run(options, &mut out);
    (verdict, String::from_utf8(out).expect("the report is text"))
}

fn of_this_project(suites: &[&str]) -> Options {
    let suites = suites.iter().map(|suite| (*suite).to_owned()).collect();
    Options {
        data: Data::of_this_project(),
        at_least: Some(in_this_crate("at-least.txt")),
        suites,
        failures: 5,
        by_kind: false,
    }
}

#[test]
fn no_suite_falls_below_the_committed_figures() {
    let (verdict, report) = report(&of_this_project(&[]));
    assert!(verdict.expect("the data are readable"), "{report}");
}

#[test]
fn figures_by_kind_add_up_to_those_of_the_suite() {
    let options = Options { by_kind: true, ..of_this_project(&["printer-tables"]) };
    let (_, report) = report(&options);
    let total = |line: &str| line.rsplit('/').next().and_then(|total| total.parse::<usize>().ok());
    let (suite, kinds) = report.split_once('\n').expect("a line for the suite");
    assert_eq!(kinds.lines().filter_map(total).sum::<usize>(), total(suite).expect("a figure"), "{report}");
    assert!(kinds.contains("  Deployment "), "{report}");
}

#[test]
fn a_suite_that_the_data_do_not_hold_is_an_error_that_names_it() {
    let (verdict, _) = report(&of_this_project(&["no-such-suite"]));
    assert!(verdict.is_err_and(|error| error.to_string().contains("no-such-suite")));
}

#[test]
fn plain_and_compressed_files_read_the_same() {
    let folder = in_this_crate("data");
    let compressed = std::fs::read(folder.join("human-duration.json.zst")).expect("the suite is there");
    let plain = zstd::decode_all(compressed.as_slice()).expect("it decompresses");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain");
    std::fs::create_dir_all(&copy).expect("a folder can be made");
    std::fs::write(copy.join("human-duration.json"), plain).expect("a file can be written");
    let of_copy = Options { data: Data::at(copy), ..of_this_project(&["human-duration"]) };
    assert_eq!(report(&of_copy).1, report(&of_this_project(&["human-duration"])).1);
}

#[test]
fn data_that_cannot_be_read_are_an_error_that_names_the_file() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    for (name, text) in [("cut.json", "{\"cases\": ["), ("bare.json", "{}"), ("fake.json.zst", "not compressed")] {
        std::fs::write(folder.join(name), text).expect("a file can be written");
        let suite = name.split('.').next().unwrap_or_default().to_owned();
        let options =
            Options { data: Data::at(&folder), at_least: None, suites: vec![suite], failures: 5, by_kind: false };
        let (verdict, _) = report(&options);
        assert!(verdict.is_err_and(|error| error.to_string().contains(name)), "{name}");
    }
}
