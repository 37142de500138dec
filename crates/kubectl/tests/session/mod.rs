//! Sessions as text: lines that begin with `$ ` are commands, the rest is what they print.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wavetank_kubectl::Shell;

/// A path below the root of the project.
pub(crate) fn of_this_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The manifests of the examples, under the paths by which sessions name them.
fn manifests() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(of_this_project("examples/manifests")).expect("the folder of manifests");
    let paths = entries.map(|entry| entry.expect("a manifest").path());
    let named = paths.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (format!("examples/manifests/{name}"), std::fs::read_to_string(&path).expect("a readable manifest"))
    });
    named.collect()
}

/// What the shell of the examples prints of these lines, commands included.
pub(crate) fn replayed<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut shell = Shell::with_files(manifests());
    let mut text = String::new();
    for line in lines.into_iter().filter(|line| !line.trim().is_empty()) {
        let prompt = if line.starts_with('#') { "" } else { "$ " };
        let said = shell.line(line).expect("the session goes on");
        text.push_str(&format!("{prompt}{line}\n{}{}", said.stdout, said.stderr));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// Replays the commands of a session and compares all that is printed.
#[track_caller]
pub(crate) fn check(session: &str) {
    let commands = session.lines().filter_map(|line| line.strip_prefix("$ "));
    let printed = replayed(commands);
    assert!(printed == session, "the session prints\n{printed}");
}
