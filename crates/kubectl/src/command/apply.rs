//! `apply`, `apply view-last-applied` and `apply set-last-applied`.
//!
//! Source: `kubectl/pkg/cmd/apply`.

use crate::api::{self, Address};
use crate::command::create::{Validation, leniently, validation};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::resource::Resource;
use crate::run::{DryRun, Run};
use crate::source::Info;
use serde_json::{Value, json};
use wavetank::PatchKind;
use wavetank::rollout::{CHANGE_CAUSE, LAST_APPLIED};
use wavetank_manifest::patch;
use wavetank_model::{Reason, Refusal, Selector};

/// Flags of `apply` and of its commands.
pub(super) const FLAGS: &str = "all allow-missing-template-keys cascade:o create-annotation dry-run:o field-manager:s \
                                filename,f:s force force-conflicts grace-period:i kustomize,k:s openapi-patch output,o:s \
                                overwrite prune prune-allowlist:s record recursive,R selector,l:s server-side \
                                show-managed-fields subresource:s template:s timeout:d validate:o wait";

/// `apply`.
pub(super) fn apply(run: &mut Run<'_>) -> Result<(), Fault> {
    if let [first, ..] = run.arguments.words.as_slice() {
        return said(format!("Unexpected args: [{first}]\nSee 'kubectl apply -h' for help and examples"));
    }
    if !run.has_files() {
        return said("must specify one of -f and -k");
    }
    let dry_run = run.dry_run()?;
    let validation = validation(run)?;
    let (infos, mut faults) = run.infos(validation == Validation::Strict);
    let infos = selected(run, infos)?;
    if infos.is_empty() && faults.is_empty() {
        return said("no objects passed to apply");
    }
    if run.arguments.on("prune") {
        return said("not simulated: --prune");
    }
    let mut applied: Vec<(Resource, Value)> = Vec::new();
    for info in infos {
        let result = if run.arguments.on("server-side") {
            apply_by_server(run, &info, dry_run, validation)
        } else {
            apply_one(run, &info, dry_run, validation)
        };
        match result {
            Err(fault) => faults.push(fault),
            Ok((object, done)) if run.arguments.given("output") => {
                applied.push((info.at.resource, object));
                drop(done);
            }
            Ok((object, done)) => run.report(&Address::of(info.at.resource, &object), &object, &done, dry_run)?,
        }
    }
    print_applied(run, &applied)?;
    Fault::of_many(faults)
}

/// What is to be applied of what was read.
fn selected(run: &Run<'_>, infos: Vec<Info>) -> Result<Vec<Info>, Fault> {
    let Some(selector) = run.arguments.text("selector") else { return Ok(infos) };
    let selector = Selector::parse(selector).map_err(|error| Fault::Said(error.to_string()))?;
    let wanted = |info: &Info| {
        let labels = info.object["metadata"]["labels"].as_object().into_iter().flatten();
        selector.matches(&labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect())
    };
    Ok(infos.into_iter().filter(wanted).collect())
}

fn print_applied(run: &mut Run<'_>, applied: &[(Resource, Value)]) -> Result<(), Fault> {
    let Some(format) = run.arguments.text("output").map(str::to_owned) else { return Ok(()) };
    let text = match applied {
        [] => String::new(),
        [(resource, object)] => output::object(&format, resource, object)?,
        several => output::objects(&format, several, false, false)?,
    };
    run.out.push_str(&text);
    Ok(())
}

/// How messages describe where an object is.
fn described(at: &Address) -> String {
    let (resource, namespace, name) = (&at.resource, quoted(&at.namespace), quoted(&at.name));
    let api_version = resource.api_version();
    format!(
        "Resource: \"{api_version}, Resource={}\", GroupVersionKind: \"{api_version}, Kind={}\"\nName: {name}, Namespace: \
         {namespace}",
        resource.name, resource.kind
    )
}

