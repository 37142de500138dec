//! Scrapes, and what the metrics APIs answer.
//!
//! The words of refusals are those of the metrics client of Kubernetes 1.36,
//! `pkg/controller/podautoscaler/metrics/client.go`, so that an autoscaler can pass them on.

use crate::series::{ExternalSeries, ObjectSeries};
use crate::usage::{Group, Subject, Usage};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavetank_engine::chance::{Purpose, below, happens, keyed};
use wavetank_engine::{Seed, Time};
use wavetank_model::horizontal::ObjectReference;
use wavetank_model::{Selector, Uid};

/// How the pipeline behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// When the first scrape is.
    pub first_scrape: Duration,
    /// Time from one scrape to the next.
    pub interval: Duration,
    /// What a sample says it covers.
    pub window: Duration,
    /// Scrapes that must have found a pod running before it has a sample.
    pub scrapes_before_first_sample: u32,
    /// How long after a scrape it shows.
    pub lag: Duration,
    /// How many of a thousand samples of pods go missing.
    pub missing_per_mille: u32,
    /// Whether the resource metrics API answers at all.
    pub is_installed: bool,
}

impl Default for Settings {
    /// metrics-server with its resolution of 15 seconds, without losses.
    fn default() -> Self {
        Self {
            first_scrape: Duration::from_secs(5),
            interval: Duration::from_secs(15),
            window: Duration::from_secs(30),
            scrapes_before_first_sample: 1,
            lag: Duration::ZERO,
            missing_per_mille: 0,
            is_installed: true,
        }
    }
}

/// A running pod at the time of a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodNow {
    /// Identity.
    pub uid: Uid,
    /// When it started.
    pub started: Time,
    /// Whether it is ready and not being deleted.
    pub ready: bool,
    /// Requests that it has answered since its start.
    pub answered: u64,
}

/// A sample of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Thousandths of the unit.
    pub milli: i64,
    /// When its window ended.
    pub timestamp: Time,
    /// Length of its window.
    pub window: Duration,
}

/// What an API answers about pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Samples by pod.
    pub samples: BTreeMap<Uid, Sample>,
}

impl Answer {
    /// The sample of a pod.
    #[must_use]
    pub fn of_pod(&self, pod: Uid) -> Option<&Sample> {
        self.samples.get(&pod)
    }
}

/// Why an API has no answer, in the words of the metrics client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub Arc<str>);

impl Unavailable {
    fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

/// A scraped pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scraped {
    pod: PodNow,
    /// Scrapes in a row that found it running, this one included.
    scrapes: u32,
    /// Thousandths of requests a second that it answered since the scrape before, or since its start.
    milli_requests_per_second: i64,
}

/// What one scrape found of a group, by identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scrape {
    time: Time,
    ready: i64,
    pods: Vec<Scraped>,
}

/// Usage, and what of it has been seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    seed: Seed,
    settings: Settings,
    usages: Vec<(usize, Usage)>,
    groups: Vec<Group>,
    /// Which of the usages are those of a group.
    usages_of: Vec<Vec<usize>>,
    /// The latest scrapes of each group, oldest first.
    scrapes: Vec<VecDeque<Scrape>>,
    /// Groups that a pod was scraped in, as long as one of their scrapes is kept that found it: an
    /// autoscaler asks for its own pods, and must not pay for all others.
    groups_of: BTreeMap<Uid, Vec<usize>>,
    objects: Vec<ObjectSeries>,
    external: Vec<ExternalSeries>,
    /// Words with which the custom and external APIs refuse, while they do.
    custom_failure: Option<Arc<str>>,
    external_failure: Option<Arc<str>>,
}

const MISSING: Purpose = Purpose::new("missing metric sample");
const JITTER: Purpose = Purpose::new("jitter of a metric sample");

