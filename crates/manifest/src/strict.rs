//! Strict decoding: a JSON value as the API server would take it in and give it back.
//!
//! The walk follows the Go types. It refuses JSON of the wrong type in the words of Go's decoder,
//! collects unknown fields, and on the way gives every value the form it has when the server writes
//! it again: nulls and empty optional fields gone, quantities in their canonical spelling.

use crate::go_print;
use crate::schema::{self, Declaration, Type};
use serde_json::{Map, Value};
use wavetank_model::Quantity;

/// Decodes a value of a named struct.
///
/// # Errors
/// What Go's decoder says.
pub(crate) fn decode(name: &'static str, value: &Value) -> Result<Value, String> {
    let mut walk = Walk::default();
    let decoded = walk.named(name, Some(value));
    if let Some(fault) = walk.fault {
        return Err(fault);
    }
    if walk.unknown.is_empty() {
        return Ok(decoded);
    }
    let fields: Vec<String> = walk.unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    Err(format!("strict decoding error: {}", fields.join(", ")))
}

#[derive(Debug, Default)]
struct Walk {
    /// Name of the innermost struct.
    holder: &'static str,
    /// Names of the fields on the way, as the decoder's errors list them.
    stack: Vec<&'static str>,
    /// The same as strict errors spell it, with indices.
    path: String,
    unknown: Vec<String>,
    fault: Option<String>,
}

impl Walk {
    fn wrong(&mut self, found: &str, kind: &Type) {
        if self.fault.is_some() {
            return;
        }
        let mut target = String::new();
        // Writing to a string cannot fail.
        let _ = go_print::name(kind, &mut target);
        let at = if self.stack.is_empty() {
            "value".to_owned()
        } else {
            format!("struct field {}.{}", self.holder, self.stack.join("."))
        };
        self.fault = Some(format!("json: cannot unmarshal {found} into Go {at} of type {target}"));
    }

    /// The decoded value of a type; the zero of that type if the value is absent or wrong.
    fn value(&mut self, kind: &Type, value: Option<&Value>) -> Value {
        self.typed(kind, kind, value.filter(|value| !value.is_null()))
    }

    /// `shown` is the type as errors name it: the outermost name that is not a pointer.
    fn typed(&mut self, kind: &Type, shown: &Type, value: Option<&Value>) -> Value {
        match kind {
            Type::Pointer(inner) => match value {
                None => Value::Null,
                some => self.typed(inner, inner, some),
            },
            Type::Basic(name) => self.basic(name, shown, value),
            Type::Slice(inner) => match value {
                None => Value::Null,
                Some(Value::Array(items)) => {
                    let mut decoded = Vec::with_capacity(items.len());
                    for (index, item) in items.iter().enumerate() {
                        let length = self.path.len();
                        self.path.push_str(&format!("[{index}]"));
                        decoded.push(self.value(inner, Some(item)));
                        self.path.truncate(length);
                    }
                    Value::Array(decoded)
                }
                // Go reads a text into a list of bytes.
                Some(Value::String(text)) if **inner == Type::Basic("uint8") => Value::String(text.clone()),
                Some(other) => {
                    self.wrong(found(other), shown);
                    Value::Null
                }
            },
            Type::Map(_, inner) => match value {
                None => Value::Null,
                Some(Value::Object(map)) => {
                    let entries = map.iter().map(|(key, item)| (key.clone(), self.value(inner, Some(item))));
                    Value::Object(entries.collect())
                }
                Some(other) => {
                    self.wrong(found(other), shown);
                    Value::Null
                }
            },
            Type::Named(name) => match schema::declaration(name) {
                Some(Declaration::Alias(under)) => self.typed(under, shown, value),
                Some(Declaration::Struct(_)) => self.named(name, value),
                Some(Declaration::Opaque) => self.opaque(name, value),
                None => Value::Null,
            },
        }
    }

    fn basic(&mut self, name: &str, shown: &Type, value: Option<&Value>) -> Value {
        let zero = match name {
            "string" => Value::from(""),
            "bool" => Value::from(false),
            _ => Value::from(0),
        };
        let Some(value) = value else { return zero };
        let fits = match (name, value) {
            ("string", Value::String(_)) | ("bool", Value::Bool(_)) | ("float64", Value::Number(_)) => true,
            ("string" | "bool", _) => false,
            (_, Value::Number(number)) => match number.as_i64() {
                Some(number) => match name {
                    "int32" => i32::try_from(number).is_ok(),
                    "uint8" => u8::try_from(number).is_ok(),
                    _ => true,
                },
                None => false,
            },
            (_, _) => false,
        };
        if fits {
            return value.clone();
        }
        // Only a number that does not fit another kind of number is quoted.
        if value.is_number() && name != "string" && name != "bool" {
            self.wrong(&format!("number {value}"), shown);
        } else {
            self.wrong(found(value), shown);
        }
        zero
    }

