//! Since when the change has been known that a write tells of.

use super::{PodSeen, PodsGiven};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wavetank_engine::Time;
use wavetank_model::{Service, Uid};

/// When each pod of a Service last became ready or not, as of the last pass.
///
/// Source: `staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerTimes {
    /// Whether there was a pass, and when the Service of that pass was created.
    service: Option<Option<Time>>,
    pods: BTreeMap<Uid, Time>,
}

impl TriggerTimes {
    /// Notes what a pass is given; answers the earliest change since the last one. For a Service that is
    /// new, that is its creation. None if nothing changed that has a time.
    ///
    /// Called once for each pass, whatever becomes of it.
    pub fn note(&mut self, service: &Service, pods: PodsGiven<'_>) -> Option<Time> {
        let created = service.meta.creation;
        let known = self.service.replace(created);
        let mut earliest = created.filter(|created| known.flatten().is_none_or(|last| *created > last));
        let mut times = match pods {
            PodsGiven::All(_) => BTreeMap::new(),
            PodsGiven::Changed(_, gone) => {
                let mut times = core::mem::take(&mut self.pods);
                for pod in gone {
                    times.remove(pod);
                }
                times
            }
        };
        let (PodsGiven::All(given) | PodsGiven::Changed(given, _)) = pods;
        for PodSeen { pod, ready_since, .. } in given {
            let Some(since) = *ready_since else { continue };
            let last = times.insert(pod.uid, since).or_else(|| self.pods.get(&pod.uid).copied());
            if last.is_none_or(|last| since > last) {
                earliest = Some(earliest.map_or(since, |earliest: Time| earliest.min(since)));
            }
        }
        self.pods = times;
        if known.is_none() { created } else { earliest }
    }
}
