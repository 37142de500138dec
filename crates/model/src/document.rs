//! Objects of the kinds that no hot path stores.

use crate::disruption::DisruptionBudget;
use crate::horizontal::{HorizontalSpec, HorizontalStatus};
use crate::{EndpointSlice, Ingress, Kind, ObjectMeta, Service, ServiceSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

slotmap::new_key_type! {
    /// Arena key of a [`Document`]. Never used for order, digest or draws.
    pub struct DocumentKey;
}

/// An object that is kept as the API server would keep it: metadata, body and status.
///
/// There are few of these, and most of their fields are only carried. What the simulation obeys of
/// them is read once, when they are stored, into their [`Meaning`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Kind.
    pub kind: Kind,
    /// Metadata.
    pub meta: ObjectMeta,
    /// All fields but `apiVersion`, `kind`, `metadata` and `status`, decoded and filled in. A new status
    /// leaves it as it is, so versions share it.
    #[serde(with = "crate::template::shared_json_text")]
    pub body: Arc<Value>,
    /// The status.
    pub status: DocumentStatus,
    /// What the simulation obeys.
    pub meaning: Meaning,
}

/// The status of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DocumentStatus {
    /// As JSON; null if there is none.
    Json(#[serde(with = "crate::template::json_text")] Value),
    /// As the autoscalers' controller wrote it: it is rendered for whoever looks.
    Autoscaler(Arc<HorizontalStatus>),
}

impl DocumentStatus {
    /// No status.
    pub const NONE: Self = Self::Json(Value::Null);

    /// The status as it is kept; null if there is none, or none that is kept as JSON.
    #[must_use]
    pub const fn json(&self) -> &Value {
        match self {
            Self::Json(status) => status,
            Self::Autoscaler(_) => &Value::Null,
        }
    }
}

impl From<Value> for DocumentStatus {
    fn from(status: Value) -> Self {
        Self::Json(status)
    }
}

/// What the simulation obeys of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Meaning {
    /// Nothing: it is kept and shown.
    #[default]
    Carried,
    /// The spec of a Service.
    Service(Arc<ServiceSpec>),
    /// An EndpointSlice without its metadata. The body is null if the controller wrote it: it is rendered
    /// for whoever looks.
    EndpointSlice(Box<EndpointSlice>),
    /// An Ingress without its metadata.
    Ingress(Arc<Ingress>),
    /// The spec of a HorizontalPodAutoscaler.
    Autoscaler(Arc<HorizontalSpec>),
    /// What a PodDisruptionBudget asks for.
    DisruptionBudget(Arc<DisruptionBudget>),
}

impl Document {
    /// Namespace and name.
    #[must_use]
    pub fn named(&self) -> (Arc<str>, Arc<str>) {
        (Arc::clone(&self.meta.namespace), Arc::clone(&self.meta.name))
    }

    /// The Service that it is.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let Meaning::Service(spec) = &self.meaning else { return None };
        Some(Service { meta: self.meta.clone(), spec: ServiceSpec::clone(spec) })
    }

    /// The EndpointSlice that it is.
    #[must_use]
    pub fn endpoint_slice(&self) -> Option<EndpointSlice> {
        let Meaning::EndpointSlice(slice) = &self.meaning else { return None };
        Some(EndpointSlice { meta: self.meta.clone(), ..EndpointSlice::clone(slice) })
    }

    /// What it asks for as a PodDisruptionBudget.
    #[must_use]
    pub const fn disruption_budget(&self) -> Option<&Arc<DisruptionBudget>> {
        if let Meaning::DisruptionBudget(budget) = &self.meaning { Some(budget) } else { None }
    }

    /// The Ingress that it is.
    #[must_use]
    pub fn ingress(&self) -> Option<Ingress> {
        let Meaning::Ingress(ingress) = &self.meaning else { return None };
        Some(Ingress { meta: self.meta.clone(), ..Ingress::clone(ingress) })
    }
}