impl Pipeline {
    /// A pipeline without any usage.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            settings: Settings::default(),
            usages: Vec::new(),
            groups: Vec::new(),
            usages_of: Vec::new(),
            scrapes: Vec::new(),
            groups_of: BTreeMap::new(),
            objects: Vec::new(),
            external: Vec::new(),
            custom_failure: None,
            external_failure: None,
        }
    }

    /// How it behaves.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes it behave otherwise from now on.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Adds what pods use. Several usages of one resource and container add up.
    pub fn add_usage(&mut self, usage: Usage) {
        let known = self.groups.iter().position(|group| *group == usage.group);
        let group = known.unwrap_or_else(|| {
            self.groups.push(usage.group.clone());
            self.scrapes.push(VecDeque::new());
            self.usages_of.push(Vec::new());
            self.groups.len() - 1
        });
        if let Some(numbers) = self.usages_of.get_mut(group) {
            numbers.push(self.usages.len());
        }
        self.usages.push((group, usage));
    }

    /// Takes away all usage of a group, so that another can be added.
    pub fn remove_usage(&mut self, group: &Group) {
        self.usages.retain(|(_, usage)| usage.group != *group);
        for (number, numbers) in self.usages_of.iter_mut().enumerate() {
            let of_it = self.usages.iter().enumerate().filter(|(_, (group, _))| *group == number);
            *numbers = of_it.map(|(usage, _)| usage).collect();
        }
    }

    /// Usage as added.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        self.usages.iter().map(|(_, usage)| usage)
    }

    /// Adds a metric of an object.
    pub fn add_object_series(&mut self, series: ObjectSeries) {
        self.objects.push(series);
    }

    /// Adds a metric from outside.
    pub fn add_external_series(&mut self, series: ExternalSeries) {
        self.external.push(series);
    }

    /// Lets the custom metrics API refuse in these words, or answer again.
    pub fn fail_custom(&mut self, words: Option<&str>) {
        self.custom_failure = words.map(Arc::from);
    }

    /// Lets the external metrics API refuse in these words, or answer again.
    pub fn fail_external(&mut self, words: Option<&str>) {
        self.external_failure = words.map(Arc::from);
    }

    /// Whether there is anything to scrape.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.usages.is_empty()
    }

    /// The first scrape at or after a time.
    #[must_use]
    pub fn next_scrape(&self, from: Time) -> Time {
        let first = Time::ZERO + self.settings.first_scrape;
        let interval = i64::try_from(self.settings.interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        let behind = from.nanos_since(first).max(0);
        let whole = behind.saturating_add(interval - 1) / interval;
        first.offset(whole.saturating_mul(interval))
    }

    /// Looks at the pods of every group that has a usage: `running` answers those that run.
    pub fn scrape(&mut self, now: Time, mut running: impl FnMut(&Group) -> Vec<PodNow>) {
        for (number, group) in self.groups.iter().enumerate() {
            if self.usages_of.get(number).is_none_or(Vec::is_empty) {
                continue;
            }
            let Some(scrapes) = self.scrapes.get_mut(number) else { continue };
            let mut pods = running(group);
            pods.sort_unstable_by_key(|pod| pod.uid);
            let before = scrapes.back();
            let groups_of = &mut self.groups_of;
            let scraped = pods.into_iter().map(|pod| {
                let known = before.and_then(|scrape| Some((scrape.time, scrape.of(pod.uid)?)));
                if known.is_none() {
                    let groups = groups_of.entry(pod.uid).or_default();
                    if !groups.contains(&number) {
                        groups.push(number);
                    }
                }
                let (since, answered) = known.map_or((pod.started, 0), |(at, known)| (at, known.pod.answered));
                Scraped {
                    pod,
                    scrapes: known.map_or(0, |(_, known)| known.scrapes).saturating_add(1),
                    milli_requests_per_second: rate(pod.answered.saturating_sub(answered), now.since(since)),
                }
            });
            let pods: Vec<Scraped> = scraped.collect();
            let ready = i64::try_from(pods.iter().filter(|scraped| scraped.pod.ready).count()).unwrap_or(i64::MAX);
            scrapes.push_back(Scrape { time: now, ready, pods });
            // One that shows already is kept, and all that will show later.
            let shown = now - self.settings.lag;
            while scrapes.get(1).is_some_and(|second| second.time <= shown) {
                let Some(dropped) = scrapes.pop_front() else { break };
                for scraped in &dropped.pods {
                    let uid = scraped.pod.uid;
                    if scrapes.iter().all(|scrape| scrape.of(uid).is_none())
                        && let Some(groups) = self.groups_of.get_mut(&uid)
                    {
                        groups.retain(|group| *group != number);
                        if groups.is_empty() {
                            self.groups_of.remove(&uid);
                        }
                    }
                }
            }
        }
    }

    /// The resource metrics API: what pods of a namespace use of a resource, or one container of them.
    ///
    /// A pod without any usage of the resource has no sample.
    ///
    /// # Errors
    /// If the API is not installed, or no pod at all has been measured.
    pub fn resource(
        &self,
        now: Time,
        namespace: &str,
        resource: &str,
        container: Option<&str>,
    ) -> Result<Answer, Unavailable> {
        self.resource_of(now, &self.pods_in(namespace), resource, container)
    }

    /// The resource metrics API, asked about some pods only.
    ///
    /// # Errors
    /// If the API is not installed, or none of the pods has been measured.
    pub fn resource_of(
        &self,
        now: Time,
        pods: &[Uid],
        resource: &str,
        container: Option<&str>,
    ) -> Result<Answer, Unavailable> {
        if !self.settings.is_installed {
            let words = "the server could not find the requested resource (get pods.metrics.k8s.io)";
            return Err(Unavailable::new(format!("unable to fetch metrics from resource metrics API: {words}")));
        }
        let is_asked = |subject: &Subject| match subject {
            Subject::Resource { name, container: own } => {
                **name == *resource
                    && container.is_none_or(|container| own.as_deref().is_none_or(|own| own == container))
            }
            Subject::Custom { .. } => false,
        };
        let (answer, is_empty) = self.samples(now, pods, is_asked);
        if is_empty {
            return Err(Unavailable::new("no metrics returned from resource metrics API"));
        }
        Ok(answer)
    }

    /// The custom metrics API: a metric of some pods.
    ///
    /// # Errors
    /// If the API fails or has no such metric.
    pub fn custom_of(&self, now: Time, pods: &[Uid], metric: &str, selector: &Selector) -> Result<Answer, Unavailable> {
        self.custom_api()?;
        let is_asked = |subject: &Subject| match subject {
            Subject::Custom { metric: name, labels } => **name == *metric && selector.matches(labels),
            Subject::Resource { .. } => false,
        };
        let (answer, _) = self.samples(now, pods, is_asked);
        if answer.samples.is_empty() {
            return Err(Unavailable::new("no metrics returned from custom metrics API"));
        }
        Ok(answer)
    }

    /// The custom metrics API: a metric of an object.
    ///
    /// # Errors
    /// If the API fails or has no such metric.
    pub fn object(
        &self,
        now: Time,
        namespace: &str,
        object: &ObjectReference,
        metric: &str,
        selector: &Selector,
    ) -> Result<i64, Unavailable> {
        self.custom_api()?;
        let is_asked = |series: &&ObjectSeries| {
            let is_named = *object.kind == *"Namespace" || series.object.name == object.name;
            *series.namespace == *namespace
                && series.object.kind == object.kind
                && is_named
                && *series.metric == *metric
                && selector.matches(&series.labels)
        };
        let found = self.objects.iter().find(is_asked).and_then(|series| series.curve.at(self.shown(now)));
        found.ok_or_else(|| {
            let (kind, name) = (object.kind.to_lowercase(), &object.name);
            Unavailable::new(format!(
                "unable to fetch metrics from custom metrics API: the server could not find the metric {metric} \
                 for {kind}s {name}"
            ))
        })
    }

    /// The external metrics API: the values of all series of a metric.
    ///
    /// # Errors
    /// If the API fails or has no such series.
    pub fn external(&self, now: Time, metric: &str, selector: &Selector) -> Result<Vec<i64>, Unavailable> {
        if let Some(words) = &self.external_failure {
            return Err(Unavailable::new(format!("unable to fetch metrics from external metrics API: {words}")));
        }
        let asked = self.external.iter().filter(|series| *series.metric == *metric && selector.matches(&series.labels));
        let values: Vec<i64> = asked.filter_map(|series| series.curve.at(self.shown(now))).collect();
        if values.is_empty() {
            return Err(Unavailable::new("no metrics returned from external metrics API"));
        }
        Ok(values)
    }

    fn custom_api(&self) -> Result<(), Unavailable> {
        self.custom_failure.as_ref().map_or(Ok(()), |words| {
            Err(Unavailable::new(format!("unable to fetch metrics from custom metrics API: {words}")))
        })
    }

    fn shown(&self, now: Time) -> Time {
        now - self.settings.lag
    }

    /// All pods that were scraped in a namespace.
    fn pods_in(&self, namespace: &str) -> Vec<Uid> {
        let is_in = |group: &usize| self.groups.get(*group).is_some_and(|group| *group.namespace == *namespace);
        let pods = self.groups_of.iter().filter(|(_, groups)| groups.iter().any(is_in));
        pods.map(|(uid, _)| *uid).collect()
    }

    /// Samples of pods from the last scrapes that show; and whether none of them was measured at all.
    fn samples(&self, now: Time, pods: &[Uid], is_asked: impl Fn(&Subject) -> bool) -> (Answer, bool) {
        let (mut answer, mut is_empty) = (Answer::default(), true);
        let shown = self.shown(now);
        for uid in pods {
            for group in self.groups_of.get(uid).into_iter().flatten() {
                let mut scrapes = self.scrapes.get(*group).into_iter().flatten();
                let Some(scrape) = scrapes.rfind(|scrape| scrape.time <= shown) else { continue };
                let enough = |scraped: &&Scraped| scraped.scrapes >= self.settings.scrapes_before_first_sample;
                let Some(scraped) = scrape.of(*uid).filter(enough) else { continue };
                for number in self.usages_of.get(*group).into_iter().flatten() {
                    let Some((_, usage)) = self.usages.get(*number).filter(|(_, usage)| is_asked(&usage.subject))
                    else {
                        continue;
                    };
                    is_empty = false;
                    let Some(milli) = self.measured(*number, usage, scrape, scraped) else { continue };
                    let new = Sample { milli, timestamp: scrape.time, window: self.settings.window };
                    let sample = answer.samples.entry(*uid);
                    sample.and_modify(|known| known.milli = known.milli.saturating_add(milli)).or_insert(new);
                }
            }
        }
        (answer, is_empty)
    }

    /// What a scrape measured of a pod, unless it went missing.
    fn measured(&self, number: usize, usage: &Usage, scrape: &Scrape, scraped: &Scraped) -> Option<i64> {
        let pod = &scraped.pod;
        let object = pod.uid.0.rotate_left(32)
            ^ u64::try_from(scrape.time.as_millis()).unwrap_or_default()
            ^ u64::try_from(number).unwrap_or_default().rotate_left(56);
        let lost = u64::from(self.settings.missing_per_mille);
        if lost > 0 && happens(keyed(self.seed, object, MISSING), lost, 1000) {
            return None;
        }
        let milli = usage.of_pod(scrape.time, pod, scrape.ready, scraped.milli_requests_per_second)?;
        let most = i128::from(milli) * i128::from(usage.jitter_per_mille) / 1000;
        if most == 0 {
            return Some(milli);
        }
        let span = u64::try_from(most.unsigned_abs().saturating_mul(2).saturating_add(1)).unwrap_or(u64::MAX);
        let off = i128::from(below(keyed(self.seed, object, JITTER), span))
            - i128::try_from(most.unsigned_abs()).unwrap_or(0);
        i64::try_from(i128::from(milli) + off).ok()
    }
}

/// Thousandths a second.
fn rate(count: u64, span: Duration) -> i64 {
    let millis = span.as_millis().max(1);
    i64::try_from(u128::from(count) * 1_000_000 / millis).unwrap_or(i64::MAX)
}

impl Scrape {
    fn of(&self, uid: Uid) -> Option<&Scraped> {
        let position = self.pods.binary_search_by_key(&uid, |scraped| scraped.pod.uid).ok()?;
        self.pods.get(position)
    }
}

#[cfg(test)]
mod tests;
