//! One pass for one autoscaler, in the order in which upstream thinks.

use super::config::Tolerances;
use super::memory::AutoscalerMemory;
use super::metrics::{Failed, MetricName, ask};
use super::normalize::{Normalization, normalize};
use super::replica_calculator::ReplicaCalculator;
use super::write::{HorizontalInputs, HorizontalOutcome, HorizontalWrite, TargetSeen};
use std::collections::BTreeSet;
use std::sync::Arc;
use wavetank_model::horizontal::{HorizontalSpec, HorizontalStatus, MetricSource, MetricStatus};
use wavetank_model::{Base, ConditionStatus, EventRecord, Pass, PassError, Reason, Refusal, Reply, Scale, Selector};

/// Most tries of one scale write; only a conflict is worth another.
const TRIES: usize = 5;

/// One pass for an autoscaler.
#[must_use]
pub fn reconcile_horizontal(inputs: &HorizontalInputs<'_>, replies: &[Reply]) -> HorizontalOutcome {
    let mut sync = Sync {
        inputs: *inputs,
        pass: Pass::new(replies),
        status: begun(inputs.autoscaler.status),
        memory: inputs.memory.clone(),
        learned: None,
        unsaid: false,
    };
    let result = sync.autoscaler();
    HorizontalOutcome { plan: sync.pass.end(result), memory: sync.memory, selector: sync.learned }
}

/// A pass under way.
struct Sync<'a, 'r> {
    inputs: HorizontalInputs<'a>,
    pass: Pass<'r, HorizontalWrite>,
    /// The status in the making; what the metrics said comes last.
    status: HorizontalStatus,
    memory: AutoscalerMemory,
    learned: Option<Selector>,
    /// Whether it is still to be said that the scale could be read.
    unsaid: bool,
}

const ABLE: &str = "AbleToScale";

/// What the metrics ask for together.
struct Wanted<'a> {
    replicas: i32,
    /// The metric that asks for it.
    metric: MetricName<'a>,
    statuses: Vec<MetricStatus>,
    /// Metrics failed that did not matter.
    error: Option<String>,
}

/// Nothing can be concluded from the metrics.
struct Unknown {
    statuses: Vec<MetricStatus>,
    error: String,
}

/// What to do about the target.
struct Decision {
    desired: i32,
    reason: String,
    statuses: Vec<MetricStatus>,
    error: Option<String>,
}

