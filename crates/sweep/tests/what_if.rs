//! Settings beside each other under one load, and decisions beside recorded ones.

use core::time::Duration;
use wavetank::{Cluster, LogLevel, Profile};
use wavetank_controllers::horizontal::HorizontalConfig;
use wavetank_metrics::{Curve, Group, Recording, Share, Usage};
use wavetank_model::Selector;
use wavetank_sweep::backtest::Columns;
use wavetank_sweep::{Scenario, Setting, backtest, sweep, to_csv};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: 'app:1', resources: {requests: {cpu: 100m}}}
";

fn autoscaler(percent: i32, window: i32) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: 1
  maxReplicas: 30
  metrics:
  - type: Resource
    resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {percent}}}}}
  behavior: {{scaleDown: {{stabilizationWindowSeconds: {window}}}}}
"
    )
}

fn scenario() -> Scenario {
    let mut cluster = Cluster::builder().profile(Profile::instant()).log(LogLevel::Digest).build();
    cluster.create(DEPLOYMENT).unwrap();
    let group = Group { namespace: "default".into(), selector: Selector::parse("app=web").unwrap() };
    let (period, peak) = (Duration::from_secs(1800), Duration::from_secs(900));
    let curve = Curve::Wave { low: 50, high: 1200, period, peak };
    let usage = Usage { jitter_per_mille: 300, ..Usage::of_resource(group, "cpu", Share::AmongReady, curve) };
    cluster.change_metrics(|metrics| metrics.add_usage(usage));
    Scenario::new(cluster, "web", Duration::from_secs(2 * 3600))
}

fn settings() -> Vec<Setting> {
    let pairs = [30, 50, 80].into_iter().flat_map(|percent| [0, 300, 900].map(|window| (percent, window)));
    pairs
        .map(|(percent, window)| Setting {
            name: format!("{percent} % {window} s"),
            manifest: autoscaler(percent, window),
        })
        .collect()
}

#[test]
fn a_sweep_gives_the_same_rows_every_time_and_tells_how_far_it_is() {
    let (scenario, settings) = (scenario(), settings());
    let told = std::sync::Mutex::new(Vec::new());
    let rows = sweep(&scenario, &settings, &|done, of| told.lock().unwrap().push((done, of))).unwrap();
    let again = sweep(&scenario, &settings, &|_, _| {}).unwrap();
    assert_eq!(rows, again);
    let mut told = told.into_inner().unwrap();
    told.sort_unstable();
    assert_eq!(told, (1..=9).map(|done| (done, 9)).collect::<Vec<_>>());
    assert!(rows.iter().map(|row| row.setting.as_str()).eq(settings.iter().map(|setting| setting.name.as_str())));
    assert_eq!(to_csv(&rows).unwrap().lines().count(), 10);
}

#[test]
fn one_core_gives_the_rows_that_many_give() {
    let (scenario, settings) = (scenario(), settings());
    let on = |cores: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().unwrap();
        pool.install(|| sweep(&scenario, &settings, &|_, _| {})).unwrap()
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn a_lower_target_takes_more_pods_and_is_over_it_as_a_share_of_its_own_and_a_longer_window_flaps_less() {
    let rows = sweep(&scenario(), &settings(), &|_, _| {}).unwrap();
    let row = |name: &str| rows.iter().find(|row| row.setting == name).unwrap();
    assert!(row("30 % 300 s").pod_seconds > row("80 % 300 s").pod_seconds);
    assert!(row("50 % 0 s").flaps > row("50 % 900 s").flaps, "{rows:#?}");
    assert!(row("50 % 0 s").scale_events > row("50 % 900 s").scale_events);
}

#[test]
fn a_backtest_agrees_with_a_recording_of_the_same_autoscaler_and_not_with_that_of_another() {
    // 60 % of a target of 50 % asks for a fifth more, once, and then holds.
    let mut text = "seconds,cpu,replicas\n".to_owned();
    for (second, usage, replicas) in [(0, "0.05", 5), (15, "0.09", 5), (30, "0.05", 9), (45, "0.05", 9), (60, "NaN", 9)]
    {
        text.push_str(&format!("{second},{usage},{replicas}\n"));
    }
    let recording = Recording::read(&text).unwrap();
    let columns = Columns { usage: "cpu", replicas: "replicas" };
    let config = HorizontalConfig::default();
    let same = backtest(&autoscaler(50, 300), 100, &recording, columns, &config).unwrap();
    assert_eq!(same.agreeing(), same.decisions.len(), "{:#?}", same.decisions);
    assert_eq!(same.decisions.last().unwrap().reason, "FailedGetResourceMetric");
    let other = backtest(&autoscaler(90, 0), 100, &recording, columns, &config).unwrap();
    assert!(other.agreeing() < other.decisions.len());
    let missing = Columns { usage: "gpu", ..columns };
    assert!(backtest(&autoscaler(50, 300), 100, &recording, missing, &config).is_err());
}

#[test]
fn a_size_that_follows_every_wave_turns_around_as_often_as_they_come() {
    let mut text = "seconds,cpu,replicas\n".to_owned();
    for (second, usage) in [(0, "0.05"), (15, "0.09"), (30, "0.05"), (45, "0.09"), (60, "0.09")] {
        text.push_str(&format!("{second},{usage},5\n"));
    }
    let recording = Recording::read(&text).unwrap();
    let columns = Columns { usage: "cpu", replicas: "replicas" };
    let flaps = |window, soon| {
        let test = backtest(&autoscaler(50, window), 100, &recording, columns, &HorizontalConfig::default()).unwrap();
        test.flaps(Duration::from_secs(soon))
    };
    assert_eq!((flaps(0, 600), flaps(0, 10)), (2, 0));
}
