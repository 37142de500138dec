//! Objects by kind, namespace and selectors, rendered because somebody looks.

use crate::cluster::Cluster;
use crate::error::Error;
use serde_json::Value;
use wavetank_manifest::Kind;
use wavetank_model::{FieldSelector, Pod, PodKey, Reason, Refusal, Selector, SetKind};

/// Which objects of a kind are wanted.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// In this namespace; `None`: in all.
    pub namespace: Option<String>,
    /// With such labels.
    pub labels: Option<Selector>,
    /// With such fields.
    pub fields: Option<FieldSelector>,
}

/// Fields that a kind can be selected by, name and namespace apart.
const fn selectable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pod => &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
            "status.podIPs",
        ],
        Kind::Event => &[
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::ReplicaSet | Kind::ReplicationController => &["status.replicas"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Job => &["status.successful"],
        Kind::Deployment
        | Kind::ConfigMap
        | Kind::Endpoints
        | Kind::EndpointSlice
        | Kind::HorizontalPodAutoscaler
        | Kind::Ingress
        | Kind::PodDisruptionBudget
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::CronJob => &[],
    }
}

/// The value of a field as the server compares it: numbers and truth values by their texts.
fn field_text(object: &Value, field: &str) -> String {
    let value = match field {
        "source" => &object["source"]["component"],
        "status.podIPs" => &object["status"]["podIPs"][0]["ip"],
        _ => field.split('.').fold(object, |value, key| &value[key]),
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Null if matches!(field, "spec.hostNetwork" | "spec.unschedulable") => "false".to_owned(),
        Value::Null if field.starts_with("status.replicas") => "0".to_owned(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

impl Cluster {
    /// Objects of a kind as the API server lists them: by namespace, then by name.
    ///
    /// # Errors
    /// `BadRequest` if the kind cannot be selected by one of the fields.
    pub fn list(&self, kind: Kind, options: &ListOptions) -> Result<Vec<Value>, Error> {
        if let Some(fields) = &options.fields {
            self.check_fields(kind, fields)?;
        }
        let mut found = Vec::new();
        let namespace = options.namespace.as_deref();
        let candidates = if kind == Kind::Event {
            self.recorded_events()
        } else if kind == Kind::Pod {
            self.pods_json(namespace)
        } else {
            self.names(kind, namespace).iter().filter_map(|name| self.json(kind, name).ok()).collect()
        };
        for object in candidates {
            let in_namespace = options.namespace.as_ref().is_none_or(|wanted| {
                !kind.is_namespaced() || object["metadata"]["namespace"].as_str() == Some(wanted.as_str())
            });
            let labelled = options.labels.as_ref().is_none_or(|selector| {
                let labels = object["metadata"]["labels"].as_object();
                let labels = labels.into_iter().flatten().filter_map(|(key, value)| Some((&**key, value.as_str()?)));
                selector.matches(&labels.collect())
            });
            if in_namespace && labelled && has_fields(&object, options.fields.as_ref()) {
                found.push(object);
            }
        }
        Ok(found)
    }

    /// By key: looking pods up by name would cost a search for each.
    fn pods_json(&self, namespace: Option<&str>) -> Vec<Value> {
        let pods = self.store.pods().filter_map(|key| Some((key, self.store.render_pod(key)?)));
        let mut pods: Vec<(PodKey, Pod)> =
            pods.filter(|(_, pod)| namespace.is_none_or(|wanted| *pod.meta.namespace == *wanted)).collect();
        pods.sort_by_cached_key(|(_, pod)| (pod.meta.namespace.clone(), pod.meta.name.clone()));
        pods.iter().map(|(key, pod)| self.pod_json(*key, pod)).collect()
    }

    fn check_fields(&self, kind: Kind, fields: &FieldSelector) -> Result<(), Refusal> {
        let always = ["metadata.name", "metadata.namespace"];
        for term in fields.terms() {
            let field = &*term.field;
            if always.contains(&field) || selectable(kind).contains(&field) {
                continue;
            }
            let message = if selectable(kind).is_empty() {
                format!("\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
            } else {
                format!("field label not supported: {field}")
            };
            return Err(Refusal::new(Reason::BadRequest, message));
        }
        Ok(())
    }

    /// Full names of the stored objects of a kind, by namespace and name. Events have none here.
    #[must_use]
    pub fn names(&self, kind: Kind, namespace: Option<&str>) -> Vec<String> {
        let full = |space: &str, name: &str| {
            let wanted = namespace.is_none_or(|wanted| wanted == space || space.is_empty());
            wanted.then(|| if space.is_empty() { name.to_owned() } else { format!("{space}/{name}") })
        };
        let sets = |kind: SetKind| {
            self.store.sets(kind).filter_map(|(_, set)| full(&set.meta.namespace, &set.meta.name)).collect()
        };
        match kind {
            Kind::Deployment => {
                let all = self.store.deployments();
                all.filter_map(|(_, object)| full(&object.meta.namespace, &object.meta.name)).collect()
            }
            Kind::ReplicaSet => sets(SetKind::ReplicaSet),
            Kind::ReplicationController => sets(SetKind::ReplicationController),
            Kind::Pod => {
                let mut names: Vec<String> = self
                    .store
                    .pods()
                    .filter_map(|key| {
                        let pod = self.store.pod(key)?;
                        full(&self.store.cohort(pod.cohort()).identity.namespace, &self.store.pod_name(&pod))
                    })
                    .collect();
                names.sort_unstable();
                names
            }
            Kind::Event => Vec::new(),
            Kind::Endpoints => self.endpoints_names().iter().filter_map(|(space, name)| full(space, name)).collect(),
            Kind::Service
            | Kind::ConfigMap
            | Kind::Namespace
            | Kind::Node
            | Kind::EndpointSlice
            | Kind::HorizontalPodAutoscaler
            | Kind::Ingress
            | Kind::PodDisruptionBudget
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob => {
                let all = self.store.documents(kind);
                all.filter_map(|(_, object)| full(&object.meta.namespace, &object.meta.name)).collect()
            }
        }
    }
}

fn has_fields(object: &Value, fields: Option<&FieldSelector>) -> bool {
    fields.is_none_or(|fields| {
        fields.terms().iter().all(|term| (field_text(object, &term.field) == *term.value) == term.equal)
    })
}
