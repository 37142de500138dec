//! HorizontalPodAutoscalers of `autoscaling/v2`.

use super::{Fields, absent, below, present};
use serde_json::{Value, json};

/// Fills in an autoscaler: rules of scaling only where there are any.
pub(super) fn autoscaler(object: &mut Fields) {
    let Some(spec) = below(object, "spec") else { return };
    absent(spec, "minReplicas", 1);
    if spec.get("metrics").is_none_or(Value::is_null) {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        absent(spec, "metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
    }
    let Some(behavior) = present(spec, "behavior") else { return };
    if let Some(up) = below(behavior, "scaleUp") {
        absent(up, "stabilizationWindowSeconds", 0);
        absent(up, "selectPolicy", "Max");
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        absent(up, "policies", json!([pods, {"type": "Percent", "value": 100, "periodSeconds": 15}]));
    }
    if let Some(down) = below(behavior, "scaleDown") {
        absent(down, "selectPolicy", "Max");
        absent(down, "policies", json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]));
    }
}
