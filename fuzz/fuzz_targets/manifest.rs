//! Any text as a manifest: read, decoded, and what is accepted rendered and accepted again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavetank_manifest::{Edge, admit_update, decode, parse_yaml, render};

fuzz_target!(|text: &str| {
    let Ok(documents) = parse_yaml(text) else { return };
    let mut edge = Edge::default();
    for document in documents {
        let Ok(object) = decode(&document, &mut edge) else { continue };
        let rendered = render(&object, &edge);
        assert!(admit_update(&rendered, &rendered).is_ok(), "what is rendered is accepted: {rendered}");
    }
});
