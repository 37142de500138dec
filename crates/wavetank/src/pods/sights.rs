//! What the kubelet and the scheduler record about pods.

use crate::cluster::Cluster;
use crate::history::log::{Component, Entry, Happening, LogLevel, ObjectRef};
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::{EventKind, EventRecord, PodKey, TemplateFacts};
use wavetank_node::pod::{KubeletEvent, Sight, Witness};
use wavetank_node::{PodRun, Stage};

/// What happened to the process of a pod's first container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Starts,
    IsAskedToStop,
    Exits,
}

/// Collects the events that a machine records, if anybody keeps them, and what its process does.
pub(crate) struct Onlooker<'a> {
    wanted: bool,
    /// When and what.
    pub(crate) moves: Vec<(Time, Move)>,
    facts: &'a TemplateFacts,
    /// When, about which part of the pod, and what.
    pub(crate) events: Vec<(Time, String, EventRecord)>,
}

impl<'a> Onlooker<'a> {
    pub(crate) const fn new(wanted: bool, facts: &'a TemplateFacts) -> Self {
        Self { wanted, moves: Vec::new(), facts, events: Vec::new() }
    }
}

impl Witness for Onlooker<'_> {
    fn see(&mut self, at: Time, sight: Sight<'_>) {
        let (name, what) = match sight {
            Sight::Start { container, .. } => (container, Move::Starts),
            Sight::Stop { container, .. } => (container, Move::IsAskedToStop),
            Sight::Exit { container, .. } => (container, Move::Exits),
            Sight::Event { container, event } => {
                if self.wanted {
                    let about = container.map(|number| field_path(self.facts, number)).unwrap_or_default();
                    self.events.push((at, about, worded(event)));
                }
                return;
            }
            Sight::Pull { .. }
            | Sight::Delete { .. }
            | Sight::Probe { .. }
            | Sight::Result { .. }
            | Sight::Status(_) => return,
        };
        if self.facts.containers.first().is_some_and(|first| *first.name == *name) {
            self.moves.push((at, what));
        }
    }
}

/// A container as events name it, by its number.
fn field_path(facts: &TemplateFacts, container: usize) -> String {
    let (list, spec) = match container.checked_sub(facts.init_containers.len()) {
        Some(index) => ("containers", facts.containers.get(index)),
        None => ("initContainers", facts.init_containers.get(container)),
    };
    spec.map_or_else(String::new, |spec| format!("spec.{list}{{{}}}", spec.name))
}

fn worded(event: &KubeletEvent<'_>) -> EventRecord {
    EventRecord {
        kind: if event.is_warning() { EventKind::Warning } else { EventKind::Normal },
        reason: event.reason().into(),
        message: event.message().into(),
    }
}

impl Cluster {
    /// Records an event about a pod or a part of it.
    pub(crate) fn record_of_pod(
        &mut self,
        key: PodKey,
        source: Component,
        field_path: &str,
        time: Time,
        event: EventRecord,
    ) {
        if self.history.level < LogLevel::Objects {
            return;
        }
        let Some(pod) = self.store.pod(key) else { return };
        let about = ObjectRef {
            kind: "Pod".into(),
            namespace: self.store.pod_namespace(&pod),
            name: self.store.pod_name(&pod),
            uid: pod.uid(),
            field_path: field_path.into(),
        };
        self.history.push(Entry { time, what: Happening::Event { about, event, source } });
    }

    /// The scheduler has bound a pod.
    #[inline]
    pub(crate) fn record_binding(&mut self, key: PodKey, node: u32) {
        if self.history.level >= LogLevel::Objects && self.has_kubelets() {
            self.record_scheduled(key, node);
        }
    }

    fn record_scheduled(&mut self, key: PodKey, node: u32) {
        let Some(pod) = self.store.pod(key) else { return };
        let name = format!("{}/{}", self.store.pod_namespace(&pod), self.store.pod_name(&pod));
        let message = format!("Successfully assigned {name} to {}", self.store.node(node).name);
        self.record_of_pod(key, Component::Scheduler, "", self.now, EventRecord::normal("Scheduled", message));
    }

    /// What a kubelet records as a plain pod comes from one stage to the next.
    #[inline]
    pub(crate) fn record_stage(&mut self, key: PodKey, before: Stage, after: Stage) {
        if self.history.level >= LogLevel::Objects && self.has_kubelets() && !self.has_faked_nodes() {
            self.record_change_of_stage(key, before, after);
        }
    }

    fn record_change_of_stage(&mut self, key: PodKey, before: Stage, after: Stage) {
        let Some(pod) = self.store.pod(key) else { return };
        let Some(node) = pod.state().node else { return };
        let template = self.store.template_of(&pod);
        let Some(container) = template.facts.containers.first() else { return };
        let path = format!("spec.containers{{{}}}", container.name);
        let image = std::sync::Arc::clone(&container.image);
        let stopping = format!("Stopping container {}", container.name);
        let took = self.pod_run(key).and_then(PodRun::bound).map_or(Duration::ZERO, |bound| self.now.since(bound));
        let pulled = KubeletEvent::Pulled { image: &image, took, size: 0 };
        let events: &[KubeletEvent<'_>] = match (before, after) {
            (Stage::Unbound, Stage::Pulling { .. }) => &[KubeletEvent::Pulling(&image)],
            (Stage::Pulling { .. }, Stage::Starting { .. }) => &[pulled],
            (Stage::Starting { .. }, Stage::Running { .. }) => &[KubeletEvent::Created, KubeletEvent::Started],
            (Stage::Running { .. }, Stage::Stopping { .. }) => &[KubeletEvent::Killing(&stopping)],
            _ => &[],
        };
        let records: Vec<EventRecord> = events.iter().map(worded).collect();
        for record in records {
            self.record_of_pod(key, Component::Kubelet(node), &path, self.now, record);
        }
    }
}
