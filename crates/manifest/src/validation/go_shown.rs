//! Values as the server's messages show them where it prints its own inner types.
//!
//! Those types have no JSON names: every field is there under its name in Go, in Go's order, and what
//! is absent is null or zero. Types of `meta/v1` have JSON names there too. Where the inner type has
//! other fields than the published one, [`INNER`] lists its own.

use crate::schema::{self, Declaration, Field, Type};
use serde_json::Value;

/// Inner types whose fields differ from those of the published type, in their order.
const INNER: [(&str, &[&str]); 2] = [
    (
        "core/v1.PodSpec",
        &[
            "Volumes",
            "InitContainers",
            "Containers",
            "EphemeralContainers",
            "RestartPolicy",
            "TerminationGracePeriodSeconds",
            "ActiveDeadlineSeconds",
            "DNSPolicy",
            "NodeSelector",
            "ServiceAccountName",
            "AutomountServiceAccountToken",
            "NodeName",
            "SecurityContext",
            "ImagePullSecrets",
            "Hostname",
            "Subdomain",
            "SetHostnameAsFQDN",
            "Affinity",
            "SchedulerName",
            "Tolerations",
            "HostAliases",
            "PriorityClassName",
            "Priority",
            "PreemptionPolicy",
            "DNSConfig",
            "ReadinessGates",
            "RuntimeClassName",
            "Overhead",
            "EnableServiceLinks",
            "TopologySpreadConstraints",
            "OS",
            "SchedulingGates",
            "ResourceClaims",
            "Resources",
            "HostnameOverride",
            "SchedulingGroup",
        ],
    ),
    (
        "core/v1.PodSecurityContext",
        &[
            "HostNetwork",
            "HostPID",
            "HostIPC",
            "ShareProcessNamespace",
            "HostUsers",
            "SELinuxOptions",
            "WindowsOptions",
            "RunAsUser",
            "RunAsGroup",
            "RunAsNonRoot",
            "SupplementalGroups",
            "SupplementalGroupsPolicy",
            "FSGroup",
            "FSGroupChangePolicy",
            "Sysctls",
            "SeccompProfile",
            "AppArmorProfile",
            "SELinuxChangePolicy",
        ],
    ),
];

/// Fields of a pod's spec that the inner type keeps in its security context.
const IN_CONTEXT: [&str; 5] = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

/// A value with its fields in order.
#[derive(Debug)]
enum Shown {
    Plain(String),
    List(Vec<Self>),
    Fields(Vec<(String, Self)>),
}

/// A value of a struct in one line.
pub(crate) fn shown(name: &str, value: &Value) -> String {
    let mut out = String::new();
    compact(&mut out, &named(name, Some(value)));
    out
}

/// A value of a struct with a line for each field, one space deeper at each level.
pub(crate) fn lines(name: &str, value: &Value) -> String {
    let mut out = String::new();
    indented(&mut out, &named(name, Some(value)), 0);
    out
}

fn compact(out: &mut String, shown: &Shown) {
    match shown {
        Shown::Plain(text) => out.push_str(text),
        Shown::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                compact(out, item);
            }
            out.push(']');
        }
        Shown::Fields(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                compact(out, value);
            }
            out.push('}');
        }
    }
}

fn indented(out: &mut String, shown: &Shown, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&" ".repeat(depth));
    };
    match shown {
        Shown::List(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, depth + 1);
                indented(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Shown::Fields(fields) if !fields.is_empty() => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, depth + 1);
                out.push_str(&format!("{}: ", Value::from(name.as_str())));
                indented(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        Shown::Plain(_) | Shown::List(_) | Shown::Fields(_) => compact(out, shown),
    }
}

fn value_of(kind: &Type, value: Option<&Value>) -> Shown {
    let value = value.filter(|value| !value.is_null());
    let null = || Shown::Plain("null".to_owned());
    match (kind, value) {
        (Type::Named(name), value) => match schema::declaration(name) {
            Some(Declaration::Struct(_)) => named(name, value),
            Some(Declaration::Alias(under)) => value_of(under, value),
            Some(Declaration::Opaque) | None => match value {
                Some(value) => Shown::Plain(value.to_string()),
                None if *name == "resource.Quantity" => Shown::Plain("\"0\"".to_owned()),
                None if *name == "intstr.IntOrString" => Shown::Plain("0".to_owned()),
                None => null(),
            },
        },
        (Type::Pointer(_) | Type::Slice(_) | Type::Map(..), None) => null(),
        (Type::Pointer(inner), value) => value_of(inner, value),
        (Type::Slice(inner), Some(Value::Array(items))) => {
            Shown::List(items.iter().map(|item| value_of(inner, Some(item))).collect())
        }
        (Type::Map(_, inner), Some(Value::Object(map))) => {
            Shown::Fields(map.iter().map(|(key, item)| (key.clone(), value_of(inner, Some(item)))).collect())
        }
        (Type::Basic(name), None) => Shown::Plain(
            match *name {
                "string" => "\"\"",
                "bool" => "false",
                _ => "0",
            }
            .to_owned(),
        ),
        (Type::Slice(_) | Type::Map(..) | Type::Basic(_), Some(value)) => Shown::Plain(value.to_string()),
    }
}

