//! Any text as a manifest: read, decoded, and what is accepted rendered and accepted again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavetank_manifest::{
    Edge, Object, admit_update, decode, parse_yaml, render_deployment, render_pod, render_replica_set,
};

fuzz_target!(|text: &str| {
    let Ok(documents) = parse_yaml(text) else { return };
    let mut edge = Edge::default();
    for document in documents {
        let Ok(object) = decode(&document, &mut edge) else { continue };
        let rendered = match &object {
            Object::Deployment(object) => render_deployment(object, &edge),
            Object::ReplicaSet(object) | Object::ReplicationController(object) => render_replica_set(object, &edge),
            Object::Pod(object) => render_pod(object, &edge),
        };
        assert!(admit_update(&rendered, &rendered).is_ok(), "what is rendered is accepted: {rendered}");
    }
});
