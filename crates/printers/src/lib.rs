//! Objects of the API in kubectl's words.
//!
//! Objects come in as JSON, the present as [`Now`], text goes out.
//!
//! - [`now`]: the present, from which ages count.
//! - [`mod@table`]: the tables of `get`.
//! - [`output`]: `-o yaml`, `-o json`, `-o name`; [`yaml`] below it.
//! - [`jsonpath`]: `-o jsonpath`; on top of it [`custom_columns`] and [`mod@sort_by`].
//! - [`mod@describe`]: what `describe` says of each kind.
//! - [`rollout`]: the lines of `rollout status`, the tables of `rollout history`.
//! - [`mod@events`], [`top`]: the tables of the commands of these names.
//!
//! ```
//! use serde_json::json;
//! use wavetank_printers::{Now, TableOptions, Template, table};
//!
//! let pod = json!({
//!     "apiVersion": "v1", "kind": "Pod",
//!     "metadata": {"name": "web", "creationTimestamp": "2026-01-15T11:55:00Z"},
//!     "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]},
//!     "status": {"phase": "Pending"},
//! });
//! let now = Now::parse("2026-01-15T12:00:00Z").expect("a time");
//! assert_eq!(
//!     table("Pod", [&pod], false, now).render(&TableOptions::default()),
//!     "NAME   READY   STATUS    RESTARTS   AGE\n\
//!      web    0/1     Pending   0          5m\n",
//! );
//! assert_eq!(Template::parse("{.spec.containers[*].image}")?.render(&pod)?, "nginx:1.25");
//! # Ok::<(), wavetank_printers::jsonpath::JsonPathError>(())
//! ```

pub mod custom_columns;
pub mod describe;
mod event_text;
pub mod events;
mod field;
mod go_json;
pub mod jsonpath;
pub mod now;
pub mod output;
pub mod rollout;
pub mod sort_by;
mod sorting;
mod tab_writer;
pub mod table;
pub mod top;
pub mod yaml;

pub use custom_columns::CustomColumns;
pub use describe::{Related, describe};
pub use events::{EventOptions, events};
pub use jsonpath::Template;
pub use now::Now;
pub use sort_by::sort_by;
pub use table::{Table, TableOptions, TableWriter, table};
pub use top::{TopOptions, top_nodes, top_pods};
pub use yaml::to_yaml;
