//! The suites `defaulting` and `validation`: what the API server makes of a manifest, and what it says to a bad one.

use super::answer::member;
use super::server::Server;
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use wavetank_engine::Calendar;
use wavetank_manifest::versions::{HORIZONTAL_V1, horizontal_to_v1};
use wavetank_manifest::{Edge, Surroundings, render};
use wavetank_model::Refusal;

/// A case of `defaulting`: the manifest comes out as the server stores it.
pub(super) fn defaulting(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let mut edge = Edge::new(Calendar::default());
    let manifest = member(case, "manifest")?;
    let admitted = wavetank_manifest::admit_into(manifest, &Surroundings::default())
        .map_err(|refusal| Mismatch::not_run(refusal.to_string()))?;
    let object = wavetank_manifest::read_admitted(&admitted.object, &mut edge)
        .map_err(|refusal| Mismatch::not_run(refusal.to_string()))?;
    let mut got = render(&object, &edge);
    if manifest["apiVersion"] == HORIZONTAL_V1 {
        // The server answers in the version of the request.
        got = horizontal_to_v1(&got);
    }
    let mut expected = member(case, "object")?.clone();
    without_tokens(&mut expected["spec"]);
    let mut got: Value = serde_json::from_str(&masked(&got.to_string())).unwrap_or_default();
    without_allocations(&expected, &mut got);
    same(&without_status_and_identity(expected), &without_status_and_identity(got))
        .map_err(|mismatch| mismatch.within("object"))?;
    let warned: Vec<&str> = admitted.warnings.iter().map(|warning| &**warning).collect();
    let expected = case.get("warnings").cloned().unwrap_or_else(|| json!([]));
    same(&expected, &json!(warned)).map_err(|mismatch| mismatch.within("warnings"))
}

/// What the server picked appears as one word in the recordings; what ours picked, where it picked, does
/// so too.
fn without_allocations(expected: &Value, got: &mut Value) {
    const ALLOCATED: &str = "<allocated>";
    match (expected, got) {
        (Value::String(text), got) if text == ALLOCATED && !got.is_null() => *got = Value::from(ALLOCATED),
        (Value::Object(expected), Value::Object(got)) => {
            for (key, expected) in expected {
                if let Some(got) = got.get_mut(key) {
                    without_allocations(expected, got);
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            for (expected, got) in expected.iter().zip(got) {
                without_allocations(expected, got);
            }
        }
        (_, _) => {}
    }
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
    let mut server = Server::with(case.get("setup").and_then(Value::as_array).into_iter().flatten())?;
    let status = member(case, "status")?;
    match (server.answer(case)?, status) {
        (Ok(warnings), Value::Null) => {
            let expected = case.get("warnings").cloned().unwrap_or_else(|| json!([]));
            let got: Vec<&str> = warnings.iter().map(|warning| &**warning).collect();
            same(&expected, &json!(got)).map_err(|mismatch| mismatch.within("warnings"))
        }
        (Ok(_), _) => Err(Mismatch::differs("status", &status["message"], "(accepted)")),
        (Err(refusal), Value::Null) => Err(Mismatch::differs("status", "(accepted)", refusal)),
        (Err(refusal), _) => refused(status, &refusal),
    }
}

/// Compares code, reason, message and causes.
fn refused(status: &Value, refusal: &Refusal) -> Result<(), Mismatch> {
    let causes = refusal
        .causes
        .iter()
        .map(|cause| json!({"reason": &*cause.reason, "message": masked(&cause.message), "field": &*cause.field}));
    let got = json!({
        "code": refusal.reason.code(),
        "reason": refusal.reason.as_str(),
        "message": masked(&refusal.message),
        "causes": causes.collect::<Vec<_>>(),
    });
    let expected = json!({
        "code": status["code"],
        "reason": status.get("reason").cloned().unwrap_or_else(|| json!("")),
        "message": status["message"],
        "causes": status.pointer("/details/causes").cloned().unwrap_or_else(|| json!([])),
    });
    let (expected, got) = (without_versions(expected), without_versions(got));
    same(&expected, &got).map_err(|mismatch| mismatch.within("status"))
}

/// Texts that show whole objects, without their resource versions: these count all that a server has ever
/// stored.
fn without_versions(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(without_version(&text)),
        Value::Array(items) => items.into_iter().map(without_versions).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, without_versions(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn without_version(text: &str) -> String {
    const KEY: &str = "\\\"resourceVersion\\\":\\\"";
    let mut parts = text.split(KEY);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(KEY);
        out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    out
}

/// A text in which identities and times appear as in the recordings.
fn masked(text: &str) -> String {
    masked_times(&masked_identities(text))
}

/// A text in which times of API objects appear as in the recordings.
fn masked_times(text: &str) -> String {
    const LENGTH: usize = "2000-01-01T00:00:00Z".len();
    let edge = Edge::default();
    let is_time = |part: &str| part.ends_with('Z') && edge.time(part).is_ok();
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        match rest.get(..LENGTH).filter(|part| is_time(part)) {
            Some(_) => {
                out.push_str("<time>");
                rest = &rest[LENGTH..];
            }
            None => {
                out.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    out
}

fn masked_identities(text: &str) -> String {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let is_identity = |part: &str| {
        let pieces: Vec<&str> = part.split('-').collect();
        pieces.len() == LENGTHS.len()
            && pieces
                .iter()
                .zip(LENGTHS)
                .all(|(piece, length)| piece.len() == length && piece.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let inner = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(inner) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|letter| !inner(letter)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(if is_identity(word) { "<uid>" } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}
