//! Whose ReplicaSets are whose.

use super::sets::{SetInHand, Sets, by_creation};
use super::sync::Sync;
use super::write::{DeploymentWrite, SetSeen};
use crate::claim::claim_error;
use smallvec::SmallVec;
use std::sync::Arc;
use wavetank_model::{PassError, Reason, Refusal, Selector};

/// What a ReplicaSet is to a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// Controlled and selected.
    Owned,
    /// Controlled and not selected.
    Stray,
    /// Selected, without a controller, not being deleted.
    Orphan,
    /// None of its business.
    Foreign,
}

impl<'a> Sync<'a> {
    /// The ReplicaSets that are the Deployment's once orphans are adopted and strays released, oldest
    /// first. Every claim is tried, in order of names; then all errors are returned as one.
    pub(super) fn claim_sets(&mut self) -> Result<Sets<'a>, PassError> {
        let selector = self.deployment.spec.selector.compiled().map_err(|error| {
            let meta = &self.deployment.meta;
            let text = format!("deployment {}/{} has invalid label selector: {error}", meta.namespace, meta.name);
            PassError::Stuck(text.into())
        })?;
        let sets: &'a [SetSeen] = self.inputs.sets;
        let mut claimed = Sets::new();
        let mut open = SmallVec::<[(Bond, &'a SetSeen); 2]>::new();
        for seen in sets {
            match self.bond(&selector, seen) {
                Bond::Owned => claimed.push(SetInHand::seen(seen)),
                bond @ (Bond::Stray | Bond::Orphan) => open.push((bond, seen)),
                Bond::Foreign => {}
            }
        }
        if !open.is_empty() {
            open.sort_by(|(_, a), (_, b)| a.set.meta.name.cmp(&b.set.meta.name));
            self.settle(&open, &mut claimed)?;
        }
        if !claimed.is_sorted_by(|a, b| by_creation(a, b).is_le()) {
            claimed.sort_by(by_creation);
        }
        Ok(claimed)
    }

    /// Adopts orphans and releases strays.
    fn settle(&mut self, open: &[(Bond, &'a SetSeen)], claimed: &mut Sets<'a>) -> Result<(), PassError> {
        let mut owner = None;
        let mut errors = Vec::new();
        for &(bond, seen) in open {
            let adopted = if bond == Bond::Orphan { self.adopt(seen, &mut owner) } else { self.release(seen) };
            match adopted {
                Ok(true) => claimed.push(SetInHand::seen(seen)),
                Ok(false) => {}
                Err(error) => errors.push(error),
            }
        }
        claim_error(errors).map_or(Ok(()), Err)
    }

    /// A Deployment that is being deleted neither adopts nor releases.
    fn bond(&self, selector: &Selector, seen: &SetSeen) -> Bond {
        let meta = &seen.set.meta;
        let selected = selector.matches(&meta.labels);
        let leaving = self.deployment.meta.is_terminating();
        match meta.controller() {
            Some(owner) if owner.uid != self.deployment.meta.uid => Bond::Foreign,
            Some(_) if selected => Bond::Owned,
            Some(_) if !leaving => Bond::Stray,
            None if selected && !leaving && !meta.is_terminating() => Bond::Orphan,
            _ => Bond::Foreign,
        }
    }

    fn adopt(&mut self, seen: &SetSeen, owner: &mut Option<Result<(), Refusal>>) -> Result<bool, Arc<str>> {
        let confirmed = owner.get_or_insert_with(|| self.pass.put(DeploymentWrite::ConfirmOwner).map(|_| ()));
        if let Err(refusal) = confirmed {
            let meta = &seen.set.meta;
            let text = format!("can't adopt ReplicaSet {}/{} ({}): {refusal}", meta.namespace, meta.name, meta.uid);
            return Err(text.into());
        }
        match self.pass.put(DeploymentWrite::Adopt(seen.key)) {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.reason == Reason::NotFound => Ok(false),
            Err(refusal) => Err(refusal.message),
        }
    }

    /// Answers that the set is not one of the Deployment's.
    fn release(&mut self, seen: &SetSeen) -> Result<bool, Arc<str>> {
        match self.pass.put(DeploymentWrite::Release(seen.key)) {
            Err(refusal) if !matches!(refusal.reason, Reason::NotFound | Reason::Invalid) => Err(refusal.message),
            _ => Ok(false),
        }
    }
}
