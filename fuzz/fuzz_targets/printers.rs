//! Any JSON as an object of each kind: its table, its description, its YAML.

#![no_main]

#[path = "../../crates/printers/tests/kinds/mod.rs"]
mod kinds;

use kinds::KINDS;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wavetank_printers::{EventOptions, Now, Related, TableOptions, describe, events, rollout, table, to_yaml};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let now = Now::parse("2026-01-15T12:00:00Z").expect("a time");
    let text = to_yaml(&value);
    assert!(wavetank_manifest::parse_yaml(&text).is_ok(), "what is printed is YAML: {text}");
    for kind in KINDS {
        let mut object = value.clone();
        if let Some(members) = object.as_object_mut() {
            members.insert("kind".into(), kind.into());
        }
        let all = [object];
        drop(table(kind, &all, true, now).render(&TableOptions::default()));
        drop(describe(&all[0], &Related { objects: &all, events: Some(&all) }, now));
        drop(rollout::status(&all[0], 0));
        drop(events(&all, EventOptions::default(), now));
    }
});
