//! What must hold of an autoscaler whatever the load, the rules and the faults.

use core::time::Duration;
use proptest::prelude::*;
use std::sync::Arc;
use wavetank_controllers::horizontal::{
    AutoscalerMemory, HorizontalConfig, HorizontalInputs, HorizontalView, HorizontalWrite, MetricError, Normalization,
    PodMetrics, PodSample, SeenPod, Selectors, Series, TargetSeen, normalize, reconcile_horizontal,
};
use wavetank_engine::Time;
use wavetank_model::container::{Container, ResourceList, Resources};
use wavetank_model::horizontal::{
    Behavior, HorizontalSpec, MetricSource, MetricTarget, ObjectReference, PolicyKind, ScalingPolicy, ScalingRules,
    SelectPolicy,
};
use wavetank_model::quantity::Format;
use wavetank_model::{
    ConditionStatus, HorizontalPodAutoscaler, ObjectMeta, Phase, Quantity, Reason, Refusal, Reply, Scale, Selector,
    StringMap, TemplateFacts,
};

const START: Time = Time::from_seconds(10_000);
const REQUEST: i64 = 200;

/// As many ready pods as replicas, each using the same.
struct Uniform {
    pods: Vec<SeenPod>,
    usage: Result<i64, MetricError>,
    facts: TemplateFacts,
    now: Time,
}

impl Uniform {
    fn new(pods: i32, usage: Result<i64, MetricError>, now: Time) -> Self {
        let pod = SeenPod {
            phase: Phase::Running,
            terminating: false,
            ready: Some(ConditionStatus::True),
            ready_transition: Some(Time::ZERO),
            started: Some(Time::ZERO),
            template: 0,
        };
        let request = [(Arc::from("cpu"), Quantity::from_milli(REQUEST, Format::DecimalSi))];
        let resources = Resources { requests: ResourceList(request.into()), limits: ResourceList::default() };
        let containers = vec![Container { name: "app".into(), resources, ..Container::default() }];
        let facts = TemplateFacts { containers, ..TemplateFacts::default() };
        Self { pods: vec![pod; usize::try_from(pods).unwrap()], usage, facts, now }
    }
}

impl HorizontalView for Uniform {
    fn pods(&self) -> &[SeenPod] {
        &self.pods
    }

    fn facts(&self, _: u32) -> &TemplateFacts {
        &self.facts
    }

    fn pod_name(&self, position: usize) -> Arc<str> {
        format!("web-{position}").into()
    }

    fn label_sets(&self) -> Vec<StringMap> {
        vec![StringMap::from_iter([("app", "web")])]
    }

    fn resource(&self, _: &str, _: Option<&str>) -> Result<PodMetrics, MetricError> {
        let sample = PodSample { milli: self.usage.clone()?, timestamp: self.now, window_nanos: 30_000_000_000 };
        Ok(PodMetrics { samples: vec![Some(sample); self.pods.len()], strangers: Vec::new(), timestamp: self.now })
    }

    fn custom(&self, _: &str, _: &Selector) -> Result<PodMetrics, MetricError> {
        self.resource("", None)
    }

    fn object(&self, _: &ObjectReference, _: &str, _: &Selector) -> Result<(i64, Time), MetricError> {
        Ok((self.usage.clone()?, self.now))
    }

    fn external(&self, _: &str, _: &Selector) -> Result<Series, MetricError> {
        Ok(Series { milli: vec![self.usage.clone()?], timestamp: self.now })
    }
}

fn autoscaler(min: i32, max: i32, percent: i32, behavior: Option<Behavior>) -> HorizontalPodAutoscaler {
    let target = MetricTarget { kind: "Utilization".into(), average_utilization: Some(percent), ..Default::default() };
    let scale_target = ObjectReference { api_version: "apps/v1".into(), kind: "Deployment".into(), name: "web".into() };
    HorizontalPodAutoscaler {
        meta: ObjectMeta { name: "web".into(), namespace: "default".into(), ..ObjectMeta::default() },
        spec: Arc::new(HorizontalSpec {
            scale_target,
            min_replicas: min,
            max_replicas: max,
            metrics: vec![MetricSource::Resource { name: "cpu".into(), target }],
            behavior,
        }),
        status: Arc::default(),
    }
}

/// A target under an autoscaler: its pods follow at once.
struct World {
    autoscaler: HorizontalPodAutoscaler,
    memory: AutoscalerMemory,
    replicas: i32,
    now: Time,
}

/// What a pass came to.
struct Passed {
    before: i32,
    after: i32,
    events: Vec<Arc<str>>,
}

impl World {
    fn new(autoscaler: HorizontalPodAutoscaler, replicas: i32) -> Self {
        Self { autoscaler, memory: AutoscalerMemory::default(), replicas, now: START }
    }

