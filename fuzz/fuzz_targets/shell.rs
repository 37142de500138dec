//! Any text as lines of a session: each is answered, and none lets time run far.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use wavetank_kubectl::Shell;

const MANIFEST: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  \
                        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
                        spec: {containers: [{name: web, image: nginx}]}\n";

fuzz_target!(|text: &str| {
    let files: BTreeMap<String, String> = [("web.yaml".to_owned(), MANIFEST.to_owned())].into();
    let mut shell = Shell::with_files(files);
    shell.line("apply -f web.yaml");
    for line in text.lines().take(8) {
        // Longer waits cost more than they find.
        if line.contains(['h', 'd']) && line.contains("advance") {
            continue;
        }
        if shell.line(line).is_none() {
            return;
        }
    }
});
