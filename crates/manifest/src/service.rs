//! Services, from JSON and back.

use crate::fields::Fields;
use crate::record::{Record, string_map};
use crate::{Edge, Error, metadata};
use core::net::IpAddr;
use core::time::Duration;
use serde_json::{Value, json};
use std::sync::Arc;
use wavetank_model::{
    AddressFamily, IntOrString, Protocol, Service, ServicePort, ServiceSpec, ServiceType, TrafficPolicy,
};

/// How long a client stays with a pod unless the Service says otherwise: three hours.
const DEFAULT_AFFINITY_SECONDS: u32 = 10_800;

/// Reads a Service.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type, or a value that means nothing.
pub fn decode_service(value: &Value, edge: &mut Edge) -> Result<Service, Error> {
    let object = Fields::of(Some(value), "Service")?;
    let meta = metadata::decode(object, edge)?;
    Ok(Service { meta, spec: service_spec(object.object("spec", "spec")?)? })
}

/// Reads the spec of a Service, which is all of its body.
///
/// # Errors
/// As [`decode_service`].
pub fn decode_service_spec(spec: &Value) -> Result<ServiceSpec, Error> {
    service_spec(Fields::of(Some(spec), "spec")?)
}

fn service_spec(spec: Fields<'_>) -> Result<ServiceSpec, Error> {
    let words = spec.texts("clusterIPs")?;
    let first = spec.text("clusterIP")?;
    let words: Vec<&str> = if words.is_empty() { vec![first] } else { words.iter().map(AsRef::as_ref).collect() };
    let headless = words.first() == Some(&"None");
    let cluster_ips = words
        .into_iter()
        .filter(|word| !word.is_empty() && *word != "None")
        .map(|word| word.parse::<IpAddr>().map_err(|_| Error::mistyped("spec.clusterIPs", "IP addresses")))
        .collect::<Result<_, _>>()?;
    let families = spec
        .texts("ipFamilies")?
        .iter()
        .map(|word| family(word).ok_or_else(|| Error::mistyped("spec.ipFamilies", "IPv4 or IPv6")))
        .collect::<Result<_, _>>()?;
    let ports = spec.list("ports")?.iter().map(service_port).collect::<Result<_, _>>()?;
    let selector = spec.value("selector").is_some().then(|| spec.string_map("selector")).transpose()?;
    Ok(ServiceSpec {
        kind: ServiceType::of(spec.text("type")?).ok_or_else(|| Error::mistyped("spec.type", "a type of Services"))?,
        cluster_ips,
        headless,
        families,
        ports,
        selector,
        publish_not_ready_addresses: spec.boolean("publishNotReadyAddresses")?.unwrap_or_default(),
        session_affinity: affinity(spec)?,
        internal_traffic_policy: policy(spec, "internalTrafficPolicy")?,
        external_traffic_policy: policy(spec, "externalTrafficPolicy")?,
        external_name: spec.optional_text("externalName")?.filter(|name| !name.is_empty()).map(Arc::from),
        traffic_distribution: spec.optional_text("trafficDistribution")?.map(Arc::from),
    })
}

fn family(word: &str) -> Option<AddressFamily> {
    [AddressFamily::Ipv4, AddressFamily::Ipv6].into_iter().find(|family| family.as_str() == word)
}

fn policy(spec: Fields<'_>, key: &str) -> Result<TrafficPolicy, Error> {
    match spec.text(key)? {
        "" | "Cluster" => Ok(TrafficPolicy::Cluster),
        "Local" => Ok(TrafficPolicy::Local),
        _ => Err(Error::mistyped(format!("spec.{key}"), "Cluster or Local")),
    }
}

fn affinity(spec: Fields<'_>) -> Result<Option<Duration>, Error> {
    match spec.text("sessionAffinity")? {
        "" | "None" => Ok(None),
        "ClientIP" => {
            let config = spec.object("sessionAffinityConfig", "spec.sessionAffinityConfig")?;
            let config = config.object("clientIP", "spec.sessionAffinityConfig.clientIP")?;
            let given = config.int32("timeoutSeconds")?.and_then(|seconds| u32::try_from(seconds).ok());
            Ok(Some(Duration::from_secs(given.unwrap_or(DEFAULT_AFFINITY_SECONDS).into())))
        }
        _ => Err(Error::mistyped("spec.sessionAffinity", "None or ClientIP")),
    }
}

fn service_port(value: &Value) -> Result<ServicePort, Error> {
    const PATH: &str = "spec.ports";
    let fields = Fields::of(Some(value), PATH)?;
    let port = port_number(fields, "port", PATH)?.ok_or_else(|| Error::mistyped("spec.ports.port", "a port number"))?;
    let target = match fields.int_or_string("targetPort")? {
        // Neither a zero nor an empty name is a port: the server means its own port by both.
        None | Some(IntOrString::Int(0)) => IntOrString::Int(port.into()),
        Some(IntOrString::String(name)) if name.is_empty() => IntOrString::Int(port.into()),
        Some(target) => target,
    };
    Ok(ServicePort {
        name: fields.shared("name")?,
        protocol: protocol(fields, PATH)?,
        port,
        target_port: target,
        node_port: port_number(fields, "nodePort", PATH)?,
        app_protocol: fields.optional_text("appProtocol")?.map(Arc::from),
    })
}

