//! Pods: the STATUS that stands for the states of all containers, and restarts.

use super::cells::{age, has_condition, text_or};
use super::{Column, Layout, Present};
use crate::field::Field;
use crate::now::Instant;
use serde_json::Value;

pub(super) static POD: Layout = Layout {
    columns: &[
        Column::NAME,
        Column::text("Ready"),
        Column::text("Status"),
        Column::text("Restarts"),
        Column::AGE,
        Column::wide("IP"),
        Column::wide("Node"),
        Column::wide("Nominated Node"),
        Column::wide("Readiness Gates"),
    ],
    cells: |pod, present| {
        let summary = Summary::of(pod);
        let ip = pod
            .items(&["status", "podIPs"])
            .first()
            .map_or_else(|| pod.text(&["status", "podIP"]), |ip| ip.text(&["ip"]));
        vec![
            pod.name().into(),
            format!("{}/{}", summary.ready, summary.containers).into(),
            summary.reason.clone().into(),
            summary.restarts(present).into(),
            age(pod, present),
            text_or(ip, "<none>").into(),
            text_or(pod.text(&["spec", "nodeName"]), "<none>").into(),
            text_or(pod.text(&["status", "nominatedNodeName"]), "<none>").into(),
            gates(pod).into(),
        ]
    },
};

/// What the containers of a pod come to.
struct Summary {
    reason: String,
    ready: usize,
    containers: usize,
    restarts: i64,
    last_restart: Option<Instant>,
}

impl Summary {
    fn of(pod: &Value) -> Self {
        let conditions = pod.items(&["status", "conditions"]);
        let sidecars = pod.items(&["spec", "initContainers"]).iter().filter(|container| is_sidecar(container)).count();
        let mut summary = Self {
            reason: initial_reason(pod),
            ready: 0,
            containers: pod.items(&["spec", "containers"]).len().saturating_add(sidecars),
            restarts: 0,
            last_restart: None,
        };
        // Once init containers are done, only the restarts of sidecars among them still count.
        let mut of_sidecars = (0, None);
        let initializing = summary.init_containers(pod, &mut of_sidecars);
        if !initializing || has_condition(conditions, "Initialized", "True") {
            (summary.restarts, summary.last_restart) = of_sidecars;
            summary.containers(pod);
        }
        let is_deleted = pod.at(&["metadata", "deletionTimestamp"]).is_some();
        let is_final = matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed");
        if is_deleted && pod.text(&["status", "reason"]) == "NodeLost" {
            summary.reason = "Unknown".into();
        } else if is_deleted && !is_final {
            summary.reason = "Terminating".into();
        }
        summary
    }

    /// Takes in init containers up to the first unfinished one; answers whether there is such a one.
    fn init_containers(&mut self, pod: &Value, of_sidecars: &mut (i64, Option<Instant>)) -> bool {
        let specs = pod.items(&["spec", "initContainers"]);
        for (index, status) in pod.items(&["status", "initContainerStatuses"]).iter().enumerate() {
            let restarts = status.count(&["restartCount"]);
            let ended = status.instant(&["lastState", "terminated", "finishedAt"]);
            self.restarts = self.restarts.saturating_add(restarts);
            self.last_restart = self.last_restart.max(ended);
            let name = status.text(&["name"]);
            let sidecar = specs.iter().rfind(|spec| spec.text(&["name"]) == name).is_some_and(is_sidecar);
            if sidecar {
                of_sidecars.0 = of_sidecars.0.saturating_add(restarts);
                of_sidecars.1 = of_sidecars.1.max(ended);
            }
            let terminated = status.at(&["state", "terminated"]);
            let waiting = status.text(&["state", "waiting", "reason"]);
            if terminated.is_some_and(|terminated| terminated.count(&["exitCode"]) == 0) {
                continue;
            }
            if sidecar && status.flag(&["started"]) {
                self.ready = self.ready.saturating_add(usize::from(status.flag(&["ready"])));
                continue;
            }
            self.reason = match terminated {
                Some(terminated) => format!("Init:{}", termination(terminated)),
                None if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}"),
                None => format!("Init:{index}/{}", specs.len()),
            };
            return true;
        }
        false
    }

    /// Takes in regular containers, the last one first, so that the first one has the last word.
    fn containers(&mut self, pod: &Value) {
        let mut has_running = false;
        for status in pod.items(&["status", "containerStatuses"]).iter().rev() {
            self.restarts = self.restarts.saturating_add(status.count(&["restartCount"]));
            self.last_restart = self.last_restart.max(status.instant(&["lastState", "terminated", "finishedAt"]));
            let waiting = status.text(&["state", "waiting", "reason"]);
            if !waiting.is_empty() {
                self.reason = waiting.into();
            } else if let Some(terminated) = status.at(&["state", "terminated"]) {
                self.reason = termination(terminated);
            } else if status.flag(&["ready"]) && status.at(&["state", "running"]).is_some() {
                has_running = true;
                self.ready = self.ready.saturating_add(1);
            }
        }
        if self.reason == "Completed" && has_running {
            let is_ready = has_condition(pod.items(&["status", "conditions"]), "Ready", "True");
            self.reason = if is_ready { "Running" } else { "NotReady" }.into();
        }
    }

    fn restarts(&self, present: &Present) -> String {
        match self.last_restart {
            Some(last) if self.restarts != 0 => format!("{} ({} ago)", self.restarts, present.now.age(Some(last))),
            _ => self.restarts.to_string(),
        }
    }
}

/// What is said before any container is looked at.
fn initial_reason(pod: &Value) -> String {
    let is_gated = pod.items(&["status", "conditions"]).iter().any(|condition| {
        condition.text(&["type"]) == "PodScheduled" && condition.text(&["reason"]) == "SchedulingGated"
    });
    if is_gated {
        return "SchedulingGated".into();
    }
    text_or(pod.text(&["status", "reason"]), pod.text(&["status", "phase"])).into()
}

fn is_sidecar(container: &Value) -> bool {
    container.text(&["restartPolicy"]) == "Always"
}

/// The reason of a termination, or the signal or exit code where there is none.
fn termination(terminated: &Value) -> String {
    match (terminated.text(&["reason"]), terminated.count(&["signal"])) {
        ("", 0) => format!("ExitCode:{}", terminated.count(&["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.into(),
    }
}

/// How many readiness gates are open.
fn gates(pod: &Value) -> String {
    let gates = pod.items(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return "<none>".into();
    }
    let conditions = pod.items(&["status", "conditions"]);
    let is_open = |gate: &&Value| {
        let kind = gate.text(&["conditionType"]);
        let condition = conditions.iter().find(|condition| condition.text(&["type"]) == kind);
        condition.is_some_and(|condition| condition.text(&["status"]) == "True")
    };
    format!("{}/{}", gates.iter().filter(is_open).count(), gates.len())
}
