//! The page about fields says what the ledger says.

use std::fs;
use std::path::Path;

#[test]
fn the_page_about_fields_is_what_the_ledger_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fields.md");
    let page = wavetank_manifest::ledger::fields_page();
    if std::env::var_os("WAVETANK_WRITE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/fields.md is stale; run with WAVETANK_WRITE_DOCS=1 to write it anew");
}
