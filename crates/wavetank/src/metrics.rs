//! The metrics pipeline of a cluster: what its pods use, when that is looked at, and who asks.
//!
//! Pods are looked at only while there is an autoscaler, their memory is told of, or somebody asks for `top`.

use crate::cluster::Cluster;
use crate::event::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wavetank_engine::{Seed, Time};
use wavetank_metrics::{Group, Pipeline, PodNow, Subject, Usage};
use wavetank_model::quantity::Format;
use wavetank_model::{Phase, PodKey, Quantity, Refusal, Selector, Uid};
use wavetank_store::{CohortId, Store};

/// Which cohorts selectors pick. Cohorts only ever come, so each is asked once for each selector.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Picked {
    by_selector: BTreeMap<(Arc<str>, Arc<str>), Cohorts>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cohorts {
    /// How many cohorts have been asked.
    asked: usize,
    picked: Arc<BTreeSet<CohortId>>,
}

impl Picked {
    /// The cohorts that a selector picks in a namespace. `spelled` is the selector as text.
    pub(crate) fn cohorts(
        &mut self,
        store: &Store,
        namespace: &Arc<str>,
        spelled: &Arc<str>,
        selector: &Selector,
    ) -> Arc<BTreeSet<CohortId>> {
        let known = self.by_selector.entry((Arc::clone(namespace), Arc::clone(spelled))).or_default();
        for (id, cohort) in store.cohorts_from(known.asked) {
            known.asked += 1;
            if cohort.identity.namespace == *namespace && selector.matches(&cohort.identity.labels) {
                Arc::make_mut(&mut known.picked).insert(id);
            }
        }
        Arc::clone(&known.picked)
    }
}

/// Stored pods of cohorts, by owner and creation.
pub(crate) fn pods_of<'a>(store: &'a Store, cohorts: &'a BTreeSet<CohortId>) -> impl Iterator<Item = PodKey> + 'a {
    let owners: BTreeSet<Option<Uid>> = cohorts.iter().map(|id| store.cohort(*id).identity.owner).collect();
    owners
        .into_iter()
        .flat_map(|owner| store.pods_controlled_by(owner))
        .filter(move |key| store.pod(*key).is_some_and(|pod| cohorts.contains(&pod.cohort())))
}

/// A group as it was looked at last.
#[derive(Clone, Debug)]
struct Looked {
    spelled: Arc<str>,
    /// How many cohorts there were.
    asked: usize,
    cohorts: Arc<BTreeSet<CohortId>>,
    /// How often its pods had changed; absent if what runs in them moves without telling.
    changes: Option<u64>,
}

/// How often pods of a cohort have changed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct PodChanges {
    /// As they are.
    stored: u64,
    /// As the controllers see them.
    seen: u64,
}

/// What the pipeline of a cluster keeps beside its scrapes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Metrics {
    pub(crate) pipeline: Pipeline,
    pub(crate) picked: Picked,
    /// Groups by their numbers: what was found last holds as long as their pods do not change.
    #[serde(skip)]
    looked: BTreeMap<usize, Looked>,
    /// Changes of pods by cohort, counted once somebody will ask.
    changes: Option<Vec<PodChanges>>,
    /// When pods were bound that waited for a node over the turn of a second; all others were at once.
    bound_late: BTreeMap<PodKey, Time>,
    /// Whether the next scrape is in the queue.
    scheduled: bool,
}

impl Metrics {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            pipeline: Pipeline::new(Seed(seed)),
            picked: Picked::default(),
            looked: BTreeMap::new(),
            changes: None,
            bound_late: BTreeMap::new(),
            scheduled: false,
        }
    }
}

