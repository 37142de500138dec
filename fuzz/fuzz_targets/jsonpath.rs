//! Any text as a JSONPath template, as custom columns and as a field to sort by, on one list of pods.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;
use wavetank_printers::{CustomColumns, Template, sort_by};

static PODS: LazyLock<Value> = LazyLock::new(|| {
    let pod = |name: &str, ready: &str, restarts: i64| {
        json!({
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "web", "x.y/z": "1"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.25", "ports": [{"containerPort": 80}]}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}], "restarts": restarts, "load": 1.5, "none": null},
        })
    };
    json!({"kind": "List", "items": [pod("web-1", "True", 0), pod("web-10", "False", 3), pod("api", "True", -1)]})
});

fuzz_target!(|text: &str| {
    if let Ok(template) = Template::parse(text) {
        drop(template.render(&PODS));
        drop(template.render_strictly(&PODS));
        drop(template.render_json(&PODS));
    }
    let items = PODS["items"].as_array().expect("a list").clone();
    if let Ok(columns) = CustomColumns::parse(text, false) {
        drop(columns.render(&items));
    }
    if let Ok(columns) = CustomColumns::parse_file(text) {
        drop(columns.render(&items));
    }
    if let Ok(sorted) = sort_by(items, text) {
        assert_eq!(sorted.len(), 3, "sorting loses nothing");
    }
});
