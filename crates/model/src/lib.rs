//! Kubernetes objects in proven, compact form, and the border of the reconcile functions.
//!
//! - [`identity`]: uids and arena keys; [`kind`]: the kinds of objects.
//! - [`meta`]: object metadata, shared string maps, owner references; [`notes`]: annotations that are numbers.
//! - [`shared`]: what versions of one object have in common.
//! - [`managed`]: who owns which fields of an object.
//! - [`quantity`], [`selector`], [`int_or_string`], [`duration`]: the small values of the API.
//! - [`label`], [`strconv`], [`go_text`]: what may be a label, and how upstream reads, quotes and prints.
//! - [`template`]: pod templates, shared, with their two identities.
//! - [`container`], [`qos`]: the containers of a template, as the simulation obeys them, and their class.
//! - [`condition`], [`deployment`], [`replica_set`], [`pod`]: the objects that are simulated in number.
//! - [`disruption`]: budgets of evictions.
//! - [`document`]: objects of all other kinds.
//! - [`horizontal`]: autoscalers and the scale of their targets.
//! - [`refusal`]: why the API server said no.
//! - [`pass`]: one pass of a controller: replies in, [`Plan`] out, [`drive`] between them.
//! - [`event`]: what controllers record.

pub mod condition;
pub mod container;
pub mod deployment;
pub mod disruption;
pub mod document;
pub mod duration;
pub mod endpoint_slice;
pub mod event;
pub mod go_text;
pub mod horizontal;
pub mod identity;
pub mod ingress;
pub mod int_or_string;
pub mod kind;
pub mod label;
pub mod managed;
pub mod meta;
pub mod notes;
pub mod pass;
pub mod pod;
pub mod qos;
pub mod quantity;
pub mod refusal;
pub mod replica_set;
pub mod selector;
pub mod service;
pub mod shared;
pub mod strconv;
pub mod template;

pub use condition::{ConditionStatus, Conditions, DeploymentCondition, PodCondition, ReplicaSetCondition};
pub use container::{Container, Protocol};
pub use deployment::{Deployment, DeploymentSpec, DeploymentStatus, RollingUpdate, Strategy};
pub use document::{Document, DocumentKey, DocumentStatus, Meaning};
pub use endpoint_slice::{Endpoint, EndpointConditions, EndpointHints, EndpointPod, EndpointPort, EndpointSlice};
pub use event::{EventKind, EventRecord, Text};
pub use horizontal::{HorizontalPodAutoscaler, Scale};
pub use identity::{DeploymentKey, NodeKey, PodKey, ReplicaSetKey, Uid};
pub use ingress::{Canary, Ingress, IngressBackend, IngressPath, IngressRule, PathType};
pub use int_or_string::IntOrString;
pub use kind::{Kind, Storage};
pub use managed::{ManagedFields, ManagedFieldsEntry, ManagedOperation};
pub use meta::{ObjectMeta, OwnerReference, StringMap};
pub use pass::{Base, LookAgain, Pass, PassError, PassInPlace, Plan, Reply, drive};
pub use pod::{Phase, Pod, PodFacts, PodStatus};
pub use qos::QosClass;
pub use quantity::Quantity;
pub use refusal::{Cause, Reason, Refusal};
pub use replica_set::{ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, SetEdit, SetKind};
pub use selector::{FieldSelector, LabelSelector, Selector};
pub use service::{AddressFamily, Service, ServicePort, ServiceSpec, ServiceType, TrafficDistribution, TrafficPolicy};
pub use shared::Version;
pub use template::{PodTemplate, TemplateFacts};
