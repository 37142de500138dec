//! What happened, as entries, events, watches and one number.
//!
//! - [`log`]: the history and how much of it is kept.
//! - [`recorded_events`]: the history's events as the API server would show them.
//! - [`watch`]: changes as a watch shows them.
//! - `digest`: a change in canonical binary form, for the digest of the history.

pub(crate) mod digest;
pub mod log;
pub mod recorded_events;
pub mod watch;
