//! Verbs of a rollout: set image, scale, status, history, undo, pause, resume, restart.
//!
//! Source: `kubectl/pkg/polymorphichelpers` and `kubectl/pkg/cmd/{set,scale,rollout}`.

use crate::cluster::Cluster;
use crate::error::Error;
use crate::verbs::ownership::manager;
use std::sync::Arc;
use wavetank_manifest::{Edge, Kind, Object, pod_template, render_deployment};
use wavetank_model::template::POD_TEMPLATE_HASH;
use wavetank_model::{Cause, Deployment, DeploymentKey, PodTemplate, Reason, Refusal, ReplicaSet};
use wavetank_store::Precondition;

/// Annotation in which a change says why it was made.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
/// Annotation of a template by which `rollout restart` makes it differ.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Annotation in which `kubectl apply` keeps what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotation in which the Deployment controller numbers revisions.
pub const REVISION: &str = "deployment.kubernetes.io/revision";

/// Annotations that an undo leaves as they are in the Deployment.
/// Source: `annotationsToSkip` of `kubectl/pkg/polymorphichelpers/rollback.go`.
const RESERVED: [&str; 6] = [
    LAST_APPLIED,
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// One revision in the history of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub number: i64,
    /// Why it was made, if somebody said.
    pub change_cause: Option<String>,
    /// Name of its ReplicaSet.
    pub set: Arc<str>,
}

/// How a rollout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolloutStatus {
    /// The controller has not seen the latest change.
    NotObserved,
    /// So many of the wanted replicas have the new template.
    Updating {
        /// Replicas with the new template.
        updated: i32,
        /// Replicas wanted.
        wanted: i32,
    },
    /// All wanted replicas are new, so many old ones are still there.
    OldPending(i32),
    /// All replicas are new, so many of them available.
    Unavailable {
        /// Available replicas.
        available: i32,
        /// Replicas with the new template.
        updated: i32,
    },
    /// No progress within the deadline.
    DeadlineExceeded,
    /// Done.
    Complete,
}

/// `namespace/name`, or a name in the namespace `default`.
pub(crate) fn split(name: &str) -> (&str, &str) {
    // Names are short, and asked for at every step of a wait.
    match name.bytes().position(|byte| byte == b'/') {
        Some(end) => (&name[..end], &name[end + 1..]),
        None => ("default", name),
    }
}

