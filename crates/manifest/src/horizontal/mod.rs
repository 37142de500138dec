//! HorizontalPodAutoscalers and their Scales, from JSON of `autoscaling/v2` and back.
//!
//! - [`decode_horizontal`] reads an autoscaler as it stands; what defaulting would have filled in is
//!   taken as filled in.
//! - [`render_horizontal`] and [`render_horizontal_status`] show it as the API server would.

mod render;

pub use render::{render_horizontal, render_horizontal_status, render_scale};

use crate::fields::Fields;
use crate::literal::label_selector;
use crate::{Edge, Error, metadata};
use serde_json::Value;
use std::sync::Arc;
use wavetank_model::horizontal::{
    Behavior, HorizontalCondition, HorizontalSpec, HorizontalStatus, MetricIdentifier, MetricSource, MetricStatus,
    MetricTarget, MetricValue, ObjectReference, PolicyKind, ScalingPolicy, ScalingRules, SelectPolicy,
};
use wavetank_model::{ConditionStatus, HorizontalPodAutoscaler, Quantity};

/// Reads a HorizontalPodAutoscaler of `autoscaling/v2`.
///
/// # Errors
/// If a field holds JSON of another type.
pub fn decode_horizontal(value: &Value, edge: &mut Edge) -> Result<HorizontalPodAutoscaler, Error> {
    let object = Fields::of(Some(value), "HorizontalPodAutoscaler")?;
    let meta = metadata::decode(object, edge)?;
    let spec = decode_horizontal_spec(value.get("spec").unwrap_or(&Value::Null))?;
    let status = decode_horizontal_status(value.get("status").unwrap_or(&Value::Null), edge)?;
    Ok(HorizontalPodAutoscaler { meta, spec: Arc::new(spec), status: Arc::new(status) })
}

/// Reads the `spec` of a HorizontalPodAutoscaler of `autoscaling/v2`.
///
/// # Errors
/// If a field holds JSON of another type.
pub fn decode_horizontal_spec(value: &Value) -> Result<HorizontalSpec, Error> {
    let spec = Fields::of(Some(value), "spec")?;
    let behavior = spec.object("behavior", "spec.behavior")?;
    Ok(HorizontalSpec {
        scale_target: reference(spec.object("scaleTargetRef", "spec.scaleTargetRef")?)?,
        min_replicas: spec.int32("minReplicas")?.unwrap_or(1),
        max_replicas: spec.count("maxReplicas")?,
        metrics: spec.list("metrics")?.iter().map(source).collect::<Result<_, _>>()?,
        behavior: if behavior.is_present() { Some(self::behavior(behavior)?) } else { None },
    })
}

/// Reads the `status` of a HorizontalPodAutoscaler of `autoscaling/v2`.
///
/// # Errors
/// If a field holds JSON of another type.
pub fn decode_horizontal_status(value: &Value, edge: &Edge) -> Result<HorizontalStatus, Error> {
    let status = Fields::of(Some(value), "status")?;
    Ok(HorizontalStatus {
        observed_generation: status.int64("observedGeneration")?,
        last_scale_time: status.time("lastScaleTime", edge)?,
        current_replicas: status.count("currentReplicas")?,
        desired_replicas: status.count("desiredReplicas")?,
        current_metrics: status.list("currentMetrics")?.iter().map(metric_status).collect::<Result<_, _>>()?,
        conditions: status
            .list("conditions")?
            .iter()
            .map(|item| {
                let item = Fields::of(Some(item), "status.conditions")?;
                Ok(HorizontalCondition {
                    kind: item.shared("type")?,
                    status: match item.text("status")? {
                        "True" => ConditionStatus::True,
                        "False" => ConditionStatus::False,
                        _ => ConditionStatus::Unknown,
                    },
                    last_transition: item.time("lastTransitionTime", edge)?,
                    reason: item.shared("reason")?,
                    message: item.shared("message")?,
                })
            })
            .collect::<Result<_, Error>>()?,
    })
}

fn reference(fields: Fields<'_>) -> Result<ObjectReference, Error> {
    Ok(ObjectReference {
        api_version: fields.shared("apiVersion")?,
        kind: fields.shared("kind")?,
        name: fields.shared("name")?,
    })
}

