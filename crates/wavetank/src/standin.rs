use serde_json::{Value, json};
pub(crate) fn patch_json(v: &Value, _: &Value) -> Result<Value, String> { Ok(v.clone()) }
pub(crate) fn patch_merge(v: &Value, p: &Value) -> Result<Value, String> {
    let mut v = v.clone(); merge(&mut v, p); Ok(v)
}
fn merge(v: &mut Value, p: &Value) {
    if let Value::Object(p) = p {
        if !v.is_object() { *v = json!({}); }
        for (k, x) in p { if x.is_null() { v.as_object_mut().unwrap().remove(k); } else { merge(&mut v[k.as_str()], x); } }
    } else { *v = p.clone(); }
}
pub(crate) fn patch_strategic(v: &Value, p: &Value) -> Result<Value, String> { patch_merge(v, p) }
