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
    /// By namespace and name.
    all: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Learned>>,
    /// Names by namespace, key and value.
    by_value: BTreeMap<Arc<str>, BTreeMap<Arc<str>, ByValue>>,
}

/// Names of autoscalers by the value of a label.
type ByValue = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// A selector, and how it is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Learned {
    selector: Selector,
    spelled: Arc<str>,
}

impl Selectors {
    /// Learns the selector of an autoscaler, in place of what was known.
    pub fn put(&mut self, name: &AutoscalerName, selector: &Selector) {
        if self.known(&name.0, &name.1).is_some_and(|known| known.selector == *selector) {
            return;
        }
        self.remove(name);
        let (key, value) = handle(selector);
        let by_key = self.by_value.entry(Arc::clone(&name.0)).or_default();
        by_key.entry(key).or_default().entry(value).or_default().insert(Arc::clone(&name.1));
        let learned = Learned { selector: selector.clone(), spelled: selector.to_string().into() };
        self.all.entry(Arc::clone(&name.0)).or_default().insert(Arc::clone(&name.1), learned);
    }

    /// Forgets an autoscaler.
    pub fn remove(&mut self, name: &AutoscalerName) {
        let Some(known) = self.all.get_mut(&name.0).and_then(|names| names.remove(&name.1)) else { return };
        let (key, value) = handle(&known.selector);
        let Some(by_value) = self.by_value.get_mut(&name.0).and_then(|by_key| by_key.get_mut(&key)) else { return };
        if let Some(names) = by_value.get_mut(&value) {
            names.remove(&name.1);
            if names.is_empty() {
                by_value.remove(&value);
            }
        }
    }

    fn known(&self, namespace: &str, name: &str) -> Option<&Learned> {
        self.all.get(namespace)?.get(name)
    }

    /// The selector of an autoscaler, if it is known and spelled like this.
    #[must_use]
    pub fn learned(&self, namespace: &str, name: &str, spelled: &str) -> Option<&Selector> {
        self.known(namespace, name).filter(|known| *known.spelled == *spelled).map(|known| &known.selector)
    }

    /// The selector of an autoscaler, if it is known.
    #[must_use]
    pub fn of(&self, namespace: &str, name: &str) -> Option<&Selector> {
        self.known(namespace, name).map(|known| &known.selector)
    }

    /// Whether the selector of an autoscaler is known, spelled like this, and no other autoscaler of its
    /// namespace picks pods with any of these labels.
    pub fn leave_alone<'a>(
        &self,
        (namespace, name): (&str, &str),
        spelled: &str,
        mut label_sets: impl Iterator<Item = &'a StringMap>,
    ) -> bool {
        self.learned(namespace, name, spelled).is_some()
            && label_sets.all(|labels| {
                let mut is_alone = true;
                self.selecting(namespace, labels, |other| is_alone &= **other == *name);
                is_alone
            })
    }

    /// Tells the names of the autoscalers of a namespace whose selectors pick pods with these labels.
    pub fn selecting(&self, namespace: &str, labels: &StringMap, mut tell: impl FnMut(&Arc<str>)) {
        let Some(by_key) = self.by_value.get(namespace) else { return };
        let named = labels.iter().chain([("", "")]);
        for name in named.filter_map(|(key, value)| by_key.get(key)?.get(value)).flatten() {
            if self.known(namespace, name).is_some_and(|known| known.selector.matches(labels)) {
                tell(name);
            }
        }
    }
}

/// A label and its value that a selector insists on, or two empty texts.
fn handle(selector: &Selector) -> (Arc<str>, Arc<str>) {
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
    insisting.unwrap_or_else(|| ("".into(), "".into()))
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
        let named = |(namespace, names): (Arc<str>, BTreeMap<Arc<str>, Learned>)| {
            names.into_iter().map(move |(name, known)| ((Arc::clone(&namespace), name), known.selector))
        };
        selectors.all.into_iter().flat_map(named).collect()
    }
}
