//! The records of pods: one cache line each, one for each of millions.
//!
//! Restarts of sidecars and other things that hardly any pod has are kept apart. A [`PodRecord`] reads what is
//! asked for, and hides all that.

use crate::CohortId;
use crate::change::PodView;
use crate::pages::Pages;
use crate::pods::{OwnPart, PodState};
use serde::{Deserialize, Serialize};
use slotmap::{Key, KeyData};
use wavetank_engine::{Second, Time};
use wavetank_model::{Phase, PodKey, Uid};

/// Stands for no number.
const NONE: u32 = u32::MAX;

/// The bits of [`Packed::flags`]; the lowest ones are the phase.
const PHASE: u16 = 0b111;
const READY: u16 = 1 << 3;
const STORED: u16 = 1 << 4;

const PHASES: [Phase; 5] = [Phase::Pending, Phase::Unknown, Phase::Running, Phase::Succeeded, Phase::Failed];

/// The record of a pod, packed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Packed {
    pub(crate) uid: Uid,
    pub(crate) version: u64,
    created: Second,
    ready_since: Option<Second>,
    deletion: Option<Second>,
    ordinal: u32,
    template: u32,
    pub(crate) cohort: CohortId,
    node: u32,
    restarts: u32,
    /// Its place among the victims of the cohort that it was seen in, while it was seen as active. Of a free
    /// record: the next free one.
    pub(crate) place: u32,
    /// Where its own part is kept.
    own: u32,
    /// Odd while there is a pod.
    generation: u32,
    detail: u16,
    flags: u16,
}

/// What a new record holds, its state apart.
#[derive(Clone, Debug)]
pub(crate) struct NewRecord {
    pub(crate) uid: Uid,
    pub(crate) version: u64,
    pub(crate) created: Second,
    pub(crate) ordinal: u32,
    pub(crate) template: u32,
    pub(crate) cohort: CohortId,
    pub(crate) own: Option<OwnPart>,
}

/// All records. Places of pods that are gone are used again, the last one first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PodArena {
    records: Pages<Packed>,
    free: u32,
    own: Vec<Option<Box<OwnPart>>>,
    free_own: Vec<u32>,
}

impl Default for PodArena {
    fn default() -> Self {
        Self { records: Pages::default(), free: NONE, own: Vec::new(), free_own: Vec::new() }
    }
}

/// Where the record of a key lies, and of which of the pods that were there it is.
#[inline]
fn parts(key: PodKey) -> (u32, u32) {
    let bits = key.data().as_ffi();
    // Both halves fit by what they are.
    (u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(NONE), u32::try_from(bits >> 32).unwrap_or(NONE))
}

/// Where the record of a key lies.
#[inline]
pub(crate) fn index_of(key: PodKey) -> u32 {
    parts(key).0
}

#[inline]
fn key_of(index: u32, generation: u32) -> PodKey {
    KeyData::from_ffi(u64::from(generation) << 32 | u64::from(index)).into()
}

impl Packed {
    /// Puts a state in, restarts of sidecars apart.
    #[inline]
    fn pack(&mut self, state: &PodState) {
        (self.ready_since, self.deletion) = (state.ready_since, state.deletion);
        (self.node, self.restarts, self.detail) = (state.node.unwrap_or(NONE), state.restarts, state.detail);
        let ready = if state.ready { READY } else { 0 };
        self.flags = self.flags & !(PHASE | READY) | state.phase as u16 | ready;
    }

    #[inline]
    fn unpack(&self, own: Option<&OwnPart>) -> PodState {
        PodState {
            phase: PHASES.get(usize::from(self.flags & PHASE)).copied().unwrap_or_default(),
            ready: self.flags & READY != 0,
            detail: self.detail,
            ready_since: self.ready_since,
            restarts: self.restarts,
            sidecar_restarts: own.map_or(0, |own| own.sidecar_restarts),
            node: (self.node != NONE).then_some(self.node),
            deletion: self.deletion,
        }
    }
}

/// A pod as stored. Each question reads what it needs from the packed record.
#[derive(Clone, Copy, Debug)]
pub struct PodRecord<'a> {
    packed: &'a Packed,
    arena: &'a PodArena,
    index: u32,
}

impl<'a> PodRecord<'a> {
    /// Identity.
    #[must_use]
    #[inline]
    pub const fn uid(&self) -> Uid {
        self.packed.uid
    }

    /// Resource version.
    #[must_use]
    #[inline]
    pub const fn version(&self) -> u64 {
        self.packed.version
    }

    /// When it was created, a whole second.
    #[must_use]
    #[inline]
    pub fn created(&self) -> Time {
        self.packed.created.time()
    }

    /// Which creation of its owner it was, from 1; 0 for a pod created without one.
    #[must_use]
    #[inline]
    pub const fn ordinal(&self) -> u32 {
        self.packed.ordinal
    }

