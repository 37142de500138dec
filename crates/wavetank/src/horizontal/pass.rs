//! One pass for an autoscaler: what it reads, what it decides, and its requests.
//!
//! It reads the scale of its target, then its metrics one after the other, decides, writes the scale and
//! then its status. With an instant profile all of that happens at once. Otherwise each request leaves
//! when its client's rate allows and lands a read's or a write's latency later, and what happens to the
//! target or the autoscaler in between makes the write conflict. Upstream has a client of its own, with a
//! rate of its own, for scales, for metrics and for everything else.

use crate::cluster::Cluster;
use crate::event::Event;
use crate::history::log::{Component, ObjectRef};
use crate::horizontal::frozen::Frozen;
use crate::horizontal::records::PickedPods;
use crate::horizontal::view::View;
use crate::horizontal::{AutoscalerId, spec_of};
use crate::profile::ClientRate;
use crate::verbs::scale::{Found, Target};
use core::cell::OnceCell;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wavetank_controllers::horizontal::{
    HorizontalInputs, HorizontalOutcome, HorizontalView, HorizontalWrite, SeenAutoscaler, TargetSeen, group_version,
    reconcile_horizontal,
};
use wavetank_engine::Time;
use wavetank_model::horizontal::{HorizontalSpec, HorizontalStatus};
use wavetank_model::{Base, Document, DocumentKey, EventRecord, ObjectMeta, Plan, Reason, Refusal, Reply, Selector};
use wavetank_store::Precondition;

/// How long a conflicting scale write waits for its next try. Source: `DefaultRetry` of
/// `client-go/util/retry`.
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);

/// A pass under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HorizontalPass {
    key: DocumentKey,
    /// The autoscaler as seen when the pass began.
    document: Arc<Document>,
    spec: Arc<HorizontalSpec>,
    status: Arc<HorizontalStatus>,
    stage: Stage,
    scaled: Option<Target>,
    target: TargetSeen,
    /// The version of the target at which its scale was read.
    version: u64,
    /// When it decided.
    decided: Time,
    /// What it decided by, kept once a request takes time.
    frozen: Option<Box<Frozen>>,
    plan: Plan<HorizontalWrite>,
    memory: wavetank_controllers::horizontal::AutoscalerMemory,
    learned: Option<Selector>,
    replies: Vec<Reply>,
    recorded: usize,
    /// When the request under way lands.
    landing: Option<Time>,
}

/// How far a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// The scale is being read.
    Scale,
    /// So many metrics are still to be read.
    Metrics(usize),
    /// It has decided, and writes.
    Writes,
}

impl Cluster {
    pub(crate) fn run_horizontal_pass(&mut self, id: AutoscalerId) {
        self.counters.horizontal_passes += 1;
        let Some(record) = self.horizontal.records.get(id) else { return self.horizontals.queue.done(id) };
        let seen = record.document.and_then(|key| Some((key, self.store.document(key)?.seen.as_ref()?)));
        let Some((key, document)) = seen else {
            self.horizontal.forget(id);
            return self.horizontals.queue.done(id);
        };
        let (document, spec, status) = (Arc::clone(document), spec_of(document), self.status_of(document));
        let scaled = self.target_of(id, &document, &spec);
        let pass = HorizontalPass {
            key,
            document,
            spec,
            status,
            stage: Stage::Scale,
            scaled,
            target: TargetSeen::UnknownKind,
            version: 0,
            decided: self.now,
            frozen: None,
            plan: Plan::default(),
            memory: wavetank_controllers::horizontal::AutoscalerMemory::default(),
            learned: None,
            replies: Vec::new(),
            recorded: 0,
            landing: None,
        };
        self.go_on_horizontal_pass(id, pass);
    }

    pub(crate) fn continue_horizontal_pass(&mut self, id: AutoscalerId) {
        if let Some(pass) = self.horizontal.passes.remove(&id) {
            self.go_on_horizontal_pass(id, pass);
        }
    }

    /// What an autoscaler scales, if the API serves its kind.
    fn target_of(&mut self, id: AutoscalerId, document: &Document, spec: &Arc<HorizontalSpec>) -> Option<Target> {
        if let Some((known, target)) = &self.horizontal.records.get(id)?.known.target
            && Arc::ptr_eq(known, spec)
        {
            return target.clone();
        }
        let (reference, namespace) = (&spec.scale_target, &document.meta.namespace);
        let group = group_version(&reference.api_version).map_or("", |(group, _)| group);
        let target = self.scale_target(group, &reference.kind, namespace, &reference.name);
        let record = self.horizontal.records.get_mut(id)?;
        record.known.target = Some((Arc::clone(spec), target.clone()));
        record.known.found = Found::default();
        target
    }

