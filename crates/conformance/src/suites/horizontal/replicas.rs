//! The suite `hpa-replicas`.

use super::view::{Answers, Listed, Samples, View};
use super::{count, float, integer, list, not_run, seconds, text};
use crate::Mismatch;
use serde_json::Value;
use wavetank_controllers::horizontal::replica_calculator::{ExternalMetric, ObjectMetric};
use wavetank_controllers::horizontal::{
    HorizontalConfig, MetricError, PodSample, Proposal, ReplicaCalculator, Series, Tolerances,
};
use wavetank_engine::Time;
use wavetank_manifest::Edge;
use wavetank_manifest::horizontal::decode_horizontal_spec;
use wavetank_model::horizontal::{MetricSource, ObjectReference};
use wavetank_model::{LabelSelector, Selector};

/// A case of `hpa-replicas`.
pub(in crate::suites) fn case(_: &Value, case: &Value) -> Result<(), Mismatch> {
    let mut edge = Edge::default();
    let namespace = text(&case["namespace"]);
    let selector = Selector::parse(text(&case["selector"])).map_err(not_run)?;
    let mut pods = Vec::new();
    for value in list(&case["pods"]) {
        let listed = Listed::decode(value, &mut edge)?;
        if listed.is_picked(namespace, &selector) {
            pods.push(listed);
        }
    }
    let config = HorizontalConfig {
        cpu_initialization_period: seconds(&case["cpuInitializationPeriodSeconds"])?,
        initial_readiness_delay: seconds(&case["initialReadinessDelaySeconds"])?,
        ..HorizontalConfig::default()
    };
    let answers = Recorded::of(&case["metrics"], &edge)?;
    let calculator = ReplicaCalculator {
        now: edge.time(text(&case["now"])).map_err(not_run)?,
        config: &config,
        tolerances: Tolerances {
            scale_up: float(&case["tolerances"]["scaleUp"])?,
            scale_down: float(&case["tolerances"]["scaleDown"])?,
        },
        view: &View::new(pods, &answers),
    };
    compare(&case["expect"], propose(case, &calculator)?, &edge)
}

fn propose(case: &Value, calculator: &ReplicaCalculator<'_>) -> Result<Result<Proposal, String>, Mismatch> {
    let (current, target) = (count(&case["currentReplicas"])?, integer(&case["target"])?);
    let (resource, container) = (text(&case["resource"]), case["container"].as_str());
    let (name, namespace) = (text(&case["metric"]), text(&case["namespace"]));
    let (metric_selector, object) = described(case)?;
    let compiled =
        metric_selector.as_ref().map(LabelSelector::compile).transpose().map_err(not_run)?.unwrap_or_default();
    let object_metric = ObjectMetric { name, namespace, object: &object, selector: &compiled };
    let external_metric = ExternalMetric { name, namespace, selector: metric_selector.as_ref() };
    Ok(match text(&case["method"]) {
        "GetResourceReplicas" => {
            calculator.resource_replicas(current, i32::try_from(target).map_err(not_run)?, resource, container)
        }
        "GetRawResourceReplicas" => calculator.raw_resource_replicas(current, target, resource, container),
        "GetMetricReplicas" => calculator.metric_replicas(current, target, name, &compiled),
        "GetObjectMetricReplicas" => calculator.object_metric_replicas(current, target, &object_metric),
        "GetObjectPerPodMetricReplicas" => calculator.object_per_pod_metric_replicas(current, target, &object_metric),
        "GetExternalMetricReplicas" => calculator.external_metric_replicas(current, target, &external_metric),
        "GetExternalPerPodMetricReplicas" => {
            calculator.external_per_pod_metric_replicas(current, target, &external_metric)
        }
        other => return Err(Mismatch::not_run(format!("unknown method {other}"))),
    })
}

/// The selector and the object of a metric, read where an autoscaler has them.
fn described(case: &Value) -> Result<(Option<LabelSelector>, ObjectReference), Mismatch> {
    let mut object = serde_json::json!({"describedObject": case["describedObject"], "metric": {}});
    object["metric"]["selector"] = case["metricSelector"].clone();
    let spec = serde_json::json!({"metrics": [{"type": "Object", "object": object}]});
    let spec = decode_horizontal_spec(&spec).map_err(not_run)?;
    match spec.metrics.into_iter().next() {
        Some(MetricSource::Object { described_object, metric, .. }) => Ok((metric.selector, described_object)),
        _ => Err(Mismatch::not_run("the metric cannot be read")),
    }
}

fn compare(expect: &Value, got: Result<Proposal, String>, edge: &Edge) -> Result<(), Mismatch> {
    let proposal = match (got, expect["error"].as_str()) {
        (Err(error), Some(expected)) if error == expected => return Ok(()),
        (Err(error), expected) => return Err(Mismatch::differs("error", expected.unwrap_or("(nothing)"), error)),
        (Ok(_), Some(expected)) => return Err(Mismatch::differs("error", expected, "(nothing)")),
        (Ok(proposal), None) => proposal,
    };
    let got = [
        ("replicas", Value::from(proposal.replicas)),
        ("usage", Value::from(proposal.usage)),
        ("utilization", proposal.utilization.map_or(Value::Null, Value::from)),
        ("timestamp", proposal.timestamp.map_or(Value::Null, |time| edge.spell_time(time).into())),
    ];
    for (key, value) in got {
        let skipped = list(&expect["undefined"]).iter().any(|field| text(field).trim_start_matches('/') == key);
        if !skipped && expect[key] != value {
            return Err(Mismatch::differs(key, &expect[key], value));
        }
    }
    Ok(())
}

/// One recorded answer, given to whatever is asked.
struct Recorded<'a> {
    answer: &'a Value,
    timestamp: Time,
    samples: Samples,
}

impl<'a> Recorded<'a> {
    fn of(answer: &'a Value, edge: &Edge) -> Result<Self, Mismatch> {
        let time = |value: &Value| value.as_str().map_or(Ok(Time::ZERO), |text| edge.time(text)).map_err(not_run);
        let mut samples = Samples::new();
        for (name, sample) in answer["pods"].as_object().into_iter().flatten() {
            let window = sample["windowSeconds"].as_i64().unwrap_or_default();
            samples.insert(
                name.clone(),
                PodSample {
                    milli: integer(&sample["value"])?,
                    timestamp: time(&sample["timestamp"])?,
                    window_nanos: window.saturating_mul(1_000_000_000),
                },
            );
        }
        Ok(Self { answer, timestamp: time(&answer["timestamp"])?, samples })
    }

    fn pods(&self) -> Result<(Samples, Time), MetricError> {
        match self.answer["error"].as_str() {
            Some(error) => Err(error.into()),
            None => Ok((self.samples.clone(), self.timestamp)),
        }
    }
}

impl Answers for Recorded<'_> {
    fn resource(&self, _: &str, _: Option<&str>) -> Result<(Samples, Time), MetricError> {
        self.pods()
    }

    fn custom(&self, _: &str, _: &Selector) -> Result<(Samples, Time), MetricError> {
        self.pods()
    }

    fn object(&self, _: &ObjectReference, _: &str, _: &Selector) -> Result<(i64, Time), MetricError> {
        self.pods().map(|(_, timestamp)| (self.answer["object"].as_i64().unwrap_or_default(), timestamp))
    }

    fn external(&self, _: &str, _: &Selector) -> Result<Series, MetricError> {
        self.pods().map(|(_, timestamp)| Series {
            milli: list(&self.answer["external"]).iter().filter_map(Value::as_i64).collect(),
            timestamp,
        })
    }
}
