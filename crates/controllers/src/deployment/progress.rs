//! The Progressing condition: whether a rollout gets on, and since when it does not.
//!
//! Follows `progress.go` and the conditions in `util/deployment_util.go`.

use super::sets::SetInHand;
use super::status::{calculate, cut_times};
use super::sync::{NewAndOld, Sync};
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::{
    ConditionStatus, Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, LookAgain, PassError,
    ReplicaSetCondition, Strategy,
};

/// Condition that says whether a rollout gets on.
pub(super) const PROGRESSING: &str = "Progressing";
/// Condition of a ReplicaSet that cannot create or delete pods, shown on its Deployment.
const REPLICA_FAILURE: &str = "ReplicaFailure";
/// Reason: the rollout is over.
const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// Reason: pods come and go.
const UPDATED: &str = "ReplicaSetUpdated";
/// Reason: nothing happened for too long.
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// Reason: the rollout waits.
const PAUSED: &str = "DeploymentPaused";

/// Whether a rollout can be late at all.
pub(super) fn has_progress_deadline(spec: &DeploymentSpec) -> bool {
    deadline(spec).is_some()
}

fn deadline(spec: &DeploymentSpec) -> Option<i32> {
    spec.progress_deadline_seconds.filter(|&seconds| seconds != i32::MAX)
}

/// A condition that is made now.
pub(super) fn condition(
    kind: &str,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    now: Time,
) -> DeploymentCondition {
    DeploymentCondition {
        kind: kind.into(),
        status,
        last_update: Some(now),
        last_transition: Some(now),
        reason: reason.into(),
        message: message.into(),
    }
}

/// The condition of a kind.
pub(super) fn find_condition<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().find(|condition| &*condition.kind == kind)
}

/// Puts a condition at the end, in place of its predecessor. One of the same status and reason stays
/// as it is; one of the same status keeps the time of its transition.
pub(super) fn set_condition(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(old) = find_condition(status, &condition.kind)
        && old.status == condition.status
    {
        if old.reason == condition.reason {
            return;
        }
        condition.last_transition = old.last_transition;
    }
    status.conditions.edit(|conditions| {
        conditions.retain(|known| known.kind != condition.kind);
        conditions.push(condition);
    });
}

fn remove_condition(status: &mut DeploymentStatus, kind: &str) {
    if find_condition(status, kind).is_some() {
        status.conditions.edit(|conditions| conditions.retain(|condition| &*condition.kind != kind));
    }
}

/// Whether all replicas are of the new template and available, and the status speaks of this generation.
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let replicas = deployment.spec.replicas;
    status.updated_replicas == replicas
        && status.replicas == replicas
        && status.available_replicas == replicas
        && status.observed_generation >= deployment.meta.generation
}

