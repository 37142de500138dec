//! What became of all requests: by cause, by pod, by second, and in which stretch of a pod's life.

use crate::latency::Latencies;
use crate::outcome::{Cause, Ended, Outcome, PodTimes, Window};
use core::fmt;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::Uid;

/// Losses of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// How many.
    pub count: u64,
    /// When the first request was lost.
    pub first: Time,
    /// When the last one was.
    pub last: Time,
}

/// One second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Requests sent in it.
    pub sent: u64,
    /// Answers in it, by version.
    pub answered: BTreeMap<Arc<str>, u64>,
    /// Requests lost in it, by cause.
    pub lost: BTreeMap<Cause, u64>,
}

/// What became of the requests of one source, or of several.
///
/// Every request has exactly one outcome: those sent are those answered, those lost, and those in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub(crate) sent: u64,
    pub(crate) in_flight: u64,
    pub(crate) versions: BTreeMap<Arc<str>, u64>,
    pub(crate) answers: BTreeMap<Uid, u64>,
    pub(crate) losses: BTreeMap<(Cause, Option<Uid>, Window), Losses>,
    pub(crate) seconds: BTreeMap<i64, Second>,
    pub(crate) latencies: Latencies,
    pub(crate) pods: BTreeMap<Uid, PodTimes>,
}

impl Report {
    pub(crate) fn note_sent(&mut self, now: Time) {
        self.sent += 1;
        self.seconds.entry(now.as_seconds()).or_default().sent += 1;
    }

    pub(crate) fn note(&mut self, outcome: &Outcome) {
        let second = self.seconds.entry(outcome.ended.as_seconds()).or_default();
        match &outcome.how {
            Ended::Answered { pod, version } => {
                *second.answered.entry(Arc::clone(version)).or_default() += 1;
                *self.versions.entry(Arc::clone(version)).or_default() += 1;
                *self.answers.entry(*pod).or_default() += 1;
                self.latencies.add(outcome.latency());
            }
            Ended::Lost { cause, pod, window } => {
                *second.lost.entry(*cause).or_default() += 1;
                let at = outcome.ended;
                let losses = self.losses.entry((*cause, *pod, *window));
                let losses = losses.or_insert(Losses { count: 0, first: at, last: at });
                losses.count += 1;
                losses.last = at;
            }
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.sent += other.sent;
        self.in_flight += other.in_flight;
        self.latencies.append(&other.latencies);
        self.pods.extend(other.pods.iter().map(|(pod, times)| (*pod, *times)));
        let add = |into: &mut BTreeMap<Arc<str>, u64>, from: &BTreeMap<Arc<str>, u64>| {
            for (version, count) in from {
                *into.entry(Arc::clone(version)).or_default() += count;
            }
        };
        add(&mut self.versions, &other.versions);
        for (pod, count) in &other.answers {
            *self.answers.entry(*pod).or_default() += count;
        }
        for (key, losses) in &other.losses {
            let all = self.losses.entry(*key).or_insert(Losses { count: 0, ..*losses });
            *all = Losses {
                count: all.count + losses.count,
                first: all.first.min(losses.first),
                last: all.last.max(losses.last),
            };
        }
        for (at, second) in &other.seconds {
            let all = self.seconds.entry(*at).or_default();
            all.sent += second.sent;
            add(&mut all.answered, &second.answered);
            for (cause, count) in &second.lost {
                *all.lost.entry(*cause).or_default() += count;
            }
        }
    }

    /// Requests sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Requests answered.
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.latencies.count()
    }

    /// Requests lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.losses.values().map(|losses| losses.count).sum()
    }

    /// Requests that have not ended yet.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Losses by cause.
    #[must_use]
    pub fn lost_by_cause(&self) -> BTreeMap<Cause, u64> {
        self.grouped(|(cause, ..)| *cause)
    }

    /// Losses by the pod that requests had been sent to; none: to no pod.
    #[must_use]
    pub fn lost_by_pod(&self) -> BTreeMap<Option<Uid>, u64> {
        self.grouped(|(_, pod, _)| *pod)
    }

    /// Losses by the stretch of a pod's life.
    #[must_use]
    pub fn lost_by_window(&self) -> BTreeMap<Window, u64> {
        self.grouped(|(.., window)| *window)
    }

    /// Losses by second of virtual time.
    #[must_use]
    pub fn lost_by_second(&self) -> BTreeMap<i64, u64> {
        let lost = |second: &Second| second.lost.values().sum::<u64>();
        self.seconds.iter().map(|(at, second)| (*at, lost(second))).filter(|(_, lost)| *lost > 0).collect()
    }

    fn grouped<K: Ord>(&self, key: impl Fn(&(Cause, Option<Uid>, Window)) -> K) -> BTreeMap<K, u64> {
        let mut groups = BTreeMap::new();
        for (of, losses) in &self.losses {
            *groups.entry(key(of)).or_default() += losses.count;
        }
        groups
    }

    /// All losses, by cause, pod and stretch of its life.
    pub fn losses(&self) -> impl Iterator<Item = (Cause, Option<Uid>, Window, Losses)> {
        self.losses.iter().map(|((cause, pod, window), losses)| (*cause, *pod, *window, *losses))
    }

    /// Every second in which something was sent or ended.
    #[must_use]
    pub const fn seconds(&self) -> &BTreeMap<i64, Second> {
        &self.seconds
    }

    /// Answers by version.
    #[must_use]
    pub const fn answered_by_version(&self) -> &BTreeMap<Arc<str>, u64> {
        &self.versions
    }

    /// Answers by pod.
    #[must_use]
    pub const fn answered_by_pod(&self) -> &BTreeMap<Uid, u64> {
        &self.answers
    }

    /// When what happened to a pod that lost requests.
    #[must_use]
    pub fn pod_times(&self, pod: Uid) -> Option<&PodTimes> {
        self.pods.get(&pod)
    }

    /// Latencies of the answers.
    #[must_use]
    pub const fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// The part of the answers that came from a version.
    #[must_use]
    pub fn share_of(&self, version: &str) -> Share {
        Share { of: version.into(), part: self.versions.get(version).copied().unwrap_or(0), whole: self.answered() }
    }

    /// The part of a version in each second with answers.
    #[must_use]
    pub fn shares_of(&self, version: &str) -> BTreeMap<i64, Share> {
        let share = |second: &Second| Share {
            of: version.into(),
            part: second.answered.get(version).copied().unwrap_or(0),
            whole: second.answered.values().sum(),
        };
        self.seconds.iter().map(|(at, second)| (*at, share(second))).filter(|(_, share)| share.whole > 0).collect()
    }

    /// Asserts that every request was answered or is in flight.
    ///
    /// # Panics
    /// With the whole report, if one was lost.
    #[track_caller]
    pub fn expect_no_request_lost(&self) {
        assert!(self.losses.is_empty(), "{} of {} requests were lost\n{self}", self.lost(), self.sent);
    }
}

