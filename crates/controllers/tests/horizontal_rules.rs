//! Rules of the autoscaler, one by one.

use core::time::Duration;
use std::cell::Cell;
use std::sync::Arc;
use wavetank_controllers::horizontal::{
    AutoscalerMemory, HorizontalConfig, HorizontalInputs, HorizontalOutcome, HorizontalView, HorizontalWrite,
    MetricError, PodMetrics, PodSample, ReplicaCalculator, SeenPod, Selectors, Series, TargetSeen, Tolerances,
    reconcile_horizontal,
};
use wavetank_engine::Time;
use wavetank_model::container::{Container, ResourceList, Resources};
use wavetank_model::horizontal::{HorizontalSpec, MetricIdentifier, MetricSource, MetricTarget, ObjectReference};
use wavetank_model::quantity::Format;
use wavetank_model::{
    Base, ConditionStatus, HorizontalPodAutoscaler, ObjectMeta, Phase, Quantity, Refusal, Reply, Scale, Selector,
    StringMap, TemplateFacts,
};

const NOW: Time = Time::from_seconds(10_000);
const LONG_AGO: Time = Time::from_seconds(1_000);

/// A pod that has been ready for long, with its sample.
const READY: SeenPod = SeenPod {
    phase: Phase::Running,
    terminating: false,
    ready: Some(ConditionStatus::True),
    ready_transition: Some(LONG_AGO),
    started: Some(LONG_AGO),
    template: 0,
};

/// Pods that each ask for 100 thousandths, and their samples.
struct Pods {
    seen: Vec<SeenPod>,
    samples: Vec<Option<i64>>,
    strangers: Vec<i64>,
    facts: TemplateFacts,
    asked: Cell<u32>,
}

impl Pods {
    fn new(pods: &[(SeenPod, Option<i64>)]) -> Self {
        let request = [(Arc::from("cpu"), Quantity::from_milli(100, Format::DecimalSi))];
        let resources = Resources { requests: ResourceList(request.into()), limits: ResourceList::default() };
        let containers = vec![Container { name: "app".into(), resources, ..Container::default() }];
        Self {
            seen: pods.iter().map(|(pod, _)| *pod).collect(),
            samples: pods.iter().map(|(_, sample)| *sample).collect(),
            strangers: Vec::new(),
            facts: TemplateFacts { containers, ..TemplateFacts::default() },
            asked: Cell::new(0),
        }
    }

    /// So many ready pods, each using the same.
    fn uniform(count: usize, milli: i64) -> Self {
        Self::new(&vec![(READY, Some(milli)); count])
    }

    /// What a target of 50 % of the requests makes of it.
    fn at_half(&self, current: i32) -> Result<i32, String> {
        let config = HorizontalConfig::default();
        let tolerances = Tolerances::of(&config, None);
        let calculator = ReplicaCalculator { now: NOW, config: &config, tolerances, view: self };
        calculator.resource_replicas(current, 50, "cpu", None).map(|proposal| proposal.replicas)
    }
}

impl HorizontalView for Pods {
    fn pods(&self) -> &[SeenPod] {
        &self.seen
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
        self.asked.set(self.asked.get() + 1);
        let timestamp = NOW - Duration::from_secs(10);
        let sample = |milli| PodSample { milli, timestamp, window_nanos: 30_000_000_000 };
        let samples = self.samples.iter().map(|milli| milli.map(sample)).collect();
        Ok(PodMetrics { samples, strangers: self.strangers.clone(), timestamp })
    }

    fn custom(&self, _: &str, _: &Selector) -> Result<PodMetrics, MetricError> {
        Err("asleep".into())
    }

    fn object(&self, _: &ObjectReference, _: &str, _: &Selector) -> Result<(i64, Time), MetricError> {
        Err("asleep".into())
    }

    fn external(&self, _: &str, _: &Selector) -> Result<Series, MetricError> {
        Ok(Series { milli: vec![35_000], timestamp: NOW })
    }
}

#[test]
fn one_pod_at_180_percent_of_70_asks_for_three_and_the_percentage_is_cut_before_it_is_a_ratio() {
    assert_eq!(Pods::uniform(1, 90).at_half(1), Ok(2));
    // 55.9 % counts as 55 %, which is inside the tolerance of a tenth.
    assert_eq!(Pods::new(&[(READY, Some(56)), (READY, Some(55))]).at_half(2), Ok(2));
    assert_eq!(Pods::uniform(2, 56).at_half(2), Ok(3));
}