    /// One pass, 15 seconds after the one before. `refuse` refuses its first write.
    fn pass(&mut self, usage: Result<i64, MetricError>, refuse: bool) -> Passed {
        self.now += Duration::from_secs(15);
        let view = Uniform::new(self.replicas, usage, self.now);
        let selector = "app=web".into();
        let scale = Scale { spec_replicas: self.replicas, status_replicas: self.replicas, selector };
        let (target, config, selectors) = (TargetSeen::Found(scale), HorizontalConfig::default(), Selectors::default());
        let inputs = HorizontalInputs {
            now: self.now,
            config: &config,
            autoscaler: (&self.autoscaler).into(),
            target: &target,
            memory: &self.memory,
            selectors: &selectors,
            view: &view,
        };
        let replies = [Reply::refused(Refusal::new(Reason::Forbidden, "no"))];
        let outcome = reconcile_horizontal(&inputs, if refuse { &replies } else { &[] });
        let before = self.replicas;
        for (number, write) in outcome.plan.writes.iter().enumerate() {
            if refuse && number == 0 {
                continue;
            }
            match write {
                HorizontalWrite::Scale { replicas, .. } => self.replicas = *replicas,
                HorizontalWrite::Status(status) => self.autoscaler.status = Arc::clone(status),
            }
        }
        self.memory = outcome.memory;
        let events = outcome.plan.events.iter().map(|(_, event)| event.reason.shared()).collect();
        Passed { before, after: self.replicas, events }
    }
}

fn policies() -> impl Strategy<Value = Vec<ScalingPolicy>> {
    let policy = (any::<bool>(), 1..40_i32, 1..120_i32).prop_map(|(pods, value, period_seconds)| ScalingPolicy {
        kind: if pods { PolicyKind::Pods } else { PolicyKind::Percent },
        value,
        period_seconds,
    });
    prop::collection::vec(policy, 1..3)
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let select = prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min), Just(SelectPolicy::Disabled)];
    (prop::option::of(0..200_i32), select, policies()).prop_map(|(window, select_policy, policies)| ScalingRules {
        stabilization_window_seconds: window,
        select_policy,
        policies,
        tolerance: None,
    })
}

fn behaviors() -> impl Strategy<Value = Option<Behavior>> {
    prop::option::of((rules(), rules()).prop_map(|(up, scale_down)| {
        let window = Some(up.stabilization_window_seconds.unwrap_or(0));
        Behavior { scale_up: ScalingRules { stabilization_window_seconds: window, ..up }, scale_down }
    }))
}

