//! `apply`, `apply view-last-applied` and `apply set-last-applied`.
//!
//! Source: `kubectl/pkg/cmd/apply`.

use crate::api::{self, Address, Served};
use crate::command::create::{Validation, leniently, validation};
use crate::command::{delete, server_side};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::output;
use crate::resource::Resource;
use crate::run::{DryRun, Run};
use crate::source::Info;
use serde_json::{Value, json};
use wavetank::verbs::rollout::{CHANGE_CAUSE, LAST_APPLIED};
use wavetank::{Cluster, PatchKind};
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
    flags_fit(run, dry_run)?;
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
            server_side::apply(run, &info, dry_run)
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

/// Refuses flags that contradict each other.
fn flags_fit(run: &Run<'_>, dry_run: DryRun) -> Result<(), Fault> {
    let on = |flag: &str| run.arguments.on(flag);
    if on("force-conflicts") && !on("server-side") {
        return said("--force-conflicts only works with --server-side");
    }
    if dry_run == DryRun::Client && on("server-side") {
        return said("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
    }
    if on("force") && on("server-side") {
        return said("--force cannot be used with --server-side");
    }
    if on("force") && dry_run == DryRun::Server {
        return said("--dry-run=server cannot be used with --force");
    }
    if on("all") && run.arguments.given("selector") {
        return said("cannot set --all and --selector at the same time");
    }
    if on("prune") && !on("all") && !run.arguments.given("selector") {
        return said(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the \
             --all flag. If you did not mean to prune all resources, specify a label selector",
        );
    }
    Ok(())
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
    let generated = info.object["metadata"]["generateName"].as_str().unwrap_or_default();
    if at.name.is_empty() && !generated.is_empty() {
        return said(format!("from {generated}: cannot use generate name with apply"));
    }
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
                DryRun::No | DryRun::Server => leniently(run, validation, &without_nulls(modified), |run, object| {
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
        let (how, patch) = difference(run.cluster, at, &live, modified)?;
        if patch.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok((live.clone(), "unchanged"));
        }
        let result = run.request(dry_run, |cluster| api::patch(cluster, at, how, &patch));
        let result = result.map_err(|refusal| {
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
        });
        result.map(|(_, after)| (after, "configured"))
    });
    let (after, done) = match changed {
        Err(refusal) if may_recreate(run, &refusal) => (recreated(run, info, &live, &modified)?, "configured"),
        changed => changed?,
    };
    warn_if_deleting(run, &after);
    Ok((after, done.to_owned()))
}

/// Whether `--force` helps against a refusal: the object cannot be changed so.
fn may_recreate(run: &Run<'_>, refusal: &Refusal) -> bool {
    run.arguments.on("force") && matches!(refusal.reason, Reason::Invalid | Reason::Conflict)
}

/// Deletes an object and creates it as it is to be, or as it was if that is refused.
fn recreated(run: &mut Run<'_>, info: &Info, live: &Value, modified: &Value) -> Result<Value, Fault> {
    let at = &info.at;
    let how = delete::propagation(run)?;
    let grace = run.arguments.number("grace-period").filter(|seconds| *seconds >= 0).map(i64::from);
    run.request(DryRun::No, |cluster| api::delete(cluster, at, how, grace))?;
    let gone = [(at.clone(), live["metadata"]["uid"].clone())];
    let limit = run.arguments.span("timeout").filter(|span| !span.is_zero()).unwrap_or(delete::PATIENCE);
    if !delete::wait_until_gone(run.cluster, &gone, limit) {
        return said("timed out waiting for the condition");
    }
    let wanted = without_nulls(modified.clone());
    let refusal = match run.request(DryRun::No, |cluster| api::create(cluster, at, &wanted)) {
        Ok(made) => return Ok(made),
        Err(refusal) => refusal,
    };
    let mut before = live.clone();
    for field in ["resourceVersion", "uid", "creationTimestamp"] {
        before["metadata"].as_object_mut().and_then(|metadata| metadata.remove(field));
    }
    let message = "An error occurred force-replacing the existing object with the newly provided one: ";
    let message = match run.request(DryRun::No, |cluster| api::create(cluster, at, &before)) {
        Ok(_) => format!("{message}{}", refusal.message),
        Err(second) => format!(
            "{message}{}.\n\nAdditionally, an error occurred attempting to restore the original object: {}",
            refusal.message, second.message
        ),
    };
    said(message)
}

/// A change of what is being deleted will not last.
pub(super) fn warn_if_deleting(run: &mut Run<'_>, object: &Value) {
    if object["metadata"]["deletionTimestamp"].is_string() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        run.warn(&format!("Warning: Detected changes to resource {name} which is currently being deleted."));
    }
}

/// A value without what is null in it, as a merge into an existing object would leave it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The patch that leads from what is stored to what is wanted: a strategic one, but for kinds of a user's own,
/// of whose fields kubectl knows nothing.
fn difference(cluster: &Cluster, at: &Address, live: &Value, modified: &Value) -> Result<(PatchKind, Value), Refusal> {
    let wrong = |why: String| Refusal::new(Reason::BadRequest, why);
    let original = patch::last_applied_of(live).map_err(|error| wrong(error.to_string()))?;
    if matches!(api::served(cluster, &at.resource), Some(Served::Own(_))) {
        let merge = patch::three_way_json_merge(original.as_ref(), modified, live);
        return Ok((PatchKind::Merge, merge.map_err(|error| wrong(error.to_string()))?));
    }
    let kind = wavetank_manifest::kind_of(modified)?;
    let strategic = patch::three_way_strategic(kind, original.as_ref(), modified, live);
    Ok((PatchKind::Strategic, strategic.map_err(|error| wrong(error.to_string()))?))
}

fn warn_of_missing_annotation(run: &mut Run<'_>, at: &Address, live: &Value) {
    if live["metadata"]["annotations"][LAST_APPLIED].is_string() {
        return;
    }
    let (resource, name) = (&at.resource.name, &at.name);
    run.warn(&format!(
        "Warning: resource {resource}/{name} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. \
         kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or \
         kubectl apply. The missing annotation will be patched automatically."
    ));
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

/// The object that applying a file would lead to, as a dry run on the server has it. The annotation of
/// what was applied is left as it is.
pub(super) fn merged(run: &mut Run<'_>, info: &Info) -> Result<Value, Fault> {
    let at = &info.at;
    if run.arguments.on("server-side") {
        let (manager, force) = (run.field_manager(), run.arguments.on("force-conflicts"));
        return Ok(
            run.request(DryRun::Server, |cluster| api::server_side_apply(cluster, at, &info.object, &manager, force))?
        );
    }
    let mut wanted = info.object.clone();
    if !at.namespace.is_empty() {
        wanted["metadata"]["namespace"] = at.namespace.as_str().into();
    }
    // An object without annotations would take away those that were applied.
    if !wanted["metadata"]["annotations"].is_object() {
        wanted["metadata"]["annotations"] = json!({});
    }
    if let Value::Object(annotations) = &mut wanted["metadata"]["annotations"] {
        annotations.remove(LAST_APPLIED);
    }
    Ok(run.request(DryRun::Server, |cluster| match api::get(cluster, at) {
        Err(refusal) if refusal.reason == Reason::NotFound => api::create(cluster, at, &wanted),
        Err(refusal) => Err(refusal),
        Ok(live) => {
            let (how, patch) = difference(cluster, at, &live, &wanted)?;
            api::patch(cluster, at, how, &patch).map(|(_, after)| after)
        }
    })?)
}