impl Metrics {
    /// From now on changes of pods are counted.
    pub(crate) fn watch_pods(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// Whether changes of pods are counted.
    pub(crate) const fn counts_pods(&self) -> bool {
        self.changes.is_some()
    }

    fn changes_of(&mut self, cohort: CohortId) -> Option<&mut PodChanges> {
        let changes = self.changes.as_mut()?;
        if changes.len() <= cohort.index() {
            changes.resize(cohort.index() + 1, PodChanges::default());
        }
        changes.get_mut(cohort.index())
    }

    /// A pod has changed, or what runs in it.
    pub(crate) fn pod_changed(&mut self, cohort: CohortId) {
        if let Some(changes) = self.changes_of(cohort) {
            changes.stored += 1;
        }
    }

    /// The controllers have seen a pod change.
    pub(crate) fn pod_change_seen(&mut self, cohort: CohortId) {
        if let Some(changes) = self.changes_of(cohort) {
            changes.seen += 1;
        }
    }

    /// How often pods of cohorts have been seen to change.
    pub(crate) fn changes_seen(&self, cohorts: &BTreeSet<CohortId>) -> u64 {
        let counted = |cohort: &CohortId| self.changes.as_ref()?.get(cohort.index());
        cohorts.iter().filter_map(counted).map(|changes| changes.seen).sum()
    }

    /// Groups of the pipeline that have pods of any of these cohorts.
    pub(crate) fn groups_of(&mut self, store: &Store, cohorts: &BTreeSet<CohortId>) -> Arc<[usize]> {
        let mut found = Vec::new();
        for (number, group) in self.pipeline.groups().iter().enumerate() {
            let spelled: Arc<str> = group.selector.to_string().into();
            let of_group = self.picked.cohorts(store, &group.namespace, &spelled, &group.selector);
            if !of_group.is_disjoint(cohorts) {
                found.push(number);
            }
        }
        found.into()
    }

    /// When the kubelet took a pod on, a whole second.
    pub(crate) fn started(&self, key: PodKey, created: Time) -> Time {
        self.bound_late.get(&key).copied().unwrap_or(created)
    }

    /// A pod has been bound to a node.
    pub(crate) fn bound(&mut self, key: PodKey, created: Time, now: Time) {
        if now.nanos_since(created) >= 1_000_000_000 {
            self.bound_late.insert(key, now.floor_second());
        }
    }

    /// A pod is gone.
    pub(crate) fn gone(&mut self, key: PodKey) {
        if !self.bound_late.is_empty() {
            self.bound_late.remove(&key);
        }
    }
}

impl Cluster {
    /// The metrics pipeline: usage of the pods, and how it is measured.
    #[must_use]
    pub const fn metrics(&self) -> &Pipeline {
        &self.metrics.pipeline
    }

    /// Changes the metrics pipeline: adds usage or series, lets it lag, lose samples or fail.
    ///
    /// ```
    /// use wavetank::Cluster;
    /// use wavetank_metrics::{Curve, Group, Share, Usage};
    /// use wavetank_model::Selector;
    ///
    /// let mut cluster = Cluster::builder().build();
    /// let web = Group { namespace: "default".into(), selector: Selector::parse("app=web").unwrap() };
    /// cluster.change_metrics(|metrics| {
    ///     metrics.add_usage(Usage::of_resource(web, "cpu", Share::AmongReady, Curve::Constant(900)));
    /// });
    /// assert_eq!(cluster.metrics().usages().count(), 1);
    /// ```
    pub fn change_metrics(&mut self, change: impl FnOnce(&mut Pipeline)) {
        change(&mut self.metrics.pipeline);
        self.metrics.watch_pods();
        self.expect_scrape();
    }

    /// Puts the next scrape into the queue, if anybody will ask for it.
    pub(crate) fn expect_scrape(&mut self) {
        if self.metrics.scheduled || !self.is_scraped() {
            return;
        }
        self.metrics.scheduled = true;
        let at = self.metrics.pipeline.next_scrape(self.now);
        self.queue.schedule(at, Event::Scrape);
    }

    /// The pipeline looks at the pods.
    pub(crate) fn scrape(&mut self) {
        self.metrics.scheduled = false;
        if !self.is_scraped() {
            return;
        }
        self.look_at_pods();
        self.kill_over_limit();
        let next = self.metrics.pipeline.next_scrape(self.now.offset(1));
        self.metrics.scheduled = true;
        self.queue.schedule(next, Event::Scrape);
    }

    /// Whether pods are looked at: for an autoscaler, or because what they use may kill them.
    fn is_scraped(&self) -> bool {
        let pipeline = &self.metrics.pipeline;
        !pipeline.is_idle() && (!self.horizontal.is_idle() || pipeline.usages().any(is_of_memory))
    }

    /// Kills the containers that use more memory than their limit, as the kernel does; theirs is exit code
    /// 137. It is noticed when the pods are looked at.
    fn kill_over_limit(&mut self) {
        let groups: Vec<Group> = self
            .metrics
            .pipeline
            .usages()
            .filter(|usage| is_of_memory(usage))
            .map(|usage| usage.group.clone())
            .collect();
        let mut victims = BTreeSet::new();
        for group in groups {
            let Ok(answer) = self.metrics.pipeline.resource(self.now, &group.namespace, "memory", None) else {
                continue;
            };
            let spelled: Arc<str> = group.selector.to_string().into();
            let (store, picked) = (&self.store, &mut self.metrics.picked);
            let cohorts = picked.cohorts(store, &group.namespace, &spelled, &group.selector);
            victims.extend(pods_of(store, &cohorts).filter_map(|key| {
                let pod = store.pod(key)?;
                let container = store.template_of(&pod).facts.containers.first()?;
                let limit = container.resources.limits.memory()?.milli_value();
                let used = answer.of_pod(pod.uid()).filter(|sample| sample.timestamp == self.now)?.milli;
                (used > limit).then_some((pod.uid(), key))
            }));
        }
        for (_, key) in victims {
            self.kill_container_of(key);
        }
    }