    /// Makes requests until the pass ends or one is on its way.
    fn go_on_horizontal_pass(&mut self, id: AutoscalerId, mut pass: HorizontalPass) {
        loop {
            self.record_horizontal_events(&mut pass);
            if pass.stage == Stage::Writes && pass.plan.writes.get(pass.replies.len()).is_none() {
                break;
            }
            let landing = match pass.landing {
                Some(landing) => landing,
                None => self.horizontal_landing(&pass),
            };
            if landing > self.now {
                if pass.stage == Stage::Writes && pass.frozen.is_none() {
                    pass.frozen = Some(Box::new(self.freeze(id, &pass)));
                }
                pass.landing = Some(landing);
                self.queue.put(landing, Event::HorizontalPassGoesOn(id));
                self.horizontal.passes.insert(id, pass);
                return;
            }
            pass.landing = None;
            match pass.stage {
                Stage::Scale => {
                    self.read_scale_of(id, &mut pass);
                    pass.stage = Stage::Metrics(metrics_to_read(&pass.spec, &pass.target));
                }
                Stage::Metrics(left) if left > 1 => pass.stage = Stage::Metrics(left - 1),
                Stage::Metrics(_) => {
                    pass.decided = self.now;
                    pass.stage = Stage::Writes;
                    self.plan_horizontal(id, &mut pass);
                }
                Stage::Writes => {
                    let refused = self.land_horizontal(&mut pass).err();
                    let again = refused.is_some();
                    pass.replies.push(Reply { done: u32::from(!again), refused });
                    if again {
                        self.plan_horizontal(id, &mut pass);
                    }
                }
            }
        }
        self.end_horizontal_pass(id, pass);
    }

    /// When the next request of a pass lands.
    fn horizontal_landing(&mut self, pass: &HorizontalPass) -> Time {
        let (read, write, rate) = (self.profile.api_read, self.profile.api_write, self.profile.client_rate);
        let now = self.now;
        let take = |client: &mut crate::profile::Bucket, rate: Option<ClientRate>| client.take(rate, now);
        match pass.stage {
            Stage::Scale if pass.scaled.is_some() => take(&mut self.horizontal.scale_client, rate) + read,
            Stage::Metrics(left) if left > 0 => take(&mut self.horizontal.metrics_client, rate) + read,
            Stage::Scale | Stage::Metrics(_) => now,
            Stage::Writes => match pass.plan.writes.get(pass.replies.len()) {
                Some(HorizontalWrite::Scale { base: Base::Fresh, .. }) => {
                    // A read and a write, after a pause.
                    let pause = if write.is_zero() { Duration::ZERO } else { CONFLICT_PAUSE };
                    let client = &mut self.horizontal.scale_client;
                    let reads = client.take(rate, now + pause) + read;
                    client.take(rate, reads) + write
                }
                Some(HorizontalWrite::Scale { .. }) => take(&mut self.horizontal.scale_client, rate) + write,
                Some(HorizontalWrite::Status(_)) | None => take(&mut self.horizontals.client, rate) + write,
            },
        }
    }

    fn read_scale_of(&mut self, id: AutoscalerId, pass: &mut HorizontalPass) {
        let Some(scaled) = &pass.scaled else { return };
        let found = self.horizontal.records.get_mut(id).map(|record| core::mem::take(&mut record.known.found));
        let mut found = found.unwrap_or_default();
        let read = self.read_target(scaled, &mut found);
        if let Some(record) = self.horizontal.records.get_mut(id) {
            record.known.found = found;
        }
        match read {
            Ok((scale, version)) => {
                pass.version = version;
                pass.target = TargetSeen::Found(scale);
            }
            Err(refusal) => pass.target = TargetSeen::Refused(refusal),
        }
    }

