//! The map of the crates is compared with the workspace, because maps go stale.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// First cells of the table under "## Crates", without their backticks.
fn crates_on_the_map() -> BTreeSet<String> {
    let text = read("ARCHITECTURE.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Crates\n")).expect("a section on crates");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name.to_owned()).collect()
}

/// Names of the folders of all members, with the pattern `crates/*` resolved.
fn members_of_the_workspace() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let list = manifest.lines().find_map(|line| line.strip_prefix("members = ")).expect("a list of members");
    let patterns = list.split('"').skip(1).step_by(2);
    patterns.flat_map(|pattern| pattern.strip_suffix("/*").map_or_else(|| vec![pattern.to_owned()], folders)).collect()
}

fn folders(of: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(of)).expect("a folder of crates");
    let folders =
        entries.map(|entry| entry.expect("a folder")).filter(|entry| entry.path().join("Cargo.toml").exists());
    folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_map_lists_exactly_the_members_of_the_workspace() {
    assert_eq!(crates_on_the_map(), members_of_the_workspace());
}

#[test]
fn every_crate_of_the_map_has_a_paragraph_with_its_invariants() {
    let text = read("ARCHITECTURE.md");
    for name in crates_on_the_map().iter().filter(|name| !["examples", "benches"].contains(&name.as_str())) {
        let paragraph = text.split("\n\n").find(|paragraph| paragraph.starts_with(&format!("**`{name}`.**")));
        let paragraph = paragraph.unwrap_or_else(|| panic!("{name} has no paragraph"));
        assert!(paragraph.contains("*Invariants:*"), "{name} names no invariants");
    }
}