    fn look_at_pods(&mut self) {
        let store = &self.store;
        let network = self.traffic.network.as_ref();
        let answered = |pod: Uid| network.map_or(0, |network| network.load_of(pod).1);
        let (runs, machines) = (&self.runs, &self.machines);
        let since = |key: PodKey| crate::pods::life::process_since(store, runs, machines, key);
        let Metrics { pipeline, picked, looked, changes, .. } = &mut self.metrics;
        let of_cohorts = store.cohorts().len();
        pipeline.scrape(self.now, |look| {
            let group = look.group;
            let looked = looked.entry(look.number).or_insert_with(|| Looked {
                spelled: group.selector.to_string().into(),
                asked: usize::MAX,
                cohorts: Arc::default(),
                changes: None,
            });
            if looked.asked != of_cohorts {
                looked.asked = of_cohorts;
                looked.cohorts = picked.cohorts(store, &group.namespace, &looked.spelled, &group.selector);
                looked.changes = None;
            }
            let counted = |cohort: &CohortId| changes.as_ref()?.get(cohort.index());
            let now: u64 = looked.cohorts.iter().filter_map(counted).map(|changes| changes.stored).sum();
            if look.same_will_do && looked.changes == Some(now) && network.is_none() {
                return None;
            }
            // What runs in a pod with a machine of its own may start and stop between two changes of the pod.
            looked.changes = pods_of(store, &looked.cohorts).all(|key| !machines.has(key)).then_some(now);
            Some(running(store, &looked.cohorts, &answered, &since))
        });
    }

    /// What the pods of a namespace use, or of all, as objects of `metrics.k8s.io/v1beta1`, by namespace and
    /// name: what `top pods` shows.
    ///
    /// # Errors
    /// `NotFound` in the words of the API server if there is no such API.
    pub fn pod_metrics(&mut self, namespace: Option<&str>, selector: &Selector) -> Result<Vec<Value>, Refusal> {
        if !self.metrics.pipeline.settings().is_installed || self.metrics.pipeline.is_idle() {
            return Err(Refusal::new(wavetank_model::Reason::NotFound, "Metrics API not available"));
        }
        if self.horizontal.is_idle() {
            self.look_at_pods();
        }
        let measured: BTreeSet<Arc<str>> =
            self.metrics.pipeline.usages().map(|usage| Arc::clone(&usage.group.namespace)).collect();
        let asked = measured.iter().filter(|measured| namespace.is_none_or(|namespace| namespace == &***measured));
        Ok(asked.flat_map(|namespace| self.metrics_in(namespace, selector)).collect())
    }

    fn metrics_in(&self, namespace: &str, selector: &Selector) -> Vec<Value> {
        let answer = |resource| self.metrics.pipeline.resource(self.now, namespace, resource, None).unwrap_or_default();
        let (cpu, memory) = (answer("cpu"), answer("memory"));
        let edge = self.edge();
        let mut items = Vec::new();
        for key in self.store.pods() {
            let Some(pod) = self.store.pod(key) else { continue };
            let identity = &self.store.cohort(pod.cohort()).identity;
            let (processor, bytes) = (cpu.of_pod(pod.uid()), memory.of_pod(pod.uid()));
            let Some(sample) = processor.or(bytes) else { continue };
            if *identity.namespace != *namespace || !selector.matches(&identity.labels) {
                continue;
            }
            let container = self.store.template_of(&pod).facts.containers.first().map(|first| first.name.to_string());
            let amount = |sample: Option<&wavetank_metrics::Sample>, format| {
                Quantity::from_milli(sample.map_or(0, |sample| sample.milli), format).to_string()
            };
            items.push(json!({
                "apiVersion": "metrics.k8s.io/v1beta1",
                "kind": "PodMetrics",
                "metadata": {"name": &*self.store.pod_name(&pod), "namespace": namespace, "labels": labels(&identity.labels)},
                "timestamp": edge.spell_time(sample.timestamp),
                "window": format!("{}s", sample.window.as_secs()),
                "containers": [{
                    "name": container.unwrap_or_default(),
                    "usage": {"cpu": amount(processor, Format::DecimalSi), "memory": amount(bytes, Format::BinarySi)},
                }],
            }));
        }
        items.sort_by_key(|item| item["metadata"]["name"].to_string());
        items
    }
}

fn labels(labels: &wavetank_model::StringMap) -> Value {
    Value::Object(labels.iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
}

fn is_of_memory(usage: &Usage) -> bool {
    matches!(&usage.subject, Subject::Resource { name, .. } if &**name == "memory")
}

/// The pods of cohorts that run, as they are and not as anybody has seen them.
fn running(
    store: &Store,
    cohorts: &BTreeSet<CohortId>,
    answered: &impl Fn(Uid) -> u64,
    running_since: &impl Fn(PodKey) -> Option<Time>,
) -> Vec<PodNow> {
    let pods = pods_of(store, cohorts).filter_map(|key| Some((key, store.pod(key)?)));
    pods.filter(|(_, pod)| pod.state().phase == Phase::Running)
        .map(|(key, pod)| PodNow {
            uid: pod.uid(),
            started: running_since(key).unwrap_or(pod.created()),
            ready: pod.state().ready && pod.state().deletion.is_none(),
            answered: answered(pod.uid()),
        })
        .collect()
}