    /// Number of its interned template.
    #[must_use]
    #[inline]
    pub const fn template(&self) -> u32 {
        self.packed.template
    }

    /// Owner, labels and namespace, shared.
    #[must_use]
    #[inline]
    pub const fn cohort(&self) -> CohortId {
        self.packed.cohort
    }

    /// What its node keeps changing.
    #[must_use]
    #[inline]
    pub fn state(&self) -> PodState {
        self.packed.unpack(self.own())
    }

    /// Where its record lies.
    #[inline]
    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// Its place among the victims of its cohort.
    #[inline]
    pub(crate) const fn place(&self) -> u32 {
        self.packed.place
    }

    /// What its siblings do not share, if anything.
    #[must_use]
    #[inline]
    pub fn own(&self) -> Option<&'a OwnPart> {
        if self.packed.own == NONE { None } else { self.arena.own_part(self.packed.own) }
    }

    /// Whether the API server still has it.
    #[must_use]
    #[inline]
    pub const fn is_stored(&self) -> bool {
        self.packed.flags & STORED != 0
    }
}

impl PodArena {
    #[inline]
    fn record(&self, key: PodKey) -> Option<&Packed> {
        let (index, generation) = parts(key);
        self.records.get(index).filter(|record| record.generation == generation)
    }

    /// A record as it lies there, to be changed.
    #[inline]
    pub(crate) fn packed_mut(&mut self, key: PodKey) -> Option<&mut Packed> {
        let (index, generation) = parts(key);
        self.records.get_mut(index).filter(|record| record.generation == generation)
    }

    pub(crate) fn contains(&self, key: PodKey) -> bool {
        self.record(key).is_some()
    }

