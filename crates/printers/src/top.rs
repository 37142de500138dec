//! The tables of `kubectl top`.

use crate::field::Field;
use crate::tab_writer::Stops;
use core::cmp::Reverse;
use serde_json::Value;
use wavetank_model::Quantity;

/// What is added to the table of `top pods` or left out of it, and its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopOptions {
    /// Leave out the header: `--no-headers`.
    pub no_headers: bool,
    /// Begin with the namespace: `-A`.
    pub with_namespace: bool,
    /// A row for each container: `--containers`.
    pub containers: bool,
    /// The greatest first: `--sort-by`; by name if not given.
    pub sort_by: Option<Resource>,
}

/// A resource that usage is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
}

/// What something uses.
#[derive(Clone, Copy, Default)]
struct Usage {
    cpu_millicores: i64,
    memory_bytes: i64,
}

impl Usage {
    fn of(usage: &Value) -> Self {
        let quantity = |key| Quantity::parse(usage.text(&["usage", key])).unwrap_or_default();
        Self { cpu_millicores: quantity("cpu").milli_value(), memory_bytes: quantity("memory").value() }
    }

    fn sum(self, other: Self) -> Self {
        Self {
            cpu_millicores: self.cpu_millicores.saturating_add(other.cpu_millicores),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }

    fn mebibytes(self) -> i64 {
        self.memory_bytes / (1024 * 1024)
    }

    fn of_resource(self, resource: Resource) -> i64 {
        match resource {
            Resource::Cpu => self.cpu_millicores,
            Resource::Memory => self.memory_bytes,
        }
    }
}

/// The PodMetrics of pods as `kubectl top pods` writes them.
#[must_use]
pub fn top_pods<'a>(metrics: impl IntoIterator<Item = &'a Value>, options: TopOptions) -> String {
    let mut pods: Vec<(&Value, Usage)> = metrics
        .into_iter()
        .map(|pod| (pod, pod.items(&["containers"]).iter().map(Usage::of).fold(Usage::default(), Usage::sum)))
        .collect();
    let namespace = |pod: &'a Value| if options.with_namespace { pod.namespace() } else { "" };
    pods.sort_by_key(|(pod, _)| (namespace(pod), pod.name()));
    if let Some(resource) = options.sort_by {
        pods.sort_by_key(|(_, usage)| Reverse(usage.of_resource(resource)));
    }
    let mut out = String::new();
    if !options.no_headers {
        let namespace = if options.with_namespace { "NAMESPACE\t" } else { "" };
        let names = if options.containers { "POD\tNAME" } else { "NAME" };
        out.push_str(&format!("{namespace}{names}\tCPU(cores)\tMEMORY(bytes)\t\n"));
    }
    for (pod, usage) in pods {
        let namespace = if options.with_namespace { format!("{}\t", pod.namespace()) } else { String::new() };
        let mut row = |name: &str, usage: Usage| {
            let (cpu, memory) = (usage.cpu_millicores, usage.mebibytes());
            out.push_str(&format!("{namespace}{name}\t{cpu}m\t{memory}Mi\t\n"));
        };
        if options.containers {
            for container in pod.items(&["containers"]) {
                row(&format!("{}\t{}", pod.name(), container.text(&["name"])), Usage::of(container));
            }
        } else {
            row(pod.name(), usage);
        }
    }
    Stops::TABLE.align(&out)
}

/// The NodeMetrics of nodes, each with its Node, as `kubectl top nodes` writes them.
#[must_use]
pub fn top_nodes<'a>(metrics: impl IntoIterator<Item = (&'a Value, &'a Value)>, options: TopOptions) -> String {
    let mut rows: Vec<(&Value, &Value, Usage)> =
        metrics.into_iter().map(|(metrics, node)| (metrics, node, Usage::of(metrics))).collect();
    rows.sort_by_key(|(metrics, _, _)| metrics.name());
    if let Some(resource) = options.sort_by {
        rows.sort_by_key(|(_, _, usage)| Reverse(usage.of_resource(resource)));
    }
    let mut out = String::new();
    if !options.no_headers {
        out.push_str("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t\n");
    }
    for (metrics, node, usage) in rows {
        let allocatable = |key| Quantity::parse(node.text(&["status", "allocatable", key])).unwrap_or_default();
        let cpu = percent(usage.cpu_millicores, allocatable("cpu").milli_value());
        let memory = percent(usage.memory_bytes, allocatable("memory").value());
        let (cores, mebibytes) = (usage.cpu_millicores, usage.mebibytes());
        out.push_str(&format!("{}\t{cores}m\t{cpu}\t{mebibytes}Mi\t{memory}\t\n", metrics.name()));
    }
    Stops::TABLE.align(&out)
}

fn percent(used: i64, available: i64) -> String {
    match i128::from(used).saturating_mul(100).checked_div(i128::from(available)) {
        Some(percent) => format!("{percent}%"),
        None => "<unknown>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, cpu: &str, memory: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "default"},
               "containers": [{"name": "web", "usage": {"cpu": cpu, "memory": memory}}]})
    }

    #[test]
    fn pods_go_by_name_or_by_what_they_use() {
        let pods = [pod("b", "150m", "20Mi"), pod("a", "0.05", "30Mi")];
        let by_name = top_pods(&pods, TopOptions::default());
        let header = "NAME   CPU(cores)   MEMORY(bytes)   \n";
        assert_eq!(
            by_name,
            format!("{header}a      50m          30Mi            \nb      150m         20Mi            \n")
        );
        let by_cpu = TopOptions { no_headers: true, sort_by: Some(Resource::Cpu), ..Default::default() };
        assert!(top_pods(&pods, by_cpu).starts_with("b     150m"));
    }

    #[test]
    fn containers_get_a_row_each() {
        let options = TopOptions { containers: true, with_namespace: true, ..Default::default() };
        let text = top_pods([&pod("a", "1", "1Gi")], options);
        assert!(text.ends_with("default     a     web    1000m        1024Mi          \n"), "{text}");
    }

    #[test]
    fn nodes_show_their_share() {
        let metrics = json!({"metadata": {"name": "n"}, "usage": {"cpu": "500m", "memory": "1Gi"}});
        let node = json!({"status": {"allocatable": {"cpu": "4", "memory": "4Gi"}}});
        let text = top_nodes([(&metrics, &node)], TopOptions::default());
        assert!(text.ends_with("\nn      500m         12%      1024Mi          25%         \n"), "{text}");
    }
}
