//! Making pod templates: the only place where one comes into being.

use crate::facts::facts;
use crate::fields::Fields;
use crate::meaning::meaning;
use crate::schema::Type;
use crate::{Error, go_print};
use core::fmt;
use serde_json::Value;
use wavetank_model::PodTemplate;
use wavetank_model::template::POD_TEMPLATE_HASH;

const TEMPLATE: Type = Type::Named("core/v1.PodTemplateSpec");

/// Makes the template of a JSON value, `{"metadata": …, "spec": …}`.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn pod_template(value: &Value) -> Result<PodTemplate, Error> {
    let template = Fields::of(Some(value), "template")?;
    let metadata = template.object("metadata", "template.metadata")?;
    let spec = template.object("spec", "template.spec")?;
    Ok(PodTemplate {
        value: if value.is_null() { Value::Object(serde_json::Map::new()) } else { value.clone() },
        labels: metadata.string_map("labels")?,
        annotations: metadata.string_map("annotations")?,
        spelling: spelling(value),
        meaning: template_meaning(value).into(),
        facts: facts(spec)?,
    })
}

/// The FNV-1a sum of 32 bits of what is written to it.
#[derive(Debug)]
struct Fnv32a(u32);

impl fmt::Write for Fnv32a {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.bytes().fold(self.0, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
        Ok(())
    }
}

/// The sum of the Go print of a template.
fn spelling(value: &Value) -> u32 {
    let mut sum = Fnv32a(2_166_136_261);
    // The sum takes whatever it is given, so printing into it cannot fail.
    let _ = go_print::print(&mut sum, &TEMPLATE, Some(value));
    sum.0
}

/// What a template means, the hash label apart.
fn template_meaning(value: &Value) -> String {
    if value.pointer("/metadata/labels").and_then(|labels| labels.get(POD_TEMPLATE_HASH)).is_none() {
        return meaning(&TEMPLATE, value);
    }
    let mut value = value.clone();
    if let Some(Value::Object(labels)) = value.pointer_mut("/metadata/labels") {
        labels.remove(POD_TEMPLATE_HASH);
    }
    meaning(&TEMPLATE, &value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_of_a_minimal_template_is_upstreams() {
        let template = pod_template(&json!({"spec": {"containers": null}})).unwrap();
        assert_eq!(template.spelling, 4_130_463_924);
    }

    #[test]
    fn the_hash_label_has_no_meaning() {
        let plain = pod_template(&json!({"metadata": {"labels": {"a": "b"}}, "spec": {}})).unwrap();
        assert!(plain.means_the_same(&plain.with_label(POD_TEMPLATE_HASH, "x")));
        let labelled = pod_template(&plain.with_label(POD_TEMPLATE_HASH, "x").value).unwrap();
        assert!(plain.means_the_same(&labelled));
        assert_ne!(plain.spelling, labelled.spelling);
    }
}
