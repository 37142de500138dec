//! EndpointSlices, from JSON and back.

use crate::fields::Fields;
use crate::record::Record;
use crate::service::{port_number, protocol};
use crate::{Edge, Error, metadata};
use core::net::IpAddr;
use serde_json::Value;
use std::sync::Arc;
use wavetank_model::{AddressFamily, Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice};

/// Reads an EndpointSlice. Which pod's record an endpoint speaks of is left open: only the store knows.
///
/// # Errors
/// If a field that the simulation obeys holds JSON of another type, or a value that means nothing.
pub fn decode_endpoint_slice(value: &Value, edge: &mut Edge) -> Result<EndpointSlice, Error> {
    let object = Fields::of(Some(value), "EndpointSlice")?;
    let meta = metadata::decode(object, edge)?;
    let family = match object.text("addressType")? {
        "IPv6" => AddressFamily::Ipv6,
        "" | "IPv4" => AddressFamily::Ipv4,
        _ => return Err(Error::mistyped("addressType", "IPv4 or IPv6")),
    };
    let ports = object.list("ports")?.iter().map(endpoint_port).collect::<Result<Vec<_>, _>>()?;
    let mut endpoints = Vec::new();
    for item in object.list("endpoints")? {
        endpoints.push(endpoint(item)?);
    }
    Ok(EndpointSlice { meta, family, ports: ports.into(), endpoints: Arc::new(endpoints) })
}

fn endpoint_port(value: &Value) -> Result<EndpointPort, Error> {
    const PATH: &str = "ports";
    let fields = Fields::of(Some(value), PATH)?;
    Ok(EndpointPort {
        name: fields.shared("name")?,
        protocol: protocol(fields, PATH)?,
        port: port_number(fields, "port", PATH)?.unwrap_or_default(),
        app_protocol: fields.optional_text("appProtocol")?.map(Arc::from),
    })
}

fn endpoint(value: &Value) -> Result<Endpoint, Error> {
    let fields = Fields::of(Some(value), "endpoints")?;
    let address = fields.texts("addresses")?.first().and_then(|text| text.parse::<IpAddr>().ok());
    let conditions = fields.object("conditions", "endpoints.conditions")?;
    let terminating = conditions.boolean("terminating")?.unwrap_or_default();
    // Whoever reads a slice takes an absent condition for a good one.
    let ready = conditions.boolean("ready")?.unwrap_or(true);
    let serving = conditions.boolean("serving")?.unwrap_or(ready);
    let target = fields.object("targetRef", "endpoints.targetRef")?;
    let pod = target.text("kind")? == "Pod";
    Ok(Endpoint {
        pod: None,
        pod_name: if pod { target.shared("name")? } else { "".into() },
        address: address.ok_or_else(|| Error::mistyped("endpoints.addresses", "IP addresses"))?,
        conditions: EndpointConditions { ready, serving, terminating },
        hostname: fields.optional_text("hostname")?.map(Arc::from),
        node: fields.optional_text("nodeName")?.map(Arc::from),
        zone: fields.optional_text("zone")?.map(Arc::from),
        hints: hints(&fields)?,
    })
}

fn hints(fields: &Fields<'_>) -> Result<Option<Arc<EndpointHints>>, Error> {
    const PATH: &str = "endpoints.hints";
    let fields = fields.object("hints", PATH)?;
    let names = |key: &str| -> Result<Vec<Arc<str>>, Error> {
        let named = fields.list(key)?.iter().map(|value| Fields::of(Some(value), PATH)?.shared("name"));
        named.collect()
    };
    let hints = EndpointHints { nodes: names("forNodes")?, zones: names("forZones")? };
    Ok((hints != EndpointHints::default()).then(|| Arc::new(hints)))
}

