//! Objects of the API in kubectl's words.
//!
//! Objects come in as JSON, the present as [`Now`], text goes out.
//!
//! - [`now`]: the present, from which ages count.
//! - [`mod@table`]: the tables of `get`.

mod field;
pub mod now;
mod tab_writer;
pub mod table;

pub use now::Now;
pub use table::{Table, TableOptions, TableWriter, table};
