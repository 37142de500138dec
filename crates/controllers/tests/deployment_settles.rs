//! With nothing else changing, a few passes of the Deployment controller reach an empty plan.

use proptest::prelude::*;
use slotmap::SlotMap;
use std::sync::Arc;
use wavetank_controllers::deployment::annotations::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION};
use wavetank_controllers::{DeploymentInputs, DeploymentWrite, SetSeen, new_set_name, reconcile_deployment};
use wavetank_engine::Time;
use wavetank_model::{
    Base, Conditions, Deployment, DeploymentSpec, DeploymentStatus, IntOrString, LabelSelector, LookAgain, ObjectMeta,
    OwnerReference, Plan, PodTemplate, Reason, Refusal, ReplicaSet, ReplicaSetKey, ReplicaSetSpec, ReplicaSetStatus,
    Reply, RollingUpdate, SetKind, Strategy as Rollout, StringMap, TemplateFacts, Uid, drive,
};

const DEPLOYMENT: Uid = Uid(1);

/// A Deployment and its ReplicaSets, whose pods are all available at once.
struct World {
    deployment: Deployment,
    sets: SlotMap<ReplicaSetKey, ReplicaSet>,
    versions: Vec<u64>,
    clock: u64,
    /// What becomes of the next writes, the last one first: refused for a reason, or not.
    faults: Vec<Option<Reason>>,
}

