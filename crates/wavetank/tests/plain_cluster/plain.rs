//! A cluster in its plainest form: lists that are scanned, nothing indexed, nothing counted in advance.
//!
//! It knows Deployments, ReplicaSets and scripted pods under a control plane that takes no time. What it
//! shares with the real one are the pure parts: passes, the node model, and the plain definition of what
//! a set sees of its pods.

use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank::{Change, PodChange, Time};
use wavetank_controllers::{
    DeploymentInputs, DeploymentWrite, PodsSeen, ReplicaSetInputs, ReplicaSetWrite, SetSeen, reconcile_deployment,
    reconcile_replica_set,
};
use wavetank_engine::Second;
use wavetank_model::pass::drive;
use wavetank_model::{
    Base, ConditionStatus, Deployment, LookAgain, ObjectMeta, OwnerReference, Phase, Pod, PodCondition, PodKey,
    PodStatus, Refusal, ReplicaSet, ReplicaSetKey, ReplicaSetStatus, Reply, Uid,
};
use wavetank_node::{NodeModel, PodContext, PodRun, RoundRobin, Scripted};

const BURST: u32 = 500;

/// One change of one object, as both clusters tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// A Deployment: its generation, sizes, status.
    Deployment(Time, String),
    /// A ReplicaSet by its name: sizes, annotations, status.
    Set(Time, String),
    /// A pod by the order of creations: what can be seen of it, or that it is gone.
    Pod(Time, usize, Option<PodTold>),
}

/// What can be seen of a pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PodTold {
    pub(crate) owner: Option<Uid>,
    pub(crate) phase: Phase,
    pub(crate) ready: bool,
    pub(crate) ready_since: Option<Time>,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) deletion: Option<Time>,
}

pub(crate) fn deployment_told(time: Time, deployment: &Deployment) -> Told {
    let Deployment { meta, spec, status } = deployment;
    Told::Deployment(time, format!("{} {} {:?} {status:?}", meta.generation, spec.replicas, meta.annotations))
}

pub(crate) fn set_told(time: Time, set: &ReplicaSet) -> Told {
    let ReplicaSet { meta, spec, status, .. } = set;
    let text = format!("{} {} {} {:?} {status:?}", meta.name, meta.generation, spec.replicas, meta.annotations);
    Told::Set(time, text)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Deployment,
    Set(usize),
}

#[derive(Clone, Copy, Debug)]
enum Due {
    Binds(usize),
    Step(usize),
    Gone(usize),
    Wake(Work),
}

struct PlainPod {
    key: PodKey,
    /// None once it is gone; places in the list are never used again.
    pod: Option<Pod>,
    ordinal: u32,
    run: PodRun,
}

/// What a change marks, kept until the pass or the event that made it is over.
enum Changed {
    Deployment(Told),
    Set(usize, Told),
    Pod { pod: usize, created: bool, owner: Option<Uid>, told: Told },
}

pub(crate) struct Plain {
    now: Time,
    sequence: u64,
    queue: Vec<(Time, u64, Due)>,
    model: NodeModel,
    nodes: Vec<Arc<str>>,
    turns: RoundRobin,
    version: u64,
    last_uid: u64,
    deployment: Deployment,
    sets: Vec<(ReplicaSetKey, ReplicaSet)>,
    made: Vec<u32>,
    pods: Vec<PlainPod>,
    set_keys: slotmap::SlotMap<ReplicaSetKey, ()>,
    pod_keys: slotmap::SlotMap<PodKey, ()>,
    marked: Vec<Work>,
    delayed: BTreeMap<Work, (Time, u64)>,
    failures: BTreeMap<Work, u32>,
    changed: Vec<Changed>,
    pub(crate) history: Vec<Told>,
}

