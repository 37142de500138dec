//! Kinds of a user's own: objects that are kept as JSON, and scaled through paths that their kind names.
//!
//! A kind comes from its CustomResourceDefinition, applied like any other manifest, or from
//! [`Cluster::define_kind`]. What its objects bring about is up to a function of the user's, their
//! controller: it is called with each new object and after each change of one's spec.
//!
//! A fleet whose members are pods of a ReplicaSet, grown by an autoscaler:
//!
//! ```
//! use wavetank::verbs::own_kinds::OwnKind;
//! use wavetank::{Cluster, Profile};
//! use serde_json::json;
//!
//! let mut cluster = Cluster::builder().profile(Profile::instant()).build();
//! let fleet = OwnKind::new("example.com/v1", "Fleet", "fleets")
//!     .scaled_by(".spec.members", ".status.members", ".status.selector");
//! cluster.define_kind(fleet, Some(|cluster, fleet| {
//!     let (name, members) = (fleet["metadata"]["name"].as_str().unwrap(), &fleet["spec"]["members"]);
//!     let set = json!({
//!         "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name},
//!         "spec": {
//!             "replicas": members, "selector": {"matchLabels": {"fleet": name}},
//!             "template": {
//!                 "metadata": {"labels": {"fleet": name}},
//!                 "spec": {"containers": [{"name": "member", "image": "member:1"}]},
//!             },
//!         },
//!     });
//!     cluster.apply(&set.to_string())?;
//!     let status = json!({"members": members, "selector": format!("fleet={name}")});
//!     cluster.set_own_status("Fleet", name, status)
//! }));
//!
//! cluster.apply("{apiVersion: example.com/v1, kind: Fleet, metadata: {name: blue}, spec: {members: 1}}")?;
//! cluster.apply("
//! apiVersion: autoscaling/v2
//! kind: HorizontalPodAutoscaler
//! metadata: {name: blue}
//! spec:
//!   scaleTargetRef: {apiVersion: example.com/v1, kind: Fleet, name: blue}
//!   minReplicas: 3
//!   maxReplicas: 9
//! ")?;
//! cluster.run_for(core::time::Duration::from_secs(20));
//! assert_eq!(cluster.own_object("Fleet", "blue")?["spec"]["members"], 3);
//! assert_eq!(cluster.replica_set("blue")?.status.replicas, 3);
//! # Ok::<(), wavetank::Error>(())
//! ```

use crate::cluster::Cluster;
use crate::error::Error;
use crate::verbs::objects::{Applied, Outcome};
use crate::verbs::rollout::split;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_model::{Reason, Refusal, Scale};
use wavetank_store::Precondition;

/// What keeps the objects of a kind as they should be; called with the object as stored.
///
/// A plain function, so that clusters can be forked. A snapshot does not hold it: after a restore the kind is
/// defined again.
pub type OwnController = fn(&mut Cluster, &Value) -> Result<(), Error>;

/// A kind of a user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnKind {
    group: Arc<str>,
    version: Arc<str>,
    kind: Arc<str>,
    plural: Arc<str>,
    scale: Option<ScalePaths>,
}

/// Where an object says how often it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ScalePaths {
    wanted: Arc<str>,
    observed: Arc<str>,
    selector: Arc<str>,
}

impl OwnKind {
    /// A kind of an API version such as `example.com/v1`.
    #[must_use]
    pub fn new(api_version: &str, kind: &str, plural: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let (group, version) = (group.into(), version.into());
        Self { group, version, kind: kind.into(), plural: plural.into(), scale: None }
    }

    /// Gives it a scale: the paths of the replicas wanted, of those observed, and of the selector of its pods
    /// as text.
    #[must_use]
    pub fn scaled_by(mut self, wanted: &str, observed: &str, selector: &str) -> Self {
        self.scale = Some(ScalePaths { wanted: wanted.into(), observed: observed.into(), selector: selector.into() });
        self
    }