#[test]
fn pods_that_start_count_as_idle_on_the_way_up() {
    let starting =
        SeenPod { ready: Some(ConditionStatus::False), started: Some(NOW - Duration::from_secs(20)), ..READY };
    let three = Pods::new(&[(READY, Some(90)), (READY, Some(90)), (starting, Some(400))]);
    // 90 % over two pods would be 4; with one idle pod it is 60 % over three.
    assert_eq!(three.at_half(3), Ok(4));
    let many = Pods::new(&[(READY, Some(90)), (starting, None), (starting, None)]);
    assert_eq!(many.at_half(3), Ok(3));
}

#[test]
fn pods_without_samples_count_as_full_on_the_way_down() {
    let pods = Pods::new(&[(READY, Some(10)), (READY, Some(10)), (READY, Some(10)), (READY, None)]);
    // 10 % would leave one pod; with one at 100 % the mean is 32 %.
    assert_eq!(pods.at_half(4), Ok(3));
}

#[test]
fn failed_and_terminating_pods_are_left_out_samples_and_all() {
    let failed = SeenPod { phase: Phase::Failed, ..READY };
    let going = SeenPod { terminating: true, ..READY };
    let pods = Pods::new(&[(READY, Some(50)), (failed, Some(900)), (going, Some(900))]);
    assert_eq!(pods.at_half(1), Ok(1));
    let none = Pods::new(&[(going, Some(50))]);
    assert_eq!(none.at_half(1), Err("did not receive metrics for targeted pods (pods might be unready)".into()));
}

#[test]
fn a_sample_that_began_before_its_pod_was_ready_does_not_count_yet() {
    let young = |ready: i64| {
        let since = Some(NOW - Duration::from_secs(u64::try_from(ready).unwrap()));
        SeenPod { ready_transition: since, started: Some(NOW - Duration::from_secs(60)), ..READY }
    };
    // The window of 30 s ended 10 s ago.
    assert!(Pods::new(&[(young(39), Some(90))]).at_half(1).is_err());
    assert_eq!(Pods::new(&[(young(40), Some(90))]).at_half(1), Ok(2));
}

#[test]
fn samples_of_strangers_are_part_of_the_number_and_not_of_the_sums() {
    let mut pods = Pods::new(&[(READY, Some(90)), (READY, Some(90)), (READY, None)]);
    assert_eq!(pods.at_half(2), Ok(4));
    pods.strangers = vec![0, 0];
    assert_eq!(pods.at_half(2), Ok(6));
}

fn autoscaler(metrics: Vec<MetricSource>) -> HorizontalPodAutoscaler {
    let scale_target = ObjectReference { api_version: "apps/v1".into(), kind: "Deployment".into(), name: "web".into() };
    let (min_replicas, max_replicas) = (2, 10);
    HorizontalPodAutoscaler {
        meta: ObjectMeta { name: "web".into(), namespace: "default".into(), ..ObjectMeta::default() },
        spec: Arc::new(HorizontalSpec { scale_target, min_replicas, max_replicas, metrics, behavior: None }),
        ..HorizontalPodAutoscaler::default()
    }
}

fn cpu_at_half() -> MetricSource {
    let target = MetricTarget { kind: "Utilization".into(), average_utilization: Some(50), ..MetricTarget::default() };
    MetricSource::Resource { name: "cpu".into(), target }
}

fn pods_metric() -> MetricSource {
    let average_value = Some(Quantity::from_milli(1_000, Format::DecimalSi));
    let target = MetricTarget { kind: "AverageValue".into(), average_value, ..MetricTarget::default() };
    MetricSource::Pods { metric: MetricIdentifier { name: "qps".into(), selector: None }, target }
}

