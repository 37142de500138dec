//! Endpoints, as the API server shows them.

use crate::endpoint_slice::render_port;
use crate::record::Record;
use crate::{Edge, metadata};
use serde_json::Value;
use wavetank_model::{Endpoint, EndpointPort, ObjectMeta};

/// Addresses of Endpoints with the same ports: those that get traffic, those that do not, the ports.
pub type Subset<'a> = (&'a [Endpoint], &'a [Endpoint], &'a [EndpointPort]);

/// An Endpoints object as the API server shows it.
#[must_use]
pub fn render_endpoints<'a>(meta: &ObjectMeta, subsets: impl IntoIterator<Item = Subset<'a>>, edge: &Edge) -> Value {
    let subsets = subsets.into_iter().map(|(ready, not_ready, ports)| {
        let addresses = |list: &[Endpoint]| list.iter().map(|one| address(one, &meta.namespace, edge)).collect();
        Record::new()
            .list("addresses", addresses(ready))
            .list("notReadyAddresses", addresses(not_ready))
            .list("ports", ports.iter().map(render_port).collect())
            .finish()
    });
    Record::new()
        .always("apiVersion", "v1")
        .always("kind", "Endpoints")
        .always("metadata", metadata::render(meta, edge))
        .list("subsets", subsets.collect())
        .finish()
}

fn address(endpoint: &Endpoint, namespace: &str, edge: &Edge) -> Value {
    Record::new()
        .optional("hostname", endpoint.hostname.as_deref())
        .always("ip", endpoint.address.to_string())
        .optional("nodeName", endpoint.node.as_deref())
        .optional("targetRef", crate::endpoint_slice::target(endpoint, namespace, edge))
        .finish()
}
