//! The suite `hpa-normalize`.

use super::{count, integer, list, seconds};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Value, json};
use wavetank_controllers::horizontal::memory::{AutoscalerMemory, Recommendation, ScaleEvent};
use wavetank_controllers::horizontal::{Normalization, normalize};
use wavetank_engine::Time;
use wavetank_model::horizontal::Behavior;

/// The instant at which the ages of the prepared memory are counted.
const NOW: Time = Time::from_seconds(100_000);

/// A case of `hpa-normalize`.
pub(in crate::suites) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let behavior = behavior(case)?;
    let mut memory = memory(case)?;
    let current = count(&case["currentReplicas"])?;
    let proposal = Normalization {
        now: NOW,
        current,
        desired: count(&case["desiredReplicas"])?,
        min: count(&case["minReplicas"])?,
        max: count(&case["maxReplicas"])?,
        behavior: behavior.as_ref(),
        downscale_stabilization: seconds(&case["downscaleStabilizationSeconds"])?,
    };
    let normalized = normalize(&proposal, &mut memory);
    if normalized.replicas != current {
        memory.store_scale_event(behavior.as_ref(), current, normalized.replicas, NOW);
    }

    let (able, limited) = (normalized.able_to_scale, normalized.scaling_limited);
    let status = if normalized.is_limited { "True" } else { "False" };
    let mut got = json!({
        "replicas": normalized.replicas,
        "ableToScale": {"status": "True", "reason": able.0, "message": able.1},
        "scalingLimited": {"status": status, "reason": limited.0, "message": limited.1},
        "recommendationsAfter": sorted(memory.recommendations.iter().map(|one| aged("replicas", one.replicas, one.time))),
    });
    for (key, events) in
        [("scaleUpEventsAfter", &memory.scale_up_events), ("scaleDownEventsAfter", &memory.scale_down_events)]
    {
        if !events.is_empty() {
            got[key] = sorted(events.iter().map(|event| aged("change", event.change, event.time)));
        }
    }
    let mut expected = case["expect"].clone();
    for key in ["recommendationsAfter", "scaleUpEventsAfter", "scaleDownEventsAfter"] {
        if let Some(Value::Array(items)) = expected.get_mut(key) {
            let items = sorted(items.drain(..));
            expected[key] = items;
        }
    }
    same(&expected, &got)
}

/// The order of the memory has no meaning.
fn sorted(items: impl Iterator<Item = Value>) -> Value {
    let mut items: Vec<Value> = items.collect();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}

fn aged(key: &str, value: i32, time: Time) -> Value {
    json!({key: value, "ageSeconds": NOW.nanos_since(time) / 1_000_000_000})
}

fn behavior(case: &Value) -> Result<Option<Behavior>, Mismatch> {
    if case["behavior"].is_null() {
        return Ok(None);
    }
    let spec = json!({"behavior": case["behavior"]});
    Ok(wavetank_manifest::horizontal::decode_horizontal_spec(&spec).map_err(super::not_run)?.behavior)
}

fn memory(case: &Value) -> Result<AutoscalerMemory, Mismatch> {
    let time =
        |item: &Value| Ok::<_, Mismatch>(NOW.offset(integer(&item["ageSeconds"])?.saturating_mul(-1_000_000_000)));
    let events = |key: &str| {
        let event =
            |item: &Value| Ok(ScaleEvent { change: count(&item["change"])?, time: time(item)?, outdated: false });
        list(&case[key]).iter().map(event).collect::<Result<_, Mismatch>>()
    };
    let recommendations = list(&case["recommendations"]).iter();
    Ok(AutoscalerMemory {
        recommendations: recommendations
            .map(|item| Ok(Recommendation { replicas: count(&item["replicas"])?, time: time(item)? }))
            .collect::<Result<_, Mismatch>>()?,
        scale_up_events: events("scaleUpEvents")?,
        scale_down_events: events("scaleDownEvents")?,
    })
}