fn pass(autoscaler: &HorizontalPodAutoscaler, replicas: i32, pods: &Pods, replies: &[Reply]) -> HorizontalOutcome {
    let scale = Scale { spec_replicas: replicas, status_replicas: replicas, selector: "app=web".into() };
    reconcile_horizontal(
        &HorizontalInputs {
            now: NOW,
            config: &HorizontalConfig::default(),
            autoscaler: autoscaler.into(),
            target: &TargetSeen::Found(scale),
            memory: &AutoscalerMemory::default(),
            selectors: &Selectors::default(),
            view: pods,
        },
        replies,
    )
}

fn sizes(outcome: &HorizontalOutcome) -> Vec<i32> {
    let writes = outcome.plan.writes.iter();
    writes
        .filter_map(|write| match write {
            HorizontalWrite::Scale { replicas, .. } => Some(*replicas),
            HorizontalWrite::Status(_) => None,
        })
        .collect()
}

#[test]
fn replicas_outside_of_the_bounds_are_brought_inside_at_once_and_no_metric_is_read() {
    let autoscaler = autoscaler(vec![cpu_at_half()]);
    for (replicas, expected) in [(1, 2), (40, 10)] {
        let pods = Pods::uniform(1, 50);
        assert_eq!(sizes(&pass(&autoscaler, replicas, &pods, &[])), [expected]);
        assert_eq!(pods.asked.get(), 0);
    }
}

#[test]
fn a_target_at_zero_is_left_alone() {
    let outcome = pass(&autoscaler(vec![cpu_at_half()]), 0, &Pods::uniform(0, 0), &[]);
    assert!(sizes(&outcome).is_empty());
    let HorizontalWrite::Status(status) = &outcome.plan.writes[0] else { panic!("a status is written") };
    assert_eq!(&*status.condition("ScalingActive").unwrap().reason, "ScalingDisabled");
}

#[test]
fn if_a_metric_fails_the_others_may_add_and_not_take_away() {
    let autoscaler = autoscaler(vec![pods_metric(), cpu_at_half()]);
    let up = pass(&autoscaler, 4, &Pods::uniform(4, 80), &[]);
    assert_eq!(sizes(&up), [7]);
    assert!(up.plan.error.is_some());
    let down = pass(&autoscaler, 4, &Pods::uniform(4, 10), &[]);
    assert!(sizes(&down).is_empty());
}

#[test]
fn a_conflict_is_tried_again_on_a_fresh_scale_five_times_in_all() {
    let autoscaler = autoscaler(vec![cpu_at_half()]);
    let conflict = Reply::refused(Refusal::conflict("deployments.apps", "web"));
    let replies = vec![conflict; 5];
    let twice = pass(&autoscaler, 4, &Pods::uniform(4, 80), &replies[..2]);
    assert_eq!(sizes(&twice), [7, 7, 7]);
    assert!(matches!(twice.plan.writes[1], HorizontalWrite::Scale { base: Base::Fresh, .. }));
    let all = pass(&autoscaler, 4, &Pods::uniform(4, 80), &replies);
    assert_eq!(sizes(&all).len(), 5);
    assert!(all.plan.events.iter().any(|(_, event)| &*event.reason == "FailedRescale"));
    assert!(all.memory.scale_up_events.is_empty());
}

#[test]
fn autoscalers_that_share_pods_both_stop_until_one_is_gone() {
    let autoscaler = autoscaler(vec![cpu_at_half()]);
    let (pods, mut selectors) = (Pods::uniform(4, 80), Selectors::default());
    let rival = ("default".into(), "other".into());
    selectors.put(&rival, &Selector::parse("app in (web, api)").unwrap());
    let run = |selectors: &Selectors| {
        let scale = Scale { spec_replicas: 4, status_replicas: 4, selector: "app=web".into() };
        let (config, memory, target) =
            (HorizontalConfig::default(), AutoscalerMemory::default(), TargetSeen::Found(scale));
        reconcile_horizontal(
            &HorizontalInputs {
                now: NOW,
                config: &config,
                autoscaler: (&autoscaler).into(),
                target: &target,
                memory: &memory,
                selectors,
                view: &pods,
            },
            &[],
        )
    };
    let stopped = run(&selectors);
    assert!(sizes(&stopped).is_empty());
    assert!(stopped.plan.events[0].1.message.ends_with("multiple HPAs: [default/other default/web]"));
    selectors.remove(&rival);
    assert_eq!(sizes(&run(&selectors)), [7]);
}
