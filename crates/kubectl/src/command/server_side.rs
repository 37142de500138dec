//! `apply --server-side`.
//!
//! Source: `applyOneObject` and what follows it in `kubectl/pkg/cmd/apply/apply.go`, and
//! `client-go/util/csaupgrade`.

use crate::api::{self, Address};
use crate::client::Client;
use crate::command::apply::warn_if_deleting;
use crate::fault::{Fault, said};
use crate::run::{DryRun, Run};
use crate::source::Info;
use serde_json::{Map, Value, json};
use wavetank::PatchKind;
use wavetank::verbs::rollout::LAST_APPLIED;
use wavetank_model::{Reason, Refusal};

/// The manager that is kubectl itself; for it the server keeps the annotation of what was applied.
const KUBECTL: &str = "kubectl";

/// The manager that keeps that annotation from going.
const KEEPER: &str = "kubectl-last-applied";

const REVIEW: &str = "Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

/// Applies one object on the server.
pub(super) fn apply(run: &mut Run<'_>, info: &Info, dry_run: DryRun) -> Result<(Value, String), Fault> {
    let at = &info.at;
    let mut object = info.object.clone();
    if !at.namespace.is_empty() {
        object["metadata"]["namespace"] = at.namespace.as_str().into();
    }
    let (manager, force) = (run.field_manager(), run.arguments.on("force-conflicts"));
    let done = run.request(dry_run, |cluster| {
        let applied = api::server_side_apply(cluster, at, &object, &manager, force)?;
        keep_annotation(cluster, at, &applied, &manager)?;
        if take_over(cluster, at, &manager)? {
            return api::server_side_apply(cluster, at, &object, &manager, force);
        }
        api::get(cluster, at)
    });
    match done {
        Ok(applied) => {
            warn_if_deleting(run, &applied);
            Ok((applied, "serverside-applied".to_owned()))
        }
        Err(refusal) if refusal.reason == Reason::Conflict => said(format!("{}\n{REVIEW}", refusal.message)),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The managers that own the annotation of what was applied, by one way of writing.
fn owners_of_annotation(entries: &[Value], operation: &str) -> Vec<String> {
    let owns = |entry: &&Value| {
        let annotation = &entry["fieldsV1"]["f:metadata"]["f:annotations"][format!("f:{LAST_APPLIED}")];
        entry["operation"] == operation && annotation.is_object()
    };
    entries.iter().filter(owns).filter_map(|entry| entry["manager"].as_str().map(str::to_owned)).collect()
}

fn entries(cluster: &wavetank::Cluster, at: &Address) -> Vec<Value> {
    let object = api::with_owners(cluster, at, json!({"metadata": {}}));
    object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
}

/// An annotation that a client's apply has left is to stay when its owner goes.
fn keep_annotation(cluster: &mut Client<'_>, at: &Address, applied: &Value, manager: &str) -> Result<(), Refusal> {
    let annotation = &applied["metadata"]["annotations"][LAST_APPLIED];
    if manager != KUBECTL || annotation.is_null() || !owners_of_annotation(&entries(cluster, at), "Apply").is_empty() {
        return Ok(());
    }
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), at.name.as_str().into());
    if !at.namespace.is_empty() {
        metadata.insert("namespace".to_owned(), at.namespace.as_str().into());
    }
    metadata.insert("annotations".to_owned(), json!({LAST_APPLIED: annotation}));
    let only = json!({"apiVersion": applied["apiVersion"], "kind": applied["kind"], "metadata": metadata});
    api::server_side_apply(cluster, at, &only, KEEPER, false).map(drop)
}

/// Takes the fields that kubectl owned as a client over to the one who applies now; answers whether there
/// were any.
fn take_over(cluster: &mut Client<'_>, at: &Address, manager: &str) -> Result<bool, Refusal> {
    let before = entries(cluster, at);
    let mut after = before.clone();
    for client in owners_of_annotation(&before, "Update") {
        after = upgraded(after, &client, manager);
    }
    if before == after {
        return Ok(false);
    }
    let patch = json!([{"op": "replace", "path": "/metadata/managedFields", "value": after}]);
    api::patch(cluster, at, PatchKind::Json, &patch)?;
    Ok(true)
}

/// Entries in which what `client` owned by its updates is owned by the applies of `manager`.
fn upgraded(mut entries: Vec<Value>, client: &str, manager: &str) -> Vec<Value> {
    let is = |entry: &Value, name: &str, operation: &str| {
        entry["manager"] == name && entry["operation"] == operation && entry["subresource"].is_null()
    };
    let found = entries.iter().position(|entry| is(entry, manager, "Apply"));
    let Some(index) = found.or_else(|| entries.iter().position(|entry| is(entry, client, "Update"))) else {
        return entries;
    };
    let version = entries[index]["apiVersion"].clone();
    let same = |entry: &&Value| is(entry, client, "Update") && entry["apiVersion"] == version;
    let own = entries.iter().find(same).map(|entry| entry["fieldsV1"].clone());
    let target = &mut entries[index];
    target["manager"] = manager.into();
    target["operation"] = "Apply".into();
    if let Some(own) = own {
        unite(&mut target["fieldsV1"], &own);
    }
    entries.retain(|entry| !is(entry, client, "Update"));
    entries
}

/// Adds one set of fields to another. A leaf that gets something below it is marked as being in itself.
fn unite(into: &mut Value, other: &Value) {
    let (Value::Object(into), Value::Object(other)) = (into, other) else { return };
    for (key, below) in other {
        match into.get_mut(key) {
            None => drop(into.insert(key.clone(), below.clone())),
            Some(kept) => {
                let empty = |set: &Value| set.as_object().is_some_and(Map::is_empty);
                let leaf = key != "." && (empty(kept) != empty(below));
                unite(kept, below);
                if leaf {
                    kept["."] = json!({});
                }
            }
        }
    }
}
