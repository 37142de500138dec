//! Runs recorded answers of the real system against ours.
//!
//! - [`data`]: where recorded answers lie, plain or compressed.
//! - [`run`](mod@run): the runner, its options and its report.
//! - [`figures`]: how many cases pass, and how many must.
//! - [`mismatch`]: what a case expected and what came instead.
//! - [`suites`]: what each suite asks of which part of the simulator.
//! - [`sync`]: recorded passes of controllers, played with literal objects.
//! - [`trace`], [`projection`]: recorded runs of whole clusters, and what of them must match.
//! - [`replay`]: the scenarios of those runs, replayed.

pub mod data;
pub mod figures;
pub mod mismatch;
pub mod projection;
pub mod replay;
pub mod run;
pub mod suites;
pub mod sync;
pub mod trace;

pub use data::{Data, DataError};
pub use mismatch::Mismatch;
pub use run::{Options, RunError, run};
