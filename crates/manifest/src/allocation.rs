//! What the server gives to a Service: addresses, families, ports of the nodes.
//!
//! Sources: `pkg/registry/core/service/storage`, `ipallocator`, `portallocator`. A real server picks
//! at random from the upper band of a range; here the lowest free one of that band is taken, and of the
//! lower band once the upper is full. Which are taken is for the caller to know.

use crate::validation::{Faults, addresses_and_families, needs_health_check};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use wavetank_model::{Kind, Reason, Refusal};

/// The range of the addresses of Services: `10.96.0.0/12`, as kubeadm has it.
const NETWORK: u32 = 0x0a60_0000;
/// The length of its prefix.
const PREFIX: u32 = 12;
/// Addresses at its start that are picked last.
const LOWER_ADDRESSES: u32 = 256;
/// The ports of the nodes.
const FIRST_PORT: u16 = 30_000;
const LAST_PORT: u16 = 32_767;
/// Ports at their start that are picked last.
const LOWER_PORTS: u16 = 86;

/// What the Services of a cluster have been given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocated {
    addresses: BTreeSet<Ipv4Addr>,
    node_ports: BTreeSet<u16>,
}

impl Default for Allocated {
    /// Only the Service `kubernetes` is there, which has the first address.
    fn default() -> Self {
        Self { addresses: BTreeSet::from([Ipv4Addr::from_bits(NETWORK + 1)]), node_ports: BTreeSet::new() }
    }
}

/// Addresses and ports in a Service.
fn given(service: &Value) -> (Vec<Ipv4Addr>, Vec<u16>) {
    let spec = &service["spec"];
    let addresses = spec["clusterIPs"].as_array().into_iter().flatten().chain([&spec["clusterIP"]]);
    let addresses = addresses.filter_map(|text| text.as_str()?.parse().ok()).collect();
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| &port["nodePort"]);
    let ports = ports.chain([&spec["healthCheckNodePort"]]).filter_map(number).collect();
    (addresses, ports)
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number != 0)
}

impl Allocated {
    /// What these Services have been given, and the Service `kubernetes`.
    #[must_use]
    pub fn of<'a>(services: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut allocated = Self::default();
        for service in services {
            allocated.take(service);
        }
        allocated
    }

    /// Notes what a Service has.
    pub fn take(&mut self, service: &Value) {
        let (addresses, ports) = given(service);
        self.addresses.extend(addresses);
        self.node_ports.extend(ports);
    }

    /// Forgets what a Service had.
    pub fn release(&mut self, service: &Value) {
        let (addresses, ports) = given(service);
        for address in addresses {
            self.addresses.remove(&address);
        }
        for port in ports {
            self.node_ports.remove(&port);
        }
    }

    /// Takes an address that is asked for.
    fn take_address(&mut self, address: &str) -> Result<(), &'static str> {
        let outside = "the provided network does not match the current range";
        let Ok(IpAddr::V4(address)) = address.parse() else { return Err(outside) };
        let mask = u32::MAX << (32 - PREFIX);
        let bits = address.to_bits();
        // Neither the address of the network nor that of its broadcasts is given out.
        if bits & mask != NETWORK || bits == NETWORK || bits == NETWORK | !mask {
            return Err(outside);
        }
        if self.addresses.insert(address) { Ok(()) } else { Err("provided IP is already allocated") }
    }

    /// Picks an address that is free.
    fn next_address(&mut self) -> Option<Ipv4Addr> {
        let last = NETWORK | !(u32::MAX << (32 - PREFIX));
        let upper = (NETWORK + LOWER_ADDRESSES)..last;
        let lower = (NETWORK + 1)..(NETWORK + LOWER_ADDRESSES);
        let free = upper.chain(lower).map(Ipv4Addr::from_bits).find(|address| !self.addresses.contains(address))?;
        self.addresses.insert(free);
        Some(free)
    }

    /// Takes a port that is asked for.
    fn take_port(&mut self, port: i64) -> Result<(), String> {
        let port = u16::try_from(port).ok().filter(|port| (FIRST_PORT..=LAST_PORT).contains(port));
        match port {
            None => Err(format!(
                "provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
            )),
            Some(port) if self.node_ports.insert(port) => Ok(()),
            Some(_) => Err("provided port is already allocated".to_owned()),
        }
    }

    /// Picks a port that is free.
    fn next_port(&mut self) -> Option<u16> {
        let upper = (FIRST_PORT + LOWER_PORTS)..=LAST_PORT;
        let lower = FIRST_PORT..(FIRST_PORT + LOWER_PORTS);
        let free = upper.chain(lower).find(|port| !self.node_ports.contains(port))?;
        self.node_ports.insert(free);
        Some(free)
    }
}

fn texts(spec: &Map<String, Value>, key: &str) -> Vec<String> {
    let items = spec.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

fn text<'a>(spec: &'a Map<String, Value>, key: &str) -> &'a str {
    spec.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Gives a Service that has been filled in what it asks for and what it needs.
