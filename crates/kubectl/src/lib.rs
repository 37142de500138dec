//! kubectl-shaped command lines on a simulated cluster: text in, text out.
//!
//! Nothing here reads a file, writes to a terminal or asks a clock: files come through [`Files`], what a
//! command says is an [`Output`], and commands that wait let virtual time pass.
//!
//! - [`mod@kubectl`]: [`kubectl()`], from a command line to what it says; [`watch`] for tables that go on.
//! - [`files`]: where `-f` looks.
//! - [`shell`]: a session: kubectl's commands, and some for time and forks.
//!
//! Behind that, in reading order: `flags` reads arguments, `run` is a command under way, `resource` and
//! `source` say what arguments and files speak of, `api` makes requests, `built_in` has what a
//! server makes for itself, `fault` words refusals, and
//! `command` holds the commands.

mod api;
mod built_in;
mod client;
mod command;
mod fault;
pub mod files;
mod flags;
pub mod kubectl;
mod output;
mod resource;
mod run;
pub mod shell;
mod sort;
mod source;
mod yaml_fault;

pub use files::Files;
pub use kubectl::{Output, Watch, kubectl, watch};
pub use shell::Shell;
