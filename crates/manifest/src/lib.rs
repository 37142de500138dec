//! The edge: YAML and JSON to the model and back.
//!
//! A manifest comes in by [`parse_yaml`] and [`decode`], which does what the API server does: it
//! decodes strictly, fills in, and checks. Recorded objects come in by [`literal`], which takes them
//! as they stand. Objects go out by [`render`]. All that depends on the fields of the API types
//! (decoding, the template hash, the meaning of templates, strategic merge) follows one table that is
//! generated from the Go types.
//!
//! - [`document`]: objects of the kinds that are few.
//! - [`service`], [`endpoint_slice`], [`ingress`]: how pods are reached.
//! - [`edge`]: the calendar and the uids that both sides share.
//! - [`horizontal`]: autoscalers, in all versions of their API.
//! - [`literal`]: objects read as they stand.
//! - [`object`]: objects taken in as the API server does.
//! - [`patch`]: the three kinds of patches, on JSON.
//! - [`render`]: objects as the API server shows them.
//! - [`template`]: the maker of pod templates.
//! - [`yaml`]: YAML to JSON.

mod defaults;
mod disruption;
pub mod document;
pub mod edge;
pub mod endpoint_slice;
mod error;
mod facts;
mod fields;
mod go_print;
mod go_quantity;
pub mod horizontal;
pub mod ingress;
pub mod literal;
mod meaning;
mod metadata;
pub mod object;
pub mod patch;
mod record;
pub mod render;
mod schema;
pub mod service;
mod strict;
pub mod template;
mod validation;
pub mod yaml;

pub use disruption::{decode_disruption_budget, decode_disruption_status, render_disruption_status};
pub use document::{decode_document, render, render_document};
pub use edge::Edge;
pub use endpoint_slice::{decode_endpoint_slice, render_endpoint_slice};
pub use error::Error;
pub use horizontal::{decode_horizontal, render_horizontal};
pub use ingress::{decode_ingress, render_ingress};
pub use literal::{decode_deployment, decode_pod, decode_replica_set};
pub use object::{
    Object, addressed, admit, admit_update, decode, decode_strictly, kind_of, read_admitted, validate_update,
};
pub use patch::{patch_json, patch_merge, patch_strategic};
pub use render::{render_deployment, render_pod, render_replica_set};
pub use service::{decode_service, decode_service_spec, render_service};
pub use template::pod_template;
pub use wavetank_model::Kind;
pub use yaml::{YamlError, parse_yaml};
