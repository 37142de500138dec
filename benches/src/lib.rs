//! Scenarios that benches measure; each gives a digest, so that the meaning is not optimised away.
//!
//! - [`rollout`]: a Deployment is created and rolled to a new image.
//! - [`autoscaled`]: a day under an autoscaler.
//! - [`hold`]: an event queue in a steady state.
//! - [`timers`]: the same with timers that are taken back.
//! - [`gauge`]: what the process has used so far.

pub mod autoscaled;
pub mod gauge;
pub mod hold;
pub mod rollout;
pub mod timers;

pub use rollout::{Ready, Rollout, roll_out};