impl Cluster {
    /// The Deployment of a name: `web`, or `namespace/web`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn deployment(&self, name: &str) -> Result<&Arc<Deployment>, Error> {
        let key = self.deployment_key(name)?;
        let stored = self.store.deployment(key).and_then(|slot| slot.stored.as_ref());
        stored.ok_or_else(|| missing(name).into())
    }

    pub(crate) fn deployment_key(&self, name: &str) -> Result<DeploymentKey, Error> {
        let (namespace, plain) = split(name);
        self.store.deployment_key(namespace, plain).ok_or_else(|| missing(name).into())
    }

    /// Changes a stored Deployment; the controllers see it when time goes on.
    ///
    /// # Errors
    /// `NotFound`, or what `edit` answers.
    fn edit_deployment(
        &mut self,
        name: &str,
        manager: &str,
        edit: impl FnOnce(&mut Deployment) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let key = self.deployment_key(name)?;
        let mut new = (**self.deployment(name)?).clone();
        edit(&mut new)?;
        if let Object::Deployment(owned) = self.with_owners(Object::Deployment(Box::new(new.clone())), manager)? {
            new = *owned;
        }
        self.store.update_deployment(key, new, Precondition::None)?;
        self.absorb();
        Ok(())
    }

    /// Sets the image of a container, `*` meaning all; `cause` is recorded as the reason of the change.
    ///
    /// # Errors
    /// `NotFound`, [`Error::NoContainer`], or `Invalid` for an image that no container can have.
    pub fn set_image(&mut self, name: &str, container: &str, image: &str, cause: Option<&str>) -> Result<(), Error> {
        let edge = Edge::new(self.calendar);
        self.edit_deployment(name, manager::SET, |deployment| {
            let old = render_deployment(deployment, &edge);
            let mut found = false;
            let template = edited(&deployment.spec.template, |value| {
                let containers = value.pointer_mut("/spec/containers").and_then(|list| list.as_array_mut());
                for each in containers.into_iter().flatten() {
                    if container == "*" || each["name"] == container {
                        each["image"] = image.into();
                        found = true;
                    }
                }
            })?;
            if !found {
                return Err(Error::NoContainer(container.to_owned()));
            }
            deployment.spec.template = template;
            if let Some(cause) = cause {
                deployment.meta.annotations.set(CHANGE_CAUSE, cause);
            }
            Ok(wavetank_manifest::validate_update(&old, &render_deployment(deployment, &edge))?)
        })
    }

    /// Sets the number of replicas.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a negative number.
    pub fn scale(&mut self, name: &str, replicas: i32) -> Result<(), Error> {
        let (_, plain) = split(name);
        let key = self.deployment_key(name)?;
        let mut new = (**self.deployment(name)?).clone();
        if replicas < 0 {
            let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
            let mut refusal = Refusal::new(
                Reason::Invalid,
                format!("Scale.autoscaling \"{plain}\" is invalid: spec.replicas: {message}"),
            );
            refusal.causes.push(Cause {
                reason: "FieldValueInvalid".into(),
                message: message.into(),
                field: "spec.replicas".into(),
            });
            return Err(refusal.into());
        }
        if new.spec.replicas != replicas {
            new.spec.replicas = replicas;
            let manager = self.manager.clone();
            let manager = manager.as_deref().unwrap_or(manager::KUBECTL);
            new.meta.managed = self.owners_after_scale(Kind::Deployment, &new.meta, manager);
            self.store.update_deployment(key, new, Precondition::None)?;
            self.absorb();
        }
        Ok(())
    }

    /// Lets rollouts wait.
    ///
    /// # Errors
    /// `NotFound`, or [`Error::AlreadyPaused`].
    pub fn pause(&mut self, name: &str) -> Result<(), Error> {
        self.set_paused(name, true)
    }

    /// Lets rollouts go on.
    ///
    /// # Errors
    /// `NotFound`, or [`Error::NotPaused`].
    pub fn resume(&mut self, name: &str) -> Result<(), Error> {
        self.set_paused(name, false)
    }

    fn set_paused(&mut self, name: &str, paused: bool) -> Result<(), Error> {
        self.edit_deployment(name, manager::ROLLOUT, |deployment| match (deployment.spec.paused, paused) {
            (true, true) => Err(Error::AlreadyPaused(deployment.meta.name.to_string())),
            (false, false) => Err(Error::NotPaused(deployment.meta.name.to_string())),
            _ => {
                deployment.spec.paused = paused;
                Ok(())
            }
        })
    }

    /// Replaces all pods by equal ones, by way of an annotation of the template.
    ///
    /// # Errors
    /// `NotFound`, or [`Error::RestartWhilePaused`].
    pub fn restart(&mut self, name: &str) -> Result<(), Error> {
        let at = Edge::new(self.calendar).spell_time(self.now);
        self.edit_deployment(name, manager::ROLLOUT, |deployment| {
            if deployment.spec.paused {
                return Err(Error::RestartWhilePaused);
            }
            deployment.spec.template = edited(&deployment.spec.template, |value| {
                if !value["metadata"].is_object() {
                    value["metadata"] = serde_json::json!({});
                }
                if !value["metadata"]["annotations"].is_object() {
                    value["metadata"]["annotations"] = serde_json::json!({});
                }
                value["metadata"]["annotations"][RESTARTED_AT] = at.into();
            })?;
            Ok(())
        })
    }

    /// The ReplicaSets of a Deployment with their revisions, oldest revision first.
    fn revisions(&self, deployment: &Deployment) -> Vec<(i64, &Arc<ReplicaSet>)> {
        let owned = self.store.sets_controlled_by(Some(deployment.meta.uid));
        let mut revisions: Vec<_> =
            owned.filter_map(|key| self.store.set(key)?.stored.as_ref()).map(|set| (revision_of(set), set)).collect();
        revisions.sort_by_key(|(number, _)| *number);
        revisions
    }

    /// The revisions that can be gone back to, oldest first; the last is the current one.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn rollout_history(&self, name: &str) -> Result<Vec<Revision>, Error> {
        let deployment = self.deployment(name)?;
        let revisions = self.revisions(deployment).into_iter().map(|(number, set)| Revision {
            number,
            change_cause: set.meta.annotations.get(CHANGE_CAUSE).map(str::to_owned),
            set: set.meta.name.clone(),
        });
        Ok(revisions.collect())
    }

    /// Goes back to a revision, or for 0 to the one before the newest; answers which that was.
    ///
    /// # Errors
    /// `NotFound`, [`Error::RollbackWhilePaused`], [`Error::NoRevision`], [`Error::NoHistory`] or
    /// [`Error::SameTemplate`].
    pub fn undo(&mut self, name: &str, to_revision: i64) -> Result<i64, Error> {
        let deployment = self.deployment(name)?;
        if to_revision < 0 {
            return Err(Error::NoRevision(to_revision));
        }
        let revisions = self.revisions(deployment);
        let wanted = if to_revision == 0 {
            let previous = revisions.iter().rev().nth(1);
            previous.ok_or_else(|| Error::NoHistory(deployment.meta.name.to_string()))?
        } else {
            let named = revisions.iter().rev().find(|(number, _)| *number == to_revision);
            named.ok_or(Error::NoRevision(to_revision))?
        };
        if deployment.spec.paused {
            return Err(Error::RollbackWhilePaused);
        }
        let (number, set) = (wanted.0, Arc::clone(wanted.1));
        if deployment.spec.template.means_the_same(&set.spec.template) {
            return Err(Error::SameTemplate(number));
        }
        self.edit_deployment(name, manager::KUBECTL, |deployment| {
            deployment.spec.template = edited(&set.spec.template, |value| {
                if let Some(labels) = value.pointer_mut("/metadata/labels").and_then(|labels| labels.as_object_mut()) {
                    labels.remove(POD_TEMPLATE_HASH);
                }
            })?;
            let stays = |key: &str| RESERVED.contains(&key);
            let kept = deployment.meta.annotations.iter().filter(|(key, _)| stays(key));
            let restored = set.meta.annotations.iter().filter(|(key, _)| !stays(key));
            deployment.meta.annotations = kept.chain(restored).collect();
            Ok(())
        })?;
        Ok(number)
    }

    /// How the rollout stands, as `kubectl rollout status` reads it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn rollout_status(&self, name: &str) -> Result<RolloutStatus, Error> {
        let deployment = self.deployment(name)?;
        let (spec, status) = (&deployment.spec, &deployment.status);
        if deployment.meta.generation > status.observed_generation {
            return Ok(RolloutStatus::NotObserved);
        }
        let late = status
            .conditions
            .iter()
            .any(|condition| &*condition.kind == "Progressing" && &*condition.reason == "ProgressDeadlineExceeded");
        Ok(if late {
            RolloutStatus::DeadlineExceeded
        } else if status.updated_replicas < spec.replicas {
            RolloutStatus::Updating { updated: status.updated_replicas, wanted: spec.replicas }
        } else if status.replicas > status.updated_replicas {
            RolloutStatus::OldPending(status.replicas - status.updated_replicas)
        } else if status.available_replicas < status.updated_replicas {
            RolloutStatus::Unavailable { available: status.available_replicas, updated: status.updated_replicas }
        } else {
            RolloutStatus::Complete
        })
    }

    /// Whether a rollout is complete; false also if there is no such Deployment.
    #[must_use]
    pub fn is_complete(&self, name: &str) -> bool {
        self.rollout_status(name) == Ok(RolloutStatus::Complete)
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::not_found(wavetank_store::writes::DEPLOYMENTS, split(name).1)
}

/// The revision number in a set's annotation; 0 if there is none that can be read.
pub(crate) fn revision_of(set: &ReplicaSet) -> i64 {
    set.meta.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A template with its JSON edited.
fn edited(template: &PodTemplate, edit: impl FnOnce(&mut serde_json::Value)) -> Result<Arc<PodTemplate>, Error> {
    let mut value = template.value.clone();
    edit(&mut value);
    pod_template(&value).map(Arc::new).map_err(|error| Error::Unreadable(error.to_string()))
}
