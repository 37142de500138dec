//! `events`.
//!
//! Source: `kubectl/pkg/cmd/events`.

use crate::api::{self, Wanted};
use crate::fault::{Fault, said};
use crate::output;
use crate::run::{self, Run};
use serde_json::Value;
use wavetank_printers::events::{EventOptions, events as table};

/// Flags of `events`.
pub(super) const FLAGS: &str = "all-namespaces,A allow-missing-template-keys chunk-size:i for:s no-headers output,o:s \
                                show-managed-fields template:s types:s watch,w";

/// `events`.
pub(super) fn events(run: &mut Run<'_>) -> Result<(), Fault> {
    if run.arguments.on("watch") {
        return said("not simulated: a watch of events");
    }
    let resource = run::resource_of(run.cluster, "events")?;
    let everywhere = run.arguments.on("all-namespaces");
    let namespace = run.namespace();
    let wanted = Wanted { namespace: (!everywhere).then(|| namespace.clone()), ..Wanted::default() };
    let mut found = api::list(run.cluster, &resource, &wanted)?;
    if let Some(about) = run.arguments.text("for") {
        let Some((kind, name)) = about.split_once('/') else {
            return said("--for must be in resource/name form");
        };
        let kind = run::resource_of(run.cluster, kind)?.kind.into_owned();
        found.retain(|event| event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name);
    }
    if let Some(types) = run.arguments.text("types") {
        let known: Vec<&str> = types.split(',').collect();
        if let Some(other) = known.iter().find(|word| !["normal", "warning"].contains(&word.to_lowercase().as_str())) {
            return said(format!("valid --types are Normal or Warning, not {other}"));
        }
        let meant = |event: &Value| {
            let found = event["type"].as_str().unwrap_or_default();
            known.iter().any(|word| word.eq_ignore_ascii_case(found))
        };
        found.retain(meant);
    }
    if found.is_empty() {
        run.warn(&if everywhere {
            "No events found.".to_owned()
        } else {
            format!("No events found in {namespace} namespace.")
        });
        return Ok(());
    }
    let text = match run.arguments.text("output").map(str::to_owned) {
        Some(format) => {
            let named: Vec<_> = found.into_iter().map(|event| (resource.clone(), event)).collect();
            output::objects(&format, &named, false, run.arguments.on("no-headers"))?
        }
        None => {
            let options = EventOptions { no_headers: run.arguments.on("no-headers"), with_namespace: everywhere };
            table(&found, options, run.present())
        }
    };
    run.out.push_str(&text);
    Ok(())
}
