//! How the tables of `get`, at once or of a watch, are written, and what the server warns of beside them.

use crate::resource::Resource;
use crate::run::Run;
use serde_json::Value;
use wavetank_printers::TableOptions;

/// The server warns of kinds that it serves for old clients only.
pub(super) fn warn_of_old_kinds(run: &mut Run<'_>, asked: &[Resource]) {
    if asked.iter().any(|resource| resource.kind == "Endpoints") {
        run.warn("Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    }
    if asked.iter().any(|resource| resource.kind == "ComponentStatus") {
        run.warn("Warning: v1 ComponentStatus is deprecated in v1.19+");
    }
}

/// How tables are written, apart from the kind before names.
pub(super) fn table_options(run: &Run<'_>, resource: &Resource) -> TableOptions {
    let columns = run.arguments.all("label-columns").flat_map(|labels| labels.split(','));
    TableOptions {
        no_headers: run.arguments.on("no-headers"),
        with_namespace: run.arguments.on("all-namespaces") && resource.namespaced,
        kind: None,
        show_labels: run.arguments.on("show-labels"),
        label_columns: columns.filter(|label| !label.is_empty()).map(str::to_owned).collect(),
    }
}

/// The kind whose columns a table has; without the server's print there are only name and age.
pub(super) fn printed_kind<'a>(run: &Run<'_>, object: &'a Value) -> &'a str {
    if run.arguments.switch("server-print") == Some(false) { "" } else { object["kind"].as_str().unwrap_or_default() }
}