    /// Calls `use_view` with what the pass may look up now.
    fn with_view<T>(
        &mut self,
        id: AutoscalerId,
        pass: &HorizontalPass,
        use_view: impl FnOnce(&Self, &View<'_>) -> T,
    ) -> T {
        let namespace = &pass.document.meta.namespace;
        let known = self.horizontal.records.get_mut(id).map(|record| core::mem::take(&mut record.known));
        let mut known = known.unwrap_or_default();
        let mut picked = self.picked_pods(pass, known.picked.take());
        let changes = self.metrics.changes_seen(&picked.cohorts);
        let pods = match known.listed.take() {
            Some((at, listed)) if at == changes => OnceCell::from(listed),
            _ => OnceCell::new(),
        };
        let name = self.horizontal.records.get(id).map(|record| &record.name);
        let is_uncontested = name.is_some_and(|name| self.horizontal.is_uncontested(&self.store, name, &mut picked));
        let view = View {
            store: &self.store,
            metrics: &self.metrics,
            now: self.now,
            namespace,
            cohorts: &picked.cohorts,
            groups: &picked.groups,
            is_uncontested,
            pods,
        };
        let result = use_view(self, &view);
        known.listed = view.pods.into_inner().map(|listed| (changes, listed));
        known.picked = Some(picked);
        if let Some(record) = self.horizontal.records.get_mut(id) {
            record.known = known;
        }
        result
    }

    /// The pods of the target, looked up anew if they may be others than the last time.
    fn picked_pods(&mut self, pass: &HorizontalPass, known: Option<PickedPods>) -> PickedPods {
        let among = (self.store.cohorts().len(), self.metrics.pipeline.groups().len());
        let spelled = match &pass.target {
            TargetSeen::Found(scale) => Arc::clone(&scale.selector),
            TargetSeen::UnknownKind | TargetSeen::Refused(_) => "".into(),
        };
        if let Some(known) = known.filter(|known| known.among == among && known.spelled == spelled) {
            return known;
        }
        let namespace = &pass.document.meta.namespace;
        let selector = Selector::parse(&spelled).ok().filter(|_| !spelled.is_empty());
        let cohorts = selector.map_or_else(Arc::default, |selector| {
            self.metrics.picked.cohorts(&self.store, namespace, &spelled, &selector)
        });
        let groups = self.metrics.groups_of(&self.store, &cohorts);
        PickedPods { spelled, among, cohorts, groups, uncontested: None }
    }

    fn freeze(&mut self, id: AutoscalerId, pass: &HorizontalPass) -> Frozen {
        let (spec, namespace) = (&pass.spec, &pass.document.meta.namespace);
        self.with_view(id, pass, |cluster, view| Frozen::of(view, spec, namespace, cluster.horizontal.selectors()))
    }

    fn plan_horizontal(&mut self, id: AutoscalerId, pass: &mut HorizontalPass) {
        let outcome = match pass.frozen.take() {
            Some(frozen) => {
                let outcome = self.decide_horizontal(id, pass, &*frozen);
                pass.frozen = Some(frozen);
                outcome
            }
            None => self.with_view(id, pass, |cluster, view| cluster.decide_horizontal(id, pass, view)),
        };
        (pass.plan, pass.memory, pass.learned) = (outcome.plan, outcome.memory, outcome.selector);
    }

    fn decide_horizontal(
        &self,
        id: AutoscalerId,
        pass: &HorizontalPass,
        view: &dyn HorizontalView,
    ) -> HorizontalOutcome {
        let fresh = wavetank_controllers::horizontal::AutoscalerMemory::default();
        let inputs = HorizontalInputs {
            now: pass.decided,
            config: &self.horizontal.config,
            autoscaler: SeenAutoscaler { meta: &pass.document.meta, spec: &pass.spec, status: &pass.status },
            target: &pass.target,
            memory: self.horizontal.records.get(id).map_or(&fresh, |record| &record.memory),
            selectors: pass.frozen.as_ref().map_or(self.horizontal.selectors(), |frozen| &frozen.selectors),
            view,
        };
        reconcile_horizontal(&inputs, &pass.replies)
    }

    /// One request reaches the server.
    fn land_horizontal(&mut self, pass: &mut HorizontalPass) -> Result<(), Refusal> {
        match pass.plan.writes.get(pass.replies.len()) {
            Some(HorizontalWrite::Scale { base, replicas }) => {
                let Some(scaled) = &pass.scaled else { return Ok(()) };
                if *base == Base::Fresh {
                    pass.version = self.read_target(scaled, &mut Found::default())?.1;
                }
                self.write_target(scaled, *replicas, Precondition::Version(pass.version))
            }
            Some(HorizontalWrite::Status(status)) => {
                self.write_horizontal_status(pass.key, &pass.document.meta, status)
            }
            None => Err(Refusal::new(Reason::InternalError, "there is no such request")),
        }
    }

    fn record_horizontal_events(&mut self, pass: &mut HorizontalPass) {
        let reached = pass.replies.len();
        while let Some((_, event)) = pass.plan.events.get(pass.recorded).filter(|(after, _)| *after <= reached) {
            let event: EventRecord = event.clone();
            pass.recorded += 1;
            self.record(Component::HorizontalPodAutoscaler, || about(&pass.document.meta), event);
        }
    }

    fn end_horizontal_pass(&mut self, id: AutoscalerId, pass: HorizontalPass) {
        if let Some(record) = self.horizontal.records.get_mut(id) {
            record.memory = pass.memory;
            // One that was deleted meanwhile must not keep others from its pods.
            if let Some(selector) = pass.learned.filter(|_| record.document == Some(pass.key)) {
                let name = record.name.clone();
                self.horizontal.learn(&name, &selector);
            }
        }
        self.horizontals.queue.forget(id);
        self.horizontals.queue.done(id);
        self.expect_horizontal_pass(id);
    }
}

/// How many metrics a pass reads: none if bounds alone decide.
fn metrics_to_read(spec: &HorizontalSpec, target: &TargetSeen) -> usize {
    match target {
        TargetSeen::Found(scale)
            if scale.spec_replicas != 0 && (spec.min_replicas..=spec.max_replicas).contains(&scale.spec_replicas) =>
        {
            spec.metrics.len()
        }
        TargetSeen::Found(_) | TargetSeen::UnknownKind | TargetSeen::Refused(_) => 0,
    }
}

fn about(meta: &ObjectMeta) -> ObjectRef {
    ObjectRef {
        kind: wavetank_model::Kind::HorizontalPodAutoscaler.as_str().into(),
        namespace: Arc::clone(&meta.namespace),
        name: Arc::clone(&meta.name),
        uid: meta.uid,
        field_path: "".into(),
    }
}