fn source(value: &Value) -> Result<MetricSource, Error> {
    let source = Fields::of(Some(value), "spec.metrics")?;
    let block = |key: &str| source.object(key, "spec.metrics");
    let aim = |block: Fields<'_>| target(block.object("target", "spec.metrics.target")?);
    Ok(match source.text("type")? {
        "Resource" => {
            let block = block("resource")?;
            MetricSource::Resource { name: block.shared("name")?, target: aim(block)? }
        }
        "ContainerResource" => {
            let block = block("containerResource")?;
            let (name, container) = (block.shared("name")?, block.shared("container")?);
            MetricSource::ContainerResource { name, container, target: aim(block)? }
        }
        "Pods" => {
            let block = block("pods")?;
            MetricSource::Pods { metric: identifier(block)?, target: aim(block)? }
        }
        "Object" => {
            let block = block("object")?;
            let described_object = reference(block.object("describedObject", "spec.metrics.object.describedObject")?)?;
            MetricSource::Object { described_object, metric: identifier(block)?, target: aim(block)? }
        }
        "External" => {
            let block = block("external")?;
            MetricSource::External { metric: identifier(block)?, target: aim(block)? }
        }
        other => MetricSource::Unknown(other.into()),
    })
}

fn identifier(block: Fields<'_>) -> Result<MetricIdentifier, Error> {
    let metric = block.object("metric", "spec.metrics.metric")?;
    let selector = metric.object("selector", "spec.metrics.metric.selector")?;
    let selector = if selector.is_present() { Some(label_selector(selector)?) } else { None };
    Ok(MetricIdentifier { name: metric.shared("name")?, selector })
}

fn target(fields: Fields<'_>) -> Result<MetricTarget, Error> {
    Ok(MetricTarget {
        kind: fields.shared("type")?,
        value: quantity(fields, "value")?,
        average_value: quantity(fields, "averageValue")?,
        average_utilization: fields.int32("averageUtilization")?,
    })
}

fn quantity(fields: Fields<'_>, key: &str) -> Result<Option<Quantity>, Error> {
    let Some(value) = fields.value(key) else { return Ok(None) };
    let read = match value {
        Value::String(_) | Value::Number(_) => Quantity::from_json(&value.to_string()).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    read.map(Some).ok_or_else(|| Error::mistyped(key, "a quantity"))
}

fn behavior(fields: Fields<'_>) -> Result<Behavior, Error> {
    Ok(Behavior {
        scale_up: rules(fields.object("scaleUp", "spec.behavior.scaleUp")?, ScalingRules::up())?,
        scale_down: rules(fields.object("scaleDown", "spec.behavior.scaleDown")?, ScalingRules::down())?,
    })
}

fn rules(fields: Fields<'_>, defaults: ScalingRules) -> Result<ScalingRules, Error> {
    let policies = match fields.value("policies") {
        None => defaults.policies,
        Some(_) => fields.list("policies")?.iter().map(policy).collect::<Result<_, _>>()?,
    };
    Ok(ScalingRules {
        stabilization_window_seconds: fields
            .int32("stabilizationWindowSeconds")?
            .or(defaults.stabilization_window_seconds),
        select_policy: SelectPolicy::from_spelling(fields.text("selectPolicy")?),
        policies,
        tolerance: quantity(fields, "tolerance")?,
    })
}

fn policy(value: &Value) -> Result<ScalingPolicy, Error> {
    let policy = Fields::of(Some(value), "spec.behavior.policies")?;
    Ok(ScalingPolicy {
        kind: PolicyKind::from_spelling(policy.text("type")?),
        value: policy.count("value")?,
        period_seconds: policy.count("periodSeconds")?,
    })
}

fn metric_status(value: &Value) -> Result<MetricStatus, Error> {
    let status = Fields::of(Some(value), "status.currentMetrics")?;
    let block = |key: &str| status.object(key, "status.currentMetrics");
    let now = |block: Fields<'_>| -> Result<MetricValue, Error> {
        let current = block.object("current", "status.currentMetrics.current")?;
        Ok(MetricValue {
            value: quantity(current, "value")?,
            average_value: quantity(current, "averageValue")?,
            average_utilization: current.int32("averageUtilization")?,
        })
    };
    Ok(match status.text("type")? {
        "Resource" => {
            let block = block("resource")?;
            MetricStatus::Resource { name: block.shared("name")?, current: now(block)? }
        }
        "ContainerResource" => {
            let block = block("containerResource")?;
            let (name, container) = (block.shared("name")?, block.shared("container")?);
            MetricStatus::ContainerResource { name, container, current: now(block)? }
        }
        "Pods" => {
            let block = block("pods")?;
            MetricStatus::Pods { metric: identifier(block)?, current: now(block)? }
        }
        "Object" => {
            let block = block("object")?;
            let described_object =
                reference(block.object("describedObject", "status.currentMetrics.describedObject")?)?;
            MetricStatus::Object { described_object, metric: identifier(block)?, current: now(block)? }
        }
        "External" => {
            let block = block("external")?;
            MetricStatus::External { metric: identifier(block)?, current: now(block)? }
        }
        _ => MetricStatus::Failed,
    })
}

#[cfg(test)]
mod tests;