///
/// Of an update, `allocated` does not count what the Service itself had.
///
/// # Errors
/// `Invalid`, if it asks for what cannot be had; `InternalError`, if nothing is left.
pub fn allocate(service: &Value, allocated: &Allocated) -> Result<Value, Refusal> {
    let mut service = service.clone();
    let mut allocated = allocated.clone();
    let name = service.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::Object(spec)) = service.get_mut("spec") else { return Ok(service) };
    if !text(spec, "clusterIP").is_empty() && !spec.contains_key("clusterIPs") {
        spec.insert("clusterIPs".to_owned(), Value::from(vec![text(spec, "clusterIP")]));
    }
    if text(spec, "type") != "ExternalName" {
        let mut faults = Faults::default();
        addresses_and_families(&mut faults, &Value::Object(spec.clone()));
        if faults.is_empty() {
            families(&mut faults, spec);
        }
        faults.into_result(Kind::Service, &name)?;
        addresses(spec, &mut allocated, &name)?;
    }
    if ["NodePort", "LoadBalancer"].contains(&text(spec, "type")) {
        node_ports(spec, &mut allocated, &name)?;
    }
    if needs_health_check(&Value::Object(spec.clone())) {
        let asked = spec.get("healthCheckNodePort").and_then(Value::as_i64).filter(|port| *port != 0);
        match asked {
            Some(port) => allocated.take_port(port).map_err(|detail| {
                let message = format!("failed to allocate requested HealthCheck NodePort {port}: {detail}");
                Refusal::new(Reason::InternalError, format!("Internal error occurred: {message}"))
            })?,
            None => {
                let port = allocated.next_port().ok_or_else(|| full("failed to allocate a HealthCheck NodePort"))?;
                spec.insert("healthCheckNodePort".to_owned(), Value::from(port));
            }
        }
    }
    Ok(service)
}

fn full(what: &str) -> Refusal {
    Refusal::new(Reason::InternalError, format!("Internal error occurred: {what}: range is full"))
}

/// Settles the families of a Service in a cluster that has IPv4 only.
fn families(faults: &mut Faults, spec: &mut Map<String, Value>) {
    let mut families = texts(spec, "ipFamilies");
    let addresses = texts(spec, "clusterIPs");
    let unselective = spec.get("selector").and_then(Value::as_object).is_none_or(Map::is_empty);
    if addresses == ["None"] && unselective {
        // Nobody but the user knows which endpoints there will be.
        if text(spec, "ipFamilyPolicy").is_empty() {
            let policy = if families.len() == 1 { "SingleStack" } else { "RequireDualStack" };
            spec.insert("ipFamilyPolicy".to_owned(), Value::from(policy));
        }
        if families.is_empty() {
            families.push("IPv4".to_owned());
        }
        if text(spec, "ipFamilyPolicy") != "SingleStack" && families.len() == 1 {
            let other = if families[0] == "IPv4" { "IPv6" } else { "IPv4" };
            families.push(other.to_owned());
        }
        spec.insert("ipFamilies".to_owned(), Value::from(families));
        return;
    }
    if text(spec, "ipFamilyPolicy").is_empty() {
        let two = families.len() == 2 || addresses.len() == 2;
        spec.insert("ipFamilyPolicy".to_owned(), Value::from(if two { "RequireDualStack" } else { "SingleStack" }));
    }
    for (index, family) in families.iter().enumerate().filter(|(_, family)| *family != "IPv4") {
        faults.invalid_text(&format!("spec.ipFamilies[{index}]"), family, "not configured on this cluster");
    }
    let policy = text(spec, "ipFamilyPolicy");
    if policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        faults.invalid_text("spec.ipFamilyPolicy", policy, detail);
    }
    if policy == "SingleStack" {
        for (key, count) in [("ipFamilies", families.len()), ("clusterIPs", addresses.len())] {
            if count > 1 {
                let shown = spec.get(key).unwrap_or(&Value::Null).to_string();
                let detail = "may only hold one value when `ipFamilyPolicy` is SingleStack";
                faults.invalid(&format!("spec.{key}"), &shown, detail);
            }
        }
    }
    for (index, address) in addresses.iter().enumerate().skip(families.len()) {
        if address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
            let shown = Value::from(addresses.clone()).to_string();
            faults.invalid(&format!("spec.clusterIPs[{index}]"), &shown, "IPv6 is not configured on this cluster");
        }
    }
    if families.is_empty() {
        families.push("IPv4".to_owned());
    }
    spec.insert("ipFamilies".to_owned(), Value::from(families));
}

fn addresses(spec: &mut Map<String, Value>, allocated: &mut Allocated, name: &str) -> Result<(), Refusal> {
    let asked = texts(spec, "clusterIPs");
    match asked.as_slice() {
        [] => {
            let address = allocated.next_address().ok_or_else(|| full("failed to allocate a serviceIP"))?;
            spec.insert("clusterIP".to_owned(), Value::from(address.to_string()));
            spec.insert("clusterIPs".to_owned(), Value::from(vec![address.to_string()]));
            Ok(())
        }
        [none] if none == "None" => Ok(()),
        asked => {
            for address in asked {
                if let Err(detail) = allocated.take_address(address) {
                    let mut faults = Faults::default();
                    let detail = format!("failed to allocate IP {address}: {detail}");
                    faults.invalid("spec.clusterIPs", &Value::from(asked.to_vec()).to_string(), &detail);
                    return faults.into_result(Kind::Service, name);
                }
            }
            Ok(())
        }
    }
}