impl<'a> Sync<'a, '_> {
    fn autoscaler(&mut self) -> Result<(), PassError> {
        let scale = match self.scale() {
            Ok(scale) => scale,
            Err((cause, error)) => {
                self.warn("FailedGetScale", &cause);
                let message = format!("the HPA controller was unable to get the target's current scale: {cause}");
                self.condition("AbleToScale", ConditionStatus::False, "FailedGetScale", &message);
                // What the metrics said the last time stands.
                self.status.current_metrics.clone_from(&self.inputs.autoscaler.status.current_metrics);
                // The failure to read is what the pass returns, whatever becomes of the status.
                let _ = self.update_status();
                return Err(stuck(error));
            }
        };
        self.able_to_scale();
        self.memory.record_initial(scale.spec_replicas, self.inputs.now);

        match self.decide(&scale) {
            Ok(decision) => self.carry_out(&scale, decision),
            Err(Unknown { statuses, error }) => {
                self.report(scale.spec_replicas, self.status.desired_replicas, statuses);
                let _ = self.update_status();
                self.warn("FailedComputeMetricsReplicas", &error);
                let reference = self.reference();
                Err(stuck(format!(
                    "failed to compute desired number of replicas based on listed metrics for {reference}: {error}"
                )))
            }
        }
    }

    /// The scale of the target, or why it is not known: the cause, and what the pass returns.
    fn scale(&self) -> Result<Scale, (String, String)> {
        let target = &self.spec().scale_target;
        let Some((group, _)) = group_version(&target.api_version) else {
            let cause = format!("unexpected GroupVersion string: {}", target.api_version);
            let error = format!("invalid API version in scale target reference: {cause}");
            return Err((cause, error));
        };
        match self.inputs.target {
            TargetSeen::UnknownKind => {
                let cause = format!("no matches for kind \"{}\" in group \"{group}\"", target.kind);
                let error = format!("unable to determine resource for scale target reference: {cause}");
                Err((cause, error))
            }
            TargetSeen::Refused(refusal) => {
                let error = format!("failed to query scale subresource for {}: {refusal}", self.reference());
                Err((refusal.to_string(), error))
            }
            TargetSeen::Found(scale) => Ok(scale.clone()),
        }
    }

    fn decide(&mut self, scale: &Scale) -> Result<Decision, Unknown> {
        let (current, min, max) = (scale.spec_replicas, self.spec().min_replicas, self.spec().max_replicas);
        let was_scaled_to_zero = self.inputs.config.scale_to_zero
            && self.status.condition("ScaledToZero").is_some_and(|held| held.status == ConditionStatus::True);
        let jump = |desired, reason: &str| {
            Ok(Decision { desired, reason: reason.to_owned(), statuses: Vec::new(), error: None })
        };
        if current == 0 {
            if !(was_scaled_to_zero && (min != 0 || has_metrics_without_pods(self.spec()))) {
                let message = "scaling is disabled since the replica count of the target is zero";
                self.condition("ScalingActive", ConditionStatus::False, "ScalingDisabled", message);
                return jump(0, "");
            }
        } else if current > max {
            return jump(max, ABOVE_MAX);
        } else if current < min {
            return jump(min, BELOW_MIN);
        }

        let wanted = self.ask_metrics(scale)?;
        let proposed = wanted.replicas.max(0);
        let mut reason = if proposed > current {
            format!("{} above target", wanted.metric)
        } else if proposed < current {
            "All metrics below target".to_owned()
        } else {
            String::new()
        };
        let mut desired = self.normalize(current, proposed);
        if current == 0 && min != 0 && desired < min {
            // The minimum was raised while the target was at zero.
            desired = min;
            if reason.is_empty() {
                BELOW_MIN.clone_into(&mut reason);
            }
        }
        Ok(Decision { desired, reason, statuses: wanted.statuses, error: wanted.error })
    }

    fn normalize(&mut self, current: i32, desired: i32) -> i32 {
        let spec = self.spec();
        let proposal = Normalization {
            now: self.inputs.now,
            current,
            desired,
            min: spec.min_replicas,
            max: spec.max_replicas,
            behavior: spec.behavior.as_ref(),
            downscale_stabilization: self.inputs.config.downscale_stabilization,
        };
        let normalized = normalize(&proposal, &mut self.memory);
        let (reason, message) = normalized.able_to_scale;
        self.condition("AbleToScale", ConditionStatus::True, reason, message);
        let limited = if normalized.is_limited { ConditionStatus::True } else { ConditionStatus::False };
        let (reason, message) = normalized.scaling_limited;
        self.condition("ScalingLimited", limited, reason, message);
        normalized.replicas
    }

    fn carry_out(&mut self, scale: &Scale, decision: Decision) -> Result<(), PassError> {
        let (current, desired) = (scale.spec_replicas, decision.desired);
        if desired != current {
            if let Err(refusal) = self.update_scale(desired) {
                let reason = &decision.reason;
                self.warn("FailedRescale", &format!("New size: {desired}; reason: {reason}; error: {refusal}"));
                let message = format!("the HPA controller was unable to update the target scale: {refusal}");
                self.condition("AbleToScale", ConditionStatus::False, "FailedUpdateScale", &message);
                self.report(current, self.status.desired_replicas, decision.statuses);
                let _ = self.update_status();
                return Err(stuck(format!("failed to rescale {}: {refusal}", self.reference())));
            }
            let message = format!("the HPA controller was able to update the target scale to {desired}");
            self.condition("AbleToScale", ConditionStatus::True, "SucceededRescale", &message);
            let message = format!("New size: {desired}; reason: {}", decision.reason);
            self.pass.record(EventRecord::normal("SuccessfulRescale", message));
            let behavior = self.spec().behavior.as_ref();
            self.memory.store_scale_event(behavior, current, desired, self.inputs.now);
            self.note_zero(current, desired);
            self.status.last_scale_time = Some(self.inputs.now.floor_second());
        }
        self.report(current, desired, decision.statuses);
        self.update_status()?;
        decision.error.map_or(Ok(()), |error| Err(stuck(error)))
    }

    /// Notes whether it was the autoscaler that took the target to zero: only then it may bring it back.
    fn note_zero(&mut self, current: i32, desired: i32) {
        if !self.inputs.config.scale_to_zero {
            return;
        }
        let spec = self.spec();
        if current > 0 && desired == 0 && spec.min_replicas == 0 && has_metrics_without_pods(spec) {
            let message = "the HPA controller scaled the workload to zero";
            self.condition("ScaledToZero", ConditionStatus::True, "ScaledToZero", message);
        } else {
            let message = "the HPA controller did not scale the workload to zero";
            self.condition("ScaledToZero", ConditionStatus::False, "NotScaledToZero", message);
        }
    }

    fn update_scale(&mut self, replicas: i32) -> Result<(), Refusal> {
        let mut base = Base::Cached;
        let mut tries = 1;
        loop {
            match self.pass.put(HorizontalWrite::Scale { base, replicas }) {
                Ok(_) => return Ok(()),
                Err(refusal) if refusal.reason == Reason::Conflict && tries < TRIES => {
                    base = Base::Fresh;
                    tries += 1;
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// The largest of what the metrics ask for. If some failed, nothing is taken away.
    fn ask_metrics(&mut self, scale: &Scale) -> Result<Wanted<'a>, Unknown> {
        self.learn_selector(scale).map_err(|error| Unknown { statuses: Vec::new(), error })?;
        let inputs = self.inputs;
        let calculator = ReplicaCalculator {
            now: inputs.now,
            config: inputs.config,
            tolerances: Tolerances::of(inputs.config, self.spec().behavior.as_ref()),
            view: inputs.view,
        };
        let statuses = Vec::with_capacity(inputs.autoscaler.spec.metrics.len());
        let mut wanted = Wanted { replicas: 0, metric: MetricName::default(), statuses, error: None };
        let mut first_failure: Option<Failed> = None;
        let mut failures = 0_usize;
        for source in &inputs.autoscaler.spec.metrics {
            match ask(&calculator, &inputs.autoscaler.meta.namespace, scale, source) {
                Ok(asked) => {
                    wanted.statuses.push(asked.status);
                    if wanted.replicas == 0 || asked.replicas > wanted.replicas {
                        wanted.replicas = asked.replicas;
                        wanted.metric = asked.name;
                    }
                }
                Err(failed) => {
                    self.warn(failed.reason, &failed.cause);
                    wanted.statuses.push(MetricStatus::Failed);
                    failures += 1;
                    first_failure.get_or_insert(failed);
                }
            }
        }
        let sources = inputs.autoscaler.spec.metrics.len();
        if let Some(failed) = first_failure {
            let error =
                format!("invalid metrics ({failures} invalid out of {sources}), first error is: {}", failed.error);
            if failures == sources || wanted.replicas < scale.spec_replicas {
                let message = format!("the HPA was unable to compute the replica count: {}", failed.cause);
                self.condition("ScalingActive", ConditionStatus::False, failed.reason, &message);
                return Err(Unknown { statuses: wanted.statuses, error });
            }
            wanted.error = Some(error);
        } else if sources == 0 {
            let error = "invalid metrics (0 invalid out of 0), first error is: <nil>".to_owned();
            return Err(Unknown { statuses: Vec::new(), error });
        }
        const CALCULATED: &str = "the HPA was able to successfully calculate a replica count from ";
        let told = self.status.condition("ScalingActive").is_some_and(|active| {
            active.status == ConditionStatus::True
                && &*active.reason == "ValidMetricFound"
                && active.message.strip_prefix(CALCULATED).is_some_and(|metric| wanted.metric.is(metric))
        });
        if !told {
            let message = format!("{CALCULATED}{}", wanted.metric);
            self.condition("ScalingActive", ConditionStatus::True, "ValidMetricFound", &message);
        }
        Ok(wanted)
    }

    /// Reads the selector of the target and sees that no other autoscaler has its pods.
    fn learn_selector(&mut self, scale: &Scale) -> Result<(), String> {
        if scale.selector.is_empty() {
            let error = "selector is required";
            self.warn("SelectorRequired", error);
            let message = "the HPA target's scale is missing a selector";
            self.condition("ScalingActive", ConditionStatus::False, "InvalidSelector", message);
            return Err(error.to_owned());
        }
        if self.inputs.view.is_uncontested() {
            return Ok(());
        }
        let meta = &self.inputs.autoscaler.meta;
        if self.inputs.selectors.learned(&meta.namespace, &meta.name, &scale.selector).is_none() {
            match Selector::parse(&scale.selector) {
                Ok(selector) => self.learned = Some(selector),
                Err(error) => {
                    let error =
                        format!("couldn't convert selector into a corresponding internal selector object: {error}");
                    self.warn("InvalidSelector", &error);
                    self.condition("ScalingActive", ConditionStatus::False, "InvalidSelector", &error);
                    return Err(error);
                }
            }
        }
        let mut rivals: BTreeSet<Arc<str>> = BTreeSet::new();
        for labels in &self.inputs.view.label_sets() {
            self.inputs.selectors.selecting(&meta.namespace, labels, |name| {
                if *name != meta.name {
                    rivals.insert(Arc::clone(name));
                }
            });
        }
        if rivals.is_empty() {
            return Ok(());
        }
        rivals.insert(Arc::clone(&meta.name));
        let namespace = &meta.namespace;
        let names: Vec<String> = rivals.iter().map(|name| format!("{namespace}/{name}")).collect();
        let (selector, names) = (&scale.selector, names.join(" "));
        let error = format!("pods by selector {selector} are controlled by multiple HPAs: [{names}]");
        self.warn("AmbiguousSelector", &error);
        self.condition("ScalingActive", ConditionStatus::False, "AmbiguousSelector", &error);
        Err(error)
    }

    fn report(&mut self, current: i32, desired: i32, statuses: Vec<MetricStatus>) {
        self.status.observed_generation = None;
        self.status.current_replicas = current;
        self.status.desired_replicas = desired;
        self.status.current_metrics = statuses;
    }

    /// Writes the status if it changed.
    fn update_status(&mut self) -> Result<(), PassError> {
        if self.unsaid {
            self.say_able_to_scale();
        }
        if self.status == *self.inputs.autoscaler.status {
            return Ok(());
        }
        // It is the last thing that a pass does.
        let status = Arc::new(core::mem::replace(&mut self.status, begun(self.inputs.autoscaler.status)));
        let Err(refusal) = self.pass.put(HorizontalWrite::Status(status)) else {
            return Ok(());
        };
        self.warn("FailedUpdateStatus", &refusal.message);
        let name = &self.inputs.autoscaler.meta.name;
        Err(stuck(format!("failed to update status for {name}: {refusal}")))
    }

    fn spec(&self) -> &'a HorizontalSpec {
        self.inputs.autoscaler.spec
    }

    fn reference(&self) -> String {
        let (meta, target) = (&self.inputs.autoscaler.meta, &self.spec().scale_target);
        format!("{}/{}/{}", target.kind, meta.namespace, target.name)
    }

    /// Notes that the scale could be read. Most passes say more of AbleToScale later on, with the same
    /// status: then it need not be worded now.
    fn able_to_scale(&mut self) {
        self.unsaid = self.status.condition(ABLE).is_some_and(|known| known.status == ConditionStatus::True);
        if !self.unsaid {
            self.say_able_to_scale();
        }
    }

    fn say_able_to_scale(&mut self) {
        self.unsaid = false;
        let message = "the HPA controller was able to get the target's current scale";
        self.status.set_condition(ABLE, ConditionStatus::True, "SucceededGetScale", message, self.inputs.now);
    }

    fn condition(&mut self, kind: &str, status: ConditionStatus, reason: &str, message: &str) {
        if self.unsaid && kind == ABLE {
            self.unsaid = false;
        }
        self.status.set_condition(kind, status, reason, message, self.inputs.now);
    }

    fn warn(&mut self, reason: &str, message: &str) {
        self.pass.record(EventRecord::warning(reason.to_owned(), message.to_owned()));
    }
}

/// A status to begin with: the last one, without what the metrics said.
fn begun(last: &HorizontalStatus) -> HorizontalStatus {
    HorizontalStatus {
        observed_generation: last.observed_generation,
        last_scale_time: last.last_scale_time,
        current_replicas: last.current_replicas,
        desired_replicas: last.desired_replicas,
        current_metrics: Vec::new(),
        conditions: last.conditions.clone(),
    }
}

const ABOVE_MAX: &str = "Current number of replicas above Spec.MaxReplicas";
const BELOW_MIN: &str = "Current number of replicas below Spec.MinReplicas";

/// Whether there is a metric that can be read while there is no pod.
fn has_metrics_without_pods(spec: &HorizontalSpec) -> bool {
    spec.metrics.iter().any(|source| match source {
        MetricSource::Object { .. } | MetricSource::External { .. } => true,
        MetricSource::Resource { .. }
        | MetricSource::ContainerResource { .. }
        | MetricSource::Pods { .. }
        | MetricSource::Unknown(_) => false,
    })
}

/// Group and version of an `apiVersion`, if it is one.
#[must_use]
pub fn group_version(api_version: &str) -> Option<(&str, &str)> {
    match api_version.split_once('/') {
        None => Some(("", api_version)),
        Some((group, version)) => (!version.contains('/')).then_some((group, version)),
    }
}

fn stuck(error: String) -> PassError {
    PassError::Stuck(error.into())
}
