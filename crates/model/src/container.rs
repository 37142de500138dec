//! Containers of a pod template as the simulation obeys them: typed, defaulted, read once.

use crate::template::RestartPolicy;
use crate::{IntOrString, Quantity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A container, or an init container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name, unique in its pod.
    pub name: Arc<str>,
    /// Its image.
    pub image: Arc<str>,
    /// When the image is fetched.
    pub image_pull_policy: ImagePullPolicy,
    /// Ports that it names.
    pub ports: Vec<ContainerPort>,
    /// What it asks for and what it may use at most.
    pub resources: Resources,
    /// Readiness probe.
    pub readiness: Option<Probe>,
    /// Liveness probe.
    pub liveness: Option<Probe>,
    /// Startup probe.
    pub startup: Option<Probe>,
    /// Hook that runs before the container is asked to stop.
    pub pre_stop: Option<Hook>,
    /// Hook that runs right after the container has started.
    pub post_start: Option<Hook>,
    /// The signal that asks it to stop, such as `SIGUSR1`, if it is not `SIGTERM`.
    pub stop_signal: Option<Arc<str>>,
    /// The container's own restart policy; `Always` makes an init container a sidecar.
    pub restart_policy: Option<RestartPolicy>,
    /// Rules that go before the restart policy.
    pub restart_policy_rules: Vec<RestartRule>,
}

impl Container {
    /// Whether it is a sidecar, provided that it is an init container.
    #[must_use]
    pub const fn is_restartable_init(&self) -> bool {
        matches!(self.restart_policy, Some(RestartPolicy::Always))
    }
}

/// When the image of a container is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImagePullPolicy {
    /// At every start of the container.
    Always,
    /// When it is not on the node.
    #[default]
    IfNotPresent,
    /// Never: it is on the node or the container cannot start.
    Never,
}

/// Transport of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The protocol as the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol of a word; an empty one means TCP.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "" | "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPort {
    /// Its name, empty if it has none.
    pub name: Arc<str>,
    /// Its number.
    pub container_port: i32,
    /// Its transport.
    pub protocol: Protocol,
}

/// Amounts by name of the resource: `cpu`, `memory` and others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceList(pub BTreeMap<Arc<str>, Quantity>);

impl ResourceList {
    /// The amount of a resource.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Quantity> {
        self.0.get(name)
    }

    /// Processor time, in cores.
    #[must_use]
    pub fn cpu(&self) -> Option<&Quantity> {
        self.get("cpu")
    }

    /// Memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> Option<&Quantity> {
        self.get("memory")
    }
}

/// What a container or a pod asks for and may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// What is asked for; where only a limit is given, that.
    pub requests: ResourceList,
    /// What may be used at most.
    pub limits: ResourceList,
}

impl Resources {
    /// Requests and limits as given; what has only a limit is asked for in full.
    #[must_use]
    pub fn new(mut requests: ResourceList, limits: ResourceList) -> Self {
        for (name, amount) in &limits.0 {
            requests.0.entry(Arc::clone(name)).or_insert_with(|| amount.clone());
        }
        Self { requests, limits }
    }
}

/// A probe, defaulted; times in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// How the container is asked.
    pub handler: Handler,
    /// `initialDelaySeconds`.
    pub initial_delay_seconds: u32,
    /// `periodSeconds`, at least 1.
    pub period_seconds: u32,
    /// `timeoutSeconds`, at least 1.
    pub timeout_seconds: u32,
    /// `successThreshold`, at least 1.
    pub success_threshold: u32,
    /// `failureThreshold`, at least 1.
    pub failure_threshold: u32,
    /// Grace period of the kill that follows a failure, if not the pod's.
    pub termination_grace_period_seconds: Option<i64>,
}

/// How a probe or a hook reaches its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handler {
    /// A command in the container.
    Exec(Vec<Arc<str>>),
    /// A request to the container.
    HttpGet(HttpGet),
    /// A connection to the container.
    TcpSocket {
        /// Host, empty for the pod itself.
        host: Arc<str>,
        /// Number or name of the port.
        port: IntOrString,
    },
    /// The health service of gRPC.
    Grpc {
        /// Number of the port.
        port: i32,
        /// Name of the service.
        service: Arc<str>,
    },
}

/// An HTTP request of a probe or a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpGet {
    /// Path, with its query.
    pub path: Arc<str>,
    /// Number or name of the port.
    pub port: IntOrString,
    /// Host, empty for the pod itself.
    pub host: Arc<str>,
    /// `HTTP` or `HTTPS`, in either case as given.
    pub scheme: Arc<str>,
    /// Headers in the order given.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
}

/// What a lifecycle hook does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hook {
    /// Waits for a number of seconds.
    Sleep(i64),
    /// Asks the container.
    Handler(Handler),
}

/// A rule of `restartPolicyRules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartRule {
    /// What happens when the rule applies.
    pub action: RestartRuleAction,
    /// Whether the exit codes listed are those that it applies to; else, all others.
    pub is_in: bool,
    /// Exit codes.
    pub exit_codes: Vec<i32>,
}

impl RestartRule {
    /// Whether it applies to an exit.
    #[must_use]
    pub fn applies(&self, exit_code: i32) -> bool {
        self.exit_codes.contains(&exit_code) == self.is_in
    }
}

/// What a rule of `restartPolicyRules` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartRuleAction {
    /// Restarts the container.
    Restart,
    /// Restarts all containers of the pod.
    RestartAllContainers,
}

/// A toleration of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toleration {
    /// Key of the taint; empty for every key.
    pub key: Arc<str>,
    /// Whether any value will do (`Exists`) instead of the given one (`Equal`).
    pub exists: bool,
    /// Value of the taint.
    pub value: Arc<str>,
    /// Effect of the taint; empty for every effect.
    pub effect: Arc<str>,
    /// For how long the taint is tolerated; without end if absent.
    pub toleration_seconds: Option<i64>,
}

impl Toleration {
    /// Whether it tolerates a taint.
    ///
    /// Source: `core/v1/toleration.go`, `ToleratesTaint`.
    #[must_use]
    pub fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        (self.effect.is_empty() || *self.effect == *effect)
            && (self.key.is_empty() || *self.key == *key)
            && (self.exists || *self.value == *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_with_an_empty_key_and_effect_tolerates_everything() {
        let all = Toleration { exists: true, ..Toleration::default() };
        assert!(all.tolerates("node.kubernetes.io/unreachable", "", "NoExecute"));
        let one = Toleration { key: "a".into(), value: "b".into(), effect: "NoExecute".into(), ..all };
        assert!(one.tolerates("a", "other", "NoExecute"));
        let one = Toleration { exists: false, ..one };
        assert!(one.tolerates("a", "b", "NoExecute"));
        assert!(!one.tolerates("a", "other", "NoExecute"));
        assert!(!one.tolerates("a", "b", "NoSchedule"));
    }

    #[test]
    fn a_rule_applies_to_the_codes_in_it_or_to_the_others() {
        let mut rule = RestartRule { action: RestartRuleAction::Restart, is_in: true, exit_codes: vec![42] };
        assert!(rule.applies(42) && !rule.applies(1));
        rule.is_in = false;
        assert!(!rule.applies(42) && rule.applies(1));
    }
}
