//! The projections of recorded traces are what the recording says they are.

use wavetank_conformance::Data;
use wavetank_conformance::projection::{bounds, relevant};
use wavetank_conformance::trace::TraceFile;

fn traces() -> Vec<(String, TraceFile)> {
    let files = Data::of_this_project().files("traces").expect("the project's own data are readable");
    let parse = |text: &str| serde_json::from_str(text).expect("a trace file parses");
    files.iter().map(|file| (file.stem.clone(), parse(&file.text))).collect()
}

#[test]
fn every_recorded_trace_projects_to_what_is_recorded_beside_it() {
    let traces = traces();
    assert!(traces.len() >= 107, "only {} traces are there", traces.len());
    for (name, file) in traces {
        assert!(!file.projected.is_empty(), "{name} has nothing to compare");
        if let Err(mismatch) = file.compare(&file.trace) {
            panic!("{name}: {mismatch}");
        }
    }
}

#[test]
fn extremes_of_pods_lie_in_the_recorded_ranges() {
    for (name, file) in traces().iter().filter(|(_, file)| file.has_pods()) {
        let got = bounds(&relevant(&file.trace, true));
        let ranges = file.pod_bounds.as_ref().expect("traces with pods have ranges");
        assert!(got.keys().eq(ranges.keys()), "{name}: other owners");
        for (owner, ranges) in ranges {
            for (what, range) in ranges {
                let value = got[owner].named(what).expect("the range has a known name");
                assert!(
                    (range.min..=range.max).contains(&value),
                    "{name}: {owner} {what} is {value}, not in {range:?}"
                );
            }
        }
    }
}
