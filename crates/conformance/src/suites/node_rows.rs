//! The rows in which a recorded pod's life is told, and how ours are compared with them.

use crate::Mismatch;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wavetank_engine::Time;
use wavetank_node::pod::{ContainerState, ContainerStatus, NodeStatus, Sight, Verdict, Witness};

/// Nanoseconds of a number of seconds, exactly as it is spelled.
pub(super) fn nanos(seconds: &Value) -> Option<i64> {
    let text = seconds.as_number()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = fraction.get(..9).map_or_else(|| format!("{fraction:0<9}"), str::to_owned);
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(digits.parse().ok()?)
}

/// Seconds for people.
pub(super) fn shown(nanos: i64) -> String {
    let fraction = format!("{:09}", nanos.rem_euclid(1_000_000_000));
    format!("{}.{} s", nanos.div_euclid(1_000_000_000), fraction.trim_end_matches('0'))
}

/// What is told of ours.
pub(super) struct Rows {
    until: Time,
    case: String,
    keeps: fn(&str, &str) -> bool,
    /// Of a pod that ended by itself the record holds nothing after the status that says so.
    has_ended: bool,
    is_deleted: bool,
    rows: Vec<(i64, Value)>,
}

impl Rows {
    pub(super) fn new(until: Time, case: &str, keeps: fn(&str, &str) -> bool) -> Self {
        Self { until, case: case.to_owned(), keeps, has_ended: false, is_deleted: false, rows: Vec::new() }
    }

    /// When a container was started.
    pub(super) fn starts(&self, container: &str) -> Vec<i64> {
        let is_start = |row: &&(i64, Value)| {
            row.1.get(0).and_then(Value::as_str) == Some("start")
                && row.1.get(1).and_then(Value::as_str) == Some(container)
        };
        self.rows.iter().filter(is_start).map(|(at, _)| *at).collect()
    }

    /// The rows, by time.
    pub(super) fn finish(mut self) -> Vec<(i64, Value)> {
        self.rows.sort_by_key(|(at, _)| *at);
        self.rows
    }

    fn add(&mut self, at: Time, row: Value) {
        self.rows.push((at.as_nanos(), row));
    }
}

impl Witness for Rows {
    fn see(&mut self, at: Time, sight: Sight<'_>) {
        let is_late = match sight {
            Sight::Probe { .. } | Sight::Delete { .. } => false,
            Sight::Start { .. }
            | Sight::Stop { .. }
            | Sight::Exit { .. }
            | Sight::Pull { .. }
            | Sight::Result { .. }
            | Sight::Status(_)
            | Sight::Event { .. } => self.has_ended && !self.is_deleted,
        };
        if at > self.until || is_late {
            return;
        }
        match sight {
            Sight::Start { container, run } => self.add(at, json!(["start", container, run])),
            Sight::Stop { container, grace } => self.add(at, json!(["stop", container, grace])),
            Sight::Exit { container, code } => self.add(at, json!(["exit", container, code])),
            Sight::Pull { image, attempt } if (self.keeps)(&self.case, "Pulling") => {
                self.add(at, json!(["pull", image, attempt]))
            }
            Sight::Pull { .. } => {}
            Sight::Delete { grace } => {
                self.is_deleted = true;
                self.add(at, json!(["delete", grace]));
            }
            Sight::Probe { kind, container, run, verdict, began } => {
                let result = match verdict {
                    Verdict::Success => "success",
                    Verdict::Failure => "failure",
                    Verdict::Hang => "timeout",
                    Verdict::Broken => "error",
                };
                let kind = kind.title().to_lowercase();
                self.add(began, json!(["probe", kind, container, run, result, at.as_nanos()]));
            }
            Sight::Result { kind, container, healthy } => {
                let value = match healthy {
                    Some(true) => "success",
                    Some(false) => "failure",
                    None => "unknown",
                };
                self.add(at, json!(["result", kind.title().to_lowercase(), container, value]));
            }
            Sight::Status(status) => {
                self.has_ended = status.phase.has_ended();
                self.add(at, status_row(status));
            }
            Sight::Event { event, .. } => {
                if (self.keeps)(&self.case, event.reason()) {
                    let kind = if event.is_warning() { "Warning" } else { "Normal" };
                    self.add(at, json!(["event", kind, event.reason(), event.message()]));
                }
            }
        }
    }