impl Plain {
    /// A cluster with one Deployment just created, and nothing else but nodes.
    pub(crate) fn new(deployment: Deployment, script: Scripted, nodes: &[&str]) -> Self {
        let mut nodes: Vec<Arc<str>> = nodes.iter().map(|name| (*name).into()).collect();
        nodes.sort();
        let mut plain = Self {
            now: Time::ZERO,
            sequence: 0,
            queue: Vec::new(),
            model: NodeModel::Scripted(script),
            nodes,
            turns: RoundRobin::default(),
            version: deployment.meta.resource_version,
            last_uid: deployment.meta.uid.0,
            deployment,
            sets: Vec::new(),
            made: Vec::new(),
            pods: Vec::new(),
            set_keys: slotmap::SlotMap::with_key(),
            pod_keys: slotmap::SlotMap::with_key(),
            marked: Vec::new(),
            delayed: BTreeMap::new(),
            failures: BTreeMap::new(),
            changed: Vec::new(),
            history: Vec::new(),
        };
        plain.deployment_changed();
        plain
    }

    /// The user sets another template.
    pub(crate) fn set_spec(&mut self, edited: &Deployment) {
        self.deployment.spec = edited.spec.clone();
        self.deployment.meta.annotations = edited.meta.annotations.clone();
        self.deployment.meta.generation += 1;
        self.deployment_changed();
    }

    /// Lets time pass until the Deployment is complete.
    pub(crate) fn run_until_complete(&mut self) {
        self.settle();
        while !self.is_complete() {
            let first = self.queue.iter().enumerate().min_by_key(|(_, (at, sequence, _))| (*at, *sequence));
            let (_, (next, ..)) = first.expect("something is left to happen");
            self.now = *next;
            self.instant();
        }
    }

    /// All that is due now, then the controllers woken by it.
    fn instant(&mut self) {
        // Taken out at once so that a list of thousands is scanned once an instant; what is put in for
        // the same instant comes after all of them.
        loop {
            let now = self.now;
            let mut due: Vec<(Time, u64, Due)> = self.queue.extract_if(.., |(at, ..)| *at == now).collect();
            if due.is_empty() {
                break;
            }
            due.sort_by_key(|(_, sequence, _)| *sequence);
            for (_, sequence, due) in due {
                match due {
                    Due::Binds(pod) => self.bind(pod),
                    Due::Step(pod) => self.step(pod),
                    Due::Gone(pod) => self.finish(pod),
                    Due::Wake(work) => {
                        if self.delayed.get(&work).is_some_and(|(_, ticket)| *ticket == sequence) {
                            self.delayed.remove(&work);
                            self.mark(work);
                        }
                    }
                }
                self.absorb();
            }
        }
        self.settle();
    }

    fn is_complete(&self) -> bool {
        let Deployment { meta, spec, status } = &self.deployment;
        meta.generation <= status.observed_generation
            && status.updated_replicas >= spec.replicas
            && status.replicas <= status.updated_replicas
            && status.available_replicas >= status.updated_replicas
    }

    fn put(&mut self, at: Time, due: Due) -> u64 {
        self.sequence += 1;
        self.queue.push((at, self.sequence, due));
        self.sequence
    }

    fn mark(&mut self, work: Work) {
        if !self.marked.contains(&work) {
            self.marked.push(work);
        }
    }

    fn settle(&mut self) {
        self.absorb();
        while !self.marked.is_empty() {
            let first = self.marked.iter().position(|work| *work == Work::Deployment).unwrap_or(0);
            match self.marked.remove(first) {
                Work::Deployment => self.deployment_pass(),
                Work::Set(set) => self.set_pass(set),
            }
            self.absorb();
        }
    }

    /// Tells what changed, and marks who has to look.
    fn absorb(&mut self) {
        for changed in core::mem::take(&mut self.changed) {
            match changed {
                Changed::Deployment(told) => {
                    self.history.push(told);
                    self.mark(Work::Deployment);
                }
                Changed::Set(set, told) => {
                    self.history.push(told);
                    self.mark(Work::Set(set));
                    self.mark(Work::Deployment);
                }
                Changed::Pod { pod, created, owner, told } => {
                    self.history.push(told);
                    if created {
                        let delay = self.model.bind_delay(&self.context(pod));
                        self.put(self.now + delay, Due::Binds(pod));
                    }
                    if let Some(set) = self.sets.iter().position(|(_, set)| Some(set.meta.uid) == owner) {
                        self.mark(Work::Set(set));
                    }
                }
            }
        }
    }

