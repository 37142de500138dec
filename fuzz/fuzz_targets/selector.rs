//! Any text as a label selector.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavetank_model::{FieldSelector, Selector, StringMap};

fuzz_target!(|text: &str| {
    let _ = FieldSelector::parse(text);
    let Ok(selector) = Selector::parse(text) else { return };
    let labels: StringMap = [("app", "web"), ("tier", "")].into_iter().collect();
    let shown = selector.to_string();
    let again = Selector::parse(&shown).expect("a selector reads back");
    assert_eq!(again.matches(&labels), selector.matches(&labels), "{text:?} is shown as {shown:?}");
});
