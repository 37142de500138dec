//! What the user of a scenario does, as verbs of a cluster.

use super::scenario::{Command, Op};
use wavetank::{Cluster, Error, Kind, PatchKind, Propagation};

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The cluster said no: part of the trace.
    #[error("{0}")]
    Refused(#[from] Error),
    /// There is no verb for it: the scenario cannot be replayed.
    #[error("{0}")]
    NotSimulated(String),
}

impl CommandError {
    fn not_simulated(what: &str) -> Self {
        Self::NotSimulated(format!("{what} is not simulated"))
    }

    fn missing(op: Op, member: &str) -> Self {
        Self::NotSimulated(format!("the command {} has no {member}", op.as_str()))
    }
}

/// Creates what a manifest says.
///
/// # Errors
/// The cluster's refusal.
pub fn create(cluster: &mut Cluster, manifest: &str) -> Result<(), Error> {
    cluster.create(manifest).map(drop)
}

/// Carries out a command. `name` is the real name of the object that it is about.
///
/// # Errors
/// The cluster's refusal, or that something is not simulated.
pub fn carry_out(cluster: &mut Cluster, command: &Command, name: &str) -> Result<(), CommandError> {
    let missing = |member| CommandError::missing(command.op, member);
    match command.op {
        Op::Create => create(cluster, command.manifest.as_deref().ok_or_else(|| missing("manifest"))?)?,
        Op::SetImage => {
            let image = command.image.as_deref().ok_or_else(|| missing("image"))?;
            edit_first_container(cluster, command, name, |container| container["image"] = image.into())?;
        }
        Op::SetEnv => {
            let text = command.env.as_deref().ok_or_else(|| missing("env"))?;
            let (variable, value) = text.split_once('=').ok_or_else(|| missing("variable in env"))?;
            let entry = serde_json::json!({"name": variable, "value": value});
            edit_first_container(cluster, command, name, |container| match container["env"].as_array_mut() {
                Some(variables) => variables.push(entry),
                None => container["env"] = serde_json::json!([entry]),
            })?;
        }
        Op::Scale => {
            let replicas = command.replicas.ok_or_else(|| missing("replicas"))?;
            let patch = serde_json::json!({"spec": {"replicas": replicas}});
            cluster.patch(kind(command)?, name, PatchKind::Merge, &patch)?;
        }
        Op::Pause => deployment(command).and_then(|()| Ok(cluster.pause(name)?))?,
        Op::Resume => deployment(command).and_then(|()| Ok(cluster.resume(name)?))?,
        Op::Undo => {
            deployment(command)?;
            cluster.undo(name, command.to_revision.unwrap_or(0))?;
        }
        Op::Restart => deployment(command).and_then(|()| Ok(cluster.restart(name)?))?,
        Op::Patch => {
            let patch = command.patch.as_ref().ok_or_else(|| missing("patch"))?;
            // A patch may stand as JSON or as the text of it.
            let patch = patch.as_str().map_or_else(|| Ok(patch.clone()), serde_json::from_str);
            let patch = patch.map_err(|error| CommandError::NotSimulated(format!("the patch is no JSON: {error}")))?;
            cluster.patch(kind(command)?, name, patch_kind(command)?, &patch)?;
        }
        Op::Label => {
            for (key, value) in command.labels.as_ref().ok_or_else(|| missing("labels"))? {
                cluster.label(kind(command)?, name, key, Some(value.as_str()).filter(|value| *value != "-"))?;
            }
        }
        Op::Delete => {
            let propagation = match command.cascade.as_deref() {
                None | Some("background") => Propagation::Background,
                Some("orphan") => Propagation::Orphan,
                Some("foreground") => Propagation::Foreground,
                Some(other) => return Err(CommandError::not_simulated(&format!("cascade {other}"))),
            };
            cluster.delete(kind(command)?, name, propagation)?;
        }
        Op::AddNode | Op::RemoveNode | Op::SetBehaviour => {
            return Err(CommandError::not_simulated(&format!("the command {}", command.op.as_str())));
        }
    }
    Ok(())
}

fn kind(command: &Command) -> Result<Kind, CommandError> {
    let word = command.kind();
    Kind::all().find(|kind| kind.as_str() == word).ok_or_else(|| CommandError::not_simulated(&format!("kind {word}")))
}

/// Verbs that only Deployments have.
fn deployment(command: &Command) -> Result<(), CommandError> {
    match command.kind() {
        "Deployment" => Ok(()),
        other => Err(CommandError::not_simulated(&format!("{} of a {other}", command.op.as_str()))),
    }
}

fn patch_kind(command: &Command) -> Result<PatchKind, CommandError> {
    match command.patch_type.as_deref() {
        None | Some("strategic") => Ok(PatchKind::Strategic),
        Some("merge") => Ok(PatchKind::Merge),
        Some("json") => Ok(PatchKind::Json),
        Some(other) => Err(CommandError::not_simulated(&format!("patch type {other}"))),
    }
}

/// Changes the first container of an object's pod template. The others are sent back as they are.
fn edit_first_container(
    cluster: &mut Cluster,
    command: &Command,
    name: &str,
    edit: impl FnOnce(&mut serde_json::Value),
) -> Result<(), CommandError> {
    let kind = kind(command)?;
    let mut object = cluster.json(kind, name)?;
    let containers = object.pointer_mut("/spec/template/spec/containers");
    let Some(containers) = containers.filter(|list| list.get(0).is_some_and(serde_json::Value::is_object)) else {
        return Err(CommandError::not_simulated("a template without containers"));
    };
    edit(&mut containers[0]);
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": containers.take()}}}});
    Ok(cluster.patch(kind, name, PatchKind::Merge, &patch).map(drop)?)
}
