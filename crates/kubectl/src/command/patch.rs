//! `patch` and `edit`.
//!
//! Source: `kubectl/pkg/cmd/patch`, `kubectl/pkg/cmd/edit`.

use crate::api::{self, Address};
use crate::client::Client;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::resource;
use crate::run::Run;
use serde_json::Value;
use wavetank::PatchKind;
use wavetank_model::{Reason, Refusal};

/// Flags of `patch`.
pub(super) const FLAGS: &str = "allow-missing-template-keys dry-run:o field-manager:s filename,f:s kustomize,k:s local \
                                output,o:s patch,p:s patch-file:s record recursive,R show-managed-fields subresource:s \
                                template:s type:s";
/// Flags of `edit`.
pub(super) const EDIT_FLAGS: &str = "filename,f:s output,o:s output-patch record recursive,R save-config \
                                     show-managed-fields subresource:s validate:o windows-line-endings template:s";

/// `patch`.
pub(super) fn patch(run: &mut Run<'_>) -> Result<(), Fault> {
    let how = match run.arguments.text("type").unwrap_or("strategic").to_lowercase().as_str() {
        "strategic" => PatchKind::Strategic,
        "merge" => PatchKind::Merge,
        "json" => PatchKind::Json,
        other => {
            return said(format!("--type must be one of [json merge strategic], not {}", quoted(other)));
        }
    };
    let text = match (run.arguments.text("patch"), run.arguments.text("patch-file")) {
        (Some(_), Some(_)) => return said("cannot specify --patch and --patch-file together"),
        (None, None) => return said("must specify --patch or --patch-file containing the contents of the patch"),
        (Some(text), None) => text.to_owned(),
        (None, Some(file)) => {
            let missing = || Fault::Said(format!("unable to read patch file: open {file}: no such file or directory"));
            run.files.read(file).ok_or_else(missing)?
        }
    };
    let patch = wavetank_manifest::parse_yaml(&text)
        .map_err(|error| {
            let why = crate::yaml_fault::words(&text, &error.message);
            Fault::Said(format!("unable to parse {}: {why}", quoted(&text)))
        })?
        .into_iter()
        .next()
        .unwrap_or(Value::Null);
    let dry_run = run.dry_run()?;
    let findings = run.find_some(&run.arguments.words.clone())?;
    let mut faults = findings.faults;
    for found in findings.found {
        if let Some(refusal) = unfit(how, &patch) {
            faults.push(refusal.into());
            continue;
        }
        let subresource = run.arguments.text("subresource").unwrap_or_default().to_owned();
        let outcome = run.request(dry_run, |cluster| match subresource.as_str() {
            "scale" => patch_scale(cluster, &found.at, how, &patch),
            "status" if found.at.resource.kind == "Pod" => {
                api::patch_pod_status(cluster, &found.at, how, &patch).map(|after| (found.object.clone(), after))
            }
            // What a controller owns it writes again at once.
            "status" => Ok((found.object.clone(), found.object.clone())),
            _ => api::patch(cluster, &found.at, how, &patch),
        });
        let (before, after) = match outcome {
            Ok(both) => both,
            Err(refusal) => {
                faults.push(refusal.into());
                continue;
            }
        };
        if let Some(cause) = run.change_cause() {
            let note =
                serde_json::json!({"metadata": {"annotations": {wavetank::verbs::rollout::CHANGE_CAUSE: cause}}});
            run.request(dry_run, |cluster| api::patch(cluster, &found.at, PatchKind::Merge, &note))?;
        }
        let done = if before == after { "patched (no change)" } else { "patched" };
        match subresource.as_str() {
            "scale" => {
                let scale = resource::built_in().find(|resource| resource.kind == "HorizontalPodAutoscaler");
                let scale = scale.map(|resource| resource::Resource {
                    name: "scale".into(),
                    kind: "Scale".into(),
                    version: "v1".into(),
                    ..resource
                });
                let at = Address { resource: scale.unwrap_or_else(|| found.at.resource.clone()), ..found.at.clone() };
                run.report(&at, &after, done, dry_run)?;
            }
            _ => run.report(&found.at, &after, done, dry_run)?,
        }
    }
    Fault::of_many(faults)
}

/// Patches that are no patches.
fn unfit(how: PatchKind, patch: &Value) -> Option<Refusal> {
    let word = match patch {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) if how != PatchKind::Json => "array",
        Value::Array(_) | Value::Object(_) | Value::Null => return None,
    };
    let target = "Go value of type map[string]interface {}";
    (how != PatchKind::Json)
        .then(|| Refusal::new(Reason::BadRequest, format!("json: cannot unmarshal {word} into {target}")))
}

fn patch_scale(
    cluster: &mut Client<'_>,
    at: &Address,
    how: PatchKind,
    patch: &Value,
) -> Result<(Value, Value), Refusal> {
    if !at.resource.scales() {
        return Err(Refusal::new(Reason::NotFound, "the server could not find the requested resource"));
    }
    let before = api::scale(cluster, at, &api::get(cluster, at)?);
    let patched = match how {
        PatchKind::Json => wavetank_manifest::patch_json(&before, patch)?,
        PatchKind::Merge | PatchKind::Strategic => wavetank_manifest::patch_merge(&before, patch)?,
    };
    let replicas = patched["spec"]["replicas"].as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or(0);
    let after = api::set_scale(cluster, at, replicas)?;
    Ok((before, api::scale(cluster, at, &after)))
}

/// `edit`: there is no editor here, so nothing is changed.
pub(super) fn edit(run: &mut Run<'_>) -> Result<(), Fault> {
    let findings = run.find_some(&run.arguments.words.clone())?;
    Fault::of_many(findings.faults)?;
    run.warn("Edit cancelled, no changes made.");
    Ok(())
}
