//! Autoscalers and scales as the API server shows them.

use crate::record::Record;
use crate::render::{condition, label_selector};
use crate::{Edge, metadata};
use serde_json::Value;
use wavetank_model::horizontal::{
    Behavior, HorizontalSpec, HorizontalStatus, MetricIdentifier, MetricSource, MetricStatus, MetricTarget,
    MetricValue, ObjectReference, ScalingRules,
};
use wavetank_model::{HorizontalPodAutoscaler, ObjectMeta, Quantity, Scale};

/// A HorizontalPodAutoscaler as JSON of `autoscaling/v2`.
#[must_use]
pub fn render_horizontal(autoscaler: &HorizontalPodAutoscaler, edge: &Edge) -> Value {
    Record::new()
        .always("apiVersion", "autoscaling/v2")
        .always("kind", "HorizontalPodAutoscaler")
        .always("metadata", metadata::render(&autoscaler.meta, edge))
        .always("spec", spec(&autoscaler.spec))
        .always("status", render_horizontal_status(&autoscaler.status, edge))
        .finish()
}

/// The status of a HorizontalPodAutoscaler as JSON of `autoscaling/v2`.
#[must_use]
pub fn render_horizontal_status(status: &HorizontalStatus, edge: &Edge) -> Value {
    let conditions = status
        .conditions
        .iter()
        .map(|one| condition((&one.kind, one.status), one.last_transition, (&one.reason, &one.message), edge));
    let metrics: Vec<Value> = status.current_metrics.iter().map(metric_status).collect();
    Record::new()
        .optional("observedGeneration", status.observed_generation)
        .time("lastScaleTime", status.last_scale_time, edge)
        .number("currentReplicas", status.current_replicas)
        .always("desiredReplicas", status.desired_replicas)
        .always("currentMetrics", if metrics.is_empty() { Value::Null } else { Value::Array(metrics) })
        .list("conditions", conditions.collect())
        .finish()
}

/// The scale subresource of an object, as JSON of `autoscaling/v1`.
#[must_use]
pub fn render_scale(meta: &ObjectMeta, scale: &Scale, edge: &Edge) -> Value {
    let metadata = Record::new()
        .text("name", &meta.name)
        .text("namespace", &meta.namespace)
        .text("uid", &if meta.uid.0 == 0 { String::new() } else { edge.spell(meta.uid) })
        .text(
            "resourceVersion",
            &if meta.resource_version == 0 { String::new() } else { meta.resource_version.to_string() },
        )
        .time("creationTimestamp", meta.creation, edge);
    Record::new()
        .always("apiVersion", "autoscaling/v1")
        .always("kind", "Scale")
        .always("metadata", metadata.finish())
        .always("spec", Record::new().number("replicas", scale.spec_replicas).finish())
        .always(
            "status",
            Record::new().always("replicas", scale.status_replicas).text("selector", &scale.selector).finish(),
        )
        .finish()
}

fn spec(spec: &HorizontalSpec) -> Value {
    Record::new()
        .always("scaleTargetRef", reference(&spec.scale_target))
        .always("minReplicas", spec.min_replicas)
        .always("maxReplicas", spec.max_replicas)
        .list("metrics", spec.metrics.iter().map(source).collect())
        .optional("behavior", spec.behavior.as_ref().map(behavior))
        .finish()
}

fn reference(reference: &ObjectReference) -> Value {
    Record::new()
        .always("kind", &*reference.kind)
        .always("name", &*reference.name)
        .text("apiVersion", &reference.api_version)
        .finish()
}

fn source(source: &MetricSource) -> Value {
    let (kind, key, block) = match source {
        MetricSource::Resource { name, target } => {
            ("Resource", "resource", Record::new().always("name", &**name).always("target", aim(target)))
        }
        MetricSource::ContainerResource { name, container, target } => (
            "ContainerResource",
            "containerResource",
            Record::new().always("name", &**name).always("target", aim(target)).always("container", &**container),
        ),
        MetricSource::Pods { metric, target } => {
            ("Pods", "pods", Record::new().always("metric", identifier(metric)).always("target", aim(target)))
        }
        MetricSource::Object { described_object, metric, target } => (
            "Object",
            "object",
            Record::new()
                .always("describedObject", reference(described_object))
                .always("target", aim(target))
                .always("metric", identifier(metric)),
        ),
        MetricSource::External { metric, target } => {
            ("External", "external", Record::new().always("metric", identifier(metric)).always("target", aim(target)))
        }
        MetricSource::Unknown(kind) => return Record::new().always("type", &**kind).finish(),
    };
    Record::new().always("type", kind).always(key, block.finish()).finish()
}

fn aim(target: &MetricTarget) -> Value {
    Record::new()
        .always("type", &*target.kind)
        .optional("value", text(target.value.as_ref()))
        .optional("averageValue", text(target.average_value.as_ref()))
        .optional("averageUtilization", target.average_utilization)
        .finish()
}

fn identifier(metric: &MetricIdentifier) -> Value {
    Record::new()
        .always("name", &*metric.name)
        .optional("selector", metric.selector.as_ref().map(label_selector))
        .finish()
}

fn text(quantity: Option<&Quantity>) -> Option<String> {
    quantity.map(ToString::to_string)
}

fn behavior(behavior: &Behavior) -> Value {
    Record::new().always("scaleUp", rules(&behavior.scale_up)).always("scaleDown", rules(&behavior.scale_down)).finish()
}

fn rules(rules: &ScalingRules) -> Value {
    let policies = rules.policies.iter().map(|policy| {
        Record::new()
            .always("type", policy.kind.as_str())
            .always("value", policy.value)
            .always("periodSeconds", policy.period_seconds)
            .finish()
    });
    Record::new()
        .optional("stabilizationWindowSeconds", rules.stabilization_window_seconds)
        .always("selectPolicy", rules.select_policy.as_str())
        .list("policies", policies.collect())
        .optional("tolerance", text(rules.tolerance.as_ref()))
        .finish()
}

fn metric_status(status: &MetricStatus) -> Value {
    let (kind, key, block) = match status {
        MetricStatus::Failed => return Record::new().always("type", "").finish(),
        MetricStatus::Resource { name, current } => {
            ("Resource", "resource", Record::new().always("name", &**name).always("current", value(current)))
        }
        MetricStatus::ContainerResource { name, container, current } => (
            "ContainerResource",
            "containerResource",
            Record::new().always("name", &**name).always("current", value(current)).always("container", &**container),
        ),
        MetricStatus::Pods { metric, current } => {
            ("Pods", "pods", Record::new().always("metric", identifier(metric)).always("current", value(current)))
        }
        MetricStatus::Object { described_object, metric, current } => (
            "Object",
            "object",
            Record::new()
                .always("metric", identifier(metric))
                .always("current", value(current))
                .always("describedObject", reference(described_object)),
        ),
        MetricStatus::External { metric, current } => (
            "External",
            "external",
            Record::new().always("metric", identifier(metric)).always("current", value(current)),
        ),
    };
    Record::new().always("type", kind).always(key, block.finish()).finish()
}

fn value(value: &MetricValue) -> Value {
    Record::new()
        .optional("value", text(value.value.as_ref()))
        .optional("averageValue", text(value.average_value.as_ref()))
        .optional("averageUtilization", value.average_utilization)
        .finish()
}
