//! What can go wrong: here writes that the API server is made to refuse (quota, timeouts, a namespace
//! that is going), below [`containers`] and [`nodes`].

pub mod containers;
pub mod nodes;

use crate::cluster::Cluster;
use serde::{Deserialize, Serialize};
use wavetank_model::Refusal;

/// Which writes of controllers are refused, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRefusal {
    /// `create`, `update`, `patch` or `delete`.
    pub verb: String,
    /// Kind of the object, such as `Pod`.
    pub kind: String,
    /// `status`, or nothing for the object itself.
    pub subresource: Option<String>,
    /// Only writes to the object of this name.
    pub name: Option<String>,
    /// So many matching writes go through first.
    pub allow: u32,
    /// So many are refused after that; none: all.
    pub times: Option<u32>,
    /// The server's answer.
    pub refusal: Refusal,
}

/// The refusals in force.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WriteRefusals(Vec<WriteRefusal>);

impl WriteRefusals {
    pub(crate) fn add(&mut self, refusal: WriteRefusal) {
        self.0.push(refusal);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The refusal that meets a write, if one does. `name` is asked only if a rule names an object.
    #[inline]
    pub(crate) fn meets(
        &mut self,
        verb: &str,
        kind: &str,
        subresource: Option<&str>,
        name: impl Fn() -> std::sync::Arc<str>,
    ) -> Option<Refusal> {
        if self.0.is_empty() { None } else { self.first_that_meets(verb, kind, subresource, name) }
    }

    fn first_that_meets(
        &mut self,
        verb: &str,
        kind: &str,
        subresource: Option<&str>,
        name: impl Fn() -> std::sync::Arc<str>,
    ) -> Option<Refusal> {
        for rule in &mut self.0 {
            let same = rule.verb == verb && rule.kind == kind && rule.subresource.as_deref() == subresource;
            if !same || rule.name.as_ref().is_some_and(|wanted| **wanted != *name()) {
                continue;
            }
            if rule.allow > 0 {
                rule.allow -= 1;
                continue;
            }
            match &mut rule.times {
                Some(0) => continue,
                Some(times) => *times -= 1,
                None => {}
            }
            return Some(rule.refusal.clone());
        }
        None
    }
}

impl Cluster {
    /// From now on the API server refuses some of the controllers' writes.
    pub fn refuse_writes(&mut self, refusal: WriteRefusal) {
        self.refusals.add(refusal);
    }

    /// The API server refuses no write any more.
    pub fn stop_refusing_writes(&mut self) {
        self.refusals.clear();
    }
}
