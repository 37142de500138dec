use super::*;
use crate::curve::Curve;
use crate::usage::Share;
use wavetank_model::StringMap;

fn group(app: &str) -> Group {
    let labels = StringMap::from_iter([("app", app)]);
    Group { namespace: "default".into(), selector: Selector::from_labels(&labels) }
}

fn pod(uid: u64, ready: bool) -> PodNow {
    PodNow { uid: Uid(uid), started: Time::ZERO, ready, answered: 0 }
}

fn seconds(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

fn pipeline(curve: Curve) -> Pipeline {
    let mut pipeline = Pipeline::new(Seed(1));
    pipeline.add_usage(Usage::of_resource(group("web"), "cpu", Share::AmongReady, curve));
    pipeline
}

fn cpu(pipeline: &Pipeline, now: i64) -> Result<Answer, Unavailable> {
    pipeline.resource(seconds(now), "default", "cpu", None)
}

#[test]
fn scrapes_come_at_fixed_times_after_the_first() {
    let pipeline = Pipeline::new(Seed(1));
    let times: Vec<i64> = [0, 5, 6, 20, 21].map(|from| pipeline.next_scrape(seconds(from)).as_seconds()).to_vec();
    assert_eq!(times, [5, 5, 20, 20, 35]);
}

#[test]
fn an_answer_is_what_the_last_scrape_saw_and_not_what_is() {
    let mut pipeline = pipeline(Curve::steps([(seconds(0), 400), (seconds(6), 900)]));
    assert_eq!(cpu(&pipeline, 4).unwrap_err().to_string(), "no metrics returned from resource metrics API");
    pipeline.scrape(seconds(5), |_| Some(vec![pod(1, true), pod(2, true), pod(3, false)]));
    let answer = cpu(&pipeline, 15).unwrap();
    let values: Vec<i64> = answer.samples.values().map(|sample| sample.milli).collect();
    assert_eq!(values, [200, 200, 0]);
    pipeline.scrape(seconds(20), |_| Some(vec![pod(1, true)]));
    assert_eq!(cpu(&pipeline, 20).unwrap().of_pod(Uid(1)).unwrap().milli, 900);
    assert_eq!(cpu(&pipeline, 20).unwrap().of_pod(Uid(2)), None);
}

#[test]
fn a_pipeline_that_lags_shows_the_scrape_before() {
    let mut pipeline = pipeline(Curve::steps([(seconds(0), 100), (seconds(10), 200)]));
    pipeline.set(Settings { lag: Duration::from_secs(10), ..Settings::default() });
    for time in [5, 20] {
        pipeline.scrape(seconds(time), |_| Some(vec![pod(1, true)]));
    }
    let value = |now| cpu(&pipeline, now).unwrap().of_pod(Uid(1)).unwrap().milli;
    assert_eq!((value(29), value(30)), (100, 200));
}

#[test]
fn a_pod_has_a_sample_once_enough_scrapes_found_it_running() {
    let mut pipeline = pipeline(Curve::Constant(100));
    pipeline.set(Settings { scrapes_before_first_sample: 2, ..Settings::default() });
    pipeline.scrape(seconds(5), |_| Some(vec![pod(1, true)]));
    assert!(cpu(&pipeline, 15).is_err());
    pipeline.scrape(seconds(20), |_| Some(vec![pod(1, true), pod(2, true)]));
    assert_eq!(cpu(&pipeline, 30).unwrap().samples.into_keys().collect::<Vec<_>>(), [Uid(1)]);
}

#[test]
fn samples_that_go_missing_are_the_same_ones_whenever_asked() {
    let mut pipeline = pipeline(Curve::Constant(100_000));
    pipeline.set(Settings { missing_per_mille: 500, ..Settings::default() });
    pipeline.scrape(seconds(5), |_| Some((1..=100).map(|uid| pod(uid, true)).collect()));
    let answer = cpu(&pipeline, 15).unwrap();
    assert!((20..80).contains(&answer.samples.len()), "{}", answer.samples.len());
    assert_eq!(cpu(&pipeline, 15).unwrap(), answer);
}

#[test]
fn without_metrics_server_the_client_says_so() {
    let mut pipeline = pipeline(Curve::Constant(100));
    pipeline.set(Settings { is_installed: false, ..Settings::default() });
    let words = "unable to fetch metrics from resource metrics API: \
                 the server could not find the requested resource (get pods.metrics.k8s.io)";
    assert_eq!(cpu(&pipeline, 15).unwrap_err().to_string(), words);
}

#[test]
fn containers_add_up_to_their_pod() {
    let mut pipeline = pipeline(Curve::Constant(100));
    let mut sidecar = Usage::of_resource(group("web"), "cpu", Share::Each, Curve::Constant(30));
    sidecar.subject = Subject::Resource { name: "cpu".into(), container: Some("proxy".into()) };
    pipeline.add_usage(sidecar);
    pipeline.scrape(seconds(5), |_| Some(vec![pod(1, true)]));
    assert_eq!(cpu(&pipeline, 15).unwrap().of_pod(Uid(1)).unwrap().milli, 130);
}

#[test]
fn series_are_found_by_name_and_selector() {
    let mut pipeline = Pipeline::new(Seed(1));
    for (queue, milli) in [("jobs", 5000), ("mails", 7000)] {
        let labels = StringMap::from_iter([("q", queue)]);
        let series = ExternalSeries { metric: "depth".into(), labels, curve: Curve::Constant(milli) };
        pipeline.add_external_series(series);
    }
    let ask = |selector: &str| pipeline.external(seconds(0), "depth", &Selector::parse(selector).unwrap());
    assert_eq!(ask("q=jobs"), Ok(vec![5000]));
    assert_eq!(ask(""), Ok(vec![5000, 7000]));
    assert!(ask("q=none").is_err());

    let object = |name: &str| ObjectReference { api_version: "v1".into(), kind: "Namespace".into(), name: name.into() };
    pipeline.add_object_series(ObjectSeries {
        namespace: "default".into(),
        object: object("default"),
        metric: "jobs".into(),
        labels: StringMap::default(),
        curve: Curve::Constant(3000),
    });
    let found = pipeline.object(seconds(0), "default", &object("elsewhere"), "jobs", &Selector::default());
    assert_eq!(found, Ok(3000));
}

#[test]
fn requests_cost_processor_time_up_to_the_limit() {
    let mut pipeline = Pipeline::new(Seed(1));
    let usage = Usage::of_resource(group("web"), "cpu", Share::OfRequests, Curve::Constant(4));
    pipeline.add_usage(Usage { limit: Some(300), ..usage });
    for (time, answered) in [(5, 0), (20, 750), (35, 750 + 3000)] {
        pipeline.scrape(seconds(time), |_| Some(vec![PodNow { answered, ..pod(1, true) }]));
        let milli = cpu(&pipeline, time).unwrap().of_pod(Uid(1)).unwrap().milli;
        // 50 requests a second at 4 ms each, then 200.
        assert_eq!(milli, [0, 200, 300][usize::try_from(time / 15).unwrap()]);
    }
}

#[test]
fn a_scrape_that_finds_all_as_it_was_costs_no_look_and_is_one_of_its_own() {
    let mut pipeline = pipeline(Curve::steps([(seconds(0), 100), (seconds(10), 200)]));
    pipeline.set(Settings { scrapes_before_first_sample: 2, ..Settings::default() });
    pipeline.scrape(seconds(5), |look| {
        assert!(!look.same_will_do);
        Some(vec![pod(1, true)])
    });
    assert!(cpu(&pipeline, 15).is_err());
    pipeline.scrape(seconds(20), |look| {
        assert!(look.same_will_do);
        None
    });
    let sample = *cpu(&pipeline, 20).unwrap().of_pod(Uid(1)).unwrap();
    assert_eq!((sample.milli, sample.timestamp), (200, seconds(20)));
}

#[test]
fn usage_that_is_set_takes_the_place_of_the_same_and_leaves_the_rest() {
    let mut pipeline = pipeline(Curve::Constant(100));
    pipeline.add_usage(Usage::of_resource(group("web"), "memory", Share::Each, Curve::Constant(7)));
    pipeline.set_usage(Usage::of_resource(group("web"), "cpu", Share::Each, Curve::Constant(50)));
    pipeline.scrape(seconds(5), |_| Some(vec![pod(1, true)]));
    assert_eq!(cpu(&pipeline, 15).unwrap().of_pod(Uid(1)).unwrap().milli, 50);
    let memory = pipeline.resource(seconds(15), "default", "memory", None).unwrap();
    assert_eq!(memory.of_pod(Uid(1)).unwrap().milli, 7);
}
