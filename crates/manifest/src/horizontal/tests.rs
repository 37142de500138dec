use super::*;
use serde_json::json;

fn all_kinds() -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
            "minReplicas": 2,
            "maxReplicas": 9,
            "metrics": [
                {"type": "Resource", "resource": {
                    "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
                {"type": "ContainerResource", "containerResource": {
                    "name": "memory", "target": {"type": "AverageValue", "averageValue": "90Mi"}, "container": "app"}},
                {"type": "Pods", "pods": {
                    "metric": {"name": "qps", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "AverageValue", "averageValue": "1500m"}}},
                {"type": "Object", "object": {
                    "describedObject": {"kind": "Ingress", "name": "main", "apiVersion": "networking.k8s.io/v1"},
                    "target": {"type": "Value", "value": "10k"},
                    "metric": {"name": "rps"}}},
                {"type": "External", "external": {
                    "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "30"}}},
            ],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
                    "policies": [
                        {"type": "Pods", "value": 4, "periodSeconds": 15},
                        {"type": "Percent", "value": 100, "periodSeconds": 15},
                    ]},
                "scaleDown": {
                    "stabilizationWindowSeconds": 60, "selectPolicy": "Disabled",
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}], "tolerance": "50m"},
            },
        },
        "status": {
            "lastScaleTime": "2026-01-01T00:00:15Z",
            "currentReplicas": 3,
            "desiredReplicas": 4,
            "currentMetrics": [
                {"type": ""},
                {"type": "Resource", "resource": {
                    "name": "cpu", "current": {"averageValue": "90m", "averageUtilization": 45}}},
            ],
            "conditions": [{
                "type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:15Z",
                "reason": "ReadyForNewScale", "message": "recommended size matches current size",
            }],
        },
    })
}

#[test]
fn what_is_rendered_is_what_was_read() {
    let mut edge = Edge::default();
    let given = all_kinds();
    let read = decode_horizontal(&given, &mut edge).unwrap();
    assert_eq!(render_horizontal(&read, &edge), given);
    assert_eq!(decode_horizontal(&render_horizontal(&read, &edge), &mut edge).unwrap(), read);
}

#[test]
fn rules_that_are_not_said_are_those_that_the_server_fills_in() {
    let spec = decode_horizontal_spec(&json!({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}})).unwrap();
    let behavior = spec.behavior.unwrap();
    assert_eq!(behavior.scale_up, ScalingRules::up());
    assert_eq!(behavior.scale_down, ScalingRules { stabilization_window_seconds: Some(5), ..ScalingRules::down() });
    assert_eq!(decode_horizontal_spec(&json!({})).unwrap().behavior, None);
}

#[test]
fn fields_of_wrong_types_are_errors() {
    for spec in [
        json!({"maxReplicas": "9"}),
        json!({"metrics": {}}),
        json!({"metrics": [{"type": "Resource", "resource": {"target": {"averageValue": "many"}}}]}),
        json!({"behavior": {"scaleUp": {"policies": [{"value": 1.5}]}}}),
        json!({"behavior": {"scaleUp": {"tolerance": []}}}),
    ] {
        assert!(decode_horizontal_spec(&spec).is_err(), "{spec}");
    }
}

#[test]
fn a_status_without_metrics_shows_them_as_null() {
    let shown = render_horizontal_status(&HorizontalStatus::default(), &Edge::default());
    assert_eq!(shown, json!({"desiredReplicas": 0, "currentMetrics": null}));
}
