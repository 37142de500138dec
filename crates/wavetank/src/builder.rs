//! How a cluster is made.

use crate::cluster::{Cluster, Controller, Counters};
use crate::faults::WriteRefusals;
use crate::history::log::{History, LogLevel};
use crate::horizontal::Horizontal;
use crate::metrics::Metrics;
use crate::pods::life::Placement;
use crate::pods::machines::Machines;
use crate::profile::Profile;
use crate::services::Services;
use crate::traffic::Traffic;
use crate::verbs::own_kinds::OwnKinds;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use wavetank_engine::{Calendar, Digest, Queue, Time};
use wavetank_model::StringMap;
use wavetank_node::pod::Settings;
use wavetank_node::{ImageBehaviour, Kubelet, NodeModel, Scripted};
use wavetank_store::{PodColumn, Store};

/// Options of a cluster to be made; [`Cluster::builder`] starts with the defaults.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterBuilder {
    seed: u64,
    calendar: Calendar,
    profile: Profile,
    kubelet: Kubelet,
    scripted: Option<Scripted>,
    nodes: Vec<(String, StringMap)>,
    level: LogLevel,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self {
            seed: 0,
            calendar: Calendar::default(),
            profile: Profile::default(),
            kubelet: Kubelet::new(),
            scripted: None,
            nodes: Vec::new(),
            level: LogLevel::default(),
        }
    }
}

impl ClusterBuilder {
    /// The one seed that all chance comes from. Default 0.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What the start of virtual time stands for. Default 2026-01-01T00:00:00Z.
    pub const fn calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = calendar;
        self
    }

    /// How long the control plane takes. Default: that of a real cluster, see [`Profile`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// What an image does. Images not named here behave as [`Kubelet::new`] says.
    pub fn image(mut self, image: &str, behaviour: ImageBehaviour) -> Self {
        self.kubelet = self.kubelet.image(image, behaviour);
        self
    }

    /// Behaviour of every image without one of its own.
    pub fn other_images(mut self, behaviour: ImageBehaviour) -> Self {
        self.kubelet = self.kubelet.other_images(behaviour);
        self
    }

    /// Behaviour of every container of a name, whatever its image.
    pub fn container(mut self, name: &str, behaviour: ImageBehaviour) -> Self {
        self.kubelet = self.kubelet.container(name, behaviour);
        self
    }

    /// Longest wait before a container that keeps failing is started again: of a kubelet's configuration, the field
    /// `crashLoopBackOff.maxContainerRestartPeriod`, which a real one takes from 1 to 300 seconds. Default: 300.
    pub fn max_container_restart_period(mut self, longest: Duration) -> Self {
        let settings = Settings { max_container_restart_period: longest, ..self.kubelet.settings().clone() };
        self.kubelet = self.kubelet.with_settings(settings);
        self
    }

    /// Nodes as kwok fakes them: pods run, but nobody records events of kubelets, and statuses show no ids
    /// of containers and images.
    pub fn faked_nodes(mut self) -> Self {
        self.kubelet = self.kubelet.faked();
        self
    }

    /// Replaces the kubelet by a script, as in recorded traces and tests of pure controller logic.
    pub fn scripted(mut self, script: Scripted) -> Self {
        self.scripted = Some(script);
        self
    }

    /// Adds a node, without a limit of pods. Without any call there is one, `node-1`.
    pub fn node(self, name: &str) -> Self {
        self.labelled_node(name, StringMap::default())
    }

    /// Adds a node with labels.
    pub fn labelled_node(mut self, name: &str, labels: StringMap) -> Self {
        self.nodes.push((name.to_owned(), labels));
        self
    }

    /// How much of the history is kept. Default: everything.
    pub const fn log(mut self, level: LogLevel) -> Self {
        self.level = level;
        self
    }

    /// The cluster, at the start of its time, empty but for its nodes.
    #[must_use]
    pub fn build(self) -> Cluster {
        let mut cluster = Cluster {
            now: Time::ZERO,
            seed: self.seed,
            calendar: self.calendar,
            profile: self.profile,
            node_model: self.scripted.map_or(NodeModel::Kubelet(self.kubelet), NodeModel::Scripted),
            store: Store::new(),
            queue: Queue::new(),
            deployments: Controller::new(),
            sets: Controller::new(),
            endpoint_slices: Controller::new(),
            services: Services::default(),
            disruptions: Controller::new(),
            horizontals: Controller::new(),
            horizontal: Horizontal::default(),
            metrics: Metrics::new(self.seed),
            own: OwnKinds::default(),
            service_passes: BTreeMap::new(),
            traffic: Traffic::default(),
            expectations: BTreeMap::new(),
            written: BTreeMap::new(),
            passes: BTreeMap::new(),
            next_pass: 0,
            delayed: BTreeMap::new(),
            runs: PodColumn::new(),
            machines: Machines::default(),
            placement: Placement::default(),
            unschedulable: crate::pods::unschedulable::Unschedulable::default(),
            last_delivery: Time::ZERO,
            refusals: WriteRefusals::default(),
            digest: Digest::new(),
            history: History::new(self.level),
            counters: Counters::default(),
            ending_namespaces: BTreeSet::new(),
            manager: None,
            watches: Vec::new(),
            audit: None,
            spare: crate::passes::Spare::default(),
        };
        cluster.put_system_documents();
        if self.nodes.is_empty() {
            cluster.add_node("node-1", StringMap::default());
        }
        for (name, labels) in self.nodes {
            cluster.add_node(&name, labels);
        }
        cluster
    }
}

impl Cluster {
    /// Starts with the defaults: seed 0, a real cluster's latencies, one node, the whole history kept.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }
}
