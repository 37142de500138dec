//! The suite `hpa-sequence`: whole sequences of passes against a small API.

use super::view::{Listed, View};
use super::world::{Resource, Step, resource_of};
use super::{count, float, list, not_run, seconds, text};
use crate::Mismatch;
use crate::mismatch::same;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wavetank_controllers::horizontal::{
    AutoscalerName, HorizontalConfig, HorizontalInputs, HorizontalMemory, HorizontalWrite, TargetSeen, group_version,
    reconcile_horizontal,
};
use wavetank_engine::Time;
use wavetank_manifest::Edge;
use wavetank_manifest::horizontal::{decode_horizontal, render_horizontal_status};
use wavetank_model::{Base, HorizontalPodAutoscaler, Plan, Refusal, Reply, Scale, Selector, drive};

/// A case of `hpa-sequence`.
pub(in crate::suites) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let edge = Edge::default();
    let start = edge.time(text(&case["start"])).map_err(not_run)?;
    let mut cluster = Cluster {
        edge,
        config: config(case)?,
        autoscalers: BTreeMap::new(),
        memory: HorizontalMemory::default(),
        pods: BTreeMap::new(),
    };
    for step in list(&case["steps"]) {
        let at = seconds(&step["at"])?;
        let now = start + at;
        cluster.step(step, now).map_err(|mismatch| mismatch.within(&format!("at {}s", at.as_secs())))?;
    }
    Ok(())
}

fn config(case: &Value) -> Result<HorizontalConfig, Mismatch> {
    let config = &case["config"];
    let defaults = HorizontalConfig::default();
    let gate = |name: &str, default| case["featureGates"][name].as_bool().unwrap_or(default);
    Ok(HorizontalConfig {
        sync_period: seconds(&config["syncPeriodSeconds"])?,
        downscale_stabilization: seconds(&config["downscaleStabilizationSeconds"])?,
        tolerance: float(&config["tolerance"])?,
        cpu_initialization_period: seconds(&config["cpuInitializationPeriodSeconds"])?,
        initial_readiness_delay: seconds(&config["initialReadinessDelaySeconds"])?,
        scale_to_zero: gate("HPAScaleToZero", defaults.scale_to_zero),
        configurable_tolerance: gate("HPAConfigurableTolerance", defaults.configurable_tolerance),
        pod_level_resources: gate("PodLevelResources", defaults.pod_level_resources),
    })
}

/// What outlives a step.
struct Cluster {
    edge: Edge,
    config: HorizontalConfig,
    autoscalers: BTreeMap<AutoscalerName, HorizontalPodAutoscaler>,
    memory: HorizontalMemory,
    pods: BTreeMap<(String, String), Listed>,
}

/// Scales by resource and name.
type Scales = BTreeMap<String, Scale>;

impl Cluster {
    fn step(&mut self, step: &Value, now: Time) -> Result<(), Mismatch> {
        for key in list(&step["deleteHpas"]) {
            let name = name(text(key));
            self.autoscalers.remove(&name);
            self.memory.deleted(&name);
        }
        for given in list(&step["hpas"]) {
            let mut autoscaler = decode_horizontal(&given["stored"], &mut self.edge).map_err(not_run)?;
            let name = (autoscaler.meta.namespace.clone(), autoscaler.meta.name.clone());
            if let Some(old) = self.autoscalers.remove(&name) {
                autoscaler.status = old.status;
            }
            self.autoscalers.insert(name, autoscaler);
        }
        for key in list(&step["deletePods"]) {
            let name = text(key).rsplit('/').next().unwrap_or_default();
            self.pods.retain(|(_, pod), _| pod != name);
        }
        for value in list(&step["pods"]) {
            let listed = Listed::decode(value, &mut self.edge)?;
            let key = (text(&value["metadata"]["namespace"]).to_owned(), listed.name().to_string());
            self.pods.insert(key, listed);
        }
        let mut scales = scales(&step["scales"])?;
        let mut updates_refused = list(&step["faults"]["scaleUpdate"]).iter();
        for (key, expected) in list(&step["reconcile"]).iter().zip(list(&step["expect"])) {
            let got = self.pass(step, text(key), now, &mut scales, &mut updates_refused)?;
            compare(expected, got).map_err(|mismatch| mismatch.within(text(key)))?;
        }
        Ok(())
    }