    fn sees_probes(&self) -> bool {
        true
    }
}

fn status_row(status: &NodeStatus) -> Value {
    let containers: Map<String, Value> = status.all().map(|one| (one.name.to_string(), container_row(one))).collect();
    let conditions = status.conditions.iter().filter(|condition| &*condition.kind != "PodScheduled");
    let conditions: Map<String, Value> = conditions
        .map(|condition| {
            let colon = if condition.reason.is_empty() { "" } else { ":" };
            let text = format!("{}{colon}{}", condition.status, condition.reason);
            (condition.kind.to_string(), Value::from(text))
        })
        .collect();
    json!(["status", status.phase.as_str(), containers, conditions])
}

fn container_row(status: &ContainerStatus) -> Value {
    let state = match &status.state {
        ContainerState::Unset => String::new(),
        ContainerState::Waiting { reason, .. } => format!("waiting:{reason}"),
        ContainerState::Running { .. } => "running".into(),
        ContainerState::Terminated(ended) => format!("terminated:{}:{}", ended.reason, ended.exit_code),
    };
    json!([state, status.ready, status.started == Some(true), status.restart_count])
}

/// Recorded times are cut to a millisecond, and went through binary fractions before.
const BLUR: i64 = 1_000_000;

/// Whether a time of ours is a recorded one.
pub(super) const fn is_same_time(recorded: i64, ours: i64) -> bool {
    ours.abs_diff(recorded) <= BLUR.unsigned_abs()
}

/// The recorded time that one of ours is, or ours if there is none.
fn recorded_time(recorded: &BTreeSet<i64>, ours: i64) -> i64 {
    let near = recorded.range(ours.saturating_sub(BLUR)..=ours.saturating_add(BLUR));
    near.min_by_key(|recorded| recorded.abs_diff(ours)).copied().unwrap_or(ours)
}

/// The fields of a row, the end of a probe in nanoseconds.
fn fields(row: &Value, skip: usize, end: impl Fn(&Value) -> Option<i64>) -> Value {
    let mut fields: Vec<Value> = row.as_array().into_iter().flatten().skip(skip).cloned().collect();
    if fields.first().and_then(Value::as_str) == Some("probe")
        && let Some(last) = fields.last_mut()
    {
        *last = end(last).map_or(Value::Null, Value::from);
    }
    Value::from(fields)
}

/// Compares instant by instant. Within one, order means nothing, and of several statuses ours may
/// leave out all but the last.
pub(super) fn compare(expected: &Value, got: &[(i64, Value)]) -> Result<(), Mismatch> {
    let mut instants: BTreeMap<i64, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    let mut times = BTreeSet::new();
    for row in expected.as_array().into_iter().flatten() {
        let at = row.get(0).and_then(nanos).ok_or_else(|| Mismatch::not_run("a row has no time"))?;
        times.insert(at);
        times.extend(row.as_array().and_then(|fields| fields.last()).and_then(nanos));
        instants.entry(at).or_default().0.push(fields(row, 1, nanos));
    }
    for (at, row) in got {
        let at = recorded_time(&times, *at);
        let row = fields(row, 0, |end| Some(recorded_time(&times, end.as_i64()?)));
        instants.entry(at).or_default().1.push(row);
    }
    instants.into_iter().try_for_each(|(at, (expected, got))| {
        instant(expected, got).map_err(|mismatch| mismatch.within(&format!("at {}", shown(at))))
    })
}

fn instant(expected: Vec<Value>, got: Vec<Value>) -> Result<(), Mismatch> {
    let is_status = |row: &Value| row.get(0).and_then(Value::as_str) == Some("status");
    let (recorded, mut expected): (Vec<Value>, Vec<Value>) = expected.into_iter().partition(is_status);
    let (ours, mut got): (Vec<Value>, Vec<Value>) = got.into_iter().partition(is_status);
    for rows in [&mut expected, &mut got] {
        rows.sort_by_cached_key(Value::to_string);
    }
    crate::mismatch::same(&Value::from(expected), &Value::from(got))?;
    let mut left = recorded.iter();
    let are_in_order = ours.iter().all(|row| left.by_ref().any(|recorded| recorded == row));
    if !are_in_order || ours.last() != recorded.last() {
        return Err(Mismatch::differs("status", Value::from(recorded), Value::from(ours)));
    }
    Ok(())
}
