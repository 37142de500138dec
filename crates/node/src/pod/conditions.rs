//! The conditions that the kubelet sets.
//!
//! Source: `pkg/kubelet/status/generate.go`.

use super::phase::RESTARTING_ALL;
use super::status::{ContainerState, ContainerStatus, named};
use std::sync::Arc;
use wavetank_model::{ConditionStatus, Phase, PodCondition, TemplateFacts};

/// A condition without a time: the caller knows when its status changed last.
fn condition(kind: &str, holds: bool, reason: &str, message: String) -> PodCondition {
    PodCondition {
        kind: kind.into(),
        status: if holds { ConditionStatus::True } else { ConditionStatus::False },
        last_transition: None,
        reason: reason.into(),
        message: message.into(),
    }
}

fn bracketed(names: &[Arc<str>]) -> String {
    format!("[{}]", names.join(" "))
}

/// What is wrong with the containers, for people.
fn complaints(unknown: &[Arc<str>], other: &[Arc<str>], word: &str) -> String {
    let mut parts = Vec::new();
    if !unknown.is_empty() {
        parts.push(format!("containers with unknown status: {}", bracketed(unknown)));
    }
    if !other.is_empty() {
        parts.push(format!("containers with {word} status: {}", bracketed(other)));
    }
    parts.join(", ")
}

/// `ContainersReady`. Statuses: of init containers and containers; absent if none is known at all.
#[must_use]
pub fn containers_ready(facts: &TemplateFacts, statuses: Option<&[ContainerStatus]>, phase: Phase) -> PodCondition {
    const KIND: &str = "ContainersReady";
    let Some(statuses) = statuses else {
        return condition(KIND, false, "UnknownContainerStatuses", String::new());
    };
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    let sidecars = facts.init_containers.iter().filter(|container| container.is_restartable_init());
    for container in sidecars.chain(&facts.containers) {
        match named(statuses, &container.name) {
            None => unknown.push(Arc::clone(&container.name)),
            Some(status) if !status.ready => unready.push(Arc::clone(&container.name)),
            Some(_) => {}
        }
    }
    if phase == Phase::Succeeded && unknown.is_empty() {
        return condition(KIND, false, "PodCompleted", String::new());
    }
    if phase == Phase::Failed {
        return condition(KIND, false, "PodFailed", String::new());
    }
    let message = complaints(&unknown, &unready, "unready");
    if message.is_empty() {
        return condition(KIND, true, "", message);
    }
    condition(KIND, false, "ContainersNotReady", message)
}

/// `Ready`: the containers are ready and the readiness gates are open, which `others` tells.
#[must_use]
pub fn ready(
    facts: &TemplateFacts,
    others: &[PodCondition],
    statuses: Option<&[ContainerStatus]>,
    phase: Phase,
) -> PodCondition {
    let containers = containers_ready(facts, statuses, phase);
    let kind: Arc<str> = "Ready".into();
    if containers.status != ConditionStatus::True {
        return PodCondition { kind, ..containers };
    }
    let closed: Vec<String> = facts
        .readiness_gates
        .iter()
        .filter_map(|gate| match others.iter().find(|condition| condition.kind == *gate) {
            None => Some(format!("corresponding condition of pod readiness gate \"{gate}\" does not exist.")),
            Some(condition) if condition.status != ConditionStatus::True => {
                Some(format!("the status of pod readiness gate \"{gate}\" is not \"True\", but {}", condition.status))
            }
            Some(_) => None,
        })
        .collect();
    if closed.is_empty() {
        return PodCondition { kind, ..containers };
    }
    condition("Ready", false, "ReadinessGatesNotReady", closed.join(", "))
}

/// Whether any regular container runs or has just ended, or is being restarted with all others.
fn any_regular_started(facts: &TemplateFacts, statuses: &[ContainerStatus]) -> bool {
    let mut known = facts.containers.iter().filter_map(|container| named(statuses, &container.name));
    known.any(|status| {
        let restarts_in_place = status.last.terminated().is_some_and(|ended| &*ended.reason == RESTARTING_ALL);
        restarts_in_place || matches!(status.state, ContainerState::Running { .. } | ContainerState::Terminated(_))
    })
}

/// `Initialized`.
#[must_use]
pub fn initialized(facts: &TemplateFacts, statuses: Option<&[ContainerStatus]>, phase: Phase) -> PodCondition {
    const KIND: &str = "Initialized";
    let statuses = match statuses {
        None if !facts.init_containers.is_empty() => {
            return condition(KIND, false, "UnknownContainerStatuses", String::new());
        }
        None => &[],
        Some(statuses) => statuses,
    };
    let (mut unknown, mut incomplete) = (Vec::new(), Vec::new());
    for container in &facts.init_containers {
        match named(statuses, &container.name) {
            None => unknown.push(Arc::clone(&container.name)),
            Some(status) => {
                let done = if container.is_restartable_init() { status.started == Some(true) } else { status.ready };
                if !done {
                    incomplete.push(Arc::clone(&container.name));
                }
            }
        }
    }
    if phase == Phase::Succeeded && unknown.is_empty() {
        return condition(KIND, true, "PodCompleted", String::new());
    }
    if any_regular_started(facts, statuses) {
        return condition(KIND, true, "", String::new());
    }
    let message = complaints(&unknown, &incomplete, "incomplete");
    if message.is_empty() {
        return condition(KIND, true, "", message);
    }
    condition(KIND, false, "ContainersNotInitialized", message)
}

/// `PodReadyToStartContainers`: whether the pod has its sandbox and network.
#[must_use]
pub fn ready_to_start(has_sandbox: bool) -> PodCondition {
    condition("PodReadyToStartContainers", has_sandbox, "", String::new())
}

/// `PodScheduled`, which is true of every pod that a kubelet sees.
#[must_use]
pub fn scheduled() -> PodCondition {
    condition("PodScheduled", true, "", String::new())
}
