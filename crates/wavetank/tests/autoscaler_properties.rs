//! What holds of an autoscaler in a whole cluster, whatever the load, the rules and the faults.

use core::time::Duration;
use proptest::prelude::*;
use wavetank::faults::WriteRefusal;
use wavetank::{Cluster, Happening, LogLevel, Profile, Time};
use wavetank_metrics::{Curve, Group, Settings, Share, Usage};
use wavetank_model::{ConditionStatus, Reason, Refusal, Selector};

/// A Deployment under an autoscaler, a load in steps of a minute, and what goes wrong.
#[derive(Clone, Debug)]
struct Scenario {
    seed: u64,
    min: i32,
    max: i32,
    replicas: i32,
    percent: i32,
    /// Most pods that may come within a minute, and most that may go.
    pods_up: i32,
    pods_down: i32,
    window: i64,
    /// What all pods together use, in thousandths of a core, minute by minute.
    loads: Vec<i64>,
    missing_per_mille: u32,
    has_latency: bool,
    /// In this minute writes of scales are refused.
    refused: Option<usize>,
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let bounds = (1..5_i32, 0..15_i32, 0..20_i32, 20..120_i32);
    let rules = (1..6_i32, 1..6_i32, prop::sample::select(vec![0_i64, 60, 180, 300]));
    let faults = (prop::sample::select(vec![0_u32, 0, 50, 300]), any::<bool>(), prop::option::of(0..12_usize));
    (any::<u64>(), bounds, rules, prop::collection::vec(0..6_000_i64, 4..14), faults).prop_map(
        |(seed, (min, more, replicas, percent), (pods_up, pods_down, window), loads, faults)| Scenario {
            seed,
            min,
            max: min + more,
            replicas,
            percent,
            pods_up,
            pods_down,
            window,
            loads,
            missing_per_mille: faults.0,
            has_latency: faults.1,
            refused: faults.2,
        },
    )
}

impl Scenario {
    fn cluster(&self, curve: Curve) -> Cluster {
        let Self { min, max, replicas, percent, pods_up, pods_down, window, .. } = self;
        let manifest = format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'web:1', resources: {{requests: {{cpu: 200m}}}}}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: {min}
  maxReplicas: {max}
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {percent}}}}}
  behavior:
    scaleUp: {{policies: [{{type: Pods, value: {pods_up}, periodSeconds: 60}}]}}
    scaleDown:
      stabilizationWindowSeconds: {window}
      policies: [{{type: Pods, value: {pods_down}, periodSeconds: 60}}]
"
        );
        let profile = if self.has_latency { Profile::default() } else { Profile::instant() };
        let mut cluster = Cluster::builder().seed(self.seed).profile(profile).log(LogLevel::Events).build();
        cluster.create(&manifest).expect("the manifest is valid");
        let group = Group { namespace: "default".into(), selector: Selector::parse("app=web").expect("it is valid") };
        let usage = Usage::of_resource(group, "cpu", Share::AmongReady, curve);
        let settings = Settings { missing_per_mille: self.missing_per_mille, ..Settings::default() };
        cluster.change_metrics(|metrics| {
            metrics.set(settings);
            metrics.add_usage(usage);
        });
        cluster
    }

    fn load(&self) -> Curve {
        let points = self.loads.iter().zip(0..).map(|(milli, minute)| (Time::from_seconds(60 * minute), *milli));
        Curve::steps(points)
    }
}

fn wanted(cluster: &Cluster) -> i32 {
    cluster.deployment("web").expect("it is there").spec.replicas
}

