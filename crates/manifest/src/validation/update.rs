//! Changes that are not allowed.

use super::read::{child, list, number};
use super::{Faults, go_shown, metadata as meta, selector};
use crate::meaning::meaning;
use crate::schema::Type;
use serde_json::{Map, Value};
use similar::TextDiff;
use wavetank_model::Kind;

/// Checks a change of metadata.
pub(crate) fn metadata(faults: &mut Faults, old: &Value, new: &Value) {
    for key in ["name", "namespace", "uid"] {
        let (was, is) = (old.get(key), new.get(key));
        // An uid that is not given is no claim about it.
        let unclaimed = is.is_none() || (key == "uid" && was.is_none());
        if !unclaimed && was != is {
            let shown = is.unwrap_or(&Value::Null).to_string();
            faults.invalid(&format!("metadata.{key}"), &shown, "field is immutable");
        }
    }
    meta::common(faults, new);
}

/// A selector stays what it was, save that of a ReplicationController.
pub(crate) fn selector(faults: &mut Faults, kind: Kind, old: &Value, new: &Value) {
    if kind == Kind::ReplicationController {
        return;
    }
    let kind = Type::Named("meta/v1.LabelSelector");
    let of = |spec: &Value| child(spec, "selector").map(|selector| meaning(&kind, selector));
    if of(old) != of(new) {
        let shown = child(new, "selector").map_or_else(|| "null".to_owned(), selector::shown);
        faults.invalid("spec.selector", &shown, "field is immutable");
    }
}

/// Of a pod's spec hardly anything may change.
pub(crate) fn pod(faults: &mut Faults, old: &Value, new: &Value) {
    let (was, is) = (&old["spec"], &new["spec"]);
    super::pod::spec(faults, is, "spec");
    for key in ["containers", "initContainers"] {
        let path = format!("spec.{key}");
        if list(was, key).len() != list(is, key).len() {
            faults.forbidden(&path, "pod updates may not add or remove containers");
            return;
        }
    }
    deadline(faults, was, is);
    tolerations(faults, was, is);
    let munged = with_what_may_change(was, is);
    let kind = Type::Named("core/v1.PodSpec");
    if meaning(&kind, was) == meaning(&kind, &munged) {
        return;
    }
    let lines = |spec: &Value| go_shown::lines("core/v1.PodSpec", spec);
    let (before, after) = (lines(was), lines(&munged));
    let difference = TextDiff::from_lines(&before, &after);
    let difference = difference.unified_diff().context_radius(3).missing_newline_hint(false).to_string();
    faults.forbidden(
        "spec",
        &format!(
            "pod updates may not change fields other than \
             `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
             `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow \
             it to be set to 1 if it was previously negative)\n{difference}"
        ),
    );
}

/// A deadline may come nearer, but neither recede nor go.
fn deadline(faults: &mut Faults, was: &Value, is: &Value) {
    let path = "spec.activeDeadlineSeconds";
    match (number(was, "activeDeadlineSeconds"), number(is, "activeDeadlineSeconds")) {
        (Some(was), Some(is)) if is > was => {
            faults.invalid(path, &is.to_string(), "must be less than or equal to previous value");
        }
        (Some(_), None) => faults.invalid(path, "null", "must not update from a positive integer to nil value"),
        (Some(_) | None, Some(_)) | (None, None) => {}
    }
}

/// Tolerations may be added, and those there are may last otherwise.
fn tolerations(faults: &mut Faults, was: &Value, is: &Value) {
    let lasting = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Value::Object(fields) = &mut toleration {
            fields.remove("tolerationSeconds");
        }
        toleration
    };
    let new: Vec<Value> = list(is, "tolerations").iter().map(lasting).collect();
    if !list(was, "tolerations").iter().map(lasting).all(|toleration| new.contains(&toleration)) {
        faults.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
    }
}

/// A new spec in which all that may change is as it was.
fn with_what_may_change(was: &Value, is: &Value) -> Value {
    let mut munged = is.clone();
    let Value::Object(fields) = &mut munged else { return Value::Object(Map::new()) };
    let mut reset = vec!["activeDeadlineSeconds", "tolerations"];
    let grace = |spec: &Value| number(spec, "terminationGracePeriodSeconds");
    if grace(was).is_some_and(|grace| grace < 0) && grace(is) == Some(1) {
        reset.push("terminationGracePeriodSeconds");
    }
    if list(is, "schedulingGates").len() < list(was, "schedulingGates").len() {
        reset.push("schedulingGates");
    }
    for key in reset {
        match was.get(key) {
            Some(value) => drop(fields.insert(key.to_owned(), value.clone())),
            None => drop(fields.remove(key)),
        }
    }
    for key in ["containers", "initContainers"] {
        let containers = fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
        for (container, before) in containers.zip(list(was, key)) {
            if let (Value::Object(container), Some(image)) = (container, before.get("image")) {
                container.insert("image".to_owned(), image.clone());
            }
        }
    }
    munged
}
