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

mod objects;
mod verbs;

pub(crate) use objects::OwnKinds;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::verbs::rollout::split;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

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
    short_names: Vec<Arc<str>>,
    is_namespaced: bool,
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
        let (kind, plural) = (kind.into(), plural.into());
        Self { group, version, kind, plural, short_names: Vec::new(), is_namespaced: true, scale: None }
    }

    /// The kind of the definitions themselves.
    fn definitions() -> Self {
        let kind = Self::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions");
        kind.short_name("crd").short_name("crds").cluster_scoped()
    }

    /// Gives it a short name, as `deploy` is one of `deployments`.
    #[must_use]
    pub fn short_name(mut self, name: &str) -> Self {
        self.short_names.push(name.into());
        self
    }

    /// Its objects live in no namespace.
    #[must_use]
    pub const fn cluster_scoped(mut self) -> Self {
        self.is_namespaced = false;
        self
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
        let mut kind = Self::new(&api_version, spec["names"]["kind"].as_str()?, spec["names"]["plural"].as_str()?);
        kind.is_namespaced = spec["scope"] != "Cluster";
        let short_names = spec["names"]["shortNames"].as_array().into_iter().flatten();
        kind.short_names = short_names.filter_map(|name| Some(name.as_str()?.into())).collect();
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

    /// Its group, empty for the core.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its version within the group.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its short names.
    pub fn short_names(&self) -> impl Iterator<Item = &str> {
        self.short_names.iter().map(|name| &**name)
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub const fn is_namespaced(&self) -> bool {
        self.is_namespaced
    }

    /// Whether it has a scale.
    #[must_use]
    pub const fn has_scale(&self) -> bool {
        self.scale.is_some()
    }

    /// Namespace and name of an object; the namespace is empty where there is none.
    fn split<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        let (namespace, plain) = split(name);
        (if self.is_namespaced { namespace } else { "" }, plain)
    }

    fn with_group(&self, word: &str) -> String {
        if self.group.is_empty() { word.to_owned() } else { format!("{word}.{}", self.group) }
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }
}
