//! Recorded lives of one pod on one node: the suites `probes`, `restart-backoff` and `image-backoff`.

use super::answer::member;
use super::node_rows::{Rows, compare, is_same_time, nanos};
use crate::Mismatch;
use core::time::Duration;
use serde_json::{Map, Value, json};
use wavetank_engine::Time;
use wavetank_model::TemplateFacts;
use wavetank_model::container::Handler;
use wavetank_node::pod::{
    Answer, Application, Hooked, Machine, ProbeKind, Pull, Run, RunOf, Scene, Settings, Stopping, Verdict,
};

/// The fields of the input that are the pod's spec.
const SPEC: [&str; 4] = ["restartPolicy", "terminationGracePeriodSeconds", "initContainers", "containers"];

/// Runs a case; `keeps` tells which events its record holds, by reason.
pub(super) fn case(case: &Value, keeps: fn(name: &str, reason: &str) -> bool) -> Result<(), Mismatch> {
    let (input, expected) = (member(case, "in")?, member(case, "out")?);
    let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
    let spec: Map<String, Value> =
        SPEC.iter().filter_map(|key| Some(((*key).to_owned(), input.get(*key)?.clone()))).collect();
    let template = wavetank_manifest::pod_template(&json!({"spec": spec}));
    let facts = template.map_err(|error| Mismatch::not_run(error.to_string()))?.facts;
    let script = Script { input };
    let settings = settings(input)?;
    let until = seconds(member(input, "until")?)?;
    let mut rows = Rows::new(until, name, keeps);
    play(input, &facts, &script, &settings, &mut rows)?;
    if let Some(starts) = expected.get("starts") {
        compare_starts(starts, &rows)?;
    }
    compare(member(expected, "rows")?, &rows.finish())
}

fn play(
    input: &Value,
    facts: &TemplateFacts,
    script: &Script<'_>,
    settings: &Settings,
    rows: &mut Rows,
) -> Result<(), Mismatch> {
    let until = seconds(member(input, "until")?)?;
    let mut pod = Machine::new("pod_default(uid-pod)", facts, Time::ZERO);
    let mut scene = Scene { facts, settings, application: script, conditions: &[], witness: rows };
    if let Some(at) = input.get("deleteAt") {
        let grace = input.get("deleteGraceSeconds").and_then(Value::as_i64).unwrap_or_default();
        pod.delete(&mut scene, seconds(at)?, grace);
    }
    pod.advance(&mut scene, until);
    Ok(())
}

fn settings(input: &Value) -> Result<Settings, Mismatch> {
    let given = |key: &str| input.get(key).map(|value| span(value).ok_or_else(|| strange(key))).transpose();
    let housekeeping = input.get("housekeeping").and_then(Value::as_bool) == Some(true);
    Ok(Settings {
        max_container_restart_period: given("maxContainerRestartPeriodSeconds")?.unwrap_or(Duration::from_secs(300)),
        resync: given("resyncSeconds")?.filter(|every| !every.is_zero()),
        housekeeping: housekeeping.then(|| (Time::from_millis(2_700), Duration::from_secs(2))),
        clock_phase: given("clockPhase")?.unwrap_or_default(),
        stops_are_waited_out: true,
        probes_before_status: input.get("race").and_then(Value::as_str) == Some("trigger-first"),
    })
}

fn compare_starts(expected: &Value, rows: &Rows) -> Result<(), Mismatch> {
    for (container, times) in expected.as_object().into_iter().flatten() {
        let expected: Option<Vec<i64>> = times.as_array().into_iter().flatten().map(nanos).collect();
        let got = rows.starts(container);
        let is_same = |expected: &Vec<i64>| {
            expected.len() == got.len()
                && expected.iter().zip(&got).all(|(recorded, ours)| is_same_time(*recorded, *ours))
        };
        if !expected.as_ref().is_some_and(is_same) {
            let shown: Vec<String> = got.iter().map(|at| super::node_rows::shown(*at)).collect();
            return Err(Mismatch::differs(format!("starts.{container}"), times, shown.join(", ")));
        }
    }
    Ok(())
}

fn strange(key: &str) -> Mismatch {
    Mismatch::not_run(format!("{key} is no time"))
}

fn seconds(value: &Value) -> Result<Time, Mismatch> {
    nanos(value).map(Time::from_nanos).ok_or_else(|| strange("a time"))
}

fn span(value: &Value) -> Option<Duration> {
    nanos(value).and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos)
}

/// What the recorded containers do.
struct Script<'a> {
    input: &'a Value,
}

impl Script<'_> {
    /// The n-th entry of a list below a key, the last if there are fewer.
    fn nth(&self, group: &str, key: &str, n: u32) -> Option<&Value> {
        let list = self.input.get(group)?.get(key)?.as_array()?;
        list.get(usize::try_from(n).unwrap_or(usize::MAX)).or_else(|| list.last())
    }
}

fn span_in(entry: Option<&Value>, key: &str) -> Duration {
    entry.and_then(|entry| entry.get(key)).and_then(span).unwrap_or_default()
}

fn code_in(entry: Option<&Value>) -> i32 {
    let code = entry.and_then(|entry| entry.get("exitCode")).and_then(Value::as_i64);
    code.and_then(|code| i32::try_from(code).ok()).unwrap_or_default()
}

impl Application for Script<'_> {
    fn pull(&self, image: &str, attempt: u32) -> Pull {
        let entry = self.nth("pulls", image, attempt);
        let error = entry.and_then(|entry| entry.get("error")).and_then(Value::as_str).map(str::to_owned);
        Pull { takes: span_in(entry, "takes"), error }
    }

    fn start_takes(&self, _run: RunOf<'_>) -> Duration {
        Duration::ZERO
    }

    fn run(&self, run: RunOf<'_>) -> Run {
        let entry = self.nth("runs", run.name, run.run);
        let after = span_in(entry, "exitAfter");
        Run { exit: (!after.is_zero()).then(|| (after, code_in(entry))), ready_after: Duration::ZERO }
    }

    fn stop(&self, run: RunOf<'_>) -> Stopping {
        Stopping { takes: span_in(self.nth("runs", run.name, run.run), "stopTakes"), code: 143 }
    }

    fn probe(&self, run: RunOf<'_>, kind: ProbeKind, at: Time) -> Answer {
        let key = format!("{}/{}", run.name, kind.title().to_lowercase());
        let script = self.input.get("script").and_then(|script| script.get(&key)).and_then(Value::as_array);
        let age = at.nanos_since(run.started);
        let from = |entry: &Value| entry.get("from").and_then(nanos).unwrap_or_default();
        let entry = script.into_iter().flatten().rev().find(|entry| from(entry) <= age);
        let next = script.into_iter().flatten().map(from).find(|from| *from > age);
        let verdict = match entry.and_then(|entry| entry.get("result")).and_then(Value::as_str) {
            Some("failure") => Verdict::Failure,
            Some("hang") => Verdict::Hang,
            Some("error") => Verdict::Broken,
            _ => Verdict::Success,
        };
        Answer { verdict, latency: span_in(entry, "latency"), holds_until: next.map(|from| run.started.offset(from)) }
    }

    fn hook(&self, _run: RunOf<'_>, _handler: &Handler, _at: Time) -> Hooked {
        Hooked::default()
    }

    fn output(&self, _run: RunOf<'_>, _kind: ProbeKind) -> String {
        "not ok".into()
    }
}
