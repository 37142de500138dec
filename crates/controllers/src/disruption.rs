//! The disruption controller: what a PodDisruptionBudget allows, from the pods that it covers.
//!
//! Source: `pkg/controller/disruption/disruption.go`, `trySync`.

use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::disruption::{DisruptionBudget, DisruptionStatus};
use wavetank_model::{ConditionStatus, EventRecord, IntOrString, LookAgain, Pass, PassError, Plan, Reply, Uid};

/// For how long a pod whose eviction was allowed counts as gone although it is there.
pub const DELETION_TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// What the controller has seen.
#[derive(Clone, Debug)]
pub struct DisruptionInputs<'a> {
    /// The time.
    pub now: Time,
    /// The budget.
    pub budget: &'a DisruptionBudget,
    /// Its generation.
    pub generation: i64,
    /// Its status as seen.
    pub status: &'a DisruptionStatus,
    /// The pods that it covers.
    pub pods: &'a CoveredPods,
}

/// The pods that a budget covers, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredPods {
    /// All of them, whatever their state.
    pub count: i32,
    /// Those that are ready and not being deleted.
    pub healthy: i32,
    /// Sizes of the workloads that control them, each once.
    pub scales: BTreeMap<Uid, i32>,
    /// Whether some have no controller.
    pub unmanaged: bool,
    /// The first pod whose controller nobody knows.
    pub unknown_controller: Option<Arc<str>>,
    /// Of the pods in the status's list of disrupted ones, those that are there and not being deleted,
    /// and whether they are ready.
    pub disrupted: BTreeMap<Arc<str>, bool>,
}

/// A write of the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisruptionWrite {
    /// The budget's status.
    Status(DisruptionStatus),
}

/// One pass.
#[must_use]
pub fn reconcile_disruption(inputs: &DisruptionInputs<'_>, replies: &[Reply]) -> Plan<DisruptionWrite> {
    let mut pass = Pass::new(replies);
    let result = match wanted(inputs, &mut pass) {
        Ok(status) => write(&mut pass, inputs, status),
        Err(fault) => {
            // If nothing else can be known, no eviction is allowed.
            let mut status = inputs.status.clone();
            status.disruptions_allowed = 0;
            status.set_condition(ConditionStatus::False, "SyncFailed", &fault, inputs.now);
            write(&mut pass, inputs, status)
        }
    };
    pass.end(result)
}

fn write(
    pass: &mut Pass<'_, DisruptionWrite>,
    inputs: &DisruptionInputs<'_>,
    status: DisruptionStatus,
) -> Result<(), PassError> {
    if let Some(wait) = recheck(inputs, &status) {
        pass.look_again(LookAgain::After(wait));
    }
    if status == *inputs.status && status.condition_is_current(inputs.generation) {
        return Ok(());
    }
    pass.put(DisruptionWrite::Status(status))?;
    Ok(())
}

/// The earliest moment at which a pod that should be gone is given up.
fn recheck(inputs: &DisruptionInputs<'_>, status: &DisruptionStatus) -> Option<Duration> {
    let first = status.disrupted_pods.values().min()?;
    Some((*first + DELETION_TIMEOUT).since(inputs.now))
}

fn wanted(inputs: &DisruptionInputs<'_>, pass: &mut Pass<'_, DisruptionWrite>) -> Result<DisruptionStatus, Arc<str>> {
    let DisruptionInputs { now, budget, generation, status: old, pods } = inputs;
    if pods.count == 0 {
        pass.record(EventRecord::normal("NoPods", "No matching pods found"));
    }
    let (expected_pods, desired_healthy) = expected(inputs).map_err(|fault| {
        let text = format!("Failed to calculate the number of expected pods: {fault}");
        pass.record(EventRecord::warning("CalculateExpectedPodCountFailed", text));
        Arc::<str>::from(fault)
    })?;
    let by_scale =
        !matches!((&budget.max_unavailable, &budget.min_available), (None, Some(IntOrString::Int(_)) | None));
    if pods.unmanaged && by_scale {
        let text = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the \
             status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for \
             these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            budget.selector_text
        );
        pass.record(EventRecord::warning("UnmanagedPods", text));
    }
    let mut disrupted_pods = BTreeMap::new();
    let mut leaving = 0;
    for (name, ready) in &pods.disrupted {
        let Some(since) = old.disrupted_pods.get(name).filter(|since| **since + DELETION_TIMEOUT >= *now) else {
            continue;
        };
        disrupted_pods.insert(Arc::clone(name), *since);
        leaving += i32::from(*ready && *since + DELETION_TIMEOUT > *now);
    }
    let current_healthy = pods.healthy - leaving;
    let spare = current_healthy - desired_healthy;
    let mut status = DisruptionStatus {
        observed_generation: *generation,
        disruptions_allowed: if expected_pods <= 0 { 0 } else { spare.max(0) },
        current_healthy,
        desired_healthy,
        expected_pods,
        disrupted_pods,
        condition: old.condition.clone(),
    };
    if !status.condition_is_current(*generation) {
        status.tell_allowed(*now);
    }
    Ok(status)
}

/// How many pods there should be, and how many of them must stay healthy.
fn expected(inputs: &DisruptionInputs<'_>) -> Result<(i32, i32), String> {
    let DisruptionInputs { budget, pods, .. } = inputs;
    let scale = || match &pods.unknown_controller {
        Some(pod) => Err(format!("found no controllers for pod \"{pod}\"")),
        None => Ok(pods.scales.values().fold(0_i32, |sum, scale| sum.saturating_add(*scale))),
    };
    let share = |value: &IntOrString, total| value.scaled_value(total, true).map_err(|fault| fault.to_string());
    match (&budget.max_unavailable, &budget.min_available) {
        (Some(most), _) => {
            let total = scale()?;
            Ok((total, total.saturating_sub(share(most, total)?).max(0)))
        }
        (None, Some(IntOrString::Int(least))) => Ok((pods.count, *least)),
        (None, Some(least)) => {
            let total = scale()?;
            Ok((total, share(least, total)?))
        }
        (None, None) => Ok((0, 0)),
    }
}

#[cfg(test)]
#[path = "disruption_tests.rs"]
mod tests;