    /// A pod.
    #[inline]
    pub(crate) fn get(&self, key: PodKey) -> Option<PodRecord<'_>> {
        Some(PodRecord { packed: self.record(key)?, arena: self, index: index_of(key) })
    }

    fn own_part(&self, at: u32) -> Option<&OwnPart> {
        self.own.get(usize::try_from(at).ok()?)?.as_deref()
    }

    /// Adds a pod, stored; without a state it is pending, and on no node.
    pub(crate) fn insert(&mut self, new: NewRecord, state: Option<&PodState>) -> PodKey {
        let NewRecord { uid, version, created, ordinal, template, cohort, own } = new;
        let record = Packed {
            uid,
            version,
            created,
            ready_since: None,
            deletion: None,
            ordinal,
            template,
            cohort,
            node: NONE,
            restarts: 0,
            place: 0,
            own: NONE,
            generation: 1,
            detail: 0,
            flags: STORED,
        };
        let reused = self.records.get_mut(self.free).filter(|free| free.generation.is_multiple_of(2));
        let (index, generation) = if let Some(place) = reused {
            let index = core::mem::replace(&mut self.free, place.place);
            let generation = place.generation.wrapping_add(1);
            *place = Packed { generation, ..record };
            (index, generation)
        } else {
            let index = u32::try_from(self.records.len()).unwrap_or(NONE);
            self.records.push(record);
            (index, 1)
        };
        let key = key_of(index, generation);
        if let Some(own) = own {
            self.set_own(key, own);
        }
        if let Some(state) = state {
            self.edit_state(key, version, |fresh| *fresh = *state);
        }
        key
    }

    /// Lets the state of a stored pod be changed, as of a version; answers what it was and is. None: there is
    /// no such pod.
    #[inline]
    pub(crate) fn edit_state(
        &mut self,
        key: PodKey,
        version: u64,
        edit: impl FnOnce(&mut PodState),
    ) -> Option<(Uid, PodView, PodState)> {
        let (index, generation) = parts(key);
        let record = self.records.get_mut(index)?;
        if record.generation != generation || record.flags & STORED == 0 {
            return None;
        }
        let own = usize::try_from(record.own).ok().and_then(|at| self.own.get(at)?.as_deref());
        let old = record.unpack(own);
        let mut new = old;
        edit(&mut new);
        let (uid, cohort, deletion_cost) = (record.uid, record.cohort, own.map_or(0, |own| own.deletion_cost));
        if new != old {
            record.version = version;
            record.pack(&new);
        }
        if new.sidecar_restarts != old.sidecar_restarts {
            let own = own.cloned().unwrap_or_default();
            self.set_own(key, OwnPart { sidecar_restarts: new.sidecar_restarts, ..own });
        }
        Some((uid, PodView { cohort, state: old, deletion_cost }, new))
    }

    /// Gives a pod another part of its own.
    pub(crate) fn set_own(&mut self, key: PodKey, own: OwnPart) {
        let (index, generation) = parts(key);
        let Some(record) = self.records.get_mut(index).filter(|record| record.generation == generation) else { return };
        if record.own == NONE {
            record.own = self.free_own.pop().unwrap_or_else(|| {
                self.own.push(None);
                u32::try_from(self.own.len() - 1).unwrap_or(NONE)
            });
        }
        if let Some(place) = usize::try_from(record.own).ok().and_then(|at| self.own.get_mut(at)) {
            *place = Some(Box::new(own));
        }
    }

    /// The API server no longer has a pod; its record stays until that has been seen.
    pub(crate) fn unstore(&mut self, key: PodKey) {
        if let Some(record) = self.packed_mut(key) {
            record.flags &= !STORED;
        }
    }

    /// Takes a pod out.
    pub(crate) fn remove(&mut self, key: PodKey) {
        let free = self.free;
        let Some(record) = self.packed_mut(key) else { return };
        let own = core::mem::replace(&mut record.own, NONE);
        record.generation = record.generation.wrapping_add(1);
        record.place = free;
        self.free = index_of(key);
        if let Some(place) = usize::try_from(own).ok().and_then(|at| self.own.get_mut(at)) {
            *place = None;
            self.free_own.push(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pod_takes_a_cache_line() {
        assert!(size_of::<Packed>() <= 64, "{}", size_of::<Packed>());
    }

    fn times() -> impl Strategy<Value = Option<Second>> {
        let near = (-10..100_i64).prop_map(Time::from_seconds);
        let any = any::<i64>().prop_map(Time::from_nanos);
        prop::option::of(prop_oneof![8 => near, 1 => any].prop_map(Second::of))
    }

    fn states() -> impl Strategy<Value = PodState> {
        let counts = (any::<u16>(), 0..3_u32, prop_oneof![9 => Just(0), 1 => 1..3_u32]);
        let node = prop::option::of(prop_oneof![9 => 0..5_u32, 1 => Just(u32::MAX - 1)]);
        let phase = prop::sample::select(PHASES.to_vec());
        (phase, any::<bool>(), times(), times(), node, counts).prop_map(
            |(phase, ready, since, deletion, node, counts)| {
                let (detail, restarts, sidecar_restarts) = counts;
                PodState { phase, ready, detail, ready_since: since, restarts, sidecar_restarts, node, deletion }
            },
        )
    }

    proptest! {
        /// Whatever a pod is like, its record reads as it was written, beside others that come and go.
        #[test]
        fn records_give_back_what_was_put_in(
            steps in prop::collection::vec((0..40_usize, times(), states(), 0..4_u8, any::<bool>()), 0..120),
        ) {
            let mut arena = PodArena::default();
            let mut plain: Vec<(PodKey, u64, Second, PodState, Option<OwnPart>)> = Vec::new();
            let mut gone = Vec::new();
            for (uid, (which, created, state, action, has_own)) in (0..).zip(steps) {
                let created = created.unwrap_or(Second::of(Time::ZERO));
                let own = has_own.then(|| OwnPart { deletion_cost: 7, ..OwnPart::default() });
                match (action, plain.len().checked_sub(1)) {
                    (0, _) | (_, None) => {
                        let new = NewRecord {
                            uid: Uid(uid),
                            version: uid + 1,
                            created,
                            ordinal: 3,
                            template: 4,
                            cohort: CohortId(5),
                            own: own.clone(),
                        };
                        plain.push((arena.insert(new, Some(&state)), uid, created, state, own));
                    }
                    (1, Some(last)) => {
                        let (key, ..) = plain.swap_remove(which.min(last));
                        arena.remove(key);
                        gone.push(key);
                    }
                    (_, Some(last)) => {
                        let pod = &mut plain[which.min(last)];
                        let edited = arena.edit_state(pod.0, pod.1 + 1, |old| *old = state);
                        prop_assert_eq!(edited.map(|(_, old, new)| (old.state, new)), Some((pod.3, state)));
                        prop_assume!(pod.3 != state);
                        pod.3 = state;
                        if let Some(own) = own {
                            let own = OwnPart { sidecar_restarts: state.sidecar_restarts, ..own };
                            arena.set_own(pod.0, own.clone());
                            pod.4 = Some(own);
                        }
                    }
                }
                for (key, uid, created, state, own) in &plain {
                    let read = arena.get(*key).expect("it is there");
                    prop_assert_eq!((read.uid().0, read.version(), read.ordinal(), read.template()), (*uid, uid + 1, 3, 4));
                    prop_assert_eq!((read.created(), read.state()), (created.time(), *state));
                    let cost = |own: Option<&OwnPart>| own.map_or(0, |own| own.deletion_cost);
                    prop_assert_eq!(cost(read.own()), cost(own.as_ref()));
                    prop_assert_eq!((read.cohort(), read.is_stored()), (CohortId(5), true));
                }
                prop_assert!(gone.iter().all(|key| arena.get(*key).is_none()));
            }
        }
    }
}
