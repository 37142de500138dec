//! A prepared cluster, forked for each setting.

use core::time::Duration;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};
use wavetank::{Cluster, Error};
use wavetank_model::HorizontalPodAutoscaler;
use wavetank_model::horizontal::{MetricSource, MetricStatus};

/// A cluster with its load, ready to be given an autoscaler.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The cluster, without the autoscaler.
    pub cluster: Cluster,
    /// The Deployment that is scaled.
    pub deployment: String,
    /// How long the load lasts.
    pub span: Duration,
    /// How often the cluster is looked at.
    pub step: Duration,
    /// A change of direction counts as a flap if it comes so soon after the change before.
    pub flap: Duration,
}

impl Scenario {
    /// A scenario that is looked at every 15 seconds; what turns around within ten minutes flaps.
    #[must_use]
    pub fn new(cluster: Cluster, deployment: &str, span: Duration) -> Self {
        let (step, flap) = (Duration::from_secs(15), Duration::from_secs(600));
        Self { cluster, deployment: deployment.to_owned(), span, step, flap }
    }
}

/// A setting to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is called in the table.
    pub name: String,
    /// Manifest of the autoscaler, which must have the name of the Deployment.
    pub manifest: String,
}

/// What became of a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The setting.
    pub setting: String,
    /// Seconds during which a metric was above its target.
    pub over_target_seconds: u64,
    /// Pods times seconds that they were there.
    pub pod_seconds: u64,
    /// Most replicas wanted at a time.
    pub most_replicas: i32,
    /// Replicas wanted at the end.
    pub last_replicas: i32,
    /// Changes of the replicas.
    pub scale_events: u32,
    /// Changes that soon took back what the one before did.
    pub flaps: u32,
    /// Requests sent.
    pub requests: u64,
    /// Of those, lost ones.
    pub requests_lost: u64,
    /// 99 of 100 answers came within so many milliseconds.
    pub latency_p99_millis: u64,
    /// Digest of the whole history, by which equal runs are known.
    pub digest: String,
}

/// Tries every setting, on all cores. `progress` is told how many of how many are done.
///
/// Rows are in the order of the settings, and the same whatever the number of cores.
///
/// # Errors
/// What the cluster refuses of a setting; the first in the order of the settings.
pub fn sweep(
    scenario: &Scenario,
    settings: &[Setting],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<Row>, Error> {
    let done = AtomicUsize::new(0);
    let rows: Vec<Result<Row, Error>> = settings
        .par_iter()
        .map(|setting| {
            let row = run(scenario, setting);
            progress(done.fetch_add(1, Ordering::Relaxed).saturating_add(1), settings.len());
            row
        })
        .collect();
    rows.into_iter().collect()
}

/// Runs one setting.
fn run(scenario: &Scenario, setting: &Setting) -> Result<Row, Error> {
    let mut cluster = scenario.cluster.clone();
    cluster.create(&setting.manifest)?;
    let mut row = Row { setting: setting.name.clone(), ..Row::default() };
    let mut before = cluster.deployment(&scenario.deployment)?.spec.replicas;
    let mut last_change = None;
    let start = cluster.now();
    let end = start + scenario.span;
    let step = scenario.step.max(Duration::from_millis(1));
    while cluster.now() < end {
        let span = step.min(end.since(cluster.now()));
        cluster.run_for(span);
        let deployment = cluster.deployment(&scenario.deployment)?;
        let (wanted, there) = (deployment.spec.replicas, deployment.status.replicas);
        let seconds = span.as_secs();
        row.pod_seconds =
            row.pod_seconds.saturating_add(u64::try_from(there).unwrap_or_default().saturating_mul(seconds));
        row.most_replicas = row.most_replicas.max(wanted);
        if is_over_target(&cluster.horizontal_pod_autoscaler(&scenario.deployment)?) {
            row.over_target_seconds = row.over_target_seconds.saturating_add(seconds);
        }
        if wanted != before {
            row.scale_events = row.scale_events.saturating_add(1);
            let is_up = wanted > before;
            let turned =
                last_change.is_some_and(|(at, was_up)| was_up != is_up && cluster.now().since(at) <= scenario.flap);
            row.flaps = row.flaps.saturating_add(u32::from(turned));
            last_change = Some((cluster.now(), is_up));
            before = wanted;
        }
    }
    row.last_replicas = before;
    let report = cluster.traffic_report();
    row.requests = report.sent();
    row.requests_lost = report.lost();
    row.latency_p99_millis =
        report.latencies().percentile(99).map_or(0, |latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
    row.digest = cluster.digest().to_string();
    Ok(row)
}

/// Whether the autoscaler sees a metric above its target.
fn is_over_target(autoscaler: &HorizontalPodAutoscaler) -> bool {
    let pairs = autoscaler.spec.metrics.iter().zip(&autoscaler.status.current_metrics);
    pairs
        .filter_map(|(source, status)| {
            let target = match source {
                MetricSource::Resource { target, .. }
                | MetricSource::ContainerResource { target, .. }
                | MetricSource::Pods { target, .. }
                | MetricSource::Object { target, .. }
                | MetricSource::External { target, .. } => target,
                MetricSource::Unknown(_) => return None,
            };
            let current = match status {
                MetricStatus::Resource { current, .. }
                | MetricStatus::ContainerResource { current, .. }
                | MetricStatus::Pods { current, .. }
                | MetricStatus::Object { current, .. }
                | MetricStatus::External { current, .. } => current,
                MetricStatus::Failed => return None,
            };
            Some(
                matches!((current.average_utilization, target.average_utilization), (Some(now), Some(aim)) if now > aim)
                    || matches!((&current.value, &target.value), (Some(now), Some(aim)) if now > aim)
                    || matches!((&current.average_value, &target.average_value), (Some(now), Some(aim)) if now > aim),
            )
        })
        .any(|is_over| is_over)
}
