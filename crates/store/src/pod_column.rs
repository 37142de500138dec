//! What others keep of each pod, beside the store's own records.

use crate::pages::Pages;
use crate::pod_arena::{PodRecord, index_of};
use crate::store::Store;
use serde::{Deserialize, Serialize};
use wavetank_model::PodKey;

/// A value for each pod; the default one stands for none.
///
/// It lies where the pod's record does, and has no key of its own: a key is held against the store, so that
/// one which has outlived its pod finds nothing. A value that is no longer wanted must be cleared before its
/// pod is gone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PodColumn<T> {
    values: Pages<T>,
}

impl<T: Copy + Default> PodColumn<T> {
    /// A column without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a pod.
    #[must_use]
    #[inline]
    pub fn get(&self, store: &Store, key: PodKey) -> Option<&T> {
        self.values.get(index_of(key)).filter(|_| store.pods.contains(key))
    }

    /// The value of a pod, to be changed.
    #[inline]
    pub fn get_mut(&mut self, store: &Store, key: PodKey) -> Option<&mut T> {
        self.values.get_mut(index_of(key)).filter(|_| store.pods.contains(key))
    }

    /// The value of a pod that was just looked up, to be changed.
    #[inline]
    pub fn of_mut(&mut self, pod: &PodRecord<'_>) -> Option<&mut T> {
        self.values.get_mut(pod.index())
    }

    /// Gives a pod of the store a value.
    pub fn set(&mut self, key: PodKey, value: T) {
        let index = index_of(key);
        if let Some(place) = self.values.get_mut(index) {
            *place = value;
            return;
        }
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        while self.values.len() < place {
            self.values.push(T::default());
        }
        self.values.push(value);
    }

    /// Takes a pod's value away.
    pub fn clear(&mut self, key: PodKey) {
        if let Some(place) = self.values.get_mut(index_of(key)) {
            *place = T::default();
        }
    }
}