    fn named(&mut self, name: &'static str, value: Option<&Value>) -> Value {
        let map = match value {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                self.wrong(found(other), &Type::Named(name));
                None
            }
        };
        if let Some(map) = map {
            for key in map.keys() {
                if schema::field(name, key).is_none() {
                    let dot = if self.path.is_empty() { "" } else { "." };
                    self.unknown.push(format!("{}{dot}{key}", self.path));
                }
            }
        }
        let mut decoded = Map::new();
        self.fields(name, map, &mut decoded);
        Value::Object(decoded)
    }

    fn fields(&mut self, name: &'static str, map: Option<&Map<String, Value>>, decoded: &mut Map<String, Value>) {
        for field in schema::fields(name) {
            if let (Type::Named(inner), true) = (&field.kind, field.is_inline()) {
                self.stack.push(field.go);
                self.fields(inner, map, decoded);
                self.stack.pop();
                continue;
            }
            let (length, holder) = (self.path.len(), self.holder);
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(field.json);
            self.stack.push(field.json);
            self.holder = name.rsplit('.').next().unwrap_or(name);
            let value = self.value(&field.kind, map.and_then(|map| map.get(field.json)));
            self.holder = holder;
            self.stack.pop();
            self.path.truncate(length);
            if !(field.omit_empty && is_empty(&field.kind, &value)) {
                decoded.insert(field.json.to_owned(), value);
            }
        }
    }

    fn opaque(&mut self, name: &'static str, value: Option<&Value>) -> Value {
        match name {
            "resource.Quantity" => match value {
                None => Value::from("0"),
                Some(value) => {
                    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                    match Quantity::parse(text.trim()) {
                        Ok(quantity) => Value::from(quantity.to_string()),
                        Err(fault) => {
                            self.fault.get_or_insert_with(|| fault.to_string());
                            Value::from("0")
                        }
                    }
                }
            },
            "intstr.IntOrString" => match value {
                Some(Value::String(text)) => Value::String(text.clone()),
                other => self.basic("int32", &Type::Basic("int32"), other),
            },
            "meta/v1.Time" | "meta/v1.MicroTime" => match value {
                None => Value::Null,
                Some(Value::String(text)) => match text.parse::<jiff::Timestamp>() {
                    Ok(_) => Value::String(text.clone()),
                    Err(_) => {
                        let format = "2006-01-02T15:04:05Z07:00";
                        let message =
                            format!("parsing time \"{text}\" as \"{format}\": cannot parse \"{text}\" as \"2006\"");
                        self.fault.get_or_insert(message);
                        Value::Null
                    }
                },
                Some(other) => {
                    self.wrong(found(other), &Type::Basic("string"));
                    Value::Null
                }
            },
            _ => value.cloned().unwrap_or(Value::Null),
        }
    }
}

/// A kind of JSON, as Go's decoder calls it.
const fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether an optional field of this type is left out; structs never are.
pub(crate) fn is_empty(kind: &Type, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) => true,
        (Type::Pointer(_), _) => false,
        (Type::Named(name), value) => match schema::declaration(name) {
            Some(Declaration::Alias(under)) => is_empty(under, value),
            Some(Declaration::Struct(_) | Declaration::Opaque) | None => false,
        },
        (Type::Basic(_), Value::String(text)) => text.is_empty(),
        (Type::Basic(_), Value::Bool(value)) => !value,
        (Type::Basic(_), Value::Number(number)) => number.as_i64() == Some(0),
        (Type::Slice(_), Value::Array(items)) => items.is_empty(),
        (Type::Map(..), Value::Object(map)) => map.is_empty(),
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn refused(value: &Value, message: &str) {
        assert_eq!(decode("apps/v1.Deployment", value), Err(message.to_owned()));
    }

    #[test]
    fn wrong_types_are_refused_in_gos_words() {
        refused(
            &json!({"spec": {"replicas": 2.5}}),
            "json: cannot unmarshal number 2.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        );
        refused(
            &json!({"spec": "x"}),
            "json: cannot unmarshal string into Go struct field Deployment.spec of type v1.DeploymentSpec",
        );
        refused(
            &json!({"metadata": {"labels": {"a": 5}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        );
    }

    #[test]
    fn unknown_fields_are_listed_with_their_indices() {
        refused(
            &json!({"spec": {"template": {"spec": {"containers": [{"imag": 1}]}}}, "speck": 1}),
            "strict decoding error: unknown field \"speck\", unknown field \"spec.template.spec.containers[0].imag\"",
        );
    }

    #[test]
    fn a_value_is_given_back_as_the_server_would_write_it() {
        let given =
            json!({"name": "c", "args": [], "tty": false, "resources": {"limits": {"cpu": 0.5}}, "ports": null});
        let kept = json!({"name": "c", "resources": {"limits": {"cpu": "500m"}}});
        assert_eq!(decode("core/v1.Container", &given), Ok(kept));
    }
}