/// Whether more new, fewer old, more ready or more available pods are there than before.
fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let old_pods = |status: &DeploymentStatus| status.replicas.wrapping_sub(status.updated_replicas);
    new.updated_replicas > old.updated_replicas
        || old_pods(new) < old_pods(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

/// When a rollout whose condition was last updated then is late.
fn late_at(condition: &DeploymentCondition, deadline_seconds: i32) -> Time {
    condition.last_update.unwrap_or(Time::from_nanos(i64::MIN)).offset(i64::from(deadline_seconds) * 1_000_000_000)
}

/// Whether a rollout is late. Exactly at the deadline it is not yet.
fn has_timed_out(spec: &DeploymentSpec, progressing: Option<&DeploymentCondition>, now: Time) -> bool {
    let (Some(deadline), Some(condition)) = (deadline(spec), progressing) else {
        return false;
    };
    match &*condition.reason {
        NEW_SET_AVAILABLE => false,
        TIMED_OUT => true,
        _ => late_at(condition, deadline) < now,
    }
}

impl Sync<'_> {
    /// Notes that a rollout was paused or resumed, so that the time of the pause does not count.
    pub(super) fn check_paused_conditions(&mut self) -> Result<(), PassError> {
        if !has_progress_deadline(&self.deployment.spec) {
            return Ok(());
        }
        let reason = find_condition(&self.deployment.status, PROGRESSING).map(|condition| &*condition.reason);
        if reason == Some(TIMED_OUT) {
            return Ok(());
        }
        let (reason, message) = match (self.deployment.spec.paused, reason == Some(PAUSED)) {
            (true, false) => (PAUSED, "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            (true, true) | (false, false) => return Ok(()),
        };
        self.set_progressing(ConditionStatus::Unknown, reason, message);
        self.put_status()?;
        Ok(())
    }

    /// Reports how a rollout gets on; if there is nothing new, looks again when it would be late.
    pub(super) fn sync_rollout_status(&mut self, seen: &NewAndOld<'_>) -> Result<(), PassError> {
        let mut status = calculate(&self.deployment, seen, self.min_available(), self.inputs.now);
        self.judge_progress(&mut status, seen.new.as_ref());
        match seen.new.as_ref().and_then(failure).or_else(|| seen.old.iter().find_map(failure)) {
            Some(failure) => set_condition(&mut status, from_set(failure)),
            None => remove_condition(&mut status, REPLICA_FAILURE),
        }
        if status == self.deployment.status {
            let again = self.look_again_if_stuck(&status, find_condition(&status, PROGRESSING));
            self.look_again(again);
            return Ok(());
        }
        cut_times(&mut status);
        let rest = self.rest_after(&status);
        self.put_cut_status(status)?;
        if let Some(again) = rest {
            self.pass.rest(again);
        }
        Ok(())
    }

    /// What the next pass asks for if this status, as it is written, is all that changes.
    ///
    /// It finds the same ReplicaSets, so it sizes none, and works out the same status again, unless the
    /// rollout is complete by now and old revisions go, or late. Where pods that have not ended decide,
    /// the ReplicaSets do not tell all.
    fn rest_after(&self, status: &DeploymentStatus) -> Option<LookAgain> {
        let spec = &self.deployment.spec;
        let progressing = find_condition(status, PROGRESSING);
        let waits = matches!(spec.strategy, Strategy::RollingUpdate(_))
            && self.pass.is_idle()
            && !is_complete(&self.deployment, status)
            && !has_timed_out(spec, progressing, self.inputs.now);
        waits.then(|| self.look_again_if_stuck(status, progressing))
    }

    fn judge_progress(&self, status: &mut DeploymentStatus, new: Option<&SetInHand<'_>>) {
        if !has_progress_deadline(&self.deployment.spec) {
            remove_condition(status, PROGRESSING);
            return;
        }
        let current = find_condition(&self.deployment.status, PROGRESSING);
        let is_over = current.is_some_and(|condition| &*condition.reason == NEW_SET_AVAILABLE);
        if is_over && status.replicas == status.updated_replicas {
            return;
        }
        let (kind, name) = match new {
            Some(new) => ("ReplicaSet", &new.meta().name),
            None => ("Deployment", &self.deployment.meta.name),
        };
        let now = self.inputs.now;
        if is_complete(&self.deployment, status) {
            let message = format!("{kind} \"{name}\" has successfully progressed.");
            set_condition(status, condition(PROGRESSING, ConditionStatus::True, NEW_SET_AVAILABLE, &message, now));
        } else if is_progressing(&self.deployment.status, status) {
            // Progress is news even if the reason stays, so the old condition makes way; a transition
            // it is only if it did not hold before. What would be written as it stands is left alone:
            // many pods turn ready in one second.
            let holding = current.filter(|current| current.status == ConditionStatus::True);
            let says_so = |last: &DeploymentCondition| {
                holding.is_some_and(|holding| core::ptr::eq(holding, last) || holding == last)
                    && &*last.reason == UPDATED
                    && last.last_update == Some(now.floor_second())
                    && is_said_of(&last.message, kind, name, " is progressing.")
            };
            if !status.conditions.last().is_some_and(says_so) {
                let message = format!("{kind} \"{name}\" is progressing.");
                let mut fresh = condition(PROGRESSING, ConditionStatus::True, UPDATED, &message, now);
                fresh.last_transition = holding.map_or(Some(now), |holding| holding.last_transition);
                remove_condition(status, PROGRESSING);
                set_condition(status, fresh);
            }
        } else if has_timed_out(&self.deployment.spec, find_condition(status, PROGRESSING), now) {
            let message = format!("{kind} \"{name}\" has timed out progressing.");
            set_condition(status, condition(PROGRESSING, ConditionStatus::False, TIMED_OUT, &message, now));
        }
    }

    /// When a rollout that did not move must be looked at again, to be found late.
    fn look_again_if_stuck(&self, status: &DeploymentStatus, progressing: Option<&DeploymentCondition>) -> LookAgain {
        let (Some(deadline), Some(condition)) = (deadline(&self.deployment.spec), progressing) else {
            return LookAgain::No;
        };
        if is_complete(&self.deployment, status) || &*condition.reason == TIMED_OUT {
            return LookAgain::No;
        }
        let left = late_at(condition, deadline).since(self.inputs.now);
        if left < Duration::from_secs(1) {
            return LookAgain::RateLimited;
        }
        LookAgain::After(left + Duration::from_secs(1))
    }
}

/// Whether a message is `KIND "NAME"` and some words.
fn is_said_of(message: &str, kind: &str, name: &str, words: &str) -> bool {
    let of_name = || message.strip_prefix(kind)?.strip_prefix(" \"")?.strip_suffix(words)?.strip_suffix('"');
    message.len() == kind.len() + name.len() + words.len() + 3 && of_name() == Some(name)
}

/// The failure condition of a ReplicaSet.
fn failure<'s>(set: &'s SetInHand<'_>) -> Option<&'s ReplicaSetCondition> {
    set.status().conditions.iter().find(|condition| &*condition.kind == REPLICA_FAILURE)
}

fn from_set(condition: &ReplicaSetCondition) -> DeploymentCondition {
    DeploymentCondition {
        kind: condition.kind.clone(),
        status: condition.status,
        last_update: condition.last_transition,
        last_transition: condition.last_transition,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_000);

    fn progressing(status: ConditionStatus, reason: &str, at: Time) -> DeploymentCondition {
        condition(PROGRESSING, status, reason, "", at)
    }

    fn with(condition: DeploymentCondition) -> DeploymentStatus {
        DeploymentStatus { conditions: vec![condition].into(), ..DeploymentStatus::default() }
    }

    #[test]
    fn a_condition_of_the_same_status_and_reason_stays_as_it_is() {
        let old = progressing(ConditionStatus::True, "ReplicaSetUpdated", Time::ZERO);
        let mut status = with(old.clone());
        set_condition(&mut status, progressing(ConditionStatus::True, "ReplicaSetUpdated", NOW));
        assert_eq!(*status.conditions, [old]);
    }

    #[test]
    fn a_condition_of_the_same_status_keeps_its_transition_and_moves_to_the_end() {
        let mut status = with(progressing(ConditionStatus::True, "ReplicaSetUpdated", Time::ZERO));
        let available = condition("Available", ConditionStatus::True, "", "", Time::ZERO);
        status.conditions.edit(|conditions| conditions.push(available));
        set_condition(&mut status, progressing(ConditionStatus::True, NEW_SET_AVAILABLE, NOW));
        let last = status.conditions.last().map(|last| (&*last.reason, last.last_transition, last.last_update));
        assert_eq!(last, Some((NEW_SET_AVAILABLE, Some(Time::ZERO), Some(NOW))));
    }

    #[test]
    fn a_rollout_is_late_only_after_its_deadline() {
        let update = progressing(ConditionStatus::True, "ReplicaSetUpdated", NOW);
        assert_eq!(late_at(&update, 600), Time::from_seconds(1_600));
        assert_eq!(late_at(&update, 0), NOW);
    }

    #[test]
    fn fewer_old_pods_are_progress_as_much_as_more_new_ones() {
        let old = DeploymentStatus { replicas: 5, updated_replicas: 2, ..DeploymentStatus::default() };
        let fewer = DeploymentStatus { replicas: 4, ..old.clone() };
        assert!(is_progressing(&old, &fewer));
        assert!(!is_progressing(&old, &old));
        assert!(!is_progressing(&fewer, &old));
    }
}