fn render_hints(hints: &EndpointHints) -> Value {
    let names = |names: &[Arc<str>]| -> Option<Value> {
        let named = |name: &Arc<str>| Record::new().always("name", &**name).finish();
        (!names.is_empty()).then(|| names.iter().map(named).collect())
    };
    Record::new().optional("forNodes", names(&hints.nodes)).optional("forZones", names(&hints.zones)).finish()
}

/// An EndpointSlice as the API server shows it.
#[must_use]
pub fn render_endpoint_slice(slice: &EndpointSlice, edge: &Edge) -> Value {
    let endpoints = slice.endpoints.iter().map(|endpoint| render_endpoint(endpoint, &slice.meta.namespace, edge));
    Record::new()
        .always("addressType", slice.family.as_str())
        .always("apiVersion", "discovery.k8s.io/v1")
        .always("endpoints", endpoints.collect::<Vec<_>>())
        .always("kind", "EndpointSlice")
        .always("metadata", metadata::render(&slice.meta, edge))
        .always("ports", slice.ports.iter().map(render_port).collect::<Vec<_>>())
        .finish()
}

fn render_endpoint(endpoint: &Endpoint, namespace: &str, edge: &Edge) -> Value {
    let target = target(endpoint, namespace, edge);
    let conditions = Record::new()
        .always("ready", endpoint.conditions.ready)
        .always("serving", endpoint.conditions.serving)
        .always("terminating", endpoint.conditions.terminating)
        .finish();
    Record::new()
        .always("addresses", vec![Value::from(endpoint.address.to_string())])
        .always("conditions", conditions)
        .optional("hints", endpoint.hints.as_deref().map(render_hints))
        .optional("hostname", endpoint.hostname.as_deref())
        .optional("nodeName", endpoint.node.as_deref())
        .optional("targetRef", target)
        .optional("zone", endpoint.zone.as_deref())
        .finish()
}

/// What an endpoint refers to.
pub(crate) fn target(endpoint: &Endpoint, namespace: &str, edge: &Edge) -> Option<Value> {
    (!endpoint.pod_name.is_empty()).then(|| {
        Record::new()
            .always("kind", "Pod")
            .always("name", &*endpoint.pod_name)
            .always("namespace", namespace)
            .optional("uid", endpoint.pod.map(|pod| edge.spell(pod.uid)))
            .finish()
    })
}

/// A port of endpoints.
pub(crate) fn render_port(port: &EndpointPort) -> Value {
    Record::new()
        .optional("appProtocol", port.app_protocol.as_deref())
        .always("name", &*port.name)
        .always("port", port.port)
        .always("protocol", port.protocol.as_str())
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_rendered_is_read_again_as_it_was() {
        let value = json!({
            "metadata": {"name": "web-abc", "namespace": "default"}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{
                "addresses": ["10.0.0.1"], "conditions": {"ready": false, "serving": true, "terminating": true},
                "nodeName": "node-1", "zone": "a", "hints": {"forNodes": [{"name": "node-1"}], "forZones": [{"name": "a"}]},
                "targetRef": {"kind": "Pod", "name": "web-1", "uid": "u1"},
            }],
        });
        let mut edge = Edge::default();
        let slice = decode_endpoint_slice(&value, &mut edge).unwrap();
        let rendered = render_endpoint_slice(&slice, &edge);
        assert_eq!(rendered.pointer("/endpoints/0/targetRef/name"), Some(&json!("web-1")));
        assert_eq!(decode_endpoint_slice(&rendered, &mut edge).unwrap(), slice);
    }

    #[test]
    fn an_endpoint_without_conditions_gets_traffic() {
        let value = json!({"endpoints": [{"addresses": ["10.0.0.1"]}]});
        let slice = decode_endpoint_slice(&value, &mut Edge::default()).unwrap();
        assert!(slice.endpoints[0].conditions.ready && slice.endpoints[0].conditions.serving);
        let none = json!({"endpoints": [{"addresses": ["nowhere"]}]});
        assert!(decode_endpoint_slice(&none, &mut Edge::default()).is_err());
    }
}
