//! Any text as a manifest: read, decoded, and what is accepted rendered and accepted again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavetank_manifest::{
    Edge, admit, admit_update, convert_old, parse_objects, read_admitted, refuse_what_is_not_simulated, render,
};

fuzz_target!(|text: &str| {
    let Ok(objects) = parse_objects(text) else { return };
    let mut edge = Edge::default();
    for object in objects {
        let object = convert_old(&object).map_or(object, |converted| converted.object);
        let Ok(admitted) = admit(&object) else { continue };
        let _ = refuse_what_is_not_simulated(&admitted);
        let Ok(object) = read_admitted(&admitted, &mut edge) else { continue };
        let rendered = render(&object, &edge);
        // The labels of a Job name a uid, which its metadata has only once it is stored.
        if admitted["kind"] != "Job" {
            assert!(admit_update(&rendered, &rendered).is_ok(), "what is rendered is accepted: {rendered}");
        }
    }
});
