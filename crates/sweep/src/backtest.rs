//! What an autoscaler would have done with a recorded series.
//!
//! Every period the controller's pass is given what was recorded: that many ready pods, each using the
//! recorded mean. Its decision stands beside the replicas recorded one period later. The recording goes
//! on as it went, whatever was decided, so one different decision does not spoil those after it.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_controllers::horizontal::{
    AutoscalerMemory, HorizontalConfig, HorizontalInputs, HorizontalView, MetricError, PodMetrics, PodSample, SeenPod,
    Selectors, Series, TargetSeen, reconcile_horizontal,
};
use wavetank_engine::Time;
use wavetank_manifest::Object;
use wavetank_metrics::{Point, Recording};
use wavetank_model::container::{Container, ResourceList, Resources};
use wavetank_model::horizontal::{HorizontalStatus, ObjectReference};
use wavetank_model::quantity::Format;
use wavetank_model::{
    ConditionStatus, HorizontalPodAutoscaler, Meaning, ObjectMeta, Phase, Quantity, Scale, Selector, StringMap,
    TemplateFacts,
};

/// A decision beside what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Seconds since the start of the recording.
    pub seconds: i64,
    /// Recorded mean usage of a pod, in thousandths; absent in a gap of the recording.
    pub usage_milli: Option<i64>,
    /// Recorded replicas.
    pub replicas: i32,
    /// Replicas that the autoscaler decides on.
    pub decided: i32,
    /// Replicas recorded one period later.
    pub recorded: i32,
    /// Why, as the condition that says most: ScalingLimited if it limits, else AbleToScale.
    pub reason: String,
}

/// All decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtest {
    /// In order of time.
    pub decisions: Vec<Decision>,
}

impl Backtest {
    /// How many decisions are those that were recorded.
    #[must_use]
    pub fn agreeing(&self) -> usize {
        self.decisions.iter().filter(|decision| decision.decided == decision.recorded).count()
    }

    /// How often the decided size turns around: moves the other way no later than `soon` after it moved.
    #[must_use]
    pub fn flaps(&self, soon: Duration) -> usize {
        let soon = i64::try_from(soon.as_secs()).unwrap_or(i64::MAX);
        let moves = self.decisions.windows(2).filter_map(|pair| match pair {
            [before, now] if before.decided != now.decided => Some((now.seconds, now.decided > before.decided)),
            _ => None,
        });
        let moves: Vec<(i64, bool)> = moves.collect();
        let is_turn =
            |pair: &&[(i64, bool)]| matches!(pair, [(then, up), (now, again)] if up != again && now - then <= soon);
        moves.windows(2).filter(is_turn).count()
    }
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// The manifest is no autoscaler that the API server would take.
    #[error("not an autoscaler: {0}")]
    Manifest(String),
    /// The recording has no such column.
    #[error("the recording has no column {0:?}")]
    Column(String),
}

/// Which recorded columns are what.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Mean usage of a pod: cores, bytes, or the unit of a custom metric.
    pub usage: &'a str,
    /// Replicas.
    pub replicas: &'a str,
}

/// Gives an autoscaler what was recorded and compares. `request_milli` is what each pod asks for of
/// every resource, in thousandths.
///
/// # Errors
/// If the manifest or a column cannot be used.
pub fn backtest(
    manifest: &str,
    request_milli: i64,
    recording: &Recording,
    columns: Columns<'_>,
    config: &HorizontalConfig,
) -> Result<Backtest, BacktestError> {
    let points = |name: &str| recording.points(name).ok_or_else(|| BacktestError::Column(name.to_owned()));
    let (usage, replicas) = (points(columns.usage)?, points(columns.replicas)?);
    let (Some(first), Some(last)) = (usage.first().map(|point| point.at), usage.last().map(|point| point.at)) else {
        return Ok(Backtest::default());
    };
    let mut autoscaler = autoscaler(manifest)?;
    let (mut memory, selectors) = (AutoscalerMemory::default(), Selectors::default());
    let mut backtest = Backtest::default();
    let mut now = first;
    while now <= last {
        let (milli, wanted) = (at(usage, now), count(at(replicas, now)));
        let view = Recorded::new(wanted, milli, request_milli, now);
        let scale = Scale { spec_replicas: wanted, status_replicas: wanted, selector: "app=recorded".into() };
        let target = TargetSeen::Found(scale);
        let inputs = HorizontalInputs {
            now,
            config,
            autoscaler: (&autoscaler).into(),
            target: &target,
            memory: &memory,
            selectors: &selectors,
            view: &view,
        };
        let outcome = reconcile_horizontal(&inputs, &[]);
        memory = outcome.memory;
        let status = outcome.plan.writes.into_iter().find_map(status_of);
        autoscaler.status = status.unwrap_or(autoscaler.status);
        let status = &autoscaler.status;
        let is_scaled = status.last_scale_time == Some(now.floor_second());
        backtest.decisions.push(Decision {
            seconds: now.nanos_since(first) / 1_000_000_000,
            usage_milli: milli,
            replicas: wanted,
            decided: if is_scaled { status.desired_replicas } else { wanted },
            recorded: count(at(replicas, now + config.sync_period)),
            reason: reason(status),
        });
        now += config.sync_period.max(Duration::from_secs(1));
    }
    Ok(backtest)
}

