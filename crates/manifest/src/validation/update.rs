//! Changes that are not allowed.

use super::read::{child, list};
use super::{Faults, metadata as meta, selector};
use wavetank_model::Kind;
use crate::meaning::meaning;
use crate::schema::Type;
use serde_json::{Map, Value};

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
///
/// Upstream's message goes on with a listing of the differences, which is left out here.
pub(crate) fn pod(faults: &mut Faults, old: &Value, new: &Value) {
    let kind = Type::Named("core/v1.PodSpec");
    if meaning(&kind, &without_mutable(&old["spec"], old)) != meaning(&kind, &without_mutable(&new["spec"], old))
        || !keeps_tolerations(&old["spec"], &new["spec"])
    {
        faults.forbidden(
            "spec",
            "pod updates may not change fields other than \
             `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
             `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow \
             it to be set to 1 if it was previously negative)",
        );
    }
    super::pod::spec(faults, &new["spec"], "spec");
}

/// A spec without what may change.
fn without_mutable(spec: &Value, old: &Value) -> Value {
    let mut spec = spec.clone();
    let Value::Object(fields) = &mut spec else { return Value::Object(Map::new()) };
    for key in ["activeDeadlineSeconds", "tolerations"] {
        fields.remove(key);
    }
    let was_negative = old["spec"]["terminationGracePeriodSeconds"].as_i64().is_some_and(|grace| grace < 0);
    if was_negative {
        fields.remove("terminationGracePeriodSeconds");
    }
    for key in ["containers", "initContainers"] {
        for container in fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(container) = container {
                container.remove("image");
            }
        }
    }
    spec
}

fn keeps_tolerations(old: &Value, new: &Value) -> bool {
    let new = list(new, "tolerations");
    list(old, "tolerations").iter().all(|toleration| new.contains(toleration))
}
