//! The edge: YAML and JSON to the model and back.
//!
//! - [`edge`]: the calendar and the uids that both sides share.
//! - [`literal`]: objects read as they stand.
//! - [`render`]: objects as the API server shows them.
//! - [`template`]: the maker of pod templates.

pub mod edge;
mod error;
mod fields;
mod go_print;
mod go_quantity;
pub mod literal;
mod meaning;
mod metadata;
mod record;
pub mod render;
mod schema;
pub mod template;

pub use edge::Edge;
pub use error::Error;
pub use literal::{decode_deployment, decode_pod, decode_replica_set};
pub use render::{render_deployment, render_pod, render_replica_set};
pub use template::pod_template;