    /// The kind that a CustomResourceDefinition of `apiextensions.k8s.io/v1` defines, in the version that is
    /// stored; none if it is no such thing.
    #[must_use]
    pub fn of_definition(definition: &Value) -> Option<Self> {
        let is_definition =
            definition["apiVersion"] == "apiextensions.k8s.io/v1" && definition["kind"] == "CustomResourceDefinition";
        let spec = definition.get("spec").filter(|_| is_definition)?;
        let versions = spec["versions"].as_array()?;
        let version = versions.iter().find(|version| version["storage"] == true).or_else(|| versions.first())?;
        let api_version = format!("{}/{}", spec["group"].as_str()?, version["name"].as_str()?);
        let kind = Self::new(&api_version, spec["names"]["kind"].as_str()?, spec["names"]["plural"].as_str()?);
        let scale = &version["subresources"]["scale"];
        let path = |name: &str| scale[name].as_str();
        let (Some(wanted), Some(observed)) = (path("specReplicasPath"), path("statusReplicasPath")) else {
            return Some(kind);
        };
        Some(kind.scaled_by(wanted, observed, path("labelSelectorPath").unwrap_or_default()))
    }

    /// Its word, such as `Fleet`.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.kind
    }

    /// Its plural, such as `fleets`.
    #[must_use]
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// Its resource with the group, such as `fleets.example.com`.
    #[must_use]
    pub fn resource(&self) -> String {
        self.with_group(&self.plural)
    }

    /// An object as kubectl names it: `fleet.example.com/blue`.
    #[must_use]
    pub fn label(&self, name: &str) -> String {
        format!("{}/{name}", self.with_group(&self.kind.to_lowercase()))
    }

    fn with_group(&self, word: &str) -> String {
        if self.group.is_empty() { word.to_owned() } else { format!("{word}.{}", self.group) }
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// A defined kind, with its controller.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Defined {
    kind: OwnKind,
    #[serde(skip)]
    controller: Option<OwnController>,
}

/// Word, namespace and name of an object.
type OwnName = (Arc<str>, Arc<str>, Arc<str>);

/// All kinds of the user's own, and their objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OwnKinds {
    /// By their words.
    kinds: BTreeMap<Arc<str>, Defined>,
    #[serde(with = "objects_as_text")]
    objects: BTreeMap<OwnName, Value>,
    /// Objects that their controllers are to look at.
    changed: VecDeque<OwnName>,
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

impl OwnKinds {
    /// The kind of a group and a word that has a scale.
    pub(crate) fn scalable(&self, group: &str, word: &str) -> Option<&OwnKind> {
        let defined = &self.kinds.get(word)?.kind;
        (*defined.group == *group && defined.scale.is_some()).then_some(defined)
    }

    fn kind(&self, word: &str) -> Option<&OwnKind> {
        self.kinds.get(word).map(|defined| &defined.kind)
    }

    fn kind_of(&self, object: &Value) -> Option<&OwnKind> {
        let kind = self.kind(object["kind"].as_str()?)?;
        (object["apiVersion"] == kind.api_version()).then_some(kind)
    }

    fn object(&self, kind: &OwnKind, namespace: &str, name: &str) -> Result<(OwnName, &Value), Refusal> {
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

    fn scaled(&self, word: &str) -> Result<(&OwnKind, &ScalePaths), Refusal> {
        let kind = self.kind(word);
        let scaled = kind.and_then(|kind| Some((kind, kind.scale.as_ref()?)));
        scaled.ok_or_else(|| Refusal::new(Reason::NotFound, "the server could not find the requested resource"))
    }
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// The value at a path such as `.spec.replicas`.
fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(object, |value, step| value.get(step))
}

fn set_at_path(object: &mut Value, path: &str, new: Value) {
    let mut place = object;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[step];
    }
    *place = new;
}