impl World {
    fn pass(&mut self) -> Plan<DeploymentWrite> {
        let seen: Vec<SetSeen> = self
            .sets
            .iter()
            .map(|(key, set)| SetSeen { key, set: Arc::new(set.clone()), unfinished_pods: 0 })
            .collect();
        let deployment = self.deployment.clone();
        let name = new_set_name(&deployment);
        let taken = seen.iter().find(|seen| *seen.set.meta.name == *name);
        // Within a second, since what is written is cut to whole ones.
        let now = Time::from_seconds(i64::try_from(self.clock).unwrap()).offset(250_000_000);
        let inputs = DeploymentInputs { now, deployment: &deployment, sets: &seen, taken };
        self.versions.clear();
        let plan = drive(
            |replies| reconcile_deployment(&inputs, replies),
            |_, write| match self.apply(write, &deployment, &seen) {
                Ok(version) => {
                    self.versions.push(version);
                    Reply::done(1)
                }
                Err(refusal) => {
                    self.versions.push(0);
                    Reply::refused(refusal)
                }
            },
        );
        if let Some(at_rest) = plan.at_rest {
            let inputs = DeploymentInputs { deployment: &self.deployment, ..inputs };
            let next = reconcile_deployment(&inputs, &[]);
            assert_eq!(plan.writes.len(), 1, "a pass that needs no other one wrote a status");
            assert!(next.writes.is_empty() && next.events.is_empty() && next.error.is_none(), "{next:?}");
            assert_eq!(next.look_again, at_rest);
        }
        self.run_pods();
        plan
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn apply(&mut self, write: &DeploymentWrite, seen: &Deployment, sets: &[SetSeen]) -> Result<u64, Refusal> {
        if let Some(Some(reason)) = self.faults.pop() {
            return Err(Refusal::new(reason, "injected"));
        }
        match write {
            DeploymentWrite::ConfirmOwner => Ok(0),
            DeploymentWrite::Adopt(key) => {
                self.sets[*key].meta.owners = vec![owner()];
                self.sets[*key].meta.resource_version = self.tick();
                Ok(0)
            }
            DeploymentWrite::Release(key) => {
                self.sets[*key].meta.owners.clear();
                self.sets[*key].meta.resource_version = self.tick();
                Ok(0)
            }
            DeploymentWrite::Create(set) => {
                if self.sets.values().any(|known| known.meta.name == set.meta.name) {
                    return Err(Refusal::already_exists("replicasets.apps", &set.meta.name));
                }
                let version = self.tick();
                let mut set = ReplicaSet::clone(set);
                set.meta.uid = Uid(version);
                set.meta.resource_version = version;
                set.meta.generation = 1;
                set.meta.creation = Some(Time::from_seconds(i64::try_from(version).unwrap()));
                self.sets.insert(set);
                Ok(version)
            }
            DeploymentWrite::Edit { key, base, edit } => {
                let seen = &sets.iter().find(|seen| seen.key == *key).unwrap().set;
                let (set, cached) = (edit.of(seen), seen.meta.resource_version);
                let live = self.sets[*key].meta.resource_version;
                if self.start(*base, cached, live) != live {
                    return Err(Refusal::conflict("replicasets.apps", &set.meta.name));
                }
                let version = self.tick();
                let stored = &mut self.sets[*key];
                stored.meta.annotations = set.meta.annotations.clone();
                stored.meta.generation += i64::from(stored.spec.replicas != set.spec.replicas);
                stored.meta.resource_version = version;
                stored.spec = set.spec.clone();
                Ok(version)
            }
            DeploymentWrite::Delete(key) => {
                self.sets.remove(*key);
                Ok(0)
            }
            DeploymentWrite::UpdateDeployment { base, deployment } => self.write_deployment(*base, seen, |stored| {
                stored.meta.annotations = deployment.meta.annotations.clone();
                stored.meta.generation += 1;
                stored.spec = deployment.spec.clone();
            }),
            DeploymentWrite::Status { base, annotations, status } => self.write_deployment(*base, seen, |stored| {
                stored.meta.annotations = annotations.clone();
                stored.status = status.clone();
            }),
        }
    }

    fn write_deployment(
        &mut self,
        base: Base,
        seen: &Deployment,
        change: impl FnOnce(&mut Deployment),
    ) -> Result<u64, Refusal> {
        let live = self.deployment.meta.resource_version;
        if self.start(base, seen.meta.resource_version, live) != live {
            return Err(Refusal::conflict("deployments.apps", &seen.meta.name));
        }
        change(&mut self.deployment);
        self.deployment.meta.resource_version = self.tick();
        Ok(self.deployment.meta.resource_version)
    }

    fn start(&self, base: Base, cached: u64, live: u64) -> u64 {
        match base {
            Base::Cached => cached,
            Base::Written(write) => self.versions[write],
            Base::Fresh => live,
        }
    }

    /// The ReplicaSet controller and the nodes, at once.
    fn run_pods(&mut self) {
        for set in self.sets.values_mut() {
            let pods = set.spec.replicas;
            set.status = ReplicaSetStatus {
                replicas: pods,
                fully_labeled_replicas: pods,
                ready_replicas: pods,
                available_replicas: pods,
                terminating_replicas: Some(0),
                observed_generation: set.meta.generation,
                conditions: Conditions::default(),
            };
        }
    }
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: "web".into(),
        uid: DEPLOYMENT,
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn labels() -> StringMap {
    [("app", "web")].into_iter().collect()
}

fn template(number: u32) -> PodTemplate {
    PodTemplate {
        value: Default::default(),
        labels: labels(),
        annotations: StringMap::default(),
        spelling: number * 7_919,
        meaning: number.to_string().into(),
        facts: TemplateFacts::default(),
    }
}

fn faults() -> impl Strategy<Value = Vec<Option<Reason>>> {
    let reason = prop_oneof![
        Just(Reason::NotFound),
        Just(Reason::AlreadyExists),
        Just(Reason::Conflict),
        Just(Reason::Forbidden),
        Just(Reason::InternalError),
    ];
    prop::collection::vec(prop::option::of(reason), 0..40)
}

/// Numbers from which a world is made.
#[derive(Clone, Debug)]
struct Plot {
    replicas: i32,
    strategy: Rollout,
    template: u32,
    deadline: Option<i32>,
    history: Option<i32>,
    /// Templates and sizes of ReplicaSets that are there already.
    sets: Vec<(u32, i32)>,
    /// The replicas for which those were sized.
    sized_for: i32,
}

fn limit() -> impl Strategy<Value = IntOrString> {
    prop_oneof![
        (0..5).prop_map(IntOrString::Int),
        (0..=100).prop_map(|percent| IntOrString::String(format!("{percent}%").into())),
    ]
}

fn strategy() -> impl Strategy<Value = Rollout> {
    prop_oneof![
        1 => Just(Rollout::Recreate),
        3 => (limit(), limit()).prop_map(|(surge, unavailable)| {
            Rollout::RollingUpdate(Some(RollingUpdate { max_surge: Some(surge), max_unavailable: Some(unavailable) }))
        }),
    ]
}

fn plot() -> impl Strategy<Value = Plot> {
    let deadline = prop_oneof![Just(None), Just(Some(600)), Just(Some(i32::MAX))];
    let history = prop_oneof![Just(None), (0..4).prop_map(Some)];
    let sets = prop::collection::btree_map(0_u32..6, 0..9, 0..5);
    (0..12, strategy(), 0_u32..6, deadline, history, sets, any::<bool>()).prop_map(
        |(replicas, strategy, template, deadline, history, sets, resized)| {
            let mut sets: Vec<(u32, i32)> = sets.into_iter().collect();
            let total = sets.iter().map(|(_, size)| size).sum();
            // Upstream never gets out of a scaling event of several active sets under Recreate, nor of
            // one whose only active set has the right size and a wrong annotation; neither do we.
            let active = sets.iter().filter(|(_, size)| *size > 0).count();
            let resized = resized && strategy != Rollout::Recreate && active != 1;
            if strategy == Rollout::Recreate && active > 1 {
                sets.iter_mut().skip(1).for_each(|(_, size)| *size = 0);
            }
            Plot {
                replicas,
                strategy,
                template,
                deadline,
                history,
                sets,
                sized_for: if resized { total } else { replicas },
            }
        },
    )
}

fn world(plot: &Plot) -> World {
    let spec = DeploymentSpec {
        replicas: plot.replicas,
        selector: LabelSelector { match_labels: labels(), match_expressions: Vec::new() },
        template: Arc::new(template(plot.template)),
        strategy: plot.strategy.clone(),
        min_ready_seconds: 0,
        revision_history_limit: plot.history,
        paused: false,
        progress_deadline_seconds: plot.deadline,
    };
    let meta = ObjectMeta {
        name: "web".into(),
        namespace: "default".into(),
        uid: DEPLOYMENT,
        resource_version: 1,
        generation: 1,
        ..ObjectMeta::default()
    };
    let mut world = World {
        deployment: Deployment { meta, spec, status: DeploymentStatus::default() },
        sets: SlotMap::with_key(),
        versions: Vec::new(),
        clock: 1_000,
        faults: Vec::new(),
    };
    for (position, (number, size)) in plot.sets.iter().enumerate() {
        let age = i64::try_from(position).unwrap();
        let sized_for = plot.sized_for.to_string();
        let annotations =
            [(DESIRED_REPLICAS, &*sized_for), (MAX_REPLICAS, &*sized_for), (REVISION, &*(age + 1).to_string())]
                .into_iter()
                .collect();
        let meta = ObjectMeta {
            name: format!("web-{number}").into(),
            namespace: "default".into(),
            uid: Uid(u64::from(*number) + 10),
            resource_version: 1,
            generation: 1,
            creation: Some(Time::from_seconds(age)),
            labels: labels(),
            annotations,
            // Every third one is an orphan that waits to be adopted.
            owners: if position % 3 == 2 { Vec::new() } else { vec![owner()] },
            ..ObjectMeta::default()
        };
        let spec = ReplicaSetSpec {
            replicas: *size,
            min_ready_seconds: 0,
            selector: LabelSelector::default(),
            template: Arc::new(template(*number)),
        };
        world.sets.insert(ReplicaSet { kind: SetKind::ReplicaSet, meta, spec, status: ReplicaSetStatus::default() });
    }
    world.run_pods();
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn once_refusals_stop_a_rollout_ends_with_all_replicas_new_and_an_empty_plan(
        plot in plot(), faults in faults(),
    ) {
        let mut world = world(&plot);
        // A refusal halfway through a scaling event can leave one active set of the right size and a
        // wrong annotation, from which, again, upstream never gets out.
        if plot.sized_for == plot.replicas {
            world.faults = faults;
        }
        while !world.faults.is_empty() {
            let left = world.faults.len();
            world.pass();
            if world.faults.len() == left {
                break;
            }
        }
        world.faults.clear();
        let settled = (0..120).find_map(|_| {
            let plan = world.pass();
            (plan.writes.is_empty() && plan.error.is_none()).then_some(plan)
        });
        let plan = settled.expect("a rollout settles within 120 passes");
        prop_assert_eq!(plan.look_again, LookAgain::No);
        prop_assert!(plan.events.is_empty());
        // One set of the new template has all replicas. A second one can be there, empty, if an orphan
        // could not be adopted at first.
        let new: Vec<i32> = world
            .sets
            .values()
            .filter(|set| *set.spec.template.meaning == *plot.template.to_string())
            .map(|set| set.spec.replicas)
            .collect();
        prop_assert!(new.contains(&plot.replicas));
        prop_assert_eq!(world.sets.values().map(|set| set.spec.replicas).sum::<i32>(), plot.replicas);
        prop_assert_eq!(world.deployment.status.updated_replicas, plot.replicas);
        prop_assert_eq!(world.deployment.status.available_replicas, plot.replicas);
        if let Some(limit) = plot.history {
            prop_assert!(world.sets.len() <= usize::try_from(limit).unwrap() + 1);
        }
    }

    #[test]
    fn a_rolling_update_of_available_pods_keeps_both_limits(
        replicas in 1..30, surge in 0..6, unavailable in 0..6,
    ) {
        let limits = RollingUpdate {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        };
        let mut world = world(&Plot {
            replicas,
            strategy: Rollout::RollingUpdate(Some(limits)),
            template: 2,
            deadline: Some(600),
            history: None,
            sets: vec![(1, replicas)],
            sized_for: replicas,
        });
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        for _ in 0..200 {
            let plan = world.pass();
            let pods: i32 = world.sets.values().map(|set| set.spec.replicas).sum();
            prop_assert!(pods <= replicas + surge);
            prop_assert!(pods >= replicas - unavailable);
            if plan.writes.is_empty() {
                return Ok(());
            }
        }
        prop_assert!(false, "the rollout does not end");
    }

    #[test]
    fn no_number_makes_a_pass_panic(
        replicas: i32, sizes in prop::collection::vec(any::<i32>(), 0..4), counts in prop::collection::vec(any::<i32>(), 4),
        surge: i32, unavailable: i32, paused: bool, sized_for: i32,
    ) {
        let limits = RollingUpdate {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        };
        let sets = sizes.iter().enumerate().map(|(number, size)| (u32::try_from(number).unwrap(), *size)).collect();
        let mut world = world(&Plot {
            replicas, strategy: Rollout::RollingUpdate(Some(limits)), template: 2, deadline: Some(surge), history: Some(unavailable),
            sets, sized_for,
        });
        world.deployment.spec.paused = paused;
        for (set, count) in world.sets.values_mut().zip(counts) {
            set.status.available_replicas = count;
            set.status.replicas = count;
        }
        world.pass();
        world.pass();
    }
}
