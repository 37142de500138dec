//! The status of a pod as the API server shows it, made when somebody looks.

use crate::cluster::Cluster;
use crate::services::pod_address;
use core::net::Ipv4Addr;
use serde_json::{Map, Value, json};
use wavetank_engine::{Purpose, Seed, Time, keyed};
use wavetank_manifest::{Edge, Kind};
use wavetank_model::{Container, PodCondition, PodKey, QosClass, TemplateFacts, Uid};
use wavetank_node::NodeModel;
use wavetank_node::pod::{ContainerState, ContainerStatus, NodeStatus, Terminated};

/// Names of containers and images in the runtime.
const CONTAINER: Purpose = Purpose::new("node/container-id");
const IMAGE: Purpose = Purpose::new("node/image-id");

impl Cluster {
    /// Whether nodes do as kubelets do.
    pub(crate) const fn has_kubelets(&self) -> bool {
        matches!(self.node_model, NodeModel::Kubelet(_))
    }

    /// Whether nodes are faked, so that no kubelet says what it does.
    #[must_use]
    pub const fn has_faked_nodes(&self) -> bool {
        match &self.node_model {
            NodeModel::Kubelet(kubelet) => kubelet.is_faked(),
            NodeModel::Scripted(_) => false,
        }
    }

    /// The status that the server holds of a pod, in the kubelet's words. None where a script stands
    /// for the kubelet, and for a pod that no kubelet has seen.
    #[must_use]
    pub fn node_status(&self, key: PodKey) -> Option<NodeStatus> {
        match self.machines.told(key) {
            Some(status) => Some(status.clone()),
            None => self.replayed(key).map(|machine| machine.status().clone()),
        }
    }

    /// The address that a node has in its object, or one by its number.
    fn host_address(&self, node: u32) -> String {
        let document = self.document(Kind::Node, &self.store.node(node).name).ok();
        let addresses = document.and_then(|document| document.status.json()["addresses"].as_array());
        let mut internal = addresses.into_iter().flatten().filter(|address| address["type"] == "InternalIP");
        let told = internal.find_map(|address| address["address"].as_str());
        told.map_or_else(|| node_address(node).to_string(), str::to_owned)
    }

    /// Puts the status of a pod into its JSON.
    pub(crate) fn show_status(&self, key: PodKey, pod: &mut Value) {
        let Some(record) = self.store.pod(key).filter(|_| self.has_kubelets()) else { return };
        let facts = &self.store.template_facts(record.template()).facts;
        let Value::Object(status) = &mut pod["status"] else { return };
        status.insert("qosClass".into(), json!(quality_of_service(facts).as_str()));
        let Some(node) = record.state().node else {
            let scheduled = self.unschedulable.condition(key);
            let all = self.machines.conditions(key).iter().chain(&scheduled);
            let conditions: Vec<Value> = all.map(|one| condition(one, &self.edge())).collect();
            if !conditions.is_empty() {
                status.insert("conditions".into(), conditions.into());
            }
            return;
        };
        let Some(told) = self.node_status(key) else { return };
        let edge = self.edge();
        // A pod whose node is lost is marked by others; what they say stands.
        let is_marked = told.is_ready() && !record.state().ready;
        let is_faked = self.has_faked_nodes();
        if !is_marked {
            let told = conditions(&told, is_faked, facts.node_name.is_some());
            let all = self.machines.conditions(key).iter().chain(told);
            let shown: Vec<Value> = all.map(|one| condition(one, &edge)).collect();
            status.insert("conditions".into(), shown.into());
        }
        if record.state().phase == told.phase {
            for (key, text) in [("reason", &told.reason), ("message", &told.message)] {
                if !text.is_empty() {
                    status.insert(key.into(), json!(&**text));
                }
            }
        }
        let host = self.host_address(node);
        status.insert("hostIP".into(), json!(host));
        status.insert("hostIPs".into(), json!([{"ip": host}]));
        if told.is_true("PodReadyToStartContainers") {
            let address = pod_address(record.uid()).to_string();
            status.insert("podIP".into(), json!(address));
            status.insert("podIPs".into(), json!([{"ip": address}]));
        }
        if let Some(since) = told.condition("PodScheduled").and_then(|scheduled| scheduled.last_transition) {
            status.insert("startTime".into(), json!(edge.spell_time(since)));
        }
        let shown = |statuses: &[ContainerStatus], specs: &[Container]| -> Vec<Value> {
            let pairs = statuses.iter().zip(specs);
            pairs.map(|(status, spec)| container((record.uid(), is_faked), status, spec, &edge)).collect()
        };
        let mut containers = shown(&told.containers, &facts.containers);
        containers.sort_by(|left, right| left["name"].as_str().cmp(&right["name"].as_str()));
        status.insert("containerStatuses".into(), containers.into());
        let init = shown(&told.init_containers, &facts.init_containers);
        if !init.is_empty() {
            status.insert("initContainerStatuses".into(), init.into());
        }
    }
}

