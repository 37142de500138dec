//! What a pass sees of the pods: numbers, claims and victims, never a list of all pods.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{PodFacts, PodKey, ReplicaSet};

/// Numbers of the pods that a set owns and selects, before the pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Active ones: not ended, not being deleted.
    pub active: u32,
    /// Active ones that carry all labels of the template.
    pub fully_labeled: u32,
    /// Active ones that are ready.
    pub ready: u32,
    /// Active ones that have been ready for `minReadySeconds`.
    pub available: u32,
    /// Being deleted, not ended.
    pub terminating: u32,
}

/// What to do about a pod whose owner and labels disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimKind {
    /// It has no controller and the set selects it.
    Adopt,
    /// The set controls it and no longer selects it.
    Release,
}

/// An active pod whose owner and labels disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What to do.
    pub kind: ClaimKind,
    /// The pod.
    pub pod: PodFacts,
    /// Its name, by which claims are ordered.
    pub name: Arc<str>,
}

/// The pods as a set has seen them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodsSeen {
    /// Owned and selected pods.
    pub tally: Tally,
    /// When the next of the owned ready pods will be available, if one is not yet.
    pub next_available: Option<Time>,
    /// Claims, in order of the names of their pods.
    pub claims: Vec<Claim>,
    /// The first [`surplus`] pods in deletion order, those to adopt ranked among the owned ones.
    /// Empty if there is no surplus; not looked at while expectations are unmet.
    pub victims: Vec<PodKey>,
}

/// How many victims a pass may ask for, if all adoptions succeed: what gathering must supply.
#[must_use]
pub fn surplus(set: &ReplicaSet, tally: &Tally, claims: &[Claim], burst: u32) -> u32 {
    if set.meta.is_terminating() {
        return 0;
    }
    let adopted = claims.iter().filter(|claim| claim.kind == ClaimKind::Adopt).count();
    let active = i64::from(tally.active) + i64::try_from(adopted).unwrap_or(i64::MAX);
    let too_many = active.saturating_sub(i64::from(set.spec.replicas));
    u32::try_from(too_many.max(0)).unwrap_or(u32::MAX).min(burst)
}
