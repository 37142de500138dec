//! `get`.
//!
//! Source: `kubectl/pkg/cmd/get/get.go`.

use crate::api;
use crate::command::table::{printed_kind, table_options, warn_of_old_kinds};
use crate::command::watch;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::resource::Resource;
use crate::run::{self, Findings, Found, Pick, Run};
use crate::sort;
use serde_json::Value;

/// Flags of `get`.
pub(super) const FLAGS: &str = "all-namespaces,A allow-missing-template-keys chunk-size:i field-selector:s filename,f:s \
                                ignore-not-found kustomize,k:s label-columns,L:s no-headers output,o:s \
                                output-watch-events raw:s recursive,R selector,l:s server-print show-kind show-labels \
                                show-managed-fields sort-by:s subresource:s template:s watch,w watch-only";

const NO_TYPE: &str = "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of \
                       supported resources.\n\nerror: Required resource not specified.\nUse \"kubectl explain \
                       <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).\nSee \
                       'kubectl get -h' for help and examples\n";

/// `get`.
pub(super) fn get(run: &mut Run<'_>) -> Result<(), Fault> {
    if let Some(path) = run.arguments.text("raw") {
        let text = super::about::raw(run.cluster, path)?;
        run.out.push_str(&text);
        return Ok(());
    }
    let words = run.arguments.words.clone();
    if words.is_empty() && !run.has_files() {
        return Err(Fault::Verbatim(NO_TYPE.to_owned()));
    }
    let format = run.arguments.text("output").unwrap_or_default().to_owned();
    if !format.is_empty() {
        output::check_format(&format)?;
    }
    if run.arguments.on("watch") || run.arguments.on("watch-only") {
        return watch::watch(run);
    }
    let mut findings = run.find(&words)?;
    if let Some(subresource) = run.arguments.text("subresource").map(str::to_owned) {
        findings.found = subresources(run, findings.found, &subresource)?;
    }
    if run.arguments.on("ignore-not-found") {
        findings.faults.retain(|fault| !fault.is_not_found());
    }
    if let Some(key) = run.arguments.text("sort-by").filter(|key| !key.is_empty()) {
        sort::by(key, &mut findings.found)?;
    }
    let asked = asked(&words, run)?;
    warn_of_old_kinds(run, &asked);
    if matches!(format.as_str(), "" | "wide") {
        tables(run, &words, &asked, findings, format == "wide")
    } else {
        generic(run, findings, &format)
    }
}

/// The resources that were asked for, found or not.
fn asked(words: &[String], run: &Run<'_>) -> Result<Vec<Resource>, Fault> {
    if run.has_files() {
        return Ok(run.infos(false).0.into_iter().map(|info| info.at.resource).collect());
    }
    let picks = run::picks(run.cluster, words, false)?;
    Ok(picks
        .into_iter()
        .map(|pick| match pick {
            Pick::Named(resource, _) | Pick::All(resource) => resource,
        })
        .collect())
}

fn subresources(run: &Run<'_>, found: Vec<Found>, subresource: &str) -> Result<Vec<Found>, Fault> {
    match subresource {
        "status" => Ok(found),
        "scale" => found
            .into_iter()
            .map(|each| {
                if each.at.resource.scales() {
                    return Ok(Found { object: api::scale(run.cluster, &each.at, &each.object), ..each });
                }
                let reason = wavetank_model::Reason::NotFound;
                Err(wavetank_model::Refusal::new(reason, "the server could not find the requested resource").into())
            })
            .collect(),
        other => said(format!("invalid subresource value: {}. Must be one of [status scale resize]", quoted(other))),
    }
}

/// Whether names show their kind because arguments ask for several.
fn several_kinds(words: &[String]) -> bool {
    let mut kinds: Vec<&str> = words.iter().filter_map(|word| Some(word.split_once('/')?.0)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    words == ["all"] || kinds.len() > 1 || words.iter().any(|word| !word.contains('/') && word.contains(','))
}

fn tables(
    run: &mut Run<'_>,
    words: &[String],
    asked: &[Resource],
    findings: Findings,
    wide: bool,
) -> Result<(), Fault> {
    let mut kinds: Vec<&str> = findings.found.iter().map(|found| &*found.at.resource.kind).collect();
    kinds.dedup();
    let with_kind = several_kinds(words) || kinds.len() > 1 || run.arguments.on("show-kind");
    let now = run.present();
    let groups: Vec<&[Found]> = findings
        .found
        .chunk_by(|one, other| one.at.resource == other.at.resource && !namespaces_differ(one, other))
        .collect();
    for (index, group) in groups.iter().enumerate() {
        let Some(first) = group.first() else { continue };
        let mut options = table_options(run, &first.at.resource);
        options.kind = with_kind.then(|| first.at.resource.singular());
        let kind = printed_kind(run, &first.object);
        let objects = group.iter().map(|found| &found.object);
        let text = wavetank_printers::table(kind, objects, wide, now).render(&options);
        if index > 0 {
            run.out.push('\n');
        }
        run.out.push_str(&text);
    }
    if findings.found.is_empty() && findings.faults.is_empty() && !run.arguments.on("ignore-not-found") {
        let everywhere = run.arguments.on("all-namespaces") || !asked.iter().all(|resource| resource.namespaced);
        let namespace = run.namespace();
        run.warn(&if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {namespace} namespace.")
        });
    }
    Fault::of_many(findings.faults)
}

/// Objects with and without a namespace column cannot share a table.
const fn namespaces_differ(one: &Found, other: &Found) -> bool {
    one.at.resource.namespaced != other.at.resource.namespaced
}

fn generic(run: &mut Run<'_>, findings: Findings, format: &str) -> Result<(), Fault> {
    // Only YAML and JSON leave the owners of fields out.
    let templated = ["jsonpath", "custom-columns"].iter().any(|name| format.starts_with(name));
    let shown = |Found { at, object, .. }: Found| {
        let whole = templated && !run.arguments.given("subresource");
        let object = if whole { api::with_owners(run.cluster, &at, object) } else { run.shown(&at, object) };
        (at.resource, object)
    };
    let named: Vec<(Resource, Value)> = findings.found.into_iter().map(shown).collect();
    if findings.single && named.is_empty() {
        return Fault::of_many(findings.faults);
    }
    if !findings.faults.is_empty() && named.is_empty() {
        return Fault::of_many(findings.faults);
    }
    let alone = findings.single && named.len() == 1;
    let text = output::objects(format, &named, alone, run.arguments.on("no-headers"))?;
    run.out.push_str(&text);
    Fault::of_many(findings.faults)
}