    // What passes write.

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn deployment_changed(&mut self) {
        self.deployment.meta.resource_version = self.next_version();
        self.changed.push(Changed::Deployment(deployment_told(self.now, &self.deployment)));
    }

    fn set_changed(&mut self, set: usize) {
        let version = self.next_version();
        self.sets[set].1.meta.resource_version = version;
        self.changed.push(Changed::Set(set, set_told(self.now, &self.sets[set].1)));
    }

    fn deployment_pass(&mut self) {
        let deployment = self.deployment.clone();
        let seen = |(key, set): &(ReplicaSetKey, ReplicaSet)| SetSeen {
            key: *key,
            set: Arc::new(set.clone()),
            unfinished_pods: 0,
        };
        let sets: Vec<SetSeen> = self.sets.iter().map(seen).collect();
        let inputs = DeploymentInputs { now: self.now, deployment: &deployment, sets: &sets, taken: None };
        let mut versions = Vec::new();
        let plan = drive(
            |replies| reconcile_deployment(&inputs, replies),
            |_, write| {
                let answer = self.apply_deployment((&deployment, &sets), write, &versions);
                versions.push(self.version);
                answer.map_or_else(Reply::refused, |()| Reply::done(1))
            },
        );
        self.end(Work::Deployment, plan.look_again, plan.error.is_some());
    }

    fn apply_deployment(
        &mut self,
        (seen, sets): (&Deployment, &[SetSeen]),
        write: &DeploymentWrite,
        versions: &[u64],
    ) -> Result<(), Refusal> {
        let fits = |base: Base, cached: u64, live: u64| match base {
            Base::Cached => cached == live,
            Base::Written(number) => versions[number] == live,
            Base::Fresh => true,
        };
        match write {
            DeploymentWrite::Create(new) => {
                let mut set = (**new).clone();
                self.last_uid += 1;
                set.meta.uid = Uid(self.last_uid);
                set.meta.creation = Some(self.now.floor_second());
                set.meta.generation = 1;
                set.status = ReplicaSetStatus::default();
                self.sets.push((self.set_keys.insert(()), set));
                self.made.push(0);
                self.set_changed(self.sets.len() - 1);
            }
            DeploymentWrite::Edit { key, base, edit } => {
                let set =
                    sets.iter().find(|seen| seen.key == *key).map(|seen| edit.of(&seen.set)).expect("it was seen");
                let place = self.sets.iter().position(|(of, _)| of == key).expect("no set is ever deleted here");
                let live = &mut self.sets[place].1;
                if !fits(*base, set.meta.resource_version, live.meta.resource_version) {
                    return Err(Refusal::conflict("replicasets.apps", &set.meta.name));
                }
                let resized = live.spec.replicas != set.spec.replicas;
                if !resized && live.meta.annotations == set.meta.annotations {
                    return Ok(());
                }
                live.spec.replicas = set.spec.replicas;
                live.meta.annotations = set.meta.annotations.clone();
                live.meta.generation += i64::from(resized);
                self.set_changed(place);
            }
            DeploymentWrite::Status { base, annotations, status } => {
                let live = &mut self.deployment;
                if !fits(*base, seen.meta.resource_version, live.meta.resource_version) {
                    return Err(Refusal::conflict("deployments.apps", &live.meta.name));
                }
                if live.status == *status && live.meta.annotations == *annotations {
                    return Ok(());
                }
                live.status = status.clone();
                live.meta.annotations = annotations.clone();
                self.deployment_changed();
            }
            DeploymentWrite::ConfirmOwner
            | DeploymentWrite::Adopt(_)
            | DeploymentWrite::Release(_)
            | DeploymentWrite::Delete(_)
            | DeploymentWrite::UpdateDeployment { .. } => panic!("a rollout does not need {write:?}"),
        }
        Ok(())
    }