/// Each change of the replicas that the target asks for: when, from what, to what.
fn changes(cluster: &mut Cluster, scenario: &Scenario) -> Vec<(Time, i32, i32)> {
    let (mut changes, mut before) = (Vec::new(), wanted(cluster));
    let refusal = WriteRefusal {
        verb: "update".to_owned(),
        kind: "Deployment".to_owned(),
        subresource: Some("scale".to_owned()),
        name: None,
        allow: 0,
        times: None,
        refusal: Refusal::new(Reason::Forbidden, "no"),
    };
    for minute in 0..scenario.loads.len() {
        if scenario.refused == Some(minute) {
            cluster.refuse_writes(refusal.clone());
        }
        let end = cluster.now() + Duration::from_secs(60);
        while cluster.now() < end {
            cluster.run_for(Duration::from_secs(1));
            let now = wanted(cluster);
            if now != before {
                changes.push((cluster.now(), before, now));
                before = now;
            }
        }
        cluster.stop_refusing_writes();
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_stays_in_bounds_keeps_to_its_rates_and_says_what_it_did(scenario in scenarios()) {
        let mut cluster = scenario.cluster(scenario.load());
        let changes = changes(&mut cluster, &scenario);
        let Scenario { min, max, .. } = scenario;
        for (at, from, to) in &changes {
            prop_assert!((min..=max).contains(to), "{from} -> {to} at {} s", at.as_seconds());
            // A jump to a bound from outside of it is no step of a rate.
            if *from > max || *from < min {
                continue;
            }
            // What went within the period may come back beside what may come, and the other way round.
            let sum = |seconds: i64, of: fn(i32, i32) -> i32| -> i32 {
                let within = |(other, ..): &&(Time, i32, i32)| {
                    *other <= *at && at.nanos_since(*other) < seconds * 1_000_000_000
                };
                changes.iter().filter(within).map(|(_, from, to)| of(*from, *to)).sum()
            };
            let steps = |seconds: i64| {
                let within = |(other, from, _): &&(Time, i32, i32)| {
                    (min..=max).contains(from) && *other <= *at && at.nanos_since(*other) < seconds * 1_000_000_000
                };
                let steps: Vec<i32> = changes.iter().filter(within).map(|(_, from, to)| to - from).collect();
                steps
            };
            let came: i32 = steps(58).into_iter().filter(|step| *step > 0).sum();
            let went: i32 = steps(58).into_iter().filter(|step| *step < 0).map(|step| -step).sum();
            if to > from {
                let back = sum(63, |from, to| (from - to).max(0));
                prop_assert!(came <= scenario.pods_up + back, "+{came} by {} s", at.as_seconds());
            } else {
                let back = sum(63, |from, to| (to - from).max(0));
                prop_assert!(went <= scenario.pods_down + back, "-{went} by {} s", at.as_seconds());
            }
        }
        let told: Vec<i32> = cluster.history().iter().filter_map(|entry| {
            let Happening::Event { event, .. } = &entry.what else { return None };
            let size = event.message.strip_prefix("New size: ").filter(|_| &*event.reason == "SuccessfulRescale")?;
            size.split(';').next()?.parse().ok()
        }).collect();
        let made: Vec<i32> = changes.iter().map(|(_, _, to)| *to).collect();
        prop_assert_eq!(told, made);
        let autoscaler = cluster.horizontal_pod_autoscaler("web").expect("it is there");
        let status = &autoscaler.status;
        if let Some((at, _, to)) = changes.last() {
            let scaled = status.last_scale_time.expect("it has scaled");
            // What is looked at each second was decided within it.
            prop_assert!(at.nanos_since(scaled) <= 2_000_000_000, "{at:?} {scaled:?}");
            prop_assert!(*to == wanted(&cluster));
        }
    }

    #[test]
    fn nothing_goes_before_every_higher_proposal_has_left_the_window(scenario in scenarios()) {
        let scenario = Scenario { refused: None, missing_per_mille: 0, ..scenario };
        let mut cluster = scenario.cluster(scenario.load());
        let changes = changes(&mut cluster, &scenario);
        for (at, from, to) in &changes {
            let last_up = changes.iter().rev().find(|(other, from, to)| other < at && to > from);
            if let Some((grown, ..)) = last_up && to < from && *from <= scenario.max {
                let quiet = at.nanos_since(*grown) / 1_000_000_000;
                prop_assert!(quiet + 1 >= scenario.window, "{from} -> {to} after {quiet} s");
            }
        }
    }

    #[test]
    fn a_constant_load_comes_to_rest_and_a_larger_one_at_no_fewer_replicas(
        scenario in scenarios(), load in 0..6_000_i64, more in 0..2_000_i64,
    ) {
        // Without a window it may never rest: while pods start, those that count are few, and a pass that finds
        // them below the target takes away what came within the period.
        let scenario = Scenario {
            refused: None, missing_per_mille: 0, replicas: scenario.min, pods_up: 100, window: 300, ..scenario
        };
        let rest = |load: i64| {
            let mut cluster = scenario.cluster(Curve::Constant(load));
            cluster.run_for(Duration::from_secs(3_600));
            let at_rest = wanted(&cluster);
            cluster.run_for(Duration::from_secs(1_200));
            let autoscaler = cluster.horizontal_pod_autoscaler("web").expect("it is there");
            let active = autoscaler.status.condition("ScalingActive").map(|condition| condition.status);
            (at_rest, wanted(&cluster), active)
        };
        let (few, still_few, active) = rest(load);
        prop_assert_eq!(few, still_few);
        prop_assert_eq!(active, Some(ConditionStatus::True));
        // From the same beginning a larger load has asked for at least as much at every step.
        let (many, ..) = rest(load + more);
        prop_assert!(many >= few, "{} at {load}, {} at {}", few, many, load + more);
    }
}