impl Cluster {
    /// Defines a kind, or defines it anew, with what keeps its objects as they should be.
    pub fn define_kind(&mut self, kind: OwnKind, controller: Option<OwnController>) {
        self.horizontal.forget_targets();
        let word = Arc::clone(&kind.kind);
        // A definition without a controller leaves the one that is there.
        let known = self.own.kinds.remove(&word).and_then(|defined| defined.controller);
        self.own.kinds.insert(word, Defined { kind, controller: controller.or(known) });
    }

    /// The kinds that were defined, by their words.
    pub fn own_kinds(&self) -> impl Iterator<Item = &OwnKind> {
        self.own.kinds.values().map(|defined| &defined.kind)
    }

    /// An object of a defined kind as JSON; the name may have a namespace in front.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn own_object(&self, kind: &str, name: &str) -> Result<&Value, Error> {
        let (namespace, name) = split(name);
        let kind = self.own_kind(kind)?;
        Ok(self.own.object(kind, namespace, name)?.1)
    }

    /// All objects of a defined kind, by namespace and name.
    pub fn own_objects(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.own.objects.iter().filter(move |((word, ..), _)| **word == *kind).map(|(_, object)| object)
    }

    fn own_kind(&self, word: &str) -> Result<&OwnKind, Refusal> {
        let missing = || Refusal::new(Reason::NotFound, format!("no matches for kind \"{word}\""));
        self.own.kind(word).ok_or_else(missing)
    }

    /// Writes the status of an object of a defined kind, as its controller does. Its controller is not called
    /// for that.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_own_status(&mut self, kind: &str, name: &str, status: Value) -> Result<(), Error> {
        let (namespace, name) = split(name);
        let (key, object) = self.own.object(self.own_kind(kind)?, namespace, name)?;
        if object["status"] != status {
            let mut new = object.clone();
            new["status"] = status;
            self.put_own(key, new);
        }
        Ok(())
    }

    /// Scales an object of a defined kind.
    ///
    /// # Errors
    /// `NotFound`, also if the kind has no scale.
    pub fn scale_own(&mut self, kind: &str, name: &str, replicas: i32) -> Result<(), Error> {
        let (namespace, name) = split(name);
        Ok(self.write_own_scale(kind, namespace, name, replicas, Precondition::None)?)
    }

    pub(crate) fn write_own_scale(
        &mut self,
        word: &str,
        namespace: &str,
        name: &str,
        replicas: i32,
        expected: Precondition,
    ) -> Result<(), Refusal> {
        let (kind, paths) = self.own.scaled(word)?;
        let (key, object) = self.own.object(kind, namespace, name)?;
        if let Precondition::Version(expected) = expected
            && expected != version(object)
        {
            return Err(Refusal::conflict(&kind.resource(), name));
        }
        let mut new = object.clone();
        set_at_path(&mut new, &paths.wanted, replicas.into());
        self.change_own(key, new);
        Ok(())
    }

    /// Deletes an object of a defined kind. What its controller made of it stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_own(&mut self, kind: &str, name: &str) -> Result<(), Error> {
        let (namespace, name) = split(name);
        let (key, _) = self.own.object(self.own_kind(kind)?, namespace, name)?;
        self.own.objects.remove(&key);
        self.digest.bytes(format!("{}/{}/{} deleted", key.0, key.1, key.2).as_bytes());
        Ok(())
    }

    /// Whether a document of a manifest defines a kind or is of a defined one; `coming` are kinds that earlier
    /// documents define.
    pub(crate) fn own_document(&self, document: &Value, coming: &mut Vec<OwnKind>) -> bool {
        if let Some(kind) = OwnKind::of_definition(document) {
            coming.push(kind);
            return true;
        }
        let is_of = |kind: &OwnKind| document["kind"] == *kind.kind && document["apiVersion"] == kind.api_version();
        self.own.kind_of(document).is_some() || coming.iter().any(is_of)
    }

    /// Whether a document that is to be created has a name of its own.
    pub(crate) fn own_name_is_free(&self, document: &Value) -> Result<(), Refusal> {
        let Some(kind) = self.own.kind_of(document) else { return Ok(()) };
        let text = |field: &str| document["metadata"][field].as_str();
        let (namespace, name) = (text("namespace").unwrap_or("default"), text("name").unwrap_or_default());
        match self.own.object(kind, namespace, name) {
            Ok(_) => Err(Refusal::already_exists(&kind.resource(), name)),
            Err(_) => Ok(()),
        }
    }

    /// Applies a document that [`Self::own_document`] knows.
    pub(crate) fn take_own(&mut self, document: Value) -> Result<Applied, Error> {
        let warnings = Vec::new();
        if let Some(kind) = OwnKind::of_definition(&document) {
            let outcome = match self.own.kind(&kind.kind) {
                None => Outcome::Created,
                Some(known) if *known == kind => Outcome::Unchanged,
                Some(_) => Outcome::Configured,
            };
            let name = document["metadata"]["name"].as_str().map_or_else(|| kind.resource(), str::to_owned);
            self.define_kind(kind, None);
            let object = format!("customresourcedefinition.apiextensions.k8s.io/{name}");
            return Ok(Applied { object, outcome, warnings });
        }
        let missing = |what: &str| Refusal::new(Reason::BadRequest, format!("{what} is required"));
        let kind = self.own.kind_of(&document).ok_or_else(|| missing("kind"))?.clone();
        let name = document["metadata"]["name"].as_str().filter(|name| !name.is_empty());
        let name: Arc<str> = name.ok_or_else(|| missing("metadata.name"))?.into();
        let namespace: Arc<str> = document["metadata"]["namespace"].as_str().unwrap_or("default").into();
        let key = (Arc::clone(&kind.kind), Arc::clone(&namespace), Arc::clone(&name));
        let object = kind.label(&name);
        let Some(live) = self.own.objects.get(&key) else {
            let mut new = document;
            new["metadata"]["namespace"] = (*namespace).into();
            new["metadata"]["creationTimestamp"] = self.edge().spell_time(self.now).into();
            new["metadata"]["generation"] = 0.into();
            self.change_own(key, new);
            return Ok(Applied { object, outcome: Outcome::Created, warnings });
        };
        let mut new = live.clone();
        for (field, value) in document.as_object().into_iter().flatten() {
            match field.as_str() {
                "metadata" => {
                    for (field, value) in value.as_object().into_iter().flatten() {
                        new["metadata"][field] = value.clone();
                    }
                }
                // It is written by the controller alone.
                "status" => {}
                _ => new[field] = value.clone(),
            }
        }
        if new == *live {
            return Ok(Applied { object, outcome: Outcome::Unchanged, warnings });
        }
        self.change_own(key, new);
        Ok(Applied { object, outcome: Outcome::Configured, warnings })
    }

    /// Stores an object whose spec may have changed; its controller is to look at it.
    fn change_own(&mut self, key: OwnName, mut new: Value) {
        if self.own.objects.get(&key).is_none_or(|live| live["spec"] != new["spec"]) {
            new["metadata"]["generation"] = json!(new["metadata"]["generation"].as_i64().unwrap_or_default() + 1);
        }
        self.own.changed.push_back(key.clone());
        self.put_own(key, new);
    }

    fn put_own(&mut self, key: OwnName, mut new: Value) {
        let before = self.own.objects.get(&key).map_or(0, version);
        new["metadata"]["resourceVersion"] = (before + 1).to_string().into();
        self.digest.word(self.now.as_nanos().cast_unsigned());
        self.digest.bytes(new.to_string().as_bytes());
        self.own.objects.insert(key, new);
    }

    /// Calls the controller of the next object that changed; false if there is none.
    pub(crate) fn run_own_controller(&mut self) -> bool {
        let Some(key) = self.own.changed.pop_front() else { return false };
        let controller = self.own.kinds.get(&key.0).and_then(|defined| defined.controller);
        if let (Some(controller), Some(object)) = (controller, self.own.objects.get(&key).cloned()) {
            // What it could not do it will be asked for again at the next change, as any other.
            let _failed = controller(self, &object);
        }
        true
    }
}