fn status_of(write: wavetank_controllers::HorizontalWrite) -> Option<Arc<HorizontalStatus>> {
    match write {
        wavetank_controllers::HorizontalWrite::Status(status) => Some(status),
        wavetank_controllers::HorizontalWrite::Scale { .. } => None,
    }
}

fn reason(status: &HorizontalStatus) -> String {
    let limited = status.condition("ScalingLimited").filter(|limited| limited.status == ConditionStatus::True);
    let failed = status.condition("ScalingActive").filter(|active| active.status == ConditionStatus::False);
    let told = failed.or(limited).or_else(|| status.condition("AbleToScale"));
    told.map_or_else(String::new, |condition| condition.reason.to_string())
}

fn at(points: &[Point], time: Time) -> Option<i64> {
    points.partition_point(|point| point.at <= time).checked_sub(1).and_then(|last| points.get(last)?.milli)
}

fn count(milli: Option<i64>) -> i32 {
    i32::try_from(milli.unwrap_or_default() / 1000).unwrap_or_default()
}

fn autoscaler(manifest: &str) -> Result<HorizontalPodAutoscaler, BacktestError> {
    let failed = |why: String| BacktestError::Manifest(why);
    let documents = wavetank_manifest::parse_yaml(manifest).map_err(|error| failed(error.to_string()))?;
    let [document] = documents.as_slice() else { return Err(failed("one document is wanted".to_owned())) };
    let object = wavetank_manifest::decode(document, &mut wavetank_manifest::Edge::default());
    let Object::Document(document) = object.map_err(|error| failed(error.to_string()))? else {
        return Err(failed("it is of another kind".to_owned()));
    };
    let Meaning::Autoscaler(spec) = &document.meaning else { return Err(failed("it is of another kind".to_owned())) };
    let meta = ObjectMeta { name: "recorded".into(), namespace: "default".into(), ..ObjectMeta::default() };
    Ok(HorizontalPodAutoscaler { meta, spec: Arc::clone(spec), status: Arc::default() })
}

/// As many ready pods as recorded, each using the recorded mean.
struct Recorded {
    pods: Vec<SeenPod>,
    milli: Option<i64>,
    facts: TemplateFacts,
    now: Time,
}

/// A window long past, so that no pod counts as starting.
const LONG_AGO: Time = Time::from_nanos(i64::MIN / 2);

impl Recorded {
    fn new(pods: i32, milli: Option<i64>, request_milli: i64, now: Time) -> Self {
        let pod = SeenPod {
            phase: Phase::Running,
            terminating: false,
            ready: Some(ConditionStatus::True),
            ready_transition: Some(LONG_AGO),
            started: Some(LONG_AGO),
            template: 0,
        };
        let amount = |name: &str| (Arc::from(name), Quantity::from_milli(request_milli, Format::DecimalSi));
        let requests = ResourceList([amount("cpu"), amount("memory")].into());
        let resources = Resources { requests, limits: ResourceList::default() };
        let containers = vec![Container { name: "app".into(), resources, ..Container::default() }];
        let facts = TemplateFacts { containers, ..TemplateFacts::default() };
        Self { pods: vec![pod; usize::try_from(pods).unwrap_or_default()], milli, facts, now }
    }

    fn samples(&self, api: &str) -> Result<PodMetrics, MetricError> {
        let missing = || MetricError::from(format!("no metrics returned from {api} metrics API"));
        let milli = self.milli.ok_or_else(missing)?;
        let sample = PodSample { milli, timestamp: self.now, window_nanos: 0 };
        Ok(PodMetrics { samples: vec![Some(sample); self.pods.len()], strangers: Vec::new(), timestamp: self.now })
    }
}

impl HorizontalView for Recorded {
    fn pods(&self) -> &[SeenPod] {
        &self.pods
    }

    fn facts(&self, _: u32) -> &TemplateFacts {
        &self.facts
    }

    fn pod_name(&self, position: usize) -> Arc<str> {
        format!("recorded-{position}").into()
    }

    fn label_sets(&self) -> Vec<StringMap> {
        vec![StringMap::from_iter([("app", "recorded")])]
    }

    fn resource(&self, _: &str, _: Option<&str>) -> Result<PodMetrics, MetricError> {
        self.samples("resource")
    }

    fn custom(&self, _: &str, _: &Selector) -> Result<PodMetrics, MetricError> {
        self.samples("custom")
    }

    fn object(&self, _: &ObjectReference, _: &str, _: &Selector) -> Result<(i64, Time), MetricError> {
        self.samples("custom").map(|_| (self.milli.unwrap_or_default(), self.now))
    }

    fn external(&self, _: &str, _: &Selector) -> Result<Series, MetricError> {
        self.samples("external").map(|_| Series { milli: self.milli.into_iter().collect(), timestamp: self.now })
    }
}
