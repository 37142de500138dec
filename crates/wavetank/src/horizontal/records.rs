//! What is known of autoscalers between their passes.

use crate::horizontal::view::Listed;
use crate::passes::work_queue::Place;
use crate::verbs::scale::{Found, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_controllers::horizontal::{AutoscalerMemory, AutoscalerName};
use wavetank_engine::{Ticket, Time};
use wavetank_model::DocumentKey;
use wavetank_model::horizontal::HorizontalSpec;
use wavetank_store::CohortId;

/// Number of a name under which autoscalers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AutoscalerId(u32);

impl Place for AutoscalerId {
    fn place(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

/// What is known, by number. Numbers are not given twice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Records(Vec<Option<Box<Record>>>);

impl Records {
    pub(crate) fn add(&mut self, record: Record) -> AutoscalerId {
        // Four thousand million names are more than fit into memory.
        let id = AutoscalerId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(Some(Box::new(record)));
        id
    }

    pub(crate) fn get(&self, id: AutoscalerId) -> Option<&Record> {
        self.0.get(id.place()?)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: AutoscalerId) -> Option<&mut Record> {
        self.0.get_mut(id.place()?)?.as_deref_mut()
    }

    pub(crate) fn remove(&mut self, id: AutoscalerId) -> Option<Box<Record>> {
        self.0.get_mut(id.place()?)?.take()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.0.iter_mut().filter_map(Option::as_deref_mut)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// What is known under a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: AutoscalerName,
    /// The autoscaler that has the name now.
    pub(crate) document: Option<DocumentKey>,
    pub(crate) memory: AutoscalerMemory,
    /// When its next pass is due.
    pub(crate) waiting: Option<(Time, Ticket)>,
    #[serde(skip)]
    pub(crate) known: Known,
}

impl Record {
    pub(crate) fn new(name: &AutoscalerName) -> Self {
        let (memory, known) = (AutoscalerMemory::default(), Known::default());
        Self { name: name.clone(), document: None, memory, waiting: None, known }
    }
}

/// What a pass found out and the next one need not, as long as nothing has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The target of a spec.
    pub(crate) target: Option<(Arc<HorizontalSpec>, Option<Target>)>,
    /// Where the target is, and how its selector is spelled.
    pub(crate) found: Found,
    /// Which pods are the target's.
    pub(crate) picked: Option<PickedPods>,
    /// The pods, and how often any of them had been seen to change.
    pub(crate) listed: Option<(u64, Arc<Listed>)>,
}

/// The pods that a selector picks, as long as no cohort and no group comes.
#[derive(Clone, Debug)]
pub(crate) struct PickedPods {
    pub(crate) spelled: Arc<str>,
    /// How many cohorts there were, and groups of the pipeline.
    pub(crate) among: (usize, usize),
    pub(crate) cohorts: Arc<BTreeSet<CohortId>>,
    /// Groups of the pipeline that have any of the pods.
    pub(crate) groups: Arc<[usize]>,
    /// Whether they were nobody else's, and how often the selectors of autoscalers had changed then.
    pub(crate) uncontested: Option<(u64, bool)>,
}