    fn set_pass(&mut self, place: usize) {
        let set = self.sets[place].1.clone();
        let siblings: Vec<&ReplicaSet> = self.sets.iter().map(|(_, set)| set).collect();
        let pods: Vec<(PodKey, &Pod)> = self.pods.iter().filter_map(|pod| Some((pod.key, pod.pod.as_ref()?))).collect();
        let pods = PodsSeen::from_pods(&set, &pods, &siblings, BURST, self.now);
        let inputs = ReplicaSetInputs { now: self.now, set: &set, pods: &pods, expectations_met: true, burst: BURST };
        let plan = drive(
            |replies| reconcile_replica_set(&inputs, replies),
            |_, write| {
                match write {
                    ReplicaSetWrite::Create { count } => (0..*count).for_each(|_| self.create(place)),
                    ReplicaSetWrite::Delete(victims) => victims.iter().for_each(|victim| self.delete(*victim)),
                    ReplicaSetWrite::Status { status, .. } => {
                        self.sets[place].1.status = status.clone();
                        self.set_changed(place);
                    }
                    ReplicaSetWrite::ConfirmOwner | ReplicaSetWrite::Adopt(_) | ReplicaSetWrite::Release(_) => {
                        panic!("a rollout does not need {write:?}")
                    }
                }
                Reply::done(1)
            },
        );
        self.end(Work::Set(place), plan.look_again, plan.error.is_some());
    }

    /// A failed pass comes back after 5 ms, 10 ms and so on.
    fn end(&mut self, work: Work, look_again: LookAgain, failed: bool) {
        if let LookAgain::After(wait) = look_again {
            self.wake_after(work, wait);
        }
        if failed {
            let failures = self.failures.entry(work).or_insert(0);
            let wait = core::time::Duration::from_millis(5 << *failures);
            *failures += 1;
            self.wake_after(work, wait);
        } else {
            self.failures.remove(&work);
        }
    }

    fn wake_after(&mut self, work: Work, wait: core::time::Duration) {
        let at = self.now + wait;
        if self.delayed.get(&work).is_none_or(|(pending, _)| *pending > at) {
            let ticket = self.put(at, Due::Wake(work));
            self.delayed.insert(work, (at, ticket));
        }
    }

    // What happens to pods.