/// Usage of each pod, failures of the metrics API, and refused writes.
fn passes() -> impl Strategy<Value = Vec<(Result<i64, MetricError>, bool)>> {
    let usage = prop_oneof![
        8 => (-50..2_000_i64).prop_map(Ok),
        1 => any::<i64>().prop_map(Ok),
        1 => Just(Err(MetricError::from("asleep"))),
    ];
    prop::collection::vec((usage, prop::bool::weighted(0.1)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_replicas_stay_between_the_bounds_and_status_and_events_agree_with_what_was_written(
        min in 1..10_i32, more in 0..40_i32, start in 1..60_i32, behavior in behaviors(), passes in passes(),
    ) {
        let max = min + more;
        let mut world = World::new(autoscaler(min, max, 60, behavior), start);
        for (usage, refuse) in passes {
            let passed = world.pass(usage, refuse);
            let status = &world.autoscaler.status;
            if passed.after != passed.before {
                prop_assert!((min..=max).contains(&passed.after), "{} to {}", passed.before, passed.after);
                prop_assert!(passed.events.iter().any(|reason| &**reason == "SuccessfulRescale"));
                prop_assert_eq!(status.desired_replicas, passed.after);
                prop_assert_eq!(status.last_scale_time, Some(world.now));
            } else {
                prop_assert!(!passed.events.iter().any(|reason| &**reason == "SuccessfulRescale"));
            }
        }
    }

    #[test]
    fn growth_between_the_bounds_is_never_faster_than_the_rule_without_behavior(
        start in 1..50_i32, passes in passes(),
    ) {
        let mut world = World::new(autoscaler(1, 1000, 60, None), start);
        for (usage, refuse) in passes {
            let passed = world.pass(usage, refuse);
            prop_assert!(passed.after <= (2 * passed.before).max(4));
        }
    }

    #[test]
    fn within_a_period_no_more_pods_come_or_go_than_a_single_policy_of_pods_allows(
        value in 1..10_i32, period in 1..12_i32, start in 20..60_i32, passes in passes(),
    ) {
        // Periods that no pass ends exactly on.
        let period_seconds = period * 15 - 7;
        let rules = ScalingRules {
            stabilization_window_seconds: Some(0),
            policies: vec![ScalingPolicy { kind: PolicyKind::Pods, value, period_seconds }],
            ..ScalingRules::up()
        };
        let behavior = Behavior { scale_up: rules.clone(), scale_down: rules };
        let mut world = World::new(autoscaler(1, 1000, 60, Some(behavior)), start);
        let mut changes: Vec<(Time, i32)> = Vec::new();
        for (usage, refuse) in passes {
            let passed = world.pass(usage, refuse);
            changes.push((world.now, passed.after - passed.before));
            let from = world.now.offset(-i64::from(period_seconds) * 1_000_000_000);
            let net: i32 = changes.iter().filter(|(at, _)| *at > from).map(|(_, change)| change).sum();
            // Only what a pass does is held against what it sees; later an opposite change may leave the period.
            if passed.after > passed.before {
                prop_assert!(net <= value, "{net} in {period_seconds} s");
            } else if passed.after < passed.before {
                prop_assert!(-net <= value, "{net} in {period_seconds} s");
            }
        }
    }

    #[test]
    fn nothing_shrinks_before_every_higher_proposal_has_left_the_window(
        start in 1..40_i32, passes in passes(), window in 16..200_i32,
    ) {
        let scale_down = ScalingRules { stabilization_window_seconds: Some(window), ..ScalingRules::down() };
        let behavior = Behavior { scale_down, ..Behavior::default() };
        let mut world = World::new(autoscaler(1, 1000, 60, Some(behavior)), start);
        for (usage, refuse) in passes {
            let cutoff = (world.now + Duration::from_secs(15)).offset(-i64::from(window) * 1_000_000_000);
            let recent = world.memory.recommendations.iter().filter(|past| past.time > cutoff);
            let highest = recent.map(|past| past.replicas).max();
            let passed = world.pass(usage, refuse);
            if passed.after < passed.before {
                prop_assert!(highest.is_none_or(|highest| highest <= passed.after));
            }
        }
    }

    #[test]
    fn a_constant_load_inside_the_tolerance_is_a_fixed_point(replicas in 1..100_i32, percent in 55..=65_i64) {
        let mut world = World::new(autoscaler(1, 100, 60, None), replicas);
        world.pass(Ok(percent * REQUEST / 100), false);
        let settled = world.autoscaler.status.clone();
        for _ in 0..40 {
            let passed = world.pass(Ok(percent * REQUEST / 100), false);
            prop_assert_eq!(passed.after, replicas);
        }
        prop_assert_eq!(&world.autoscaler.status, &settled);
    }

    #[test]
    fn a_constant_load_shared_by_the_pods_is_settled_in_the_end(load in 100..20_000_i64, start in 1..60_i32) {
        let mut world = World::new(autoscaler(1, 200, 60, None), start);
        let mut last = Vec::new();
        for _ in 0..120 {
            let usage = load / i64::from(world.replicas);
            last.push(world.pass(Ok(usage), false).after);
        }
        let tail = &last[last.len() - 20..];
        prop_assert!(tail.windows(2).all(|pair| pair[0] == pair[1]), "{tail:?}");
    }

    #[test]
    fn a_larger_load_never_gives_fewer_replicas(
        history in passes(), start in 1..60_i32, behavior in behaviors(), usage in 0..2_000_i64, more in 0..2_000_i64,
    ) {
        let mut world = World::new(autoscaler(1, 50, 60, behavior), start);
        for (usage, refuse) in history {
            world.pass(usage, refuse);
        }
        let mut other = World {
            autoscaler: world.autoscaler.clone(),
            memory: world.memory.clone(),
            replicas: world.replicas,
            now: world.now,
        };
        let (less, larger) = (world.pass(Ok(usage), false).after, other.pass(Ok(usage + more), false).after);
        prop_assert!(larger >= less, "{less} at {usage}, {larger} at {}", usage + more);
    }

    #[test]
    fn no_proposal_makes_a_normaliser_panic(
        current in any::<i32>(), desired in any::<i32>(), min in any::<i32>(), max in any::<i32>(),
        behavior in behaviors(), past in prop::collection::vec((any::<i32>(), any::<i64>()), 0..5),
    ) {
        let mut memory = AutoscalerMemory::default();
        for (replicas, time) in past {
            memory.record_initial(replicas, Time::from_nanos(time));
            memory.store_scale_event(behavior.as_ref(), current, replicas, Time::from_nanos(time));
        }
        let downscale_stabilization = Duration::from_secs(300);
        let behavior = behavior.as_ref();
        let proposal = Normalization { now: START, current, desired, min, max, behavior, downscale_stabilization };
        normalize(&proposal, &mut memory);
    }
}
