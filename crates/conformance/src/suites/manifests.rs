//! The suites `defaulting` and `validation`: what the API server makes of a manifest, and what it says to a bad one.

use super::answer::{member, text};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use wavetank::{Cluster, Error, Kind, PatchKind, Propagation};
use wavetank_engine::Calendar;
use wavetank_manifest::{Edge, render};
use wavetank_model::Refusal;

/// A case of `defaulting`: the manifest comes out as the server stores it.
pub(super) fn defaulting(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let mut edge = Edge::new(Calendar::default());
    let object = wavetank_manifest::decode(member(case, "manifest")?, &mut edge)
        .map_err(|refusal| Mismatch::not_run(refusal.to_string()))?;
    let got = render(&object, &edge);
    let mut expected = member(case, "object")?.clone();
    without_tokens(&mut expected["spec"]);
    same(&without_status_and_identity(expected), &without_status_and_identity(got))
        .map_err(|mismatch| mismatch.within("object"))
}

/// Defaults are about metadata and spec; a status is made by controllers, identity by the store.
fn without_status_and_identity(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            for key in ["uid", "resourceVersion", "creationTimestamp"] {
                metadata.remove(key);
            }
        }
    }
    object
}

/// Takes away the volume with a service account's token, which has a random name and which no pod of a
/// simulation reads: admission adds it, it is no default.
fn without_tokens(spec: &mut Value) {
    let token = |volume: &Value| volume["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-"));
    drop_from(spec, "volumes", token);
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            drop_from(container, "volumeMounts", token);
        }
    }
}

fn drop_from(object: &mut Value, key: &str, drop: impl Fn(&Value) -> bool) {
    let Some(fields) = object.as_object_mut() else { return };
    if let Some(Value::Array(members)) = fields.get_mut(key) {
        members.retain(|member| !drop(member));
        if members.is_empty() {
            fields.remove(key);
        }
    }
}

/// A case of `validation`: the request is accepted, or refused in the server's words.
pub(super) fn validation(_: &Value, case: &Value) -> Result<(), Mismatch> {
    if case.get("warnings").is_some_and(|warnings| !warnings.as_array().is_none_or(Vec::is_empty)) {
        return Err(Mismatch::not_run("warnings are not simulated"));
    }
    let mut cluster = Cluster::builder().build();
    for object in case.get("setup").and_then(Value::as_array).into_iter().flatten() {
        let made = cluster.create(&object.to_string());
        made.map_err(|error| Mismatch::not_run(format!("the setup was refused: {error}")))?;
    }
    let status = member(case, "status")?;
    match (requested(&mut cluster, case)?, status) {
        (None, Value::Null) => Ok(()),
        (None, _) => Err(Mismatch::differs("status", &status["message"], "(accepted)")),
        (Some(refusal), Value::Null) => Err(Mismatch::differs("status", "(accepted)", refusal)),
        (Some(refusal), _) => refused(status, &refusal),
    }
}

/// What the server answers: nothing if it accepts the request.
fn requested(cluster: &mut Cluster, case: &Value) -> Result<Option<Refusal>, Mismatch> {
    let (kind, name) = addressee(text(case, "path")?)?;
    let manifest = case.get("manifest").unwrap_or(&Value::Null);
    let result = match text(case, "verb")? {
        "create" => wavetank_manifest::addressed(kind, "default", manifest)
            .map_err(Error::from)
            .and_then(|object| cluster.create(&object.to_string()))
            .map(drop),
        "get" => cluster.json(kind, name).map(drop),
        "delete" => cluster.delete(kind, name, Propagation::Background),
        "patch" => {
            let patch_kind = match text(case, "content_type")? {
                "application/strategic-merge-patch+json" => PatchKind::Strategic,
                "application/merge-patch+json" => PatchKind::Merge,
                "application/json-patch+json" => PatchKind::Json,
                other => return Err(Mismatch::not_run(format!("no patches of type {other}"))),
            };
            cluster.patch(kind, name, patch_kind, manifest)
        }
        "update" => {
            cluster.json(kind, name).and_then(|old| Ok(wavetank_manifest::admit_update(&old, manifest).map(drop)?))
        }
        other => return Err(Mismatch::not_run(format!("no verb {other}"))),
    };
    match result {
        Ok(()) => Ok(None),
        Err(Error::Refused(refusal)) => Ok(Some(refusal)),
        Err(other) => Err(Mismatch::not_run(other.to_string())),
    }
}

/// Kind and name that a path of the API speaks of; the name is empty for a whole collection.
fn addressee(path: &str) -> Result<(Kind, &str), Mismatch> {
    let unknown = || Mismatch::not_run(format!("nothing is served under {path}"));
    let (_, rest) = path.split_once("/namespaces/default/").ok_or_else(unknown)?;
    let mut parts = rest.split('/');
    let kind = match parts.next() {
        Some("deployments") => Kind::Deployment,
        Some("replicasets") => Kind::ReplicaSet,
        Some("replicationcontrollers") => Kind::ReplicationController,
        Some("pods") => Kind::Pod,
        _ => return Err(unknown()),
    };
    let name = parts.next().unwrap_or_default();
    if parts.next().is_some() { Err(unknown()) } else { Ok((kind, name)) }
}

/// Compares code, reason, message and causes.
fn refused(status: &Value, refusal: &Refusal) -> Result<(), Mismatch> {
    let causes = refusal
        .causes
        .iter()
        .map(|cause| json!({"reason": &*cause.reason, "message": &*cause.message, "field": &*cause.field}));
    let got = json!({
        "code": refusal.reason.code(),
        "reason": refusal.reason.as_str(),
        "message": masked(&refusal.message),
        "causes": causes.collect::<Vec<_>>(),
    });
    let expected = json!({
        "code": status["code"],
        "reason": status["reason"],
        "message": status["message"],
        "causes": status.pointer("/details/causes").cloned().unwrap_or_else(|| json!([])),
    });
    same(&expected, &got).map_err(|mismatch| mismatch.within("status"))
}

/// A text in which identities that the store gave appear as in the recordings.
fn masked(text: &str) -> String {
    /// How an identity begins; twelve digits follow.
    const IDENTITY: &str = "00000000-0000-4000-8000-";
    let mut pieces = text.split(IDENTITY);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str("<uid>");
        out.push_str(piece.get(12..).unwrap_or_default());
    }
    out
}
