//! Scrapes, and what the metrics APIs answer.
//!
//! The words of refusals are those of the metrics client of Kubernetes 1.36,
//! `pkg/controller/podautoscaler/metrics/client.go`, so that an autoscaler can pass them on.

mod samples;

use crate::series::{ExternalSeries, ObjectSeries};
use crate::usage::{Group, Subject, Usage};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
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

/// A group that is to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Its number, which it keeps.
    pub number: usize,
    /// Whose pods.
    pub group: &'a Group,
    /// Whether nothing need be told if the same pods run as at the last scrape, each as it was, and none
    /// has answered a request since.
    pub same_will_do: bool,
}

/// A scraped pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scraped {
    pod: PodNow,
    /// Number of the first of the scrapes in a row that found it running.
    first: u32,
    /// Thousandths of requests a second that it answered since the scrape before, or since its start.
    milli_requests_per_second: i64,
}

/// What one scrape found of a group, by identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scrape {
    time: Time,
    /// Which of the scrapes of its group it is.
    number: u32,
    ready: i64,
    /// Shared by scrapes between which nothing happened.
    pods: Arc<Vec<Scraped>>,
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
    objects: Vec<ObjectSeries>,
    external: Vec<ExternalSeries>,
    /// Words with which the custom and external APIs refuse, while they do.
    custom_failure: Option<Arc<str>>,
    external_failure: Option<Arc<str>>,
}

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

    /// Puts usage in the place of all that the same group had of the same thing.
    pub fn set_usage(&mut self, usage: Usage) {
        self.usages.retain(|(_, known)| known.group != usage.group || known.subject != usage.subject);
        self.number_usages();
        self.add_usage(usage);
    }

    /// Takes away all usage of a group, so that another can be added.
    pub fn remove_usage(&mut self, group: &Group) {
        self.usages.retain(|(_, usage)| usage.group != *group);
        self.number_usages();
    }

    fn number_usages(&mut self) {
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

    /// Groups of pods whose usage is known. The position of each is its number.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Looks at the pods of every group that has a usage: `running` answers those that run, or nothing if
    /// it may and all is as it was at the last scrape.
    pub fn scrape(&mut self, now: Time, mut running: impl FnMut(Look<'_>) -> Option<Vec<PodNow>>) {
        for (number, group) in self.groups.iter().enumerate() {
            if self.usages_of.get(number).is_none_or(Vec::is_empty) {
                continue;
            }
            let Some(scrapes) = self.scrapes.get_mut(number) else { continue };
            let before = scrapes.back();
            let look = Look { number, group, same_will_do: before.is_some() };
            let scrape = match (running(look), before) {
                (None, Some(before)) => Scrape { time: now, number: before.number.saturating_add(1), ..before.clone() },
                (pods, before) => Scrape::new(now, pods.unwrap_or_default(), before),
            };
            scrapes.push_back(scrape);
            // One that shows already is kept, and all that will show later.
            let shown = now - self.settings.lag;
            while scrapes.get(1).is_some_and(|second| second.time <= shown) {
                scrapes.pop_front();
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
        let groups = self.groups_in(namespace);
        let pods = self.pods_in(&groups);
        let samples = self.resource_of(now, &groups, &pods, (resource, container), |sample| sample)?;
        let samples = pods.into_iter().zip(samples).filter_map(|(pod, sample)| Some((pod, sample?)));
        Ok(Answer { samples: samples.collect() })
    }

    /// The resource metrics API, asked about some pods only, those of some groups: a sample for each, if
    /// it has one, in the form that whoever asks gives it.
    ///
    /// # Errors
    /// If the API is not installed, or none of the pods has been measured.
    pub fn resource_of<S>(
        &self,
        now: Time,
        groups: &[usize],
        pods: &[Uid],
        (resource, container): (&str, Option<&str>),
        form: impl Fn(Sample) -> S,
    ) -> Result<Vec<Option<S>>, Unavailable> {
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
        let (samples, is_empty) = self.samples(now, groups, pods, is_asked, form);
        if is_empty {
            return Err(Unavailable::new("no metrics returned from resource metrics API"));
        }
        Ok(samples)
    }

    /// The custom metrics API: a metric of some pods, those of some groups, like [`Self::resource_of`].
    ///
    /// # Errors
    /// If the API fails or has no such metric.
    pub fn custom_of<S>(
        &self,
        now: Time,
        groups: &[usize],
        pods: &[Uid],
        (metric, selector): (&str, &Selector),
        form: impl Fn(Sample) -> S,
    ) -> Result<Vec<Option<S>>, Unavailable> {
        self.custom_api()?;
        let is_asked = |subject: &Subject| match subject {
            Subject::Custom { metric: name, labels } => **name == *metric && selector.matches(labels),
            Subject::Resource { .. } => false,
        };
        let (samples, _) = self.samples(now, groups, pods, is_asked, form);
        if samples.iter().all(Option::is_none) {
            return Err(Unavailable::new("no metrics returned from custom metrics API"));
        }
        Ok(samples)
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

    /// The groups of a namespace.
    fn groups_in(&self, namespace: &str) -> Vec<usize> {
        let of_it = self.groups.iter().enumerate().filter(|(_, group)| *group.namespace == *namespace);
        of_it.map(|(number, _)| number).collect()
    }

    /// All pods that were scraped in groups.
    fn pods_in(&self, groups: &[usize]) -> Vec<Uid> {
        let scrapes = groups.iter().filter_map(|group| self.scrapes.get(*group)).flatten();
        let pods: BTreeSet<Uid> =
            scrapes.flat_map(|scrape| scrape.pods.iter().map(|scraped| scraped.pod.uid)).collect();
        pods.into_iter().collect()
    }
}

/// Thousandths a second.
fn rate(count: u64, span: Duration) -> i64 {
    let millis = span.as_millis().max(1);
    i64::try_from(u128::from(count) * 1_000_000 / millis).unwrap_or(i64::MAX)
}

impl Scrape {
    /// What runs now, put beside what was found before.
    fn new(now: Time, mut pods: Vec<PodNow>, before: Option<&Self>) -> Self {
        pods.sort_unstable_by_key(|pod| pod.uid);
        let number = before.map_or(0, |before| before.number.saturating_add(1));
        let mut place = 0;
        let scraped = pods.into_iter().map(|pod| {
            let known = before.and_then(|scrape| Some((scrape.time, scrape.find(pod.uid, &mut place)?)));
            let (since, answered) = known.map_or((pod.started, 0), |(at, known)| (at, known.pod.answered));
            Scraped {
                pod,
                first: known.map_or(number, |(_, known)| known.first),
                milli_requests_per_second: rate(pod.answered.saturating_sub(answered), now.since(since)),
            }
        });
        let pods: Vec<Scraped> = scraped.collect();
        let ready = i64::try_from(pods.iter().filter(|scraped| scraped.pod.ready).count()).unwrap_or(i64::MAX);
        Self { time: now, number, ready, pods: Arc::new(pods) }
    }

    /// A pod of the scrape. Who asks for one after the other finds each at `place`, behind the last.
    fn find(&self, uid: Uid, place: &mut usize) -> Option<&Scraped> {
        if self.pods.get(*place).is_none_or(|scraped| scraped.pod.uid != uid) {
            *place = self.pods.binary_search_by_key(&uid, |scraped| scraped.pod.uid).ok()?;
        }
        let found = self.pods.get(*place);
        *place += 1;
        found
    }
}

#[cfg(test)]
mod tests;
