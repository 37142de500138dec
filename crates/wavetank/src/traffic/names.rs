//! Names of Services and of their pods: what the cluster's DNS is told.
//!
//! A client that sends to a name looks it up as a pod of a namespace does, and believes the answer for as long as
//! its source says; see [`wavetank_network::dns`].

use crate::cluster::Cluster;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavetank_model::{Document, DocumentKey, EndpointSlice, Kind, Service, ServiceType};
use wavetank_network::dns::CLUSTER_DOMAIN;
use wavetank_network::{Record, Target};

impl Cluster {
    /// A host to send to, as a client in a namespace names it: `web`, `web.shop`, `web.shop.svc.cluster.local`,
    /// or the name of a pod under its Service. A name that is not there is no error here: the requests are lost.
    pub fn host_target(&mut self, host: &str, port: &str, namespace: &str) -> Target {
        if !self.traffic.uses_names {
            self.traffic.uses_names = true;
            let services: Vec<_> =
                self.store.documents(Kind::Service).map(|(key, document)| (key, Arc::clone(document))).collect();
            // What is there has long been known.
            self.network().set_dns_delay(Duration::ZERO);
            for (key, document) in services {
                self.names_see_service(key, None, Some(&document));
                let slices: Vec<EndpointSlice> = self.slices_of(&document);
                for slice in slices {
                    self.names_see_slice(key, None, Some(&slice));
                }
            }
            let delay = self.traffic.dns_delay.unwrap_or(self.profile.watch_delivery);
            self.network().set_dns_delay(delay);
        }
        Target::host(host, port, namespace)
    }

    fn slices_of(&self, service: &Document) -> Vec<EndpointSlice> {
        let slices = self.store.documents(Kind::EndpointSlice).filter_map(|(_, document)| document.endpoint_slice());
        let ours = |slice: &EndpointSlice| {
            slice.meta.namespace == service.meta.namespace && slice.service_name() == Some(&*service.meta.name)
        };
        slices.filter(ours).collect()
    }

    /// A Service changed, so that its name may stand for something else.
    pub(crate) fn names_see_service(&mut self, key: DocumentKey, old: Option<&Document>, new: Option<&Document>) {
        let Some(document) = new.or(old) else { return };
        let now = self.now;
        let record = new.map(|document| {
            let empty = || Service { meta: document.meta.clone(), spec: Default::default() };
            self.record_of(key, &document.service().unwrap_or_else(empty))
        });
        let name = format!("{}.{}.svc.{CLUSTER_DOMAIN}", document.meta.name, document.meta.namespace);
        self.network().set_record(now, &name.into(), record.flatten());
    }

    fn record_of(&mut self, key: DocumentKey, service: &Service) -> Option<Record> {
        if service.spec.kind == ServiceType::ExternalName {
            let name = service.spec.external_name.as_deref()?;
            return Some(Record::Alias(name.strip_suffix('.').unwrap_or(name).into()));
        }
        if service.spec.headless {
            let port = service.spec.ports.first().map_or_else(|| "".into(), |port| Arc::clone(&port.name));
            return Some(Record::Pods(self.follow_port(key, service, &port)));
        }
        let mut ports = BTreeMap::new();
        for port in &service.spec.ports {
            let id = self.follow_port(key, service, &port.name);
            ports.insert(Arc::from(port.port.to_string()), id);
            if !port.name.is_empty() {
                ports.insert(Arc::clone(&port.name), id);
            }
        }
        Some(Record::Service(ports))
    }

    /// Pods of a headless Service come and go with their names.
    pub(crate) fn names_see_slice(
        &mut self,
        service: DocumentKey,
        old: Option<&EndpointSlice>,
        new: Option<&EndpointSlice>,
    ) {
        let Some(of) = new.or(old).filter(|slice| slice.endpoints.iter().any(|own| own.hostname.is_some())) else {
            return;
        };
        let Some(name) = of.service_name() else { return };
        let Some(id) = self.traffic.ports.iter().find(|((of, _), _)| *of == service).map(|(_, id)| *id) else { return };
        let domain = format!("{name}.{}.svc.{CLUSTER_DOMAIN}", of.meta.namespace);
        let names = |slice: Option<&EndpointSlice>| -> BTreeMap<Arc<str>, Record> {
            let endpoints = slice.into_iter().flat_map(|slice| slice.endpoints.iter());
            endpoints
                .filter(|endpoint| endpoint.conditions.ready)
                .filter_map(|endpoint| {
                    let host = endpoint.hostname.as_ref()?;
                    Some((format!("{host}.{domain}").into(), Record::Pod(id, endpoint.pod?.uid)))
                })
                .collect()
        };
        let (before, after, now) = (names(old), names(new), self.now);
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.network().set_record(now, name, None);
        }
        for (name, record) in after.into_iter().filter(|(name, record)| before.get(name) != Some(record)) {
            self.network().set_record(now, &name, Some(record));
        }
    }
}