    fn pass(
        &mut self,
        step: &Value,
        key: &str,
        now: Time,
        scales: &mut Scales,
        updates_refused: &mut core::slice::Iter<'_, Value>,
    ) -> Result<Value, Mismatch> {
        let name = name(key);
        let Some(autoscaler) = self.autoscalers.get(&name).cloned() else {
            self.memory.forget(&name);
            return Ok(json!({"hpa": key, "deleted": true, "statusWritten": false}));
        };
        let (target, resource) = target(&autoscaler, step, scales);
        let selector = match &target {
            TargetSeen::Found(scale) => Selector::parse(&scale.selector).unwrap_or_else(|_| Selector::nothing()),
            TargetSeen::UnknownKind | TargetSeen::Refused(_) => Selector::nothing(),
        };
        let picked = self.pods.values().filter(|pod| pod.is_picked(&name.0, &selector)).cloned().collect();
        let answers = Step {
            metrics: &step["metrics"],
            now,
            namespace: name.0.to_string(),
            strangers: self
                .pods
                .values()
                .filter(|pod| !pod.is_picked(&name.0, &selector))
                .map(|pod| pod.name().to_string())
                .collect(),
        };
        let view = View::new(picked, &answers);
        let memory = self.memory.autoscalers.get(&name).cloned().unwrap_or_default();
        let inputs = HorizontalInputs {
            now,
            config: &self.config,
            autoscaler: (&autoscaler).into(),
            target: &target,
            memory: &memory,
            selectors: &self.memory.selectors,
            view: &view,
        };

        let mut outcome = None;
        let mut record = Record { updates: Vec::new(), status: None };
        let plan = drive(
            |replies| {
                let new = reconcile_horizontal(&inputs, replies);
                let plan = new.plan.clone();
                outcome = Some(new);
                plan
            },
            |_, write| match write {
                HorizontalWrite::Scale { base, replicas } => {
                    let unread =
                        if *base == Base::Fresh { resource.refusal(&step["faults"]["scaleGet"]) } else { None };
                    if let Some(refusal) = unread {
                        return Reply::refused(refusal);
                    }
                    let refused = updates_refused.next().and_then(|fault| resource.refusal(fault));
                    record.update(&resource, *replicas, refused.as_ref());
                    if refused.is_none()
                        && let Some(scale) = scales.get_mut(&resource.key())
                    {
                        scale.spec_replicas = *replicas;
                    }
                    refused.map_or(Reply::done(1), Reply::refused)
                }
                HorizontalWrite::Status(status) => {
                    let own = Resource {
                        plural: "horizontalpodautoscalers",
                        group: "autoscaling".into(),
                        name: name.1.to_string(),
                    };
                    let refused = own.refusal(&step["faults"]["statusUpdate"]);
                    if refused.is_none() {
                        record.status = Some(std::sync::Arc::clone(status));
                    }
                    refused.map_or(Reply::done(1), Reply::refused)
                }
            },
        );
        if let Some(outcome) = outcome {
            if let Some(selector) = &outcome.selector {
                self.memory.selectors.put(&name, selector);
            }
            self.memory.autoscalers.insert(name.clone(), outcome.memory);
        }
        let written = record.status.as_ref().map(|status| render_horizontal_status(status, &self.edge));
        if let (Some(status), Some(stored)) = (record.status, self.autoscalers.get_mut(&name)) {
            stored.status = status;
        }
        Ok(seen(key, record.updates, written, &plan))
    }
}

/// What a pass did, as far as it is compared.
struct Record {
    updates: Vec<Value>,
    status: Option<std::sync::Arc<wavetank_model::horizontal::HorizontalStatus>>,
}

impl Record {
    fn update(&mut self, resource: &Resource, replicas: i32, refused: Option<&Refusal>) {
        let mut update = json!({"target": resource.key(), "replicas": replicas});
        if let Some(refusal) = refused {
            update["error"] = refusal.to_string().into();
        }
        self.updates.push(update);
    }
}

fn seen(key: &str, updates: Vec<Value>, status: Option<Value>, plan: &Plan<HorizontalWrite>) -> Value {
    let mut seen = Map::new();
    seen.insert("hpa".to_owned(), key.into());
    seen.insert("statusWritten".to_owned(), status.is_some().into());
    if !updates.is_empty() {
        seen.insert("scaleUpdates".to_owned(), updates.into());
    }
    let events: Vec<Value> = plan
        .events
        .iter()
        .map(|(_, event)| json!({"type": event.kind.as_str(), "reason": &*event.reason, "message": &*event.message}))
        .collect();
    if !events.is_empty() {
        seen.insert("events".to_owned(), events.into());
    }
    if let Some(status) = status {
        seen.insert("status".to_owned(), status);
    }
    if let Some(error) = &plan.error {
        seen.insert("error".to_owned(), error.to_string().into());
    }
    Value::Object(seen)
}

/// Conditions go by their types; what an infinite number became is nobody's business.
fn compare(expected: &Value, mut got: Value) -> Result<(), Mismatch> {
    let mut expected = expected.clone();
    let undefined = expected.as_object_mut().and_then(|fields| fields.remove("undefined")).unwrap_or_default();
    for side in [&mut expected, &mut got] {
        for pointer in list(&undefined) {
            if let Some(value) = side.pointer_mut(&format!("/status{}", text(pointer))) {
                *value = Value::Null;
            }
        }
        if let Some(Value::Array(conditions)) = side.pointer_mut("/status/conditions") {
            conditions.sort_by_key(|condition| condition["type"].to_string());
        }
    }
    same(&expected, &got)
}

fn name(key: &str) -> AutoscalerName {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    (namespace.into(), name.into())
}

fn scales(given: &Value) -> Result<Scales, Mismatch> {
    let mut scales = Scales::new();
    for (key, value) in given.as_object().into_iter().flatten() {
        let replicas = |part: &str| value[part]["replicas"].as_i64().map_or(Ok(0), |_| count(&value[part]["replicas"]));
        let scale = Scale {
            spec_replicas: replicas("spec")?,
            status_replicas: replicas("status")?,
            selector: text(&value["status"]["selector"]).into(),
        };
        scales.insert(key.clone(), scale);
    }
    Ok(scales)
}

fn target(autoscaler: &HorizontalPodAutoscaler, step: &Value, scales: &Scales) -> (TargetSeen, Resource) {
    let reference = &autoscaler.spec.scale_target;
    let group = group_version(&reference.api_version).map_or("", |(group, _)| group);
    let Some(resource) = resource_of(group, &reference.kind, &reference.name) else {
        return (TargetSeen::UnknownKind, Resource::default());
    };
    let target = match (resource.refusal(&step["faults"]["scaleGet"]), scales.get(&resource.key())) {
        (Some(refusal), _) => TargetSeen::Refused(refusal),
        (None, Some(scale)) => TargetSeen::Found(scale.clone()),
        (None, None) => TargetSeen::Refused(Refusal::not_found(&resource.group_resource(), &resource.name)),
    };
    (target, resource)
}