/// The protocol of a port.
pub(crate) fn protocol(fields: Fields<'_>, path: &str) -> Result<Protocol, Error> {
    Protocol::of(fields.text("protocol")?)
        .ok_or_else(|| Error::mistyped(format!("{path}.protocol"), "TCP, UDP or SCTP"))
}

/// A port number; zero means none.
pub(crate) fn port_number(fields: Fields<'_>, key: &str, path: &str) -> Result<Option<u16>, Error> {
    let number = fields.count(key)?;
    let number = u16::try_from(number).map_err(|_| Error::mistyped(format!("{path}.{key}"), "a port number"))?;
    Ok(Some(number).filter(|number| *number != 0))
}

/// A Service as the API server shows it.
#[must_use]
pub fn render_service(service: &Service, edge: &Edge) -> Value {
    Record::new()
        .always("apiVersion", "v1")
        .always("kind", "Service")
        .always("metadata", metadata::render(&service.meta, edge))
        .always("spec", render_spec(&service.spec))
        .always("status", json!({"loadBalancer": {}}))
        .finish()
}

fn render_spec(spec: &ServiceSpec) -> Value {
    let external = spec.kind == ServiceType::ExternalName;
    let addresses: Vec<Value> = if spec.headless {
        vec!["None".into()]
    } else {
        spec.cluster_ips.iter().map(|address| address.to_string().into()).collect()
    };
    let seconds = spec.session_affinity.map(|span| span.as_secs());
    let node_ports = matches!(spec.kind, ServiceType::NodePort | ServiceType::LoadBalancer);
    Record::new()
        .optional("clusterIP", addresses.first().cloned())
        .list("clusterIPs", addresses)
        .optional("externalName", spec.external_name.as_deref())
        .optional("externalTrafficPolicy", node_ports.then(|| spec.external_traffic_policy.as_str()))
        .optional("internalTrafficPolicy", (!external).then(|| spec.internal_traffic_policy.as_str()))
        .list("ipFamilies", spec.families.iter().map(|family| family.as_str().into()).collect())
        .optional(
            "ipFamilyPolicy",
            match spec.families.len() {
                0 => None,
                1 => Some("SingleStack"),
                _ => Some("PreferDualStack"),
            },
        )
        .list("ports", spec.ports.iter().map(render_port).collect())
        .boolean("publishNotReadyAddresses", spec.publish_not_ready_addresses)
        .optional("selector", spec.selector.as_ref().map(string_map))
        .always("sessionAffinity", if seconds.is_some() { "ClientIP" } else { "None" })
        .optional("sessionAffinityConfig", seconds.map(|seconds| json!({"clientIP": {"timeoutSeconds": seconds}})))
        .optional("trafficDistribution", spec.traffic_distribution.as_deref())
        .always("type", spec.kind.as_str())
        .finish()
}

fn render_port(port: &ServicePort) -> Value {
    Record::new()
        .text("name", &port.name)
        .always("protocol", port.protocol.as_str())
        .optional("appProtocol", port.app_protocol.as_deref())
        .always("port", port.port)
        .always(
            "targetPort",
            match &port.target_port {
                IntOrString::Int(number) => Value::from(*number),
                IntOrString::String(name) => Value::from(&**name),
            },
        )
        .optional("nodePort", port.node_port)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec_of(spec: &Value) -> Result<ServiceSpec, Error> {
        decode_service_spec(spec)
    }

    #[test]
    fn what_is_rendered_is_read_again_as_it_was() {
        let value = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
            "spec": {
                "type": "NodePort", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"],
                "selector": {"app": "web"}, "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
                "externalTrafficPolicy": "Local",
                "ports": [{"name": "http", "port": 80, "targetPort": "web", "nodePort": 30002, "protocol": "TCP"}],
            },
        });
        let mut edge = Edge::default();
        let service = decode_service(&value, &mut edge).unwrap();
        assert_eq!(service.spec.session_affinity, Some(Duration::from_secs(60)));
        assert_eq!(service.spec.external_traffic_policy, TrafficPolicy::Local);
        let again = decode_service(&render_service(&service, &edge), &mut edge).unwrap();
        assert_eq!(again, service);
    }

    #[test]
    fn a_port_without_a_target_means_itself() {
        let spec = spec_of(&json!({"ports": [{"port": 80}, {"port": 81, "targetPort": 0}]})).unwrap();
        let targets: Vec<_> = spec.ports.iter().map(|port| port.target_port.clone()).collect();
        assert_eq!(targets, [IntOrString::Int(80), IntOrString::Int(81)]);
    }

    #[test]
    fn impossible_ports_are_named() {
        for port in [json!(0), json!(-1), json!(65_536), json!("http"), json!(1.5)] {
            let error = spec_of(&json!({"ports": [{"port": port}]})).expect_err("it is no port").to_string();
            assert!(error.contains("spec.ports.port"), "{error}");
        }
    }

    #[test]
    fn a_headless_service_has_no_address() {
        let spec = spec_of(&json!({"clusterIP": "None", "selector": {}})).unwrap();
        assert!(spec.headless && spec.cluster_ips.is_empty());
        assert!(spec.selector.is_some(), "an empty selector is there all the same");
    }
}