fn named(name: &str, value: Option<&Value>) -> Shown {
    if name.starts_with("meta/v1.") {
        return Shown::Fields(published(name, value));
    }
    let mut fields = Vec::new();
    match INNER.iter().find(|(known, _)| *known == name) {
        Some((_, order)) => {
            for go in *order {
                let declared = schema::fields(name).iter().find(|field| field.go == *go);
                let declared =
                    declared.or_else(|| schema::fields("core/v1.PodSpec").iter().find(|field| field.go == *go));
                if let Some(field) = declared {
                    inner_field(&mut fields, field, value);
                }
            }
        }
        None => {
            for field in schema::fields(name) {
                inner_field(&mut fields, field, value);
            }
        }
    }
    Shown::Fields(fields)
}

fn inner_field(fields: &mut Vec<(String, Shown)>, field: &Field, value: Option<&Value>) {
    if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
        match named(inner, value) {
            Shown::Fields(below) => fields.extend(below),
            Shown::Plain(_) | Shown::List(_) => {}
        }
        return;
    }
    let below = value.and_then(|value| value.get(field.json));
    // The metadata of an inner type stands among its fields.
    if field.kind == Type::Named("meta/v1.ObjectMeta") {
        fields.extend(published("meta/v1.ObjectMeta", below));
        return;
    }
    let context = (field.json == "securityContext"
        && field.kind.resolved() == &Type::Named("core/v1.PodSecurityContext"))
        .then(|| with_host(below, value))
        .flatten();
    fields.push((field.go.to_owned(), value_of(&field.kind, context.as_ref().or(below))));
}

/// The security context of a pod with what the inner type keeps there.
fn with_host(context: Option<&Value>, spec: Option<&Value>) -> Option<Value> {
    let mut context = context?.clone();
    if let Value::Object(fields) = &mut context {
        for key in IN_CONTEXT {
            if let Some(value) = spec.and_then(|spec| spec.get(key)) {
                fields.insert(key.to_owned(), value.clone());
            }
        }
    }
    Some(context)
}

/// The fields of a type that has JSON names, what is empty left out.
fn published(name: &str, value: Option<&Value>) -> Vec<(String, Shown)> {
    let present = |field: &&Field| match value.and_then(|value| value.get(field.json)) {
        None | Some(Value::Null) => !field.omit_empty,
        Some(Value::Array(items)) => !(field.omit_empty && items.is_empty()),
        Some(Value::Object(map)) => !(field.omit_empty && map.is_empty()),
        Some(Value::String(text)) => !(field.omit_empty && text.is_empty()),
        Some(Value::Bool(_) | Value::Number(_)) => true,
    };
    schema::fields(name)
        .iter()
        .filter(present)
        .map(|field| (field.json.to_owned(), value_of(&field.kind, value.and_then(|value| value.get(field.json)))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inner_types_show_every_field_by_its_name_in_go() {
        assert_eq!(
            shown("core/v1.EnvVar", &json!({"name": "A", "value": "x"})),
            "{\"Name\":\"A\",\"Value\":\"x\",\"ValueFrom\":null}"
        );
        let template =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"hostNetwork": true, "securityContext": {}}});
        let text = shown("core/v1.PodTemplateSpec", &template);
        assert!(text.starts_with("{\"labels\":{\"a\":\"b\"},\"Spec\":{\"Volumes\":null"));
        assert!(text.contains("\"SecurityContext\":{\"HostNetwork\":true,\"HostPID\":false"));
    }

    #[test]
    fn lines_are_one_space_deeper_at_each_level() {
        let text = lines("core/v1.ResourceRequirements", &json!({"requests": {"cpu": "1"}}));
        assert_eq!(text, "{\n \"Limits\": null,\n \"Requests\": {\n  \"cpu\": \"1\"\n },\n \"Claims\": null\n}");
    }
}
