//! The discrete-event engine: it knows time, order and chance, and nothing of Kubernetes.
//!
//! - [`Time`] and [`Calendar`]: the virtual clock is a value that is passed in.
pub mod time;

pub use time::{Calendar, Time};
