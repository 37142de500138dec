//! Examples; run one with `cargo run --release --example NAME`.
//!
//! - [`zero_loss`]: what `zero_loss_rollout` tells.

pub mod zero_loss;
