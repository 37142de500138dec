//! Making pod templates: the only place where one comes into being.

use crate::Error;
use crate::fields::Fields;
use serde_json::Value;
use wavetank_model::template::{POD_TEMPLATE_HASH, ProbeTiming, RestartPolicy};
use wavetank_model::{PodTemplate, StringMap, TemplateFacts};

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
        spelling: fnv32a(value.to_string().as_bytes()),
        meaning: meaning(value).into(),
        facts: facts(spec)?,
    })
}

/// The FNV-1a sum of 32 bits.
pub(crate) fn fnv32a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

/// Canonical text of what a template means: without the hash label and without what is empty.
fn meaning(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(Value::Object(labels)) = value.pointer_mut("/metadata/labels") {
        labels.remove(POD_TEMPLATE_HASH);
    }
    prune(&mut value);
    value.to_string()
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, value| !is_empty(value));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn facts(spec: Fields<'_>) -> Result<TemplateFacts, Error> {
    let mut images = Vec::new();
    let mut readiness = None;
    for (index, container) in spec.list("containers")?.iter().enumerate() {
        let container = Fields::of(Some(container), "template.spec.containers")?;
        images.push(container.shared("image")?);
        if index == 0 {
            readiness = probe(container.object("readinessProbe", "template.spec.containers[0].readinessProbe")?)?;
        }
    }
    Ok(TemplateFacts {
        images,
        restart_policy: match spec.text("restartPolicy")? {
            "OnFailure" => RestartPolicy::OnFailure,
            "Never" => RestartPolicy::Never,
            _ => RestartPolicy::Always,
        },
        grace_seconds: spec.int64("terminationGracePeriodSeconds")?.unwrap_or(30),
        node_name: spec.optional_text("nodeName")?.filter(|name| !name.is_empty()).map(Into::into),
        node_selector: if spec.is_present() { spec.string_map("nodeSelector")? } else { StringMap::default() },
        readiness,
    })
}

/// The clockwork of a probe; zero stands for the default, as it does at the API server.
fn probe(fields: Fields<'_>) -> Result<Option<ProbeTiming>, Error> {
    if !fields.is_present() {
        return Ok(None);
    }
    let count = |key: &str, default: u32| -> Result<u32, Error> {
        let given = u32::try_from(fields.count(key)?).unwrap_or_default();
        Ok(if given == 0 { default } else { given })
    };
    Ok(Some(ProbeTiming {
        initial_delay_seconds: count("initialDelaySeconds", 0)?,
        period_seconds: count("periodSeconds", 10)?,
        success_threshold: count("successThreshold", 1)?,
        failure_threshold: count("failureThreshold", 3)?,
    }))
}
