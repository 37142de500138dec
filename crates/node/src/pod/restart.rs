//! Whether a container runs again after an exit.
//!
//! Source: `pkg/api/v1/pod/util.go`, `ContainerShouldRestart`.

use wavetank_model::Container;
use wavetank_model::container::{RestartRule, RestartRuleAction};
use wavetank_model::template::RestartPolicy;

/// The first rule of a container that applies to an exit.
#[must_use]
pub fn matching_rule(container: &Container, exit_code: i32) -> Option<&RestartRule> {
    container.restart_policy_rules.iter().find(|rule| rule.applies(exit_code))
}

/// Whether a container is restarted after an exit: by its rules, else by its own policy, else by the pod's.
#[must_use]
pub fn should_restart(container: &Container, pod: RestartPolicy, exit_code: i32) -> bool {
    if matching_rule(container, exit_code).is_some() {
        return true;
    }
    match container.restart_policy.unwrap_or(pod) {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit_code != 0,
        RestartPolicy::Never => false,
    }
}

/// Whether an exit restarts all containers of the pod.
#[must_use]
pub fn restarts_all(container: &Container, exit_code: i32) -> bool {
    matching_rule(container, exit_code).is_some_and(|rule| rule.action == RestartRuleAction::RestartAllContainers)
}

/// Whether a container that a probe had killed is started again; rules need an exit code and are not asked.
#[must_use]
pub fn restarts_after_kill(container: &Container, pod: RestartPolicy) -> bool {
    match container.restart_policy.unwrap_or(pod) {
        RestartPolicy::Always | RestartPolicy::OnFailure => true,
        RestartPolicy::Never => false,
    }
}
