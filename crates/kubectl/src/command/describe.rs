//! `describe`.
//!
//! Source: `kubectl/pkg/cmd/describe`, `kubectl/pkg/describe`.

use crate::api::{self, Wanted};
use crate::command::table::warn_of_old_kinds;
use crate::fault::Fault;
use crate::resource::{self, Resource};
use crate::run::{self, Found, Pick, Run};
use serde_json::Value;
use wavetank_printers::{Related, describe as page};

/// Flags of `describe`.
pub(super) const FLAGS: &str =
    "all-namespaces,A chunk-size:i filename,f:s kustomize,k:s recursive,R selector,l:s show-events";

/// `describe`.
pub(super) fn describe(run: &mut Run<'_>) -> Result<(), Fault> {
    let words = run.arguments.words.clone();
    if words.is_empty() && !run.has_files() {
        return Err(Fault::Said(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n"
                .to_owned(),
        ));
    }
    let mut findings = run.find(&words)?;
    let resources: Vec<Resource> = asked(run, &words)?;
    if findings.faults.iter().any(Fault::is_not_found) {
        // A name may be the beginning of several.
        if let Some(text) = matching(run, &words)? {
            run.out.push_str(&text);
            return Ok(());
        }
    }
    warn_of_old_kinds(run, &resources);
    let pages: Vec<String> = findings.found.iter().map(|found| described(run, found)).collect();
    run.out.push_str(&pages.join("\n\n"));
    if pages.is_empty() && findings.faults.is_empty() {
        let everywhere = run.arguments.on("all-namespaces") || !resources.iter().all(|each| each.namespaced);
        let namespace = run.namespace();
        run.warn(&if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {namespace} namespace.")
        });
    }
    Fault::of_many(core::mem::take(&mut findings.faults))
}

fn asked(run: &Run<'_>, words: &[String]) -> Result<Vec<Resource>, Fault> {
    if run.has_files() {
        return Ok(Vec::new());
    }
    let resources = run::picks(run.cluster, words, false)?.into_iter().map(|pick| match pick {
        Pick::Named(resource, _) | Pick::All(resource) => resource,
    });
    Ok(resources.collect())
}

/// Descriptions of the objects whose names begin with the one name that was given.
fn matching(run: &Run<'_>, words: &[String]) -> Result<Option<String>, Fault> {
    let picks = if run.has_files() { Vec::new() } else { run::picks(run.cluster, words, false)? };
    let [Pick::Named(resource, prefix)] = picks.as_slice() else { return Ok(None) };
    let wanted = Wanted { namespace: Some(run.namespace()), ..Wanted::default() };
    let mut text = String::new();
    for object in api::list(run.cluster, resource, &wanted)? {
        if object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(prefix.as_str())) {
            let found = Found { at: api::Address::of(resource.clone(), &object), object, source: None };
            text.push_str(&described(run, &found));
            text.push('\n');
        }
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The description of an object, with what it is described by.
fn described(run: &Run<'_>, found: &Found) -> String {
    let namespaced = |resource: &Resource| found.at.resource.namespaced && resource.namespaced;
    let list = |resource: Resource| {
        let namespace = namespaced(&resource).then(|| found.at.namespace.clone());
        // Without a selector there is nothing to refuse.
        api::list(run.cluster, &resource, &Wanted { namespace, ..Wanted::default() }).unwrap_or_default()
    };
    let of_kind = |kind: &str| resource::built_in().find(|resource| resource.kind == kind);
    let needs = wavetank_printers::describe::needs(&found.at.resource.kind);
    let objects: Vec<Value> = needs.iter().filter_map(|kind| of_kind(kind)).flat_map(list).collect();
    let shows_events = run.arguments.switch("show-events").unwrap_or(true);
    let events: Option<Vec<Value>> = shows_events.then(|| of_kind("Event").map(list).unwrap_or_default());
    let related = Related { objects: &objects, events: events.as_deref() };
    page(&found.object, &related, run.present())
}
