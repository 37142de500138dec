//! Which pods autoscalers scale, so that no two fight over the same ones.

use super::memory::AutoscalerName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_model::selector::Operator;
use wavetank_model::{Selector, StringMap};

/// The selectors that passes have learned, findable by what they ask for.
///
/// A selector usually asks for one value of one label. Those are kept by key and value, so that a pod
/// with three labels is compared with the selectors of three values, however many autoscalers there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(AutoscalerName, Selector)>", into = "Vec<(AutoscalerName, Selector)>")]
pub struct Selectors {
    all: BTreeMap<AutoscalerName, Selector>,
    by_value: BTreeMap<Handle, BTreeSet<Arc<str>>>,
}

/// Namespace, and a label and its value that a selector insists on, or two empty texts.
type Handle = (Arc<str>, Arc<str>, Arc<str>);

impl Selectors {
    /// Learns the selector of an autoscaler, in place of what was known.
    pub fn put(&mut self, name: &AutoscalerName, selector: &Selector) {
        if self.all.get(name) == Some(selector) {
            return;
        }
        self.remove(name);
        self.by_value.entry(handle(&name.0, selector)).or_default().insert(Arc::clone(&name.1));
        self.all.insert(name.clone(), selector.clone());
    }

    /// Forgets an autoscaler.
    pub fn remove(&mut self, name: &AutoscalerName) {
        let Some(selector) = self.all.remove(name) else { return };
        let handle = handle(&name.0, &selector);
        if let Some(names) = self.by_value.get_mut(&handle) {
            names.remove(&name.1);
            if names.is_empty() {
                self.by_value.remove(&handle);
            }
        }
    }

    /// The autoscalers of a namespace whose selectors pick pods with these labels.
    #[must_use]
    pub fn selecting(&self, namespace: &Arc<str>, labels: &StringMap) -> BTreeSet<AutoscalerName> {
        let empty: Arc<str> = "".into();
        let handles = labels
            .iter()
            .map(|(key, value)| (Arc::clone(namespace), Arc::from(key), Arc::from(value)))
            .chain([(Arc::clone(namespace), Arc::clone(&empty), empty)]);
        let names = handles.filter_map(|handle| self.by_value.get(&handle)).flatten();
        names
            .map(|name| (Arc::clone(namespace), Arc::clone(name)))
            .filter(|name| self.all.get(name).is_some_and(|selector| selector.matches(labels)))
            .collect()
    }
}

fn handle(namespace: &Arc<str>, selector: &Selector) -> Handle {
    let insisting = selector.requirements().iter().find_map(|requirement| match requirement.operator() {
        Operator::Equals | Operator::DoubleEquals => {
            requirement.values().first().map(|value| (Arc::from(requirement.key()), Arc::clone(value)))
        }
        Operator::In
        | Operator::NotIn
        | Operator::NotEquals
        | Operator::Exists
        | Operator::DoesNotExist
        | Operator::GreaterThan
        | Operator::LessThan => None,
    });
    let (key, value) = insisting.unwrap_or_else(|| ("".into(), "".into()));
    (Arc::clone(namespace), key, value)
}

impl From<Vec<(AutoscalerName, Selector)>> for Selectors {
    fn from(pairs: Vec<(AutoscalerName, Selector)>) -> Self {
        let mut selectors = Self::default();
        for (name, selector) in &pairs {
            selectors.put(name, selector);
        }
        selectors
    }
}

impl From<Selectors> for Vec<(AutoscalerName, Selector)> {
    fn from(selectors: Selectors) -> Self {
        selectors.all.into_iter().collect()
    }
}
