//! PodDisruptionBudgets, from JSON and back.

use crate::fields::Fields;
use crate::literal::{condition_status, label_selector};
use crate::record::Record;
use crate::{Edge, Error};
use serde_json::{Map, Value};
use std::fmt::Write;
use std::sync::Arc;
use wavetank_model::disruption::{DisruptionBudget, DisruptionCondition, DisruptionStatus, UnhealthyPodEvictionPolicy};
use wavetank_model::{LabelSelector, Selector};

/// Reads what a PodDisruptionBudget asks for.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_disruption_budget(value: &Value) -> Result<DisruptionBudget, Error> {
    let spec = Fields::of(Some(value), "PodDisruptionBudget")?.object("spec", "spec")?;
    let selector = spec.object("selector", "spec.selector")?;
    let labels = label_selector(selector)?;
    let unhealthy_pods = match spec.text("unhealthyPodEvictionPolicy")? {
        "AlwaysAllow" => UnhealthyPodEvictionPolicy::AlwaysAllow,
        _ => UnhealthyPodEvictionPolicy::IfHealthyBudget,
    };
    // A selector that cannot be compiled selects nothing, as one that is absent.
    let compiled = labels.compile().ok().filter(|_| selector.is_present());
    Ok(DisruptionBudget {
        min_available: spec.int_or_string("minAvailable")?,
        max_unavailable: spec.int_or_string("maxUnavailable")?,
        selector: compiled.unwrap_or_else(Selector::nothing),
        selector_text: go_text(&labels).into(),
        unhealthy_pods,
    })
}

/// A selector as Go prints it.
fn go_text(selector: &LabelSelector) -> String {
    let mut text = "&LabelSelector{MatchLabels:map[string]string{".to_owned();
    // Writing to a text cannot fail.
    for (key, value) in selector.match_labels.iter() {
        let _written = write!(text, "{key}: {value},");
    }
    text.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for requirement in &selector.match_expressions {
        let _written = write!(
            text,
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
            requirement.key,
            requirement.operator,
            requirement.values.join(" ")
        );
    }
    text.push_str("},}");
    text
}

/// Reads the status of a PodDisruptionBudget.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type.
pub fn decode_disruption_status(status: &Value, edge: &Edge) -> Result<DisruptionStatus, Error> {
    let fields = Fields::of(Some(status), "status")?;
    let mut condition = None;
    for item in fields.list("conditions")? {
        let item = Fields::of(Some(item), "status.conditions")?;
        if item.text("type")? == "DisruptionAllowed" {
            condition = Some(DisruptionCondition {
                status: condition_status(item)?,
                reason: item.shared("reason")?,
                message: item.shared("message")?,
                observed_generation: item.int64("observedGeneration")?.unwrap_or_default(),
                last_transition: item.time("lastTransitionTime", edge)?,
            });
        }
    }
    let disrupted = fields.object("disruptedPods", "status.disruptedPods")?;
    let mut status = DisruptionStatus {
        observed_generation: fields.int64("observedGeneration")?.unwrap_or_default(),
        disruptions_allowed: fields.count("disruptionsAllowed")?,
        current_healthy: fields.count("currentHealthy")?,
        desired_healthy: fields.count("desiredHealthy")?,
        expected_pods: fields.count("expectedPods")?,
        condition,
        ..DisruptionStatus::default()
    };
    for (name, _) in fields.value("disruptedPods").and_then(Value::as_object).into_iter().flatten() {
        if let Some(since) = disrupted.time(name, edge)? {
            status.disrupted_pods.insert(Arc::from(name.as_str()), since);
        }
    }
    Ok(status)
}

/// The status of a PodDisruptionBudget as JSON.
#[must_use]
pub fn render_disruption_status(status: &DisruptionStatus, edge: &Edge) -> Value {
    let conditions = status.condition.iter().map(|condition| {
        Record::new()
            .time("lastTransitionTime", condition.last_transition, edge)
            .always("message", &*condition.message)
            .number("observedGeneration", condition.observed_generation)
            .always("reason", &*condition.reason)
            .always("status", condition.status.as_str())
            .always("type", "DisruptionAllowed")
            .finish()
    });
    let disrupted: Map<String, Value> =
        status.disrupted_pods.iter().map(|(name, since)| (name.to_string(), edge.spell_time(*since).into())).collect();
    Record::new()
        .list("conditions", conditions.collect())
        .always("currentHealthy", status.current_healthy)
        .always("desiredHealthy", status.desired_healthy)
        .optional("disruptedPods", (!disrupted.is_empty()).then_some(disrupted))
        .always("disruptionsAllowed", status.disruptions_allowed)
        .always("expectedPods", status.expected_pods)
        .number("observedGeneration", status.observed_generation)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wavetank_model::StringMap;

    #[test]
    fn a_status_reads_back_as_it_was_rendered() {
        let edge = Edge::default();
        let text = json!({
            "conditions": [{
                "lastTransitionTime": "2026-01-01T00:00:05Z", "message": "", "observedGeneration": 1,
                "reason": "SufficientPods", "status": "True", "type": "DisruptionAllowed",
            }],
            "currentHealthy": 3, "desiredHealthy": 2, "disruptedPods": {"web-1": "2026-01-01T00:00:07Z"},
            "disruptionsAllowed": 1, "expectedPods": 3, "observedGeneration": 1,
        });
        let status = decode_disruption_status(&text, &edge).expect("it is a status");
        assert_eq!(render_disruption_status(&status, &edge), text);
    }

    #[test]
    fn a_budget_without_selector_covers_nothing_and_one_with_an_empty_selector_all() {
        let covers = |spec: Value| {
            let budget = decode_disruption_budget(&json!({"spec": spec})).expect("it is a budget");
            budget.selector.matches(&StringMap::default())
        };
        assert!(!covers(json!({"minAvailable": 1})));
        assert!(covers(json!({"minAvailable": 1, "selector": {}})));
    }
}
