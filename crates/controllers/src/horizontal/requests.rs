//! What a pod asks for of a resource, as a percentage of which utilization is told.

use wavetank_model::container::{Container, ResourceList};
use wavetank_model::{Quantity, TemplateFacts};

/// Why the request of a pod is not known, without the name of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoRequest {
    /// There is no such container.
    NoContainer(String),
    /// A container asks for nothing.
    Container { resource: String, container: String },
    /// Neither the pod as a whole nor any container asks for anything.
    PodLevel { resource: String },
}

impl NoRequest {
    pub(super) fn text(&self, pod: &str) -> String {
        match self {
            Self::NoContainer(container) => format!("container {container} not found in Pod {pod}"),
            Self::Container { resource, container } => {
                format!("missing request for {resource} in container {container} of Pod {pod}")
            }
            Self::PodLevel { resource } => format!("missing pod-level request for {resource} in Pod {pod}"),
        }
    }
}

/// Thousandths that a pod of this template asks for, or that one container of it does.
pub(super) fn request(
    facts: &TemplateFacts,
    resource: &str,
    container: Option<&str>,
    pod_level: bool,
) -> Result<i64, NoRequest> {
    match container {
        Some(container) => container_request(facts, resource, container),
        None if pod_level && is_pod_level_set(&facts.resources.requests) => pod_level_request(facts, resource),
        None => containers_request(facts, resource),
    }
}

/// The containers that run as long as the pod does.
fn lasting(facts: &TemplateFacts) -> impl Iterator<Item = &Container> {
    facts.containers.iter().chain(facts.init_containers.iter().filter(|init| init.is_restartable_init()))
}

fn own_request(container: &Container, resource: &str) -> Result<i64, NoRequest> {
    let request = container.resources.requests.get(resource).map(Quantity::milli_value);
    request.ok_or_else(|| NoRequest::Container { resource: resource.to_owned(), container: container.name.to_string() })
}

fn container_request(facts: &TemplateFacts, resource: &str, name: &str) -> Result<i64, NoRequest> {
    let container = lasting(facts).find(|container| &*container.name == name);
    container.map_or_else(|| Err(NoRequest::NoContainer(name.to_owned())), |container| own_request(container, resource))
}

fn containers_request(facts: &TemplateFacts, resource: &str) -> Result<i64, NoRequest> {
    lasting(facts).try_fold(0_i64, |sum, container| Ok(sum.wrapping_add(own_request(container, resource)?)))
}

/// Resources that can be asked for by the pod as a whole.
fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

fn is_pod_level_set(requests: &ResourceList) -> bool {
    requests.0.keys().any(|resource| is_pod_level(resource))
}

/// The effective request of the pod, in which an init container that runs before all others may be the most.
///
/// Source: `component-helpers/resource/helpers.go`, `PodRequests`.
fn pod_level_request(facts: &TemplateFacts, resource: &str) -> Result<i64, NoRequest> {
    let whole = facts.resources.requests.get(resource).filter(|_| is_pod_level(resource));
    let request = whole.cloned().or_else(|| aggregate(facts, resource));
    request.map(|request| request.milli_value()).ok_or_else(|| NoRequest::PodLevel { resource: resource.to_owned() })
}

fn aggregate(facts: &TemplateFacts, resource: &str) -> Option<Quantity> {
    let add = |sum: Option<Quantity>, more: Option<&Quantity>| match (sum, more) {
        (Some(sum), Some(more)) => Some(sum.plus(more)),
        (sum, more) => sum.or_else(|| more.cloned()),
    };
    let mut running = facts.containers.iter().fold(None, |sum, one| add(sum, one.resources.requests.get(resource)));
    let mut sidecars = None;
    let mut most_before: Option<Quantity> = None;
    for init in &facts.init_containers {
        let own = init.resources.requests.get(resource);
        let needed = if init.is_restartable_init() {
            running = add(running, own);
            sidecars = add(sidecars, own);
            sidecars.clone()
        } else {
            add(sidecars.clone(), own)
        };
        most_before = most_before.max(needed);
    }
    running.max(most_before)
}
