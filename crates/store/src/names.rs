//! Keys by namespace and name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An index that is asked with borrowed names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Names<K>(BTreeMap<Arc<str>, BTreeMap<Arc<str>, K>>);

impl<K> Default for Names<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy> Names<K> {
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<K> {
        self.0.get(namespace)?.get(name).copied()
    }

    pub(crate) fn insert(&mut self, namespace: &Arc<str>, name: &Arc<str>, key: K) {
        self.0.entry(Arc::clone(namespace)).or_default().insert(Arc::clone(name), key);
    }

    pub(crate) fn remove(&mut self, namespace: &str, name: &str) {
        let Some(names) = self.0.get_mut(namespace) else { return };
        names.remove(name);
        if names.is_empty() {
            self.0.remove(namespace);
        }
    }

    /// All keys, by namespace and name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.0.values().flat_map(|names| names.values().copied())
    }
}