/// The object as it is to be stored: in its namespace, with its own configuration as an annotation.
fn modified(run: &Run<'_>, info: &Info) -> Value {
    let mut object = info.object.clone();
    if !info.at.namespace.is_empty() {
        object["metadata"]["namespace"] = info.at.namespace.as_str().into();
    }
    if let Some(cause) = run.change_cause() {
        object["metadata"]["annotations"][CHANGE_CAUSE] = cause.into();
    }
    patch::with_last_applied(&object)
}

fn apply_one(
    run: &mut Run<'_>,
    info: &Info,
    dry_run: DryRun,
    validation: Validation,
) -> Result<(Value, String), Fault> {
    let (at, source) = (&info.at, quoted(&info.source));
    if at.name.is_empty() {
        return said(format!(
            "error when retrieving current configuration of:\n{}\nfrom server for: {source}: resource name may not be empty",
            described(at)
        ));
    }
    let modified = modified(run, info);
    let live = match api::get(run.cluster, at) {
        Err(refusal) if refusal.reason == Reason::NotFound => {
            let made = match dry_run {
                DryRun::Client => Ok(modified),
                DryRun::No | DryRun::Server => leniently(run, validation, &modified, |run, object| {
                    run.request(dry_run, |cluster| api::create(cluster, at, object))
                }),
            };
            let made =
                made.map_err(|refusal| Fault::from(refusal).while_doing(&format!("error when creating {source}")))?;
            return Ok((made, "created".to_owned()));
        }
        live => live?,
    };
    warn_of_missing_annotation(run, at, &live);
    if dry_run == DryRun::Client {
        return Ok((modified, "configured".to_owned()));
    }
    let changed = leniently(run, validation, &modified, |run, modified| {
        let patch = difference(&live, modified).map_err(|why| Refusal::new(Reason::BadRequest, why))?;
        if patch.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok((live.clone(), live.clone()));
        }
        let result = run.request(dry_run, |cluster| api::patch(cluster, at, PatchKind::Strategic, &patch));
        result.map_err(|refusal| {
            let message = format!(
                "error when applying patch:\n{}\nto:\n{}\nfor: {source}: error when patching {source}: {}",
                patch::go_json(&patch),
                described(at),
                refusal.message
            );
            if refusal.reason == Reason::Invalid {
                return refusal;
            }
            Refusal { message: message.into(), ..refusal }
        })
    });
    let (before, after) = changed?;
    let done = if before == after { "unchanged" } else { "configured" };
    Ok((after, done.to_owned()))
}

/// The patch that leads from what is stored to what is wanted.
fn difference(live: &Value, modified: &Value) -> Result<Value, String> {
    let kind = wavetank_manifest::kind_of(modified).map_err(|refusal| refusal.message.to_string())?;
    let original = patch::last_applied_of(live).map_err(|error| error.to_string())?;
    patch::three_way_strategic(kind, original.as_ref(), modified, live).map_err(|error| error.to_string())
}

fn warn_of_missing_annotation(run: &mut Run<'_>, at: &Address, live: &Value) {
    if live["metadata"]["annotations"][LAST_APPLIED].is_string() {
        return;
    }
    let (resource, name) = (at.resource.name, &at.name);
    run.warn(&format!(
        "Warning: resource {resource}/{name} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. \
         kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or \
         kubectl apply. The missing annotation will be patched automatically."
    ));
}

/// `apply --server-side`. Who owns which field is not simulated, so nothing is taken away and nothing
/// conflicts.
fn apply_by_server(
    run: &mut Run<'_>,
    info: &Info,
    dry_run: DryRun,
    validation: Validation,
) -> Result<(Value, String), Fault> {
    let at = &info.at;
    let mut object = info.object.clone();
    if !at.namespace.is_empty() {
        object["metadata"]["namespace"] = at.namespace.as_str().into();
    }
    let live = api::get(run.cluster, at).ok();
    if live.as_ref().is_some_and(|live| live["metadata"]["annotations"][LAST_APPLIED].is_string()) {
        let text = format!("{}\n", patch::go_json(&object));
        object["metadata"]["annotations"][LAST_APPLIED] = text.into();
    }
    let result = leniently(run, validation, &object, |run, object| {
        run.request(dry_run, |cluster| match &live {
            None => api::create(cluster, at, object),
            Some(_) => {
                api::decode(object)?;
                api::patch(cluster, at, PatchKind::Strategic, object).map(|(_, after)| after)
            }
        })
    });
    let object = result.map_err(|refusal| match undeclared(at, &object, &refusal) {
        Some(message) => Refusal::new(Reason::Other("".into()), message),
        None => refusal,
    })?;
    Ok((object, "serverside-applied".to_owned()))
}

