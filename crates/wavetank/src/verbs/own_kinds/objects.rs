//! The kinds that were defined, and their objects.

use super::{OwnController, OwnKind, ScalePaths};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_model::{Reason, Refusal, Scale};

/// A defined kind, with its controller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Defined {
    pub(super) kind: OwnKind,
    #[serde(skip)]
    pub(super) controller: Option<OwnController>,
}

/// Word, namespace and name of an object.
pub(super) type OwnName = (Arc<str>, Arc<str>, Arc<str>);

/// All kinds of the user's own, and their objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OwnKinds {
    /// By their words.
    pub(super) kinds: BTreeMap<Arc<str>, Defined>,
    #[serde(with = "objects_as_text")]
    pub(super) objects: BTreeMap<OwnName, Value>,
    /// Objects that their controllers are to look at.
    pub(super) changed: VecDeque<OwnName>,
}

/// Objects with names that are no texts, as a list.
mod objects_as_text {
    use super::OwnName;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
    use serde_json::Value;
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(objects: &BTreeMap<OwnName, Value>, to: S) -> Result<S::Ok, S::Error> {
        objects.iter().map(|(name, object)| (name, object.to_string())).collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<OwnName, Value>, D::Error> {
        let texts = Vec::<(OwnName, String)>::deserialize(from)?;
        let read = |(name, text): (OwnName, String)| Ok((name, serde_json::from_str(&text)?));
        texts.into_iter().map(read).collect::<Result<_, serde_json::Error>>().map_err(de::Error::custom)
    }
}

impl Default for OwnKinds {
    fn default() -> Self {
        let kind = OwnKind::definitions();
        let kinds = [(Arc::clone(&kind.kind), Defined { kind, controller: None })].into();
        Self { kinds, objects: BTreeMap::new(), changed: VecDeque::new() }
    }
}

impl OwnKinds {
    /// The kind of a group and a word that has a scale.
    pub(crate) fn scalable(&self, group: &str, word: &str) -> Option<&OwnKind> {
        let defined = &self.kinds.get(word)?.kind;
        (*defined.group == *group && defined.scale.is_some()).then_some(defined)
    }

    pub(super) fn kind(&self, word: &str) -> Option<&OwnKind> {
        self.kinds.get(word).map(|defined| &defined.kind)
    }

    pub(super) fn kind_of(&self, object: &Value) -> Option<&OwnKind> {
        let kind = self.kind(object["kind"].as_str()?)?;
        (object["apiVersion"] == kind.api_version()).then_some(kind)
    }

    pub(super) fn object(&self, kind: &OwnKind, namespace: &str, name: &str) -> Result<(OwnName, &Value), Refusal> {
        let key = (Arc::clone(&kind.kind), namespace.into(), name.into());
        let found = self.objects.get(&key);
        found.map(|object| (key, object)).ok_or_else(|| Refusal::not_found(&kind.resource(), name))
    }

    /// The scale of an object, and the version of the object.
    pub(crate) fn read_scale(&self, word: &str, namespace: &str, name: &str) -> Result<(Scale, u64), Refusal> {
        let (kind, paths) = self.scaled(word)?;
        let (_, object) = self.object(kind, namespace, name)?;
        let count = |path: &str| {
            at_path(object, path).and_then(Value::as_i64).and_then(|count| i32::try_from(count).ok()).unwrap_or(0)
        };
        let scale = Scale {
            spec_replicas: count(&paths.wanted),
            status_replicas: count(&paths.observed),
            selector: at_path(object, &paths.selector).and_then(Value::as_str).unwrap_or_default().into(),
        };
        Ok((scale, version(object)))
    }

    pub(super) fn scaled(&self, word: &str) -> Result<(&OwnKind, &ScalePaths), Refusal> {
        let kind = self.kind(word);
        let scaled = kind.and_then(|kind| Some((kind, kind.scale.as_ref()?)));
        scaled.ok_or_else(|| Refusal::new(Reason::NotFound, "the server could not find the requested resource"))
    }
}

pub(super) fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// The value at a path such as `.spec.replicas`.
fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(object, |value, step| value.get(step))
}

pub(super) fn set_at_path(object: &mut Value, path: &str, new: Value) {
    let mut place = object;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[step];
    }
    *place = new;
}
