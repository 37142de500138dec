//! Rollback by annotation: the template of an earlier revision becomes the current one again.
//!
//! Follows `rollback.go`.

use super::annotations::{self, ROLLBACK_TO, revision};
use super::history::last_revision;
use super::sets::{SetInHand, Sets};
use super::sync::Sync;
use super::write::DeploymentWrite;
use std::sync::Arc;
use wavetank_model::template::POD_TEMPLATE_HASH;
use wavetank_model::{Base, Deployment, EventRecord, PassError};

/// Reason: there is no such revision.
const NOT_FOUND: &str = "DeploymentRollbackRevisionNotFound";

impl<'a> Sync<'a> {
    /// Takes the template of the revision asked for, and does nothing else in this pass.
    pub(super) fn rollback(&mut self, sets: &[SetInHand<'a>]) -> Result<(), PassError> {
        let all: Sets<'a> = self.new_and_old(sets, true)?.all().cloned().collect();
        let wanted = match annotations::rollback_to(&self.deployment) {
            None | Some(0) => last_revision(&all),
            Some(wanted) => wanted,
        };
        if wanted == 0 {
            self.pass.record(EventRecord::warning(NOT_FOUND, "Unable to find last revision."));
            return self.clear_rollback();
        }
        match all.iter().find(|set| revision(set) == Some(wanted)) {
            Some(set) => self.roll_back_to(set, wanted),
            None => {
                let message = "Unable to find the revision to rollback to.";
                self.pass.record(EventRecord::warning(NOT_FOUND, message));
                self.clear_rollback()
            }
        }
    }

    fn roll_back_to(&mut self, set: &SetInHand<'a>, revision: i64) -> Result<(), PassError> {
        let template = set.template();
        let name = self.deployment.meta.name.clone();
        if template.means_the_same(&self.deployment.spec.template) {
            let message = format!("The rollback revision contains the same template as current deployment \"{name}\"");
            self.pass.record(EventRecord::warning("DeploymentRollbackTemplateUnchanged", message));
            return self.clear_rollback();
        }
        let deployment = self.deployment.to_mut();
        deployment.spec.template = Arc::new(template.without_label(POD_TEMPLATE_HASH));
        let annotations = &mut deployment.meta.annotations;
        *annotations = annotations::rolled_back(annotations, &set.annotations);
        self.clear_rollback()?;
        let message = format!("Rolled back deployment \"{name}\" to revision {revision}");
        self.pass.record(EventRecord::normal("DeploymentRollback", message));
        Ok(())
    }

    /// Writes the Deployment in hand without the wish to be rolled back.
    fn clear_rollback(&mut self) -> Result<(), PassError> {
        self.deployment.to_mut().meta.annotations.remove(ROLLBACK_TO);
        let deployment = Box::new(Deployment::clone(&self.deployment));
        self.pass.put(DeploymentWrite::UpdateDeployment { base: Base::Cached, deployment })?;
        Ok(())
    }
}