/// What a server-side apply says of a field that it does not know.
fn undeclared(at: &Address, object: &Value, refusal: &Refusal) -> Option<String> {
    let unknown = api::unknown_fields(refusal);
    let field = unknown.first()?;
    let mut path = String::new();
    let mut value = object;
    for part in field.split('.') {
        let (key, index) = part.split_once('[').unwrap_or((part, ""));
        path.push('.');
        path.push_str(key);
        value = &value[key];
        if let Ok(index) = index.trim_end_matches(']').parse::<usize>() {
            value = &value[index];
            let named = value["name"].as_str().map(|name| format!("[name={}]", quoted(name)));
            path.push_str(&named.unwrap_or_else(|| format!("[{index}]")));
        }
    }
    let api_version = at.resource.api_version();
    Some(format!(
        "failed to create typed patch object ({}/{}; {api_version}, Kind={}): {path}: field not declared in schema",
        at.namespace, at.name, at.resource.kind
    ))
}

/// `apply view-last-applied`.
pub(super) fn view_last_applied(run: &mut Run<'_>) -> Result<(), Fault> {
    let findings = run.find_some(&run.arguments.words.clone())?;
    Fault::of_many(findings.faults)?;
    let format = run.arguments.text("output").unwrap_or("yaml").to_owned();
    for found in findings.found {
        let Some(text) = found.object["metadata"]["annotations"][LAST_APPLIED].as_str() else {
            return said(format!("no last-applied-configuration annotation found on resource: {}", found.at.name));
        };
        let applied: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let text = match format.as_str() {
            "yaml" | "json" => output::object(&format, &found.at.resource, &applied)?,
            other => {
                return said(format!(
                    "Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json\nSee 'view-last-applied \
                     -h' for help and examples"
                ));
            }
        };
        run.out.push_str(&text);
    }
    Ok(())
}

/// `apply set-last-applied`.
pub(super) fn set_last_applied(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let (infos, faults) = run.infos(false);
    Fault::of_many(faults)?;
    for info in infos {
        let live = api::get(run.cluster, &info.at)?;
        let annotation = &live["metadata"]["annotations"][LAST_APPLIED];
        if annotation.is_null() && !run.arguments.on("create-annotation") {
            return said(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command \
                 with --create-annotation",
                info.at.name
            ));
        }
        let modified = modified(run, &info);
        let wanted = &modified["metadata"]["annotations"][LAST_APPLIED];
        if same_configuration(annotation, wanted) {
            run.say(&format!("set-last-applied {}: no changes required.", info.at.name));
            continue;
        }
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: wanted}}});
        let (_, after) = run.request(dry_run, |cluster| api::patch(cluster, &info.at, PatchKind::Merge, &patch))?;
        run.report(&info.at, &after, "configured", dry_run)?;
    }
    Ok(())
}

/// Whether two annotations hold the same configuration, an empty map of annotations apart.
fn same_configuration(one: &Value, other: &Value) -> bool {
    let read = |annotation: &Value| {
        let mut object: Value = serde_json::from_str(annotation.as_str().unwrap_or_default()).unwrap_or(Value::Null);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|key, value| key != "annotations" || value.as_object().is_some_and(|map| !map.is_empty()));
        }
        object
    };
    read(one) == read(other)
}

/// The object that applying a file would lead to, as a dry run on the server has it.
pub(super) fn merged(run: &mut Run<'_>, info: &Info) -> Result<Value, Fault> {
    let quiet = (run.out.clone(), run.err.clone());
    let applied = apply_one(run, info, DryRun::Server, Validation::Strict);
    (run.out, run.err) = quiet;
    applied.map(|(object, _)| object)
}
