//! `create -f` and `replace`.
//!
//! Source: `kubectl/pkg/cmd/create/create.go`, `kubectl/pkg/cmd/replace`.

use crate::api;
use crate::command::delete;
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::{DryRun, Run};
use crate::source::Info;
use core::time::Duration;
use serde_json::Value;
use wavetank::Propagation;
use wavetank_model::Refusal;

/// Flags of `create`.
pub(super) const FLAGS: &str = "allow-missing-template-keys dry-run:o edit field-manager:s filename,f:s kustomize,k:s \
                                output,o:s raw:s record recursive,R save-config selector,l:s show-managed-fields \
                                template:s validate:o windows-line-endings";
/// Flags of `replace`.
pub(super) const REPLACE_FLAGS: &str = "allow-missing-template-keys cascade:o dry-run:o field-manager:s filename,f:s force \
                                        grace-period:i kustomize,k:s output,o:s raw:s recursive,R save-config \
                                        show-managed-fields subresource:s template:s timeout:d validate:o wait";

/// Longest wait of `replace --force` for the old object to go.
const PATIENCE: Duration = Duration::from_secs(300);

/// How strictly the server is to look at fields that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validation {
    Strict,
    Warn,
    Ignore,
}

/// How `--validate` was given.
pub(super) fn validation(run: &Run<'_>) -> Result<Validation, Fault> {
    match run.arguments.text("validate") {
        None | Some("true" | "strict" | "unchanged") => Ok(Validation::Strict),
        Some("warn") => Ok(Validation::Warn),
        Some("false" | "ignore") => Ok(Validation::Ignore),
        Some(other) => said(format!(
            "invalid - validate option {}; must be one of: strict (or true), warn, ignore (or false)",
            quoted(other)
        )),
    }
}

/// Makes a request with an object, and again without the fields that the server does not know if they
/// are to be let through.
pub(super) fn leniently<T>(
    run: &mut Run<'_>,
    validation: Validation,
    object: &Value,
    mut request: impl FnMut(&mut Run<'_>, &Value) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let refusal = match request(run, object) {
        Err(refusal) if validation != Validation::Strict => refusal,
        result => return result,
    };
    let mut known = object.clone();
    let unknown = api::drop_unknown_fields(&mut known, &refusal);
    if unknown.is_empty() {
        return Err(refusal);
    }
    if validation == Validation::Warn {
        for field in unknown {
            run.warn(&format!("Warning: unknown field {}", quoted(&field)));
        }
    }
    request(run, &known)
}

/// An object as it is to be sent: with its configuration in it, and why it was made, if that is asked for.
fn prepared(run: &Run<'_>, info: &Info) -> Value {
    let mut object = info.object.clone();
    if !info.at.namespace.is_empty() {
        object["metadata"]["namespace"] = info.at.namespace.as_str().into();
    }
    if run.arguments.on("save-config") {
        object = wavetank_manifest::patch::with_last_applied(&object);
    }
    if let Some(cause) = run.change_cause() {
        object["metadata"]["annotations"][wavetank::verbs::rollout::CHANGE_CAUSE] = cause.into();
    }
    object
}

/// The objects of the files that `-f` names.
fn required_infos(run: &Run<'_>, validation: Validation, verb: &str) -> Result<(Vec<Info>, Vec<Fault>), Fault> {
    if !run.has_files() {
        return said("must specify one of -f and -k");
    }
    let (infos, faults) = run.infos(validation == Validation::Strict);
    if infos.is_empty() && faults.is_empty() {
        return said(format!("no objects passed to {verb}"));
    }
    Ok((infos, faults))
}

/// `create`.
pub(super) fn create(run: &mut Run<'_>) -> Result<(), Fault> {
    if !run.has_files() && !run.arguments.words.is_empty() {
        let words = run.arguments.words.join(" ");
        return Err(Fault::Verbatim(format!(
            "Error: must specify one of -f and -k\n\nerror: unknown command {}\nSee 'kubectl create -h' for help and \
             examples\n",
            quoted(&words)
        )));
    }
    let dry_run = run.dry_run()?;
    let validation = validation(run)?;
    let (infos, mut faults) = required_infos(run, validation, "create")?;
    for info in infos {
        let object = prepared(run, &info);
        let result = match dry_run {
            DryRun::Client => Ok(object),
            DryRun::No | DryRun::Server => leniently(run, validation, &object, |run, object| {
                run.request(dry_run, |cluster| api::create(cluster, &info.at, object))
            }),
        };
        match result {
            Ok(made) => {
                let at = api::Address::of(info.at.resource, &made);
                run.report(&at, &made, "created", dry_run)?;
            }
            Err(refusal) => {
                let doing = format!("error when creating {}", quoted(&info.source));
                faults.push(Fault::from(refusal).while_doing(&doing));
            }
        }
    }
    Fault::of_many(faults)
}

/// `replace`.
pub(super) fn replace(run: &mut Run<'_>) -> Result<(), Fault> {
    let dry_run = run.dry_run()?;
    let validation = validation(run)?;
    let (infos, mut faults) = required_infos(run, validation, "replace")?;
    let recreates = run.arguments.on("force");
    if recreates {
        delete_all(run, &infos)?;
    }
    for info in infos {
        let object = prepared(run, &info);
        let result = if recreates {
            leniently(run, validation, &object, |run, object| {
                run.request(DryRun::No, |cluster| api::create(cluster, &info.at, object))
            })
        } else {
            leniently(run, validation, &object, |run, object| {
                run.request(dry_run, |cluster| api::replace(cluster, &info.at, object))
            })
        };
        match result {
            Ok(made) => run.report(&info.at, &made, "replaced", dry_run)?,
            Err(refusal) => {
                let doing = format!("error when replacing {}", quoted(&info.source));
                faults.push(Fault::from(refusal).while_doing(&doing));
            }
        }
    }
    Fault::of_many(faults)
}

/// Deletes the objects that are there, and waits until they have gone.
fn delete_all(run: &mut Run<'_>, infos: &[Info]) -> Result<(), Fault> {
    let mut gone: Vec<(api::Address, Value)> = Vec::new();
    for info in infos {
        if let Ok(old) = api::get(run.cluster, &info.at) {
            api::delete(run.cluster, &info.at, Propagation::Background, None)?;
            run.say(&format!("{} {} deleted", info.at.resource.singular(), quoted(&info.at.name)));
            gone.push((info.at.clone(), old["metadata"]["uid"].clone()));
        }
    }
    delete::wait_until_gone(run.cluster, &gone, PATIENCE);
    Ok(())
}