/// Ports of one number share a port of the node, whatever their protocols.
fn node_ports(spec: &mut Map<String, Value>, allocated: &mut Allocated, name: &str) -> Result<(), Refusal> {
    let wanted = spec.get("allocateLoadBalancerNodePorts").and_then(Value::as_bool) != Some(false)
        || text(spec, "type") == "NodePort";
    let Some(Value::Array(ports)) = spec.get_mut("ports") else { return Ok(()) };
    let numbers: Vec<(i64, i64)> = ports
        .iter()
        .map(|port| (port["port"].as_i64().unwrap_or_default(), port["nodePort"].as_i64().unwrap_or_default()))
        .collect();
    let mut known: Vec<(i64, i64)> = Vec::new();
    for (index, port) in ports.iter_mut().enumerate() {
        let (number, asked) = numbers.get(index).copied().unwrap_or_default();
        if asked == 0 && !wanted {
            continue;
        }
        let shared = known.iter().find(|(port, _)| *port == number).map(|(_, node_port)| *node_port);
        let asked_for_number = numbers
            .iter()
            .skip(index)
            .find(|(port, node_port)| *port == number && *node_port != 0)
            .map(|(_, port)| *port);
        let to_take = match shared {
            None => asked_for_number,
            Some(shared) if asked != 0 && asked != shared => Some(asked),
            Some(_) => None,
        };
        if let Some(taken) = to_take
            && let Err(detail) = allocated.take_port(taken)
        {
            let mut faults = Faults::default();
            faults.invalid(&format!("spec.ports[{index}].nodePort"), &taken.to_string(), &detail);
            return faults.into_result(Kind::Service, name);
        }
        let given = match (to_take, shared) {
            (Some(taken), _) => taken,
            (None, Some(shared)) => shared,
            (None, None) => {
                allocated.next_port().map(i64::from).ok_or_else(|| full("failed to allocate a nodePort"))?
            }
        };
        if shared.is_none() {
            known.push((number, given));
        }
        if let Value::Object(fields) = port {
            fields.insert("nodePort".to_owned(), Value::from(given));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(spec: &Value) -> Value {
        let mut service = json!({"metadata": {"name": "web"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}});
        for (key, value) in spec.as_object().unwrap() {
            service["spec"][key] = value.clone();
        }
        service
    }

    #[track_caller]
    fn refused(spec: &Value, allocated: &Allocated, detail: &str) {
        let refusal = allocate(&with(spec), allocated).unwrap_err();
        assert!(refusal.message.ends_with(detail), "{refusal}");
    }

    #[test]
    fn an_address_is_picked_and_never_given_twice() {
        let mut allocated = Allocated::default();
        let first = allocate(&with(&json!({})), &allocated).unwrap();
        assert_eq!(first["spec"]["clusterIP"], json!("10.96.1.0"));
        assert_eq!(first["spec"]["ipFamilies"], json!(["IPv4"]));
        allocated.take(&first);
        let second = allocate(&with(&json!({})), &allocated).unwrap();
        assert_eq!(second["spec"]["clusterIPs"], json!(["10.96.1.1"]));
        refused(&json!({"clusterIP": "10.96.1.0"}), &allocated, "provided IP is already allocated");
        allocated.release(&first);
        assert!(allocate(&with(&json!({"clusterIP": "10.96.1.0"})), &allocated).is_ok());
        refused(
            &json!({"clusterIP": "192.168.1.1"}),
            &allocated,
            "the provided network does not match the current range",
        );
    }

    #[test]
    fn ports_of_nodes_are_picked_shared_and_refused() {
        let allocated = Allocated::default();
        let dns = json!([{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}, {"port": 54}]);
        let given = allocate(&with(&json!({"type": "NodePort", "ports": dns})), &allocated).unwrap();
        let ports: Vec<i64> =
            given["spec"]["ports"].as_array().unwrap().iter().map(|port| port["nodePort"].as_i64().unwrap()).collect();
        assert_eq!(ports, [30_086, 30_086, 30_087]);
        let twice = json!([{"port": 1, "nodePort": 30_001}, {"port": 2, "nodePort": 30_001}]);
        refused(&json!({"type": "NodePort", "ports": twice}), &allocated, "provided port is already allocated");
        refused(
            &json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 80}]}),
            &allocated,
            "The range of valid ports is 30000-32767",
        );
    }

    #[test]
    fn a_headless_service_gets_no_address() {
        let given = allocate(&with(&json!({"clusterIP": "None"})), &Allocated::default()).unwrap();
        assert_eq!(given["spec"]["clusterIPs"], json!(["None"]));
        assert_eq!(given["spec"]["ipFamilyPolicy"], json!("RequireDualStack"));
    }
}
