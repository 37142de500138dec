//! Containers of pods and of pod templates.

use super::environment::{environment, environment_from};
use super::page::{Page, or_none, truth};
use super::probe::probe;
use super::resources::requirements;
use crate::field::Field;
use serde_json::Value;
use wavetank_model::strconv::quote;

/// Where containers are described, which decides how far in they begin and what is known of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shift<'a> {
    /// In a pod, whose statuses are known.
    Pod {
        /// The pod.
        pod: &'a Value,
        /// Its statuses of containers of this kind.
        statuses: &'a [Value],
    },
    /// In a pod template.
    Template,
}

impl<'a> Shift<'a> {
    fn indents(self) -> (&'static str, &'static str) {
        match self {
            Self::Pod { .. } => ("", ""),
            Self::Template => ("  ", " "),
        }
    }

    fn status(self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Pod { statuses, .. } => statuses.iter().rfind(|status| status.text(&["name"]) == name),
            Self::Template => None,
        }
    }

    /// The pod, if there is one.
    pub(super) fn pod(self) -> Option<&'a Value> {
        match self {
            Self::Pod { pod, .. } => Some(pod),
            Self::Template => None,
        }
    }
}

/// Adds containers under a title.
pub(super) fn containers(page: &mut Page, title: &str, containers: &[Value], shift: Shift<'_>) {
    let (indent, name_indent) = shift.indents();
    let none = if containers.is_empty() { " <none>" } else { "" };
    page.line(0, &format!("{indent}{title}:{none}"));
    for container in containers {
        let name = container.text(&["name"]);
        page.line(1, &format!("{name_indent}{name}:"));
        let status = shift.status(name);
        basics(page, container, status);
        for (title, key) in [("Command", "command"), ("Args", "args")] {
            words(page, title, container.items(&[key]));
        }
        if let Some(status) = status {
            state(page, status);
        }
        requirements(page, container.at(&["resources"]), 2);
        for (title, key) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if let Some(found) = container.at(&[key]) {
                page.entry(2, title, &probe(found));
            }
        }
        environment_from(page, container.items(&["envFrom"]));
        environment(page, container, shift);
        mounts(page, container);
    }
}

fn basics(page: &mut Page, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        page.entry(2, "Container ID", status.text(&["containerID"]));
    }
    page.entry(2, "Image", container.text(&["image"]));
    if let Some(status) = status {
        page.entry(2, "Image ID", status.text(&["imageID"]));
    }
    for (title, key) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let ports = container.items(&["ports"]).iter();
        let ports = ports.map(|port| format!("{}/{}", port.count(&[key]), port.text(&["protocol"])));
        let ports = ports.collect::<Vec<_>>().join(", ");
        let plural = if ports.contains(',') { "s" } else { "" };
        page.entry(2, &format!("{title}{plural}"), or_none(&ports));
    }
    let profile = |key| container.text(&["securityContext", "seccompProfile", key]);
    if container.at(&["securityContext", "seccompProfile"]).is_some() {
        page.entry(2, "SeccompProfile", profile("type"));
        if profile("type") == "Localhost" {
            page.entry(3, "LocalhostProfile", profile("localhostProfile"));
        }
    }
}

/// Adds words of a command line, each on its own lines.
fn words(page: &mut Page, title: &str, words: &[Value]) {
    if words.is_empty() {
        return;
    }
    page.line(2, &format!("{title}:"));
    for line in words.iter().flat_map(|word| word.as_str().unwrap_or_default().split('\n')) {
        page.line(3, line);
    }
}

fn state(page: &mut Page, status: &Value) {
    one_state(page, "State", status.at(&["state"]));
    if status.at(&["lastState", "terminated"]).is_some() {
        one_state(page, "Last State", status.at(&["lastState"]));
    }
    page.entry(2, "Ready", truth(status.flag(&["ready"])));
    page.entry(2, "Restart Count", &status.count(&["restartCount"]).to_string());
}

fn one_state(page: &mut Page, title: &str, state: Option<&Value>) {
    let of = |key| state.and_then(|state| state.at(&[key]));
    let date = |from: &Value, key| Page::date(from, &[key], super::page::ZERO_DATE);
    let optional = |page: &mut Page, title: &str, text: &str| {
        if !text.is_empty() {
            page.entry(3, title, text);
        }
    };
    if let Some(running) = of("running") {
        page.entry(2, title, "Running");
        page.entry(3, "Started", &date(running, "startedAt"));
    } else if let (Some(terminated), None) = (of("terminated"), of("waiting")) {
        page.entry(2, title, "Terminated");
        optional(page, "Reason", terminated.text(&["reason"]));
        optional(page, "Message", terminated.text(&["message"]));
        page.entry(3, "Exit Code", &terminated.count(&["exitCode"]).to_string());
        let signal = terminated.count(&["signal"]);
        optional(page, "Signal", &if signal > 0 { signal.to_string() } else { String::new() });
        page.entry(3, "Started", &date(terminated, "startedAt"));
        page.entry(3, "Finished", &date(terminated, "finishedAt"));
    } else {
        page.entry(2, title, "Waiting");
        optional(page, "Reason", of("waiting").map_or("", |waiting| waiting.text(&["reason"])));
    }
}

fn mounts(page: &mut Page, container: &Value) {
    let mounts = container.items(&["volumeMounts"]);
    page.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for mount in by(mounts, "mountPath") {
        let mode = if mount.flag(&["readOnly"]) { "ro" } else { "rw" };
        let path = match mount.text(&["subPath"]) {
            "" => String::new(),
            path => format!(",path={}", quote(path)),
        };
        page.line(3, &format!("{} from {} ({mode}{path})", mount.text(&["mountPath"]), mount.text(&["name"])));
    }
    let devices = container.items(&["volumeDevices"]);
    if !devices.is_empty() {
        page.line(2, if mounts.is_empty() { "Devices:\t<none>" } else { "Devices:" });
        for device in by(devices, "devicePath") {
            page.line(3, &format!("{} from {}", device.text(&["devicePath"]), device.text(&["name"])));
        }
    }
}

fn by<'a>(items: &'a [Value], key: &str) -> Vec<&'a Value> {
    let mut sorted: Vec<&Value> = items.iter().collect();
    sorted.sort_by_key(|item| item.text(&[key]));
    sorted
}
