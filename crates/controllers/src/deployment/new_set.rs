//! Finding or creating the ReplicaSet of the current template.
//!
//! Follows `getAllReplicaSetsAndSyncRevision` and `getNewReplicaSet` in `sync.go`.

use super::annotations;
use super::history::max_revision;
use super::limits::new_set_size;
use super::progress::{PROGRESSING, condition, find_condition, has_progress_deadline, set_condition};
use super::sets::{SetInHand, Sets, replica_count};
use super::sync::{NewAndOld, Sync};
use super::write::DeploymentWrite;
use std::borrow::Cow;
use std::sync::Arc;
use wavetank_model::template::POD_TEMPLATE_HASH;
use wavetank_model::{
    ConditionStatus, Deployment, EventRecord, ObjectMeta, OwnerReference, PassError, Reason, Refusal, ReplicaSet,
    ReplicaSetSpec, ReplicaSetStatus, SetKind, Text,
};

/// Longest name of a ReplicaSet.
const MAX_NAME: usize = 253;

/// The name that a new ReplicaSet of a Deployment gets: its own, cut to fit, and the hash of the template.
#[must_use]
pub fn new_set_name(deployment: &Deployment) -> String {
    set_name(&deployment.meta.name, &template_hash(deployment))
}

fn template_hash(deployment: &Deployment) -> String {
    deployment.spec.template.hash(deployment.status.collision_count)
}

fn set_name(deployment: &str, hash: &str) -> String {
    let mut end = deployment.len().min(MAX_NAME.saturating_sub(hash.len() + 1));
    while !deployment.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", &deployment[..end])
}

