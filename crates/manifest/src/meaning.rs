//! What a value means, as canonical text: equal texts, equal meanings.
//!
//! Upstream compares templates by semantic equality: absent and empty lists and maps are the same,
//! so are an absent number and zero; quantities go by value and times by instant. A pointer to zero
//! differs from no pointer.

use crate::schema::{self, Declaration, Type};
use core::fmt::Write;
use serde_json::Value;
use wavetank_model::Quantity;

/// The canonical text of a value of a type; empty if the value is that type's zero.
pub(crate) fn meaning(kind: &Type, value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, kind, value);
    text
}

/// Appends the text of a value, nothing if it is zero.
fn write(out: &mut String, kind: &Type, value: &Value) {
    if value.is_null() {
        return;
    }
    match kind {
        Type::Basic(name) => basic(out, name, value),
        Type::Pointer(inner) => {
            out.push('*');
            write(out, inner, value);
        }
        Type::Slice(inner) => {
            let Value::Array(items) = value else { return };
            if !items.is_empty() {
                out.push('[');
                for item in items {
                    write(out, inner, item);
                    out.push(',');
                }
                out.push(']');
            }
        }
        Type::Map(_, inner) => {
            let Value::Object(map) = value else { return };
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            if !entries.is_empty() {
                out.push('{');
                for (key, item) in entries {
                    quoted(out, key);
                    out.push(':');
                    write(out, inner, item);
                    out.push(',');
                }
                out.push('}');
            }
        }
        Type::Named(name) => match schema::declaration(name) {
            Some(Declaration::Struct(_)) => {
                let start = out.len();
                out.push('(');
                fields(out, name, value);
                if out.len() == start + 1 {
                    out.truncate(start);
                } else {
                    out.push(')');
                }
            }
            Some(Declaration::Alias(under)) => write(out, under, value),
            Some(Declaration::Opaque) => opaque(out, name, value),
            None => {}
        },
    }
}

fn fields(out: &mut String, name: &str, value: &Value) {
    for field in schema::fields(name) {
        if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
            fields(out, inner, value);
            continue;
        }
        let Some(inner) = value.get(field.json) else { continue };
        let start = out.len();
        out.push_str(field.json);
        out.push('=');
        let filled = out.len();
        write(out, &field.kind, inner);
        if out.len() == filled {
            out.truncate(start);
        } else {
            out.push(';');
        }
    }
}

fn basic(out: &mut String, name: &str, value: &Value) {
    match (name, value) {
        ("string", Value::String(text)) if !text.is_empty() => quoted(out, text),
        ("bool", Value::Bool(true)) => out.push_str("true"),
        ("string" | "bool", _) => {}
        (_, Value::Number(number)) if number.as_f64().is_none_or(|number| number.abs() > 0.0) => {
            out.push_str(&number.to_string());
        }
        (_, _) => {}
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

fn opaque(out: &mut String, name: &str, value: &Value) {
    match (name, value) {
        ("resource.Quantity", Value::String(_) | Value::Number(_)) => {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            match Quantity::parse(text.trim()) {
                Ok(quantity) if quantity.is_zero() => {}
                Ok(quantity) => {
                    let (digits, exponent) = quantity.normal();
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{digits}e{exponent}");
                }
                Err(_) => quoted(out, &text),
            }
        }
        ("intstr.IntOrString", Value::Number(number)) if number.as_i64() == Some(0) => {}
        ("meta/v1.Time" | "meta/v1.MicroTime", Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(stamp) => out.push_str(&stamp.to_string()),
            Err(_) => quoted(out, text),
        },
        (_, value) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &Value) -> String {
        meaning(&Type::Named("core/v1.PodTemplateSpec"), value)
    }

    #[test]
    fn absent_empty_and_zero_are_one() {
        let bare = json!({"spec": {"containers": [{"name": "c"}]}});
        let full = json!({"metadata": {"labels": {}, "creationTimestamp": null}, "spec": {
            "containers": [{"name": "c", "args": [], "image": "", "resources": {}}], "hostNetwork": false}});
        assert_eq!(of(&bare), of(&full));
    }

    #[test]
    fn a_pointer_to_zero_is_not_absent() {
        let absent = json!({"spec": {}});
        let zero = json!({"spec": {"terminationGracePeriodSeconds": 0}});
        let empty = json!({"spec": {"securityContext": {}}});
        assert_ne!(of(&absent), of(&zero));
        assert_ne!(of(&absent), of(&empty));
    }

    #[test]
    fn quantities_go_by_value() {
        let with = |cpu: Value| of(&json!({"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}}));
        assert_eq!(with(json!("0.1")), with(json!("100m")));
        assert_eq!(with(json!(1)), with(json!("1000m")));
        assert_ne!(with(json!("1")), with(json!("2")));
    }

    #[test]
    fn neighbouring_items_do_not_run_together() {
        let with = |args: Value| of(&json!({"spec": {"containers": [{"args": args}]}}));
        assert_ne!(with(json!(["a", ""])), with(json!(["a"])));
        assert_ne!(with(json!(["a", "b"])), with(json!(["a\",\"b"])));
    }
}
