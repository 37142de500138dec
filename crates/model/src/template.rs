//! Pod templates: stored once, shared by all that are made from them.

use crate::StringMap;
use crate::container::{Container, Resources, Toleration};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// The label that keeps the pods of one template apart from those of another.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// A pod template, or the metadata and spec of a pod without one.
///
/// It has two identities. Upstream's hash goes by *spelling* (`0.1` and `100m` differ); equality of
/// templates goes by *meaning* (they do not, and absent equals empty). Both are made once, at the
/// edge (`wavetank-manifest`), which is the only maker of templates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodTemplate {
    /// The template as stored: `{"metadata": …, "spec": …}`, every field of the API type kept.
    #[serde(with = "json_text")]
    pub value: Value,
    /// Labels of the pods.
    pub labels: StringMap,
    /// Annotations of the pods.
    pub annotations: StringMap,
    /// FNV-1a of the Go print of the template, before the collision count is mixed in.
    pub spelling: u32,
    /// Canonical text of what the template means, without the hash label.
    pub meaning: Arc<str>,
    /// What the simulation obeys.
    pub facts: TemplateFacts,
}

/// The fields of a pod spec that the simulation obeys, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFacts {
    /// Image of each container, in order; the first decides the behaviour of the pod.
    pub images: Vec<Arc<str>>,
    /// Restart policy: `Always`, `OnFailure` or `Never`.
    pub restart_policy: RestartPolicy,
    /// `terminationGracePeriodSeconds`, 30 by default.
    pub grace_seconds: i64,
    /// `nodeName`, if the template names one.
    pub node_name: Option<Arc<str>>,
    /// `nodeSelector`.
    pub node_selector: StringMap,
    /// Readiness probe of the first container.
    pub readiness: Option<ProbeTiming>,
    /// Containers, in order.
    pub containers: Vec<Container>,
    /// Init containers and sidecars, in order.
    pub init_containers: Vec<Container>,
    /// Condition types of the readiness gates.
    pub readiness_gates: Vec<Arc<str>>,
    /// Resources given for the pod as a whole.
    pub resources: Resources,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `activeDeadlineSeconds`.
    pub active_deadline_seconds: Option<i64>,
}

/// When a container is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Whatever its exit code.
    #[default]
    Always,
    /// After an exit code other than 0.
    OnFailure,
    /// Never.
    Never,
}

/// The clockwork of a probe, in whole seconds, defaulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeTiming {
    /// `initialDelaySeconds`.
    pub initial_delay_seconds: u32,
    /// `periodSeconds`, at least 1.
    pub period_seconds: u32,
    /// `successThreshold`, at least 1.
    pub success_threshold: u32,
    /// `failureThreshold`, at least 1.
    pub failure_threshold: u32,
}

impl PodTemplate {
    /// Whether both mean the same, the hash label apart.
    #[must_use]
    pub fn means_the_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.meaning, &other.meaning) || self.meaning == other.meaning
    }

    /// This template with one more label, as the Deployment controller adds the hash.
    #[must_use]
    pub fn with_label(&self, key: &str, label: &str) -> Self {
        let mut template = self.clone();
        template.labels.set(key, label);
        if let Value::Object(fields) = &mut template.value {
            let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Value::Object(metadata) = metadata {
                let labels = metadata.entry("labels").or_insert_with(|| Value::Object(serde_json::Map::new()));
                if !labels.is_object() {
                    *labels = Value::Object(serde_json::Map::new());
                }
                if let Value::Object(labels) = labels {
                    labels.insert(key.to_owned(), Value::String(label.to_owned()));
                }
            }
        }
        template
    }

    /// This template with one label less, as the Deployment controller takes the hash away when it
    /// rolls back to the template of a ReplicaSet.
    #[must_use]
    pub fn without_label(&self, key: &str) -> Self {
        let mut template = self.clone();
        template.labels.remove(key);
        if let Some(Value::Object(labels)) = template.value.pointer_mut("/metadata/labels") {
            labels.remove(key);
        }
        template
    }

    /// The `pod-template-hash` of a Deployment with this template.
    ///
    /// Continues the sum over the collision count (eight bytes, little endian, the low four used; an
    /// absent count adds nothing), writes it in decimal and maps the digits to safe letters.
    /// Source: `pkg/controller/controller_utils.go`, `ComputeHash`.
    #[must_use]
    pub fn hash(&self, collision_count: Option<i32>) -> String {
        const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut sum = self.spelling;
        if let Some(count) = collision_count {
            let mut bytes = [0; 8];
            bytes[..4].copy_from_slice(&count.to_le_bytes());
            for byte in bytes {
                sum = (sum ^ u32::from(byte)).wrapping_mul(16_777_619);
            }
        }
        sum.to_string().bytes().map(|digit| char::from(SAFE[usize::from(digit) % SAFE.len()])).collect()
    }
}

/// JSON that is shared, inside a snapshot as text.
pub(crate) mod shared_json_text {
    use serde::{Deserializer, Serializer};
    use serde_json::Value;
    use std::sync::Arc;

    pub(crate) fn serialize<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        super::json_text::serialize(value, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
        super::json_text::deserialize(deserializer).map(Arc::new)
    }
}

/// JSON inside a snapshot is text, so that formats that do not describe themselves can carry it.
pub(crate) mod json_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
    use serde_json::Value;

    pub(crate) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value).map_err(ser::Error::custom)?.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