impl<'a> Sync<'a> {
    /// The new ReplicaSet, brought up to date or created if `create` says so, and the old ones.
    ///
    /// A pass asks more than once, and each time looks at what its cache had, not at what it wrote.
    pub(super) fn new_and_old(&mut self, sets: &[SetInHand<'a>], create: bool) -> Result<NewAndOld<'a>, PassError> {
        let written = self.pass.writes();
        let template = &self.deployment.spec.template;
        let existing = sets.iter().find(|set| set.template().means_the_same(template));
        let mut old = Sets::new();
        for set in sets.iter().filter(|set| existing.is_none_or(|new| new.meta().uid != set.meta().uid)) {
            old.push(set.clone());
        }
        let revision = max_revision(&old).wrapping_add(1);
        let new = match existing {
            Some(existing) => Some(self.bring_up_to_date(existing, revision)?),
            None if create => Some(self.create_new_set(&old, revision)?),
            None => None,
        };
        let settled = existing.is_some() && self.pass.writes() == written;
        Ok(NewAndOld { new, old, settled })
    }

    fn bring_up_to_date(&mut self, existing: &SetInHand<'a>, revision: i64) -> Result<SetInHand<'a>, PassError> {
        let mut current = existing.clone();
        let annotated = annotations::update_new_set(&self.deployment, &mut current.annotations, revision);
        current.min_ready_seconds = self.deployment.spec.min_ready_seconds;
        if annotated || existing.min_ready_seconds != current.min_ready_seconds {
            return Ok(self.update_set(existing, current)?);
        }
        let mut changed = annotations::copy_revision(&mut self.deployment, &current.annotations);
        let unknown = find_condition(&self.deployment.status, PROGRESSING).is_none();
        if has_progress_deadline(&self.deployment.spec) && unknown {
            let message = format!("Found new replica set \"{}\"", existing.meta().name);
            self.set_progressing(ConditionStatus::True, "FoundNewReplicaSet", &message);
            changed = true;
        }
        if changed {
            self.put_status()?;
        }
        Ok(current)
    }

    fn create_new_set(&mut self, old: &[SetInHand<'a>], revision: i64) -> Result<SetInHand<'a>, PassError> {
        let mut set = new_set(&self.deployment);
        set.spec.replicas = new_set_size(&self.deployment.spec, replica_count(old), 0)?;
        let mut annotations = Cow::Owned(set.meta.annotations);
        annotations::update_new_set(&self.deployment, &mut annotations, revision);
        annotations::set_replicas(&mut annotations, self.deployment.spec.replicas, self.max_replicas());
        set.meta.annotations = annotations.into_owned();

        let (name, replicas) = (set.meta.name.clone(), set.spec.replicas);
        let has_deadline = has_progress_deadline(&self.deployment.spec);
        let (made, created) = match self.pass.put(DeploymentWrite::Create(Box::new(set.clone()))) {
            Ok(number) => (SetInHand::made(set, number), true),
            Err(refusal) if refusal.reason == Reason::AlreadyExists => (self.already_made(&name, refusal)?, false),
            Err(refusal) => return Err(self.creation_refused(&name, refusal).into()),
        };
        if created && replicas > 0 {
            self.record_scaling(Text::scaled(&name, 0, replicas));
        }
        let mut changed = annotations::set_revision(&mut self.deployment, &revision.to_string());
        if created && has_deadline {
            let message = format!("Created new replica set \"{name}\"");
            self.set_progressing(ConditionStatus::True, "NewReplicaSetCreated", &message);
            changed = true;
        }
        if changed {
            self.put_status()?;
        }
        Ok(made)
    }

    /// The name is taken. If that is by the very set that was to be made, all is well; else the next
    /// pass tries another name.
    fn already_made(&mut self, name: &str, refusal: Refusal) -> Result<SetInHand<'a>, Refusal> {
        let Some(taken) = self.inputs.taken else {
            return Err(Refusal::not_found("replicaset.apps", name));
        };
        let owned = taken.set.meta.controller().is_some_and(|owner| owner.uid == self.deployment.meta.uid);
        if owned && taken.set.spec.template.means_the_same(&self.deployment.spec.template) {
            return Ok(SetInHand::seen(taken));
        }
        let count = self.deployment.status.collision_count.unwrap_or_default();
        self.deployment.to_mut().status.collision_count = Some(count.wrapping_add(1));
        // The error is that the name is taken, whatever becomes of this write.
        let _ = self.put_status();
        Err(refusal)
    }

    /// Tells why the set could not be created, unless the namespace goes anyway.
    fn creation_refused(&mut self, name: &str, refusal: Refusal) -> Refusal {
        if !refusal.is_namespace_terminating() {
            let message = format!("Failed to create new replica set \"{name}\": {refusal}");
            if has_progress_deadline(&self.deployment.spec) {
                self.set_progressing(ConditionStatus::False, "ReplicaSetCreateError", &message);
                // The error is the refusal, whatever becomes of this write.
                let _ = self.put_status();
            }
            self.pass.record(EventRecord::warning("ReplicaSetCreateError", message));
        }
        refusal
    }

    /// Sets the Progressing condition of the Deployment in hand.
    pub(super) fn set_progressing(&mut self, status: ConditionStatus, reason: &str, message: &str) {
        let condition = condition(PROGRESSING, status, reason, message, self.inputs.now);
        set_condition(&mut self.deployment.to_mut().status, condition);
    }
}

/// A ReplicaSet of the current template, of size 0 and without annotations.
fn new_set(deployment: &Deployment) -> ReplicaSet {
    let hash = template_hash(deployment);
    let template = deployment.spec.template.with_label(POD_TEMPLATE_HASH, &hash);
    let mut selector = deployment.spec.selector.clone();
    selector.match_labels.set(POD_TEMPLATE_HASH, &hash);
    let owner = OwnerReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: deployment.meta.name.clone(),
        uid: deployment.meta.uid,
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    ReplicaSet {
        kind: SetKind::ReplicaSet,
        meta: ObjectMeta {
            name: set_name(&deployment.meta.name, &hash).into(),
            namespace: deployment.meta.namespace.clone(),
            labels: template.labels.clone(),
            owners: vec![owner],
            ..ObjectMeta::default()
        },
        spec: ReplicaSetSpec {
            replicas: 0,
            min_ready_seconds: deployment.spec.min_ready_seconds,
            selector,
            template: Arc::new(template),
        },
        status: ReplicaSetStatus::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_so_that_the_hash_fits() {
        assert_eq!(set_name("web", "abc"), "web-abc");
        let name = set_name(&"a".repeat(250), "0123456789");
        assert_eq!((name.len(), &name[242..]), (253, "-0123456789"));
    }
}