    fn context(&self, pod: usize) -> PodContext<'_> {
        let PlainPod { pod, ordinal, .. } = &self.pods[pod];
        let pod = pod.as_ref().expect("only living pods are looked at");
        PodContext { uid: pod.meta.uid, ordinal: *ordinal, completion_index: None, facts: &pod.template.facts, seed: 0 }
    }

    fn pod_changed(&mut self, pod: usize, created: bool) {
        self.next_version();
        let living = self.pods[pod].pod.as_ref().expect("only living pods change");
        let owner = living.meta.controller().map(|owner| owner.uid);
        let ready = living.status.conditions.first();
        let told = PodTold {
            owner,
            phase: living.status.phase,
            ready: ready.is_some_and(|ready| ready.status == ConditionStatus::True),
            ready_since: ready.and_then(|ready| ready.last_transition),
            node: living.node.clone(),
            deletion: living.meta.deletion,
        };
        let told = Told::Pod(self.now, pod, Some(told));
        self.changed.push(Changed::Pod { pod, created, owner, told });
    }

    fn create(&mut self, set: usize) {
        let of = &self.sets[set].1;
        let owner = OwnerReference {
            api_version: of.kind.api_version().into(),
            kind: of.kind.as_str().into(),
            name: of.meta.name.clone(),
            uid: of.meta.uid,
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        self.last_uid += 1;
        let meta = ObjectMeta {
            namespace: of.meta.namespace.clone(),
            uid: Uid(self.last_uid),
            creation: Some(self.now.floor_second()),
            labels: of.spec.template.labels.clone(),
            owners: vec![owner],
            ..ObjectMeta::default()
        };
        let pod = Pod { meta, template: of.spec.template.clone(), node: None, status: PodStatus::default() };
        self.made[set] += 1;
        let (key, ordinal) = (self.pod_keys.insert(()), self.made[set]);
        self.pods.push(PlainPod { key, pod: Some(pod), ordinal, run: PodRun::default() });
        self.pod_changed(self.pods.len() - 1, true);
    }

    fn living(&mut self, pod: usize) -> Option<&mut Pod> {
        self.pods[pod].pod.as_mut()
    }

    fn bind(&mut self, place: usize) {
        if self.living(place).is_none() {
            return;
        }
        let turn = self.turns.pick(self.nodes.len()).expect("there is a node");
        let node = self.nodes[turn].clone();
        let Some(pod) = self.living(place) else { return };
        pod.node = Some(node);
        self.pod_changed(place, false);
        let (run, due) = self.model.bound(&self.context(place), self.now);
        self.pods[place].run = run;
        if let Some(due) = due {
            self.put(due, Due::Step(place));
        }
    }

    fn step(&mut self, place: usize) {
        if self.living(place).is_none_or(|pod| pod.meta.is_terminating()) {
            return;
        }
        let mut run = self.pods[place].run;
        let (change, due) = self.model.due(&self.context(place), &mut run, self.now);
        self.pods[place].run = run;
        if let Some(due) = due {
            self.put(due, Due::Step(place));
        }
        if let Some(change) = change {
            self.report(place, change.phase, change.ready);
        }
    }

    fn report(&mut self, place: usize, phase: Phase, ready: bool) {
        let since = self.now.floor_second();
        let Some(pod) = self.living(place) else { return };
        pod.status.phase = phase;
        let status = if ready { ConditionStatus::True } else { ConditionStatus::False };
        if pod.status.conditions.first().is_none_or(|known| known.status != status) {
            pod.status.conditions = vec![PodCondition {
                kind: "Ready".into(),
                status,
                last_transition: Some(since),
                reason: "".into(),
                message: "".into(),
            }];
        }
        self.pod_changed(place, false);
    }

    fn delete(&mut self, key: PodKey) {
        let place = self.pods.iter().position(|pod| pod.key == key).expect("victims are in the list");
        let Some(pod) = self.living(place) else { return };
        let grace = pod.template.facts.grace_seconds;
        if pod.node.is_none() {
            return self.take_away(place);
        }
        let ends = self.now.offset(grace * 1_000_000_000).floor_second();
        let Some(pod) = self.living(place) else { return };
        pod.meta.deletion = Some(ends);
        self.pod_changed(place, false);
        let mut run = self.pods[place].run;
        let gone = self.model.delete(&self.context(place), &mut run, self.now, grace);
        self.pods[place].run = run;
        match gone {
            Some(at) => drop(self.put(at, Due::Gone(place))),
            None => self.take_away(place),
        }
    }

    fn finish(&mut self, place: usize) {
        if self.living(place).is_none() {
            return;
        }
        let phase = self.model.stopped(&self.context(place), &self.pods[place].run);
        self.report(place, phase, false);
        self.take_away(place);
    }

    fn take_away(&mut self, place: usize) {
        self.next_version();
        let gone = self.pods[place].pod.take();
        let owner = gone.and_then(|pod| pod.meta.controller().map(|owner| owner.uid));
        let told = Told::Pod(self.now, place, None);
        self.changed.push(Changed::Pod { pod: place, created: false, owner, told });
    }
}

/// Tells the changes of a real cluster in the same words.
pub(crate) fn told(entries: &[wavetank::Entry], store: &wavetank_store::Store) -> Vec<Told> {
    let mut pods: BTreeMap<PodKey, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in entries {
        let wavetank::Happening::Change(change) = &entry.what else { continue };
        match change {
            Change::Deployment { new: Some(new), .. } => all.push(deployment_told(entry.time, new)),
            Change::ReplicaSet { new: Some(new), .. } => all.push(set_told(entry.time, new)),
            Change::Pod(PodChange { key, new, .. }) => {
                let next = pods.len();
                let number = *pods.entry(*key).or_insert(next);
                let told = new.map(|view| PodTold {
                    owner: store.owner_in(&view),
                    phase: view.state.phase,
                    ready: view.state.ready,
                    ready_since: view.state.ready_since.map(Second::time),
                    node: view.state.node.map(|node| store.node(node).name.clone()),
                    deletion: view.state.deletion.map(Second::time),
                });
                all.push(Told::Pod(entry.time, number, told));
            }
            Change::Deployment { new: None, .. }
            | Change::ReplicaSet { new: None, .. }
            | Change::Document { .. }
            | Change::NodeAdded { .. }
            | Change::NodeRemoved { .. } => {}
        }
    }
    all
}
