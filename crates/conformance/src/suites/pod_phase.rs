//! The suite `pod-phase`: phases, conditions and statuses, from statuses and from the runtime's words.

use super::answer::{Answer, answered, member};
use crate::Mismatch;
use core::time::Duration;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::{ConditionStatus, PodCondition, TemplateFacts};
use wavetank_node::pod::conditions::{containers_ready, initialized, ready, ready_to_start, scheduled};
use wavetank_node::pod::generate::{Observed, RuntimeState, RuntimeStatus, StartFailure};
use wavetank_node::pod::phase::phase;
use wavetank_node::pod::{ContainerState, ContainerStatus, Terminated};

/// A case of `pod-phase`.
pub(super) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    answered(case, |op, input| {
        let template = wavetank_manifest::pod_template(&json!({"spec": member(input, "spec")?}));
        let facts = template.map_err(|error| Mismatch::not_run(error.to_string()))?.facts;
        match op {
            "conditions" => Ok(Answer::Gives(from_statuses(&facts, input))),
            "generate" => Ok(Answer::Gives(from_runtime(&facts, input))),
            _ => Err(Mismatch::not_run(format!("unknown op {op}"))),
        }
    })
}

fn text(value: &Value, key: &str) -> Arc<str> {
    value.get(key).and_then(Value::as_str).unwrap_or_default().into()
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

fn count(value: &Value, key: &str) -> u32 {
    value.get(key).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
}

fn code(value: &Value) -> i32 {
    let code = value.get("exitCode").and_then(Value::as_i64);
    code.and_then(|code| i32::try_from(code).ok()).unwrap_or_default()
}

fn from_statuses(facts: &TemplateFacts, input: &Value) -> Value {
    let lists = ["initContainerStatuses", "containerStatuses"].map(|key| input.get(key).and_then(Value::as_array));
    let statuses: Option<Vec<ContainerStatus>> =
        lists.iter().any(Option::is_some).then(|| lists.into_iter().flatten().flatten().map(status).collect());
    let statuses = statuses.as_deref();
    let others: Vec<PodCondition> =
        input.get("otherConditions").and_then(Value::as_array).into_iter().flatten().map(condition).collect();
    let phase = phase(
        facts,
        statuses.unwrap_or_default(),
        is_true(input, "podIsTerminal"),
        is_true(input, "podHasInitialized"),
    );
    let conditions = [
        initialized(facts, statuses, phase),
        ready(facts, &others, statuses, phase),
        containers_ready(facts, statuses, phase),
    ];
    json!({"phase": phase.as_str(), "conditions": conditions.iter().map(shown_condition).collect::<Vec<_>>()})
}

fn condition(value: &Value) -> PodCondition {
    PodCondition {
        kind: text(value, "type"),
        status: match &*text(value, "status") {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        },
        last_transition: None,
        reason: "".into(),
        message: "".into(),
    }
}

fn status(value: &Value) -> ContainerStatus {
    let terminated = |state: &Value| {
        state.get("terminated").filter(|ended| !ended.is_null()).map(|ended| Terminated {
            exit_code: code(ended),
            reason: text(ended, "reason"),
            ..Terminated::default()
        })
    };
    let state = value.get("state").unwrap_or(&Value::Null);
    let present = |key: &str| state.get(key).filter(|state| !state.is_null());
    ContainerStatus {
        name: text(value, "name"),
        state: match (terminated(state), present("running"), present("waiting")) {
            (Some(ended), _, _) => ContainerState::Terminated(ended),
            (None, Some(_), _) => ContainerState::Running { started: None },
            (None, None, Some(waiting)) => ContainerState::waiting(&text(waiting, "reason")),
            (None, None, None) => ContainerState::Unset,
        },
        last: value.get("lastState").and_then(terminated).map_or(ContainerState::Unset, ContainerState::Terminated),
        ready: is_true(value, "ready"),
        started: value.get("started").and_then(Value::as_bool),
        restart_count: count(value, "restartCount"),
        run: None,
    }
}

fn from_runtime(facts: &TemplateFacts, input: &Value) -> Value {
    let all = || facts.init_containers.iter().chain(&facts.containers);
    let seconds = |value: &Value, key: &str| Time::from_seconds(value.get(key).and_then(Value::as_i64).unwrap_or(0));
    let given = input.get("runtime").and_then(Value::as_array).into_iter().flatten();
    let mut runtime: Vec<(Time, RuntimeStatus)> = given
        .filter_map(|value| {
            let name = text(value, "name");
            let created = seconds(value, "createdAt");
            let state = match &*text(value, "state") {
                "running" => RuntimeState::Running,
                "exited" => RuntimeState::Exited {
                    code: code(value),
                    reason: text(value, "reason"),
                    message: "".into(),
                    finished: seconds(value, "finishedAt"),
                },
                "created" => RuntimeState::Created,
                _ => RuntimeState::Unknown,
            };
            let restart_count = count(value, "restartCount");
            let container = all().position(|container| container.name == name)?;
            let started = created + Duration::from_secs(1);
            Some((created, RuntimeStatus { container, run: restart_count, restart_count, started, state }))
        })
        .collect();
    runtime.sort_by_key(|(created, _)| core::cmp::Reverse(*created));
    let runtime: Vec<RuntimeStatus> = runtime.into_iter().map(|(_, status)| status).collect();
    let failures: Vec<Option<StartFailure>> = all()
        .map(|container| {
            let failure = input.get("startFailures")?.get(&*container.name)?;
            let word = |index: usize| failure.get(index).and_then(Value::as_str).unwrap_or_default();
            Some(StartFailure { reason: word(0).into(), message: word(1).into() })
        })
        .collect();
    let observed = Observed {
        facts,
        runtime: &runtime,
        failures: &failures,
        restarting_all: false,
        deleted: false,
        clock_phase: Duration::ZERO,
    };
    let mut init = observed.init_containers(&[]);
    let mut containers = observed.containers(&[]);
    let statuses: Vec<ContainerStatus> = init.iter().chain(&containers).cloned().collect();
    // There is no sandbox, so nothing ran in the present one.
    let phase = phase(facts, &statuses, false, false);
    // No probes: what runs has started and is ready.
    for (index, status) in init.iter_mut().enumerate() {
        let runs = status.state.is_running();
        let is_sidecar = facts.init_containers.get(index).is_some_and(wavetank_model::Container::is_restartable_init);
        status.started = Some(runs);
        status.ready =
            if is_sidecar { runs } else { status.state.terminated().is_some_and(|ended| ended.exit_code == 0) };
    }
    for status in &mut containers {
        status.started = Some(status.state.is_running());
        status.ready = status.state.is_running();
    }
    let statuses: Vec<ContainerStatus> = init.iter().chain(&containers).cloned().collect();
    let statuses = Some(statuses.as_slice());
    let conditions = [
        ready_to_start(false),
        initialized(facts, statuses, phase),
        ready(facts, &[], statuses, phase),
        containers_ready(facts, statuses, phase),
        scheduled(),
    ];
    containers.sort_by(|left, right| left.name.cmp(&right.name));
    let shown = |statuses: &[ContainerStatus]| statuses.iter().map(shown_status).collect::<Vec<_>>();
    json!({
        "phase": phase.as_str(),
        "conditions": conditions.iter().map(shown_condition).collect::<Vec<_>>(),
        "containerStatuses": shown(&containers),
        "initContainerStatuses": if init.is_empty() { Value::Null } else { shown(&init).into() },
    })
}

fn shown_condition(condition: &PodCondition) -> Value {
    let mut shown = Map::new();
    shown.insert("type".into(), json!(&*condition.kind));
    shown.insert("status".into(), json!(condition.status.as_str()));
    for (key, text) in [("reason", &condition.reason), ("message", &condition.message)] {
        if !text.is_empty() {
            shown.insert(key.into(), json!(&**text));
        }
    }
    shown.into()
}

fn shown_status(status: &ContainerStatus) -> Value {
    json!({
        "name": &*status.name, "state": shown_state(&status.state), "lastState": shown_state(&status.last),
        "ready": status.ready, "restartCount": status.restart_count, "started": status.started,
    })
}

fn shown_state(state: &ContainerState) -> Value {
    match state {
        ContainerState::Unset => json!({}),
        ContainerState::Waiting { reason, message } if message.is_empty() => json!({"waiting": {"reason": &**reason}}),
        ContainerState::Waiting { reason, message } => {
            json!({"waiting": {"reason": &**reason, "message": &**message}})
        }
        ContainerState::Running { started } => json!({"running": {"startedAt": started.map(Time::as_seconds)}}),
        ContainerState::Terminated(ended) => shown_end(ended),
    }
}

fn shown_end(ended: &Terminated) -> Value {
    let mut shown = Map::new();
    shown.insert("exitCode".into(), json!(ended.exit_code));
    shown.insert("reason".into(), json!(&*ended.reason));
    if !ended.message.is_empty() {
        shown.insert("message".into(), json!(&*ended.message));
    }
    if let Some(finished) = ended.finished {
        shown.insert("finishedAt".into(), json!(finished.as_seconds()));
    }
    json!({"terminated": shown})
}
