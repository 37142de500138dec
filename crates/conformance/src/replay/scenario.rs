//! The scenario of a recorded trace: everything needed to replay it.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use wavetank_node::Scripted;

/// A scenario. Time zero stands for [`START_UNIX_SECONDS`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Name, also of the file.
    pub name: String,
    /// Which group of scenarios it belongs to.
    pub family: String,
    /// What happens, for people.
    pub description: String,
    /// Milliseconds that the run lasts; what falls due at that time still happens.
    pub duration_ms: i64,
    /// Nodes, created first.
    pub nodes: Vec<NodeAtStart>,
    /// YAML manifests, created one after another at the start.
    pub manifests: Vec<String>,
    /// What the user does.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub commands: Vec<Command>,
    /// What the nodes do.
    pub kubelet: Scripted,
    /// What the pods use; only autoscaled scenarios have any.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub load: Vec<Load>,
}

/// What the pods of a selector use of a resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// `cpu` or `memory`.
    pub resource: String,
    /// Labels of the pods.
    pub selector: BTreeMap<String, String>,
    /// `shared` among the ready pods, or `perPod`.
    pub mode: String,
    /// Values in steps.
    pub points: Vec<LoadPoint>,
}

/// A value from a time on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadPoint {
    /// When, in milliseconds.
    pub at_ms: i64,
    /// Thousandths of the unit.
    pub milli: i64,
}

/// The start of every recorded trace, 2000-01-01T00:01:00Z, in seconds since the Unix epoch.
pub const START_UNIX_SECONDS: i64 = 946_684_860;

/// A node that is there from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeAtStart {
    /// Name.
    pub name: String,
    /// Labels beside `kubernetes.io/hostname`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Something that the user does. Which members are there depends on [`Command::op`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// When, in milliseconds.
    pub at_ms: i64,
    /// What.
    pub op: Op,
    /// Kind of the object; a Deployment when absent.
    pub kind: Option<String>,
    /// Normalised name of the object.
    pub name: Option<String>,
    /// Manifest to create.
    pub manifest: Option<String>,
    /// New image of the first container, or the image whose behaviour is replaced.
    pub image: Option<String>,
    /// `NAME=value`.
    pub env: Option<String>,
    /// New size.
    pub replicas: Option<i32>,
    /// Revision to go back to; 0 or absent is the one before the newest.
    pub to_revision: Option<i64>,
    /// A patch, as JSON or as its text.
    pub patch: Option<Value>,
    /// `strategic` when absent, `merge` or `json`.
    pub patch_type: Option<String>,
    /// Labels to set; `-` removes one.
    pub labels: Option<BTreeMap<String, String>>,
    /// `orphan`, or background when absent.
    pub cascade: Option<String>,
    /// New behaviour of an image.
    pub behaviour: Option<wavetank_node::Behaviour>,
}

impl Command {
    /// The kind that the command is about.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Deployment")
    }
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Op {
    /// Creates what a manifest says.
    Create,
    /// Changes the image of the first container.
    SetImage,
    /// Adds a variable to the first container.
    SetEnv,
    /// Changes the size.
    Scale,
    /// Makes rollouts wait.
    Pause,
    /// Lets rollouts go on.
    Resume,
    /// Goes back to an older revision.
    Undo,
    /// Replaces all pods by ones of the same template.
    Restart,
    /// Patches.
    Patch,
    /// Changes labels.
    Label,
    /// Deletes.
    Delete,
    /// Adds a node.
    AddNode,
    /// Takes a node away.
    RemoveNode,
    /// Replaces the behaviour of an image.
    SetBehaviour,
}

impl Op {
    /// As scenarios and traces spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::SetImage => "setImage",
            Self::SetEnv => "setEnv",
            Self::Scale => "scale",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Undo => "undo",
            Self::Restart => "restart",
            Self::Patch => "patch",
            Self::Label => "label",
            Self::Delete => "delete",
            Self::AddNode => "addNode",
            Self::RemoveNode => "removeNode",
            Self::SetBehaviour => "setBehaviour",
        }
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}