/// The address of a node, by its number.
#[must_use]
pub(crate) fn node_address(node: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xac12_0002_u32.wrapping_add(node & 0xffff))
}

/// The conditions that are shown. Of a faked pod those are what the scheduler says, unless it had no say,
/// and then what the faker knows.
fn conditions(told: &NodeStatus, is_faked: bool, names_its_node: bool) -> impl Iterator<Item = &PodCondition> {
    let of_scheduler = |condition: &&PodCondition| &*condition.kind == "PodScheduled";
    let first = told.conditions.iter().filter(move |one| is_faked && !names_its_node && of_scheduler(one));
    let rest = told
        .conditions
        .iter()
        .filter(move |one| !is_faked || (!of_scheduler(one) && &*one.kind != "PodReadyToStartContainers"));
    first.chain(rest)
}

fn condition(condition: &PodCondition, edge: &Edge) -> Value {
    let mut shown = Map::new();
    shown.insert("type".into(), json!(&*condition.kind));
    shown.insert("status".into(), json!(condition.status.as_str()));
    shown.insert("lastProbeTime".into(), Value::Null);
    shown.insert("lastTransitionTime".into(), json!(condition.last_transition.map(|time| edge.spell_time(time))));
    for (key, text) in [("reason", &condition.reason), ("message", &condition.message)] {
        if !text.is_empty() {
            shown.insert(key.into(), json!(&**text));
        }
    }
    shown.into()
}

fn container((pod, is_faked): (Uid, bool), status: &ContainerStatus, spec: &Container, edge: &Edge) -> Value {
    let run = status.run.filter(|_| !is_faked);
    let mut shown = json!({
        "name": &*status.name,
        "image": &*spec.image,
        "imageID": if run.is_some() { image_id(&spec.image) } else { String::new() },
        "ready": status.ready,
        "restartCount": status.restart_count,
        "state": state(pod, &status.name, &status.state, edge),
        "lastState": state(pod, &status.name, &status.last, edge),
    });
    if !is_faked {
        shown["started"] = json!(status.started == Some(true));
    }
    if let Some(run) = run {
        shown["containerID"] = json!(container_id(pod, &status.name, run));
    }
    shown
}

fn state(pod: Uid, name: &str, state: &ContainerState, edge: &Edge) -> Value {
    match state {
        ContainerState::Unset => json!({}),
        ContainerState::Waiting { reason, message } => {
            let mut waiting = Map::new();
            for (key, text) in [("reason", reason), ("message", message)] {
                if !text.is_empty() {
                    waiting.insert(key.into(), json!(&**text));
                }
            }
            json!({"waiting": waiting})
        }
        ContainerState::Running { started } => json!({"running": {"startedAt": stamp(*started, edge)}}),
        ContainerState::Terminated(ended) => json!({"terminated": terminated(pod, name, ended, edge)}),
    }
}

fn stamp(time: Option<Time>, edge: &Edge) -> Value {
    json!(time.map(|time| edge.spell_time(time)))
}

fn terminated(pod: Uid, name: &str, ended: &Terminated, edge: &Edge) -> Value {
    let mut shown = json!({
        "exitCode": ended.exit_code,
        "reason": &*ended.reason,
        "startedAt": stamp(ended.started, edge),
        "finishedAt": stamp(ended.finished, edge),
    });
    if !ended.message.is_empty() {
        shown["message"] = json!(&*ended.message);
    }
    if let Some(run) = ended.run {
        shown["containerID"] = json!(container_id(pod, name, run));
    }
    shown
}

/// A name of 64 hexadecimal digits that follows from what it names.
fn hexadecimal(purpose: Purpose, text: &str, number: u64) -> String {
    let seed = text.bytes().fold(number, |sum, byte| keyed(Seed(sum), u64::from(byte), purpose));
    (0..4).map(|part| format!("{:016x}", keyed(Seed(seed), part, purpose))).collect()
}

fn container_id(pod: Uid, name: &str, run: u32) -> String {
    let number = keyed(Seed(pod.0), u64::from(run), CONTAINER);
    format!("containerd://{}", hexadecimal(CONTAINER, name, number))
}

fn image_id(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let name = name[last..].find(':').map_or(name, |colon| &name[..last + colon]);
    format!("{name}@sha256:{}", hexadecimal(IMAGE, image, 0))
}

/// The quality of service of the pods of a template.
fn quality_of_service(facts: &TemplateFacts) -> QosClass {
    let containers = facts.init_containers.iter().chain(&facts.containers);
    QosClass::of(&facts.resources, containers.map(|container| &container.resources))
}