/// A part of the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    of: Arc<str>,
    /// So many.
    pub part: u64,
    /// Of so many.
    pub whole: u64,
}

impl Share {
    /// The share as a number from 0 to 1; 0 of nothing.
    #[must_use]
    pub fn value(&self) -> f64 {
        if self.whole == 0 { 0.0 } else { number(self.part) / number(self.whole) }
    }

    /// Asserts that the share lies between two, both included.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn between(&self, least: f64, most: f64) {
        let value = self.value();
        let Self { of, part, whole } = self;
        assert!(
            (least..=most).contains(&value),
            "{of} gave {part} of {whole} answers, which is {value:.4}: not between {least} and {most}"
        );
    }
}

/// Counts are far below 2⁵³.
fn number(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & 0xffff_ffff);
    let part = |half: u64| u32::try_from(half).map_or(0.0, f64::from);
    part(high) * 4_294_967_296.0 + part(low)
}

fn seconds(time: Option<Time>) -> String {
    let known = time.filter(|time| *time < Time::MAX);
    known.map_or_else(|| "never".to_owned(), |time| format!("{:.3} s", time_in_seconds(time)))
}

fn time_in_seconds(time: Time) -> f64 {
    number(u64::try_from(time.as_millis()).unwrap_or(0)) / 1e3
}

fn millis(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "-".to_owned(), |latency| format!("{:.1} ms", latency.as_secs_f64() * 1e3))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, answered, lost) = (self.sent, self.answered(), self.lost());
        writeln!(f, "sent {sent}, answered {answered}, lost {lost}, in flight {}", self.in_flight)?;
        let of = |per_cent| millis(self.latencies.percentile(per_cent));
        writeln!(f, "latency p50 {}, p95 {}, p99 {}", of(50), of(95), of(99))?;
        for version in self.versions.keys() {
            let share = self.share_of(version);
            writeln!(f, "{version}: {} answers, {:.2} %", share.part, share.value() * 100.0)?;
        }
        for ((cause, pod, window), losses) in &self.losses {
            let (first, last) = (seconds(Some(losses.first)), seconds(Some(losses.last)));
            write!(f, "lost {} ({cause}), {window}, from {first} to {last}", losses.count)?;
            if let Some(pod) = pod {
                write!(f, ", by pod {pod}")?;
                if let Some(times) = self.pods.get(pod) {
                    write!(f, " (listens {}", seconds(times.listens))?;
                    write!(f, ", SIGTERM {}", seconds(times.asked_to_stop))?;
                    write!(f, ", ended {}", seconds(times.stopped))?;
                    write!(f, ", last proxy {})", seconds(times.last_update))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceId;

    fn report() -> Report {
        let mut report = Report::default();
        let outcome = |at, how| Outcome {
            source: SourceId(0),
            number: 0,
            sent: Time::from_millis(at),
            ended: Time::from_millis(at + 20),
            how,
        };
        for (at, version) in [(0, "v1.0"), (500, "v1.0"), (1_000, "v1.0"), (1_500, "v1.1")] {
            report.note_sent(Time::from_millis(at));
            report.note(&outcome(at, Ended::Answered { pod: Uid(1), version: version.into() }));
        }
        report
    }

    #[test]
    fn shares_are_parts_of_the_answers() {
        let report = report();
        report.share_of("v1.1").between(0.25, 0.25);
        assert_eq!(report.shares_of("v1.1").values().map(|share| share.part).collect::<Vec<_>>(), [0, 1]);
        report.expect_no_request_lost();
    }

    #[test]
    #[should_panic(expected = "1 of 4 requests were lost")]
    fn a_lost_request_fails_the_assertion_with_its_cause() {
        let mut report = report();
        let (cause, window) = (Cause::RefusedStopped, Window::Stopping);
        let how = Ended::Lost { cause, pod: Some(Uid(1)), window };
        let ended = Time::from_seconds(1);
        report.note(&Outcome { source: SourceId(0), number: 4, sent: ended, ended, how });
        report.expect_no_request_lost();
    }

    #[test]
    #[should_panic(expected = "v1.1 gave 1 of 4 answers")]
    fn a_share_outside_of_its_bounds_says_what_it_is() {
        report().share_of("v1.1").between(0.4, 0.6);
    }
}
