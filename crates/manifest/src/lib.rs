//! The edge: YAML and JSON to the model and back.
//!
//! A manifest comes in by [`parse_yaml`] and [`decode`], which does what the API server does: it
//! decodes strictly, fills in, and checks. Recorded objects come in by [`literal`], which takes them
//! as they stand. Objects go out by [`mod@render`]. All that depends on the fields of the API types
//! (decoding, the template hash, the meaning of templates, strategic merge) follows one table that is
//! generated from the Go types.
//!
//! - [`admission`]: objects taken in as the API server does; [`request`]: what a request's path says.
//! - [`allocation`]: what the server gives to Services.
//! - [`document`]: objects of the kinds that are few.
//! - [`service`], [`endpoint_slice`], [`endpoints`], [`ingress`]: how pods are reached.
//! - [`edge`]: the calendar and the uids that both sides share.
//! - [`horizontal`]: autoscalers, in all versions of their API.
//! - [`ledger`]: which fields are obeyed, carried and refused.
//! - [`literal`]: objects read as they stand.
//! - [`object`]: objects of whichever kind.
//! - [`patch`]: the three kinds of patches, on JSON, and how `kubectl apply` makes them.
//! - [`managed`]: who owns which fields, and server-side apply.
//! - [`mod@render`]: objects as the API server shows them.
//! - [`service_account`]: the token that admission mounts in every pod.
//! - [`template`]: the maker of pod templates.
//! - [`versions`]: objects in other versions of the API.
//! - [`yaml`]: YAML to JSON.

pub mod admission;
pub mod allocation;
mod defaults;
mod disruption;
pub mod document;
pub mod edge;
pub mod endpoint_slice;
pub mod endpoints;
mod error;
mod facts;
mod fields;
mod go_print;
pub mod horizontal;
pub mod ingress;
pub mod ledger;
pub mod literal;
pub mod managed;
mod meaning;
mod metadata;
pub mod object;
pub mod patch;
mod record;
pub mod render;
pub mod request;
mod schema;
pub mod service;
pub mod service_account;
mod strict;
pub mod template;
mod validation;
pub mod versions;
mod warnings;
pub mod yaml;

pub use admission::{
    Admitted, Surroundings, admit, admit_into, admit_update, admit_update_into, decode_strictly, kind_of,
    validate_update,
};
pub use allocation::Allocated;
pub use disruption::{decode_disruption_budget, decode_disruption_status, render_disruption_status};
pub use document::{decode_document, render, render_document, render_document_status};
pub use edge::Edge;
pub use endpoint_slice::{decode_endpoint_slice, render_endpoint_slice};
pub use endpoints::render_endpoints;
pub use error::Error;
pub use horizontal::{decode_horizontal, render_horizontal};
pub use ingress::{decode_ingress, render_ingress};
pub use ledger::refuse_what_is_not_simulated;
pub use literal::{decode_deployment, decode_pod, decode_replica_set};
pub use object::{Object, decode, read_admitted};
pub use patch::{
    last_applied, last_applied_of, patch_json, patch_merge, patch_strategic, three_way_json_merge, three_way_strategic,
    with_last_applied,
};
pub use render::{render_deployment, render_pod, render_replica_set};
pub use request::addressed;
pub use service::{decode_service, decode_service_spec, render_service};
pub use service_account::mount_token;
pub use template::pod_template;
pub use versions::{Converted, convert_old};
pub use wavetank_model::Kind;
pub use yaml::{YamlError, parse_objects, parse_yaml};
